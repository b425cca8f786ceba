//! A clock domain between its governor and the hardware: a change takes a while, and caps always win.

use super::frequencies::Frequencies;
use crate::units::{SimDuration, SimTime};

/// The clock of one domain: the step it runs at, and the change under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockDomain {
    table: Frequencies,
    latency: SimDuration,
    step: usize,
    pending: Option<(usize, SimTime)>,
    cap: usize,
}

impl ClockDomain {
    /// A domain at `step`, without caps. A change takes `latency`, through which the old clock holds.
    #[must_use]
    pub fn new(table: Frequencies, latency: SimDuration, step: usize) -> Self {
        let cap = table.top();
        Self { step: step.min(cap), table, latency, pending: None, cap }
    }

    /// Its steps.
    #[must_use]
    pub const fn table(&self) -> &Frequencies {
        &self.table
    }

    /// The step at which it runs.
    #[must_use]
    pub const fn step(&self) -> usize {
        self.step
    }

    /// The fastest step allowed.
    #[must_use]
    pub const fn cap(&self) -> usize {
        self.cap
    }

    /// The step at which it will run once the change under way is done.
    #[must_use]
    pub fn target(&self) -> usize {
        self.pending.map_or(self.step, |(step, _)| step)
    }

    /// When the change under way is done.
    #[must_use]
    pub fn settles_at(&self) -> Option<SimTime> {
        self.pending.map(|(_, at)| at)
    }

    /// Asks for a step; a later request replaces one under way. Returns when the clock will change, or `None`
    /// when it will not.
    pub fn request(&mut self, step: usize, now: SimTime) -> Option<SimTime> {
        let step = step.min(self.cap);
        if step == self.target() {
            return self.settles_at();
        }
        self.pending = (step != self.step).then(|| (step, now + self.latency));
        self.settles_at()
    }

    /// Sets the fastest step allowed. A faster clock is lowered at once, without the latency of a change: a cap
    /// must hold at every instant. Returns whether the clock changed.
    pub fn limit(&mut self, cap: usize) -> bool {
        self.cap = cap.min(self.table.top());
        self.pending =
            self.pending.map(|(step, at)| (step.min(self.cap), at)).filter(|(step, _)| *step != self.step);
        let changed = self.step > self.cap;
        if changed {
            self.step = self.cap;
            self.pending = None;
        }
        changed
    }

    /// Completes a change that is due. Returns whether the clock changed.
    pub fn settle(&mut self, now: SimTime) -> bool {
        match self.pending {
            Some((step, at)) if at <= now => {
                self.pending = None;
                self.step = step;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_its_latency_and_caps_hold_at_once() {
        let table = Frequencies::from_khz([100, 200, 300, 400]);
        let mut domain = ClockDomain::new(table, SimDuration(50), 0);
        assert_eq!(domain.request(3, SimTime(10)), Some(SimTime(60)));
        assert!(!domain.settle(SimTime(59)));
        assert_eq!(domain.step(), 0);
        assert_eq!(domain.request(3, SimTime(20)), Some(SimTime(60)), "the same request does not start anew");
        assert_eq!(domain.request(2, SimTime(30)), Some(SimTime(80)));
        assert!(domain.settle(SimTime(80)) && domain.step() == 2);
        assert_eq!(domain.request(2, SimTime(90)), None);
        domain.request(3, SimTime(90));
        assert!(domain.limit(1));
        assert_eq!((domain.step(), domain.target()), (1, 1));
        assert_eq!(domain.request(3, SimTime(95)), None);
        assert!(!domain.limit(3));
        domain.request(3, SimTime(100));
        assert!(!domain.limit(2), "a cap above the clock changes the request only");
        assert!(domain.settle(SimTime(150)) && domain.step() == 2);
        domain.request(0, SimTime(160));
        assert_eq!(domain.request(2, SimTime(170)), None, "going back withdraws the change");
    }
}
