//! Rates of everything that runs: bandwidth shared, speeds at the present clocks.

use super::{Dynamics, Timing};
use crate::engine::water_fill;
use crate::physics::contention::after_display;
use crate::simulation::observer::Observer;
use crate::simulation::run::Simulation;
use crate::units::{BytesPerSec, SimTime};

impl<O: Observer> Simulation<'_, O> {
    /// Shares memory bandwidth and sets the rate of everything that runs.
    pub(super) fn solve_rates(&mut self, now: SimTime, dynamics: &mut Dynamics<'_>) {
        dynamics.outcome.looks.solved += 1;
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
        if !dynamics.relative.is_empty() {
            total = dynamics.slow_down(&mut self.demands, total + first) - first;
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
        let (known, domain_of) = (&dynamics.relative, &dynamics.setup.domain_of);
        let relative =
            |slot: usize| known.get(usize::from(*domain_of.get(slot)?)).copied().filter(|speed| *speed < 1.0);
        for (number, slot) in dynamics.slots.iter_mut().enumerate() {
            if slot.timing == Timing::Nothing {
                continue;
            }
            let demand = self.demands[number];
            let granted = if limited { self.grants[number].min(demand) } else { demand };
            let share = if granted < demand { granted / demand } else { 1.0 };
            let share = if demand > 0.0 { share * relative(number).unwrap_or(1.0) } else { share };
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
