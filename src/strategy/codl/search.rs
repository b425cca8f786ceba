//! Searching for chains (CoDL, algorithm 1; csu-eis/CoDL@0a0c89d1 `op_chain_search.cc`).

use super::objective::Objective;
use super::{Baseline, ChainSearch, Ratios, Settings};
use crate::graph::lowered::LoweredGraph;
use crate::graph::partition::{Dimension, extent};
use crate::strategy::co_execution::Chain;
use crate::units::SimDuration;

/// Operators in a chain of the artifact are fewer than this (`kMaxChainLength`).
const MOST_OPERATORS: usize = 30;
/// How far from the head's own share the paper's search looks, in tenths.
const REACH: u32 = 3;

/// The best of each operator alone, and how they may be chained.
struct Start<'a> {
    objective: &'a Objective<'a>,
    /// Chains of one with their times, in tenths of a share.
    single: Vec<(Chain, u32, SimDuration)>,
    /// Whether the next operator reads this one's output, alone, and nobody else does.
    linked: Vec<bool>,
    /// Whether an operator can be cut by height.
    by_height: Vec<bool>,
}

/// The shares to try, in tenths, in order.
fn tenths(ratios: Ratios) -> Vec<u32> {
    match ratios {
        Ratios::Grid => (0..=10).collect(),
        Ratios::Half => vec![5],
        Ratios::Around => vec![5, 4, 6, 3, 7, 2, 8, 1, 9, 0, 10],
    }
}

/// Cuts a graph into chains; every operator is in one. `None` when an operator can run nowhere; its position then.
pub(super) fn search(
    graph: &LoweredGraph,
    objective: &Objective<'_>,
    settings: &Settings,
) -> Result<Vec<Chain>, u32> {
    let single = (0..graph.operators.len() as u32)
        .map(|operator| alone(objective, operator, settings).ok_or(operator))
        .collect::<Result<Vec<_>, _>>()?;
    let by_height =
        graph.operators.iter().map(|operator| extent(graph, operator, Dimension::Height).is_some()).collect();
    let start = Start { objective, single, linked: linked(graph), by_height };
    Ok(match settings.search {
        ChainSearch::Serial => start.single.into_iter().map(|(chain, ..)| chain).collect(),
        ChainSearch::Heuristic => start.heuristic().into_iter().map(|(chain, _)| chain).collect(),
        ChainSearch::Greedy => start.greedy(settings, false),
        ChainSearch::GreedyArtifact => start.greedy(settings, true),
    })
}

/// The best of one operator: dimension outside, share inside and rising, the first of equals.
fn alone(objective: &Objective<'_>, operator: u32, settings: &Settings) -> Option<(Chain, u32, SimDuration)> {
    let mut best: Option<(Chain, u32, SimDuration)> = None;
    for &dimension in settings.dimensions {
        for tenth in tenths(settings.ratios) {
            let chain = Chain { operators: vec![operator], dimension, share: f64::from(tenth) / 10.0 };
            if let Some(time) = objective.time(&chain)
                && best.as_ref().is_none_or(|(_, _, least)| time < *least)
            {
                best = Some((chain, tenth, time));
            }
        }
    }
    // With few shares to try, an operator that cannot be cut may still run whole.
    best.or_else(|| {
        [10, 0].into_iter().find_map(|tenth| {
            let chain = Chain {
                operators: vec![operator],
                dimension: Dimension::Height,
                share: f64::from(tenth) / 10.0,
            };
            objective.time(&chain).map(|time| (chain, tenth, time))
        })
    })
}

fn linked(graph: &LoweredGraph) -> Vec<bool> {
    let mut readers = vec![0usize; graph.tensors.len()];
    for &tensor in graph.operators.iter().flat_map(|operator| &operator.inputs).chain(&graph.outputs) {
        if let Some(count) = readers.get_mut(tensor as usize) {
            *count += 1;
        }
    }
    let mut linked: Vec<bool> = graph
        .operators
        .windows(2)
        .map(|pair| {
            let between = pair[0].outputs.first().copied();
            pair[1].inputs.as_slice() == between.as_slice()
                && between.is_some_and(|t| readers.get(t as usize) == Some(&1))
        })
        .collect();
    linked.push(false);
    linked
}

