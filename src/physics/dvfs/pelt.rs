//! Per-entity load tracking: the utilisation signal of one core, in the kernel's integer arithmetic.
//!
//! Linux 7.3.4 `kernel/sched/pelt.c` and `pelt.h`: time is cut into periods of 1024 us long; what
//! ran in the period `n` periods ago counts `y^n` with `y^32 = 1/2`; `util_avg` is the weighted sum over its
//! largest possible value, in 1/1024. The clock of the signal runs slower on slow cores and low clocks
//! (`update_rq_clock_pelt`), and catches up when the core falls idle. A span of constant state is accounted in
//! one step, whatever its length, so nothing has to be simulated tick by tick.
//!
//! One difference: the kernel refreshes `util_avg` at the end of a period, here every look does, by the same formula.
//! On a slow core at a low clock, whose periods last 20 ms and more, the kernel's value moves in jumps.

use crate::units::{SimDuration, SimTime};

/// `y^n x 2^32` for n in 0..32 (kernel `runnable_avg_yN_inv`).
const INVERSE: [u32; 32] = [
    0xffff_ffff,
    0xfa83_b2da,
    0xf525_7d14,
    0xefe4_b99a,
    0xeac0_c6e6,
    0xe5b9_06e6,
    0xe0cc_deeb,
    0xdbfb_b796,
    0xd744_fcc9,
    0xd2a8_1d91,
    0xce24_8c14,
    0xc9b9_bd85,
    0xc567_2a10,
    0xc12c_4cc9,
    0xbd08_a39e,
    0xb8fb_af46,
    0xb504_f333,
    0xb123_f581,
    0xad58_3ee9,
    0xa9a1_5ab4,
    0xa5fe_d6a9,
    0xa270_4302,
    0x9ef5_325f,
    0x9b8d_39b9,
    0x9837_f050,
    0x94f4_efa8,
    0x91c3_d373,
    0x8ea4_398a,
    0x8b95_c1e3,
    0x8898_0e80,
    0x85aa_c367,
    0x82cd_8698,
];

/// `LOAD_AVG_MAX`: the sum `1024 (1 + y + y^2 + ...)` in integer arithmetic.
const SUM_MAX: u64 = 47_742;
/// Microseconds in a period.
const PERIOD: u64 = 1024;
/// The documented unit. The kernel shifts by 10 where it divides by 1000, which makes its periods 1.0486 ms and every
/// ramp 2.4 % longer; the published half-life of 32.768 ms is that of the documentation, and so is ours.
const NS_PER_US: u64 = 1000;
/// Largest utilisation, `SCHED_CAPACITY_SCALE`.
pub const FULL: u64 = 1024;

/// `decay_load`: `value x y^periods`.
fn decay(value: u64, periods: u64) -> u64 {
    if periods > 32 * 63 {
        return 0;
    }
    let value = value >> (periods / 32);
    let inverse = INVERSE.get((periods % 32) as usize).copied().unwrap_or(u32::MAX);
    ((u128::from(value) * u128::from(inverse)) >> 32) as u64
}

/// The utilisation signal of one core.
///
/// ```
/// use hetsoc::physics::dvfs::CoreSignal;
/// use hetsoc::units::SimTime;
/// let mut signal = CoreSignal::new(SimTime::ZERO);
/// signal.advance(SimTime(32_768_000_000), true, 1024, 1024); // busy for one half-life at full speed
/// assert_eq!(signal.utilisation(), 512);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreSignal {
    /// Weighted sum of running time, times 1024 (`util_sum`).
    sum: u64,
    /// Part of the present period that has been accounted, in us.
    contribution: u64,
    /// `util_avg`.
    average: u64,
    /// Clock of the signal up to which it is accounted, in ns.
    accounted: u64,
    /// Wall clock, in ns.
    wall: u64,
    /// `clock_pelt`, in ns.
    clock: u64,
    /// `lost_idle_time`, in ns.
    lost: u64,
    running: bool,
}

