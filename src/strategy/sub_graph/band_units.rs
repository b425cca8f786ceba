//! Band's unit sub-graphs and the latency of running them.

use super::super::partition::independent_subsets;
use super::super::{PlanningView, UnitGraph};
use crate::soc::{ExecutorId, ProcessorKind};
use crate::units::{SimDuration, SimTime};

/// Maximal groups of operators that the same workers support, in an order in which they can run. A group on which an accelerator could
/// work but that has fewer than `least` operators is left to the CPU workers, where there are some that support it; then groups that became alike
/// are one.
pub(super) fn unit_sub_graphs(view: &PlanningView<'_>, workers: &[ExecutorId], least: u32) -> Vec<Vec<u32>> {
    let support =
        |op: u32| -> Vec<bool> { workers.iter().map(|&worker| view.supports(op, worker)).collect() };
    let mut sets: Vec<Vec<bool>> = (0..view.dag.len() as u32).map(support).collect();
    let is_cpu: Vec<bool> =
        workers.iter().map(|&worker| view.platform.executor(worker).kind == ProcessorKind::Cpu).collect();
    for (_, members) in independent_subsets(view.dag, &numbered(&sets)) {
        let set = members.first().map_or_else(Vec::new, |&op| sets[op as usize].clone());
        let on_cpu: Vec<bool> = set.iter().zip(&is_cpu).map(|(&here, &cpu)| here && cpu).collect();
        if (members.len() as u64) < u64::from(least) && on_cpu.contains(&true) {
            members.iter().for_each(|&op| sets[op as usize].clone_from(&on_cpu));
        }
    }
    independent_subsets(view.dag, &numbered(&sets)).into_iter().map(|(_, members)| members).collect()
}

/// Equal sets get equal numbers.
fn numbered(sets: &[Vec<bool>]) -> Vec<u32> {
    let mut known = std::collections::BTreeMap::new();
    sets.iter()
        .map(|set| {
            let next = known.len() as u32;
            *known.entry(set.clone()).or_insert(next)
        })
        .collect()
}

/// A run of consecutive unit sub-graphs on one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Position among the workers.
    pub worker: usize,
    /// The unit behind the last.
    pub end: u32,
    /// Believed duration.
    pub expected: SimDuration,
}

/// The longest run of units from `from` on that a worker supports.
pub(super) fn longest(graph: &UnitGraph, from: u32, worker: (usize, ExecutorId)) -> Option<Segment> {
    let mut segment = None;
    let mut expected = SimDuration::ZERO;
    for unit in from..graph.len() as u32 {
        let Some(time) = graph.estimate(unit, worker.1) else { break };
        expected += time;
        segment = Some(Segment { worker: worker.0, end: unit + 1, expected });
    }
    segment
}

/// The shortest way through the units from `from` on, when each worker is free at its time: when it ends, and its first segment.
/// Workers do not become later by what the way itself puts on them.
pub(super) fn shortest(
    graph: &UnitGraph,
    from: u32,
    now: SimTime,
    workers: &[ExecutorId],
    free: &[SimTime],
) -> Option<(SimTime, Segment)> {
    let units = graph.len();
    let mut best: Vec<Option<(SimTime, Segment)>> = vec![None; units + 1];
    for start in from as usize..units {
        let (at, first) = match best[start] {
            Some((time, first)) => (time, Some(first)),
            None if start == from as usize => (now, None),
            None => continue,
        };
        for (number, &worker) in workers.iter().enumerate() {
            let mut expected = SimDuration::ZERO;
            for unit in start..units {
                let Some(time) = graph.estimate(unit as u32, worker) else { break };
                expected += time;
                let finish = at.max(free[number]) + expected;
                if best[unit + 1].is_none_or(|(known, _)| finish < known) {
                    let own = Segment { worker: number, end: unit as u32 + 1, expected };
                    best[unit + 1] = Some((finish, first.unwrap_or(own)));
                }
            }
        }
    }
    best[units]
}
