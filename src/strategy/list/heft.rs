//! Heterogeneous earliest finish time.

use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::ranks::{CommunicationMean, Means, by_upward_rank};
use super::schedule::Schedule;
use crate::soc::ExecutorId;

/// Takes units by decreasing upward rank and places each where it finishes first, in gaps too.
///
/// Source: Topcuoglu, Hariri, Wu, "Performance-effective and low-complexity task scheduling for heterogeneous computing", IEEE
/// TPDS 13(3), 2002.
/// `rank(i) = mean execution(i) + max over readers j of (mean communication(i, j) + rank(j))`.
/// Definition: means over the executors that support a unit, and over ordered pairs of different executors (`mean=self-diluted` for
/// SAGA's); ties of rank to the earlier unit in topological order; ties of finish to the smaller executor;
/// the finish of a unit that writes model outputs includes bringing them to the application.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(edges x executors), plus the search for gaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heft {
    pub mean: CommunicationMean,
    pub insertion: bool,
}

impl Heft {
    /// The schedule in which units stand where `place` says, in the same order; those that it leaves open, where they finish first.
    pub(crate) fn placed<'a>(
        joint: &'a JointGraph<'a>,
        place: &dyn Fn(u32) -> Option<ExecutorId>,
    ) -> Schedule<'a> {
        let means = Means::new(joint, CommunicationMean::Pairs);
        let mut schedule = Schedule::new(joint, true);
        for task in by_upward_rank(joint, &means) {
            let told = place(task).filter(|&executor| joint.supports(task, executor));
            let told = told.map(|executor| schedule.trial(task, executor, joint.work(task, executor)));
            if let Some(slot) = told.or_else(|| schedule.first_done(task)) {
                schedule.place(task, slot);
            }
        }
        schedule
    }
}

impl ListScheduler for Heft {
    fn name(&self) -> &'static str {
        "heft"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let means = Means::new(joint, self.mean);
        let mut schedule = Schedule::new(joint, self.insertion);
        for task in by_upward_rank(joint, &means) {
            if let Some(slot) = schedule.first_done(task) {
                schedule.place(task, slot);
            }
        }
        schedule
    }
}
