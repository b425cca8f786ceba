//! msm-adreno-tz: Qualcomm's GPU governor, as far as it is documented. **Approximate.**
//!
//! `drivers/devfreq/governor_msm_adreno_tz.c` of the MiCode kernel: it is asked when the GPU retires work or falls
//! idle; it waits until 5 ms of time have been collected; more than 50 ms of busy time take the fastest step;
//! every other decision is made by firmware that is not public. In its place stands a rule of ours: one step
//! faster when the device was busy for more than 80 % of the time, one step slower when the next slower step would
//! have been busy for less than that. The rule is an assumption; so is its threshold.

use super::frequencies::Frequencies;
use super::sample::Sample;
use crate::units::SimDuration;

const FLOOR: SimDuration = SimDuration(5_000_000_000);
const CEILING: SimDuration = SimDuration(50_000_000_000);
/// Assumed: load in percent at which the substitute of the firmware moves.
const MOVE_AT: u128 = 80;

/// State of msm-adreno-tz.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdrenoTz {
    total: SimDuration,
    busy: SimDuration,
}

impl AdrenoTz {
    /// Adds the time since the last sample; the step to run at.
    pub fn target(&mut self, sample: &Sample, table: &Frequencies) -> usize {
        self.total += sample.elapsed;
        self.busy += SimDuration(sample.busy.0.min(sample.elapsed.0));
        if self.total < FLOOR {
            return sample.clamp(sample.current);
        }
        let (total, busy) = (u128::from(self.total.0), u128::from(self.busy.0));
        let long = self.busy > CEILING;
        (self.total, self.busy) = (SimDuration::ZERO, SimDuration::ZERO);
        let current = sample.current.min(table.top());
        let slower = current.saturating_sub(1);
        let step = if long {
            sample.highest
        } else if busy * 100 > total * MOVE_AT {
            current + 1
        } else if busy * 100 * u128::from(table.khz(current))
            < total * MOVE_AT * u128::from(table.khz(slower))
        {
            slower
        } else {
            current
        };
        sample.clamp(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimTime;

    #[test]
    fn follows_a_hand_computed_trace() {
        // Steps 250, 350, 450, 600 MHz. (elapsed, busy) in ms:
        // 1 (3, 3): 3 ms collected, too little.       2 (3, 3): 6 ms, 100 % -> step 1.
        // 3 (10, 8): 80 % is not above; slower would be 8 x 350/250 = 11.2 > 8 of 10: stay.
        // 4 (10, 9): 90 % -> 2.                        5 (60, 51): more than 50 ms busy -> 3.
        // 6 (10, 7): slower: 7 x 600/450 = 9.33 > 8: stay.  7 (10, 5): 6.67 < 8 -> 2.
        // 8 (10, 5): 5 x 450/350 = 6.43 -> 1.          9 (4, 0): too little.  10 (4, 0): 0 of 8 -> 0.
        let table = Frequencies::from_khz([250_000, 350_000, 450_000, 600_000]);
        let mut governor = AdrenoTz::default();
        let (mut current, mut now) = (0, 0);
        let spans = [(3, 3), (3, 3), (10, 8), (10, 9), (60, 51), (10, 7), (10, 5), (10, 5), (4, 0), (4, 0)];
        let got = spans.map(|(elapsed, busy)| {
            now += elapsed;
            let sample = Sample {
                now: SimTime(now * 1_000_000_000),
                elapsed: SimDuration(elapsed * 1_000_000_000),
                busy: SimDuration(busy * 1_000_000_000),
                utilisation: 0,
                capacity: 1024,
                current,
                lowest: 0,
                highest: 3,
            };
            current = governor.target(&sample, &table);
            current
        });
        assert_eq!(got, [0, 1, 1, 2, 3, 3, 2, 1, 1, 0]);
    }
}
