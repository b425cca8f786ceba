//! When schedutil will next decide otherwise, so that the ticks before need not be played.

use super::frequencies::Frequencies;
use super::pelt::{CoreSignal, FULL};
use super::schedutil::Schedutil;
use crate::units::SimDuration;

/// A clock domain between two changes of its cores' states.
#[derive(Debug, Clone, Copy)]
pub struct QuietDomain<'a> {
    /// Signals of its cores, advanced to now, and whether each runs.
    pub cores: &'a [(CoreSignal, bool)],
    /// Capacity of a core in 1/1024.
    pub capacity: u64,
    /// Step at which the domain runs, and the range allowed.
    pub current: usize,
    /// Slowest step allowed.
    pub lowest: usize,
    /// Fastest step allowed.
    pub highest: usize,
    /// Clock steps.
    pub table: &'a Frequencies,
}

impl QuietDomain<'_> {
    /// The first of `limit` ticks, `period` apart from now, at which schedutil wants another step than the present one while
    /// no core changes its state; `None` if there is none. Rate limits come on top ([`Schedutil::allowed_at`]).
    ///
    /// The signal of a running core only rises and that of an idle one only falls, so each crosses a level once: up goes
    /// the clock when the first running core leaves the band of the step, down when the last one is below it.
    #[must_use]
    pub fn ticks_until_change(&self, period: SimDuration, limit: u64) -> Option<u64> {
        // A step that no utilisation asks for was set by something else: decide at once.
        let Some((low, high)) = Schedutil::band(self.current, self.capacity, self.table) else {
            return (limit > 0).then_some(1);
        };
        let low = if self.current <= self.lowest { 0 } else { low };
        let high = if self.current >= self.highest { FULL } else { high };
        let speed = self.table.scale(self.current);
        let reach = |core: &(CoreSignal, bool), level: u64| {
            core.0.ticks_until(level, core.1, self.capacity, speed, period, limit)
        };
        let running = || self.cores.iter().filter(|core| core.1);
        let idle = || self.cores.iter().filter(|core| !core.1);
        // Up: the first tick at which any core is above; an idle core can only be so at the first tick.
        let up = if high < FULL {
            let above = |core: &(CoreSignal, bool)| {
                core.0.after(period, false, self.capacity, speed).utilisation() > high
            };
            let first = idle().any(above).then_some(1).filter(|_| limit > 0);
            running().filter_map(|core| reach(core, high + 1)).chain(first).min()
        } else {
            None
        };
        // Down: the first tick at which all are below.
        let down = if low > 0 {
            let fallen =
                idle().map(|core| reach(core, low)).try_fold(1, |latest, at| at.map(|at| latest.max(at)));
            let risen = running().filter_map(|core| reach(core, low)).min().unwrap_or(u64::MAX);
            fallen.filter(|at| *at < risen && limit > 0)
        } else {
            None
        };
        match (up, down) {
            (Some(up), Some(down)) => Some(up.min(down)),
            (up, down) => up.or(down),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimTime;

    const MS: u64 = 1_000_000_000;

    #[test]
    fn the_announced_tick_is_the_one_that_polling_finds() {
        let table = Frequencies::from_khz([300_000, 576_000, 940_800, 1_305_600, 1_785_600]);
        let (capacity, limit, period) = (500, 400, SimDuration(MS));
        let mut differing = 0;
        for case in 0..300u64 {
            let mut cores = [(CoreSignal::new(SimTime::ZERO), false); 3];
            for (i, core) in cores.iter_mut().enumerate() {
                let busy = case * (31 + 17 * i as u64) % 400;
                core.0.advance(SimTime(busy * MS), true, capacity, 1024);
                core.0.advance(SimTime(400 * MS), false, capacity, 1024);
                core.1 = (case >> i) & 1 == 1;
            }
            for current in 0..table.count() {
                let domain = QuietDomain {
                    cores: &cores,
                    capacity,
                    current,
                    lowest: (case % 2) as usize,
                    highest: 3,
                    table: &table,
                };
                if !(domain.lowest..=domain.highest).contains(&current) {
                    continue;
                }
                let speed = table.scale(current);
                let polled = (1..=limit).find(|tick| {
                    let at = |core: &(CoreSignal, bool)| {
                        core.0.after(SimDuration(tick * MS), core.1, capacity, speed).utilisation()
                    };
                    let most = cores.iter().map(at).max().unwrap_or(0);
                    Schedutil::wanted(most, capacity, &table).min(domain.highest).max(domain.lowest)
                        != current
                });
                let announced = domain.ticks_until_change(period, limit);
                assert_eq!(announced, polled, "case {case}, step {current}");
                differing += usize::from(polled.is_some_and(|tick| tick > 1));
            }
        }
        assert!(differing > 100, "{differing} cases with a wait");
    }
}
