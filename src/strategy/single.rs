//! The whole model on one executor.

use super::host::Size;
use super::partition::push_group;
use super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use crate::soc::{Crossing, ExecutorId};
use crate::units::SimDuration;

/// Runs every operator on one executor: the one named, else the one believed to be fastest.
///
/// Best single: for every executor that supports all operators the sum of estimated executions, invocation, input and
/// output crossings; the smallest sum wins, ties to the smaller executor number. With several streams each
/// chooses for itself. When nothing supports everything, the plan is refused with the operators named.
///
/// Granularity: task; at granularity operator every operator is invoked by itself. Decision point: offline.
/// Reads: execution estimates. Cost: O(operators x executors).
#[derive(Debug, Clone, Default)]
pub struct Single {
    executor: Option<ExecutorId>,
    chosen: Option<ExecutorId>,
}

impl Single {
    /// On the executor named, or on the best.
    #[must_use]
    pub const fn new(executor: Option<ExecutorId>) -> Self {
        Self { executor, chosen: None }
    }

    /// Estimated latency of a whole model on one executor; `None` when it cannot run there.
    #[must_use]
    pub fn estimate(view: &PlanningView<'_>, executor: ExecutorId) -> Option<SimDuration> {
        let invocation = view.platform.executor(executor).invocation;
        let each = if view.granularity == Granularity::Operator { invocation } else { SimDuration::ZERO };
        let mut total = invocation - each;
        for operator in 0..view.dag.len() as u32 {
            total += each;
            total += view.estimates.execution(operator, executor)?;
        }
        if let Some(graph) = view.operators {
            let scale = view.platform.executor(executor).tensor_scale;
            let (inward, outward) =
                (view.platform.host_in[executor.0 as usize], view.platform.host_out[executor.0 as usize]);
            let input = |&t: &u32| graph.tensors[t as usize].bytes() as f64;
            let output = |&t: &u32| Size::of(&graph.tensors[t as usize]).at(scale);
            let slowest = |crossing: &Crossing, sizes: &[f64]| {
                let under_way = sizes.iter().map(|&bytes| crossing.transfer_time(bytes)).max();
                under_way.unwrap_or_default()
                    + sizes.iter().map(|&bytes| crossing.conversion_time(bytes)).sum()
            };
            total += slowest(&inward, &graph.inputs.iter().map(input).collect::<Vec<_>>());
            total += slowest(&outward, &graph.outputs.iter().map(output).collect::<Vec<_>>());
        }
        Some(total)
    }

    fn choose(&self, view: &PlanningView<'_>) -> Result<ExecutorId, StrategyError> {
        let candidates: Vec<ExecutorId> = self
            .executor
            .map_or_else(|| (0..view.platform.executors.len() as u16).map(ExecutorId).collect(), |e| vec![e]);
        candidates
            .iter()
            .filter_map(|&executor| Self::estimate(view, executor).map(|time| (time, executor)))
            .min()
            .map(|(_, executor)| executor)
            .ok_or_else(|| {
                let supported = |op: &u32| candidates.iter().any(|&e| view.supports(*op, e));
                let missing: Vec<u32> = (0..view.dag.len() as u32).filter(|op| !supported(op)).collect();
                // Each operator may run somewhere, yet no executor runs them all: name those of the nearest miss.
                let missing = if missing.is_empty() {
                    let lacking =
                        |e: ExecutorId| (0..view.dag.len() as u32).filter(move |&op| !view.supports(op, e));
                    candidates
                        .iter()
                        .map(|&e| lacking(e).collect::<Vec<_>>())
                        .min_by_key(Vec::len)
                        .unwrap_or_default()
                } else {
                    missing
                };
                StrategyError::Unsupported {
                    strategy: "single",
                    wanted: self.executor.map_or_else(
                        || "any single executor (delegate or mace fall back)".to_owned(),
                        |e| view.platform.executor(e).name.clone(),
                    ),
                    operators: missing.iter().take(12).map(|&op| view.operator_name(op)).collect(),
                }
            })
    }
}

impl Strategy for Single {
    fn id(&self) -> &'static str {
        "single"
    }

    fn prescribes(&self) -> bool {
        self.executor.is_some()
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Task
    }

    fn target(&self) -> Option<ExecutorId> {
        self.chosen
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let choices: Vec<ExecutorId> =
            streams.iter().map(|view| self.choose(view)).collect::<Result<_, _>>()?;
        self.chosen = choices.first().copied().filter(|first| choices.iter().all(|choice| choice == first));
        streams
            .iter()
            .zip(choices)
            .map(|(view, executor)| {
                let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
                push_group(&mut plan, &view.dag.topological_order(), executor, view.granularity);
                Ok(plan)
            })
            .collect()
    }
}
