//! Earliest task first.

use super::joint::JointGraph;
use super::pairs::schedule_least;
use super::planner::ListScheduler;
use super::ranks::{CommunicationMean, Means, upward};
use super::schedule::Schedule;

/// Among all pairs of ready unit and executor takes the one that can start first.
///
/// Source: Hwang, Chow, Anger, Lee, "Scheduling precedence graphs in systems with interprocessor communication times", SIAM J. Comput.
/// 18(2), 1989; meant for identical processors, and blind to how fast they are. Ties to the larger static level
/// (longest way to the end in mean executions), then the smaller unit, then the smaller executor; `tie=index` leaves the level out, which is
/// Graham's list scheduling in file order. `by=finish` compares finishes, as DS3 (segemena/DS3) does under this name. No insertion.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(units x executors x log units).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Etf {
    pub by_finish: bool,
    pub tie_by_index: bool,
}

impl ListScheduler for Etf {
    fn name(&self) -> &'static str {
        "etf"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let means = Means::new(joint, CommunicationMean::Pairs);
        let levels: Vec<u64> = if self.tie_by_index {
            vec![0; joint.len()]
        } else {
            upward(joint, &means, false).iter().map(|level| level.round() as u64).collect()
        };
        schedule_least(joint, |pair| {
            let rest = if self.by_finish { i128::from(pair.done) } else { 0 };
            // The larger level comes first.
            (rest, u64::MAX - levels[pair.task as usize])
        })
    }
}
