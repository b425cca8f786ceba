//! Cutting a graph into groups that run one after the other.

use super::{Dispatch, Granularity, Plan, PlanningView, TransferStart};
use crate::graph::dag::Dag;
use crate::soc::ExecutorId;

/// Groups operators of several kinds (on the target or not; by the executors that support them) into the sequence of subsets
/// that LiteRT builds: a subset takes every operator of its kind whose inputs come from earlier subsets or from itself, until
/// there is none left; then the next subset starts with the first operator that can run. Subsets therefore run in
/// order, and the graph of subsets has no cycle.
///
/// Source: LiteRT `graph_info.cc`, `PartitionGraphIntoIndependentNodeSubsets`. O(subsets x operators).
pub(super) fn independent_subsets<K: Copy + PartialEq>(dag: &Dag, kinds: &[K]) -> Vec<(K, Vec<u32>)> {
    let mut done = vec![false; dag.len()];
    let mut left = dag.len();
    let order = dag.topological_order();
    let mut subsets = Vec::new();
    while left > 0 {
        let mut kind = None;
        let mut members = Vec::new();
        for &operator in &order {
            let index = operator as usize;
            let can_run =
                !done[index] && dag.predecessors(operator).iter().all(|link| done[link.node as usize]);
            if can_run && *kind.get_or_insert(kinds[index]) == kinds[index] {
                // In topological order one pass reaches everything that this subset can hold.
                done[index] = true;
                members.push(operator);
            }
        }
        left -= members.len();
        let Some(kind) = kind else { break };
        subsets.push((kind, members));
    }
    subsets
}

/// Appends runs of operators to a plan: whole at granularity sub-graph and task, one by one at granularity operator.
pub(super) fn push_group(plan: &mut Plan, operators: &[u32], executor: ExecutorId, granularity: Granularity) {
    match granularity {
        Granularity::Operator | Granularity::Slice => {
            operators.iter().for_each(|&operator| plan.push(&[operator], Some(executor)))
        }
        Granularity::Task | Granularity::SubGraph => plan.push(operators, Some(executor)),
    }
}

/// Neighbours in topological order that some executor can run together, `least` to a unit where that is possible; what is left of the
/// last unit joins the one before if some executor can run both.
pub(super) fn groups(view: &PlanningView<'_>, least: usize) -> Vec<Vec<u32>> {
    let able = |operator: u32| {
        let executors = (0..view.platform.executors.len() as u16).map(ExecutorId);
        executors.filter(|&e| view.supports(operator, e)).collect::<Vec<_>>()
    };
    let both = |a: &[ExecutorId], b: &[ExecutorId]| {
        a.iter().copied().filter(|executor| b.contains(executor)).collect::<Vec<_>>()
    };
    let mut groups: Vec<(Vec<u32>, Vec<ExecutorId>)> = Vec::new();
    for operator in view.dag.topological_order() {
        let own = able(operator);
        let open = groups.last_mut().filter(|(members, _)| members.len() < least);
        match open.map(|last| (both(&last.1, &own), last)).filter(|(common, _)| !common.is_empty()) {
            Some((common, (members, executors))) => {
                members.push(operator);
                *executors = common;
            }
            None => groups.push((vec![operator], own)),
        }
    }
    if let Some((tail, executors)) = groups.pop_if(|(members, _)| members.len() < least) {
        match groups.last_mut().filter(|last| !both(&last.1, &executors).is_empty()) {
            Some((members, _)) => members.extend(tail),
            None => groups.push((tail, executors)),
        }
    }
    groups.into_iter().map(|(members, _)| members).collect()
}

/// The sets of executors that support each operator, as numbers: operators with equal sets have equal numbers, which
/// count from 0 in the order in which sets first occur.
pub(super) fn support_sets(view: &PlanningView<'_>) -> Vec<u32> {
    let mut known = std::collections::BTreeMap::new();
    (0..view.dag.len() as u32)
        .map(|operator| {
            let executors = (0..view.platform.executors.len() as u16).map(ExecutorId);
            let set: Vec<bool> = executors.map(|e| view.supports(operator, e)).collect();
            let next = known.len() as u32;
            *known.entry(set).or_insert(next)
        })
        .collect()
}

/// A plan whose units, not placed yet, have the granularity of the view: single operators, numbered as the graph numbers
/// them; maximal runs of operators that the same executors support; or the whole model.
pub(super) fn cut(view: &PlanningView<'_>) -> Plan {
    let mut plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
    match view.granularity {
        Granularity::Operator | Granularity::Slice => {
            (0..view.dag.len() as u32).for_each(|op| plan.push(&[op], None))
        }
        Granularity::SubGraph => {
            for (_, members) in independent_subsets(view.dag, &support_sets(view)) {
                plan.push(&members, None);
            }
        }
        Granularity::Task => plan.push(&view.dag.topological_order(), None),
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_does_not_split_a_subset_that_can_hold_together() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3; only 2 is off target.
        let dag = Dag::new(4, &[(0, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), (2, 3, 1.0)]).unwrap();
        let subsets = independent_subsets(&dag, &[true, true, false, true]);
        assert_eq!(subsets, [(true, vec![0, 1]), (false, vec![2]), (true, vec![3])]);
    }
}
