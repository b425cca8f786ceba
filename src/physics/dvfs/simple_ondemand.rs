//! simple_ondemand: the governor of devfreq devices, and what the msm GPU driver adds to it.
//!
//! Linux 7.3.4 `drivers/devfreq/governor_simpleondemand.c`; `drivers/gpu/drm/msm/msm_gpu_devfreq.c`.

use super::frequencies::Frequencies;
use super::sample::Sample;
use crate::units::{SimDuration, SimTime};

/// What the msm driver does between the samples.
const MSM_IDLE_DELAY: SimDuration = SimDuration(1_000_000_000);
const MSM_POLL: SimDuration = SimDuration(50_000_000_000);
const MSM_BOOST: u64 = 2;

/// State of simple_ondemand on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleOndemand {
    up_threshold: u64,
    down_differential: u64,
    period: SimDuration,
    msm: bool,
    idle_since: Option<SimTime>,
    boosted_until: SimTime,
    boosted_to: usize,
}

impl SimpleOndemand {
    /// With the thresholds in percent (90 and 5 unless a driver says otherwise) and the polling period.
    #[must_use]
    pub const fn new(up_threshold: u64, down_differential: u64, period: SimDuration) -> Self {
        Self {
            up_threshold,
            down_differential,
            period,
            msm: false,
            idle_since: None,
            boosted_until: SimTime::ZERO,
            boosted_to: 0,
        }
    }

    /// As the msm GPU driver sets it up: thresholds 50 and 10, a sample each 50 ms, the slowest step 1 ms after
    /// the device has fallen idle, and twice the clock for 50 ms after it wakes from more than 50 ms of idle.
    #[must_use]
    pub const fn msm() -> Self {
        let mut governor = Self::new(50, 10, MSM_POLL);
        governor.msm = true;
        governor
    }

    /// Its polling period.
    #[must_use]
    pub const fn period(&self) -> SimDuration {
        self.period
    }

    /// The device has fallen idle. Returns when it shall be set to its slowest step, if it is still idle then.
    pub fn fell_idle(&mut self, now: SimTime) -> Option<SimTime> {
        self.idle_since = Some(now);
        self.msm.then(|| now + MSM_IDLE_DELAY)
    }

    /// The device has work again and ran at `before` when it fell idle. Returns the step to take now.
    pub fn woke(&mut self, now: SimTime, before: usize, table: &Frequencies) -> usize {
        let slept = self.idle_since.take().map_or(SimDuration::ZERO, |since| now.since(since));
        if self.msm && slept > MSM_POLL {
            self.boosted_until = now + MSM_POLL;
            self.boosted_to = table.at_least(table.khz(before) * MSM_BOOST);
            return self.boosted_to.max(before);
        }
        before
    }

    /// The step to run at.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        let (busy, total) = (u128::from(sample.busy.0.min(sample.elapsed.0)), u128::from(sample.elapsed.0));
        let keep_above = u128::from(self.up_threshold.saturating_sub(self.down_differential));
        let middle = u128::from(self.up_threshold.saturating_sub(self.down_differential / 2)).max(1);
        let step = if total == 0 || busy * 100 > total * u128::from(self.up_threshold) {
            sample.highest
        } else if busy * 100 > total * keep_above {
            sample.current
        } else {
            let busy_clock = busy * u128::from(table.khz(sample.current)) / total;
            table.at_least((busy_clock * 100 / middle) as u64)
        };
        let floor = if sample.now < self.boosted_until { self.boosted_to } else { 0 };
        sample.clamp(step.max(floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000_000;
    const ADRENO: [u64; 6] = [257_000, 345_000, 427_000, 499_200, 585_000, 675_000];

    fn sample(at_ms: u64, percent: u64, current: usize) -> Sample {
        Sample {
            now: SimTime(at_ms * MS),
            elapsed: SimDuration(50 * MS),
            busy: SimDuration(percent * MS / 2),
            utilisation: 0,
            capacity: 1024,
            current,
            lowest: 0,
            highest: 5,
        }
    }

    #[test]
    fn agrees_with_the_oracle() {
        let table = Frequencies::from_khz(ADRENO);
        let step = |mut governor: SimpleOndemand, percent, current| {
            table.khz(governor.target(&sample(100, percent, current), &table))
        };
        assert_eq!(step(SimpleOndemand::msm(), 30, 5), 499_200);
        assert_eq!(step(SimpleOndemand::msm(), 45, 1), 345_000);
        assert_eq!(step(SimpleOndemand::msm(), 55, 1), 675_000);
        assert_eq!(step(SimpleOndemand::new(90, 5, SimDuration(50 * MS)), 60, 5), 499_200);
        assert_eq!(step(SimpleOndemand::new(90, 5, SimDuration::ZERO), 0, 5), 257_000);
    }

    #[test]
    fn the_msm_driver_boosts_after_a_long_sleep() {
        let table = Frequencies::from_khz(ADRENO);
        let mut governor = SimpleOndemand::msm();
        assert_eq!(governor.fell_idle(SimTime(100 * MS)), Some(SimTime(101 * MS)));
        assert_eq!(governor.woke(SimTime(140 * MS), 1, &table), 1, "40 ms are no long sleep");
        governor.fell_idle(SimTime(150 * MS));
        // 2 x 257 = 514 -> 585 MHz.
        assert_eq!(governor.woke(SimTime(210 * MS), 0, &table), 4);
        assert_eq!(governor.target(&sample(240, 10, 4), &table), 4, "boosted until 260 ms");
        assert_eq!(governor.target(&sample(290, 10, 4), &table), 0);
    }
}
