//! The graph of units that a plan makes of a task graph, with everything that placement decisions and the
//! simulation look up, computed once.

use super::{Dispatch, Plan, PlanningView, StrategyError};
use crate::graph::dag::{Dag, DagError};
use crate::predict::Estimates;
use crate::soc::{Crossing, ExecutorId, Platform};
use crate::units::SimDuration;

/// A tensor that flows between two units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitLink {
    /// The unit at the other end.
    pub unit: u32,
    /// Which data flows; the same number from the same producer is the same data.
    pub data: u32,
    /// Number of this edge among all edges of the unit graph.
    pub edge: u32,
}

/// Units, the tensors between them and what both are believed to cost.
#[derive(Debug, Clone)]
pub struct UnitGraph {
    executors: usize,
    operators: Vec<u32>,
    operator_start: Vec<u32>,
    preds: Vec<UnitLink>,
    pred_start: Vec<u32>,
    succs: Vec<UnitLink>,
    succ_start: Vec<u32>,
    edge_bytes: Vec<f64>,
    planned: Vec<Option<ExecutorId>>,
    dispatch: Dispatch,
    estimates: Vec<SimDuration>,
    /// Distinct crossings are few; `class` of a pair of executors selects the row of a precomputed table, so
    /// that no run divides bytes by bandwidths. Class 0 costs nothing.
    class: Vec<u16>,
    transfers: Vec<SimDuration>,
    conversions: Vec<SimDuration>,
    scales: Vec<f64>,
    input_bytes: Vec<f64>,
    output_bytes: Vec<f64>,
    inputs: Vec<SimDuration>,
    input_conversions: Vec<SimDuration>,
    outputs: Vec<SimDuration>,
}

impl UnitGraph {
    /// Builds the unit graph of a plan.
    ///
    /// # Errors
    /// [`StrategyError::InvalidPlan`] when an operator is missing or placed twice, when units depend on each other in a
    /// cycle, when an executor cannot run what it is given, or when an order can never be honoured.
    pub fn new(view: &PlanningView<'_>, plan: &Plan) -> Result<Self, StrategyError> {
        let (dag, platform) = (view.dag, view.platform);
        let unit_of = unit_of_operators(dag, plan)?;
        let edges = quotient(dag, plan.len(), &unit_of);
        check_order(&edges, plan, platform)?;
        let executors = platform.executors.len();
        let mut graph = Self {
            executors,
            operators: plan.units().flat_map(|unit| unit.operators.iter().copied()).collect(),
            operator_start: prefix_sums(plan.units().map(|unit| unit.operators.len() as u32)),
            preds: Vec::new(),
            pred_start: Vec::new(),
            succs: Vec::new(),
            succ_start: Vec::new(),
            edge_bytes: edges.iter().map(|edge| edge.bytes).collect(),
            planned: plan.units().map(|unit| unit.executor).collect(),
            dispatch: plan.dispatch,
            estimates: Vec::with_capacity(plan.len() * executors),
            class: Vec::new(),
            transfers: Vec::new(),
            conversions: Vec::new(),
            scales: platform.executors.iter().map(|e| e.tensor_scale).collect(),
            input_bytes: Vec::new(),
            output_bytes: Vec::new(),
            inputs: Vec::new(),
            input_conversions: Vec::new(),
            outputs: Vec::new(),
        };
        graph.link(&edges);
        graph.estimate_units(plan, view)?;
        graph.cost_crossings(platform);
        graph.cost_host(view, &unit_of);
        Ok(graph)
    }

    fn link(&mut self, edges: &[UnitEdge]) {
        let units = self.planned.len();
        let link = |edge: usize, unit| UnitLink { unit, data: edges[edge].data, edge: edge as u32 };
        let mut counts = vec![(0u32, 0u32); units];
        for edge in edges {
            counts[edge.target as usize].0 += 1;
            counts[edge.source as usize].1 += 1;
        }
        self.pred_start = prefix_sums(counts.iter().map(|c| c.0));
        self.succ_start = prefix_sums(counts.iter().map(|c| c.1));
        // `edges` is sorted by target, so each source's readers come out in increasing number.
        let mut next = self.succ_start.clone();
        let mut by_source = vec![0u32; edges.len()];
        for (number, edge) in edges.iter().enumerate() {
            let slot = &mut next[edge.source as usize];
            by_source[*slot as usize] = number as u32;
            *slot += 1;
        }
        self.preds = edges.iter().enumerate().map(|(e, edge)| link(e, edge.source)).collect();
        self.succs = by_source.iter().map(|&e| link(e as usize, edges[e as usize].target)).collect();
    }