impl CoreSignal {
    /// A core that has always been idle.
    #[must_use]
    pub const fn new(now: SimTime) -> Self {
        let ns = now.0 / 1000;
        Self {
            sum: 0,
            contribution: 0,
            average: 0,
            accounted: ns,
            wall: ns,
            clock: ns,
            lost: 0,
            running: false,
        }
    }

    /// `util_avg` in [0, 1024], as of the last [`CoreSignal::advance`].
    #[must_use]
    pub const fn utilisation(&self) -> u64 {
        self.average
    }

    /// Accounts the span up to `now`, through which the core was `running` or idle. `capacity` is what the core
    /// does at its fastest clock compared with the fastest core of the SoC, `speed` its present clock compared
    /// with its fastest, both in 1/1024. A `now` in the past changes nothing.
    pub fn advance(&mut self, now: SimTime, running: bool, capacity: u64, speed: u64) {
        let wall = now.0 / 1000;
        let span = wall.saturating_sub(self.wall);
        self.wall = self.wall.max(wall);
        if running {
            self.clock += (((span * capacity.min(FULL)) >> 10) * speed.min(FULL)) >> 10;
        } else {
            if self.running && self.sum >= ((SUM_MAX - PERIOD) << 10) - SUM_MAX {
                // A core that was busy all the time had no idle time to lose (update_idle_rq_clock_pelt).
                self.lost += (self.wall - span).saturating_sub(self.clock);
            }
            self.clock = self.wall;
        }
        self.running = running;
        let clock = self.clock.saturating_sub(self.lost);
        let units = clock.saturating_sub(self.accounted) / NS_PER_US;
        self.accounted += units * NS_PER_US;
        self.account(units, running);
    }

    /// `accumulate_sum` and `___update_load_avg` over a span in us.
    fn account(&mut self, units: u64, running: bool) {
        let span = units + self.contribution;
        let periods = span / PERIOD;
        let mut added = units;
        if periods > 0 {
            self.sum = decay(self.sum, periods);
            let first = decay(PERIOD - self.contribution, periods);
            let between = SUM_MAX - decay(SUM_MAX, periods) - PERIOD;
            added = first + between + span % PERIOD;
        }
        self.contribution = span % PERIOD;
        if running {
            self.sum += added << 10;
        }
        self.average = self.sum / (SUM_MAX - PERIOD + self.contribution);
    }

    /// The signal as it will be after `span` of constant state.
    #[must_use]
    pub fn after(mut self, span: SimDuration, running: bool, capacity: u64, speed: u64) -> Self {
        let now = SimTime(self.wall * 1000).saturating_add(span);
        self.advance(now, running, capacity, speed);
        self
    }

