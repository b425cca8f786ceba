//! Max-Min.

use super::batch::{Batch, best_of_each, schedule_ready};
use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::schedule::Schedule;
use std::cmp::Reverse;

/// Of the ready units' best completions takes the largest: long work first, short work fills up.
///
/// Source: Braun et al., J. Parallel Distrib. Comput. 61(6), 2001. Definition: no insertion; ties to the smaller unit, then to the smaller
/// executor. `batch=level` places all ready units before it admits new ones (SAGA's).
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(units x ready units x executors).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MaxMin {
    pub batch: Batch,
}

impl ListScheduler for MaxMin {
    fn name(&self) -> &'static str {
        "max-min"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        schedule_ready(joint, self.batch, |candidates| {
            best_of_each(candidates).map(|(best, _)| best).min_by_key(|best| Reverse(best.slot.done))
        })
    }
}
