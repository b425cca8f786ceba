//! Branch parallelism.

use super::super::list::{CommunicationMean, Heft, JointGraph, ListScheduler, Schedule};
use super::super::partition::cut;
use super::super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use super::workers::supported_runs;
use crate::graph::dag::Dag;
use crate::soc::ExecutorId;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Treats every branch between a fork and its join as one unit, and runs branches beside each other.
///
/// A join or fork is an operator that every way through the graph passes. Between two of them the branches are the connected parts
/// of what lies between; joins and forks in a row form the trunk. `by=lpt` (default): stage by stage the branches go, longest first, each to
/// the executor where it is done first; `by=heft` schedules branches and trunk with HEFT. A branch that no executor supports whole is
/// cut where support ends, and so is one behind a short head that keeps it from another executor; parts weigh as the branch. What opens such a branch, like handing it over to another processor, goes before
/// everything else of the stage if the stage is done sooner that way: behind a long branch of the same processor it would keep the others waiting.
///
/// Source: facts about NN-Stretch (MobiSys '23) for the idea; graph-theoretic forks and joins, LPT (Graham 1969) are the definition.
/// Granularity: sub-graph (the branch) only. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(edges + branches x executors).
#[derive(Debug, Clone, Copy)]
pub(crate) struct BranchParallel {
    pub by_heft: bool,
}

impl Strategy for BranchParallel {
    fn id(&self) -> &'static str {
        "branch-parallel"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        if let Some(view) = streams.iter().find(|view| view.granularity != Granularity::SubGraph) {
            return Err(StrategyError::Granularity {
                strategy: "branch-parallel",
                granularity: view.granularity.id(),
                offered: "`sub-graph`, the branch",
            });
        }
        let mut stages: Vec<(usize, u32)> = Vec::new();
        // For each task the first task of its branch, and whether the branch was cut.
        let mut heads: Vec<(u32, bool)> = Vec::new();
        let mut plans = Vec::new();
        for (stream, view) in streams.iter().enumerate() {
            let executors: Vec<ExecutorId> =
                (0..view.platform.executors.len() as u16).map(ExecutorId).collect();
            let mut plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
            for (stage, members) in branches(view.dag) {
                let (head, body) = members.split_at(head(view, &members, &executors));
                let mut runs = supported_runs(view, head, &executors);
                runs.extend(supported_runs(view, body, &executors));
                let head = stages.len() as u32;
                for run in &runs {
                    plan.push(run, None);
                    stages.push((stream, stage));
                    heads.push((head, runs.len() > 1));
                }
            }
            // Refuses what no executor runs, by name.
            if plan.is_empty() {
                plan = cut(view);
            }
            plans.push(plan);
        }
        let joint = JointGraph::of_plans(streams, &plans)?;
        if self.by_heft {
            return Ok(Heft { mean: CommunicationMean::Pairs, insertion: true }.schedule(&joint).plans());
        }
        let mut schedule = Schedule::new(&joint, true);
        let mut tasks: Vec<u32> = joint.tasks().collect();
        let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
        for &task in &tasks {
            *weights.entry(heads[task as usize].0).or_default() += joint.least_work(task);
        }
        let weight = |task: u32| Reverse(weights.get(&heads[task as usize].0).copied().unwrap_or(0));
        let opens = |task: u32| heads[task as usize] == (task, true);
        // Parts of one branch keep their order: the sort is stable, and a reader never goes before its producer.
        tasks.sort_by_key(|&task| (stages[task as usize].1, stages[task as usize].0));
        for stage in tasks.chunk_by(|&a, &b| stages[a as usize] == stages[b as usize]) {
            let longest_first = place(&schedule, &joint, stage, |task| (false, weight(task), task));
            schedule = if stage.iter().any(|&task| opens(task)) {
                let opened = place(&schedule, &joint, stage, |task| (!opens(task), weight(task), task));
                let end =
                    |s: &Schedule<'_>| stage.iter().filter_map(|&t| s.slot(t)).map(|slot| slot.done).max();
                if end(&opened) < end(&longest_first) { opened } else { longest_first }
            } else {
                longest_first
            };
        }
        Ok(schedule.plans())
    }
}

/// Operators at the start of a branch, fewer than half, behind which an executor supports the rest that does not support them: such as
/// handing the branch over to it.
fn head(view: &PlanningView<'_>, members: &[u32], executors: &[ExecutorId]) -> usize {
    let lacking =
        |&e: &ExecutorId| members.iter().rposition(|&op| !view.supports(op, e)).map(|last| last + 1);
    executors.iter().filter_map(lacking).filter(|&length| 2 * length < members.len()).min().unwrap_or(0)
}

