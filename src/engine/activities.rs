//! Activities that progress at piecewise constant rates, in a dense table.

use crate::units::{SimDuration, SimTime};

/// A few activities (one per slot), each with work left and a rate; the next one to end is found by a linear
/// scan, which beats a heap below some thirty slots.
///
/// Work is measured in picoseconds at rate 1, so an activity of work 10 at rate 0.5 takes 20 ps. It ends at
/// `now + ceil(work left / rate)`. Changing a rate settles the work done so far. A remainder of less than half a tick
/// is rounding, and counts as none: an activity that ends just when it would be suspended has ended. Negative ones are
/// counted ([`ActivityTable::clamped`]).
///
/// ```
/// use hetsoc::engine::ActivityTable;
/// use hetsoc::units::{SimDuration, SimTime};
/// let mut table = ActivityTable::new(2);
/// table.start(0, SimTime(0), SimDuration(100), 1.0, 0);
/// table.set_rate(0, SimTime(50), 0.5);
/// assert_eq!(table.next(), Some((SimTime(150), 0)));
/// ```
#[derive(Debug, Clone)]
pub struct ActivityTable {
    ends: Vec<SimTime>,
    orders: Vec<u64>,
    work_left: Vec<f64>,
    rates: Vec<f64>,
    since: Vec<SimTime>,
    clamped: u64,
}

impl ActivityTable {
    /// A table of empty slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            ends: vec![SimTime::NEVER; slots],
            orders: vec![u64::MAX; slots],
            work_left: vec![0.0; slots],
            rates: vec![0.0; slots],
            since: vec![SimTime::ZERO; slots],
            clamped: 0,
        }
    }

    /// Number of slots, empty ones included.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.ends.len()
    }

    /// Starts an activity of `work` in an empty slot. Of activities that end at the same time the one with
    /// the smaller `order` comes first. A rate of zero suspends it.
    pub fn start(&mut self, slot: usize, now: SimTime, work: SimDuration, rate: f64, order: u64) {
        self.orders[slot] = order;
        self.rates[slot] = rate;
        self.since[slot] = now;
        self.work_left[slot] = work.0 as f64;
        // An integer sum, not a quotient of floats: an uncontended activity takes exactly its work.
        self.ends[slot] = if rate == 1.0 { now + work } else { end_of(now, work.0 as f64, rate) };
    }

    /// Lets an activity go on at another rate from `now`. Does nothing when the rate is bitwise the same.
    pub fn set_rate(&mut self, slot: usize, now: SimTime, rate: f64) {
        let old = self.rates[slot];
        if old.to_bits() == rate.to_bits() {
            return;
        }
        let mut left = self.work_left[slot] - old * now.since(self.since[slot]).0 as f64;
        if left < 0.5 {
            self.clamped += u64::from(left < 0.0);
            left = 0.0;
        }
        self.work_left[slot] = left;
        self.rates[slot] = rate;
        self.since[slot] = now;
        self.ends[slot] = end_of(now, left, rate);
    }

    /// The rate of the activity in `slot`.
    #[must_use]
    pub fn rate(&self, slot: usize) -> f64 {
        self.rates[slot]
    }

    /// Work left at `now`, never negative.
    #[must_use]
    pub fn work_left(&self, slot: usize, now: SimTime) -> SimDuration {
        let left = self.work_left[slot] - self.rates[slot] * now.since(self.since[slot]).0 as f64;
        SimDuration(left.max(0.0).ceil() as u64)
    }

    /// When the activity in `slot` ends; [`SimTime::NEVER`] for an empty or suspended one.
    #[must_use]
    pub fn end(&self, slot: usize) -> SimTime {
        self.ends[slot]
    }

    /// The next activity to end. Takes time proportional to the number of slots.
    #[must_use]
    pub fn next(&self) -> Option<(SimTime, usize)> {
        let mut best = SimTime::NEVER;
        let mut at = usize::MAX;
        for (slot, &end) in self.ends.iter().enumerate() {
            if end < best || (end == best && end != SimTime::NEVER && self.orders[slot] < self.orders[at]) {
                best = end;
                at = slot;
            }
        }
        (at != usize::MAX).then_some((best, at))
    }

    /// Empties a slot.
    pub fn clear(&mut self, slot: usize) {
        self.ends[slot] = SimTime::NEVER;
        self.orders[slot] = u64::MAX;
    }

    /// How often a remainder that rounding had left below zero was set to zero.
    #[must_use]
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }
}

/// `now + ceil(work / rate)`, never for a rate of zero.
fn end_of(now: SimTime, work: f64, rate: f64) -> SimTime {
    if work <= 0.0 {
        now
    } else if rate > 0.0 {
        now + SimDuration((work / rate).ceil() as u64)
    } else {
        SimTime::NEVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_change_ends() {
        let mut table = ActivityTable::new(3);
        table.start(0, SimTime(0), SimDuration(100), 1.0, 7);
        table.start(1, SimTime(0), SimDuration(100), 1.0, 3);
        assert_eq!(table.next(), Some((SimTime(100), 1)));
        table.set_rate(1, SimTime(40), 0.0);
        assert_eq!(table.next(), Some((SimTime(100), 0)));
        table.set_rate(1, SimTime(90), 0.5);
        assert_eq!(table.end(1), SimTime(210));
        assert_eq!(table.work_left(1, SimTime(110)), SimDuration(50));
        table.clear(0);
        assert_eq!(table.next(), Some((SimTime(210), 1)));
    }

    #[test]
    fn what_rounding_leaves_is_not_suspended() {
        let mut table = ActivityTable::new(1);
        // 0.7 x 9e10 falls short of 6.3e10 in binary: a millionth of a tick seems to be left.
        table.start(0, SimTime(0), SimDuration(63_000_000_000), 0.7, 0);
        table.set_rate(0, SimTime(90_000_000_000), 0.0);
        assert_eq!(table.end(0), SimTime(90_000_000_000));
    }

    #[test]
    fn no_work_ends_at_once() {
        let mut table = ActivityTable::new(1);
        table.start(0, SimTime(9), SimDuration(0), 0.0, 0);
        assert_eq!(table.next(), Some((SimTime(9), 0)));
    }
}