    /// The first of `limit` ticks, `period` apart, at which the signal has reached `level` from below (while
    /// running) or is below it (while idle); constant state until then. Found by bisection over closed-form
    /// steps: a constant state moves the signal in one direction.
    #[must_use]
    pub fn ticks_until(
        &self,
        level: u64,
        running: bool,
        capacity: u64,
        speed: u64,
        period: SimDuration,
        limit: u64,
    ) -> Option<u64> {
        let reached = |ticks: u64| {
            let span = SimDuration(period.0.saturating_mul(ticks));
            (self.after(span, running, capacity, speed).average >= level) == running
        };
        if limit == 0 || !reached(limit) {
            return None;
        }
        let (mut before, mut at) = (0, limit);
        while at - before > 1 {
            let middle = before + (at - before) / 2;
            if reached(middle) { at = middle } else { before = middle }
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000_000;

    fn busy(milliseconds: f64) -> f64 {
        let span = SimDuration((milliseconds * MS as f64) as u64);
        CoreSignal::new(SimTime::ZERO).after(span, true, FULL, FULL).utilisation() as f64 / 1024.0
    }

    #[test]
    fn the_table_is_the_power_series() {
        for (n, value) in INVERSE.iter().enumerate().skip(1) {
            let exact = 0.5f64.powf(n as f64 / 32.0) * 4_294_967_295.0;
            assert!((f64::from(*value) - exact).abs() <= 1.0, "{n}");
        }
    }

    #[test]
    fn ramps_agree_with_the_closed_form() {
        // u(t) = 1 - 2^(-t / 32.768 ms); the values of oracles/physics.json. Integers are good for 1/1024.
        assert!((busy(32.768) - 0.5).abs() < 1e-9);
        assert!((busy(76.084_94) - 0.8).abs() < 0.002);
        assert!((busy(141.620_94) - 0.95).abs() < 0.002);
        assert!((busy(10.0) - 0.190_656).abs() < 0.002);
        assert!((busy(100.0) - 0.879_405).abs() < 0.002);
        assert!((busy(10_000.0) - 1.0).abs() < 0.002);
    }

    #[test]
    fn a_periodic_load_stays_in_its_band() {
        let mut signal = CoreSignal::new(SimTime::ZERO);
        let (mut low, mut high) = (1.0f64, 0.0f64);
        for cycle in 0..100u64 {
            signal.advance(SimTime((cycle * 16 + 8) * MS), true, FULL, FULL);
            high = if cycle > 50 { high.max(signal.utilisation() as f64 / 1024.0) } else { high };
            signal.advance(SimTime((cycle * 16 + 16) * MS), false, FULL, FULL);
            low = if cycle > 50 { low.min(signal.utilisation() as f64 / 1024.0) } else { low };
        }
        assert!((high - 0.542_206).abs() < 0.002 && (low - 0.457_794).abs() < 0.002, "{low} {high}");
    }

    #[test]
    fn one_long_step_equals_many_ticks() {
        for (running, start) in [(true, 0), (false, 300)] {
            let first = CoreSignal::new(SimTime::ZERO).after(SimDuration(start * MS), true, FULL, FULL);
            let mut ticked = first;
            for tick in 1..=200u64 {
                ticked.advance(SimTime((start + tick) * MS), running, 488, 700);
            }
            let once = first.after(SimDuration(200 * MS), running, 488, 700);
            assert!(ticked.utilisation().abs_diff(once.utilisation()) <= 4, "{ticked:?} {once:?}");
        }
    }

    #[test]
    fn a_slow_core_gains_slowly_and_its_idle_time_counts_in_full() {
        // 40 ms busy at half speed: the clock of the signal advanced 20 ms; 10 ms of idle then count 30 ms.
        let half = CoreSignal::new(SimTime::ZERO).after(SimDuration(40 * MS), true, FULL, 512);
        assert!((half.utilisation() as f64 / 1024.0 - busy(20.0)).abs() < 0.002);
        let idle = half.after(SimDuration(10 * MS), false, FULL, 512);
        let expected = half.utilisation() as f64 * 0.5f64.powf(30.0 / 32.768);
        assert!((idle.utilisation() as f64 - expected).abs() < 3.0, "{idle:?} {expected}");
        // Saturated: no idle time was lost, so only the 10 ms count.
        let full = CoreSignal::new(SimTime::ZERO).after(SimDuration(4000 * MS), true, FULL, 512);
        let idle = full.after(SimDuration(10 * MS), false, FULL, 512);
        let expected = full.utilisation() as f64 * 0.5f64.powf(10.0 / 32.768);
        assert!((idle.utilisation() as f64 - expected).abs() < 3.0, "{idle:?} {expected}");
    }

    #[test]
    fn crossings_are_found_at_the_right_tick() {
        let (period, signal) = (SimDuration(MS), CoreSignal::new(SimTime::ZERO));
        for level in [1, 100, 500, 819, 1000] {
            let ticks = signal.ticks_until(level, true, FULL, 700, period, 10_000).unwrap();
            let at = |n| signal.after(SimDuration(n * MS), true, FULL, 700).utilisation();
            assert!(at(ticks) >= level && at(ticks - 1) < level, "{level}");
        }
        assert_eq!(signal.ticks_until(1024, true, FULL, FULL, period, 100), None);
        let warm = signal.after(SimDuration(100 * MS), true, FULL, FULL);
        let ticks = warm.ticks_until(450, false, FULL, FULL, period, 1000).unwrap();
        // 0.879 x 2^(-t / 32.768) = 450 / 1024 at t = 32.8 ms.
        assert!((32..=35).contains(&ticks), "{ticks}");
    }
}