/// Places the tasks of a stage, of those that are ready always the one with the smallest key, where it is done first.
fn place<'a, K: Ord>(
    schedule: &Schedule<'a>,
    joint: &JointGraph<'_>,
    stage: &[u32],
    key: impl Fn(u32) -> K,
) -> Schedule<'a> {
    let mut schedule = schedule.clone();
    let mut left = stage.to_vec();
    while !left.is_empty() {
        let ready = |task: &u32| joint.predecessors(*task).all(|(p, _)| schedule.slot(p).is_some());
        let Some(task) = left.iter().copied().filter(ready).min_by_key(|&task| key(task)) else { break };
        left.retain(|&other| other != task);
        if let Some(slot) = schedule.first_done(task) {
            schedule.place(task, slot);
        }
    }
    schedule
}

/// The trunk's pieces and the branches, each with the number of its stage and its operators in topological order; stages in order.
pub(super) fn branches(dag: &Dag) -> Vec<(u32, Vec<u32>)> {
    let order = dag.topological_order();
    let mut position = vec![0usize; dag.len()];
    for (at, &operator) in order.iter().enumerate() {
        position[operator as usize] = at;
    }
    // An operator is on every way if all edges that cross the line behind it are its own, and all that cross the line in front end in it.
    let mut foreign = vec![0i64; dag.len() + 1];
    for &operator in &order {
        let from = position[operator as usize];
        for link in dag.successors(operator) {
            let to = position[link.node as usize];
            // Positions strictly between see the edge pass by.
            foreign[from + 1] += 1;
            foreign[to] -= 1;
        }
    }
    let first_sinks = order.iter().position(|&op| dag.successors(op).is_empty()).unwrap_or(0);
    let last_source = order.iter().rposition(|&op| dag.predecessors(op).is_empty()).unwrap_or(0);
    let mut passing = 0;
    let mut is_trunk = vec![false; dag.len()];
    for (at, &operator) in order.iter().enumerate() {
        passing += foreign[at];
        // Sources behind it, or sinks before it, would have a way around it.
        is_trunk[operator as usize] = passing == 0 && at >= last_source && at <= first_sinks;
    }
    let mut pieces: Vec<(u32, Vec<u32>)> = Vec::new();
    let mut stage = 0;
    let mut between: Vec<u32> = Vec::new();
    let mut trunk: Vec<u32> = Vec::new();
    for &operator in &order {
        if is_trunk[operator as usize] {
            if !between.is_empty() {
                flush(dag, &mut pieces, &mut stage, &mut between);
            }
            trunk.push(operator);
        } else {
            if !trunk.is_empty() {
                pieces.push((stage, std::mem::take(&mut trunk)));
                stage += 1;
            }
            between.push(operator);
        }
    }
    if !trunk.is_empty() {
        pieces.push((stage, trunk));
        stage += 1;
    }
    flush(dag, &mut pieces, &mut stage, &mut between);
    pieces
}

/// Connected parts of what lies between two operators of the trunk.
fn flush(dag: &Dag, pieces: &mut Vec<(u32, Vec<u32>)>, stage: &mut u32, between: &mut Vec<u32>) {
    let mut part: std::collections::BTreeMap<u32, u32> = between.iter().map(|&op| (op, op)).collect();
    fn root(part: &std::collections::BTreeMap<u32, u32>, mut at: u32) -> u32 {
        while let Some(&next) = part.get(&at).filter(|&&next| next != at) {
            at = next;
        }
        at
    }
    for &operator in between.iter() {
        for link in dag.successors(operator) {
            if part.contains_key(&link.node) {
                let (a, b) = (root(&part, operator), root(&part, link.node));
                part.insert(a.max(b), a.min(b));
            }
        }
    }
    let mut found: Vec<(u32, Vec<u32>)> = Vec::new();
    for operator in between.drain(..) {
        let name = root(&part, operator);
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(operator),
            None => found.push((name, vec![operator])),
        }
    }
    let any = !found.is_empty();
    pieces.extend(found.into_iter().map(|(_, members)| (*stage, members)));
    *stage += u32::from(any);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_and_joins_delimit_branches() {
        // 0 - 1 - {2 - 3, 4} - 5
        let edges = [(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (1, 4, 1.0), (3, 5, 1.0), (4, 5, 1.0)];
        let found = branches(&Dag::new(6, &edges).unwrap());
        assert_eq!(found, [(0, vec![0, 1]), (1, vec![2, 3]), (1, vec![4]), (2, vec![5])]);
        // A skip from fork to join is no branch, and hides nothing.
        let edges = [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (2, 3, 1.0)];
        let found = branches(&Dag::new(4, &edges).unwrap());
        assert_eq!(found, [(0, vec![0]), (1, vec![1]), (2, vec![2, 3])]);
        // Two sources, two sinks: all is one stage.
        let found = branches(&Dag::new(4, &[(0, 2, 1.0), (1, 3, 1.0)]).unwrap());
        assert_eq!(found, [(0, vec![0, 2]), (0, vec![1, 3])]);
    }
}
