//! Brings a SoC, a device, a runtime and clocks together into what a run needs: the platform, and a cost
//! table for any lowered graph.

use super::arrangement::{Arrangement, ExecutorModel};
use super::cost_table::{Bound, CostTable, OperatorCost};
use super::fitted::FittedTime;
use super::hexagon::Binding;
use super::latency::{Work, choose};
use super::numbers::Numbers;
use super::shape::{Shape, shapes};
use super::slices::hand_over;
use super::support::{Verdict, verdict};
use super::tflite_cpu::Setting;
use super::unlisted::{Unlisted, unlisted};
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::graph::lowered::{LoweredGraph, LoweredOperator, OperatorClass};
use crate::graph::sequence::LINK;
use crate::soc::{Device, ExecutorId, ExecutorName, Platform, Precision, RuntimeProfile, Sharing, Soc};
use crate::units::{Hertz, SimDuration};

/// Clocks that a run fixes; everything else runs at its highest one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clocks {
    /// Clock by cluster or device id; rounded up to the next operating point.
    pub processors: Vec<(String, Hertz)>,
    /// Memory clock; without one, the highest that the clusters and devices vote for.
    pub memory: Option<Hertz>,
}

impl Clocks {
    /// From (processor, clock) pairs, in which `memory` means the memory.
    #[must_use]
    pub fn of(pairs: &[(String, Hertz)]) -> Self {
        let memory = pairs.iter().rev().find(|(of, _)| of == "memory").map(|(_, clock)| *clock);
        Self { processors: pairs.iter().filter(|(of, _)| of != "memory").cloned().collect(), memory }
    }
}

/// What a machine is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The silicon.
    pub soc: &'a Soc,
    /// The body around it; without one the base power is 0.
    pub device: Option<&'a Device>,
    /// The runtime, of the same SoC.
    pub runtime: &'a RuntimeProfile,
    /// Executors wanted, in this order; empty takes the runtime's core sets and every device it knows.
    pub executors: &'a [ExecutorName],
    /// Fixed clocks.
    pub clocks: &'a Clocks,
}

/// A SoC with a runtime at fixed clocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Resources, executors, crossings, powers.
    pub platform: Platform,
    /// The profile numbers that went in.
    pub numbers: Numbers,
    /// What the person should know about this machine.
    pub warnings: Vec<String>,
    pub(super) models: Vec<ExecutorModel>,
}

/// What all operators of a graph share.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Constants of the whole model, bytes at the source's precision.
    pub(super) weights: f64,
    /// Shape of each operator that fitted models know.
    pub(super) shapes: Vec<Option<Shape>>,
    /// Unlisted companions of each operator; empty when the graph lists everything.
    pub(super) unlisted: Vec<Unlisted>,
    /// For each executor the factor of its fitted model on all operators.
    pub(super) stretches: Vec<f64>,
    /// For each executor what binds the whole graph, where its fitted model asks for it.
    pub(super) bindings: Vec<Option<Binding>>,
}

impl Surroundings {
    pub(super) fn of(machine: &Machine, graph: &LoweredGraph) -> Self {
        let shapes = shapes(graph);
        let stretch = |model: &ExecutorModel| {
            let fitted = model.arrangements.first().and_then(|arrangement| arrangement.fitted.as_ref());
            fitted.map_or(1.0, |fitted| fitted.stretch(&shapes))
        };
        let stretches = machine.models.iter().map(stretch).collect();
        let binding = |model: &ExecutorModel| {
            let arrangement = model.arrangements.first()?;
            arrangement.fitted.as_ref()?.binding(graph, arrangement.precision)
        };
        let bindings = machine.models.iter().map(binding).collect();
        Self { bindings, weights: model_weight_bytes(graph), unlisted: unlisted(graph), shapes, stretches }
    }

    /// The same surroundings for another graph: a part of this one.
    pub(super) fn around(&self, part: &LoweredGraph) -> Self {
        Self {
            weights: self.weights,
            shapes: shapes(part),
            unlisted: Vec::new(),
            stretches: self.stretches.clone(),
            bindings: self.bindings.clone(),
        }
    }
}

/// Everything about one operator on one executor, for `show` and `explain`.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The cost as the simulation uses it.
    pub cost: OperatorCost,
    /// Id of the kernel that the runtime picks.
    pub kernel: String,
    /// The precision in which it runs.
    pub precision: Precision,
    /// Compute term of the slowest core in seconds.
    pub compute_seconds: f64,
    /// Memory term of the slowest core in seconds.
    pub memory_seconds: f64,
    /// Bytes that reach main memory.
    pub dram_bytes: f64,
}

impl Machine {
    /// What an executor brings to a fitted model: its caches, cores and clocks.
    #[must_use]
    pub fn setting(&self, executor: ExecutorId) -> Option<Setting> {
        Some(self.models.get(executor.0 as usize)?.arrangements.first()?.setting)
    }

