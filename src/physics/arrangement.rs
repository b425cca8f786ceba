//! The workers behind an executor at one precision, and the time that the kernel tables give them.

use super::core_set::{Load, SetTime, Worker, busy_shares, time};
use super::fitted::FittedCost;
use super::latency::{Steps, Work, choose, largest_share, steps, wave_factor};
use super::tflite_cpu::Setting;
use crate::graph::lowered::{LoweredOperator, OperatorClass};
use crate::soc::{Performance, Precision};

/// How an executor computes operators; one arrangement for each precision that its runtime knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExecutorModel {
    pub(super) name: String,
    /// The executor's own precision first.
    pub(super) arrangements: Vec<Arrangement>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrangement {
    pub(super) precision: Precision,
    /// For each worker its arithmetic and memory, and the performance of its kind of core.
    pub(super) workers: Vec<(Worker, Performance)>,
    /// Compute units and wave width of a device; 1 and 1 for cores.
    pub(super) units: f64,
    pub(super) wave: f64,
    /// What it brings to fitted models.
    pub(super) setting: Setting,
    /// A model fitted to measurements, which goes before the kernel tables for what it knows.
    pub(super) fitted: Option<FittedCost>,
    /// What drives each worker.
    pub(super) clocking: Vec<WorkerClock>,
}

/// What drives a worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WorkerClock {
    /// Number of its cluster, or number of clusters + number of its device.
    pub(super) domain: u32,
    /// Whether it dispatches its kernels itself.
    pub(super) is_core: bool,
    /// Highest clock / clock of the machine.
    pub(super) scale: f64,
    /// Its share of the memory supply / what it can draw at most.
    pub(super) headroom: f64,
}

impl WorkerClock {
    /// Factor on the time that it takes to dispatch.
    pub(super) const fn dispatch_scale(&self) -> f64 {
        // Devices are fed by the host, whose clock is not part of their executor.
        if self.is_core { self.scale } else { 1.0 }
    }
}

impl Arrangement {
    /// Time of the operator on the workers; `None` without a kernel.
    pub(super) fn time(
        &self,
        work: &Work,
        operator: &LoweredOperator,
        model_weights: f64,
    ) -> Option<SetTime> {
        // Each worker runs its own kernel; the set is as slow as the slowest of them.
        let mut slowest: Option<SetTime> = None;
        for (worker, performance) in &self.workers {
            let load = self.load(performance, work, operator, model_weights)?;
            let own = time(std::slice::from_ref(worker), &load);
            slowest = Some(match slowest {
                Some(known) if known.seconds >= own.seconds => {
                    SetTime { dram_bytes: known.dram_bytes.max(own.dram_bytes), ..known }
                }
                Some(known) => SetTime { dram_bytes: known.dram_bytes.max(own.dram_bytes), ..own },
                None => own,
            });
        }
        slowest
    }

    /// What a worker with this performance is given; `None` without a kernel.
    pub(super) fn load(
        &self,
        performance: &Performance,
        work: &Work,
        operator: &LoweredOperator,
        model_weights: f64,
    ) -> Option<Load> {
        let kernel = choose(&performance.kernels, operator)?;
        let Steps { operations, efficiency, tiles, items, workgroup } = steps(work, kernel);
        Some(Load {
            operations: operations * wave_factor(items, workgroup, self.wave, self.units) / efficiency,
            share: largest_share(tiles, self.workers.len()),
            activation_bytes: work.activation_bytes,
            weight_bytes: work.weight_bytes,
            working_set: work.activation_bytes + work.weight_bytes,
            model_footprint: model_weights + work.activation_bytes,
            exponent: performance.combination.value,
        })
    }

    /// Rate of each worker in dense convolution, for the busy shares.
    pub(super) fn busy_shares(&self) -> Vec<f64> {
        let rates: Vec<f64> = self
            .workers
            .iter()
            .map(|(worker, performance)| {
                let reference = performance
                    .kernels
                    .iter()
                    .find(|k| k.classes.iter().any(|c| c == OperatorClass::Convolution.id()))
                    .or(performance.kernels.last());
                worker.peak * reference.map_or(1.0, |k| k.efficiency.value)
            })
            .collect();
        busy_shares(&rates)
    }
}
