//! The event queue.

use crate::units::SimTime;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Order of events at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// Something ends.
    Completion = 0,
    /// A rate, a clock or a share changes.
    RateChange = 1,
    /// Something enters from outside.
    Arrival = 2,
    /// A policy looks at the result of all of the above.
    Policy = 3,
}

/// Events by time, then [`Phase`], then the order in which they were pushed.
///
/// Push and pop take O(log n). Events cannot be taken back: what may change its time belongs into an
/// [`ActivityTable`](super::ActivityTable).
///
/// ```
/// use hetsoc::engine::{EventQueue, Phase};
/// use hetsoc::units::SimTime;
/// let mut queue = EventQueue::new();
/// queue.push(SimTime(5), Phase::Arrival, "b");
/// queue.push(SimTime(5), Phase::Completion, "a");
/// assert_eq!(queue.pop(), Some((SimTime(5), "a")));
/// ```
#[derive(Debug, Clone)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    pushed: u64,
}

/// Time in the upper 64 bits, phase in the next 8, insertion number in the lower 56: one integer comparison.
#[derive(Debug, Clone)]
struct Entry<T> {
    key: u128,
    payload: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> EventQueue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(64)
    }

    /// An empty queue with room for `capacity` events.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { heap: BinaryHeap::with_capacity(capacity), pushed: 0 }
    }

    /// Adds an event.
    pub fn push(&mut self, time: SimTime, phase: Phase, payload: T) {
        let key = (u128::from(time.0) << 64) | (u128::from(phase as u8) << 56) | u128::from(self.pushed);
        self.pushed += 1;
        self.heap.push(Reverse(Entry { key, payload }));
    }

    /// Time and phase of the next event.
    #[must_use]
    pub fn peek(&self) -> Option<(SimTime, Phase)> {
        self.heap.peek().map(|Reverse(entry)| {
            let phase = match (entry.key >> 56) as u8 {
                0 => Phase::Completion,
                1 => Phase::RateChange,
                2 => Phase::Arrival,
                _ => Phase::Policy,
            };
            (SimTime((entry.key >> 64) as u64), phase)
        })
    }

    /// Time of the next event, [`SimTime::NEVER`] when there is none.
    #[must_use]
    pub fn next_time(&self) -> SimTime {
        self.heap.peek().map_or(SimTime::NEVER, |Reverse(entry)| SimTime((entry.key >> 64) as u64))
    }

    /// Removes the next event.
    pub fn pop(&mut self) -> Option<(SimTime, T)> {
        self.heap.pop().map(|Reverse(entry)| (SimTime((entry.key >> 64) as u64), entry.payload))
    }

    /// Number of events waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_then_phase_then_insertion() {
        let mut queue = EventQueue::new();
        for (time, phase, name) in [
            (2, Phase::Completion, "e"),
            (1, Phase::Policy, "d"),
            (1, Phase::Arrival, "b"),
            (1, Phase::Arrival, "c"),
            (1, Phase::Completion, "a"),
        ] {
            queue.push(SimTime(time), phase, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, name)| name).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e"]);
        assert_eq!(queue.next_time(), SimTime::NEVER);
    }
}
