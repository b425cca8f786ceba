//! Online earliest finish time.

use super::partition::groups;
use super::{
    Decision, Dispatch, Granularity, Occasion, Plan, PlanningView, RunView, Strategy, StrategyError,
    TransferStart,
};
use crate::soc::ExecutorId;
use crate::units::SimTime;

/// Places every unit, when it becomes ready, on the executor where it is believed to finish first.
///
/// Definition (that of the common benchmark): `start = max(available, now + longest transfer)`, where `available` is the
/// believed end of the last unit placed on the executor's resources (the latest of them for a core set);
/// `finish = start + believed execution`; smallest finish, ties to the smaller executor number. The belief is never corrected by what
/// really happens. With [`TransferStart::ProducerFinish`] transfers are counted from when each producer finished.
///
/// With a minimum unit, neighbours in topological order that some executor can run together are placed as one: the dial from
/// single operators to the whole model.
///
/// Granularity: operator. Decision point: online, when ready. Reads: execution and transfer estimates.
/// Cost: O(executors x predecessors) per unit.
#[derive(Debug, Clone)]
pub struct EarliestFinishTime {
    transfer_start: TransferStart,
    min_unit: usize,
    available: Vec<SimTime>,
}

impl EarliestFinishTime {
    /// A scheduler that assumes this rule for the start of transfers.
    #[must_use]
    pub const fn new(transfer_start: TransferStart) -> Self {
        Self { transfer_start, min_unit: 1, available: Vec::new() }
    }

    /// Places units of at least so many operators.
    #[must_use]
    pub const fn with_min_unit(mut self, operators: usize) -> Self {
        self.min_unit = if operators == 0 { 1 } else { operators };
        self
    }
}

impl Strategy for EarliestFinishTime {
    fn id(&self) -> &'static str {
        "eft"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let Some(first) = streams.first() else { return Ok(Vec::new()) };
        if first.granularity != Granularity::Operator {
            return Err(StrategyError::Granularity {
                strategy: "eft",
                granularity: first.granularity.id(),
                offered: "`operator`",
            });
        }
        self.available = vec![SimTime::ZERO; first.platform.resources.len()];
        let plan = |view: &PlanningView<'_>| {
            let mut plan = Plan::new(Dispatch::AtReady, self.transfer_start);
            if self.min_unit == 1 {
                for operator in 0..view.dag.len() as u32 {
                    plan.push(&[operator], None);
                }
            } else {
                groups(view, self.min_unit).iter().for_each(|group| plan.push(group, None));
            }
            plan
        };
        Ok(streams.iter().map(plan).collect())
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let Occasion::Ready(unit) = occasion else { return };
        let mut best: Option<(SimTime, ExecutorId)> = None;
        for (number, executor) in view.platform.executors.iter().enumerate() {
            let id = ExecutorId(number as u16);
            let Some(execution) = view.execution(unit, id) else { continue };
            let data = match self.transfer_start {
                TransferStart::Assignment => view.now + view.transfer(unit, id),
                TransferStart::ProducerFinish => view.transfer_since_finish(unit, id),
            };
            let start = executor.resources.iter().map(|r| self.available[r.0 as usize]).fold(data, Ord::max);
            let finish = start + execution;
            if best.is_none_or(|(earliest, _)| finish < earliest) {
                best = Some((finish, id));
            }
        }
        if let Some((finish, executor)) = best {
            for resource in &view.platform.executor(executor).resources {
                self.available[resource.0 as usize] = finish;
            }
            decisions.push(Decision::Place { unit, executor });
        }
    }
}
