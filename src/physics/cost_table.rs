//! Ground truth of every operator on every executor, computed once per run.

use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// What limits an operator on an executor when it runs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Bound {
    Compute,
    Memory,
    Overhead,
}

impl Bound {
    /// Lower-case name used in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Overhead => "overhead",
        }
    }
}

/// Cost of one operator on one executor, running alone at the clocks of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatorCost {
    /// Dispatch overhead; occupies the executor, moves no data.
    pub overhead: SimDuration,
    /// Execution time when nothing contends.
    pub alone: SimDuration,
    /// DRAM traffic of one execution, in bytes. It takes place evenly over the execution time.
    pub dram_bytes: f64,
    /// What limits it.
    pub bound: Bound,
}

/// Costs of all operators of one graph on all executors of one platform.
#[derive(Debug, Clone, PartialEq)]
pub struct CostTable {
    executors: usize,
    costs: Vec<Option<OperatorCost>>,
}

impl CostTable {
    /// Builds the table by calling `cost(operator, executor)`; `None` means unsupported.
    #[must_use]
    pub fn new(
        operators: usize,
        executors: usize,
        mut cost: impl FnMut(usize, ExecutorId) -> Option<OperatorCost>,
    ) -> Self {
        let mut costs = Vec::with_capacity(operators * executors);
        for operator in 0..operators {
            for executor in 0..executors {
                costs.push(cost(operator, ExecutorId(executor as u16)));
            }
        }
        Self { executors, costs }
    }

    /// Number of operators.
    #[must_use]
    pub fn operators(&self) -> usize {
        self.costs.len().checked_div(self.executors).unwrap_or(0)
    }

    /// Number of executors.
    #[must_use]
    pub const fn executors(&self) -> usize {
        self.executors
    }

    /// The cost of `operator` on `executor`; `None` when it cannot run there.
    #[must_use]
    pub fn get(&self, operator: u32, executor: ExecutorId) -> Option<&OperatorCost> {
        self.costs[operator as usize * self.executors + executor.0 as usize].as_ref()
    }
}
