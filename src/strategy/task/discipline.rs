//! Whole models in queues: by deadline, by slack, by priority.

use super::super::{
    Dispatch, Granularity, Plan, PlanningView, QueueOrder, Strategy, StrategyError, TransferStart,
};
use super::homes::{homes, keyed, placed_units, remaining};
use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// What goes first in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discipline {
    /// Earliest absolute deadline.
    ///
    /// Source: Liu, Layland, J. ACM 20(1), 1973. Requests without a deadline come last.
    EarliestDeadline,
    /// Least slack: deadline - now - what is left, by the estimates. Among waiting requests `now` is common and what is left does not change,
    /// so the order of `deadline - left` is the order of slacks.
    LeastSlack,
    /// Highest `priority` of the stream.
    Priority,
    /// Shortest period (rate-monotonic, Liu and Layland); streams without a period come last.
    RateMonotonic,
}

/// Keeps every model on one executor and orders the queues.
///
/// Homes: the most urgent model first, each to the executor on which its own load and what is there come to least; or `executor`
/// for all. Operators that home lacks run where they are fastest. Ties to the earlier arrival, then the earlier stream.
///
/// Preemption is at unit boundaries: what runs is never interrupted, so the granularity is the preemption. At granularity task a
/// request that has started goes on to its end; at sub-graph and operator a more urgent request takes over at the next unit, and every
/// unit pays the executor's invocation. EDF and least slack default to task, priority and rate-monotonic to operator.
///
/// Decision point: placement offline, order online by a fixed rule. Reads: execution estimates, deadlines, priorities and periods.
/// Cost: O(operators x executors) to plan, O(queue) for each unit.
#[derive(Debug, Clone)]
pub(crate) struct TaskLevel {
    pub discipline: Discipline,
    pub executor: Option<ExecutorId>,
}

impl TaskLevel {
    fn urgency(&self, view: &PlanningView<'_>) -> i64 {
        match self.discipline {
            Discipline::EarliestDeadline | Discipline::LeastSlack => due(view.service.deadline),
            Discipline::Priority => -i64::from(view.service.priority),
            Discipline::RateMonotonic => due(view.period),
        }
    }
}

/// A span as a key; without one behind every span, yet far from overflow.
fn due(span: Option<SimDuration>) -> i64 {
    span.map_or(i64::MAX / 4, |span| (span.0 as i64).clamp(0, i64::MAX / 4))
}

impl Strategy for TaskLevel {
    fn id(&self) -> &'static str {
        match self.discipline {
            Discipline::EarliestDeadline => "edf",
            Discipline::LeastSlack => "least-slack",
            Discipline::Priority | Discipline::RateMonotonic => "priority",
        }
    }

    fn prescribes(&self) -> bool {
        self.executor.is_some()
    }

    fn default_granularity(&self) -> Granularity {
        match self.discipline {
            Discipline::EarliestDeadline | Discipline::LeastSlack => Granularity::Task,
            Discipline::Priority | Discipline::RateMonotonic => Granularity::Operator,
        }
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let homes = match self.executor {
            Some(executor) => vec![executor; streams.len()],
            None => homes(streams, |view| self.urgency(view)),
        };
        let order = match self.discipline {
            Discipline::EarliestDeadline | Discipline::LeastSlack => QueueOrder::ByKeyFromArrival,
            Discipline::Priority | Discipline::RateMonotonic => QueueOrder::ByKey,
        };
        streams
            .iter()
            .zip(homes)
            .map(|(view, home)| {
                let units = placed_units(view, home)?;
                let left = remaining(view, &units);
                let plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish).ordered(order);
                let urgency = self.urgency(view);
                Ok(keyed(plan, &units, |unit| match self.discipline {
                    Discipline::LeastSlack => urgency.saturating_sub(left[unit].min(i64::MAX as u64) as i64),
                    _ => urgency,
                }))
            })
            .collect()
    }
}