    fn estimate_units(&mut self, plan: &Plan, view: &PlanningView<'_>) -> Result<(), StrategyError> {
        for (number, unit) in plan.units().enumerate() {
            let mut anywhere = false;
            for (e, executor) in view.platform.executors.iter().enumerate() {
                let mut total = Some(executor.invocation);
                for &operator in unit.operators {
                    let time = view.estimates.execution(operator, ExecutorId(e as u16));
                    total = total.zip(time).map(|(a, b)| a + b);
                }
                anywhere |= total.is_some();
                self.estimates.push(total.unwrap_or(Estimates::UNSUPPORTED));
            }
            let placed = unit.executor.map(|e| self.estimates[number * self.executors + e.0 as usize]);
            if !anywhere || placed == Some(Estimates::UNSUPPORTED) {
                let unsupported = |&&op: &&u32| unit.executor.is_none_or(|e| !view.supports(op, e));
                return Err(StrategyError::Unsupported {
                    strategy: "plan",
                    wanted: unit.executor.map_or_else(
                        || "any executor".to_owned(),
                        |e| view.platform.executor(e).name.clone(),
                    ),
                    operators: unit
                        .operators
                        .iter()
                        .filter(unsupported)
                        .take(12)
                        .map(|&op| view.operator_name(op))
                        .collect(),
                });
            }
        }
        Ok(())
    }

    fn cost_crossings(&mut self, platform: &Platform) {
        let mut classes: Vec<(Crossing, f64)> = vec![(Crossing::NONE, 1.0)];
        for from in 0..self.executors as u16 {
            for to in 0..self.executors as u16 {
                let crossing = *platform.crossing(ExecutorId(from), ExecutorId(to));
                let scale = platform.executors[from as usize].tensor_scale;
                let class = if crossing == Crossing::NONE {
                    Some(0)
                } else {
                    classes.iter().position(|&c| c == (crossing, scale))
                };
                self.class.push(class.unwrap_or_else(|| {
                    classes.push((crossing, scale));
                    classes.len() - 1
                }) as u16);
            }
        }
        let edges = self.edge_bytes.len();
        self.transfers = vec![SimDuration::ZERO; edges];
        self.conversions = vec![SimDuration::ZERO; edges];
        for (crossing, scale) in classes.into_iter().skip(1) {
            self.transfers.extend(self.edge_bytes.iter().map(|b| crossing.transfer_time(b * scale)));
            if crossing.conversion.0 == f64::INFINITY {
                self.conversions.resize(self.transfers.len(), SimDuration::ZERO);
            } else {
                self.conversions.extend(self.edge_bytes.iter().map(|b| crossing.conversion_time(b * scale)));
            }
        }
    }

    /// Costs of bringing model inputs in and outputs out; plain task graphs have neither.
    fn cost_host(&mut self, view: &PlanningView<'_>, unit_of: &[u32]) {
        let Some(graph) = view.operators else { return };
        let units = self.planned.len();
        (self.input_bytes, self.output_bytes) = (vec![0.0; units], vec![0.0; units]);
        let mut read = vec![std::collections::BTreeSet::new(); self.planned.len()];
        for (op, operator) in graph.operators.iter().enumerate() {
            let unit = unit_of[op] as usize;
            read[unit].extend(operator.inputs.iter().filter(|t| graph.inputs.contains(t)));
            for tensor in operator.outputs.iter().filter(|t| graph.outputs.contains(t)) {
                self.output_bytes[unit] += graph.tensors[*tensor as usize].bytes() as f64;
            }
        }
        for (unit, tensors) in read.iter().enumerate() {
            self.input_bytes[unit] = tensors.iter().map(|&&t| graph.tensors[t as usize].bytes() as f64).sum();
        }
        for unit in 0..self.planned.len() {
            for executor in 0..self.executors {
                let (inward, outward) = (view.platform.host_in[executor], view.platform.host_out[executor]);
                let (input, output) =
                    (self.input_bytes[unit], self.output_bytes[unit] * self.scales[executor]);
                let when = |bytes: f64, time: SimDuration| if bytes > 0.0 { time } else { SimDuration::ZERO };
                self.inputs.push(when(input, inward.transfer_time(input)));
                self.input_conversions.push(when(input, inward.conversion_time(input)));
                self.outputs
                    .push(when(output, outward.transfer_time(output) + outward.conversion_time(output)));
            }
        }
    }

    /// Number of units.
    #[must_use]
    pub fn len(&self) -> usize {
        self.planned.len()
    }

