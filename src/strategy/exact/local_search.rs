//! Local search behind any other strategy.

use super::super::list::{JointGraph, Schedule};
use super::super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError};
use super::decode::{Sequence, decode, sequence_of};
use super::local::improve;
use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// Improves the plan of another strategy by seeded local search.
///
/// The units stay as the other strategy cut them. A quarter of the iterations tries one unit at a time on another executor, at another turn, or
/// both, and keeps what is no worse by the estimates; the others are a tabu search over the critical path. The result is never longer, by the estimates and for requests that come together, than what it began
/// with. The base must place everything beforehand.
///
/// Source: hill climbing with sideways moves (reassign, reinsert); tabu search with the neighbourhood N6 of job shops (Balas, Vazacopoulos 1998).
/// An iteration is one evaluated sequence.
/// Granularity: that of the base. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(iterations x edges).
pub(crate) struct LocalSearch {
    base: Box<dyn Strategy>,
    iterations: u64,
    seed: u64,
    notes: Vec<String>,
}

impl LocalSearch {
    pub(crate) fn new(base: Box<dyn Strategy>, iterations: u64, seed: u64) -> Self {
        Self { base, iterations, seed, notes: Vec::new() }
    }
}

impl Strategy for LocalSearch {
    fn id(&self) -> &'static str {
        "local-search"
    }

    fn default_granularity(&self) -> Granularity {
        self.base.default_granularity()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let plans = self.base.plan(streams)?;
        if plans.iter().flat_map(Plan::units).any(|unit| unit.executor.is_none()) {
            return Err(StrategyError::Parameter {
                strategy: "local-search".to_owned(),
                problem: format!("`{}` decides while it runs; there is no plan to improve", self.base.id()),
            });
        }
        let joint = JointGraph::of_plans(streams, &plans)?;
        let begin = sequence(&joint, &plans);
        let before = decode(&joint, &begin).makespan();
        let (best, after) = improve(&joint, begin, self.iterations, 0, self.seed);
        self.notes = vec![format!(
            "{}: {} -> {} in {} iterations",
            self.base.id(),
            SimDuration(before),
            SimDuration(after),
            self.iterations
        )];
        Ok(decode(&joint, &best).plans())
    }
}

/// The order in which plans run their units, by the estimates.
fn sequence(joint: &JointGraph<'_>, plans: &[Plan]) -> Sequence {
    let unit = |task: u32| {
        let (stream, unit) = joint.unit(task);
        (stream, unit, plans[stream].unit(unit as usize))
    };
    // Turns: per resource the next unit may start only behind the one before it, where the plan prescribes an order.
    let mut before: Vec<Vec<u32>> =
        joint.tasks().map(|task| joint.predecessors(task).map(|p| p.0).collect()).collect();
    let mut rows: Vec<u32> = joint.tasks().collect();
    rows.sort_by_key(|&task| (unit(task).2.key, task));
    let mut last = vec![None; joint.platform.resources.len()];
    let mut previous: Vec<Option<u32>> = vec![None; plans.len()];
    for &task in &rows {
        let (stream, _, planned) = unit(task);
        match plans[stream].dispatch {
            Dispatch::AtReady => {}
            Dispatch::Sequential => before[task as usize].extend(previous[stream].replace(task)),
            Dispatch::InOrder => {
                for resource in planned.executor.iter().flat_map(|&e| &joint.platform.executor(e).resources) {
                    before[task as usize].extend(last[resource.0 as usize].replace(task));
                }
            }
        }
    }
    // What can start first goes first, as the queues would have it.
    let mut schedule = Schedule::new(joint, false);
    let mut left = rows;
    while !left.is_empty() {
        let ready = |task: u32, schedule: &Schedule<'_>| -> Option<u64> {
            let finish = |&producer: &u32| schedule.slot(producer).map(|slot| slot.finish);
            before[task as usize]
                .iter()
                .map(finish)
                .try_fold(0, |latest, finish| finish.map(|f| latest.max(f)))
        };
        let next = left
            .iter()
            .enumerate()
            .filter_map(|(at, &task)| ready(task, &schedule).map(|time| (time, at)))
            .min();
        let Some((_, at)) = next else { break };
        let task = left.remove(at);
        let executor = unit(task).2.executor.unwrap_or(ExecutorId(0));
        let slot = schedule.trial(task, executor, joint.work(task, executor));
        schedule.place(task, slot);
    }
    sequence_of(&schedule)
}
