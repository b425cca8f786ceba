//! Executors that can work side by side.

use super::super::PlanningView;
use crate::soc::{ExecutorId, Platform, ProcessorKind};
use std::cmp::Reverse;

/// Executors without common resources: accelerators first, then the CPU sets with most cores, ties to the smaller number; in order of
/// their numbers.
pub(super) fn disjoint(platform: &Platform) -> Vec<ExecutorId> {
    let mut order: Vec<usize> = (0..platform.executors.len()).collect();
    order.sort_by_key(|&e| {
        let executor = &platform.executors[e];
        (executor.kind == ProcessorKind::Cpu, Reverse(executor.resources.len()), e)
    });
    let mut taken = vec![false; platform.resources.len()];
    let mut chosen = Vec::new();
    for executor in order {
        let resources = &platform.executors[executor].resources;
        if resources.iter().all(|r| !taken[r.0 as usize]) {
            resources.iter().for_each(|r| taken[r.0 as usize] = true);
            chosen.push(ExecutorId(executor as u16));
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Cuts operators, in an order that respects their data, into runs that some of the executors support whole: as long as possible.
pub(super) fn supported_runs(
    view: &PlanningView<'_>,
    members: &[u32],
    executors: &[ExecutorId],
) -> Vec<Vec<u32>> {
    let mut runs: Vec<Vec<u32>> = Vec::new();
    let mut able: Vec<ExecutorId> = Vec::new();
    for &operator in members {
        able.retain(|&e| view.supports(operator, e));
        if able.is_empty() {
            able = executors.iter().copied().filter(|&e| view.supports(operator, e)).collect();
            runs.push(Vec::new());
        }
        if let Some(run) = runs.last_mut() {
            run.push(operator);
        }
    }
    runs
}
