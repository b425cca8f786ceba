//! schedutil: the clock follows the utilisation that the scheduler tracks.
//!
//! Linux 7.3.4 `kernel/sched/cpufreq_schedutil.c`: `util' = min(util + util / 4, capacity)`,
//! `f = f_max util' / capacity`, the slowest step at or above. Android keeps separate limits for going up and down.
//! Left out: the I/O boost, deadline tasks and clamps of utilisation, which nothing in the simulation causes; and
//! `util_est`, which remembers what a sleeping task needed: a task that wakes after a long sleep ramps up anew.

use super::frequencies::Frequencies;
use super::sample::Sample;
use crate::units::{SimDuration, SimTime};

/// State of schedutil in one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedutil {
    up: SimDuration,
    down: SimDuration,
    changed: Option<SimTime>,
}

impl Schedutil {
    /// With the least time between a change and a step up or down; the kernel's one `rate_limit_us` is both.
    #[must_use]
    pub const fn new(up: SimDuration, down: SimDuration) -> Self {
        Self { up, down, changed: None }
    }

    /// The limit for going up, the shorter one in practice.
    #[must_use]
    pub const fn up_limit(&self) -> SimDuration {
        self.up
    }

    /// When a step away from `current` to `target` is allowed.
    #[must_use]
    pub fn allowed_at(&self, current: usize, target: usize) -> SimTime {
        let limit = if target > current { self.up } else { self.down };
        self.changed.map_or(SimTime::ZERO, |at| at.saturating_add(limit))
    }

    /// The step that `utilisation` asks for, caps and limits aside.
    #[must_use]
    pub fn wanted(utilisation: u64, capacity: u64, table: &Frequencies) -> usize {
        let capacity = capacity.max(1);
        let utilisation = utilisation.min(capacity);
        let with_headroom = (utilisation + (utilisation >> 2)).min(capacity);
        table.at_least(table.khz(table.top()) * with_headroom / capacity)
    }

    /// The lowest and the highest utilisation that ask for `step`; `None` when nothing asks for it.
    ///
    /// Together with [`super::CoreSignal::ticks_until`] this tells when the next decision will differ.
    #[must_use]
    pub fn band(step: usize, capacity: u64, table: &Frequencies) -> Option<(u64, u64)> {
        let levels: Vec<u64> = (0..=super::FULL).collect();
        let low = levels.partition_point(|u| Self::wanted(*u, capacity, table) < step) as u64;
        let end = levels.partition_point(|u| Self::wanted(*u, capacity, table) <= step) as u64;
        (end > low).then(|| (low, end - 1))
    }

