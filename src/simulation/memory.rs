//! Limits of memory before a run: which executor keeps the weights of which operators, and what a plan needs.
//!
//! Two limits, each measured in one way only, the way in which it is reported:
//! - of an executor: the weights, at its own precision, of all operators that the plans may place on it. What the limit cannot hold
//!   is settled before anybody plans ([`Residence`]), so that strategies see it as something that the executor cannot run.
//! - of the application: what [`crate::record::memory::DEFINITION`] counts. A request is admitted when the most that it can need
//!   fits beside what is reserved already (`memory_gate`).
//!
//! Weights are loaded before the run and stay: swapping them in and out of storage is not modelled.

use super::memory_bound::most_needed;
use super::problem::{Problem, StreamProblem};
use crate::predict::Estimates;
use crate::soc::{ExecutorId, MemoryLimits, mebibytes};
use crate::strategy::{Granularity, Plan, StrategyError, UnitGraph};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a tensor of so many bytes at the source's precision, where floating-point elements are stored at `scale` times that.
#[must_use]
pub fn stored_bytes(bytes: u64, is_float: bool, scale: f64) -> u64 {
    if is_float { (bytes as f64 * scale).ceil() as u64 } else { bytes }
}

/// Bytes of the weights of all streams at the precision of their sources; what several streams use counts once.
#[must_use]
pub fn resident_weights(problem: &Problem) -> u64 {
    let mut all: BTreeMap<(u16, u32), u64> = BTreeMap::new();
    for (number, stream) in (0u16..).zip(&problem.streams) {
        for (op, operator) in (0u32..).zip(stream.operators.iter().flat_map(|graph| &graph.operators)) {
            let bytes = all.entry((owner(stream, number), op)).or_default();
            *bytes = operator.weight_bytes.max(*bytes);
        }
    }
    all.values().sum()
}

/// The stream that the weights of a stream count for.
fn owner(stream: &StreamProblem, number: u16) -> u16 {
    stream.stage.weights_of.unwrap_or(number)
}

/// Why a limit of memory cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// Weights that can be nowhere else do not fit.
    #[error(
        "memory of {executor}: {operators} operators can run nowhere else, and their weights need {}, but the limit is {}; raise \
         memory.executors.{executor}, or let more executors take part (weights are not swapped in and out of storage)",
        mebibytes(*.needed), mebibytes(*.limit)
    )]
    Indispensable {
        /// The executor.
        executor: String,
        /// How many operators.
        operators: usize,
        /// Bytes of their weights there.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// A plan that was given puts too much on an executor.
    #[error(
        "memory of {executor}: the plan of {strategy} keeps weights of {} there, but the limit is {}; it is not changed for that: \
         raise memory.executors.{executor}, or take a strategy that chooses its placements itself",
        mebibytes(*.needed), mebibytes(*.limit)
    )]
    Plan {
        /// Who planned.
        strategy: &'static str,
        /// The executor.
        executor: String,
        /// Bytes of weights.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// No plan exists with what the limits leave.
    #[error("{source}; limits of memory keep operators away that could run there: {kept_off}")]
    Strategy {
        /// What the strategy said.
        source: StrategyError,
        /// What is kept off, in words.
        kept_off: String,
    },
    /// A request that could never be admitted.
    #[error(
        "memory of the application: a request of `{stream}` can need {} beside weights of {}, {} in all, but the limit is {}; raise \
         memory.limit, run fewer or smaller models, or take a plan on one executor (weights are not swapped in and out of storage)",
        mebibytes(*.request), mebibytes(*.weights), mebibytes(.request.saturating_add(*.weights)), mebibytes(*.limit)
    )]
    Request {
        /// The stream.
        stream: String,
        /// Most bytes that a request needs.
        request: u64,
        /// Bytes of the weights of all streams.
        weights: u64,
        /// The limit.
        limit: u64,
    },
    /// A stream without tensors.
    #[error(
        "memory: `{stream}` is a plain task graph, whose tasks have neither weights nor tensors; leave the limits out"
    )]
    NoTensors {
        /// The stream.
        stream: String,
    },
}

