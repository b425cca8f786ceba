//! Operator placement of MACE.

use super::delegate::reject_task;
use super::partition::push_group;
use super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use crate::graph::lowered::OperatorClass;
use crate::soc::ExecutorId;

/// Walks the operators in order and follows the data.
///
/// An operator that the target does not support runs on the CPU. A compute-intensive one (convolution,
/// depthwise and transposed convolution, fully connected) runs on the target. Any other runs on the target if a producer of one of its inputs
/// does, else on the CPU.
///
/// Source: XiaoMi/mace `core/net_optimizer.cc`. In a plain task graph, where classes are unknown, every task counts as
/// compute-intensive.
///
/// Granularity: sub-graph (neighbours on one executor run together, as MACE queues GPU kernels without waiting between them);
/// operator invokes each by itself. Decision point: offline. Reads: support only. Cost: O(operators).
#[derive(Debug, Clone)]
pub struct Mace {
    target: ExecutorId,
    cpu: ExecutorId,
}

impl Mace {
    /// Places on `target` and `cpu`.
    #[must_use]
    pub const fn new(target: ExecutorId, cpu: ExecutorId) -> Self {
        Self { target, cpu }
    }

    fn plan_one(&self, view: &PlanningView<'_>) -> Result<Plan, StrategyError> {
        let mut on_target = vec![false; view.dag.len()];
        let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
        let mut group: Vec<u32> = Vec::new();
        for operator in view.dag.topological_order() {
            let intensive = view.operators.is_none_or(|graph| {
                matches!(
                    graph.operators[operator as usize].class,
                    OperatorClass::Convolution
                        | OperatorClass::GroupedConvolution
                        | OperatorClass::DepthwiseConvolution
                        | OperatorClass::TransposedConvolution
                        | OperatorClass::FullyConnected
                )
            });
            let follows = view.dag.predecessors(operator).iter().any(|link| on_target[link.node as usize]);
            let here = view.supports(operator, self.target) && (intensive || follows);
            if !here && !view.supports(operator, self.cpu) {
                let wanted = view.platform.executor(self.cpu).name.clone();
                let operators = vec![view.operator_name(operator)];
                return Err(StrategyError::Unsupported { strategy: "mace", wanted, operators });
            }
            on_target[operator as usize] = here;
            if group.first().is_some_and(|&first| on_target[first as usize] != here) {
                self.flush(&mut plan, &mut group, !here, view.granularity);
            }
            group.push(operator);
        }
        if let Some(&first) = group.first() {
            self.flush(&mut plan, &mut group, on_target[first as usize], view.granularity);
        }
        Ok(plan)
    }

    fn flush(&self, plan: &mut Plan, group: &mut Vec<u32>, on_target: bool, granularity: Granularity) {
        push_group(plan, group, if on_target { self.target } else { self.cpu }, granularity);
        group.clear();
    }
}

impl Strategy for Mace {
    fn id(&self) -> &'static str {
        "mace"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn target(&self) -> Option<ExecutorId> {
        Some(self.target)
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("mace", streams)?;
        streams.iter().map(|view| self.plan_one(view)).collect()
    }
}