    /// The step to run at from now on.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        let wanted = sample.clamp(Self::wanted(sample.utilisation, sample.capacity, table));
        // Caps take effect at once (need_freq_update).
        let capped = sample.clamp(sample.current) != sample.current;
        if wanted == sample.current || (!capped && sample.now < self.allowed_at(sample.current, wanted)) {
            return sample.clamp(sample.current);
        }
        self.changed = Some(sample.now);
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CoreSignal, FULL};
    use super::*;

    const SILVER: [u64; 18] = [
        300_000, 403_200, 499_200, 576_000, 672_000, 768_000, 844_800, 940_800, 1_036_800, 1_113_600,
        1_209_600, 1_305_600, 1_382_400, 1_478_400, 1_555_200, 1_632_000, 1_708_800, 1_785_600,
    ];
    const GOLD: [u64; 17] = [
        710_400, 825_600, 940_800, 1_056_000, 1_171_200, 1_286_400, 1_401_600, 1_497_600, 1_612_800,
        1_708_800, 1_804_800, 1_920_000, 2_016_000, 2_131_200, 2_227_200, 2_323_200, 2_419_200,
    ];
    const PRIME: [u64; 20] = [
        825_600, 940_800, 1_056_000, 1_171_200, 1_286_400, 1_401_600, 1_497_600, 1_612_800, 1_708_800,
        1_804_800, 1_920_000, 2_016_000, 2_131_200, 2_227_200, 2_323_200, 2_419_200, 2_534_400, 2_649_600,
        2_745_600, 2_841_600,
    ];

    /// Time to the top step and number of steps of a core that is busy from time zero on, in ms.
    fn ramp(clocks: &[u64], capacity: u64, limit_us: u64) -> (f64, usize) {
        let table = Frequencies::from_khz(clocks.iter().copied());
        let limit = SimDuration(limit_us * 1_000_000);
        let mut governor = Schedutil::new(limit, limit);
        let mut signal = CoreSignal::new(SimTime::ZERO);
        let (mut step, mut steps) = (0, 0);
        for tick in 1..10_000u64 {
            let now = SimTime(tick * limit.0);
            signal.advance(now, true, capacity, table.scale(step));
            let sample = Sample {
                now,
                elapsed: limit,
                busy: limit,
                utilisation: signal.utilisation(),
                capacity,
                current: step,
                lowest: 0,
                highest: table.top(),
            };
            let next = governor.target(&sample, &table);
            steps += usize::from(next != step);
            step = next;
            if step == table.top() {
                return (now.seconds() * 1e3, steps);
            }
        }
        (f64::INFINITY, steps)
    }

    #[test]
    fn ramps_agree_with_the_oracle() {
        // Capacities of the oracle: gold 2419.2 / 2841.6, silver 488 x 1785.6 / (1024 x 2841.6), in 1/1024.
        let (gold, silver) = (872, 307);
        // The oracle is computed with real numbers; integers cost at most one evaluation.
        for (clocks, capacity, limit, expected, steps) in [
            (&PRIME[..], FULL, 1000, 133.0, 19),
            (&PRIME, FULL, 500, 132.0, 19),
            (&PRIME, FULL, 10_000, 140.0, 10),
            (&GOLD, gold, 1000, 117.0, 16),
            (&GOLD, gold, 500, 116.0, 16),
            (&GOLD, gold, 10_000, 130.0, 9),
            (&SILVER, silver, 1000, 109.0, 17),
            (&SILVER, silver, 500, 108.5, 17),
            (&SILVER, silver, 10_000, 120.0, 9),
        ] {
            let (time, taken) = ramp(clocks, capacity, limit);
            println!(
                "{} steps, limit {limit} us: {time} ms in {taken} steps; {expected} ms in {steps}",
                clocks.len()
            );
            assert!(
                (time - expected).abs() <= (0.02 * expected).max(limit as f64 / 1e3),
                "{time} {expected}"
            );
            assert_eq!(taken, steps);
        }
    }

    #[test]
    fn bands_partition_the_signal() {
        let table = Frequencies::from_khz(GOLD);
        let mut next = 0;
        for step in 0..table.count() {
            let Some((low, high)) = Schedutil::band(step, 872, &table) else { continue };
            assert_eq!(low, next);
            assert!((low..=high).all(|u| Schedutil::wanted(u, 872, &table) == step));
            next = high + 1;
        }
        assert_eq!(next, FULL + 1);
    }

    #[test]
    fn ten_samples_with_limits() {
        // Steps 100, 200, 400 MHz, capacity 1024: 200 MHz is asked for when 1.25 u > 256, that is from
        // u = 206 (206 + 51 = 257) on, 400 MHz from u = 411 (411 + 102 = 513) on.
        // Limits: 500 us up, 20 ms down; a sample each 10 ms.
        let table = Frequencies::from_khz([100_000, 200_000, 400_000]);
        let mut governor = Schedutil::new(SimDuration(500_000_000), SimDuration(20_000_000_000));
        let mut step = 0;
        let trace: Vec<usize> = [205, 206, 411, 100, 100, 410, 100, 100, 1024, 1024]
            .into_iter()
            .enumerate()
            .map(|(i, utilisation)| {
                // t = 20: up to 2 (changed). t = 30: only 10 ms since. t = 40: down to 0 (changed).
                // t = 50: up to 1. t = 60: 10 ms since. t = 70: down. t = 80: up. t = 90: stays.
                let sample = Sample {
                    now: SimTime(i as u64 * 10_000_000_000),
                    elapsed: SimDuration(10_000_000_000),
                    busy: SimDuration::ZERO,
                    utilisation,
                    capacity: 1024,
                    current: step,
                    lowest: 0,
                    highest: 2,
                };
                step = governor.target(&sample, &table);
                step
            })
            .collect();
        assert_eq!(trace, [0, 1, 2, 2, 0, 1, 1, 0, 2, 2]);
    }
}