/// Which operators are kept off the executors whose memory is limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Residence {
    off: BTreeSet<(u16, u32, ExecutorId)>,
}

impl Residence {
    /// Settles who keeps what, before anybody plans and by the laboratory's table, whatever the predictor: the same for every
    /// strategy of a granularity. `None` when no executor is limited.
    ///
    /// Executor by executor: first the operators that can run nowhere else; then by time saved against the fastest other executor per
    /// byte of weights, most first, until one does not fit. Nothing behind it comes in, though it may be smaller: what a smaller limit keeps
    /// a larger one keeps too, so that a larger limit never takes a placement away. At granularity task whole models are the items.
    /// There a large one in front would leave everything to others; of the orders without the largest 0, 1, 2, ... models the one that
    /// saves most is taken, and what is saved never grows when the limit shrinks.
    ///
    /// # Errors
    /// [`MemoryError`] when operators that can run nowhere else do not fit.
    pub fn of(problem: &Problem) -> Result<Option<Self>, MemoryError> {
        let Some(limits) = problem.memory.as_deref().filter(|limits| !limits.executors.is_empty()) else {
            return Ok(None);
        };
        if let Some(settled) = &limits.settled {
            let pairs = (0u16..).zip(settled);
            let off =
                pairs.flat_map(|(stream, off)| off.iter().map(move |&(op, e)| (stream, op, e))).collect();
            return Ok(Some(Self { off }));
        }
        let mut residence = Self::default();
        for &(executor, limit) in &limits.executors {
            residence.settle(problem, executor, limit)?;
        }
        Ok(Some(residence))
    }

    fn settle(&mut self, problem: &Problem, executor: ExecutorId, limit: u64) -> Result<(), MemoryError> {
        let whole_models = problem.granularity == Granularity::Task;
        let scale = problem.platform.executor(executor).tensor_scale;
        let executors = || (0..problem.platform.executors.len() as u16).map(ExecutorId);
        let mut must: BTreeMap<(u16, u32), u64> = BTreeMap::new();
        let mut items: BTreeMap<(u16, u32), Item> = BTreeMap::new();
        for (number, stream) in (0u16..).zip(&problem.streams) {
            let graph = stream.operators.as_ref();
            let graph = graph.ok_or_else(|| MemoryError::NoTensors { stream: stream.name.clone() })?;
            for (op, operator) in (0u32..).zip(&graph.operators) {
                let time = |e| stream.costs.get(op, e).map(|cost| (cost.overhead + cost.alone).0);
                let Some(own) = time(executor) else { continue };
                let bytes = graph.weight_bytes_at(operator, scale);
                let weights = (owner(stream, number), op);
                let others = executors().filter(|&e| e != executor && !self.is_off(number, op, e));
                let Some(other) = others.filter_map(time).min() else {
                    let needed = must.entry(weights).or_default();
                    *needed = bytes.max(*needed);
                    continue;
                };
                if bytes > 0 || whole_models {
                    let item = items.entry(if whole_models { (weights.0, 0) } else { weights }).or_default();
                    item.saved += i128::from(other) - i128::from(own);
                    let each = item.weights.entry(weights).or_default();
                    *each = bytes.max(*each);
                    item.operators.push((number, op));
                }
            }
        }
        let mut items: Vec<Item> = items.into_values().filter(|item| item.bytes() > 0).collect();
        let musts = must.len();
        let must = must.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        if must > limit {
            let executor = problem.platform.executor(executor).name.clone();
            return Err(MemoryError::Indispensable { executor, operators: musts, needed: must, limit });
        }
        items.sort_by(Item::by_density);
        let keeps = |largest: u64| {
            let mut room = limit - must;
            let fits = move |item: &&Item| match room.checked_sub(item.bytes()) {
                Some(rest) => {
                    room = rest;
                    true
                }
                None => false,
            };
            items.iter().filter(move |item| item.bytes() <= largest).take_while(fits)
        };
        let mut largest = u64::MAX;
        if whole_models {
            let saves = |largest| keeps(largest).map(|item| item.saved.max(0)).sum::<i128>();
            let sizes = items.iter().map(Item::bytes);
            // Ties to the order without exceptions, then to the larger models.
            largest = std::iter::once(u64::MAX)
                .chain(sizes)
                .max_by_key(|&size| (saves(size), size))
                .unwrap_or(u64::MAX);
        }
        let kept: BTreeSet<(u16, u32)> =
            keeps(largest).flat_map(|item| item.operators.iter().copied()).collect();
        let all = items.iter().flat_map(|item| item.operators.iter().copied());
        self.off.extend(all.filter(|pair| !kept.contains(pair)).map(|(stream, op)| (stream, op, executor)));
        Ok(())
    }

