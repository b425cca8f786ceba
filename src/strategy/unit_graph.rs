//! The graph of units that a plan makes of a task graph, with everything that placement decisions and the
//! simulation look up, computed once.

use super::host::{HostTensors, HostTransfer, Size};
use super::plan_check::{UnitEdge, check_order, quotient, unit_of_operators};
use super::{Dispatch, Plan, PlanningView, QueueOrder, StrategyError};
use crate::graph::dag::Dag;
use crate::graph::partition::Role;
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

/// What transfers between two executors cost: crossing, scale of tensors, and the pair if some of its transfers were measured.
type Class = (Crossing, f64, Option<(ExecutorId, ExecutorId)>);

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
    sizes: Vec<Size>,
    planned: Vec<Option<ExecutorId>>,
    dispatch: Dispatch,
    queue_order: QueueOrder,
    keys: Vec<i64>,
    estimates: Vec<SimDuration>,
    invocations: Vec<SimDuration>,
    /// Whether a unit continues what its executor is doing for the slices of a split, and needs no invocation of its own.
    continues: Vec<bool>,
    /// Distinct crossings are few; `class` of a pair of executors selects the row of a precomputed table, so
    /// that no run divides bytes by bandwidths. Class 0 costs nothing.
    class: Vec<u16>,
    transfers: Vec<SimDuration>,
    conversions: Vec<SimDuration>,
    scales: Vec<f64>,
    inputs: HostTensors,
    outputs: HostTensors,
    /// First unit and end of each version; more than one where several cuts of the graph stand side by side.
    ranges: Vec<(u32, u32)>,
    /// Whether some transfers were measured.
    measured: bool,
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
            sizes: edges.iter().map(|edge| size(view, edge)).collect(),
            planned: plan.units().map(|unit| unit.executor).collect(),
            dispatch: plan.dispatch,
            queue_order: plan.queue_order(),
            keys: if plan.queue_order() == QueueOrder::Fifo {
                Vec::new()
            } else {
                plan.units().map(|unit| unit.key).collect()
            },
            estimates: Vec::with_capacity(plan.len() * executors),
            invocations: platform.executors.iter().map(|e| e.invocation).collect(),
            continues: plan.units().map(|unit| continues(view, unit.operators)).collect(),
            class: Vec::new(),
            transfers: Vec::new(),
            conversions: Vec::new(),
            scales: platform.executors.iter().map(|e| e.tensor_scale).collect(),
            inputs: HostTensors::inputs(view, &unit_of, plan.len()),
            outputs: HostTensors::outputs(view, &unit_of, plan.len()),
            ranges: vec![(0, plan.len() as u32)],
            measured: !dag.given().is_empty(),
        };
        graph.link(&edges);
        graph.estimate_units(plan, view)?;
        graph.cost_crossings(platform, dag);
        Ok(graph)
    }

    /// Puts another cut of the same graph beside this one: the version after the last. Its units and edges are numbered on, and no edge leads
    /// from one version to another; a request runs one of them.
    ///
    /// # Errors
    /// [`StrategyError::InvalidPlan`] when it is dispatched, or ordered in queues, otherwise.
    pub fn append(&mut self, other: &Self, view: &PlanningView<'_>) -> Result<(), StrategyError> {
        if (other.dispatch, other.queue_order) != (self.dispatch, self.queue_order) {
            let version = self.versions();
            return Err(StrategyError::InvalidPlan(format!(
                "version {version} has another dispatch or queue order than version 0"
            )));
        }
        let (units, edges) = (self.len() as u32, self.edges() as u32);
        let moved = |link: &UnitLink| UnitLink { unit: link.unit + units, edge: link.edge + edges, ..*link };
        self.operators.extend_from_slice(&other.operators);
        append_starts(&mut self.operator_start, &other.operator_start);
        self.preds.extend(other.preds.iter().map(moved));
        append_starts(&mut self.pred_start, &other.pred_start);
        self.succs.extend(other.succs.iter().map(moved));
        append_starts(&mut self.succ_start, &other.succ_start);
        self.sizes.extend_from_slice(&other.sizes);
        self.planned.extend_from_slice(&other.planned);
        self.keys.extend_from_slice(&other.keys);
        self.estimates.extend_from_slice(&other.estimates);
        self.continues.extend_from_slice(&other.continues);
        self.inputs.append(&other.inputs);
        self.outputs.append(&other.outputs);
        self.ranges.extend(other.ranges.iter().map(|&(from, to)| (from + units, to + units)));
        // The tables go by class first, and cannot be put end to end.
        self.class.clear();
        self.cost_crossings(view.platform, view.dag);
        self.measured |= other.measured;
        Ok(())
    }

    /// Number of cuts that stand side by side.
    #[must_use]
    pub fn versions(&self) -> usize {
        self.ranges.len()
    }

    /// First unit and end of a version; `None` when there are not so many.
    #[must_use]
    pub fn range(&self, version: u16) -> Option<(u32, u32)> {
        self.ranges.get(usize::from(version)).copied()
    }

    /// The version that a unit belongs to.
    #[must_use]
    pub fn version_of(&self, unit: u32) -> u16 {
        self.ranges.partition_point(|&(_, end)| end <= unit) as u16
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
            for e in 0..view.platform.executors.len() {
                let mut total = Some(self.invocation(number as u32, ExecutorId(e as u16)));
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

    fn cost_crossings(&mut self, platform: &Platform, dag: &Dag) {
        // Pairs of executors with measured transfers are a class of their own.
        let own = |from: u16, to: u16| {
            let pair = (ExecutorId(from), ExecutorId(to));
            dag.given().iter().any(|given| (given.from, given.to) == pair).then_some(pair)
        };
        let mut classes: Vec<Class> = vec![(Crossing::NONE, 1.0, None)];
        for from in 0..self.executors as u16 {
            for to in 0..self.executors as u16 {
                let crossing = *platform.crossing(ExecutorId(from), ExecutorId(to));
                let scale = platform.executors[from as usize].tensor_scale;
                let class = if crossing == Crossing::NONE {
                    Some(0)
                } else {
                    classes.iter().position(|&c| c == (crossing, scale, own(from, to)))
                };
                self.class.push(class.unwrap_or_else(|| {
                    classes.push((crossing, scale, own(from, to)));
                    classes.len() - 1
                }) as u16);
            }
        }
        self.transfers = vec![SimDuration::ZERO; self.preds.len()];
        self.conversions = vec![SimDuration::ZERO; self.preds.len()];
        for (crossing, scale, pair) in classes.into_iter().skip(1) {
            let free = |size: &Size, time: SimDuration| if size.shared { SimDuration::ZERO } else { time };
            self.transfers.extend(self.sizes.iter().zip(&self.preds).map(|(size, edge)| {
                let given = pair.and_then(|(from, to)| dag.given_transfer(edge.data, from, to));
                free(size, given.unwrap_or_else(|| crossing.transfer_time(size.at(scale))))
            }));
            if crossing.conversion.0 == f64::INFINITY {
                self.conversions.resize(self.transfers.len(), SimDuration::ZERO);
            } else {
                self.conversions.extend(
                    self.sizes.iter().map(|size| free(size, crossing.conversion_time(size.at(scale)))),
                );
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
        self.sizes.len()
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

    /// Whether times of some transfers were measured, so that executors with equal crossings may differ.
    #[must_use]
    pub const fn has_given_transfers(&self) -> bool {
        self.measured
    }

    /// In which order units stand in queues.
    #[must_use]
    pub const fn queue_order(&self) -> QueueOrder {
        self.queue_order
    }

    /// Key of a unit in the order of queues; 0 where the order needs none.
    #[inline]
    #[must_use]
    pub fn key(&self, unit: u32) -> i64 {
        self.keys.get(unit as usize).copied().unwrap_or(0)
    }

    /// When placed units enter their queues.
    #[must_use]
    pub const fn dispatch(&self) -> Dispatch {
        self.dispatch
    }

    /// Overhead of handing a unit to an executor's runtime. Steps and slices of a split go into queues that are running: what
    /// waking them costs is part of sharing.
    #[inline]
    #[must_use]
    pub fn invocation(&self, unit: u32, executor: ExecutorId) -> SimDuration {
        if self.continues[unit as usize] { SimDuration::ZERO } else { self.invocations[executor.0 as usize] }
    }

    /// Believed duration of a unit, invocation included; `None` when it cannot run there.
    #[inline]
    #[must_use]
    pub fn estimate(&self, unit: u32, executor: ExecutorId) -> Option<SimDuration> {
        let time = self.estimates[unit as usize * self.executors + executor.0 as usize];
        (time != Estimates::UNSUPPORTED).then_some(time)
    }

    /// Whether the data of an edge must cross between two executors.
    #[inline]
    #[must_use]
    pub fn crosses(&self, link: &UnitLink, from: ExecutorId, to: ExecutorId) -> bool {
        self.class[from.0 as usize * self.executors + to.0 as usize] != 0
            && !self.sizes[link.edge as usize].shared
    }

    /// Time for which the data of an edge is under way between two executors.
    #[inline]
    #[must_use]
    pub fn transfer(&self, link: &UnitLink, from: ExecutorId, to: ExecutorId) -> SimDuration {
        let class = self.class[from.0 as usize * self.executors + to.0 as usize] as usize;
        if class == 0 {
            SimDuration::ZERO
        } else {
            self.transfers[class * self.sizes.len() + link.edge as usize]
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
            self.conversions[class * self.sizes.len() + link.edge as usize]
        }
    }

    /// Bytes of an edge as stored by the producer.
    #[inline]
    #[must_use]
    pub fn bytes(&self, link: &UnitLink, from: ExecutorId) -> f64 {
        self.sizes[link.edge as usize].at(self.scales[from.0 as usize])
    }

    /// Time for which the slowest of the model inputs that a unit reads is under way to an executor.
    #[inline]
    #[must_use]
    pub fn input_transfer(&self, unit: u32, executor: ExecutorId) -> SimDuration {
        self.inputs.of(unit, executor).map(|input| input.transfer).max().unwrap_or(SimDuration::ZERO)
    }

    /// Model inputs that a unit reads and that must come to an executor from the host.
    #[inline]
    pub fn inputs(&self, unit: u32, executor: ExecutorId) -> impl Iterator<Item = HostTransfer> + '_ {
        self.inputs.of(unit, executor)
    }

    /// Model outputs that a unit writes and that must go from an executor to the host.
    #[inline]
    pub fn outputs(&self, unit: u32, executor: ExecutorId) -> impl Iterator<Item = HostTransfer> + '_ {
        self.outputs.of(unit, executor)
    }
}

/// The size of what flows over an edge; plain task graphs know bytes only.
fn size(view: &PlanningView<'_>, edge: &UnitEdge) -> Size {
    view.operators
        .and_then(|graph| graph.tensors.get(edge.data as usize))
        .map_or(Size { fixed: edge.bytes, float32: 0.0, shared: false }, Size::of)
}

/// Whether a unit begins inside of a split.
fn continues(view: &PlanningView<'_>, operators: &[u32]) -> bool {
    let role = operators.first().and_then(|&operator| view.roles.get(operator as usize));
    matches!(role, Some(Role::Share(_) | Role::Part { .. } | Role::Join(_)))
}

#[inline]
fn row<'a, T>(items: &'a [T], start: &[u32], index: u32) -> &'a [T] {
    &items[start[index as usize] as usize..start[index as usize + 1] as usize]
}

/// Continues sums of lengths by others.
fn append_starts(starts: &mut Vec<u32>, others: &[u32]) {
    let end = starts.last().copied().unwrap_or(0);
    starts.extend(others.iter().skip(1).map(|start| start + end));
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
