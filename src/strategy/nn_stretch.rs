//! One branch on each executor, as NN-Stretch does.

use super::delegate::reject_task;
use super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use crate::graph::lowered::{LoweredGraph, OperatorClass};
use crate::soc::ExecutorId;

/// Runs the branches between a fork and a concatenation on different executors: the first on the first one, and so on; everything else on the
/// first.
///
/// A branch of a concatenation are the operators that only one of its inputs descends from. Branches beyond the executors go to the
/// first. Operators that an executor does not support go to the first, too.
///
/// Source: NN-Stretch (MobiSys 2023) and caoting-dotcom/multiBranchModel@88ad0b7b: the host pushes the other branches, computes its own, waits. Invented here: how branches
/// are recognised; the network itself is built by [`crate::graph::multi_branch`].
///
/// Granularity: sub-graph. Decision point: offline. Reads: the graph, support. Cost: concatenations x operators.
#[derive(Debug, Clone)]
pub struct NnStretch {
    executors: Vec<ExecutorId>,
    /// Position of the first branch's executor.
    first: usize,
}

impl NnStretch {
    /// Runs branches on these executors; the first is the host.
    #[must_use]
    pub const fn new(executors: Vec<ExecutorId>) -> Self {
        Self { executors, first: 0 }
    }

    /// As [`NnStretch::new`], with branches from the executor at position `first` on: 1 when the host has none of its own.
    #[must_use]
    pub const fn with_host(executors: Vec<ExecutorId>, first: usize) -> Self {
        Self { executors, first }
    }

    fn plan_one(&self, view: &PlanningView<'_>) -> Result<Plan, StrategyError> {
        let host =
            self.executors.first().copied().ok_or_else(|| {
                StrategyError::InvalidPlan("nn-stretch has no executor to run on".to_owned())
            })?;
        let graph = view.operators.ok_or_else(|| {
            StrategyError::InvalidPlan("a plain task graph has no branches to recognise".to_owned())
        })?;
        let mut placed = vec![host; graph.operators.len()];
        for (operator, branch) in branches(graph) {
            let executor = self.executors.get(self.first + branch).copied().unwrap_or(host);
            // Handing a branch over is the host's work.
            let sharing = graph.operators[operator].class == OperatorClass::Sharing;
            if !sharing && view.supports(operator as u32, executor) {
                placed[operator] = executor;
            }
        }
        let mut plan = Plan::new(Dispatch::InOrder, TransferStart::ProducerFinish);
        let mut group: Vec<u32> = Vec::new();
        for (operator, &executor) in placed.iter().enumerate() {
            // A branch that is handed over begins at once: what it waits for ends a unit.
            let ends = operator > 0
                && (placed[operator - 1] != executor
                    || graph.operators[operator - 1].class == OperatorClass::Sharing
                    || graph.operators[operator].class == OperatorClass::DataMovement);
            if ends && !group.is_empty() {
                plan.push(&group, Some(placed[operator - 1]));
                group.clear();
            }
            group.push(operator as u32);
        }
        if let (false, Some(&last)) = (group.is_empty(), placed.last()) {
            plan.push(&group, Some(last));
        }
        Ok(plan)
    }
}

/// (operator, number of its branch) for all operators that only one input of a concatenation descends from.
fn branches(graph: &LoweredGraph) -> Vec<(usize, usize)> {
    let mut producer = vec![None; graph.tensors.len()];
    for (number, operator) in graph.operators.iter().enumerate() {
        for &tensor in &operator.outputs {
            producer[tensor as usize] = Some(number);
        }
    }
    let ancestors = |tensor: u32| {
        let mut seen = vec![false; graph.operators.len()];
        let mut open: Vec<usize> = producer[tensor as usize].into_iter().collect();
        while let Some(operator) = open.pop() {
            if !std::mem::replace(&mut seen[operator], true) {
                open.extend(graph.operators[operator].inputs.iter().filter_map(|&t| producer[t as usize]));
            }
        }
        seen
    };
    let mut found = Vec::new();
    let is_join = |class| class == OperatorClass::DataMovement;
    for join in graph.operators.iter().filter(|op| is_join(op.class) && op.inputs.len() > 1) {
        let inputs: Vec<Vec<bool>> = join.inputs.iter().map(|&tensor| ancestors(tensor)).collect();
        for operator in 0..graph.operators.len() {
            let mut of = (0..inputs.len()).filter(|&input| inputs[input][operator]);
            if let (Some(branch), None) = (of.next(), of.next()) {
                found.push((operator, branch));
            }
        }
    }
    found
}

impl Strategy for NnStretch {
    fn id(&self) -> &'static str {
        "nn-stretch"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("nn-stretch", streams)?;
        streams.iter().map(|view| self.plan_one(view)).collect()
    }
}
