//! Whether a plan can be executed, and the edges between its units.

use super::{Dispatch, Plan, StrategyError};
use crate::graph::dag::{Dag, DagError};
use crate::soc::Platform;

/// The unit of every operator.
pub(super) fn unit_of_operators(dag: &Dag, plan: &Plan) -> Result<Vec<u32>, StrategyError> {
    let mut place: Vec<Option<(u32, u32)>> = vec![None; dag.len()];
    for (unit, members) in plan.units().enumerate() {
        if members.operators.is_empty() {
            return Err(StrategyError::InvalidPlan(format!("unit {unit} has no operators")));
        }
        for (position, &operator) in members.operators.iter().enumerate() {
            let Some(slot) = place.get_mut(operator as usize) else {
                return Err(StrategyError::InvalidPlan(format!(
                    "unit {unit} names operator {operator}, but there are only {}",
                    dag.len()
                )));
            };
            if let Some((other, _)) = slot.replace((unit as u32, position as u32)) {
                return Err(StrategyError::InvalidPlan(format!(
                    "operator {operator} is in unit {other} and in unit {unit}"
                )));
            }
        }
    }
    let mut unit_of = Vec::with_capacity(dag.len());
    for (operator, slot) in place.iter().enumerate() {
        let Some((unit, position)) = *slot else {
            return Err(StrategyError::InvalidPlan(format!("operator {operator} is in no unit")));
        };
        for link in dag.predecessors(operator as u32) {
            if place[link.node as usize].is_some_and(|(other, before)| other == unit && before >= position) {
                return Err(StrategyError::InvalidPlan(format!(
                    "unit {unit} lists operator {operator} before operator {}, whose result it needs",
                    link.node
                )));
            }
        }
        unit_of.push(unit);
    }
    Ok(unit_of)
}

/// An edge between two units.
pub(super) struct UnitEdge {
    pub source: u32,
    pub target: u32,
    pub data: u32,
    pub bytes: f64,
}

/// Edges between units, sorted by target; a tensor that several operators of a unit read comes once.
pub(super) fn quotient(dag: &Dag, units: usize, unit_of: &[u32]) -> Vec<UnitEdge> {
    let mut edges: Vec<UnitEdge> = Vec::with_capacity(dag.edges());
    let mut seen = std::collections::BTreeSet::new();
    // With one operator to a unit a repeated tensor can only be among the operator's own few inputs.
    let single = units == dag.len();
    for operator in 0..dag.len() as u32 {
        let target = unit_of[operator as usize];
        let own = edges.len();
        for link in dag.predecessors(operator) {
            let source = unit_of[link.node as usize];
            let repeated = if single {
                edges[own..].iter().any(|edge| edge.source == source && edge.data == link.tensor)
            } else {
                source != target && !seen.insert((source, target, link.tensor))
            };
            if source != target && !repeated {
                edges.push(UnitEdge { source, target, data: link.tensor, bytes: link.bytes });
            }
        }
    }
    edges.sort_by_key(|edge| edge.target);
    edges
}

/// Units must not wait for each other, neither for data nor for their turn on a resource.
pub(super) fn check_order(edges: &[UnitEdge], plan: &Plan, platform: &Platform) -> Result<(), StrategyError> {
    let units = plan.len() as u32;
    let data = || edges.iter().map(|edge| (edge.source, edge.target));
    acyclic(units, data(), "units wait for each other's data")?;
    if plan.dispatch == Dispatch::AtReady {
        return Ok(());
    }
    if let Some(unit) = plan.units().position(|unit| unit.executor.is_none()) {
        return Err(StrategyError::InvalidPlan(format!(
            "unit {unit} has no executor, but the plan prescribes an order"
        )));
    }
    let what = "the order can never be honoured";
    if plan.dispatch == Dispatch::Sequential {
        return acyclic(units, data().chain((1..units).map(|unit| (unit - 1, unit))), what);
    }
    let mut last = vec![None; platform.resources.len()];
    let mut turns = Vec::new();
    let mut in_turn: Vec<_> = plan.units().enumerate().collect();
    in_turn.sort_by_key(|(_, members)| members.key);
    for (unit, members) in in_turn {
        for resource in members.executor.iter().flat_map(|&e| &platform.executor(e).resources) {
            if let Some(previous) = last[resource.0 as usize].replace(unit as u32) {
                turns.push((previous, unit as u32));
            }
        }
    }
    acyclic(units, data().chain(turns), what)
}

fn acyclic(
    units: u32,
    before: impl Iterator<Item = (u32, u32)> + Clone,
    what: &str,
) -> Result<(), StrategyError> {
    if before.clone().all(|(first, second)| first < second) {
        return Ok(());
    }
    let edges: Vec<_> = before.map(|(first, second)| (first, second, 0.0)).collect();
    match Dag::new(units as usize, &edges) {
        Ok(_) => Ok(()),
        Err(DagError::Cycle { cycle }) => {
            let cycle: Vec<_> = cycle.iter().map(u32::to_string).collect();
            Err(StrategyError::InvalidPlan(format!("{what}: unit {}", cycle.join(" -> "))))
        }
        Err(other) => Err(StrategyError::InvalidPlan(other.to_string())),
    }
}
