//! Where a run and its dynamics meet.

use super::background::Background;
use super::caches::Loss;
use super::power::Load;
use super::setup::PowerSource;
use super::thermal::DomainView;
use super::{Dynamics, Timing};
use crate::engine::water_fill;
use crate::physics::contention::after_display;
use crate::simulation::observer::{Lost, Observer};
use crate::simulation::problem::DynamicsOutcome;
use crate::simulation::run::Simulation;
use crate::simulation::state::ItemPhase;
use crate::soc::{Platform, ResourceId};
use crate::units::{BytesPerSec, SimDuration, SimTime};

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
            ItemPhase::Waiting | ItemPhase::DataDue => Timing::Nothing,
            ItemPhase::Setup => Timing::Domains(dynamics.setup.executor(executor).invocation_domains),
            ItemPhase::Overhead => Timing::Overhead { stream, operator, executor },
            ItemPhase::Execution => Timing::Execution { stream, operator, executor },
        };
        let speed = dynamics.speed(timing);
        let own = &mut dynamics.slots[slot];
        (own.timing, own.speed, own.clock, own.demand) = (timing, speed, speed, demand);
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
        own.boundary |= matches!(own.timing, Timing::Execution { .. });
        (own.timing, own.demand) = (Timing::Nothing, 0.0);
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
            dynamics.retime |= dynamics.clocks.step(now);
            dynamics.stale |= dynamics.caches.as_ref().is_some_and(|caches| caches.next() <= now);
            if let Some(background) = dynamics.background.as_mut().filter(|b| b.next() <= now) {
                let observer = &mut *self.observer;
                background.step(now, &mut self.activities, |source, missed| {
                    observer.frame(now, source, missed);
                });
            }
            if dynamics.thermal.as_ref().is_some_and(|thermal| thermal.next() <= now) {
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
        if dynamics.background.as_ref().is_some_and(Background::is_leaving) {
            dynamics.leaving = now;
        }
        if dynamics.retime || dynamics.powers != 0 {
            self.set_powers(now, &mut dynamics);
        }
        if std::mem::take(&mut dynamics.retime) {
            if dynamics.moved {
                dynamics.follow_hosts(&self.problem.platform);
            }
            for slot in 0..dynamics.slots.len() {
                let timing = dynamics.slots[slot].timing;
                if timing != Timing::Nothing {
                    let speed = dynamics.speed(timing);
                    (dynamics.slots[slot].speed, dynamics.slots[slot].clock) = (speed, speed);
                }
            }
            dynamics.stale = true;
        }
        if std::mem::take(&mut dynamics.stale) {
            self.solve_rates(now, &mut dynamics);
        }
        if std::mem::take(&mut dynamics.heating)
            && let Some(thermal) = &mut dynamics.thermal
        {
            let power = &dynamics.power;
            let domains = (0..dynamics.setup.domains.len() as u16).map(|domain| power.domain_watts(domain));
            thermal.set_powers(now, domains, power.memory_watts(), power.base_watts());
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
                dynamics.heating = true;
                dynamics.power.refresh(now, number as u16, setup, opp, leaking, |source, watts| {
                    observer.power(now, source, watts);
                });
            }
        }
    }

    /// Shares memory bandwidth and sets the rate of everything that runs.
    fn solve_rates(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>) {
        self.look_at_caches(now, dynamics);
        let modelled = self.problem.platform.memory_bandwidth.is_some();
        let supply = if modelled { dynamics.clocks.memory_rate() } else { f64::INFINITY };
        let mut total = 0.0;
        let mut clients = 0;
        for (slot, demand) in dynamics.slots.iter().zip(&mut self.demands) {
            // Alone, an operator takes what its cost model says at the present clocks; its traffic cannot exceed the supply then.
            let demanded = slot.demand + slot.loss.extra * slot.pace;
            *demand = if slot.on { (demanded * slot.speed).min(supply) } else { 0.0 };
            total += *demand;
            clients += u32::from(*demand > 0.0);
        }
        let slots = dynamics.slots.len();
        let mut first = 0.0;
        if let Some(background) = &dynamics.background {
            for (task, demand) in self.demands[slots..].iter_mut().enumerate() {
                *demand = background.demand(task).min(supply);
                clients += u32::from(*demand > 0.0);
                if background.is_first(task) {
                    *demand = demand.min(supply - first);
                    first += *demand;
                } else {
                    total += *demand;
                }
            }
        }
        let interference = dynamics.clocks.interference();
        let loss = 1.0 + interference.unwrap_or(0.0) * f64::from(clients.max(1) - 1);
        let left = after_display(BytesPerSec(supply / loss), BytesPerSec(first)).0;
        let limited = total > left;
        let mut served = first + total.min(left);
        if limited {
            if let Some(background) = dynamics.background.as_ref().filter(|_| first > 0.0) {
                // What is served first takes no part in the sharing.
                for (task, demand) in self.demands[slots..].iter_mut().enumerate() {
                    *demand = if background.is_first(task) { 0.0 } else { *demand };
                }
            }
            if interference.is_some() {
                let (share, most) = (left / total, supply - first);
                served = first + share_in_proportion(&self.demands, &mut self.grants, supply, share, most);
            } else {
                water_fill(left, &self.demands, &self.weights, &mut self.grants, &mut self.fill_order);
            }
            if let Some(background) = dynamics.background.as_ref().filter(|_| first > 0.0) {
                let mut remaining = supply;
                for (task, (demand, grant)) in
                    self.demands[slots..].iter_mut().zip(&mut self.grants[slots..]).enumerate()
                {
                    if background.is_first(task) {
                        *demand = background.demand(task).min(remaining);
                        *grant = *demand;
                        remaining -= *demand;
                    }
                }
            }
        }
        for (number, slot) in dynamics.slots.iter_mut().enumerate() {
            if slot.timing == Timing::Nothing {
                continue;
            }
            let demand = self.demands[number];
            let granted = if limited { self.grants[number].min(demand) } else { demand };
            let share = if granted < demand { granted / demand } else { 1.0 };
            let rate = if slot.on { slot.speed * share } else { 0.0 };
            slot.enforce(now, share);
            self.activities.set_rate(number, now, rate);
            self.overflow |= self.activities.end(number) == SimTime::NEVER && rate > 0.0;
            slot.serve(now, granted);
            slot.executes = rate * slot.pace;
        }
        self.rate_background(now, dynamics, limited);
        self.fill_caches(now, dynamics);
        if served.to_bits() != dynamics.served.to_bits() {
            dynamics.served = served;
            dynamics.heating |= dynamics.power.set_memory(now, served * dynamics.joules_per_byte);
            self.observer.bandwidth(now, served);
        }
    }

    /// What the dynamics came to.
    pub(in crate::simulation) fn close_dynamics(&mut self, end: SimTime) {
        if let Some(mut dynamics) = self.dynamics.take() {
            if let Some(thermal) = &mut dynamics.thermal {
                thermal.advance(end);
                dynamics.outcome.temperatures.clone_from(&thermal.temperatures);
                dynamics.outcome.heat = thermal.balance();
            }
            if let Some(background) = &mut dynamics.background {
                dynamics.outcome.background = background.close(end);
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
            let slot = &mut self.slots[usize::from(number)];
            let load = match &self.background {
                Some(background) => slot.effective(background, usize::from(number)),
                None => slot.load,
            };
            if !all && slot.known.is_awake() && !load.is_awake() {
                self.changed[kept] = number;
                kept += 1;
                self.leaving = now;
                continue;
            }
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
    matches!(load, Load::Waiting | Load::Running)
}

/// Grants in proportion to demands: everybody keeps the part of its time that does not wait for memory
/// ([`crate::physics::contention::proportional_speeds`]; the part that waits is demand / supply). `share` is what is left of
/// the rate of each byte, `most` what can be served. Returns the sum.
fn share_in_proportion(demands: &[f64], grants: &mut [f64], supply: f64, share: f64, most: f64) -> f64 {
    let mut sum = 0.0;
    for (grant, demand) in grants.iter_mut().zip(demands) {
        let bound = (demand / supply).min(1.0);
        *grant = demand / (1.0 - bound + bound / share.max(1e-9));
        sum += *grant;
    }
    if sum > most {
        grants.iter_mut().for_each(|grant| *grant *= most / sum);
    }
    sum.min(most)
}
