//! What a runtime can read of the machine, and what an operator would take if the present state lasted.

use super::Dynamics;
use crate::physics::OperatorCost;
use crate::predict::{State, Work};
use crate::simulation::observer::Observer;
use crate::simulation::run::Simulation;
use crate::soc::{Platform, ResourceId};
use crate::units::{SimDuration, SimTime};

impl Dynamics<'_> {
    /// The state as it concerns an executor.
    pub(in crate::simulation) fn sense(&self, work: Work, platform: &Platform) -> State {
        let resources = &platform.executor(work.executor).resources;
        let domains =
            resources.iter().map(|resource| usize::from(self.setup.domain_of[usize::from(resource.0)]));
        let clock = domains.clone().map(|domain| self.clocks.ratios.processors[domain]).fold(0.0, f64::max);
        let celsius = match (&self.thermal, &self.setup.thermal) {
            (Some(thermal), Some(setup)) => domains
                .filter_map(|domain| Some(thermal.temperature(*setup.domain_nodes.get(domain)?).0))
                .fold(f64::NEG_INFINITY, f64::max),
            _ => State::LABORATORY.celsius,
        };
        let load = resources.iter().map(|resource| self.rivals(*resource)).max().unwrap_or(0);
        State {
            clock,
            memory: self.clocks.ratios.memory,
            celsius: if celsius.is_finite() { celsius } else { State::LABORATORY.celsius },
            load: load as f64,
            bandwidth: self.demanded_by_others(resources) / self.clocks.memory_rate(),
        }
    }

    /// What an operator would take on an executor if the present state lasted: clocks as they are, each core shared evenly
    /// with the threads that want it, main memory max-min fairly with those that demand it.
    pub(in crate::simulation) fn present(
        &self,
        work: Work,
        cost: &OperatorCost,
        platform: &Platform,
    ) -> SimDuration {
        let executor = platform.executor(work.executor);
        let ratios = self.ratios_for(work.executor);
        let scaling = &self.setup.scalings[usize::from(work.stream)];
        let anchor = self.setup.executor(work.executor).memory_anchor;
        let overhead = cost.overhead.seconds() * scaling.overhead(work.operator, work.executor, ratios);
        let alone = cost.alone.seconds() * scaling.execution(work.operator, work.executor, ratios, anchor);
        // A set waits for the worker that takes longest on the core that it shares.
        let shared = executor.resources.iter().zip(&executor.busy_shares);
        let stretch = shared.map(|(resource, share)| share * (1.0 + self.rivals(*resource) as f64));
        let stretch = stretch.fold(0.0, f64::max).max(1.0);
        let demand = if alone > 0.0 { cost.dram_bytes / alone } else { 0.0 };
        let (supply, others) = (self.clocks.memory_rate(), self.demanded_by_others(&executor.resources));
        let served = if platform.memory_bandwidth.is_some() && demand > 0.0 {
            let fair = supply / (1.0 + self.demanding(&executor.resources) as f64);
            (f64::max(supply - others, fair) / demand.min(supply)).min(1.0)
        } else {
            1.0
        };
        SimDuration::from_seconds(overhead * stretch + alone * stretch.max(1.0 / served))
    }

    /// Competing threads that want a core, or frames that want a device.
    fn rivals(&self, resource: ResourceId) -> usize {
        self.background.as_ref().map_or(0, |background| background.rivals(usize::from(resource.0)))
    }

    /// What everything else demands of main memory at present.
    fn demands_of_others<'b>(&'b self, own: &'b [ResourceId]) -> impl Iterator<Item = f64> + 'b {
        let slots = self.slots.iter().enumerate();
        let foreign = slots.filter(|(number, _)| !own.iter().any(|r| usize::from(r.0) == *number));
        let units = foreign.map(|(_, slot)| if slot.on { slot.demand * slot.speed } else { 0.0 });
        let tasks = self
            .background
            .iter()
            .flat_map(|background| (0..background.tasks.len()).map(move |task| background.demand(task)));
        units.chain(tasks)
    }

    fn demanded_by_others(&self, own: &[ResourceId]) -> f64 {
        self.demands_of_others(own).sum()
    }

    fn demanding(&self, own: &[ResourceId]) -> usize {
        self.demands_of_others(own).filter(|demand| *demand > 0.0).count()
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// Temperatures at the start, before any sensor is read.
    pub(in crate::simulation) fn tell_temperatures(&mut self) {
        let thermal = self.dynamics.as_ref().and_then(|dynamics| dynamics.thermal.as_ref());
        for (node, temperature) in thermal.into_iter().flat_map(|thermal| &thermal.temperatures).enumerate() {
            self.observer.temperature(SimTime::ZERO, node as u16, *temperature);
        }
    }
}
