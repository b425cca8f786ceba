//! Pipelines of several models, cut by dynamic programming and put into order.

use super::super::delegate::reject_task;
use super::super::{
    Dispatch, Granularity, Plan, PlanningView, QueueOrder, Strategy, StrategyError, TransferStart,
};
use super::stages::Layers;
use super::workers::disjoint;
use crate::soc::ExecutorId;

/// Cuts every model into the stages with the least period, then orders the models so that the processors wait least.
///
/// Source: Hetero2Pipe (ICDCS '25), known from its abstract. Invented: stages go over the executors without common resources in order of
/// their numbers, each used at most once; the dynamic programme finds the cut with the smallest slowest stage, then the smallest sum (beyond 400 layers, between 400 runs of layers);
/// the order of models is the permutation with the shortest flow-shop makespan by the estimates (all of up to 6 models, else repeated
/// exchange of neighbours), and requests that come together go through every queue in it. Keeping memory-heavy stages apart is not done: strategies do
/// not see the traffic of operators. A layer that all later executors lack runs where it is fastest.
///
/// Granularity: sub-graph (the stage). Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(layers^2 x stages) a model, and the order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hetero2Pipe;

impl Strategy for Hetero2Pipe {
    fn id(&self) -> &'static str {
        "hetero2pipe-like"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("hetero2pipe-like", streams)?;
        let mut cuts = Vec::new();
        for view in streams {
            let layers = Layers::new(view);
            let stages = cut(view, &layers, &disjoint(view.platform));
            cuts.push((layers, stages));
        }
        let times: Vec<Vec<u128>> = streams
            .iter()
            .zip(&cuts)
            .map(|(view, (layers, stages))| {
                let (mut from, mut before) = (0, None);
                stages
                    .iter()
                    .map(|&(to, executor)| {
                        let time = layers.stage(view, from, to, executor, before);
                        if to > from {
                            before = Some(executor);
                        }
                        from = to;
                        time
                    })
                    .collect()
            })
            .collect();
        let order = order_models(&times);
        Ok(streams
            .iter()
            .zip(&cuts)
            .enumerate()
            .map(|(stream, (view, (layers, stages)))| {
                let turn = order.iter().position(|&model| model == stream).unwrap_or(0) as i64;
                let plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
                let mut plan = plan.ordered(QueueOrder::ByKeyFromArrival);
                layers.push(&mut plan, view, stages, turn);
                plan
            })
            .collect())
    }
}

/// Runs of layers that cuts may separate.
const CUTS: usize = 400;

/// The contiguous cut with the smallest (slowest stage, sum).
fn cut(view: &PlanningView<'_>, layers: &Layers, executors: &[ExecutorId]) -> Vec<(usize, ExecutorId)> {
    let total = layers.len();
    // Cuts lie between at most so many runs of layers of equal number.
    let step = total.div_ceil(CUTS).max(1);
    // best[last + 1][to]: the first `to` layers are done, the last stage that has any runs on executor `last`.
    type Cell = Option<((u128, u128), usize, usize)>;
    let mut best: Vec<Vec<Cell>> = vec![vec![None; total + 1]; executors.len() + 1];
    best[0][0] = Some(((0, 0), 0, 0));
    for (stage, &executor) in executors.iter().enumerate() {
        for before in 0..=stage {
            let previous = before.checked_sub(1).map(|at| executors[at]);
            for from in 0..total {
                let Some(((slowest, sum), _, _)) = best[before][from] else { continue };
                for to in (from + 1..=total).filter(|&to| to == total || to % step == 0) {
                    let time = layers.stage(view, from, to, executor, previous);
                    let value = (slowest.max(time), sum + time);
                    let cell = &mut best[stage + 1][to];
                    if cell.is_none_or(|(known, _, _)| value < known) {
                        *cell = Some((value, from, before));
                    }
                }
            }
        }
    }
    let last = (0..=executors.len())
        .filter(|&s| best[s][total].is_some())
        .min_by_key(|&s| best[s][total].map(|c| c.0));
    let mut ends = vec![None; executors.len()];
    let (mut stage, mut to) = (last.unwrap_or(0), total);
    while stage > 0 {
        ends[stage - 1] = Some(to);
        let Some((_, from, before)) = best[stage][to] else { break };
        (stage, to) = (before, from);
    }
    let mut end = 0;
    ends.iter()
        .zip(executors)
        .map(|(own, &executor)| {
            end = own.unwrap_or(end);
            (end, executor)
        })
        .collect()
}

/// Models in the order in which a flow shop of their stages ends first.
fn order_models(times: &[Vec<u128>]) -> Vec<usize> {
    let makespan = |order: &[usize]| -> u128 {
        let mut ends = vec![0u128; times.first().map_or(0, Vec::len)];
        for &model in order {
            let mut at = 0;
            for (end, time) in ends.iter_mut().zip(&times[model]) {
                at = at.max(*end) + time;
                *end = at;
            }
        }
        ends.into_iter().max().unwrap_or(0)
    };
    let mut best: Vec<usize> = (0..times.len()).collect();
    if times.len() <= 6 {
        let mut order = best.clone();
        permute(&mut order, 0, &mut |order| {
            if (makespan(order), order) < (makespan(&best), best.as_slice()) {
                best = order.to_vec();
            }
        });
        return best;
    }
    while let Some(next) = (1..best.len()).find_map(|at| {
        let mut moved = best.clone();
        moved.swap(at - 1, at);
        (makespan(&moved) < makespan(&best)).then_some(moved)
    }) {
        best = next;
    }
    best
}

fn permute(order: &mut Vec<usize>, at: usize, see: &mut impl FnMut(&[usize])) {
    if at == order.len() {
        return see(order);
    }
    for other in at..order.len() {
        order.swap(at, other);
        permute(order, at + 1, see);
        order.swap(at, other);
    }
}
