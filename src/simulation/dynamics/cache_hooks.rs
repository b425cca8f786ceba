//! Where running operators meet the shared caches.

use super::{Dynamics, Timing};
use crate::simulation::observer::Observer;
use crate::simulation::run::Simulation;
use crate::units::SimTime;

impl<O: Observer> Simulation<'_, O> {
    /// Brings occupancies up to now, and with them what operators lose and how fast they run.
    pub(super) fn look_at_caches(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>) {
        if dynamics.caches.is_none() {
            return;
        }
        for slot in 0..dynamics.slots.len() {
            dynamics.book_caches(now, slot);
        }
        if let Some(caches) = &mut dynamics.caches {
            caches.advance(now);
        }
        for slot in 0..dynamics.slots.len() {
            let own = &dynamics.slots[slot];
            let (timing, pace, parts) = (own.timing, own.pace, own.portion);
            let (Some(user), Some(caches)) = (timing.user(slot), &mut dynamics.caches) else { continue };
            let loss = caches.loss(user);
            // The time that the data movement of one execution takes longer, as a share of the execution.
            let beside = loss.seconds * pace / parts;
            let own = &mut dynamics.slots[slot];
            own.loss = loss;
            if beside.to_bits() != own.beside.to_bits() {
                own.beside = beside;
                let (speed, clock) = (dynamics.speed_beside(timing, beside), dynamics.speed(timing));
                (dynamics.slots[slot].speed, dynamics.slots[slot].clock) = (speed, clock);
            }
        }
    }

    /// All rates are known: what they bring into the caches.
    pub(super) fn fill_caches(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>) {
        let Some(caches) = &mut dynamics.caches else { return };
        for (number, slot) in dynamics.slots.iter().enumerate() {
            if slot.executes > 0.0
                && let Timing::Execution { .. } = slot.timing
                && let Some(user) = slot.timing.user(number)
            {
                caches.fills(user, &slot.loss, slot.executes);
            }
        }
        if let Some(background) = &dynamics.background {
            for (task, rate) in background.served_rates() {
                if let Some(place) = background.place(task) {
                    caches.streams(task, place, rate);
                }
            }
        }
        let observer = &mut *self.observer;
        caches.settle(now, |cache, client, bytes| observer.cache(now, cache, client, bytes));
    }
}