    /// Whether an operator is kept off an executor that could run it.
    #[must_use]
    pub fn is_off(&self, stream: u16, operator: u32, executor: ExecutorId) -> bool {
        self.off.contains(&(stream, operator, executor))
    }

    /// Pairs of operator and executor of a stream that are kept apart.
    pub fn off(&self, stream: u16) -> impl Iterator<Item = (u32, ExecutorId)> + '_ {
        let range = (stream, 0, ExecutorId(0))..=(stream, u32::MAX, ExecutorId(u16::MAX));
        self.off.range(range).map(|&(_, operator, executor)| (operator, executor))
    }

    /// How many operators are kept off an executor.
    #[must_use]
    pub fn count(&self, executor: ExecutorId) -> u64 {
        self.off.iter().filter(|(.., e)| *e == executor).count() as u64
    }

    /// Withholds what is kept apart from those who read the estimates of the streams, in order.
    pub fn apply(&self, estimates: &mut [Estimates]) {
        for &(stream, operator, executor) in &self.off {
            if let Some(estimates) = estimates.get_mut(usize::from(stream)) {
                estimates.forbid(operator, executor);
            }
        }
    }
}

/// What is kept or left out as one: the weights of an operator, or of a model.
#[derive(Default)]
struct Item {
    /// Time saved against the fastest other executors, in picoseconds.
    saved: i128,
    /// By owner.
    weights: BTreeMap<(u16, u32), u64>,
    operators: Vec<(u16, u32)>,
}

impl Item {
    fn bytes(&self) -> u64 {
        self.weights.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes))
    }

    /// Time saved per byte, most first; ties to the earlier stream, then the earlier operator.
    fn by_density(a: &Self, b: &Self) -> std::cmp::Ordering {
        let left = b.saved.saturating_mul(i128::from(a.bytes()));
        left.cmp(&a.saved.saturating_mul(i128::from(b.bytes()))).then_with(|| a.operators.cmp(&b.operators))
    }
}

/// What plans need where memory is limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footprint {
    /// The limit of the application, in bytes.
    pub limit: Option<u64>,
    /// Bytes of the weights of all streams at the precision of their sources.
    pub weights: u64,
    /// For each stream the most bytes that a request needs; empty when the application has no limit.
    pub requests: Vec<u64>,
    /// Executors with a limit.
    pub executors: Vec<ExecutorFootprint>,
    /// What is kept off executors; `None` when none has a limit, and for strategies whose placements are given.
    pub residence: Option<Residence>,
}

/// What an executor with a limit keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutorFootprint {
    /// The executor.
    pub executor: ExecutorId,
    /// Its limit in bytes.
    pub limit: u64,
    /// Bytes of the weights of all operators that the plans may place there, at its precision.
    pub weights: u64,
    /// Operators that it could run and that its memory keeps off.
    pub kept_off: u64,
}