    /// Compute units and work items of a wave of a device; 1 and 1 for cores.
    #[must_use]
    pub fn waves(&self, executor: ExecutorId) -> Option<(f64, f64)> {
        let arrangement = self.models.get(executor.0 as usize)?.arrangements.first()?;
        Some((arrangement.units, arrangement.wave))
    }

    /// Whether an executor computes by a model fitted to measurements.
    #[must_use]
    pub fn is_fitted(&self, executor: ExecutorId) -> bool {
        self.models
            .get(executor.0 as usize)
            .and_then(|model| model.arrangements.first())
            .is_some_and(|arrangement| arrangement.fitted.is_some())
    }

    /// What it costs an executor to let others see its tensors; `None` when its runtime cannot.
    #[must_use]
    pub fn sharing(&self, executor: ExecutorId) -> Option<&Sharing> {
        let arrangement = self.models.get(executor.0 as usize)?.arrangements.first()?;
        arrangement.workers.first()?.1.sharing.as_ref()
    }

    /// Whether and why an operator can run on an executor of this machine.
    #[must_use]
    pub fn verdict(&self, graph: &LoweredGraph, operator: &LoweredOperator, executor: ExecutorId) -> Verdict {
        if operator.class == OperatorClass::Sharing {
            let able = self.sharing(executor).is_some_and(|sharing| hand_over(operator, sharing).is_some());
            return if able { Verdict::Supported } else { Verdict::NoKernel };
        }
        if operator.op_type == LINK {
            return Verdict::Supported;
        }
        match self.arrangement(graph, operator, executor) {
            Some(arrangement) => arrangement
                .workers
                .iter()
                .map(|(_, performance)| verdict(&performance.support, graph, operator))
                .find(|v| *v != Verdict::Supported)
                .unwrap_or(Verdict::Supported),
            None => Verdict::NoKernel,
        }
    }

    /// Estimates an operator of the graph on an executor, alone at the machine's clocks; `None` when it cannot
    /// run there.
    #[must_use]
    pub fn estimate(
        &self,
        graph: &LoweredGraph,
        operator: &LoweredOperator,
        executor: ExecutorId,
    ) -> Option<Estimate> {
        let position = graph.operators.iter().position(|known| std::ptr::eq(known, operator))?;
        self.estimate_within(graph, position, executor, &Surroundings::of(self, graph))
    }

    pub(super) fn estimate_within(
        &self,
        graph: &LoweredGraph,
        position: usize,
        executor: ExecutorId,
        surroundings: &Surroundings,
    ) -> Option<Estimate> {
        let operator = graph.operators.get(position)?;
        let model_weights = surroundings.weights;
        if !self.verdict(graph, operator, executor).is_supported() {
            return None;
        }
        let arrangement = self.arrangement(graph, operator, executor)?;
        let precision = arrangement.precision;
        if operator.class == OperatorClass::Sharing {
            let seconds = hand_over(operator, self.sharing(executor)?)?;
            let overhead = SimDuration::try_from_seconds(seconds).ok()?;
            let cost =
                OperatorCost { overhead, alone: SimDuration::ZERO, dram_bytes: 0.0, bound: Bound::Overhead };
            return Some(Estimate {
                cost,
                kernel: "hand-over".to_owned(),
                precision,
                compute_seconds: 0.0,
                memory_seconds: 0.0,
                dram_bytes: 0.0,
            });
        }
        if operator.class == OperatorClass::View {
            let cost = OperatorCost {
                overhead: SimDuration::ZERO,
                alone: SimDuration::ZERO,
                dram_bytes: 0.0,
                bound: Bound::Overhead,
            };
            return Some(Estimate {
                cost,
                kernel: "alias".to_owned(),
                precision,
                compute_seconds: 0.0,
                memory_seconds: 0.0,
                dram_bytes: 0.0,
            });
        }
        if let Some(fitted) = &arrangement.fitted {
            let companions = surroundings.unlisted.get(position).copied().unwrap_or_default();
            let stretch = surroundings.stretches.get(executor.0 as usize).copied().unwrap_or(1.0);
            let binding = surroundings.bindings.get(executor.0 as usize).copied().flatten();
            let time = match (binding, surroundings.shapes.get(position)) {
                (Some(binding), _) => fitted.part(graph, operator, precision, binding),
                (None, Some(Some(shape))) => fitted.time(shape, &companions, stretch),
                (None, _) => None,
            };
            if let Some(time) = time {
                return fitted_estimate(&time, precision);
            }
        }
        let work = Work::of(graph, operator, precision);
        let set = arrangement.time(&work, operator, model_weights * weight_scale(&work, operator))?;
        let (_, first) = arrangement.workers.first()?;
        let threads = arrangement.workers.len() as f64;
        let overhead = arrangement
            .workers
            .iter()
            .zip(&arrangement.clocking)
            .map(|((_, p), clock)| {
                let unscaled =
                    p.kernel_overhead.value.seconds() + (threads - 1.0) * p.thread_overhead.value.seconds();
                unscaled * clock.dispatch_scale()
            })
            .fold(0.0, f64::max);
        let bound = if overhead > set.seconds {
            Bound::Overhead
        } else if set.compute >= set.memory {
            Bound::Compute
        } else {
            Bound::Memory
        };
        let alone = SimDuration::try_from_seconds(set.seconds).ok()?;
        let cost = OperatorCost {
            overhead: SimDuration::from_seconds(overhead),
            alone,
            dram_bytes: set.dram_bytes,
            bound,
        };
        Some(Estimate {
            cost,
            kernel: choose(&first.kernels, operator)?.id.clone(),
            precision,
            compute_seconds: set.compute,
            memory_seconds: set.memory,
            dram_bytes: set.dram_bytes,
        })
    }

