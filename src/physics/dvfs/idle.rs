//! Idle states: what sleeping saves, and what waking costs.
//!
//! Linux 7.3.4 `drivers/cpuidle/governors/menu.c`, simplified: a core that falls idle predicts the length of its
//! idle span as the least of the time to its next known event and the typical one of its last eight spans
//! (`get_typical_interval`), and takes the deepest state whose least residency fits and whose exit fits the latency
//! limit. A core that is woken first completes the entry into its state, then pays the exit.

use crate::units::SimDuration;

/// An idle state of a core or cluster; the numbers are those of the device tree (`entry-latency-us` etc.).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IdleState {
    /// Time to enter it.
    pub entry: SimDuration,
    /// Time to leave it.
    pub exit: SimDuration,
    /// Shortest span that is worth it.
    pub residency: SimDuration,
    /// Power in it as a share of the power of an idle core that does not sleep, in [0, 1].
    pub power_share: f64,
}

impl IdleState {
    /// How long a core that has been in it for `slept` needs to get back to work.
    #[must_use]
    pub fn wake_delay(&self, slept: SimDuration) -> SimDuration {
        // Saturating: after the entry only the exit is left.
        (self.entry - slept) + self.exit
    }

    /// Mean power while it is left, as a share of the power of an idle core that does not sleep: the energy of both
    /// transitions, as large as makes the least residency the span at which sleeping breaks even, which is what a least
    /// residency is by definition. `residency = power_share (residency - exit) + wake share x exit`.
    #[must_use]
    pub fn wake_power_share(&self) -> f64 {
        if self.exit.0 == 0 {
            return 1.0;
        }
        let (residency, exit) = (self.residency.0.max(self.exit.0) as f64, self.exit.0 as f64);
        (residency - self.power_share * (residency - exit)) / exit
    }
}

/// What the governor notes for a span that it took for shorter than a tick and that outlived the tick: 9/10 of 50 ms
/// (`menu_update`, `MAX_INTERESTING`), so that it looks long but not endless.
pub const LONG_IDLE: SimDuration = SimDuration(45_000_000_000);

/// The state to take (an index into `states`, from shallow to deep) for an idle span of the `expected` length when
/// wake-ups may take `limit` at most (PM QoS); `None`: wait for interrupts without sleeping.
#[must_use]
pub fn deepest_fitting(states: &[IdleState], expected: SimDuration, limit: SimDuration) -> Option<usize> {
    states.iter().rposition(|state| state.residency <= expected && state.exit <= limit)
}

/// The last eight idle spans of a core.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdleHistory {
    spans_us: [u64; 8],
    known: usize,
    next: usize,
}

impl IdleHistory {
    /// Notes an idle span that has ended.
    pub fn note(&mut self, span: SimDuration) {
        if let Some(slot) = self.spans_us.get_mut(self.next) {
            *slot = span.0 / 1_000_000;
        }
        self.next = (self.next + 1) % self.spans_us.len();
        self.known = (self.known + 1).min(self.spans_us.len());
    }

    /// `get_typical_interval`: the mean of the spans when they agree (variance at most 400 us^2, or the mean above
    /// six standard deviations with at most a quarter left out as outliers from above); `None` otherwise or before
    /// eight spans are known.
    #[must_use]
    pub fn typical(&self) -> Option<SimDuration> {
        if self.known < self.spans_us.len() {
            return None;
        }
        let mut threshold = u64::MAX;
        loop {
            let kept = self.spans_us.iter().copied().filter(|span| *span <= threshold);
            let count = kept.clone().count() as u64;
            let mean = kept.clone().sum::<u64>() / count.max(1);
            let variance = kept.clone().map(|span| u128::from(span.abs_diff(mean)).pow(2)).sum::<u128>()
                / u128::from(count.max(1));
            let tight =
                u128::from(mean).pow(2) > variance * 36 && count * 4 >= self.spans_us.len() as u64 * 3;
            if tight || variance <= 400 {
                return Some(SimDuration(mean * 1_000_000));
            }
            // Three quarters of the spans must agree.
            if count * 4 <= self.spans_us.len() as u64 * 3 {
                return None;
            }
            threshold = kept.max().unwrap_or(0).saturating_sub(1);
        }
    }

    /// The length to expect: the typical one, but not beyond the next known event.
    #[must_use]
    pub fn expected(&self, next_event: SimDuration) -> SimDuration {
        self.typical().map_or(next_event, |typical| typical.min(next_event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(micros: u64) -> SimDuration {
        SimDuration(micros * 1_000_000)
    }

    /// sm8150: silver core, and the cluster.
    const STATES: [IdleState; 2] = [
        IdleState { entry: us(355), exit: us(909), residency: us(3934), power_share: 0.3 },
        IdleState { entry: us(3263), exit: us(6562), residency: us(9987), power_share: 0.0 },
    ];

    #[test]
    fn the_deepest_worthwhile_state_is_taken() {
        assert_eq!(deepest_fitting(&STATES, us(3933), us(10_000)), None);
        assert_eq!(deepest_fitting(&STATES, us(3934), us(10_000)), Some(0));
        assert_eq!(deepest_fitting(&STATES, us(20_000), us(10_000)), Some(1));
        assert_eq!(deepest_fitting(&STATES, us(20_000), us(1000)), Some(0));
        assert_eq!(deepest_fitting(&STATES, us(20_000), us(44)), None, "PM QoS of the GPU driver");
    }

    #[test]
    fn waking_during_the_entry_costs_its_rest() {
        assert_eq!(STATES[0].wake_delay(us(10_000)), us(909));
        assert_eq!(STATES[0].wake_delay(us(100)), us(255 + 909));
    }

    #[test]
    fn sleeping_for_the_least_residency_breaks_even() {
        for state in STATES {
            // Asleep for residency - exit, then woken for exit, against idling for the residency.
            let asleep = (state.residency - state.exit).seconds() * state.power_share;
            let waking = state.exit.seconds() * state.wake_power_share();
            assert!((asleep + waking - state.residency.seconds()).abs() < 1e-12);
        }
        // Silver: (3934 - 0.3 x 3025) / 909 = 3.3295.
        assert!((STATES[0].wake_power_share() - 3.3295).abs() < 1e-4);
    }

    #[test]
    fn steady_spans_are_recognised_and_outliers_left_out() {
        let of = |spans: [u64; 8]| {
            let mut history = IdleHistory::default();
            spans.iter().for_each(|span| history.note(us(*span)));
            history.typical()
        };
        assert_eq!(of([1000; 8]), Some(us(1000)));
        assert_eq!(of([1000, 1000, 1000, 1000, 1000, 1000, 1000, 90_000]), Some(us(1000)));
        assert_eq!(of([1000, 1000, 1000, 1000, 1000, 1000, 70_000, 90_000]), Some(us(1000)));
        assert_eq!(of([1000, 1000, 1000, 1000, 1000, 50_000, 70_000, 90_000]), None);
        let mut short = IdleHistory::default();
        (0..7).for_each(|_| short.note(us(1000)));
        assert_eq!(short.expected(us(5000)), us(5000));
        short.note(us(1000));
        assert_eq!(short.expected(us(5000)), us(1000));
        assert_eq!(short.expected(us(300)), us(300));
    }
}
