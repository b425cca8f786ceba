//! What a strategy decides before a run.

use crate::soc::ExecutorId;

/// How one stream's graph is cut and placed.
///
/// ```
/// use hetsoc::strategy::{Dispatch, Plan, TransferStart};
/// let mut plan = Plan::new(Dispatch::AtReady, TransferStart::Assignment);
/// plan.push(&[0, 1], None);
/// plan.push(&[2], None);
/// assert_eq!(plan.units().map(|unit| unit.operators.len()).collect::<Vec<_>>(), [2, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When placed units enter the queues of their executors.
    pub dispatch: Dispatch,
    /// When data begins to move.
    pub transfer_start: TransferStart,
    /// Operators of all units, one unit after the other: one allocation, not one for each of 10^6 units.
    operators: Vec<u32>,
    ends: Vec<u32>,
    executors: Vec<Option<ExecutorId>>,
    queue_order: QueueOrder,
    /// One for each unit unless the order is [`QueueOrder::Fifo`].
    keys: Vec<i64>,
}

/// Operators that are placed together and run one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanUnit<'a> {
    /// Operator numbers in execution order.
    pub operators: &'a [u32],
    /// Where it runs; `None` is decided by [`super::Strategy::react`] when the unit becomes ready.
    pub executor: Option<ExecutorId>,
    /// Its key in the order of queues, in picoseconds: smaller first. 0 where the order needs none.
    pub key: i64,
}

impl Plan {
    /// A plan without units.
    #[must_use]
    pub const fn new(dispatch: Dispatch, transfer_start: TransferStart) -> Self {
        Self {
            dispatch,
            transfer_start,
            operators: Vec::new(),
            ends: Vec::new(),
            executors: Vec::new(),
            queue_order: QueueOrder::Fifo,
            keys: Vec::new(),
        }
    }

    /// The same plan with another order of queues; its units come after this.
    #[must_use]
    pub fn ordered(mut self, queue_order: QueueOrder) -> Self {
        self.queue_order = queue_order;
        self
    }

    /// In which order its units stand in the queues.
    #[must_use]
    pub const fn queue_order(&self) -> QueueOrder {
        self.queue_order
    }

    /// Appends a unit. Every operator of the graph must end up in exactly one.
    pub fn push(&mut self, operators: &[u32], executor: Option<ExecutorId>) {
        self.operators.extend_from_slice(operators);
        self.ends.push(self.operators.len() as u32);
        self.executors.push(executor);
        if self.queue_order != QueueOrder::Fifo {
            self.keys.resize(self.executors.len(), 0);
        }
    }

    /// Appends a unit with a key in picoseconds; where queues are first come, first served, the key is dropped.
    pub fn push_with_key(&mut self, operators: &[u32], executor: Option<ExecutorId>, key: i64) {
        self.push(operators, executor);
        if let Some(last) = self.keys.last_mut() {
            *last = key;
        }
    }

    /// Number of units.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no unit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Unit number `unit`.
    ///
    /// # Panics
    /// When there are not so many.
    #[must_use]
    pub fn unit(&self, unit: usize) -> PlanUnit<'_> {
        let start = if unit == 0 { 0 } else { self.ends[unit - 1] as usize };
        PlanUnit {
            operators: &self.operators[start..self.ends[unit] as usize],
            executor: self.executors[unit],
            key: self.keys.get(unit).copied().unwrap_or(0),
        }
    }

    /// All units, in order.
    pub fn units(&self) -> impl ExactSizeIterator<Item = PlanUnit<'_>> {
        (0..self.len()).map(|unit| self.unit(unit))
    }
}

/// In which order placed units stand in the queues of their executors. What has started is never interrupted, so a unit is
/// what cannot be preempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum QueueOrder {
    /// First come, first served.
    #[default]
    Fifo,
    /// Units with smaller keys first; a unit may overtake one that waits at the head.
    ByKey,
    /// The same, where the nominal arrival of the request is added to the key: deadlines.
    ByKeyFromArrival,
}

impl QueueOrder {
    /// Name used in files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::ByKey => "by-key",
            Self::ByKeyFromArrival => "by-key-from-arrival",
        }
    }
}

/// When placed units enter the queues of their executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dispatch {
    /// When the last predecessor has finished.
    AtReady,
    /// One unit of a request at a time, in the order of [`Plan::units`], each when the one before has finished: how
    /// an interpreter walks its list. Only for plans without online decisions.
    Sequential,
    /// All at once when the request is admitted, in the order of [`Plan::units`]; a unit at the head of its queue
    /// waits for its predecessors. Only for plans without online decisions.
    InOrder,
}

/// When the data of a unit begins to move to its executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferStart {
    /// When the unit is placed (not before its producers have finished).
    Assignment,
    /// When the producer finishes, as if the placement had been known by then. On a shared bus data cannot
    /// move before the unit is placed.
    ProducerFinish,
}

impl TransferStart {
    /// Name used in files and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Assignment => "assignment",
            Self::ProducerFinish => "producer-finish",
        }
    }
}
