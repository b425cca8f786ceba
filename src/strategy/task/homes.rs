//! Where whole models live, and the units that make them preemptible.

use super::super::partition::{cut, independent_subsets};
use super::super::{Granularity, Plan, PlanningView, Single, StrategyError};
use crate::soc::ExecutorId;

/// Units of one model, in order, and where each runs.
pub(super) type PlacedUnits = Vec<(Vec<u32>, ExecutorId)>;

/// The executor on which most of the model runs, and how long it takes there by the estimates.
fn time_at(view: &PlanningView<'_>, executor: ExecutorId) -> (usize, u64) {
    let lacking = (0..view.dag.len() as u32).filter(|&op| !view.supports(op, executor)).count();
    let time = Single::estimate(view, executor).map_or_else(
        || {
            let own = |op| view.estimates.execution(op, executor).map_or(0, |time| time.0);
            (0..view.dag.len() as u32).map(own).fold(0, u64::saturating_add)
        },
        |time| time.0,
    );
    (lacking, time)
}

/// A home for every model: the most urgent first (`urgency`: smaller is more urgent, ties to the earlier stream), each where the load
/// that is there already plus its own is least. Load is the share of its period for a model that comes again and again, and the time for
/// one that comes once. Executors that support everything go before those that do not.
pub(super) fn homes(
    streams: &[PlanningView<'_>],
    urgency: impl Fn(&PlanningView<'_>) -> i64,
) -> Vec<ExecutorId> {
    let mut order: Vec<usize> = (0..streams.len()).collect();
    order.sort_by_key(|&stream| urgency(&streams[stream]));
    let periodic = streams.iter().all(|view| view.period.is_some_and(|period| period.0 > 0));
    let mut homes = vec![ExecutorId(0); streams.len()];
    let mut load: Vec<f64> = vec![0.0; streams.first().map_or(0, |view| view.platform.resources.len())];
    for stream in order {
        let view = &streams[stream];
        let mut best: Option<((usize, f64), ExecutorId, f64)> = None;
        for (number, executor) in view.platform.executors.iter().enumerate() {
            let (lacking, time) = time_at(view, ExecutorId(number as u16));
            let period = view.period.filter(|_| periodic).map_or(1, |period| period.0);
            let own = time as f64 / period as f64;
            let there = executor.resources.iter().map(|r| load[r.0 as usize]).fold(0.0, f64::max);
            let key = (lacking, there + own);
            if best.is_none_or(|(least, _, _)| key < least) {
                best = Some((key, ExecutorId(number as u16), own));
            }
        }
        if let Some((_, executor, own)) = best {
            homes[stream] = executor;
            for resource in &view.platform.executor(executor).resources {
                load[resource.0 as usize] += own;
            }
        }
    }
    homes
}

/// Cuts a model into units at the granularity of the view (at granularity task into as few as its home allows), and places them at
/// home, or, where home lacks an operator, on the executor that runs the unit fastest.
pub(super) fn placed_units(view: &PlanningView<'_>, home: ExecutorId) -> Result<PlacedUnits, StrategyError> {
    let at_home: Vec<bool> = (0..view.dag.len() as u32).map(|op| view.supports(op, home)).collect();
    let units: Vec<Vec<u32>> = if view.granularity == Granularity::Operator {
        view.dag.topological_order().into_iter().map(|operator| vec![operator]).collect()
    } else if at_home.iter().all(|&here| here) && view.granularity == Granularity::Task {
        vec![view.dag.topological_order()]
    } else if view.granularity == Granularity::Task {
        // As few as possible: what home supports stays together, the rest is split by support.
        let sets = super::super::partition::support_sets(view);
        let kinds: Vec<u32> =
            sets.iter().zip(&at_home).map(|(set, here)| if *here { u32::MAX } else { *set }).collect();
        independent_subsets(view.dag, &kinds).into_iter().map(|(_, members)| members).collect()
    } else {
        cut(view).units().map(|unit| unit.operators.to_vec()).collect()
    };
    units
        .into_iter()
        .map(|unit| {
            let time = |e: ExecutorId| {
                let each = |&op: &u32| view.estimates.execution(op, e).map(|time| time.0);
                unit.iter().map(each).try_fold(0u64, |sum, time| time.map(|t| sum.saturating_add(t)))
            };
            let executors = (0..view.platform.executors.len() as u16).map(ExecutorId);
            let executor = time(home)
                .map(|_| home)
                .or_else(|| executors.filter_map(|e| time(e).map(|t| (t, e))).min().map(|(_, e)| e));
            let lacking = || StrategyError::Unsupported {
                strategy: "task level",
                wanted: "any executor".to_owned(),
                operators: unit.iter().take(12).map(|&op| view.operator_name(op)).collect(),
            };
            executor.ok_or_else(lacking).map(|executor| (unit.clone(), executor))
        })
        .collect()
}

/// Estimated time of what is left of the model from each unit on, that unit included.
pub(super) fn remaining(view: &PlanningView<'_>, units: &PlacedUnits) -> Vec<u64> {
    let mut left: Vec<u64> = units
        .iter()
        .map(|(unit, executor)| {
            let each = |&op: &u32| view.estimates.execution(op, *executor).map_or(0, |time| time.0);
            let own = unit.iter().map(each).fold(0, u64::saturating_add);
            own.saturating_add(view.platform.executor(*executor).invocation.0)
        })
        .collect();
    let mut sum = 0u64;
    for time in left.iter_mut().rev() {
        sum = sum.saturating_add(*time);
        *time = sum;
    }
    left
}

/// A plan of placed units with a key for each.
pub(super) fn keyed(mut plan: Plan, units: &PlacedUnits, key: impl Fn(usize) -> i64) -> Plan {
    for (number, (operators, executor)) in units.iter().enumerate() {
        plan.push_with_key(operators, Some(*executor), key(number));
    }
    plan
}
