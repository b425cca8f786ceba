//! Cores that heat takes offline: the kernel moves their threads to other cores.
//!
//! The work of an offline core goes to a core of the fastest cluster that is still online, whatever the thread was
//! pinned to (`select_fallback_rq`). There it runs at that core's speed and shares it with the thread that lives there, so
//! that a set of cores waits for the shared core.

use super::Dynamics;
use crate::physics::ClockRatios;
use crate::soc::{ExecutorId, Platform, ResourceId};
use crate::units::SimTime;

impl Dynamics<'_> {
    /// Takes the last `count(domain)` cores of every domain offline, and finds hosts for what runs there.
    pub(super) fn set_offline(&mut self, now: SimTime, platform: &Platform, count: impl Fn(usize) -> u32) {
        let domains = self.setup.domains.len();
        let cores = |domain: usize| self.clocks.domains[domain].cores();
        // At most 32 domains; this happens at every change of a throttling table.
        let mut online = [0u32; 32];
        for (domain, left) in online.iter_mut().enumerate().take(domains) {
            *left = cores(domain) - count(domain).min(cores(domain));
        }
        let speed = |domain: usize| {
            let clock = &self.clocks.domains[domain].clock;
            self.setup.domains[domain].capacity * clock.table().scale(clock.cap())
        };
        let candidates = (0..domains).filter(|&d| self.setup.domains[d].is_cpu && online[d] > 0);
        let Some(host) = candidates.reduce(|best, d| if speed(d) > speed(best) { d } else { best }) else {
            return;
        };
        let mut guests = 0;
        for number in 0..self.slots.len() {
            let domain = usize::from(self.setup.domain_of[number]);
            let own = (domain as u16, self.core_of[number]);
            let place = if u32::from(own.1) < online[domain] {
                own
            } else {
                guests += 1;
                (host as u16, (online[host] - 1 - (guests - 1) % online[host]) as u16)
            };
            if self.places[number] != place {
                self.move_to(now, number, place);
            }
        }
        self.moved = guests > 0;
        self.retime = true;
        let is_away = |resource: &ResourceId| {
            let number = usize::from(resource.0);
            self.places[number] != (self.setup.domain_of[number], self.core_of[number])
        };
        self.ratios_of.resize_with(platform.executors.len(), || None);
        for (slot, executor) in self.ratios_of.iter_mut().zip(&platform.executors) {
            let affected = executor.resources.iter().any(is_away);
            if affected && slot.is_none() {
                *slot = Some(self.spare_ratios.pop().unwrap_or_else(|| ClockRatios::reference(domains)));
            } else if !affected {
                self.spare_ratios.extend(slot.take());
            }
        }
    }

    /// Work of a resource goes to another core, with its load and power.
    fn move_to(&mut self, now: SimTime, number: usize, place: (u16, u16)) {
        let old = std::mem::replace(&mut self.places[number], place);
        if self.slots[number].known.is_awake() {
            self.clocks.set_running(now, old.0, old.1, false);
            self.clocks.set_running(now, place.0, place.1, true);
        }
        self.power.move_to(now, ResourceId(number as u16), place.0);
        self.powers |= 1 << old.0 | 1 << place.0;
    }

    /// Brings the ratios of executors with cores offline up to date.
    pub(super) fn follow_hosts(&mut self, platform: &Platform) {
        for (number, slot) in self.ratios_of.iter_mut().enumerate() {
            let Some(ratios) = slot else { continue };
            ratios.memory = self.clocks.ratios.memory;
            ratios.processors.fill(0.0);
            let resources = &platform.executor(ExecutorId(number as u16)).resources;
            let place = |resource: &ResourceId| self.places[usize::from(resource.0)];
            for resource in resources {
                let own = usize::from(self.setup.domain_of[usize::from(resource.0)]);
                let (host, _) = place(resource);
                let beside = resources.iter().filter(|other| place(other) == place(resource)).count() as f64;
                let rate = |domain: usize, clock: f64| {
                    let setup = &self.setup.domains[domain];
                    setup.capacity as f64 * clock / setup.opps.highest().clock.0
                };
                let reference = rate(own, self.setup.domains[own].reference.0);
                let now = rate(usize::from(host), self.clocks.domains[usize::from(host)].clock_now().0);
                let alone = if usize::from(host) == own {
                    self.clocks.ratios.processors[own]
                } else {
                    reference / now
                };
                ratios.processors[own] = ratios.processors[own].max(alone * beside);
            }
        }
    }
}
