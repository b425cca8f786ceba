//! A pipeline balanced by moving border layers.

use super::super::delegate::reject_task;
use super::super::{Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, TransferStart};
use super::stages::Layers;
use super::workers::disjoint;
use crate::soc::ExecutorId;

/// Cuts the layers of every model into one stage for each processor, and moves border layers from the slowest stage to a neighbour while
/// the period, which is the slowest stage, becomes shorter.
///
/// Source: Pipe-it (Wang et al., arXiv 1903.05898), known from its abstract. Invented: stages run on executors without common resources
/// (accelerators, then the largest CPU sets) in order of their numbers; the start gives every stage layers in proportion to how fast its
/// executor is; a stage's time includes its invocation and bringing in what crosses its border; a layer that a stage's executor lacks weighs
/// more than everything and so is moved away if it can be, else it runs where it is fastest; stages may become empty.
/// With as many requests in flight as stages the period is the throughput; for a single request it is a bad plan, as it should be.
///
/// Granularity: sub-graph (the stage); operator invokes each layer by itself. Decision point: offline.
/// Reads: execution and transfer estimates. Cost: O(layers x stages).
#[derive(Debug, Clone, Copy)]
pub(crate) struct PipeIt;

impl Strategy for PipeIt {
    fn id(&self) -> &'static str {
        "pipe-it-like"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("pipe-it-like", streams)?;
        Ok(streams
            .iter()
            .map(|view| {
                let layers = Layers::new(view);
                let stages = balance(view, &layers, &disjoint(view.platform));
                let mut plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
                layers.push(&mut plan, view, &stages, 0);
                plan
            })
            .collect())
    }
}

/// Ends and executors of the stages.
fn balance(view: &PlanningView<'_>, layers: &Layers, executors: &[ExecutorId]) -> Vec<(usize, ExecutorId)> {
    let total = layers.len();
    let speed: Vec<f64> =
        executors.iter().map(|&e| 1.0 / layers.stage(view, 0, total, e, None).max(1) as f64).collect();
    let sum: f64 = speed.iter().sum();
    let mut ends = Vec::new();
    let mut share = 0.0;
    for own in &speed {
        share += own / sum;
        ends.push(((share * total as f64).round() as usize).min(total));
    }
    if let Some(last) = ends.last_mut() {
        *last = total;
    }
    let times = |ends: &[usize]| -> Vec<u128> {
        let mut from = 0;
        let mut before = None;
        let mut times = Vec::new();
        for (&to, &executor) in ends.iter().zip(executors) {
            times.push(layers.stage(view, from, to, executor, before));
            if to > from {
                before = Some(executor);
            }
            from = to;
        }
        times
    };
    loop {
        let now = times(&ends);
        let Some((slowest, &period)) =
            now.iter().enumerate().max_by_key(|&(at, &time)| (time, std::cmp::Reverse(at)))
        else {
            break;
        };
        // One layer to the left neighbour, or one to the right; only what shortens the period.
        let mut best: Option<(u128, Vec<usize>)> = None;
        let first = if slowest == 0 { 0 } else { ends[slowest - 1] };
        for to_left in [true, false] {
            let mut moved = ends.clone();
            if first == ends[slowest] || (to_left && slowest == 0) || (!to_left && slowest + 1 == ends.len())
            {
                continue;
            }
            if to_left {
                moved[slowest - 1] += 1;
            } else {
                moved[slowest] -= 1;
            }
            let next = times(&moved).into_iter().max().unwrap_or(0);
            if next < period && best.as_ref().is_none_or(|(least, _)| next < *least) {
                best = Some((next, moved));
            }
        }
        match best {
            Some((_, moved)) => ends = moved,
            None => break,
        }
    }
    ends.into_iter().zip(executors.iter().copied()).collect()
}
