//! Critical path on a processor.

use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::ranks::{CommunicationMean, Means, Ready, downward, upward};
use super::schedule::Schedule;
use crate::soc::ExecutorId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Keeps the critical path on the executor that runs it fastest, and places everything else where it finishes first.
///
/// Source: Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002. Priority = upward rank + downward rank. The path starts at the source unit of
/// highest priority and goes on to the first reader of the same priority (within 1e-9 of it), else to
/// the reader of highest priority. Ready units go by priority, ties to the smaller number; with insertion.
/// Definition: the executor of the path is the one with the least sum of executions among those that support all of the path; if
/// none does, all are alike and the first is taken; what it cannot run is placed by finish time. With several
/// streams the path is that of the most urgent source.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(edges x executors), plus the search for gaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpop {
    pub insertion: bool,
}

impl ListScheduler for Cpop {
    fn name(&self) -> &'static str {
        "cpop"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let means = Means::new(joint, CommunicationMean::Pairs);
        let up = upward(joint, &means, true);
        let priority: Vec<f64> = up.iter().zip(downward(joint, &means)).map(|(u, d)| u + d).collect();
        let path = critical_path(joint, &priority);
        let home = executor_of(joint, &path);
        let mut on_path = vec![false; joint.len()];
        path.iter().for_each(|&task| on_path[task as usize] = true);
        let mut schedule = Schedule::new(joint, self.insertion);
        let (mut frontier, mut fresh) = Ready::new(joint);
        let mut queue = BinaryHeap::new();
        loop {
            queue.extend(fresh.drain(..).map(|task| (priority[task as usize].round() as u64, Reverse(task))));
            let Some((_, Reverse(task))) = queue.pop() else { return schedule };
            let fixed = home.filter(|&e| on_path[task as usize] && joint.supports(task, e));
            let slot = fixed.map_or_else(
                || schedule.first_done(task),
                |e| Some(schedule.trial(task, e, joint.work(task, e))),
            );
            if let Some(slot) = slot {
                schedule.place(task, slot);
            }
            frontier.schedule(joint, task, &mut fresh);
        }
    }
}

fn critical_path(joint: &JointGraph<'_>, priority: &[f64]) -> Vec<u32> {
    let higher =
        |best: u32, task: u32| if priority[task as usize] > priority[best as usize] { task } else { best };
    let sources = joint.tasks().filter(|&task| joint.predecessors(task).len() == 0);
    let Some(mut at) = sources.reduce(higher) else { return Vec::new() };
    let length = priority[at as usize];
    let mut path = vec![at];
    loop {
        let readers = || joint.successors(at).map(|(reader, _)| reader);
        let equal = readers().find(|&r| (priority[r as usize] - length).abs() <= 1e-9 * length);
        let Some(next) = equal.or_else(|| readers().reduce(higher)) else { return path };
        path.push(next);
        at = next;
    }
}

fn executor_of(joint: &JointGraph<'_>, path: &[u32]) -> Option<ExecutorId> {
    let key = |executor: ExecutorId| {
        // An unsupported unit makes the sum infinite.
        path.iter().fold(0u64, |sum, &task| sum.saturating_add(joint.work(task, executor)))
    };
    joint.executors().iter().copied().min_by_key(|&executor| key(executor))
}
