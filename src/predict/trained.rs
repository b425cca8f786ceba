//! Predictors of slices that are trained offline on timed operators: CoDL's and the linear one that it compares with.

use super::regression::Regression;
use super::samples::{Sample, samples, window};
use super::slices::SliceEstimates;
use super::tiles::{KernelKind, Processor};
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass};
use crate::graph::partition::{Slice, sliced};
use crate::physics::{Machine, SliceCosts};
use crate::soc::{ExecutorId, ProcessorKind};
use crate::units::SimDuration;
use std::collections::BTreeMap;

/// How a strategy that cuts operators knows what slices take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlicePredictor {
    /// The cost models themselves.
    Oracle,
    /// CoDL's: units of work of each kernel by its tiles, times a time linear in the sizes.
    Tiled,
    /// Neurosurgeon's: linear in the input size and in window and output channels, for each type of operator.
    Linear,
}

impl SlicePredictor {
    /// All predictors.
    pub const ALL: [Self; 3] = [Self::Oracle, Self::Tiled, Self::Linear];

    /// Kebab-case name.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Tiled => "tiled",
            Self::Linear => "linear",
        }
    }

    /// The predictor with this name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|predictor| predictor.id() == id)
    }
}

/// A trained predictor for the operators of one graph. Operators that it has no regression for are known exactly, as after profiling them.
///
/// Waiting until others may read is believed to take a constant 1 ms, and taking results back nothing (CoDL, MobiSys 2022).
#[derive(Debug)]
pub struct Trained<'a> {
    costs: SliceCosts<'a>,
    graph: &'a LoweredGraph,
    models: Vec<Model>,
    constant_synchronization: bool,
}

#[derive(Debug)]
struct Model {
    processor: Processor,
    predictor: SlicePredictor,
    regressions: BTreeMap<Key, Regression>,
}

/// A kernel (tiled) or a type of operator (linear).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Kernel(KernelKind),
    Class(OperatorClass),
}

/// Seconds that CoDL's planner believes synchronisation to take.
const SYNCHRONIZATION: f64 = 1e-3;

impl<'a> Trained<'a> {
    /// Trains a predictor on the executors of `profiled`, for a machine with the same ones.
    #[must_use]
    pub fn new(
        predictor: SlicePredictor,
        machine: &'a Machine,
        profiled: &Machine,
        graph: &'a LoweredGraph,
    ) -> Self {
        let models = (0..profiled.platform.executors.len() as u16)
            .map(|executor| Model::train(predictor, profiled, ExecutorId(executor)))
            .collect();
        let costs = SliceCosts::new(machine, graph);
        Self { costs, graph, models, constant_synchronization: predictor != SlicePredictor::Oracle }
    }

    /// Share of the convolutions of a set that the predictor has not seen whose time it tells within `tolerance` (0.1 for 10 %) on an executor; `None` without any.
    #[must_use]
    pub fn hit_rate(
        &self,
        executor: ExecutorId,
        graphs: &[LoweredGraph],
        machine: &Machine,
        tolerance: f64,
    ) -> Option<f64> {
        let model = self.models.get(executor.0 as usize)?;
        let pairs: Vec<(f64, f64)> = graphs
            .iter()
            .flat_map(|graph| graph.operators.iter().map(move |operator| (graph, operator)))
            .filter(|(_, operator)| operator.class == OperatorClass::Convolution)
            .filter_map(|(graph, operator)| {
                let cost = machine.estimate(graph, operator, executor)?.cost;
                Some((model.seconds(operator)?, (cost.overhead + cost.alone).seconds()))
            })
            .collect();
        let hits = pairs.iter().filter(|(believed, real)| (believed / real - 1.0).abs() <= tolerance).count();
        (!pairs.is_empty()).then(|| hits as f64 / pairs.len() as f64)
    }
}

