//! The loop of schedulers that take the pair of ready unit and executor with the least key, where a key is the start plus what does
//! not depend on it.
//!
//! Then ready units need not be compared after every placement: on one executor, those whose data is there start together, when it
//! is free, and rank by the rest of their keys; the others start when their data is there. Executors only become free later, so each
//! pair changes once from the second kind to the first. O(units x executors x log units).

use super::joint::JointGraph;
use super::ranks::Ready;
use super::schedule::Schedule;
use crate::soc::ExecutorId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A ready unit on one executor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub task: u32,
    /// Execution alone, without conversions.
    pub work: u64,
    /// From its start until its outputs are where the application reads them.
    pub done: u64,
}

/// What is added to the start of a pair, and what decides between equal sums; smaller ones come first. After that come units and
/// executors by number.
pub(super) type Key = (i128, u64);

/// Least first: key, unit.
type Least<T> = BinaryHeap<Reverse<T>>;

#[derive(Debug, Default)]
struct Queue {
    /// Data is there: rest of the key, unit.
    free: Least<(i128, u64, u32)>,
    /// Data is not there: key, unit, and when it will be.
    later: Least<(i128, u64, u32, u64)>,
    /// The same by when it will be.
    due: Least<(u64, i128, u64, u32)>,
}

impl Queue {
    fn push(&mut self, task: u32, ready: u64, (rest, tie): Key) {
        self.later.push(Reverse((i128::from(ready) + rest, tie, task, ready)));
        self.due.push(Reverse((ready, rest, tie, task)));
    }

    /// The least pair that is not placed, when the executor is free at `end`: key and unit.
    fn least(&mut self, end: u64, placed: &[bool]) -> Option<(i128, u64, u32)> {
        while let Some(&Reverse((ready, rest, tie, task))) = self.due.peek()
            && ready <= end
        {
            self.due.pop();
            self.free.push(Reverse((rest, tie, task)));
        }
        while self.free.peek().is_some_and(|Reverse(pair)| placed[pair.2 as usize]) {
            self.free.pop();
        }
        while self.later.peek().is_some_and(|Reverse(pair)| pair.3 <= end || placed[pair.2 as usize]) {
            self.later.pop();
        }
        let free = self.free.peek().map(|Reverse((rest, tie, task))| (i128::from(end) + rest, *tie, *task));
        let later = self.later.peek().map(|Reverse((key, tie, task, _))| (*key, *tie, *task));
        free.into_iter().chain(later).min()
    }
}

/// Places ready units one after the other, without insertion, always the pair with the least key.
pub(super) fn schedule_least<'a>(
    joint: &'a JointGraph<'a>,
    mut key: impl FnMut(&Pair) -> Key,
) -> Schedule<'a> {
    let mut schedule = Schedule::new(joint, false);
    let (mut frontier, mut fresh) = Ready::new(joint);
    let mut queues: Vec<Queue> = joint.executors().iter().map(|_| Queue::default()).collect();
    let mut placed = vec![false; joint.len()];
    loop {
        for task in fresh.drain(..) {
            for (executor, work) in joint.choices(task) {
                let (ready, conversion) = schedule.data_ready(task, executor);
                let done = work.saturating_add(conversion).saturating_add(joint.output(task, executor));
                let (rest, tie) = key(&Pair { task, work, done });
                queues[executor.0 as usize].push(task, ready, (rest, tie));
            }
        }
        let mut best: Option<((i128, u64, u32), ExecutorId)> = None;
        for (&executor, queue) in joint.executors().iter().zip(&mut queues) {
            // Of equals the executor with the smaller number comes first.
            if let Some(least) = queue.least(schedule.available(executor), &placed)
                && best.is_none_or(|(so_far, _)| least < so_far)
            {
                best = Some((least, executor));
            }
        }
        let Some(((_, _, task), executor)) = best else { return schedule };
        schedule.place(task, schedule.trial(task, executor, joint.work(task, executor)));
        placed[task as usize] = true;
        frontier.schedule(joint, task, &mut fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would catch a pair that is lost, comes twice, or keeps the key of a start that has passed.
    #[test]
    fn the_queue_gives_what_a_comparison_of_all_pairs_gives() {
        let mut state = 7u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let (mut queue, mut all, mut placed) = (Queue::default(), Vec::new(), vec![false; 2000]);
        let (mut end, mut waited, mut taken) = (0, 0, 0);
        for task in 0..2000u32 {
            // Few values, so that keys tie often.
            let (ready, rest, tie) = (end + below(40), below(30) as i128 - 15, below(3));
            queue.push(task, ready, (rest, tie));
            all.push((ready, rest, tie, task));
            for _ in 0..below(3) {
                end += below(12);
                let expected = all
                    .iter()
                    .filter(|pair| !placed[pair.3 as usize])
                    .map(|&(ready, rest, tie, task)| (i128::from(ready.max(end)) + rest, tie, task))
                    .min();
                assert_eq!(queue.least(end, &placed), expected, "{task} pairs, free at {end}");
                if let Some((_, _, task)) = expected {
                    waited += u32::from(all[task as usize].0 > end);
                    taken += 1;
                    placed[task as usize] = true;
                }
            }
        }
        assert!(waited > 50 && taken - waited > 50, "{waited} of {taken} before their data");
    }
}
