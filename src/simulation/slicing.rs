//! Cutting operators into slices before a run, where the strategy wants that.

use super::play::views;
use super::problem::{Problem, SimulationError, StreamProblem};
use crate::graph::partition::partition;
use crate::physics::{Machine, SliceCosts};
use crate::predict::Estimates;
use crate::strategy::{SlicingView, Strategy, StrategyError};

/// Asks the strategy which operators to cut, and returns the problem with the graphs of slices; `None` when nothing is cut.
/// Slices cost what the machine's cost models say for their sizes.
///
/// # Errors
/// [`SimulationError`] when the strategy cannot cut, its cuts do not fit a graph, or no executor can run a slice.
pub fn slice(
    problem: &Problem,
    machine: &Machine,
    strategy: &mut dyn Strategy,
) -> Result<Option<Problem>, SimulationError> {
    if !strategy.slices() {
        return Ok(None);
    }
    let invalid = |what: String| SimulationError::Strategy(StrategyError::InvalidPlan(what));
    let estimates: Vec<Estimates> =
        problem.streams.iter().map(|stream| Estimates::offline(&stream.costs)).collect();
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
    let costs: Vec<SliceCosts<'_>> = graphs.iter().map(|graph| SliceCosts::new(machine, graph)).collect();
    let whole = views(problem, &estimates);
    let views: Vec<SlicingView<'_>> =
        whole.into_iter().zip(&costs).map(|(whole, slices)| SlicingView { whole, slices }).collect();
    let splits = strategy.slice(&views)?;
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
    Ok(Some(Problem { streams, dynamics, ..problem.clone() }))
}
