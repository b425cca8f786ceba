//! Minimum completion time.

use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::schedule::Schedule;

/// Takes units in topological order and places each where it is done first.
///
/// Source: Armstrong, Hensgen, Kidd, "The relative performance of various mapping algorithms is independent of sizable variances in run-time predictions", HCW 1998; Braun et al., J. Parallel Distrib. Comput. 61(6), 2001.
/// Definition: the topological order that always takes the smallest ready unit; no insertion; ties to the smaller executor.
///
/// Granularity: operator, sub-graph or task. Decision point: offline, in the order in which units become ready when nothing takes
/// time (`eft` decides online). Reads: execution and transfer estimates. Cost: O(units x executors).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mct;

impl ListScheduler for Mct {
    fn name(&self) -> &'static str {
        "mct"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let mut schedule = Schedule::new(joint, false);
        for &task in joint.order() {
            let slot = schedule.first_done(task);
            if let Some(slot) = slot {
                schedule.place(task, slot);
            }
        }
        schedule
    }
}
