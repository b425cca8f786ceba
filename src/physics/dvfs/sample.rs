//! What a governor sees, and when it looks.

use crate::units::{SimDuration, SimTime};

/// What has happened in a clock domain since its governor last looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Now.
    pub now: SimTime,
    /// Since the last sample.
    pub elapsed: SimDuration,
    /// Busy time since the last sample of the busiest core of the domain (or of the device), at most `elapsed`.
    pub busy: SimDuration,
    /// `util_avg` of the most utilised core in [0, 1024]; read by schedutil only.
    pub utilisation: u64,
    /// What one core does at its fastest clock, compared with the fastest core of the SoC, in [1, 1024]; read by
    /// schedutil only.
    pub capacity: u64,
    /// Step at which the domain runs.
    pub current: usize,
    /// Slowest step allowed.
    pub lowest: usize,
    /// Fastest step allowed (thermal caps); at least `lowest`.
    pub highest: usize,
}

impl Sample {
    /// `step` within the allowed range.
    #[must_use]
    pub fn clamp(&self, step: usize) -> usize {
        step.min(self.highest).max(self.lowest)
    }

    /// Load in percent, rounded down, 0 without any time.
    #[must_use]
    pub fn load(&self) -> u64 {
        let (busy, elapsed) = (self.busy.0.min(self.elapsed.0), self.elapsed.0);
        if elapsed == 0 { 0 } else { (u128::from(busy) * 100 / u128::from(elapsed)) as u64 }
    }
}

/// When a governor wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Once, and whenever the caps change.
    Caps,
    /// Periodically.
    Every(SimDuration),
    /// At every scheduler tick and wake-up; not more often than this after a change.
    Utilisation(SimDuration),
    /// Whenever the device has finished a piece of work or falls idle.
    Retire,
}
