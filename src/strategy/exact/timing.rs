//! When the tasks of a sequence run, and what each of them waited for.

use super::super::list::JointGraph;
use super::decode::Sequence;
use crate::soc::ExecutorId;

/// Stands for "no task".
const NONE: u32 = u32::MAX;

/// Evaluates sequences as [`super::decode::decode`] does, without building a schedule; the work of local search.
pub(super) struct Timing<'a> {
    joint: &'a JointGraph<'a>,
    executor: Vec<ExecutorId>,
    start: Vec<u64>,
    finish: Vec<u64>,
    /// The producer whose data came last, and when.
    data: Vec<(u32, u64)>,
    /// What ran before on the resource that was free last, and until when.
    before: Vec<(u32, u64)>,
    end: Vec<u64>,
    last: Vec<u32>,
    /// The task that is done last.
    latest: u32,
}

/// What is compared: the makespan, then the sum of what the executors' ends come to.
pub(super) type Value = (u64, u64);

impl<'a> Timing<'a> {
    pub(super) fn new(joint: &'a JointGraph<'a>) -> Self {
        let (tasks, resources) = (joint.len(), joint.platform.resources.len());
        Self {
            joint,
            executor: vec![ExecutorId(0); tasks],
            start: vec![0; tasks],
            finish: vec![0; tasks],
            data: vec![(NONE, 0); tasks],
            before: vec![(NONE, 0); tasks],
            end: vec![0; resources],
            last: vec![NONE; resources],
            latest: NONE,
        }
    }

    /// Times all tasks of a sequence that has every task once, producers before readers.
    pub(super) fn of(&mut self, sequence: &Sequence) -> Value {
        self.end.fill(0);
        self.last.fill(NONE);
        let (mut makespan, joint) = (0, self.joint);
        self.latest = NONE;
        for &(task, executor) in sequence {
            let at = task as usize;
            let graph = joint.graph(task);
            let (_, unit) = joint.unit(task);
            let mut data = (NONE, graph.input_transfer(unit, executor).0);
            let mut length = joint.work(task, executor);
            for input in graph.inputs(unit, executor) {
                length = length.saturating_add(input.conversion.0);
            }
            for (producer, link) in joint.predecessors(task) {
                let (from, mut arrival) = (self.executor[producer as usize], self.finish[producer as usize]);
                if graph.crosses(link, from, executor) {
                    arrival = arrival.saturating_add(graph.transfer(link, from, executor).0);
                    length = length.saturating_add(graph.conversion(link, from, executor).0);
                }
                if arrival >= data.1 {
                    data = (producer, arrival);
                }
            }
            let mut before = (NONE, 0);
            for resource in &joint.platform.executor(executor).resources {
                let r = resource.0 as usize;
                if self.end[r] >= before.1 && self.last[r] != NONE {
                    before = (self.last[r], self.end[r]);
                }
            }
            let start = data.1.max(before.1);
            let finish = start.saturating_add(length);
            for resource in &joint.platform.executor(executor).resources {
                self.end[resource.0 as usize] = finish;
                self.last[resource.0 as usize] = task;
            }
            (self.executor[at], self.start[at], self.finish[at]) = (executor, start, finish);
            (self.data[at], self.before[at]) = (data, before);
            let done = finish.saturating_add(joint.output(task, executor));
            if done > makespan || self.latest == NONE {
                (makespan, self.latest) = (done, task);
            }
        }
        let resources = |e: &ExecutorId| &joint.platform.executor(*e).resources;
        let available = |e| resources(e).iter().map(|r| self.end[r.0 as usize]).max().unwrap_or(0);
        (makespan, joint.executors().iter().map(available).fold(0, u64::saturating_add))
    }

    /// A chain of tasks that the makespan rests on, first to last, of the sequence timed last: each with whether it waited for the resources
    /// of the one before it, not for its data. `prefer_data` decides where both came at once.
    pub(super) fn critical_path(&self, mut prefer_data: impl FnMut() -> bool) -> Vec<(u32, bool)> {
        let mut path = Vec::new();
        let mut task = self.latest;
        while task != NONE {
            let at = task as usize;
            let (data, before, start) = (self.data[at], self.before[at], self.start[at]);
            let by_data = data.0 != NONE && data.1 == start;
            let by_resource = before.0 != NONE && before.1 == start;
            let next = match (by_data, by_resource) {
                (true, true) if prefer_data() => (data.0, false),
                (_, true) => (before.0, true),
                (true, false) => (data.0, false),
                (false, false) => (NONE, false),
            };
            path.push((task, next.1));
            task = next.0;
        }
        path.reverse();
        path
    }
}
