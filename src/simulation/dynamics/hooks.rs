//! Where a run and its dynamics meet.

use super::caches::Loss;
use super::power::Load;
use super::setup::PowerSource;
use super::thermal::DomainView;
use super::{Dynamics, Timing};
use crate::simulation::observer::{Lost, Observer};
use crate::simulation::problem::DynamicsOutcome;
use crate::simulation::run::Simulation;
use crate::simulation::state::ItemPhase;
use crate::soc::{Platform, ResourceId};
use crate::units::{SimDuration, SimTime};

impl<O: Observer> Simulation<'_, O> {
    /// The resources of an item do this from now on.
    pub(in crate::simulation) fn note_item(&mut self, item: u32, running: bool) {
        let Some(dynamics) = self.dynamics.as_deref_mut() else { return };
        let load = if running { Load::Running } else { Load::Idle };
        for &resource in &self.problem.platform.executor(self.items[item].executor).resources {
            dynamics.note(resource, load);
            if !running && let Some(background) = &mut dynamics.background {
                background.set_wants(resource, false);
            }
        }
    }

    /// A resource holds work that waits.
    pub(in crate::simulation) fn note_waiting(&mut self, resource: ResourceId) {
        if let Some(dynamics) = self.dynamics.as_deref_mut() {
            dynamics.note(resource, Load::Waiting);
        }
    }

    /// A unit ends: what it drew is charged to it.
    pub(in crate::simulation) fn charge_unit(&mut self, now: SimTime, item: u32) {
        let Some(mut dynamics) = self.dynamics.take() else { return };
        let unit = self.placed(item);
        let resources = &self.problem.platform.executor(self.items[item].executor).resources;
        for &resource in resources {
            let joules = dynamics.power.take_charge(now, resource);
            dynamics.outcome.charged_joules += joules;
            if joules > 0.0 {
                self.observer.drew(now, unit, PowerSource::Resource(resource), joules);
            }
        }
        let bytes = std::mem::take(&mut dynamics.slots[usize::from(resources[0].0)].unit_bytes);
        if bytes > 0.0 {
            self.observer.drew(now, unit, PowerSource::Memory, bytes * dynamics.joules_per_byte);
        }
        self.dynamics = Some(dynamics);
    }

    /// What starts in a slot, and how it scales. Returns its speed.
    pub(in crate::simulation) fn time_slot(
        &mut self,
        now: SimTime,
        slot: usize,
        item: u32,
        phase: ItemPhase,
        demand: f64,
    ) -> f64 {
        let state = &self.items[item];
        let (stream, executor) = (state.unit.request.stream, state.executor);
        let operator = self.operator(state);
        let Some(dynamics) = self.dynamics.as_deref_mut() else { return 1.0 };
        let timing = match phase {
            ItemPhase::Waiting | ItemPhase::DataDue | ItemPhase::Waking => Timing::Nothing,
            ItemPhase::Setup => Timing::Domains(dynamics.setup.executor(executor).invocation_domains),
            ItemPhase::Overhead => Timing::Overhead { stream, operator, executor },
            ItemPhase::Execution => Timing::Execution { stream, operator, executor },
        };
        let speed = dynamics.speed(timing);
        let own = &mut dynamics.slots[slot];
        (own.timing, own.speed, own.clock, own.demand, own.beside) = (timing, speed, speed, demand, 0.0);
        (own.force, own.force_since, own.lost) = ((speed, speed, 1.0, own.on), now, Lost::default());
        (own.served, own.served_since) = (0.0, now);
        dynamics.stale |= demand > 0.0;
        if dynamics.caches.is_some() {
            own.loss = Loss::default();
            (own.executes, own.executes_since) = (0.0, now);
            dynamics.stale |= phase == ItemPhase::Execution;
        }
        speed
    }

    /// What has started in a slot takes this long at full speed.
    pub(in crate::simulation) fn pace_slot(&mut self, slot: usize, work: SimDuration) {
        if let Some(dynamics) = self.dynamics.as_deref_mut() {
            dynamics.slots[slot].set_pace(work, 1.0);
        }
    }

    /// What ran in a slot has ended. Returns the bytes that main memory has served it.
    pub(in crate::simulation) fn free_slot(&mut self, now: SimTime, slot: usize) -> f64 {
        let Some(dynamics) = self.dynamics.as_deref_mut() else { return 0.0 };
        dynamics.book_caches(now, slot);
        let own = &mut dynamics.slots[slot];
        own.enforce(now, 1.0);
        let bytes = own.take_bytes(now);
        own.unit_bytes += bytes;
        dynamics.stale |= own.demand > 0.0 || dynamics.caches.is_some();
        own.executes = 0.0;
        let executed = matches!(own.timing, Timing::Execution { .. });
        own.boundary |= executed;
        dynamics.boundaries |= executed;
        // What it lost in the caches must not be demanded on.
        (own.timing, own.demand, own.loss) = (Timing::Nothing, 0.0, Loss::NONE);
        dynamics.outcome.served_bytes += bytes;
        bytes
    }

    /// Tells what the operator that has ended in a slot lost.
    pub(in crate::simulation) fn tell_lost(&mut self, now: SimTime, slot: usize, item: u32) {
        let Some(lost) = self.dynamics.as_deref().map(|dynamics| dynamics.slots[slot].lost) else { return };
        if lost != Lost::default() {
            let (unit, operator) = (self.placed(item), self.operator(&self.items[item]));
            self.observer.slowed(now, unit, operator, lost);
        }
    }

    /// Something of the dynamics is due.
    pub(in crate::simulation) fn dynamics_due(&mut self, now: SimTime) {
        if let Some(dynamics) = self.dynamics.as_deref_mut() {
            if std::mem::replace(&mut dynamics.leaving, SimTime::NEVER) <= now {
                if let Some(background) = &mut dynamics.background {
                    background.let_leave(now);
                }
                dynamics.apply_loads(now, true);
            }
            let looks = &mut dynamics.outcome.looks;
            if dynamics.clocks.next() <= now {
                looks.clocks += 1;
                dynamics.retime |= dynamics.clocks.step(now);
            }
            if dynamics.caches.as_ref().is_some_and(|caches| caches.next() <= now) {
                looks.caches += 1;
                dynamics.stale = true;
            }
            dynamics.step_idle(now);
            if let Some(background) = dynamics.background.as_mut().filter(|b| b.next() <= now) {
                dynamics.outcome.looks.competing += 1;
                let observer = &mut *self.observer;
                background.step(now, &mut self.activities, |source, missed| {
                    observer.frame(now, source, missed);
                });
            }
            if dynamics.thermal.as_ref().is_some_and(|thermal| thermal.next() <= now) {
                dynamics.outcome.looks.heat += 1;
                dynamics.read_sensors(now, &self.problem.platform, self.observer);
            }
        }
    }

    /// Applies what an event has changed.
    pub(in crate::simulation) fn settle(&mut self, now: SimTime) {
        let Some(mut dynamics) = self.dynamics.take() else { return };
        if dynamics.background.is_some() {
            self.settle_background(now, &mut dynamics);
        }
        if !dynamics.changed.is_empty() {
            let all = !dynamics.defers;
            dynamics.apply_loads(now, all);
        }
        dynamics.follow_idle(now);
        if dynamics.retime || dynamics.powers != 0 {
            self.set_powers(now, &mut dynamics);
        }
        // Threads that found nothing to do go to sleep once nothing else happens at this time: what runs is timed then.
        let later = dynamics.leaving == now;
        if !later && std::mem::take(&mut dynamics.retime) {
            if dynamics.moved {
                dynamics.follow_hosts(&self.problem.platform);
            }
            for slot in 0..dynamics.slots.len() {
                match dynamics.slots[slot].timing {
                    Timing::Nothing => {}
                    // What it loses in the caches is looked at anyway.
                    Timing::Execution { .. } if dynamics.caches.is_some() => {
                        dynamics.slots[slot].beside = f64::NAN;
                    }
                    timing => {
                        let speed = dynamics.speed(timing);
                        (dynamics.slots[slot].speed, dynamics.slots[slot].clock) = (speed, speed);
                    }
                }
            }
            dynamics.stale = true;
        }
        if !later && std::mem::take(&mut dynamics.stale) {
            self.solve_rates(now, &mut dynamics);
        }
        if std::mem::take(&mut dynamics.heating)
            && let Some(thermal) = &mut dynamics.thermal
        {
            let power = &dynamics.power;
            if std::mem::take(&mut dynamics.domains_heat) {
                let domains = 0..dynamics.setup.domains.len() as u16;
                thermal.set_domains(domains.map(|domain| power.domain_watts(domain)));
            }
            thermal.set_powers(now, power.memory_watts(), power.base_watts());
        }
        self.dynamics = Some(dynamics);
    }

    /// Tells clocks and powers that have changed.
    fn set_powers(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>) {
        let known = std::mem::take(&mut dynamics.powers);
        for number in 0..dynamics.setup.domains.len() {
            let domain = &dynamics.clocks.domains[number];
            let step = domain.clock.step();
            let changed = step != dynamics.steps[number];
            if changed {
                dynamics.steps[number] = step;
                self.observer.frequency(now, number as u16, domain.clock_now());
            }
            if changed || known >> number & 1 == 1 {
                let setup = &dynamics.setup.domains[number];
                let Some(&opp) = setup.opps.points.get(step) else { continue };
                let observer = &mut *self.observer;
                let leaking = dynamics.thermal.as_ref().map_or(0.0, |thermal| thermal.leakage(number));
                (dynamics.heating, dynamics.domains_heat) = (true, true);
                dynamics.power.refresh(now, number as u16, setup, opp, leaking, |source, watts| {
                    observer.power(now, source, watts);
                });
            }
        }
    }

    /// What the dynamics came to.
    pub(in crate::simulation) fn close_dynamics(&mut self, end: SimTime) {
        if let Some(mut dynamics) = self.dynamics.take() {
            if let Some(thermal) = &mut dynamics.thermal {
                thermal.read_all(end);
                dynamics.outcome.temperatures.clone_from(&thermal.temperatures);
                dynamics.outcome.heat = thermal.balance();
            }
            if let Some(background) = &mut dynamics.background {
                dynamics.outcome.background = background.close(end);
            }
            if let Some(idle) = &mut dynamics.idle {
                dynamics.outcome.idle = idle.close(end);
            }
            dynamics.outcome.caches = dynamics.caches.take().map(|caches| caches.outcome);
            let energy = dynamics.power.joules(end);
            self.outcome.dynamics = Some(Box::new(DynamicsOutcome { energy, ..dynamics.outcome }));
        }
    }
}

