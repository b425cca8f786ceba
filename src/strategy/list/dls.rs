//! Dynamic level scheduling.

use super::joint::JointGraph;
use super::pairs::schedule_least;
use super::planner::ListScheduler;
use super::ranks::{CommunicationMean, Means, upward};
use super::schedule::Schedule;

/// Among all pairs of ready unit and executor takes the one with the highest dynamic level.
///
/// Source: Sih, Lee, "A compile-time scheduling heuristic for interconnection-constrained heterogeneous processor architectures", IEEE
/// TPDS 4(2), 1993. `DL(i, p) = SL(i) - start(i, p) + (mean execution(i) - w(i, p))`, where the static level SL is the longest way to
/// the end in mean executions, without communication. No insertion; ties to the smaller unit, then to the smaller executor.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(units x executors x log units).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dls;

impl ListScheduler for Dls {
    fn name(&self) -> &'static str {
        "dls"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let means = Means::new(joint, CommunicationMean::Pairs);
        let levels = upward(joint, &means, false);
        schedule_least(joint, |pair| {
            let task = pair.task as usize;
            let gain = (levels[task] + means.work[task]).round() as i128;
            (i128::from(pair.work) - gain, 0)
        })
    }
}
