//! Cutting operators into slices before a run, where the strategy wants that.

use super::memory::{Residence, refused};
use super::play::views;
use super::problem::{Problem, SimulationError, StreamProblem};
use crate::graph::partition::{Role, Slice, Split, partition};
use crate::physics::{Machine, SliceCosts};
use crate::predict::{Estimates, SliceEstimates, SlicePredictor, Trained};
use crate::soc::ExecutorId;
use crate::strategy::{SlicingView, Strategy, StrategyError};
use crate::units::SimDuration;

/// A problem whose graphs are cut.
#[derive(Debug, Clone)]
pub struct Sliced {
    /// The problem with the graphs of slices.
    pub problem: Problem,
    /// For each stream what was cut.
    pub splits: Vec<Vec<Split>>,
}

/// Asks the strategy which operators to cut, and returns the problem with the graphs of slices; `None` when nothing is cut.
/// Slices cost what the machine's cost models say for their sizes. Predictors are trained on `profiled`: the same machine, or one with the same
/// executors and other kernels.
///
/// # Errors
/// [`SimulationError`] when the strategy cannot cut, its cuts do not fit a graph, or no executor can run a slice.
pub fn slice(
    problem: &Problem,
    machine: &Machine,
    profiled: &Machine,
    strategy: &mut dyn Strategy,
) -> Result<Option<Sliced>, SimulationError> {
    if !strategy.slices() {
        return Ok(None);
    }
    let invalid = |what: String| SimulationError::Strategy(StrategyError::InvalidPlan(what));
    let mut estimates: Vec<Estimates> =
        problem.streams.iter().map(|stream| Estimates::offline(&stream.costs)).collect();
    let residence = if strategy.prescribes() { None } else { Residence::of(problem)? };
    if let Some(residence) = &residence {
        residence.apply(&mut estimates);
    }
    let graphs = problem
        .streams
        .iter()
        .map(|stream| {
            stream
                .operators
                .as_ref()
                .ok_or_else(|| invalid("a plain task graph has no operators to cut".to_owned()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let predictor = strategy.slice_predictor();
    let costs: Vec<Box<dyn SliceEstimates + '_>> = graphs
        .iter()
        .map(|graph| -> Box<dyn SliceEstimates + '_> {
            match predictor {
                SlicePredictor::Oracle => Box::new(SliceCosts::new(machine, graph)),
                _ => Box::new(Trained::new(predictor, machine, profiled, graph)),
            }
        })
        .collect();
    let masked: Vec<Masked<'_>> =
        costs.iter().zip(&estimates).map(|(slices, whole)| Masked { slices: &**slices, whole }).collect();
    let whole = views(problem, &estimates);
    let views: Vec<SlicingView<'_>> =
        whole.into_iter().zip(&masked).map(|(whole, slices)| SlicingView { whole, slices }).collect();
    let splits = strategy.slice(&views).map_err(|error| refused(problem, residence.as_ref(), error))?;
    if splits.len() != problem.streams.len() {
        let what = format!("cuts for {} of {} streams", splits.len(), problem.streams.len());
        return Err(SimulationError::Decision { strategy: strategy.id(), what });
    }
    if splits.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let mut streams = Vec::with_capacity(splits.len());
    for ((stream, graph), splits) in problem.streams.iter().zip(graphs).zip(&splits) {
        if splits.is_empty() {
            streams.push(stream.clone());
            continue;
        }
        let cut = partition(graph, splits).map_err(|error| invalid(error.to_string()))?;
        let costs = machine.cost_table(&cut.graph).map_err(|error| invalid(error.to_string()))?;
        streams.push(StreamProblem {
            dag: cut.graph.dag(),
            operators: Some(cut.graph),
            roles: cut.roles,
            costs,
            ..stream.clone()
        });
    }
    let mut dynamics = problem.dynamics.clone();
    if let Some(dynamics) = &mut dynamics {
        // The costs of slices scale in their own way.
        for (scaling, stream) in dynamics.scalings.iter_mut().zip(&streams) {
            if let Some(graph) = &stream.operators {
                *scaling = machine.scaling_table(graph, dynamics.domains.len());
            }
        }
    }
    let mut memory = problem.memory.clone();
    if let (Some(limits), Some(residence)) = (&mut memory, &residence) {
        limits.settled =
            Some((0u16..).zip(&streams).map(|(i, stream)| inherited(residence, i, stream)).collect());
    }
    Ok(Some(Sliced { problem: Problem { streams, dynamics, memory, ..problem.clone() }, splits }))
}

/// What is kept apart in a graph of slices: a slice takes after the operator that it is of.
fn inherited(residence: &Residence, number: u16, stream: &StreamProblem) -> Vec<(u32, ExecutorId)> {
    if stream.roles.is_empty() {
        return residence.off(number).collect();
    }
    let mut off = Vec::new();
    for (own, role) in (0u32..).zip(&stream.roles) {
        // Steps that share and join have no weights.
        let (Role::Whole(source) | Role::Part { operator: source, .. }) = role else { continue };
        let executors = (0..stream.costs.executors() as u16).map(ExecutorId);
        off.extend(executors.filter(|&e| residence.is_off(number, *source, e)).map(|e| (own, e)));
    }
    off
}

/// Times of slices on executors that can run the whole operator and keep its weights.
struct Masked<'a> {
    slices: &'a dyn SliceEstimates,
    whole: &'a Estimates,
}

impl SliceEstimates for Masked<'_> {
    fn slice(&self, operator: u32, slice: Slice, executor: ExecutorId) -> Option<SimDuration> {
        if self.whole.is_forbidden(operator, executor) {
            return None;
        }
        self.slices.slice(operator, slice, executor)
    }

    fn share(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration> {
        self.slices.share(elements, owner)
    }

    fn join(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration> {
        self.slices.join(elements, owner)
    }
}
