//! Layers in a row, cut into stages.

use super::super::{Plan, PlanningView};
use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// The layers of a model in topological order with prefix sums of their times, and what a cut costs.
pub(super) struct Layers {
    pub order: Vec<u32>,
    /// Per executor, time of the first `n` layers; unsupported layers weigh more than everything else.
    sums: Vec<Vec<u128>>,
    /// Per cut position: bytes that cross it.
    crossing: Vec<f64>,
    /// Per cut position: tensors that cross it, where times of some transfers were measured.
    crossers: Vec<Vec<(u32, f64)>>,
    position: Vec<usize>,
}

/// Weight of a layer that an executor lacks: more than any model takes.
const LACKING: u128 = 1 << 70;

impl Layers {
    pub(super) fn new(view: &PlanningView<'_>) -> Self {
        let order = view.dag.topological_order();
        let sums = (0..view.platform.executors.len() as u16)
            .map(|e| {
                let time = |&op: &u32| {
                    view.estimates.execution(op, ExecutorId(e)).map_or(LACKING, |t| u128::from(t.0))
                };
                let mut sums = vec![0];
                for op in &order {
                    sums.push(sums[sums.len() - 1] + time(op));
                }
                sums
            })
            .collect();
        let mut position = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &op)| position[op as usize] = at);
        let given = !view.dag.given().is_empty();
        let mut layers = Self {
            crossing: vec![0.0; order.len() + 1],
            crossers: vec![Vec::new(); if given { order.len() + 1 } else { 0 }],
            order,
            sums,
            position,
        };
        for &op in &layers.order {
            let from = layers.position[op as usize];
            // A tensor crosses a cut once, however many readers it has behind it.
            let mut tensors: Vec<(u32, usize, f64)> = Vec::new();
            for link in view.dag.successors(op) {
                let to = layers.position[link.node as usize];
                match tensors.iter_mut().find(|(tensor, _, _)| *tensor == link.tensor) {
                    Some((_, last, _)) => *last = (*last).max(to),
                    None => tensors.push((link.tensor, to, link.bytes)),
                }
            }
            for (tensor, to, bytes) in tensors {
                for cut in from + 1..=to {
                    layers.crossing[cut] += bytes;
                    if given {
                        layers.crossers[cut].push((tensor, bytes));
                    }
                }
            }
        }
        layers
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Believed time of the layers `from..to` on an executor that gets its input from another.
    pub(super) fn stage(
        &self,
        view: &PlanningView<'_>,
        from: usize,
        to: usize,
        executor: ExecutorId,
        before: Option<ExecutorId>,
    ) -> u128 {
        if from == to {
            return 0;
        }
        let sums = &self.sums[executor.0 as usize];
        let own = sums[to] - sums[from] + u128::from(view.platform.executor(executor).invocation.0);
        own + before.map_or(0, |before| u128::from(self.transition(view, from, before, executor).0))
    }

    /// Bringing everything that crosses a cut from one executor to another.
    pub(super) fn transition(
        &self,
        view: &PlanningView<'_>,
        cut: usize,
        from: ExecutorId,
        to: ExecutorId,
    ) -> SimDuration {
        if from == to {
            return SimDuration::ZERO;
        }
        let crossing = view.platform.crossing(from, to);
        if let Some(tensors) = self.crossers.get(cut) {
            // Tensors are under way side by side.
            let scale = view.platform.executor(from).tensor_scale;
            let one = |&(tensor, bytes): &(u32, f64)| {
                let given = view.dag.given_transfer(tensor, from, to);
                given.unwrap_or_else(|| crossing.transfer_time(bytes * scale))
            };
            let conversion: f64 = tensors.iter().map(|(_, bytes)| bytes * scale).sum();
            return tensors.iter().map(one).max().unwrap_or(SimDuration::ZERO)
                + crossing.conversion_time(conversion);
        }
        let bytes = self.crossing[cut] * view.platform.executor(from).tensor_scale;
        crossing.transfer_time(bytes) + crossing.conversion_time(bytes)
    }

    /// Appends stages `(end, executor)` to a plan; layers that a stage's executor lacks go, by themselves, where they are fastest.
    pub(super) fn push(
        &self,
        plan: &mut Plan,
        view: &PlanningView<'_>,
        stages: &[(usize, ExecutorId)],
        key: i64,
    ) {
        let mut from = 0;
        for &(to, executor) in stages {
            let mut run: Vec<u32> = Vec::new();
            for &op in &self.order[from..to] {
                if view.supports(op, executor) {
                    run.push(op);
                    continue;
                }
                if !run.is_empty() {
                    plan.push_with_key(&std::mem::take(&mut run), Some(executor), key);
                }
                let executors = (0..view.platform.executors.len() as u16).map(ExecutorId);
                let fastest = executors.filter_map(|e| view.estimates.execution(op, e).map(|t| (t, e))).min();
                plan.push_with_key(&[op], fastest.map(|(_, e)| e), key);
            }
            if !run.is_empty() {
                plan.push_with_key(&run, Some(executor), key);
            }
            from = to;
        }
    }
}
