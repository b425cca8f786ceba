//! Equal sharing of one capacity among any number of activities, in virtual time.

use crate::units::{PS_PER_SECOND, SimDuration, SimTime};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Activities that share one capacity equally (processor sharing).
///
/// Virtual time is the service that every present activity has received since the last idle moment. An
/// activity that enters with work `w` ends when virtual time reaches `w` plus its value at entry; that value
/// never changes, so an entry or exit costs O(log n) and re-schedules nobody. Virtual time restarts at
/// zero whenever the share falls idle, which keeps its rounding error bounded by one busy period.
///
/// ```
/// use hetsoc::engine::EqualShare;
/// use hetsoc::units::{SimTime, PS_PER_SECOND};
/// let second = PS_PER_SECOND;
/// let mut share = EqualShare::new(1.0);
/// for (id, work) in [(0, 1.0), (1, 2.0), (2, 3.0)] {
///     share.enter(SimTime(0), work, id);
/// }
/// assert_eq!(share.next(), SimTime(3 * second));
/// assert_eq!(share.pop(SimTime(3 * second)), Some(0));
/// assert_eq!(share.next(), SimTime(5 * second));
/// ```
#[derive(Debug, Clone)]
pub struct EqualShare<T> {
    capacity: f64,
    virtual_time: f64,
    since: SimTime,
    /// End of the first to finish, kept so that looking costs nothing.
    next: SimTime,
    entered: u64,
    heap: BinaryHeap<Reverse<Member<T>>>,
}

#[derive(Debug, Clone)]
struct Member<T> {
    /// Virtual time at which it ends.
    end: f64,
    entered: u64,
    payload: T,
}

impl<T> PartialEq for Member<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T> Eq for Member<T> {}
impl<T> PartialOrd for Member<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Member<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.end.total_cmp(&other.end).then(self.entered.cmp(&other.entered))
    }
}

impl<T> EqualShare<T> {
    /// A share of `capacity` units of work per second (finite, positive).
    #[must_use]
    pub fn new(capacity: f64) -> Self {
        Self {
            capacity,
            virtual_time: 0.0,
            since: SimTime::ZERO,
            next: SimTime::NEVER,
            entered: 0,
            heap: BinaryHeap::with_capacity(64),
        }
    }

    /// Adds an activity with `work` units left (finite, not negative).
    pub fn enter(&mut self, now: SimTime, work: f64, payload: T) {
        self.settle(now);
        self.heap.push(Reverse(Member { end: self.virtual_time + work, entered: self.entered, payload }));
        self.entered += 1;
        self.schedule();
    }

    /// When the next activity ends; [`SimTime::NEVER`] when there is none.
    #[must_use]
    pub const fn next(&self) -> SimTime {
        self.next
    }

    /// Removes the activity that ends at `now`, which must be [`EqualShare::next`]. Those that end together
    /// come out in the order in which they entered.
    pub fn pop(&mut self, now: SimTime) -> Option<T> {
        self.settle(now);
        let Reverse(member) = self.heap.pop()?;
        // `next` was rounded up, so virtual time has reached the end but for rounding of the product.
        self.virtual_time = if self.heap.is_empty() { 0.0 } else { self.virtual_time.max(member.end) };
        self.schedule();
        Some(member.payload)
    }

    /// Changes the capacity from `now` on.
    pub fn set_capacity(&mut self, now: SimTime, capacity: f64) {
        self.settle(now);
        self.capacity = capacity;
        self.schedule();
    }

    /// Number of activities present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nobody is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Units of work per second that each activity receives now.
    #[must_use]
    pub fn rate_of_each(&self) -> f64 {
        if self.heap.is_empty() { 0.0 } else { self.capacity / self.heap.len() as f64 }
    }

    fn settle(&mut self, now: SimTime) {
        if !self.heap.is_empty() {
            let elapsed = now.since(self.since).0 as f64;
            self.virtual_time += elapsed * (self.capacity / PS_PER_SECOND as f64) / self.heap.len() as f64;
        }
        self.since = now;
    }

    fn schedule(&mut self) {
        self.next = match self.heap.peek() {
            None => SimTime::NEVER,
            Some(Reverse(first)) => {
                let left = (first.end - self.virtual_time).max(0.0);
                if left == 0.0 {
                    self.since
                } else {
                    let ps = left * self.heap.len() as f64 / (self.capacity / PS_PER_SECOND as f64);
                    self.since + SimDuration(ps.ceil() as u64)
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish_all(share: &mut EqualShare<u32>) -> Vec<(f64, u32)> {
        let mut ends = Vec::new();
        while share.next() != SimTime::NEVER {
            let now = share.next();
            if let Some(id) = share.pop(now) {
                ends.push((now.seconds(), id));
            }
        }
        ends
    }

    #[test]
    fn late_arrivals_slow_down_early_ones() {
        let mut share = EqualShare::new(1.0);
        share.enter(SimTime(0), 10.0, 0);
        share.enter(SimTime(2 * PS_PER_SECOND), 4.0, 1);
        assert_eq!(finish_all(&mut share), [(10.0, 1), (14.0, 0)]);
    }

    #[test]
    fn equal_ends_come_out_in_order_of_entry() {
        let mut share = EqualShare::new(2.0);
        for id in 0..5 {
            share.enter(SimTime(7), 3.0, id);
        }
        share.enter(SimTime(7), 0.0, 9);
        let ends = finish_all(&mut share);
        assert_eq!(ends.iter().map(|e| e.1).collect::<Vec<_>>(), [9, 0, 1, 2, 3, 4]);
        assert_eq!(ends[1].0, ends[5].0);
    }
}