impl Footprint {
    /// What plans need, held against the limits. `cuts` has for each stream its plan and the further ones that requests may run, `graphs` all of
    /// them joined.
    ///
    /// # Errors
    /// [`MemoryError`] when they need more.
    pub(super) fn of(
        problem: &Problem,
        limits: &MemoryLimits,
        strategy: &'static str,
        residence: Option<Residence>,
        cuts: &[Vec<(&Plan, UnitGraph)>],
        graphs: &[UnitGraph],
    ) -> Result<Self, MemoryError> {
        let mut lowered = Vec::with_capacity(problem.streams.len());
        for stream in &problem.streams {
            let none = || MemoryError::NoTensors { stream: stream.name.clone() };
            lowered.push(stream.operators.as_ref().ok_or_else(none)?);
        }
        let mut executors = Vec::with_capacity(limits.executors.len());
        for &(executor, limit) in &limits.executors {
            let scale = problem.platform.executor(executor).tensor_scale;
            let mut kept: BTreeMap<(u16, u32), u64> = BTreeMap::new();
            for ((number, stream), (graph, units)) in
                (0u16..).zip(&problem.streams).zip(lowered.iter().zip(graphs))
            {
                let here = |unit: &u32| may_run(units, *unit, executor);
                for &op in (0..units.len() as u32).filter(here).flat_map(|unit| units.operators(unit)) {
                    let bytes =
                        graph.operators.get(op as usize).map_or(0, |own| graph.weight_bytes_at(own, scale));
                    let own = kept.entry((owner(stream, number), op)).or_default();
                    *own = bytes.max(*own);
                }
            }
            let weights = kept.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
            if weights > limit {
                let executor = problem.platform.executor(executor).name.clone();
                return Err(MemoryError::Plan { strategy, executor, needed: weights, limit });
            }
            let kept_off = residence.as_ref().map_or(0, |residence| residence.count(executor));
            executors.push(ExecutorFootprint { executor, limit, weights, kept_off });
        }
        let weights = resident_weights(problem);
        let mut requests = Vec::new();
        if let Some(limit) = limits.total {
            for ((stream, graph), cuts) in problem.streams.iter().zip(&lowered).zip(cuts) {
                // A request may run any of the cuts.
                let needed =
                    cuts.iter().map(|(plan, units)| most_needed(&problem.platform, graph, plan, units));
                let request = needed.max().unwrap_or(0);
                if weights.saturating_add(request) > limit {
                    return Err(MemoryError::Request {
                        stream: stream.name.clone(),
                        request,
                        weights,
                        limit,
                    });
                }
                requests.push(request);
            }
        }
        Ok(Self { limit: limits.total, weights, requests, executors, residence })
    }
}

/// Whether a plan may place a unit on an executor.
pub(super) fn may_run(units: &UnitGraph, unit: u32, executor: ExecutorId) -> bool {
    match units.planned(unit) {
        Some(planned) => planned == executor,
        None => units.estimate(unit, executor).is_some(),
    }
}

/// Says of a strategy that cannot plan that limits of memory may be the reason.
pub(super) fn refused(
    problem: &Problem,
    residence: Option<&Residence>,
    source: StrategyError,
) -> super::SimulationError {
    let limits = problem.memory.iter().flat_map(|limits| &limits.executors);
    let counts =
        limits.map(|&(executor, limit)| (executor, limit, residence.map_or(0, |r| r.count(executor))));
    let words: Vec<String> = counts
        .filter(|&(.., count)| count > 0)
        .map(|(executor, limit, count)| {
            let name = &problem.platform.executor(executor).name;
            format!("{count} off {name} (memory.executors.{name} is {})", mebibytes(limit))
        })
        .collect();
    match source {
        StrategyError::Unsupported { .. } if !words.is_empty() => {
            MemoryError::Strategy { source, kept_off: words.join(", ") }.into()
        }
        other => other.into(),
    }
}
