//! Where units meet idle states: what has work wakes its cores first, and pays the time as overhead.

use super::Dynamics;
use super::power::Load;
use crate::simulation::Arrivals;
use crate::simulation::observer::{Activity, Observer};
use crate::simulation::run::Simulation;
use crate::simulation::state::ItemPhase;
use crate::soc::ResourceId;
use crate::units::{SimDuration, SimTime};

impl<O: Observer> Simulation<'_, O> {
    /// Wakes the cores or the device of an item. Returns the time until the last of them can run.
    pub(in crate::simulation) fn wake_up(&mut self, now: SimTime, item: u32) -> SimDuration {
        let Some(dynamics) = self.dynamics.as_deref_mut() else { return SimDuration::ZERO };
        let Some(idle) = &mut dynamics.idle else { return SimDuration::ZERO };
        let resources = &self.problem.platform.executor(self.items[item].executor).resources;
        let awake = resources.iter().map(|resource| idle.wake(now, *resource)).max().unwrap_or(now);
        awake.since(now)
    }

    /// An item holds its resources while they leave their idle states. No clock and no competing thread changes how long
    /// that takes.
    pub(in crate::simulation) fn wait_for_cores(&mut self, now: SimTime, item: u32, wait: SimDuration) {
        let executor = self.problem.platform.executor(self.items[item].executor);
        if let Some(dynamics) = self.dynamics.as_deref_mut() {
            for &resource in &executor.resources {
                dynamics.note(resource, Load::Waking);
            }
        }
        let slot = usize::from(executor.resources[0].0);
        let order = self.order_of(item);
        let state = &mut self.items[item];
        (state.phase, state.since) = (ItemPhase::Waking, now);
        self.running[slot] = item;
        self.activities.start(slot, now, wait, 1.0, order);
        self.overflow |= self.activities.end(slot) == SimTime::NEVER;
    }

    /// Books a wait for cores on all resources of an item.
    pub(in crate::simulation) fn book_wait_for_cores(&mut self, item: u32, start: SimTime, end: SimTime) {
        let platform = &self.problem.platform;
        for &resource in &platform.executor(self.items[item].executor).resources {
            self.book(resource, Activity::Overhead, item, None, start, end);
        }
    }

    /// The next request of a stream comes at `at`; the kernel knows that of a periodic one, whose application sleeps on a timer.
    pub(in crate::simulation) fn note_timer(&mut self, stream: u16, at: SimTime) {
        let periodic = matches!(
            self.problem.streams.get(usize::from(stream)).map(|stream| &stream.arrivals),
            Some(Arrivals::Periodic { .. })
        );
        if periodic && let Some(idle) = self.dynamics.as_deref_mut().and_then(|d| d.idle.as_mut()) {
            idle.set_timer(stream, at);
        }
    }
}

impl Dynamics<'_> {
    /// Whether a core with this load has just run out of work. One whose thread waits at a barrier has not.
    pub(super) fn falls_asleep(&self, number: u16, load: Load) -> bool {
        let core = usize::from(number);
        load == Load::Idle
            && self.slots[core].load == Load::Idle
            && self.idle.as_ref().is_some_and(|idle| idle.is_awake(core))
            // A competing thread that waits takes it over at once.
            && self.background.as_ref().is_none_or(|background| background.rivals(core) == 0)
    }

    /// Tells idle states about the load of a core.
    pub(super) fn tell_idle(&mut self, now: SimTime, number: u16, load: Load, sleepy: bool) {
        let Some(idle) = &mut self.idle else { return };
        if sleepy {
            idle.rest(now, ResourceId(number));
        } else if load != Load::Idle {
            idle.wake(now, ResourceId(number));
        }
    }

    /// Lets idle states do what is due.
    pub(super) fn step_idle(&mut self, now: SimTime) {
        let Self { idle: Some(idle), slots, background, .. } = self else { return };
        idle.step(now, |core| {
            slots[core].load != Load::Idle || background.as_ref().is_some_and(|b| b.rivals(core) > 0)
        });
    }

    /// Brings powers up to date with idle states.
    pub(super) fn follow_idle(&mut self, now: SimTime) {
        let Some(idle) = self.idle.as_mut().filter(|idle| idle.changed) else { return };
        let (power, powers) = (&mut self.power, &mut self.powers);
        idle.take_changes(|core, share, waking| {
            *powers |= 1 << power.set_share(now, core, share, waking);
        });
    }
}