    /// Whether there is no unit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.planned.is_empty()
    }

    /// Number of edges between units.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.edge_bytes.len()
    }

    /// Operators of a unit, in execution order.
    #[inline]
    #[must_use]
    pub fn operators(&self, unit: u32) -> &[u32] {
        row(&self.operators, &self.operator_start, unit)
    }

    /// Tensors that a unit reads from other units.
    #[inline]
    #[must_use]
    pub fn predecessors(&self, unit: u32) -> &[UnitLink] {
        row(&self.preds, &self.pred_start, unit)
    }

    /// Tensors that other units read from a unit, by increasing reader.
    #[inline]
    #[must_use]
    pub fn successors(&self, unit: u32) -> &[UnitLink] {
        row(&self.succs, &self.succ_start, unit)
    }

    /// Where the plan places a unit; `None` when that is decided online.
    #[must_use]
    pub fn planned(&self, unit: u32) -> Option<ExecutorId> {
        self.planned[unit as usize]
    }

    /// When placed units enter their queues.
    #[must_use]
    pub const fn dispatch(&self) -> Dispatch {
        self.dispatch
    }

    /// Believed duration of a unit, invocation included; `None` when it cannot run there.
    #[inline]
    #[must_use]
    pub fn estimate(&self, unit: u32, executor: ExecutorId) -> Option<SimDuration> {
        let time = self.estimates[unit as usize * self.executors + executor.0 as usize];
        (time != Estimates::UNSUPPORTED).then_some(time)
    }

    /// Whether data must cross between two executors.
    #[inline]
    #[must_use]
    pub fn crosses(&self, from: ExecutorId, to: ExecutorId) -> bool {
        self.class[from.0 as usize * self.executors + to.0 as usize] != 0
    }

    /// Time for which the data of an edge is under way between two executors.
    #[inline]
    #[must_use]
    pub fn transfer(&self, link: &UnitLink, from: ExecutorId, to: ExecutorId) -> SimDuration {
        let class = self.class[from.0 as usize * self.executors + to.0 as usize] as usize;
        if class == 0 {
            SimDuration::ZERO
        } else {
            self.transfers[class * self.edge_bytes.len() + link.edge as usize]
        }
    }

    /// Time for which the consumer is occupied rewriting the data of an edge.
    #[inline]
    #[must_use]
    pub fn conversion(&self, link: &UnitLink, from: ExecutorId, to: ExecutorId) -> SimDuration {
        let class = self.class[from.0 as usize * self.executors + to.0 as usize] as usize;
        if class == 0 {
            SimDuration::ZERO
        } else {
            self.conversions[class * self.edge_bytes.len() + link.edge as usize]
        }
    }

    /// Bytes of an edge as stored by the producer.
    #[inline]
    #[must_use]
    pub fn bytes(&self, link: &UnitLink, from: ExecutorId) -> f64 {
        self.edge_bytes[link.edge as usize] * self.scales[from.0 as usize]
    }

    /// Time for which the model inputs that a unit reads are under way to an executor.
    #[inline]
    #[must_use]
    pub fn input_transfer(&self, unit: u32, executor: ExecutorId) -> SimDuration {
        self.host_time(&self.inputs, unit, executor)
    }

    /// Time for which the executor is occupied rewriting these inputs.
    #[inline]
    #[must_use]
    pub fn input_conversion(&self, unit: u32, executor: ExecutorId) -> SimDuration {
        self.host_time(&self.input_conversions, unit, executor)
    }

    /// Time until the model outputs that a unit writes lie where the application reads them.
    #[inline]
    #[must_use]
    pub fn output_transfer(&self, unit: u32, executor: ExecutorId) -> SimDuration {
        self.host_time(&self.outputs, unit, executor)
    }

    #[inline]
    fn host_time(&self, times: &[SimDuration], unit: u32, executor: ExecutorId) -> SimDuration {
        times.get(unit as usize * self.executors + executor.0 as usize).copied().unwrap_or(SimDuration::ZERO)
    }

    /// Bytes of model inputs that a unit reads.
    #[must_use]
    pub fn input_bytes(&self, unit: u32) -> f64 {
        self.input_bytes.get(unit as usize).copied().unwrap_or(0.0)
    }

    /// Bytes of model outputs that a unit writes, at the source model's precision.
    #[must_use]
    pub fn output_bytes(&self, unit: u32) -> f64 {
        self.output_bytes.get(unit as usize).copied().unwrap_or(0.0)
    }
}

#[inline]
fn row<'a, T>(items: &'a [T], start: &[u32], index: u32) -> &'a [T] {
    &items[start[index as usize] as usize..start[index as usize + 1] as usize]
}

fn prefix_sums(lengths: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut sums = vec![0u32];
    let mut total = 0;
    for length in lengths {
        total += length;
        sums.push(total);
    }
    sums
}

fn unit_of_operators(dag: &Dag, plan: &Plan) -> Result<Vec<u32>, StrategyError> {
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
struct UnitEdge {
    source: u32,
    target: u32,
    data: u32,
    bytes: f64,
}

/// Edges between units, sorted by target; a tensor that several operators of a unit read comes once.
fn quotient(dag: &Dag, units: usize, unit_of: &[u32]) -> Vec<UnitEdge> {
    let mut edges = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for operator in 0..dag.len() as u32 {
        let target = unit_of[operator as usize];
        for link in dag.predecessors(operator) {
            let source = unit_of[link.node as usize];
            if source != target && (units == dag.len() || seen.insert((source, target, link.tensor))) {
                edges.push(UnitEdge { source, target, data: link.tensor, bytes: link.bytes });
            }
        }
    }
    edges.sort_by_key(|edge| edge.target);
    edges
}

/// Units must not wait for each other, neither for data nor for their turn on a resource.
fn check_order(edges: &[UnitEdge], plan: &Plan, platform: &Platform) -> Result<(), StrategyError> {
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
    for (unit, members) in plan.units().enumerate() {
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
