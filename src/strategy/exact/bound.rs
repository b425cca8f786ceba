//! What no schedule can beat.

use super::super::list::{JointGraph, Schedule, UNSUPPORTED};

/// Lower bounds on the makespan of every completion of a partial schedule that appends.
pub(super) struct Bounds {
    executors: usize,
    /// Least time from a task's finish on an executor to the end, tasks x executors.
    tails: Vec<u64>,
    /// Least resource time of each task.
    area: Vec<u64>,
    /// Per resource, the tasks that need it wherever they run.
    forced: Vec<Vec<u32>>,
    /// Earliest finishes of the present node, tasks x executors; kept to save allocations.
    finishes: Vec<u64>,
}

impl Bounds {
    pub(super) fn new(joint: &JointGraph<'_>) -> Self {
        let executors = joint.executors().len();
        let mut tails = vec![0u64; joint.len() * executors];
        for &task in joint.order().iter().rev() {
            for &p in joint.executors() {
                let mut tail = joint.output(task, p);
                for (reader, link) in joint.successors(task) {
                    let least = joint
                        .choices(reader)
                        .map(|(q, work)| {
                            let behind = tails[reader as usize * executors + q.0 as usize];
                            joint.communication(task, link, p, q).saturating_add(work).saturating_add(behind)
                        })
                        .min();
                    tail = tail.max(least.unwrap_or(0));
                }
                tails[task as usize * executors + p.0 as usize] = tail;
            }
        }
        let resources = |e: crate::soc::ExecutorId| &joint.platform.executor(e).resources;
        let area = joint
            .tasks()
            .map(|task| {
                joint
                    .choices(task)
                    .map(|(e, w)| w.saturating_mul(resources(e).len() as u64))
                    .min()
                    .unwrap_or(0)
            })
            .collect();
        let forced = (0..joint.platform.resources.len())
            .map(|r| {
                let needs = |task: &u32| {
                    joint.choices(*task).all(|(e, _)| resources(e).iter().any(|own| own.0 as usize == r))
                };
                joint.tasks().filter(needs).collect()
            })
            .collect();
        Self { executors, tails, area, forced, finishes: vec![0; joint.len() * executors] }
    }

    /// Least makespan when nothing starts before `from` any more.
    pub(super) fn of(&mut self, joint: &JointGraph<'_>, schedule: &Schedule<'_>, from: u64) -> u64 {
        let ends: Vec<u64> = joint.executors().iter().map(|&e| schedule.available(e).max(from)).collect();
        let mut bound = schedule.makespan();
        for &task in joint.order() {
            let row = task as usize * self.executors;
            if let Some(slot) = schedule.slot(task) {
                let tail = self.tails[row + slot.executor.0 as usize];
                bound = bound.max(slot.finish.saturating_add(tail));
                continue;
            }
            let mut least = u64::MAX;
            for &p in joint.executors() {
                let work = joint.work(task, p);
                let at = row + p.0 as usize;
                self.finishes[at] = UNSUPPORTED;
                if work == UNSUPPORTED {
                    continue;
                }
                let mut start = ends[p.0 as usize];
                for (producer, link) in joint.predecessors(task) {
                    let arrival = match schedule.slot(producer) {
                        Some(slot) => slot.finish + joint.graph(task).transfer(link, slot.executor, p).0,
                        None => joint
                            .choices(producer)
                            .map(|(q, _)| {
                                let finish = self.finishes[producer as usize * self.executors + q.0 as usize];
                                finish.saturating_add(joint.graph(task).transfer(link, q, p).0)
                            })
                            .min()
                            .unwrap_or(0),
                    };
                    start = start.max(arrival);
                }
                self.finishes[at] = start.saturating_add(work);
                least = least.min(self.finishes[at].saturating_add(self.tails[at]));
            }
            bound = bound.max(least);
        }
        bound.max(self.by_area(joint, schedule, from)).max(self.by_resource(joint, schedule, from))
    }

    /// All resources together cannot do more than their number allows.
    fn by_area(&self, joint: &JointGraph<'_>, schedule: &Schedule<'_>, from: u64) -> u64 {
        let resources = joint.platform.resources.len() as u64;
        let spent: u64 = (0..resources as usize).map(|r| schedule.end_of(r).max(from)).sum();
        let left = joint.tasks().filter(|&t| schedule.slot(t).is_none());
        let work = left.fold(0u64, |sum, task| sum.saturating_add(self.area[task as usize]));
        spent.saturating_add(work).div_ceil(resources.max(1))
    }

    /// What needs a resource wherever it runs has to go through it, one after the other.
    fn by_resource(&self, joint: &JointGraph<'_>, schedule: &Schedule<'_>, from: u64) -> u64 {
        let mut bound = 0;
        for (resource, tasks) in self.forced.iter().enumerate() {
            let (mut work, mut tail, mut head) = (0u64, u64::MAX, u64::MAX);
            for &task in tasks.iter().filter(|&&task| schedule.slot(task).is_none()) {
                work = work.saturating_add(joint.least_work(task));
                for (e, own) in joint.choices(task) {
                    let at = task as usize * self.executors + e.0 as usize;
                    tail = tail.min(self.tails[at]);
                    head = head.min(self.finishes[at].saturating_sub(own));
                }
            }
            if tail != u64::MAX {
                let start = schedule.end_of(resource).max(from).max(head);
                bound = bound.max(start.saturating_add(work).saturating_add(tail));
            }
        }
        bound
    }
}
