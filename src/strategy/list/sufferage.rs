//! Sufferage.

use super::batch::{Batch, best_of_each, schedule_ready};
use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::schedule::Schedule;
use std::cmp::Reverse;

/// Takes the ready unit that would suffer most if it did not get its best executor.
///
/// Source: Maheswaran et al., "Dynamic mapping of a class of independent tasks onto heterogeneous computing systems", J. Parallel
/// Distrib. Comput. 59(2), 1999. Sufferage = second best completion - best completion, infinite where one executor alone supports the
/// unit. Definition: compared again after every placement; no insertion; ties to the smaller unit, then to the smaller executor.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(units x ready units x executors).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sufferage;

impl ListScheduler for Sufferage {
    fn name(&self) -> &'static str {
        "sufferage"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        schedule_ready(joint, Batch::Rescan, |candidates| {
            best_of_each(candidates)
                .min_by_key(|(best, second)| {
                    Reverse(second.map_or(u64::MAX, |second| second - best.slot.done))
                })
                .map(|(best, _)| best)
        })
    }
}
