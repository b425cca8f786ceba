//! Exact time integrals of piecewise constant quantities.

use crate::units::SimTime;

/// The time integral of a quantity that changes in steps: energy from power, mean queue length, and so on.
///
/// ```
/// use hetsoc::engine::Integral;
/// use hetsoc::units::{SimTime, PS_PER_SECOND};
/// let mut energy = Integral::new(SimTime(0), 100.0);
/// energy.set(SimTime(10 * PS_PER_SECOND), 120.0);
/// assert_eq!(energy.until(SimTime(11 * PS_PER_SECOND)), 1120.0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Integral {
    value: f64,
    since: SimTime,
    total: f64,
}

impl Integral {
    /// Starts integrating `value` at `now`.
    #[must_use]
    pub const fn new(now: SimTime, value: f64) -> Self {
        Self { value, since: now, total: 0.0 }
    }

    /// The quantity is `value` from `now` on.
    pub fn set(&mut self, now: SimTime, value: f64) {
        self.total = self.until(now);
        self.since = now;
        self.value = value;
    }

    /// Adds `change` to the quantity from `now` on.
    pub fn add(&mut self, now: SimTime, change: f64) {
        self.set(now, self.value + change);
    }

    /// The present value.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// The integral from the start to `now`, in units of the quantity times seconds.
    #[must_use]
    pub fn until(&self, now: SimTime) -> f64 {
        self.total + self.value * now.since(self.since).seconds()
    }
}
