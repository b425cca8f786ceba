//! interactive: Android's governor before schedutil.
//!
//! `drivers/cpufreq/cpufreq_interactive.c` of the MiCode kernel, without input boosts: the speed that the load needs
//! is `loadadj = f load`; the slowest step with `loadadj / f <= target_load` is chosen; a load of `go_hispeed_load`
//! jumps to `hispeed` first; above `hispeed` a step up waits `above_hispeed_delay`; a step down waits until the
//! clock has not been needed for `min_sample_time`.

use super::frequencies::Frequencies;
use super::sample::Sample;
use crate::units::{SimDuration, SimTime};

/// Settings of [`Interactive`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractiveSettings {
    /// Sampling period.
    pub timer: SimDuration,
    /// Load in percent that a chosen step shall have at most.
    pub target_load: u64,
    /// Load in percent at which the clock jumps to `hispeed`.
    pub go_hispeed_load: u64,
    /// Clock of the first jump, kHz; `None` is the fastest step.
    pub hispeed_khz: Option<u64>,
    /// Wait before a step up from `hispeed` or above.
    pub above_hispeed_delay: SimDuration,
    /// Wait before a step down.
    pub min_sample_time: SimDuration,
}

impl Default for InteractiveSettings {
    /// The defaults of the driver.
    fn default() -> Self {
        Self {
            timer: SimDuration(20_000_000_000),
            target_load: 90,
            go_hispeed_load: 99,
            hispeed_khz: None,
            above_hispeed_delay: SimDuration(20_000_000_000),
            min_sample_time: SimDuration(80_000_000_000),
        }
    }
}

/// State of interactive in one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interactive {
    settings: InteractiveSettings,
    floor: usize,
    floor_validated: SimTime,
    hispeed_validated: SimTime,
}

impl Interactive {
    /// A domain at its slowest step.
    #[must_use]
    pub const fn new(settings: InteractiveSettings) -> Self {
        Self { settings, floor: 0, floor_validated: SimTime::ZERO, hispeed_validated: SimTime::ZERO }
    }

    /// Its sampling period.
    #[must_use]
    pub const fn period(&self) -> SimDuration {
        self.settings.timer
    }

    /// The step to run at.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        let settings = &self.settings;
        let current = table.khz(sample.current);
        let load = sample.load();
        let hispeed = settings.hispeed_khz.unwrap_or_else(|| table.khz(table.top()));
        let needed = current * load / settings.target_load.max(1);
        // Rounded up: `loadadj / f <= target_load`.
        let exact = needed * settings.target_load.max(1) == current * load;
        let chosen = table.khz(table.at_least(if exact { needed } else { needed + 1 }));
        let wanted = if load >= settings.go_hispeed_load {
            if current < hispeed { hispeed } else { chosen.max(hispeed) }
        } else if chosen > hispeed && current < hispeed {
            hispeed
        } else {
            chosen
        };
        if current >= hispeed
            && wanted > current
            && sample.now.since(self.hispeed_validated) < settings.above_hispeed_delay
        {
            return sample.clamp(sample.current);
        }
        self.hispeed_validated = sample.now;
        let step = table.at_least(wanted);
        if step < self.floor && sample.now.since(self.floor_validated) < settings.min_sample_time {
            return sample.clamp(sample.current);
        }
        self.floor = step;
        self.floor_validated = sample.now;
        sample.clamp(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_a_hand_computed_trace() {
        // Steps 300, 600, 900, 1200 kHz, hispeed 900, a sample every 20 ms; the least clock is f load / 90.
        // 1: 300 at 50 %: 167 -> 300.
        // 2: 300 at 100 %: jump to 900.
        // 3: 900 at 100 %: 1000 -> 1200; 20 ms after the last validation, so allowed.
        // 4: 1200 at 60 %: 800 -> 900, but the floor 1200 was validated 20 ms ago: stay.
        // 5 and 6: same, 40 and 60 ms ago: stay.
        // 7: 80 ms ago: 900 becomes floor.
        // 8: 900 at 95 %: 950 -> 1200.
        // 9: 1200 at 90 %: 1200 exactly: stay, floor validated anew.
        // 10: 1200 at 10 %: 133 -> 300, floor validated 20 ms ago: stay.
        let table = Frequencies::from_khz([300, 600, 900, 1200]);
        let settings = InteractiveSettings { hispeed_khz: Some(900), ..InteractiveSettings::default() };
        let mut governor = Interactive::new(settings);
        let mut current = 0;
        let got: Vec<u64> = [50, 100, 100, 60, 60, 60, 60, 95, 90, 10]
            .into_iter()
            .enumerate()
            .map(|(i, load)| {
                let sample = Sample {
                    now: SimTime((i as u64 + 1) * 20_000_000_000),
                    elapsed: SimDuration(20_000_000_000),
                    busy: SimDuration(load * 200_000_000),
                    utilisation: 0,
                    capacity: 1024,
                    current,
                    lowest: 0,
                    highest: 3,
                };
                current = governor.target(&sample, &table);
                table.khz(current)
            })
            .collect();
        assert_eq!(got, [300, 900, 1200, 1200, 1200, 1200, 900, 1200, 1200, 1200]);
    }
}
