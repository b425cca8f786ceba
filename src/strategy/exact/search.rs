//! Branch and bound over schedules that append in order of starts.

use super::super::list::{JointGraph, Ready, Schedule};
use super::bound::Bounds;
use super::decode::{Sequence, decode};
use crate::soc::ExecutorId;
use std::collections::HashMap;

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The best sequence.
    pub sequence: Sequence,
    /// Its makespan, picoseconds.
    pub makespan: u64,
    /// No schedule is shorter than this, picoseconds.
    pub bound: u64,
    /// Nodes looked at.
    pub nodes: u64,
}

/// States kept to recognise worse ones.
const STATES: usize = 300_000;

struct Search<'a> {
    joint: &'a JointGraph<'a>,
    bounds: Bounds,
    /// For each executor the first one that is like it in everything.
    twin: Vec<u16>,
    best: Found,
    /// Least bound of what was left out when the nodes ran out.
    open: u64,
    limit: u64,
    sequence: Sequence,
    states: HashMap<Vec<u64>, Vec<Vec<u64>>>,
    stored: usize,
}

/// What no schedule can beat, picoseconds.
pub(crate) fn root_bound(joint: &JointGraph<'_>) -> u64 {
    Bounds::new(joint).of(joint, &Schedule::new(joint, false), 0)
}

/// Looks for a schedule shorter than `start`, in at most `limit` nodes.
pub(crate) fn search<'a>(joint: &'a JointGraph<'a>, start: Sequence, limit: u64) -> Found {
    let makespan = decode(joint, &start).makespan();
    let best = Found { sequence: start, makespan, bound: makespan, nodes: 0 };
    let mut search = Search {
        joint,
        bounds: Bounds::new(joint),
        twin: twins(joint),
        best,
        open: u64::MAX,
        limit,
        sequence: Vec::with_capacity(joint.len()),
        states: HashMap::new(),
        stored: 0,
    };
    let mut schedule = Schedule::new(joint, false);
    let root = search.bounds.of(joint, &schedule, 0);
    if root < makespan {
        let (frontier, ready) = Ready::new(joint);
        search.descend(&mut schedule, &frontier, &ready, 0, root);
    }
    let Search { mut best, open, .. } = search;
    best.bound = best.makespan.min(open.max(root));
    best
}

impl Search<'_> {
    fn descend(
        &mut self,
        schedule: &mut Schedule<'_>,
        frontier: &Ready,
        ready: &[u32],
        from: u64,
        bound: u64,
    ) {
        if self.best.nodes >= self.limit {
            self.open = self.open.min(bound);
            return;
        }
        self.best.nodes += 1;
        if ready.is_empty() {
            let makespan = schedule.makespan();
            if makespan < self.best.makespan {
                self.best.makespan = makespan;
                self.best.sequence.clone_from(&self.sequence);
            }
            return;
        }
        if self.is_dominated(schedule, ready, from) {
            return;
        }
        let mut children = Vec::new();
        for &task in ready {
            for (executor, work) in self.joint.choices(task) {
                let twin = ExecutorId(self.twin[executor.0 as usize]);
                let slot = schedule.trial(task, executor, work);
                // Of like executors without work the first stands for all; and starts never decrease.
                let untouched = |e: ExecutorId| {
                    self.joint.platform.executor(e).resources.iter().all(|r| !schedule.is_used(r.0 as usize))
                };
                let redundant = twin != executor
                    && untouched(executor)
                    && (twin.0..executor.0)
                        .any(|e| self.twin[e as usize] == twin.0 && untouched(ExecutorId(e)));
                if slot.start < from || redundant {
                    continue;
                }
                schedule.place(task, slot);
                let child = self.bounds.of(self.joint, schedule, slot.start);
                schedule.remove(task);
                if child < self.best.makespan {
                    children.push((child, slot.done, task, slot));
                }
            }
        }
        children.sort_by_key(|&(bound, done, task, slot)| (bound, done, task, slot.executor));
        for (bound, _, task, slot) in children {
            if bound >= self.best.makespan {
                continue;
            }
            let mut next = ready.to_vec();
            next.retain(|&other| other != task);
            let mut after = frontier.clone();
            after.schedule(self.joint, task, &mut next);
            schedule.place(task, slot);
            self.sequence.push((task, slot.executor));
            self.descend(schedule, &after, &next, slot.start, bound);
            self.sequence.pop();
            schedule.remove(task);
        }
    }

    /// Whether a state with the same tasks done, and their data in the same places, was no later in anything.
    fn is_dominated(&mut self, schedule: &Schedule<'_>, ready: &[u32], from: u64) -> bool {
        // The ready tasks tell which tasks are scheduled; where data lies matters for what is still to be read.
        let mut key: Vec<u64> = ready.iter().map(|&task| u64::from(task)).collect();
        key.sort_unstable();
        key.push(u64::MAX);
        let mut state = vec![from, schedule.makespan()];
        state.extend((0..self.joint.platform.resources.len()).map(|r| schedule.end_of(r)));
        for task in self.joint.tasks() {
            if let Some(slot) = schedule.slot(task)
                && self.joint.successors(task).any(|(reader, _)| schedule.slot(reader).is_none())
            {
                key.push(u64::from(task) << 16 | u64::from(slot.executor.0));
                state.push(slot.finish);
            }
        }
        let known = self.states.get(&key);
        let worse = |old: &Vec<u64>| old.iter().zip(&state).all(|(old, new)| old <= new);
        if known.is_some_and(|states| states.iter().any(worse)) {
            return true;
        }
        if self.stored < STATES {
            self.stored += 1;
            self.states.entry(key).or_default().push(state);
        }
        false
    }
}

/// For each executor the first one that behaves like it for every task and every crossing.
fn twins(joint: &JointGraph<'_>) -> Vec<u16> {
    let platform = joint.platform;
    let alone = |e: ExecutorId| {
        let own = &platform.executor(e).resources;
        own.len() == 1 && platform.executors.iter().filter(|x| x.resources.contains(&own[0])).count() == 1
    };
    let alike = |a: ExecutorId, b: ExecutorId| {
        !joint.has_given_transfers()
            && alone(a)
            && alone(b)
            && joint.tasks().all(|task| joint.work(task, a) == joint.work(task, b))
            && platform.executor(a).tensor_scale == platform.executor(b).tensor_scale
            && platform.host_in[a.0 as usize] == platform.host_in[b.0 as usize]
            && platform.host_out[a.0 as usize] == platform.host_out[b.0 as usize]
            && platform.crossing(a, b) == platform.crossing(b, a)
            && joint.executors().iter().filter(|&&c| c != a && c != b).all(|&c| {
                platform.crossing(a, c) == platform.crossing(b, c)
                    && platform.crossing(c, a) == platform.crossing(c, b)
            })
    };
    let mut twin: Vec<u16> = (0..platform.executors.len() as u16).collect();
    for b in 0..twin.len() {
        if let Some(a) =
            (0..b).find(|&a| twin[a] as usize == a && alike(ExecutorId(a as u16), ExecutorId(b as u16)))
        {
            twin[b] = a as u16;
        }
    }
    twin
}
