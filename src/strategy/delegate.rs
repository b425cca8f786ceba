//! Delegation of supported sub-graphs, the rest on the CPU (LiteRT).

use super::partition::{independent_subsets, push_group};
use super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use crate::soc::ExecutorId;

/// Gives the largest supported groups of operators to one executor and everything else to another.
///
/// 1. Cut the graph into the subsets of operators that the target supports and those that it does not, such that the
///    subsets run in order. 2. Keep at most `max_partitions` supported subsets of at least
///    `min_nodes` operators, largest first, ties to the one that comes first. 3. Cut again with only these on the
///    target; the rest falls back. Every subset boundary pays invocation and crossing.
///
/// Source: LiteRT, `PartitionGraphIntoIndependentNodeSubsets` and the options `max_delegated_partitions` (1 on the GPU path) and
/// `min_nodes_per_partition` (2). The size of a group is its number of operators; views that cost nothing count, as they
/// do there. 0 partitions means no limit (assumed, as the sources leave it open).
///
/// Granularity: sub-graph; operator invokes each by itself. Decision point: offline. Reads: support only. Cost: O(subsets x
/// operators).
#[derive(Debug, Clone)]
pub struct Delegate {
    target: ExecutorId,
    fallback: ExecutorId,
    max_partitions: u32,
    min_nodes: u32,
}

impl Delegate {
    /// Delegates to `target`, falls back to `fallback`.
    #[must_use]
    pub const fn new(target: ExecutorId, fallback: ExecutorId, max_partitions: u32, min_nodes: u32) -> Self {
        Self { target, fallback, max_partitions, min_nodes }
    }

    fn plan_one(&self, view: &PlanningView<'_>) -> Result<Plan, StrategyError> {
        let supported: Vec<bool> =
            (0..view.dag.len() as u32).map(|op| view.supports(op, self.target)).collect();
        let mut groups: Vec<Vec<u32>> = independent_subsets(view.dag, &supported)
            .into_iter()
            .filter(|(on_target, members)| *on_target && members.len() as u64 >= u64::from(self.min_nodes))
            .map(|(_, members)| members)
            .collect();
        // Stable: of groups of one size the first stays first.
        groups.sort_by_key(|members| std::cmp::Reverse(members.len()));
        if self.max_partitions > 0 {
            groups.truncate(self.max_partitions as usize);
        }
        let mut on_target = vec![false; view.dag.len()];
        for &operator in groups.iter().flatten() {
            on_target[operator as usize] = true;
        }
        let lost: Vec<String> = (0..view.dag.len() as u32)
            .filter(|&op| !on_target[op as usize] && !view.supports(op, self.fallback))
            .map(|op| view.operator_name(op))
            .take(12)
            .collect();
        if !lost.is_empty() {
            let wanted = format!("{}, the fallback", view.platform.executor(self.fallback).name);
            return Err(StrategyError::Unsupported { strategy: "delegate", wanted, operators: lost });
        }
        let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
        for (delegated, members) in independent_subsets(view.dag, &on_target) {
            let executor = if delegated { self.target } else { self.fallback };
            push_group(&mut plan, &members, executor, view.granularity);
        }
        Ok(plan)
    }
}

impl Strategy for Delegate {
    fn id(&self) -> &'static str {
        "delegate"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn target(&self) -> Option<ExecutorId> {
        Some(self.target)
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("delegate", streams)?;
        streams.iter().map(|view| self.plan_one(view)).collect()
    }
}

/// Strategies that split a model cannot place it whole.
pub(super) fn reject_task(strategy: &'static str, streams: &[PlanningView<'_>]) -> Result<(), StrategyError> {
    if streams.iter().any(|view| view.granularity == Granularity::Task) {
        let offered = "`sub-graph` and `operator`";
        return Err(StrategyError::Granularity { strategy, granularity: "task", offered });
    }
    Ok(())
}
