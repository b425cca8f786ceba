//! Estimated execution times of operators.

use super::{Predictor, State, Work};
use crate::physics::CostTable;
use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// Estimated execution time, dispatch overhead included, of every operator on every executor.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimates {
    executors: usize,
    /// [`Estimates::UNSUPPORTED`] where the operator cannot run.
    times: Vec<SimDuration>,
    /// Bytes of main memory; empty: not known.
    traffic: Vec<f64>,
    predictor: &'static str,
    /// Pairs that are possible but withheld, because the executor's memory is for others.
    withheld: std::collections::BTreeSet<(u32, u16)>,
}

impl Estimates {
    /// Stands for "cannot run there".
    pub const UNSUPPORTED: SimDuration = SimDuration(u64::MAX);

    /// The laboratory's table: what an operator takes when it runs alone and nothing varies, as an error-free offline
    /// profile says; contention, waiting and run-to-run variation are still unknown to it.
    #[must_use]
    pub fn offline(costs: &CostTable) -> Self {
        let executors = costs.executors();
        let mut times = Vec::with_capacity(costs.operators() * executors);
        for operator in 0..costs.operators() as u32 {
            for executor in 0..executors as u16 {
                times.push(
                    costs
                        .get(operator, ExecutorId(executor))
                        .map_or(Self::UNSUPPORTED, |cost| cost.overhead + cost.alone),
                );
            }
        }
        Self { executors, times, traffic: Vec::new(), predictor: "offline", withheld: Default::default() }
            .with_traffic(costs)
    }

    /// What `predictor` believes of stream number `stream`, whose graph has `operators` operators, before a run.
    #[must_use]
    pub fn of(predictor: &dyn Predictor, stream: u16, operators: usize, executors: usize) -> Self {
        let mut times = Vec::with_capacity(operators * executors);
        for operator in 0..operators as u32 {
            for executor in (0..executors as u16).map(ExecutorId) {
                let work = Work { stream, operator, executor };
                times.push(predictor.estimate(work, &State::LABORATORY).unwrap_or(Self::UNSUPPORTED));
            }
        }
        Self {
            executors,
            times,
            traffic: Vec::new(),
            predictor: predictor.id(),
            withheld: Default::default(),
        }
    }

    /// Withholds an executor from an operator, whose weights do not fit into the executor's memory: from now on the operator cannot
    /// run there. No effect where it could not anyway.
    pub fn forbid(&mut self, operator: u32, executor: ExecutorId) {
        let Some(time) = self.times.get_mut(operator as usize * self.executors + executor.0 as usize) else {
            return;
        };
        if *time != Self::UNSUPPORTED {
            *time = Self::UNSUPPORTED;
            self.withheld.insert((operator, executor.0));
        }
    }

    /// Whether an executor is withheld from an operator by [`Estimates::forbid`].
    #[must_use]
    pub fn is_forbidden(&self, operator: u32, executor: ExecutorId) -> bool {
        self.withheld.contains(&(operator, executor.0))
    }

    /// How many pairs of operator and executor are withheld by [`Estimates::forbid`].
    #[must_use]
    pub fn forbidden(&self) -> usize {
        self.withheld.len()
    }

    /// The same estimates with every time changed by `change(operator, executor, time)`.
    #[must_use]
    pub fn changed(&self, change: impl Fn(u32, ExecutorId, SimDuration) -> SimDuration) -> Self {
        let times = self.times.iter().enumerate().map(|(at, &time)| match time {
            Self::UNSUPPORTED => time,
            _ => change((at / self.executors) as u32, ExecutorId((at % self.executors) as u16), time),
        });
        Self { times: times.collect(), ..self.clone() }
    }

    /// Adds the main-memory traffic of operators, which an offline profile counts whoever predicts their times.
    #[must_use]
    pub fn with_traffic(mut self, costs: &CostTable) -> Self {
        let operators = 0..self.operators() as u32;
        let executors = self.executors as u16;
        self.traffic = operators
            .flat_map(|operator| (0..executors).map(move |executor| (operator, ExecutorId(executor))))
            .map(|(operator, executor)| costs.get(operator, executor).map_or(0.0, |cost| cost.dram_bytes))
            .collect();
        self
    }

    /// Bytes of main memory that `operator` moves on `executor`; 0 where that is not known.
    #[must_use]
    pub fn traffic(&self, operator: u32, executor: ExecutorId) -> f64 {
        let at = operator as usize * self.executors + usize::from(executor.0);
        self.traffic.get(at).copied().unwrap_or(0.0)
    }

    /// Name of the predictor that made these estimates.
    #[must_use]
    pub const fn predictor(&self) -> &'static str {
        self.predictor
    }

    /// Number of operators.
    #[must_use]
    pub fn operators(&self) -> usize {
        self.times.len().checked_div(self.executors).unwrap_or(0)
    }

    /// Estimated time of `operator` on `executor`; `None` when it cannot run there.
    #[must_use]
    pub fn execution(&self, operator: u32, executor: ExecutorId) -> Option<SimDuration> {
        let time = self.times[operator as usize * self.executors + executor.0 as usize];
        (time != Self::UNSUPPORTED).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::{Bound, OperatorCost};

    /// Would catch a mask that counts what the executor never supported as kept off by memory.
    #[test]
    fn forbidding_is_not_lacking() {
        let cost = OperatorCost {
            overhead: SimDuration(1),
            alone: SimDuration(2),
            dram_bytes: 0.0,
            bound: Bound::Compute,
        };
        let table = CostTable::new(2, 2, |op, e| (op == 0 || e.0 == 0).then_some(cost));
        let mut estimates = Estimates::offline(&table);
        estimates.forbid(0, ExecutorId(1));
        estimates.forbid(1, ExecutorId(1));
        assert_eq!(estimates.execution(0, ExecutorId(1)), None);
        assert_eq!(estimates.execution(0, ExecutorId(0)), Some(SimDuration(3)));
        assert_eq!(estimates.forbidden(), 1);
        estimates.forbid(7, ExecutorId(0));
    }
}
