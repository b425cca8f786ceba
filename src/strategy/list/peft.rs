//! Predict earliest finish time.

use super::joint::{JointGraph, UNSUPPORTED};
use super::planner::ListScheduler;
use super::ranks::{CommunicationMean, Means, Ready};
use super::schedule::Schedule;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Looks ahead through a table of optimistic costs: what is left after a unit if everything behind it gets its favourite executor.
///
/// Source: Arabnejad, Barbosa, "List scheduling algorithm for heterogeneous systems by an optimistic cost table", IEEE TPDS 25(3), 2014.
/// `OCT(i, p) = max over readers j of min over q of (OCT(j, q) + w(j, q) + [q != p] mean communication(i, j))`; priority = mean of
/// OCT over the executors; among ready units the highest goes to the executor with the least finish + OCT, with insertion.
/// Definition: the mean is over all executors, those that lack the unit too (the table looks behind it); ties to the smaller unit, then to the smaller executor.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(edges x executors^2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peft {
    pub insertion: bool,
}

impl ListScheduler for Peft {
    fn name(&self) -> &'static str {
        "peft"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let executors = joint.executors().len();
        let table = optimistic_costs(joint);
        let priority = |task: u32| {
            let row = task as usize * executors;
            (table[row..row + executors].iter().sum::<f64>() / executors as f64).round() as u64
        };
        let mut schedule = Schedule::new(joint, self.insertion);
        let (mut frontier, mut fresh) = Ready::new(joint);
        let mut queue = BinaryHeap::new();
        loop {
            queue.extend(fresh.drain(..).map(|task| (priority(task), Reverse(task))));
            let Some((_, Reverse(task))) = queue.pop() else { return schedule };
            let row = task as usize * executors;
            let best =
                joint.choices(task).map(|(e, work)| schedule.trial(task, e, work)).min_by_key(|slot| {
                    slot.done.saturating_add(table[row + slot.executor.0 as usize].round() as u64)
                });
            if let Some(slot) = best {
                schedule.place(task, slot);
            }
            frontier.schedule(joint, task, &mut fresh);
        }
    }
}

/// The optimistic cost table, tasks x executors.
fn optimistic_costs(joint: &JointGraph<'_>) -> Vec<f64> {
    let executors = joint.executors().len();
    let means = Means::new(joint, CommunicationMean::Pairs);
    let mut table = vec![0.0f64; joint.len() * executors];
    for &task in joint.order().iter().rev() {
        for ((reader, _), &communication) in joint.successors(task).zip(means.out(task)) {
            let row = reader as usize * executors;
            for p in 0..executors {
                let mut least = f64::INFINITY;
                for &q in joint.executors() {
                    let work = joint.work(reader, q);
                    if work != UNSUPPORTED {
                        let way = if q.0 as usize == p { 0.0 } else { communication };
                        least = least.min(table[row + q.0 as usize] + work as f64 + way);
                    }
                }
                if least.is_finite() {
                    let cell = &mut table[task as usize * executors + p];
                    *cell = cell.max(least);
                }
            }
        }
    }
    table
}
