//! Minimum execution time.

use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::schedule::Schedule;

/// Takes units in topological order and places each on the executor that runs it fastest, however long its queue is.
///
/// Source: Braun et al., "A comparison of eleven static heuristics", J. Parallel Distrib. Comput. 61(6), 2001.
/// Definition: the topological order that always takes the smallest ready unit; no insertion; ties to the smaller executor.
///
/// Granularity: operator, sub-graph or task. Decision point: offline, in the order in which units become ready when nothing takes
/// time (`eft` decides online). Reads: execution and transfer estimates. Cost: O(units x executors).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met;

impl ListScheduler for Met {
    fn name(&self) -> &'static str {
        "met"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let mut schedule = Schedule::new(joint, false);
        for &task in joint.order() {
            let slot = joint
                .choices(task)
                .min_by_key(|&(_, work)| work)
                .map(|(executor, work)| schedule.trial(task, executor, work));
            if let Some(slot) = slot {
                schedule.place(task, slot);
            }
        }
        schedule
    }
}
