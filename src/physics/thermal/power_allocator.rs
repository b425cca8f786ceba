//! power_allocator (IPA): a controller turns the temperature into a power budget, which is dealt out to the actors.
//!
//! Linux 7.3.4 `drivers/thermal/gov_power_allocator.c`, in its fixed point with 10 fraction bits: millidegrees,
//! milliwatts.

/// Settings of [`PowerAllocator`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocatorSettings {
    /// Power that can be dissipated for ever at the control temperature, mW.
    pub sustainable: i64,
    /// Temperature below which nothing is limited, millidegrees.
    pub switch_on: i64,
    /// Temperature to hold, millidegrees; above `switch_on`.
    pub control: i64,
    /// Errors below it are integrated, millidegrees.
    pub integral_cutoff: i64,
}

/// The controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerAllocator {
    settings: AllocatorSettings,
    gain_over: i64,
    gain_under: i64,
    gain_integral: i64,
    integral: i64,
}

const fn fraction(value: i64) -> i64 {
    value << 10
}

const fn multiply(a: i64, b: i64) -> i64 {
    (a * b) >> 10
}

impl PowerAllocator {
    /// With the gains that the kernel estimates: `k_po = S / (T_set - T_on)`, `k_pu = 2 S / (T_set - T_on)`,
    /// `k_i = k_pu / 10`, `k_d = 0`.
    #[must_use]
    pub fn new(settings: AllocatorSettings) -> Self {
        let span = (settings.control - settings.switch_on).max(1);
        let gain_under = fraction(2 * settings.sustainable) / span;
        Self {
            settings,
            gain_over: fraction(settings.sustainable) / span,
            gain_under,
            gain_integral: gain_under / 10,
            integral: 0,
        }
    }

    /// `(k_po, k_pu, k_i)` in 1/1024.
    #[must_use]
    pub const fn gains(&self) -> (i64, i64, i64) {
        (self.gain_over, self.gain_under, self.gain_integral)
    }

    /// The budget in mW at a temperature in millidegrees, for actors that can draw `most` mW together; `None`
    /// below the switch-on temperature: no limit, and the integral starts anew.
    pub fn budget(&mut self, temperature: i64, most: i64) -> Option<i64> {
        if temperature < self.settings.switch_on {
            self.integral = 0;
            return None;
        }
        let error = fraction(self.settings.control - temperature);
        let proportional = multiply(if error < 0 { self.gain_over } else { self.gain_under }, error);
        let mut integral = multiply(self.gain_integral, self.integral);
        if error < fraction(self.settings.integral_cutoff) {
            let next = integral + multiply(self.gain_integral, error);
            if next.abs() < fraction(most) {
                integral = next;
                self.integral += error;
            }
        }
        let power = self.settings.sustainable + ((proportional + integral) >> 10);
        Some(power.clamp(0, most.max(0)))
    }
}

/// An actor of [`divide`]. Power in mW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// What it draws now, or would draw: power of its OPP times its load.
    pub requested: u64,
    /// What it can draw at most.
    pub most: u64,
    /// Weight, 1024 for one.
    pub weight: u64,
}

/// `divvy_up_power`: deals `budget` out by weighted request, caps everyone at what it can draw, and deals the rest out
/// once more by the room left. Without any request everyone may draw its most.
#[must_use]
pub fn divide(actors: &[Actor], budget: u64) -> Vec<u64> {
    let mut granted = Vec::with_capacity(actors.len());
    divide_into(actors, budget, &mut granted);
    granted
}

/// [`divide`] into a list that is used again and again.
pub fn divide_into(actors: &[Actor], budget: u64, granted: &mut Vec<u64>) {
    granted.clear();
    let wish = |actor: &Actor| (actor.requested * actor.weight) >> 10;
    let total: u64 = actors.iter().map(wish).sum();
    if total == 0 {
        granted.extend(actors.iter().map(|actor| actor.most));
        return;
    }
    let round = |a: u64, b: u64, of: u64| {
        ((u128::from(a) * u128::from(b) + u128::from(of / 2)) / u128::from(of.max(1))) as u64
    };
    let mut extra = 0;
    granted.extend(actors.iter().map(|actor| {
        let share = round(wish(actor), budget, total);
        extra += share.saturating_sub(actor.most);
        share.min(actor.most)
    }));
    let room: u64 = actors.iter().zip(&*granted).map(|(actor, granted)| actor.most - granted).sum();
    if extra > 0 && room > 0 {
        let extra = extra.min(room);
        for (actor, granted) in actors.iter().zip(granted.iter_mut()) {
            *granted += round(actor.most - *granted, extra, room);
        }
    }
}

/// The fastest step whose power fits: `milliwatts` of one fully loaded core per step, ascending; `load` in percent,
/// summed over the cores of the cluster (0 counts as 1). The slowest step when none fits.
#[must_use]
pub fn fitting_step(milliwatts: &[u64], granted: u64, load: u64) -> usize {
    let normalised = u128::from(granted) * 100 / u128::from(load.max(1));
    milliwatts.iter().rposition(|power| u128::from(*power) <= normalised).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_oracle() {
        let mut allocator = PowerAllocator::new(AllocatorSettings {
            sustainable: 2500,
            switch_on: 70_000,
            control: 85_000,
            integral_cutoff: 0,
        });
        assert_eq!(allocator.gains(), (170, 341, 34));
        let got = [70_000, 77_500, 85_000, 86_000, 86_000].map(|t| allocator.budget(t, 6000));
        assert_eq!(got, [6000, 4997, 2500, 2300, 2267].map(Some));
        assert_eq!(allocator.budget(69_999, 6000), None);
        assert_eq!(allocator.budget(86_000, 6000), Some(2300), "the integral started anew");
    }

    #[test]
    fn budgets_are_dealt_out_by_request() {
        let actor = |requested, most, weight| Actor { requested, most, weight };
        // 3000 mW for requests 1000 and 2000.
        assert_eq!(divide(&[actor(1000, 4000, 1024), actor(2000, 4000, 1024)], 3000), [1000, 2000]);
        // Twice the weight: 2000 : 2000.
        assert_eq!(divide(&[actor(1000, 4000, 2048), actor(2000, 4000, 1024)], 3000), [1500, 1500]);
        // The first is capped at 500; its 500 go to the only one with room.
        assert_eq!(divide(&[actor(1000, 500, 1024), actor(2000, 4000, 1024)], 3000), [500, 2500]);
        assert_eq!(divide(&[actor(0, 500, 1024), actor(0, 4000, 1024)], 3000), [500, 4000]);
        for budget in 0..200 {
            let granted = divide(&[actor(13, 40, 1024), actor(7, 60, 700), actor(90, 50, 1024)], budget);
            assert!(granted.iter().sum::<u64>() <= budget + 2, "{budget} {granted:?}: rounding at most");
        }
    }

    #[test]
    fn power_becomes_a_step() {
        let table = [100, 300, 700];
        // Four cores with 50 % each: 600 mW for 200 % is 300 mW a core.
        assert_eq!(fitting_step(&table, 600, 200), 1);
        assert_eq!(fitting_step(&table, 599, 200), 0);
        assert_eq!(fitting_step(&table, 0, 400), 0);
        assert_eq!(fitting_step(&table, 7, 0), 2);
    }
}
