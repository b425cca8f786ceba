//! From a list scheduler to a strategy.

use super::super::{Granularity, Plan, PlanningView, Strategy, StrategyError};
use super::joint::JointGraph;
use super::schedule::Schedule;

/// Makes a schedule of the units of all streams.
pub(crate) trait ListScheduler {
    /// Kebab-case name.
    fn name(&self) -> &'static str;

    /// Schedules every task.
    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a>;
}

/// A list scheduler as a strategy.
///
/// It plans all streams together, as if one request of each came at the same time, and places units of whatever granularity is
/// asked for (default: operator): single operators, runs of operators that the same executors support, or whole models. Its
/// plan is played in the order of the planned starts ([`super::super::Dispatch::InOrder`]), data moving when its
/// producer finishes; so the simulation of one request with true estimates and nobody else on the machine ends when the
/// planner believed.
#[derive(Debug, Clone)]
pub(crate) struct ListStrategy<S>(pub S);

impl<S: ListScheduler> Strategy for ListStrategy<S> {
    fn id(&self) -> &'static str {
        self.0.name()
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let joint = JointGraph::new(streams)?;
        Ok(self.0.schedule(&joint).plans())
    }
}