    /// The costs of all operators of a graph on all executors.
    ///
    /// # Errors
    /// `graph::unsupported` listing the operators that no executor can run, or whose time cannot be
    /// represented.
    pub fn cost_table(&self, graph: &LoweredGraph) -> Result<CostTable, InputError> {
        let surroundings = Surroundings::of(self, graph);
        let table = CostTable::new(graph.operators.len(), self.models.len(), |position, executor| {
            self.estimate_within(graph, position, executor, &surroundings).map(|estimate| estimate.cost)
        });
        let nowhere: Vec<String> = graph
            .operators
            .iter()
            .enumerate()
            .filter(|&(i, _)| {
                (0..self.models.len()).all(|e| table.get(i as u32, ExecutorId(e as u16)).is_none())
            })
            .map(|(_, operator)| format!("{} ({})", printable(&operator.name), printable(&operator.op_type)))
            .collect();
        if nowhere.is_empty() {
            return Ok(table);
        }
        let shown = nowhere.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more =
            if nowhere.len() > 10 { format!(" and {} more", nowhere.len() - 10) } else { String::new() };
        let names: Vec<&str> = self.models.iter().map(|m| m.name.as_str()).collect();
        Err(Diagnostic::new(
            "graph::unsupported",
            format!(
                "no executor can run {} operators of `{}`: {shown}{more}",
                nowhere.len(),
                printable(&graph.name)
            ),
        )
        .help(format!(
            "executors are {}; add one whose support table lists them, or change the runtime",
            names.join(", ")
        ))
        .into())
    }

    /// Operators that count as supported although a condition could not be checked: (operator, executor).
    #[must_use]
    pub fn unchecked(&self, graph: &LoweredGraph) -> Vec<(u32, ExecutorId)> {
        let pairs = (0..graph.operators.len())
            .flat_map(|o| (0..self.models.len()).map(move |e| (o, ExecutorId(e as u16))));
        pairs
            .filter(|&(o, e)| self.verdict(graph, &graph.operators[o], e) == Verdict::Unchecked)
            .map(|(o, e)| (o as u32, e))
            .collect()
    }

    /// The arrangement in which an executor runs an operator: 8-bit kernels for quantised tensors where it
    /// has them, its own precision otherwise.
    pub(super) fn arrangement(
        &self,
        graph: &LoweredGraph,
        operator: &LoweredOperator,
        executor: ExecutorId,
    ) -> Option<&Arrangement> {
        let arrangements = &self.models.get(executor.0 as usize)?.arrangements;
        let quantised = operator
            .inputs
            .first()
            .and_then(|&t| graph.tensors.get(t as usize))
            .is_some_and(|t| !t.is_float && t.element_bytes == 1.0);
        let int8 = arrangements.iter().find(|a| a.precision == Precision::Int8);
        if quantised && int8.is_some() { int8 } else { arrangements.first() }
    }
}

/// Bytes of constants as a kernel reads them / as the source stores them.
pub(super) fn weight_scale(work: &Work, operator: &LoweredOperator) -> f64 {
    if operator.weight_bytes_read > 0 { work.weight_bytes / operator.weight_bytes_read as f64 } else { 1.0 }
}

/// The estimate of a fitted model.
fn fitted_estimate(time: &FittedTime, precision: Precision) -> Option<Estimate> {
    let bound = if time.overhead > time.alone {
        Bound::Overhead
    } else if time.compute >= time.memory {
        Bound::Compute
    } else {
        Bound::Memory
    };
    Some(Estimate {
        cost: OperatorCost {
            overhead: SimDuration::try_from_seconds(time.overhead).ok()?,
            alone: SimDuration::try_from_seconds(time.alone).ok()?,
            dram_bytes: time.dram_bytes,
            bound,
        },
        kernel: time.kernel.to_owned(),
        precision,
        compute_seconds: time.compute,
        memory_seconds: time.memory,
        dram_bytes: time.dram_bytes,
    })
}

/// Constants of the whole model at the source's precision.
fn model_weight_bytes(graph: &LoweredGraph) -> f64 {
    graph.operators.iter().map(|o| o.weight_bytes as f64).sum()
}
