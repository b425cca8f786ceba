//! Exact scheduling, with a proof or a gap.

use super::super::list::{
    CommunicationMean, Cpop, Heft, JointGraph, ListScheduler, Lookahead, MaxMin, MinMin, Peft, Sufferage,
};
use super::super::{Granularity, Plan, PlanningView, Strategy, StrategyError};
use super::chain::chain;
use super::decode::{Sequence, decode, sequence_of};
use super::local::improve;
use super::search::{Found, root_bound, search};
use crate::units::SimDuration;

/// Tasks beyond which no search is tried: its depth is their number.
const MOST: usize = 400;

/// Sequences tried for each task before the branch and bound; small graphs are proved without more.
const BRIEF: u64 = 50;

/// The shortest schedule that can be found, and how far from the optimum it can be.
///
/// Chains: a dynamic programme over (unit, executor), exact. Other graphs: depth-first branch and bound over all schedules that append
/// ready units in order of their starts (every schedule without needless idle time is one of them), after the best
/// of seven list schedulers and a short local search, and before a long one. Bounds: critical path with the cheapest executors and transfers behind what is placed; total
/// work over all resources; the best preemptive schedule of what only one resource can do. A state is dropped when one with the same data in
/// the same places was no later in anything, and like executors without work count as one. Without duplication of work; transfers have
/// their way to themselves. Where `effort` (elementary steps, default 3e7) ends the search, the note gives the
/// gap between the plan and the best proved bound. The proof is about estimates, for requests of all streams that come together.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates. Cost: exponential, up
/// to the effort; O(units x executors^2) for chains.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    effort: u64,
    notes: Vec<String>,
}

impl Exact {
    pub(crate) const fn new(effort: u64) -> Self {
        Self { effort, notes: Vec::new() }
    }

    fn solve(&self, joint: &JointGraph<'_>) -> Found {
        if let Some(sequence) = chain(joint) {
            let makespan = decode(joint, &sequence).makespan();
            return Found { sequence, makespan, bound: makespan, nodes: 0 };
        }
        let lists: [&dyn ListScheduler; 7] = [
            &Heft { mean: CommunicationMean::Pairs, insertion: true },
            &Cpop { insertion: true },
            &Peft { insertion: true },
            &Lookahead { insertion: true },
            &MinMin::default(),
            &MaxMin::default(),
            &Sufferage,
        ];
        let start = lists
            .iter()
            .map(|list| list.schedule(joint))
            .min_by_key(|schedule| schedule.makespan())
            .map(|schedule| sequence_of(&schedule))
            .unwrap_or_default();
        let links: usize = joint.tasks().map(|task| joint.predecessors(task).len()).sum();
        let executors = joint.executors().len();
        let step = ((joint.len() + links * executors) * executors).max(1) as u64;
        // Timing a sequence looks at every task and link once, in some five steps each.
        let tries = self.effort / 2 / (5 * (joint.len() + links).max(1) as u64);
        let brief = tries.min(BRIEF * joint.len() as u64);
        let (start, _) = improve(joint, start, brief, root_bound(joint), 0);
        let nodes = if joint.len() > MOST { 0 } else { self.effort / step / executors as u64 };
        let found = search(joint, start, nodes);
        if found.bound == found.makespan {
            return found;
        }
        let (sequence, makespan) = improve(joint, found.sequence, tries - brief, found.bound, 1);
        Found { sequence, makespan, ..found }
    }
}

/// What a search found, in words.
fn note(found: &Found) -> String {
    let (makespan, bound) = (SimDuration(found.makespan), SimDuration(found.bound));
    if found.makespan == found.bound {
        return format!("optimal: {makespan} is proved to be the least ({} nodes)", found.nodes);
    }
    let gap = (found.makespan - found.bound) as f64 / found.bound.max(1) as f64 * 100.0;
    format!(
        "not proved: {makespan} is at most {gap:.1} % above the optimum, which is no less than {bound} ({} nodes)",
        found.nodes
    )
}

impl Strategy for Exact {
    fn id(&self) -> &'static str {
        "exact"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let joint = JointGraph::new(streams)?;
        let found = self.solve(&joint);
        self.notes = vec![note(&found)];
        let sequence: &Sequence = &found.sequence;
        Ok(decode(&joint, sequence).plans())
    }
}
