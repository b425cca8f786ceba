//! The laboratory's table, and the oracle.

use super::{Predictor, State, Work};
use crate::physics::CostTable;
use crate::units::SimDuration;

/// What every operator of every stream takes on every executor in the laboratory: alone, at the reference clocks, without
/// run-to-run variation, as an error-free profile would say.
#[derive(Debug, Clone, PartialEq)]
pub struct OfflineTable {
    executors: usize,
    /// Where each stream begins.
    starts: Vec<usize>,
    times: Vec<Option<SimDuration>>,
}

impl OfflineTable {
    /// The table of streams with these costs, in order.
    #[must_use]
    pub fn new(costs: &[&CostTable]) -> Self {
        let executors = costs.first().map_or(0, |table| table.executors());
        let mut table = Self { executors, starts: Vec::new(), times: Vec::new() };
        for own in costs {
            table.starts.push(table.times.len());
            for operator in 0..own.operators() as u32 {
                for executor in 0..executors as u16 {
                    let cost = own.get(operator, crate::soc::ExecutorId(executor));
                    table.times.push(cost.map(|cost| cost.overhead + cost.alone));
                }
            }
        }
        table
    }

    /// Position of an entry, the same for every table of these streams.
    pub(super) fn index(&self, work: Work) -> Option<usize> {
        let start = self.starts.get(usize::from(work.stream))?;
        Some(start + work.operator as usize * self.executors + usize::from(work.executor.0))
    }

    /// Its time; `None` when it cannot run there.
    #[must_use]
    pub fn time(&self, work: Work) -> Option<SimDuration> {
        self.times.get(self.index(work)?).copied().flatten()
    }

    /// All entries.
    #[must_use]
    pub fn times(&self) -> &[Option<SimDuration>] {
        &self.times
    }

    /// Number of executors.
    #[must_use]
    pub const fn executors(&self) -> usize {
        self.executors
    }

    /// Mean time of the operators that an executor can run, in seconds; 1 when there is none.
    pub(super) fn mean_seconds(&self, executor: usize) -> f64 {
        let own = self.times.iter().skip(executor).step_by(self.executors.max(1));
        let (sum, count) = own.flatten().fold((0.0, 0u32), |(s, n), time| (s + time.seconds(), n + 1));
        if sum > 0.0 { sum / f64::from(count) } else { 1.0 }
    }
}

/// The offline table: what the laboratory measured, whatever happens afterwards. The negative control of every study of
/// run-time prediction.
#[derive(Debug, Clone)]
pub struct Offline(pub OfflineTable);

impl Predictor for Offline {
    fn id(&self) -> &'static str {
        "offline"
    }

    fn estimate(&self, work: Work, _state: &State) -> Option<SimDuration> {
        self.0.time(work)
    }

    fn boxed(&self) -> Box<dyn Predictor> {
        Box::new(self.clone())
    }
}

/// The oracle: what the operator would take if the present state lasted: the clocks as they are, cores shared evenly with the threads that want
/// them, memory with those that demand it. It does not know run-to-run variation, nor the future. Before the run it is the offline table.
#[derive(Debug, Clone)]
pub struct Oracle(pub OfflineTable);

impl Predictor for Oracle {
    fn id(&self) -> &'static str {
        "oracle"
    }

    fn estimate(&self, work: Work, _state: &State) -> Option<SimDuration> {
        self.0.time(work)
    }

    fn knows_truth(&self) -> bool {
        true
    }

    fn boxed(&self) -> Box<dyn Predictor> {
        Box::new(self.clone())
    }
}
