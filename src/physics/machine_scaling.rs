//! How the costs of a [`Machine`] depend on its clocks.

use super::arrangement::Arrangement;
use super::clock_scaling::{Mix, Scaling, ScalingTable, Straggler};
use super::latency::{Work, source_level};
use super::machine::{Machine, Surroundings, weight_scale};
use crate::graph::lowered::{LoweredGraph, OperatorClass};
use crate::soc::ExecutorId;

impl Machine {
    /// How the costs of [`Machine::cost_table`] scale with clocks. Clock domains are numbered as the clusters of the SoC, then its
    /// devices; `domains` is their number, at most 32.
    #[must_use]
    pub fn scaling_table(&self, graph: &LoweredGraph, domains: usize) -> ScalingTable {
        let surroundings = Surroundings::of(self, graph);
        ScalingTable::new(graph.operators.len(), self.models.len(), domains, |position, executor| {
            self.scaling(graph, position, executor, &surroundings)
        })
    }

    /// The clock domains that the invocation of an executor follows, as bits; none for devices, which the host invokes.
    #[must_use]
    pub fn invocation_domains(&self, executor: ExecutorId) -> u32 {
        let arrangement = self.models.get(executor.0 as usize).and_then(|model| model.arrangements.first());
        arrangement.map_or(0, Arrangement::dispatch_domains)
    }

    fn scaling(
        &self,
        graph: &LoweredGraph,
        position: usize,
        executor: ExecutorId,
        surroundings: &Surroundings,
    ) -> Option<Scaling> {
        let operator = graph.operators.get(position)?;
        let arrangement = self.arrangement(graph, operator, executor)?;
        if matches!(operator.class, OperatorClass::View | OperatorClass::Sharing) {
            return None;
        }
        let all = arrangement.clocking.iter().fold(0, |bits, clock| bits | 1 << clock.domain);
        if operator.class == OperatorClass::Sharing {
            let domains = arrangement.dispatch_domains();
            let overhead = if domains == 0 { Mix::default() } else { Mix::core(1.0) };
            return Some(Scaling { overhead, overhead_domains: domains, workers: Vec::new() });
        }
        let least_headroom =
            arrangement.clocking.iter().map(|clock| clock.headroom).fold(f64::INFINITY, f64::min);
        if let Some(fitted) = &arrangement.fitted {
            let companions = surroundings.unlisted.get(position).copied().unwrap_or_default();
            let stretch = surroundings.stretches.get(executor.0 as usize).copied().unwrap_or(1.0);
            let binding = surroundings.bindings.get(executor.0 as usize).copied().flatten();
            let time = match (binding, surroundings.shapes.get(position)) {
                (Some(binding), _) => fitted.part(graph, operator, arrangement.precision, binding),
                (None, Some(Some(shape))) => fitted.time(shape, &companions, stretch),
                (None, _) => None,
            };
            if let Some(time) = time {
                return Some(Scaling {
                    overhead: time.overhead_scaling,
                    overhead_domains: all,
                    // Forms that know the rate of the executor say 1, those that were fitted with a memory scale 0.
                    workers: vec![Straggler {
                        domains: all,
                        headroom: time.scaling.headroom * least_headroom,
                        shares: if time.scaling.shares[0] > 0.0 { arrangement.shares() } else { [0.0; 4] },
                        ..time.scaling
                    }],
                });
            }
        }
        let work = Work::of(graph, operator, arrangement.precision);
        let footprint = surroundings.weights * weight_scale(&work, operator);
        let mut workers: Vec<Straggler> = Vec::new();
        for ((worker, performance), clock) in arrangement.workers.iter().zip(&arrangement.clocking) {
            let domains = 1u32 << clock.domain;
            // Cores of one cluster are alike.
            if workers.iter().any(|known| known.domains == domains) {
                continue;
            }
            let load = arrangement.load(performance, &work, operator, footprint)?;
            let mut traffic = Mix::default();
            let streams = [
                (load.activation_bytes, source_level(&worker.levels, load.working_set, load.share)),
                (load.weight_bytes, source_level(&worker.levels, load.model_footprint, 1.0)),
            ];
            for (bytes, level) in streams {
                let Some(level) = level.filter(|_| bytes > 0.0) else { continue };
                let seconds = load.share * bytes / level.rate;
                if level.is_dram {
                    traffic.memory += seconds;
                } else if level.private {
                    traffic.core += seconds;
                } else {
                    traffic.constant += seconds;
                }
            }
            workers.push(Straggler {
                domains,
                compute: Mix::core(load.share * load.operations / worker.peak),
                traffic,
                exponent: load.exponent,
                rest: Mix::default(),
                headroom: clock.headroom,
                shares: [0.0; 4],
            });
        }
        let dispatch = arrangement.dispatch_domains();
        let overhead = if dispatch == 0 { Mix::default() } else { Mix::core(1.0) };
        Some(Scaling { overhead, overhead_domains: dispatch, workers })
    }
}

impl Arrangement {
    /// Share of the arithmetic rate of each domain, in the order of their numbers; all 0 for more than four domains.
    fn shares(&self) -> [f64; 4] {
        let mut domains: Vec<u32> = self.clocking.iter().map(|clock| clock.domain).collect();
        domains.sort_unstable();
        domains.dedup();
        let mut shares = [0.0; 4];
        if domains.len() > shares.len() {
            return shares;
        }
        let total: f64 = self.workers.iter().map(|(worker, _)| worker.peak).sum();
        for ((worker, _), clock) in self.workers.iter().zip(&self.clocking) {
            if let Some(at) = domains.iter().position(|domain| *domain == clock.domain) {
                shares[at] += worker.peak / total;
            }
        }
        // Rounding must not make one domain alone differ from itself.
        if domains.len() == 1 { [0.0; 4] } else { shares }
    }

    /// The domains of the workers that dispatch their kernels themselves, as bits.
    fn dispatch_domains(&self) -> u32 {
        let cores = self.clocking.iter().filter(|clock| clock.is_core);
        cores.fold(0, |bits, clock| bits | 1 << clock.domain)
    }
}