impl Dynamics<'_> {
    /// Lets thermal rules read their sensors and applies their limits.
    fn read_sensors<O: Observer>(&mut self, now: SimTime, platform: &Platform, observer: &mut O) {
        let Some(mut thermal) = self.thermal.take() else { return };
        let elapsed = now.since(self.read_at).0.max(1);
        self.read_at = now;
        let mut views = [DomainView::NONE; 32];
        for (number, (domain, (milliwatts, known))) in
            self.clocks.domains.iter_mut().zip(&mut self.tables).enumerate()
        {
            domain.account(now);
            let busy = domain.busy_sum - *known;
            *known = domain.busy_sum;
            views[number] = DomainView {
                step: domain.clock.step(),
                milliwatts,
                load_percent: (u128::from(busy.0) * 100 / u128::from(elapsed)) as u64,
                cores: domain.cores(),
            };
        }
        let changed = thermal.read(now, &views[..self.setup.domains.len()]);
        for (node, temperature) in thermal.temperatures.iter().enumerate() {
            observer.temperature(now, node as u16, *temperature);
        }
        // Leakage follows the temperature at every reading.
        self.powers = u32::MAX;
        if changed {
            for domain in 0..self.setup.domains.len() {
                let cap = thermal.cap(domain);
                self.retime |= self.clocks.set_cap(now, domain, cap);
                if let Some(limit) = self.setup.domains[domain].opps.points.get(cap) {
                    observer.capped(now, domain as u16, limit.clock);
                }
            }
            self.set_offline(now, platform, |domain| thermal.offline(domain));
        }
        self.thermal = Some(thermal);
    }

    /// Tells clocks and powers which cores have begun and which have ceased to run; the latter only once nothing else
    /// happens at this time (`all`), because the next request may come at once.
    fn apply_loads(&mut self, now: SimTime, all: bool) {
        let mut kept = 0;
        for at in 0..self.changed.len() {
            let number = self.changed[at];
            let slot = &self.slots[usize::from(number)];
            let load = match &self.background {
                Some(background) => slot.effective(background, usize::from(number)),
                None => slot.load,
            };
            let sleepy = self.falls_asleep(number, load);
            if !all && (sleepy || (slot.known.is_awake() && !load.is_awake())) {
                self.changed[kept] = number;
                kept += 1;
                self.leaving = now;
                continue;
            }
            self.tell_idle(now, number, load, sleepy);
            let slot = &mut self.slots[usize::from(number)];
            slot.noted = false;
            if load == slot.known {
                continue;
            }
            let (was, is) = (slot.known.is_awake(), load.is_awake());
            slot.known = load;
            let (domain, core) = self.places[usize::from(number)];
            if was != is {
                self.retime |= self.clocks.set_running(now, domain, core, is);
            }
            self.power.set_load(now, ResourceId(number), load, slot_held(load));
            self.powers |= 1 << domain;
        }
        self.changed.truncate(kept);
    }
}

/// Whether a unit pays for what a core draws.
const fn slot_held(load: Load) -> bool {
    matches!(load, Load::Waking | Load::Waiting | Load::Running)
}
