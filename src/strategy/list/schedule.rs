//! Tasks on timelines: where they fit, and the plan that they make.

use super::super::{Dispatch, Plan, QueueOrder, TransferStart};
use super::joint::JointGraph;
use crate::soc::ExecutorId;

/// Where and when a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub executor: ExecutorId,
    pub start: u64,
    pub finish: u64,
    /// When its outputs, if it writes any, lie where the application reads them; else its finish. What choices compare.
    pub done: u64,
}

/// A schedule in the making. Transfers have their way to themselves and begin when the producer finishes; layout conversion
/// occupies the reader. Every resource runs one task at a time, and an executor occupies all its resources.
#[derive(Debug, Clone)]
pub(crate) struct Schedule<'a> {
    joint: &'a JointGraph<'a>,
    /// Whether tasks may go into gaps between others, or only behind all.
    insertion: bool,
    slots: Vec<Option<Slot>>,
    /// Per resource, start and finish of what runs there, in order of time.
    busy: Vec<Vec<(u64, u64)>>,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(joint: &'a JointGraph<'a>, insertion: bool) -> Self {
        let resources = joint.platform.resources.len();
        Self { joint, insertion, slots: vec![None; joint.len()], busy: vec![Vec::new(); resources] }
    }

    pub(crate) fn slot(&self, task: u32) -> Option<Slot> {
        self.slots[task as usize]
    }

    /// When the data of a task, as far as its producers are placed, has arrived; and the conversions it has to do.
    pub(crate) fn data_ready(&self, task: u32, executor: ExecutorId) -> (u64, u64) {
        let (_, unit) = self.joint.unit(task);
        let graph = self.joint.graph(task);
        let mut ready = graph.input_transfer(unit, executor).0;
        let mut conversion: u64 = graph.inputs(unit, executor).map(|input| input.conversion.0).sum();
        for (producer, link) in self.joint.predecessors(task) {
            let Some(from) = self.slots[producer as usize] else { continue };
            if graph.crosses(link, from.executor, executor) {
                ready =
                    ready.max(from.finish.saturating_add(graph.transfer(link, from.executor, executor).0));
                conversion = conversion.saturating_add(graph.conversion(link, from.executor, executor).0);
            } else {
                ready = ready.max(from.finish);
            }
        }
        (ready, conversion)
    }

    /// When everything placed on an executor's resources so far has ended.
    pub(crate) fn available(&self, executor: ExecutorId) -> u64 {
        let resources = &self.joint.platform.executor(executor).resources;
        let ends = resources.iter().map(|r| self.busy[r.0 as usize].last().map_or(0, |last| last.1));
        ends.max().unwrap_or(0)
    }

    /// When everything placed on a resource so far has ended.
    pub(crate) fn end_of(&self, resource: usize) -> u64 {
        self.busy[resource].last().map_or(0, |last| last.1)
    }

    /// Whether anything is placed on a resource.
    pub(crate) fn is_used(&self, resource: usize) -> bool {
        !self.busy[resource].is_empty()
    }

    /// Earliest start of work of a length whose data is there at `ready`.
    pub(crate) fn earliest(&self, executor: ExecutorId, ready: u64, length: u64) -> u64 {
        if !self.insertion {
            return ready.max(self.available(executor));
        }
        let resources = &self.joint.platform.executor(executor).resources;
        let mut start = ready;
        loop {
            let before = start;
            for resource in resources {
                start = gap(&self.busy[resource.0 as usize], start, length);
            }
            // A gap must be one in all of them.
            if start == before || resources.len() == 1 {
                return start;
            }
        }
    }

    /// Where a task would run on an executor that supports it.
    pub(crate) fn trial(&self, task: u32, executor: ExecutorId, work: u64) -> Slot {
        let (ready, conversion) = self.data_ready(task, executor);
        self.slot_at(task, executor, ready, work.saturating_add(conversion))
    }

    /// As [`Schedule::trial`], with data and length known.
    pub(crate) fn slot_at(&self, task: u32, executor: ExecutorId, ready: u64, length: u64) -> Slot {
        let start = self.earliest(executor, ready, length);
        let finish = start.saturating_add(length);
        Slot { executor, start, finish, done: finish.saturating_add(self.joint.output(task, executor)) }
    }

    /// The executor where a task is done first, ties to the smaller number.
    pub(crate) fn first_done(&self, task: u32) -> Option<Slot> {
        self.joint.choices(task).map(|(e, work)| self.trial(task, e, work)).min_by_key(|slot| slot.done)
    }

    pub(crate) fn place(&mut self, task: u32, slot: Slot) {
        self.slots[task as usize] = Some(slot);
        for resource in &self.joint.platform.executor(slot.executor).resources {
            let busy = &mut self.busy[resource.0 as usize];
            let at = busy.partition_point(|&interval| interval <= (slot.start, slot.finish));
            busy.insert(at, (slot.start, slot.finish));
        }
    }

    /// Takes a task back.
    pub(crate) fn remove(&mut self, task: u32) {
        let Some(slot) = self.slots[task as usize].take() else { return };
        for resource in &self.joint.platform.executor(slot.executor).resources {
            let busy = &mut self.busy[resource.0 as usize];
            let at = busy.partition_point(|&interval| interval < (slot.start, slot.finish));
            busy.remove(at);
        }
    }

    /// When everything, outputs included, is done.
    pub(crate) fn makespan(&self) -> u64 {
        self.slots.iter().flatten().map(|slot| slot.done).max().unwrap_or(0)
    }

    /// All tasks by start; what takes no time comes before what starts with it, producers before readers.
    pub(crate) fn by_start(&self) -> Vec<(u32, Slot)> {
        let mut rows: Vec<(u32, Slot)> = self
            .joint
            .tasks()
            .filter_map(|task| self.slots[task as usize].map(|slot| (task, slot)))
            .collect();
        rows.sort_by_key(|&(task, slot)| (slot.start, slot.finish, self.joint.position(task)));
        rows
    }

    /// The plans that play this schedule: units enter their queues at admission, in order of their starts. With several
    /// streams the planned starts order the queues, so that requests which come together run as planned.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let several = self.joint.streams() > 1;
        let empty = || {
            let plan = Plan::new(Dispatch::InOrder, TransferStart::ProducerFinish);
            if several { plan.ordered(QueueOrder::ByKeyFromArrival) } else { plan }
        };
        let mut plans: Vec<Plan> = (0..self.joint.streams()).map(|_| empty()).collect();
        for (task, slot) in self.by_start() {
            let (stream, unit) = self.joint.unit(task);
            let operators = self.joint.graph(task).operators(unit);
            plans[stream].push_with_key(operators, Some(slot.executor), slot.start as i64);
        }
        plans
    }
}

/// First time from `ready` on at which a timeline has a gap of a length.
fn gap(busy: &[(u64, u64)], ready: u64, length: u64) -> u64 {
    let mut start = ready;
    let first = busy.partition_point(|interval| interval.1 <= ready);
    for &(from, to) in &busy[first..] {
        if start.saturating_add(length) <= from {
            break;
        }
        start = start.max(to);
    }
    start
}

#[cfg(test)]
mod tests {
    use super::gap;

    #[test]
    fn gaps_are_found_in_order_of_time() {
        let busy = [(2, 4), (6, 10), (10, 12)];
        assert_eq!(gap(&busy, 0, 2), 0);
        assert_eq!(gap(&busy, 0, 3), 12);
        assert_eq!(gap(&busy, 1, 2), 4);
        assert_eq!(gap(&busy, 5, 1), 5);
        assert_eq!(gap(&busy, 3, 0), 4);
        assert_eq!(gap(&busy, 20, 5), 20);
    }
}
