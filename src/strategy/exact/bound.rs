//! What no schedule can beat.

use super::super::list::{JointGraph, Schedule, UNSUPPORTED};
use std::collections::BinaryHeap;

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
    jobs: Vec<Job>,
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
        Self { executors, tails, area, forced, finishes: vec![0; joint.len() * executors], jobs: Vec::new() }
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
    fn by_resource(&mut self, joint: &JointGraph<'_>, schedule: &Schedule<'_>, from: u64) -> u64 {
        let mut bound = 0;
        for (resource, tasks) in self.forced.iter().enumerate() {
            let free = schedule.end_of(resource).max(from);
            self.jobs.clear();
            for &task in tasks.iter().filter(|&&task| schedule.slot(task).is_none()) {
                let (mut head, mut tail) = (u64::MAX, u64::MAX);
                for (e, own) in joint.choices(task) {
                    let at = task as usize * self.executors + e.0 as usize;
                    tail = tail.min(self.tails[at]);
                    head = head.min(self.finishes[at].saturating_sub(own));
                }
                self.jobs.push(Job { head: head.max(free), work: joint.least_work(task), tail });
            }
            bound = bound.max(preemptive(&mut self.jobs));
        }
        bound
    }
}

/// Work for one resource: when it can begin, its length, and the least time from its end to the end of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    head: u64,
    work: u64,
    tail: u64,
}

/// Makespan of the best preemptive schedule of a single resource, which no schedule without preemption beats: at all times what is there and has
/// the longest tail (Jackson 1955; as a bound, Carlier and Pinson 1989).
fn preemptive(jobs: &mut [Job]) -> u64 {
    jobs.sort_unstable_by_key(|job| job.head);
    let mut waiting: BinaryHeap<(u64, u64)> = BinaryHeap::new();
    let (mut now, mut next, mut bound) = (0, 0, 0u64);
    loop {
        if waiting.is_empty() {
            let Some(job) = jobs.get(next) else { return bound };
            now = now.max(job.head);
        }
        while let Some(job) = jobs.get(next).filter(|job| job.head <= now) {
            waiting.push((job.tail, job.work));
            next += 1;
        }
        let Some((tail, left)) = waiting.pop() else { return bound };
        let until = jobs.get(next).map_or(u64::MAX, |job| job.head);
        let done = left.min(until - now);
        now = now.saturating_add(done);
        if done < left {
            waiting.push((tail, left - done));
        } else {
            bound = bound.max(now.saturating_add(tail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, preemptive};

    /// Carlier's example (1982): seven jobs whose best preemptive schedule takes 49 and 50 without preemption.
    #[test]
    fn one_machine_by_longest_tails() {
        let rows = [(10, 5, 7), (13, 6, 26), (11, 7, 24), (20, 4, 21), (30, 3, 8), (0, 6, 17), (30, 2, 0)];
        let mut jobs: Vec<Job> = rows.iter().map(|&(head, work, tail)| Job { head, work, tail }).collect();
        assert_eq!(preemptive(&mut jobs), 49);
        // By hand: the long tail interrupts; 1 of 3 done at 1, the other from 1 to 3 with its tail of 9, the rest to 5.
        let mut two = [Job { head: 0, work: 3, tail: 0 }, Job { head: 1, work: 2, tail: 9 }];
        assert_eq!(preemptive(&mut two), 12);
        assert_eq!(preemptive(&mut []), 0);
    }
}