impl Start<'_> {
    /// Whether the operator after `position` may join a chain that reaches `position`.
    fn extends(&self, position: usize) -> bool {
        self.linked[position] && self.by_height.get(position + 1) == Some(&true)
    }

    /// Following operators join while they are cut by height with the head's share.
    fn heuristic(&self) -> Vec<(Chain, SimDuration)> {
        let mut chains: Vec<(Chain, SimDuration)> = Vec::new();
        let mut shared: Option<u32> = None;
        for (position, (own, tenth, time)) in self.single.iter().enumerate() {
            let joins = position > 0
                && self.extends(position - 1)
                && shared == Some(*tenth)
                && own.dimension == Dimension::Height;
            let longer = chains.last().filter(|_| joins).and_then(|(chain, _)| {
                let mut longer = chain.clone();
                longer.operators.extend_from_slice(&own.operators);
                let time = self.objective.time(&longer)?;
                Some((longer, time))
            });
            if let (Some(longer), Some(last)) = (longer, chains.last_mut()) {
                *last = longer;
            } else {
                chains.push((own.clone(), *time));
                shared = (own.dimension == Dimension::Height && self.by_height[position]).then_some(*tenth);
            }
        }
        chains
    }

    /// From each head the chain that gains most over the baseline; then on behind it.
    fn greedy(&self, settings: &Settings, artifact: bool) -> Vec<Chain> {
        let without = self.baseline(settings.baseline);
        let mut chains = Vec::new();
        let mut head = 0;
        while head < self.single.len() {
            let best = self.longest_gain(head, &without, settings, artifact);
            let (chain, length) = best.unwrap_or_else(|| (self.single[head].0.clone(), 1));
            chains.push(chain);
            head += length;
        }
        chains
    }

    /// Time of each operator without the chains that are looked for; a baseline chain's is shared evenly among its operators.
    fn baseline(&self, baseline: Baseline) -> Vec<f64> {
        match baseline {
            Baseline::Serial => self.single.iter().map(|(_, _, time)| time.seconds()).collect(),
            Baseline::Heuristic => self
                .heuristic()
                .iter()
                .flat_map(|(chain, time)| {
                    let length = chain.operators.len();
                    std::iter::repeat_n(time.seconds() / length as f64, length)
                })
                .collect(),
        }
    }

    fn longest_gain(
        &self,
        head: usize,
        without: &[f64],
        settings: &Settings,
        artifact: bool,
    ) -> Option<(Chain, usize)> {
        if !self.by_height[head] || !settings.dimensions.contains(&Dimension::Height) {
            return None;
        }
        let own = self.single[head].1;
        let shares: Vec<u32> = if artifact {
            tenths(settings.ratios)
        } else {
            (own.saturating_sub(REACH)..=(own + REACH).min(10)).collect()
        };
        let most = if artifact { MOST_OPERATORS } else { self.single.len() };
        let mut best: Option<(f64, Chain, usize)> = None;
        let mut best_of_length = vec![0.0_f64; self.single.len() + 1];
        for share in shares {
            let mut chain = Chain {
                operators: vec![head as u32],
                dimension: Dimension::Height,
                share: f64::from(share) / 10.0,
            };
            let mut baseline = without[head];
            for (last, alone) in without.iter().enumerate().skip(head + 1) {
                let length = last - head + 1;
                if length >= most || !self.extends(last - 1) {
                    break;
                }
                chain.operators.push(last as u32);
                baseline += alone;
                let Some(time) = self.objective.time(&chain) else { break };
                let gain = baseline - time.seconds();
                if gain < 0.0 || (artifact && gain < best_of_length[length]) {
                    break;
                }
                best_of_length[length] = gain;
                if gain > best.as_ref().map_or(0.0, |(most, ..)| *most) {
                    best = Some((gain, chain.clone(), length));
                }
            }
        }
        best.map(|(_, chain, length)| (chain, length))
    }
}
