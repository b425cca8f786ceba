//! step_wise: one cooling step up or down at a time.
//!
//! Linux 7.3.4 `drivers/thermal/gov_step_wise.c` and the threshold of `thermal_core.c`. The cooling state of a clock
//! domain is the number of steps below its fastest.

/// One trip with one cooling device. Temperatures in millidegrees Celsius.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepWise {
    trip: i32,
    hysteresis: i32,
    lower: usize,
    upper: usize,
    last: Option<i32>,
    crossed: bool,
    target: Option<usize>,
}

impl StepWise {
    /// A trip that cools by `lower` to `upper` states.
    #[must_use]
    pub const fn new(trip: i32, hysteresis: i32, lower: usize, upper: usize) -> Self {
        Self { trip, hysteresis, lower, upper, last: None, crossed: false, target: None }
    }

    /// The cooling state after a reading. `current` is the state of the cooling device, which several trips may
    /// share; a device takes the largest of what its trips ask for.
    pub fn update(&mut self, temperature: i32, current: usize) -> usize {
        let threshold = if self.crossed { self.trip - self.hysteresis } else { self.trip };
        let throttle = temperature >= threshold;
        self.crossed = throttle;
        let trend = self.last.map(|last| temperature.cmp(&last));
        self.last = Some(temperature);
        let clamp = |state: usize, low: usize| state.min(self.upper).max(low);
        self.target = match (throttle, trend) {
            (true, None | Some(std::cmp::Ordering::Greater)) => Some(clamp(current + 1, self.lower)),
            (true, Some(std::cmp::Ordering::Less)) => {
                Some(clamp(current.saturating_sub(1), (self.lower + 1).min(self.upper)))
            }
            (false, None | Some(std::cmp::Ordering::Less)) => None,
            (_, Some(_)) => self.target,
        };
        self.target.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_oracle() {
        let mut governor = StepWise::new(90_000, 2000, 0, 16);
        let mut state = 0;
        let got = [88_000, 90_000, 91_000, 92_000, 92_000, 91_000, 90_000, 89_000, 88_500, 87_500, 87_000]
            .map(|t| {
                state = governor.update(t, state);
                state
            });
        assert_eq!(got, [0, 1, 2, 3, 3, 2, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn a_hot_start_takes_one_step_and_the_range_holds() {
        let mut governor = StepWise::new(90_000, 2000, 0, 2);
        assert_eq!(governor.update(95_000, 0), 1);
        assert_eq!(governor.update(95_000, 1), 1, "steady");
        assert_eq!(governor.update(96_000, 1), 2);
        assert_eq!(governor.update(97_000, 2), 2);
    }
}
