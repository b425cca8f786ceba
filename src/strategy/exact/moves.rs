//! Neighbours of a sequence.

use super::super::list::JointGraph;
use super::decode::Sequence;
use crate::soc::ExecutorId;

/// A change of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// The second task runs before the first, which ran before it.
    Before(u32, u32),
    /// The first task runs after the second, which ran after it.
    After(u32, u32),
    /// A task runs elsewhere, at this place of the sequence without it.
    Reassign(u32, ExecutorId, usize),
}

/// Where tasks stand in a sequence, and what keeps them apart.
pub(super) struct Mover<'a> {
    joint: &'a JointGraph<'a>,
    /// Place of each task in the sequence.
    pub(super) place: Vec<usize>,
    carried: Vec<bool>,
}

impl<'a> Mover<'a> {
    pub(super) fn new(joint: &'a JointGraph<'a>) -> Self {
        Self { joint, place: vec![0; joint.len()], carried: vec![false; joint.len()] }
    }

    /// Notes where the tasks stand.
    pub(super) fn look(&mut self, sequence: &Sequence) {
        for (at, &(task, _)) in sequence.iter().enumerate() {
            self.place[task as usize] = at;
        }
    }

    /// Places of the sequence without it where a task may stand: behind its last producer and before its first reader, both included.
    pub(super) fn window(&self, task: u32, length: usize) -> (usize, usize) {
        let own = self.place[task as usize];
        let without = |at: usize| if at > own { at - 1 } else { at };
        let producers = self.joint.predecessors(task).map(|p| without(self.place[p.0 as usize]) + 1);
        let readers = self.joint.successors(task).map(|s| without(self.place[s.0 as usize]));
        (producers.max().unwrap_or(0), readers.min().unwrap_or(length.saturating_sub(1)))
    }

    /// Writes the changed sequence to `out`; `false` when dependencies forbid it.
    pub(super) fn apply(&mut self, sequence: &Sequence, change: Move, out: &mut Sequence) -> bool {
        out.clear();
        match change {
            Move::Reassign(task, executor, at) => {
                out.extend(sequence.iter().filter(|entry| entry.0 != task));
                out.insert(at.min(out.len()), (task, executor));
                true
            }
            Move::Before(first, second) => {
                let (from, to) = (self.place[first as usize], self.place[second as usize]);
                // Producers of the second, and what runs before them on their resources, go with it.
                self.carried[second as usize] = true;
                let mut possible = true;
                for at in (from..to).rev() {
                    let (task, executor) = sequence[at];
                    let feeds = self.joint.successors(task).any(|(s, _)| self.carried[s as usize]);
                    let queues = sequence[at + 1..to]
                        .iter()
                        .any(|&(t, e)| self.carried[t as usize] && self.share(executor, e));
                    if feeds || queues {
                        possible &= task != first;
                        self.carried[task as usize] = true;
                    }
                }
                let segment = &sequence[from..=to];
                out.extend_from_slice(&sequence[..from]);
                out.extend(segment.iter().filter(|entry| self.carried[entry.0 as usize]));
                out.extend(segment.iter().filter(|entry| !self.carried[entry.0 as usize]));
                out.extend_from_slice(&sequence[to + 1..]);
                segment.iter().for_each(|entry| self.carried[entry.0 as usize] = false);
                possible
            }
            Move::After(first, second) => {
                let (from, to) = (self.place[first as usize], self.place[second as usize]);
                self.carried[first as usize] = true;
                let mut possible = true;
                for at in from + 1..=to {
                    let (task, executor) = sequence[at];
                    let reads = self.joint.predecessors(task).any(|(p, _)| self.carried[p as usize]);
                    let queues = sequence[from + 1..at]
                        .iter()
                        .any(|&(t, e)| self.carried[t as usize] && self.share(executor, e));
                    if reads || queues {
                        possible &= task != second;
                        self.carried[task as usize] = true;
                    }
                }
                let segment = &sequence[from..=to];
                out.extend_from_slice(&sequence[..from]);
                out.extend(segment.iter().filter(|entry| !self.carried[entry.0 as usize]));
                out.extend(segment.iter().filter(|entry| self.carried[entry.0 as usize]));
                out.extend_from_slice(&sequence[to + 1..]);
                segment.iter().for_each(|entry| self.carried[entry.0 as usize] = false);
                possible
            }
        }
    }

    /// Whether two executors exclude each other.
    fn share(&self, a: ExecutorId, b: ExecutorId) -> bool {
        let resources = |e| &self.joint.platform.executor(e).resources;
        a == b || resources(a).iter().any(|r| resources(b).contains(r))
    }
}
