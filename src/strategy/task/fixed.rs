//! Models where somebody put them.

use super::super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use super::homes::placed_units;
use crate::soc::ExecutorId;

/// Runs every model on the executor given for it, in the order of the streams; the last one given counts for those that follow.
///
/// What an executor lacks runs where it is fastest. One unit of a request at a time, queues first come, first served.
///
/// Granularity: task (sub-graph and operator invoke each part by itself). Decision point: none. Reads: support, and executions for
/// fallbacks. Cost: O(operators).
#[derive(Debug, Clone)]
pub(crate) struct Fixed {
    pub executors: Vec<ExecutorId>,
}

impl Strategy for Fixed {
    fn id(&self) -> &'static str {
        "fixed"
    }

    fn prescribes(&self) -> bool {
        true
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Task
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        if self.executors.len() > streams.len() {
            return Err(StrategyError::Parameter {
                strategy: "fixed".to_owned(),
                problem: format!("{} executors for {} streams", self.executors.len(), streams.len()),
            });
        }
        let given =
            self.executors.iter().chain(std::iter::repeat(self.executors.last().unwrap_or(&ExecutorId(0))));
        streams
            .iter()
            .zip(given)
            .map(|(view, &home)| {
                let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
                for (unit, executor) in placed_units(view, home)? {
                    plan.push(&unit, Some(executor));
                }
                Ok(plan)
            })
            .collect()
    }
}
