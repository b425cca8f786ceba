//! Units beside competing work: each worker of a set has its own work, and the books show when it was descheduled.

use super::background::{Background, part};
use super::power::Load;
use super::{Dynamics, Segment, SlotState, Timing};
use crate::simulation::observer::{Activity, Observer};
use crate::simulation::run::Simulation;
use crate::simulation::state::ItemPhase;
use crate::soc::ResourceId;
use crate::units::{SimDuration, SimTime};

impl SlotState {
    /// What a core or device does, competing work considered.
    pub(super) fn effective(&self, background: &Background<'_>, number: usize) -> Load {
        if background.competes(number) {
            return Load::Competing;
        }
        // A worker that sleeps at a barrier leaves its core idle.
        let sleeps = self.load == Load::Running && self.segment.is_some() && !background.has(number);
        if sleeps { Load::Idle } else { self.load }
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// Whether each worker of an item is followed on its own, because something may compete with one of them.
    pub(in crate::simulation) fn is_split(&self, item: u32) -> bool {
        let background = self.dynamics.as_ref().and_then(|dynamics| dynamics.background.as_ref());
        background.is_some_and(|background| {
            let executor = self.problem.platform.executor(self.items[item].executor);
            executor.resources.iter().any(|resource| background.is_contested(*resource))
        })
    }

    /// Starts a phase of an item on all its workers.
    pub(in crate::simulation) fn occupy_split(
        &mut self,
        now: SimTime,
        item: u32,
        phase: ItemPhase,
        work: SimDuration,
        demand: f64,
    ) {
        let order = self.order_of(item);
        let executor = self.problem.platform.executor(self.items[item].executor);
        let operator = (phase != ItemPhase::Setup).then(|| self.operator(&self.items[item]));
        let executes = phase == ItemPhase::Execution;
        let workers = executor.resources.len();
        for (at, &resource) in executor.resources.iter().enumerate() {
            let slot = usize::from(resource.0);
            let acts = executes || at == 0;
            if acts {
                let own = if executes { part(work, executor.busy_shares[at]) } else { work };
                // Every worker moves the same bytes, in the time that it takes.
                let pace = work.0 as f64 / (own.0.max(1) as f64 * workers as f64);
                self.running[slot] = item;
                let speed =
                    self.time_slot(now, slot, item, phase, if executes { demand * pace } else { 0.0 });
                self.activities.start(slot, now, own, speed, order);
                self.overflow |= self.activities.end(slot) == SimTime::NEVER;
            }
            let Some(dynamics) = self.dynamics.as_deref_mut() else { return };
            let base = if executes { Activity::Busy } else { Activity::Overhead };
            let state = &mut dynamics.slots[slot];
            if executes {
                state.set_pace(part(work, executor.busy_shares[at]), 1.0 / workers as f64);
            }
            let shown = if acts && !state.on { Activity::Suspended } else { base };
            dynamics.rebooked(slot);
            let state = &mut dynamics.slots[slot];
            state.segment = Some(Segment { base, needs: acts, shown, operator, since: now });
            state.parts = if executes { workers as u16 } else { 1 };
            dynamics.want(resource, acts || dynamics.setup.spin);
        }
    }

    /// A worker has ended. Returns whether others still execute.
    pub(in crate::simulation) fn part_ended(&mut self, now: SimTime, slot: usize) -> bool {
        let item = self.running[slot];
        if item == u32::MAX || self.items[item].phase != ItemPhase::Execution || !self.is_split(item) {
            return false;
        }
        let first = usize::from(self.problem.platform.executor(self.items[item].executor).resources[0].0);
        let Some(dynamics) = self.dynamics.as_deref_mut() else { return false };
        dynamics.slots[first].parts -= 1;
        if dynamics.slots[first].parts == 0 {
            return false;
        }
        let spin = dynamics.setup.spin;
        dynamics.want(ResourceId(slot as u16), spin);
        self.activities.clear(slot);
        self.running[slot] = u32::MAX;
        let served = self.free_slot(now, slot);
        self.outcome.dram_bytes += served;
        self.show(now, slot, |segment| {
            (segment.base, segment.needs) = (Activity::Blocked, false);
        });
        true
    }

    /// Changes what the books of a resource show.
    fn show(&mut self, now: SimTime, slot: usize, change: impl FnOnce(&mut Segment)) {
        let Some(dynamics) = self.dynamics.as_deref_mut() else { return };
        let state = &mut dynamics.slots[slot];
        let Some(segment) = &mut state.segment else { return };
        let before = *segment;
        change(segment);
        segment.shown = if segment.needs && !state.on { Activity::Suspended } else { segment.base };
        if segment.shown != before.shown {
            segment.since = now;
            if let Some(&item) = self.resources[slot].queue.front() {
                self.book(ResourceId(slot as u16), before.shown, item, before.operator, before.since, now);
            }
        }
    }

    /// Books what the resources of an item have done since the last change.
    pub(in crate::simulation) fn book_segments(&mut self, item: u32, end: SimTime) {
        let executor = self.problem.platform.executor(self.items[item].executor);
        for &resource in &executor.resources {
            let Some(dynamics) = self.dynamics.as_deref_mut() else { return };
            if let Some(segment) = dynamics.slots[usize::from(resource.0)].segment.take() {
                dynamics.rebooked(usize::from(resource.0));
                self.book(resource, segment.shown, item, segment.operator, segment.since, end);
            }
        }
    }

    /// A burst or frame of competing work has ended.
    pub(in crate::simulation) fn background_ended(&mut self, now: SimTime, slot: usize) {
        if let Some(background) = self.dynamics.as_deref_mut().and_then(|d| d.background.as_mut()) {
            background.ended(now, slot, &mut self.activities);
        }
    }

    /// Finds out who runs where, and shows it.
    pub(super) fn settle_background(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>) {
        let Dynamics { background, slots, .. } = dynamics;
        let Some(background) = background else { return };
        let boundaries = std::mem::take(&mut dynamics.boundaries);
        if background.is_settled() {
            if boundaries {
                slots.iter_mut().for_each(|slot| slot.boundary = false);
            }
            return;
        }
        let changed = background.settle(now, |device| {
            let slot = &slots[device];
            slot.boundary || !matches!(slot.timing, Timing::Execution { .. })
        });
        dynamics.stale |= changed;
        if background.is_leaving() {
            dynamics.leaving = now;
        }
        for number in 0..dynamics.slots.len() {
            let Some(background) = &dynamics.background else { return };
            let on = background.has(number);
            let slot = &mut dynamics.slots[number];
            slot.boundary = false;
            if slot.effective(background, number) != slot.known {
                let load = slot.load;
                dynamics.note(ResourceId(number as u16), load);
            }
            let slot = &mut dynamics.slots[number];
            if on == slot.on {
                continue;
            }
            slot.on = on;
            dynamics.stale = true;
            if let Some(segment) = &mut slot.segment {
                let before = *segment;
                segment.shown = if segment.needs && !on { Activity::Suspended } else { segment.base };
                if segment.shown != before.shown {
                    segment.since = now;
                    if let Some(&item) = self.resources[number].queue.front() {
                        let resource = ResourceId(number as u16);
                        self.book(resource, before.shown, item, before.operator, before.since, now);
                    }
                }
            }
        }
    }

    /// Sets the rates of competing work.
    pub(super) fn rate_background(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>, limited: bool) {
        let first = dynamics.slots.len();
        let Some(background) = &mut dynamics.background else { return };
        for task in 0..background.tasks.len() {
            let slot = first + task;
            let demand = self.demands[slot];
            let granted = if limited { self.grants[slot].min(demand) } else { demand };
            background.serve(now, task, granted);
            if self.activities.end(slot) == SimTime::NEVER && self.activities.work_left(slot, now).0 == 0 {
                continue;
            }
            let speed = match background.place(task) {
                Some(place) => {
                    let domain = usize::from(dynamics.setup.domain_of[place]);
                    let setup = &dynamics.setup.domains[domain];
                    let clock = 1.0 / dynamics.clocks.ratios.processors[domain];
                    let capacity = if setup.is_cpu { setup.capacity as f64 / 1024.0 } else { 1.0 };
                    clock * capacity
                }
                None => 1.0,
            };
            let share = if granted < demand { granted / demand } else { 1.0 };
            let running = background.tasks[task].running;
            self.activities.set_rate(slot, now, if running { speed * share } else { 0.0 });
        }
    }
}

impl Dynamics<'_> {
    /// A worker's segment begins or ends: without its core, it sleeps or no longer does.
    fn rebooked(&mut self, slot: usize) {
        if let Some(background) = &mut self.background
            && !background.has(slot)
        {
            background.touch();
        }
    }

    fn want(&mut self, resource: ResourceId, wants: bool) {
        if let Some(background) = &mut self.background {
            background.set_wants(resource, wants);
        }
    }
}
