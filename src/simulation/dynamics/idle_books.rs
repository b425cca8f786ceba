//! How long cores and devices were in which idle state.

use super::idle::{Core, Idle, Phase};
use crate::simulation::problem::{IdleOutcome, IdleStateOutcome};
use crate::units::{SimDuration, SimTime};

impl Idle<'_> {
    /// Books the time up to now.
    pub(super) fn book(&mut self, now: SimTime, core: usize) {
        let shared = self.cores[core].group.is_some_and(|group| self.groups[group].entered.is_some());
        let own = &mut self.cores[core];
        let span = now.since(own.booked);
        own.booked = now;
        let last = own.times.len() - 1;
        let slot = match own.phase {
            Phase::Awake => return,
            Phase::Shallow => 0,
            Phase::Asleep(_) if shared => last - 1,
            Phase::Asleep(state) => state + 1,
            Phase::Waking(_) => last,
        };
        own.times[slot] = SimDuration(own.times[slot].0 + span.0);
    }

    pub(super) fn book_group(&mut self, now: SimTime, group: usize) {
        for core in 0..self.cores.len() {
            if self.cores[core].group == Some(group) {
                self.book(now, core);
            }
        }
    }

    /// What the states came to.
    pub(super) fn close(&mut self, end: SimTime) -> Vec<IdleOutcome> {
        (0..self.cores.len()).for_each(|core| self.book(end, core));
        let of = |core: &Core| {
            let own = &self.setup.states[core.domain];
            let state = |name: &str, time: usize, entries: u64| IdleStateOutcome {
                name: name.to_owned(),
                time: core.times[time],
                entries,
            };
            let mut states = vec![state("no state", 0, 0)];
            for (number, named) in own.iter().enumerate() {
                states.push(state(&named.name, number + 1, core.entries[number]));
            }
            if let Some(group) = core.group {
                states.push(state(
                    &self.setup.shared[group].state.name,
                    own.len() + 1,
                    core.entries[own.len()],
                ));
            }
            IdleOutcome { wake_ups: core.wake_ups, waking: core.times[own.len() + 2], states }
        };
        self.cores.iter().map(of).collect()
    }
}
