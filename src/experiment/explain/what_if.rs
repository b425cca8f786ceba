//! Bounds: the same run with one cost set to zero.

use super::ExplainError;
use crate::physics::{CostTable, OperatorCost};
use crate::predict::PredictorSpec;
use crate::record::{Recorder, RunLabels, RunRecord};
use crate::simulation::observer::RequestId;
use crate::simulation::{Prepared, Problem, play, prepare_with};
use crate::soc::{Crossing, ExecutorId, Network, ProcessorKind};
use crate::strategy::{
    Decision, Granularity, Occasion, Plan, PlanningView, RunView, Strategy, StrategyError,
};
use crate::units::SimDuration;
use serde::Serialize;
use std::collections::BTreeMap;

/// A bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhatIf {
    /// What is set to zero.
    pub change: String,
    /// Latency of the request then, in picoseconds; `None` when it does not finish in that run.
    pub latency_ps: Option<u64>,
    /// How much less, in percent of the latency as it is; negative when the request takes longer, which happens when less
    /// waiting of others lets them come before it.
    pub saves_percent: Option<f64>,
}

/// Plays what another strategy decided: its plans, and for units that it placed while it ran the places that they got.
#[derive(Debug, Clone)]
pub(super) struct Frozen {
    plans: Vec<Plan>,
    placed: BTreeMap<(RequestId, u32), ExecutorId>,
    usual: BTreeMap<(u16, u32), ExecutorId>,
    /// What the strategy believed: observing takes time in every repetition.
    predictor: PredictorSpec,
}

impl Frozen {
    pub(super) fn new(
        problem: &Problem,
        prepared: &Prepared,
        record: &RunRecord,
        predictor: &PredictorSpec,
    ) -> Self {
        let units = || record.units.iter().map(|u| u.unit);
        // Stages with a place of their own are not asked for.
        let open = problem.streams.iter().zip(&prepared.plans).filter(|(s, _)| s.stage.fixed.is_none());
        Self {
            plans: open.map(|(_, plan)| plan.clone()).collect(),
            predictor: predictor.clone(),
            placed: units().map(|u| ((u.request, u.unit), u.executor)).collect(),
            usual: units().map(|u| ((u.request.stream, u.unit), u.executor)).collect(),
        }
    }
}

impl Strategy for Frozen {
    fn id(&self) -> &'static str {
        "frozen"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, _: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        Ok(self.plans.clone())
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let Occasion::Ready(unit) = occasion else { return };
        let known = self.placed.get(&(unit.request, unit.unit));
        let known = known.or_else(|| self.usual.get(&(unit.request.stream, unit.unit))).copied();
        // A request that the first run never came to: any executor that can run the unit.
        let any = || {
            (0..view.platform.executors.len() as u16)
                .map(ExecutorId)
                .find(|&executor| view.execution(unit, executor).is_some())
        };
        if let Some(executor) = known.or_else(any) {
            decisions.push(Decision::Place { unit, executor });
        }
    }
}

/// Plays a changed problem under the decisions of a run.
pub(super) fn replay(
    problem: &Problem,
    frozen: &mut Frozen,
    labels: &RunLabels,
) -> Result<RunRecord, ExplainError> {
    let predictor = frozen.predictor.clone();
    let prepared = prepare_with(problem, frozen, &predictor)?;
    let mut recorder = Recorder::new(labels.clone(), Recorder::DEFAULT_CAP);
    play(problem, &prepared, frozen, &mut recorder)?;
    Ok(recorder.finish())
}

/// Changes the costs of one stream, or of all.
fn with_costs(
    problem: &Problem,
    stream: Option<u16>,
    change: impl Fn(u32, ExecutorId, &OperatorCost) -> OperatorCost,
) -> Problem {
    let mut changed = problem.clone();
    for (index, own) in changed.streams.iter_mut().enumerate() {
        if stream.is_none_or(|stream| usize::from(stream) == index) {
            let old = own.costs.clone();
            own.costs = CostTable::new(old.operators(), old.executors(), |operator, executor| {
                old.get(operator as u32, executor).map(|cost| change(operator as u32, executor, cost))
            });
        }
    }
    changed
}

const fn free(cost: &OperatorCost) -> OperatorCost {
    OperatorCost { overhead: SimDuration::ZERO, alone: SimDuration::ZERO, dram_bytes: 0.0, bound: cost.bound }
}

/// All bounds for a request.
pub(super) fn bounds(
    problem: &Problem,
    frozen: &mut Frozen,
    labels: &RunLabels,
    id: RequestId,
    latency: SimDuration,
    operators: &[u32],
) -> Result<Vec<WhatIf>, ExplainError> {
    let mut changes: Vec<(String, Problem)> = Vec::new();
    let mut kinds: Vec<ProcessorKind> = problem.platform.executors.iter().map(|e| e.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let used = |kind: ProcessorKind| {
        frozen.usual.values().any(|&executor| problem.platform.executor(executor).kind == kind)
    };
    for kind in kinds.into_iter().filter(|&kind| used(kind)) {
        let on = |executor: ExecutorId| problem.platform.executor(executor).kind == kind;
        let fast =
            with_costs(problem, None, |_, executor, cost| if on(executor) { free(cost) } else { *cost });
        changes.push((format!("the {} were infinitely fast", kind.id().to_uppercase()), fast));
    }
    let mut moved = problem.clone();
    moved.platform.crossings.fill(Crossing::NONE);
    moved.platform.host_in.fill(Crossing::NONE);
    moved.platform.host_out.fill(Crossing::NONE);
    moved.platform.network = Network::ContentionFree;
    changes.push(("transfers and conversions were free".to_owned(), moved));
    let mut light =
        with_costs(problem, None, |_, _, cost| OperatorCost { overhead: SimDuration::ZERO, ..*cost });
    light.platform.executors.iter_mut().for_each(|executor| executor.invocation = SimDuration::ZERO);
    changes.push(("dispatch and invocation were free".to_owned(), light));
    if problem.platform.memory_bandwidth.is_some() {
        let mut wide = problem.clone();
        wide.platform.memory_bandwidth = None;
        changes.push(("nobody shared memory bandwidth".to_owned(), wide));
    }
    for &operator in operators {
        let name = labels.operator_name(id.stream, operator);
        let without = with_costs(
            problem,
            Some(id.stream),
            |own, _, cost| if own == operator { free(cost) } else { *cost },
        );
        changes.push((format!("{name} were free"), without));
    }
    changes
        .into_iter()
        .map(|(change, problem)| {
            let record = replay(&problem, frozen, labels)?;
            let then = record.request(id).and_then(crate::record::RequestRecord::latency);
            Ok(WhatIf {
                change,
                latency_ps: then.map(|then| then.0),
                saves_percent: then
                    .filter(|_| latency.0 > 0)
                    .map(|then| 100.0 * (latency.0 as f64 - then.0 as f64) / latency.0 as f64),
            })
        })
        .collect()
}