impl Model {
    fn train(predictor: SlicePredictor, machine: &Machine, executor: ExecutorId) -> Self {
        let info = machine.platform.executor(executor);
        let (units, wave) = machine.waves(executor).unwrap_or((1.0, 1.0));
        let cores = if info.kind == ProcessorKind::Cpu { info.resources.len() as f64 } else { 0.0 };
        let mut model =
            Self { processor: Processor { cores, units, wave }, predictor, regressions: BTreeMap::new() };
        let mut sets: BTreeMap<Key, Vec<(Vec<f64>, f64)>> = BTreeMap::new();
        if predictor != SlicePredictor::Oracle {
            for Sample { graph, class, seconds } in
                samples(machine, executor, predictor == SlicePredictor::Tiled)
            {
                debug_assert!(
                    window(&graph).is_some() || class == OperatorClass::FullyConnected,
                    "only these are drawn"
                );
                if let Some((key, features)) = graph.operators.first().and_then(|op| model.features(op)) {
                    let target = if predictor == SlicePredictor::Linear { seconds.ln() } else { seconds };
                    sets.entry(key).or_default().push((features, target));
                }
            }
        }
        // CoDL's regression minds relative errors; Neurosurgeon's is plain least squares.
        let relative = predictor == SlicePredictor::Tiled;
        model.regressions = sets
            .into_iter()
            .filter_map(|(key, samples)| Some((key, Regression::fit(&samples, relative)?)))
            .collect();
        model
    }

    fn features(&self, operator: &LoweredOperator) -> Option<(Key, Vec<f64>)> {
        match self.predictor {
            SlicePredictor::Oracle => None,
            SlicePredictor::Tiled => {
                self.processor.features(operator).map(|(kernel, features)| (Key::Kernel(kernel), features))
            }
            SlicePredictor::Linear => linear(operator).map(|features| (Key::Class(operator.class), features)),
        }
    }

    fn seconds(&self, operator: &LoweredOperator) -> Option<f64> {
        let (key, features) = self.features(operator)?;
        let value = self.regressions.get(&key)?.value(&features);
        Some(if self.predictor == SlicePredictor::Linear { value.exp() } else { value.max(0.0) })
    }
}

/// `F0 = input height x input width x input channels`, `F1 = (window / stride)^2 x output channels`, and 1.
fn linear(operator: &LoweredOperator) -> Option<Vec<f64>> {
    let (f0, f1) = match (operator.class, operator.geometry) {
        (OperatorClass::Convolution | OperatorClass::Pooling, Geometry::Window(w)) => {
            let ratio = w.kernel_height as f64 / w.stride_height.max(1) as f64;
            ((w.in_height * w.in_width * w.in_channels) as f64, ratio * ratio * w.out_channels as f64)
        }
        (OperatorClass::FullyConnected, Geometry::MatMul { m, n, k, .. }) => ((m * k) as f64, n as f64),
        _ => return None,
    };
    Some(vec![f0.max(1.0).ln(), f1.max(1e-9).ln(), 1.0])
}

impl SliceEstimates for Trained<'_> {
    fn slice(&self, operator: u32, slice: Slice, executor: ExecutorId) -> Option<SimDuration> {
        let exact = SliceEstimates::slice(&self.costs, operator, slice, executor)?;
        let part = sliced(self.graph, self.graph.operators.get(operator as usize)?, slice)?;
        let believed = self.models.get(executor.0 as usize)?.seconds(&part.operator);
        believed.map_or(Some(exact), |seconds| SimDuration::try_from_seconds(seconds).ok())
    }

    fn share(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration> {
        if !self.constant_synchronization {
            return SliceEstimates::share(&self.costs, elements, owner);
        }
        let linear = self.costs.share(elements, owner)? - self.costs.share(0, owner)?;
        SimDuration::try_from_seconds(linear + SYNCHRONIZATION).ok()
    }

    fn join(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration> {
        if self.constant_synchronization {
            return self.costs.join(elements, owner).map(|_| SimDuration::ZERO);
        }
        SliceEstimates::join(&self.costs, elements, owner)
    }
}
