//! ondemand and conservative: the clock follows the load of the last interval.
//!
//! Linux 7.3.4 `drivers/cpufreq/cpufreq_governor.c` (`dbs_update`), `cpufreq_ondemand.c`, `cpufreq_conservative.c`.
//! Both may leave out samples while the domain sleeps: a long idle span is recognised by its length, as there.

use super::frequencies::Frequencies;
use super::sample::Sample;
use crate::units::SimDuration;

/// `dbs_update`: the load that a governor acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Load {
    period: SimDuration,
    previous: u64,
    idle_periods: u64,
}

impl Load {
    const fn new(period: SimDuration) -> Self {
        Self { period, previous: 0, idle_periods: 0 }
    }

    /// Load in percent. After more than two periods of sleep the load before it stands once more, so that a
    /// woken task does not start at the lowest clock.
    fn update(&mut self, sample: &Sample) -> u64 {
        let idle = sample.elapsed.0.saturating_sub(sample.busy.0);
        let slept = idle > self.period.0.saturating_mul(2);
        self.idle_periods = if slept { idle / self.period.0.max(1) } else { 0 };
        if slept && self.previous > 0 {
            return std::mem::take(&mut self.previous);
        }
        self.previous = sample.load();
        self.previous
    }
}

/// ondemand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ondemand {
    load: Load,
    up_threshold: u64,
}

impl Ondemand {
    /// With a sampling period and the load in percent above which the fastest step is taken (95 on kernels that
    /// account idle time finely, as phones do, else 80). `sampling_down_factor` is 1, `powersave_bias` 0.
    #[must_use]
    pub const fn new(period: SimDuration, up_threshold: u64) -> Self {
        Self { load: Load::new(period), up_threshold }
    }

    /// Its sampling period.
    #[must_use]
    pub const fn period(&self) -> SimDuration {
        self.load.period
    }

    /// The step to run at: the fastest above the threshold, else the one nearest to `f_min + load (f_max - f_min)`.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        let load = self.load.update(sample);
        let step = if load > self.up_threshold {
            sample.highest
        } else {
            let (low, high) = (table.khz(0), table.khz(table.top()));
            table.closest(low + load * (high - low) / 100)
        };
        sample.clamp(step)
    }
}

/// conservative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conservative {
    load: Load,
    up_threshold: u64,
    down_threshold: u64,
    step_percent: u64,
    requested: Option<u64>,
}

impl Conservative {
    /// With a sampling period, the loads in percent above and below which it moves (80, 20), and the size of a
    /// move in percent of the fastest clock allowed (5).
    #[must_use]
    pub const fn new(period: SimDuration, up: u64, down: u64, step_percent: u64) -> Self {
        Self {
            load: Load::new(period),
            up_threshold: up,
            down_threshold: down,
            step_percent,
            requested: None,
        }
    }

    /// Its sampling period.
    #[must_use]
    pub const fn period(&self) -> SimDuration {
        self.load.period
    }

    /// The step to run at: the request moves by a fixed amount and is rounded in its own direction.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        let load = self.load.update(sample);
        let (low, high) = (table.khz(sample.lowest), table.khz(sample.highest));
        let mut requested = self
            .requested
            .filter(|khz| (low..=high).contains(khz))
            .unwrap_or_else(|| table.khz(sample.clamp(sample.current)));
        let step = (high * self.step_percent / 100).max(1);
        let slept = self.load.idle_periods * step;
        if slept > 0 {
            requested = if requested > low + slept { requested - slept } else { low };
        }
        let mut target = sample.current;
        if load > self.up_threshold && requested < high {
            requested = (requested + step).min(high);
            target = table.at_most(requested);
        } else if load < self.down_threshold && requested > low {
            requested = if requested > step { (requested - step).max(low) } else { low };
            target = table.at_least(requested);
        }
        self.requested = Some(requested);
        sample.clamp(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimTime;

    const MS: u64 = 1_000_000_000;

    fn trace(
        loads: [u64; 10],
        clocks: &[u64],
        mut target: impl FnMut(&Sample, &Frequencies) -> usize,
    ) -> Vec<u64> {
        let table = Frequencies::from_khz(clocks.iter().copied());
        let mut current = 0;
        loads
            .into_iter()
            .enumerate()
            .map(|(i, load)| {
                let sample = Sample {
                    now: SimTime((i as u64 + 1) * 10 * MS),
                    elapsed: SimDuration(10 * MS),
                    busy: SimDuration(load * MS / 10),
                    utilisation: 0,
                    capacity: 1024,
                    current,
                    lowest: 0,
                    highest: table.top(),
                };
                current = target(&sample, &table);
                table.khz(current)
            })
            .collect()
    }

    #[test]
    fn ondemand_follows_a_hand_computed_trace() {
        // f = 200 + load x 8 (steps 200, 400, 700, 1000): 0 -> 200; 10 -> 280, nearest 200; 13 -> 304, nearest 400;
        // 20 -> 360 -> 400; 43 -> 544 -> 400; 44 -> 552 -> 700 (148 against 152); 90 -> 920 -> 1000; 95 -> 960
        // -> 1000; 96 -> above the threshold, 1000; 50 -> 600 -> 700.
        let mut governor = Ondemand::new(SimDuration(10 * MS), 95);
        let got = trace([0, 10, 13, 20, 43, 44, 90, 95, 96, 50], &[200, 400, 700, 1000], |s, t| {
            governor.target(s, t)
        });
        assert_eq!(got, [200, 200, 400, 400, 400, 700, 1000, 1000, 1000, 700]);
    }

    #[test]
    fn conservative_follows_a_hand_computed_trace() {
        // Moves of 5 % of 1000 = 50, steps 300, 350, 420, 1000. Request: 300; +50 = 350 -> 350 (at most);
        // +50 = 400 -> 350; +50 = 450 -> 420; load 50 keeps; +50 = 500 -> 420; load 80 is not above; load 20 is
        // not below; load 10: 450 -> at least: 1000; 400 -> 420; 350 -> 350.
        let mut governor = Conservative::new(SimDuration(10 * MS), 80, 20, 5);
        let got = trace([90, 90, 90, 50, 90, 80, 20, 10, 10, 10], &[300, 350, 420, 1000], |s, t| {
            governor.target(s, t)
        });
        assert_eq!(got, [350, 350, 420, 420, 420, 420, 420, 1000, 420, 350]);
    }

    #[test]
    fn a_long_sleep_is_remembered_once() {
        let table = Frequencies::from_khz([200, 400, 700, 1000]);
        let mut governor = Ondemand::new(SimDuration(10 * MS), 95);
        let mut sample = Sample {
            now: SimTime(10 * MS),
            elapsed: SimDuration(10 * MS),
            busy: SimDuration(10 * MS),
            utilisation: 0,
            capacity: 1024,
            current: 0,
            lowest: 0,
            highest: 3,
        };
        assert_eq!(governor.target(&sample, &table), 3);
        // 100 ms with 1 ms of work: the load before the sleep, then what the samples say.
        sample.elapsed = SimDuration(100 * MS);
        sample.busy = SimDuration(MS);
        assert_eq!(governor.target(&sample, &table), 3);
        assert_eq!(governor.target(&sample, &table), 0);
        // conservative takes back a step for every period slept: 9 periods x 50 from 1000 = 550, then one more
        // step down for a load below 20 %: 500, the slowest step above which is 700.
        let mut governor = Conservative::new(SimDuration(10 * MS), 80, 20, 5);
        sample.current = 3;
        assert_eq!(governor.target(&sample, &table), 2);
    }
}
