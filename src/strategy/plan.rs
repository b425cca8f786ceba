//! What a strategy decides before a run.

use crate::soc::ExecutorId;

/// How one stream's graph is cut and placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The units. Every operator of the graph belongs to exactly one.
    pub units: Vec<PlanUnit>,
    /// When placed units enter the queues of their executors.
    pub dispatch: Dispatch,
    /// When data begins to move.
    pub transfer_start: TransferStart,
}

/// Operators that are placed together and run one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanUnit {
    /// Operator numbers in execution order.
    pub operators: Vec<u32>,
    /// Where it runs; `None` is decided by [`super::Strategy::react`] when the unit becomes ready.
    pub executor: Option<ExecutorId>,
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
