//! Cutting operators and chains of them between CPU and GPU, as CoDL does.

mod objective;
mod search;

use super::co_execution::{Chain, Cooperation, Pair};
use super::delegate::reject_task;
use super::{Granularity, Plan, PlanningView, SlicingView, Strategy, StrategyError};
use crate::graph::partition::{Dimension, Split};
use crate::predict::SlicePredictor;
use objective::Objective;

/// How chains are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainSearch {
    /// No chains.
    Serial,
    /// Operators join the chain before them while they are cut by height with the same share.
    Heuristic,
    /// The paper's algorithm 1: shares within 0.3 of the head's own, as long as nothing is lost.
    Greedy,
    /// As the published program does: all shares, at most 29 operators, each length at least as good as with the shares before.
    GreedyArtifact,
}

/// What greedy searches compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// The same operators one by one.
    Serial,
    /// The same operators in heuristic chains.
    Heuristic,
}

/// Which shares are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ratios {
    /// 0, 0.1 ... 1.
    Grid,
    /// 0.5 only.
    Half,
    /// 0.5, then 0.4, 0.6 and so on.
    Around,
}

/// What can be chosen about [`Codl`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How chains are found.
    pub search: ChainSearch,
    /// What greedy searches compare with.
    pub baseline: Baseline,
    /// Dimensions to cut along, in this order.
    pub dimensions: &'static [Dimension],
    /// Shares to try.
    pub ratios: Ratios,
    /// How times of slices are known.
    pub predictor: SlicePredictor,
    /// Plans as if chains of several operators shared for nothing, as the published program does by mistake.
    pub faithful_bug: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            search: ChainSearch::Greedy,
            baseline: Baseline::Serial,
            dimensions: &Dimension::ALL,
            ratios: Ratios::Grid,
            predictor: SlicePredictor::Tiled,
            faithful_bug: false,
        }
    }
}

/// Computes each operator, or a chain of them, on CPU and GPU at once, cut by height or output channels.
///
/// For every operator the dimension and the share of the GPU in {0, 0.1 ... 1} with the least `sharing + max(CPU, GPU)`, height before
/// channels and small shares before large ones among equals; then chains of operators that are cut by height with one share, which share tensors
/// at their ends only and recompute the rows at the cut.
///
/// Source: CoDL (MobiSys 2022), equations 1 to 3 and algorithm 1; csu-eis/CoDL@0a0c89d1. Known: dimension and ratio grid, rounding, objective, predictor's
/// structure, chain searches. Invented here: operators that cannot be cut run where they are believed to be faster, sharing included; a head that
/// gains nothing stays alone; chains follow the order of the graph; a heuristic chain's time is spread evenly when it serves as baseline.
///
/// Granularity: slice. Decision point: offline. Reads: estimates of slices and of sharing. Cost: 22 estimates for each operator and executor, and
/// for chains operators x longest chain^2 x ratios.
#[derive(Debug, Clone)]
pub struct Codl {
    pair: Pair,
    settings: Settings,
    found: Vec<Cooperation>,
}

impl Codl {
    /// Shares between two executors.
    #[must_use]
    pub const fn new(pair: Pair, settings: Settings) -> Self {
        Self { pair, settings, found: Vec::new() }
    }

    /// The chains that it chooses for a stream.
    ///
    /// # Errors
    /// [`StrategyError`] when an operator can run on neither executor, or the stream is a plain task graph.
    pub fn chains(&self, view: &SlicingView<'_>) -> Result<Vec<Chain>, StrategyError> {
        let graph = view.whole.operators.ok_or_else(|| {
            StrategyError::InvalidPlan("a plain task graph has no operators to cut".to_owned())
        })?;
        let objective = Objective::new(view, graph, self.pair, self.settings.faithful_bug);
        search::search(graph, &objective, &self.settings).map_err(|operator| {
            let wanted = [self.pair.cpu, self.pair.gpu].map(|e| view.whole.platform.executor(e).name.clone());
            StrategyError::Unsupported {
                strategy: "codl",
                wanted: wanted.join(" or "),
                operators: vec![view.whole.operator_name(operator)],
            }
        })
    }
}

impl Strategy for Codl {
    fn id(&self) -> &'static str {
        "codl"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Slice
    }

    fn slices(&self) -> bool {
        true
    }

    fn slice_predictor(&self) -> SlicePredictor {
        self.settings.predictor
    }

    fn slice(&mut self, streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        self.pair.check(self.id(), streams)?;
        self.found = streams
            .iter()
            .map(|view| cooperation(view, self.pair, &self.chains(view)?))
            .collect::<Result<_, _>>()?;
        Ok(self.found.iter().map(|found| found.splits.clone()).collect())
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("codl", streams)?;
        streams.iter().zip(&self.found).map(|(view, found)| found.plan(view, self.pair)).collect()
    }
}

fn cooperation(view: &SlicingView<'_>, pair: Pair, chains: &[Chain]) -> Result<Cooperation, StrategyError> {
    let graph = view
        .whole
        .operators
        .ok_or_else(|| StrategyError::InvalidPlan("a plain task graph has no operators to cut".to_owned()))?;
    Ok(Cooperation::of(&view.whole, graph, pair, chains))
}

/// Executes chains that somebody else has chosen, one list for each stream.
///
/// Granularity: slice. Decision point: none. Reads: nothing. For plans published as dimensions, ratios and chain lengths; plans of this program
/// are replayed by [`super::Replay`].
#[derive(Debug, Clone)]
pub struct Prescribed {
    pair: Pair,
    chains: Vec<Vec<Chain>>,
    found: Vec<Cooperation>,
}

impl Prescribed {
    /// Executes these chains.
    #[must_use]
    pub const fn new(pair: Pair, chains: Vec<Vec<Chain>>) -> Self {
        Self { pair, chains, found: Vec::new() }
    }
}

impl Strategy for Prescribed {
    fn id(&self) -> &'static str {
        "prescribed"
    }

    fn prescribes(&self) -> bool {
        true
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Slice
    }

    fn slices(&self) -> bool {
        true
    }

    fn slice(&mut self, streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        self.pair.check(self.id(), streams)?;
        if streams.len() != self.chains.len() {
            let message = format!("there are {} plans for {} streams", self.chains.len(), streams.len());
            return Err(StrategyError::InvalidPlan(message));
        }
        self.found = streams
            .iter()
            .zip(&self.chains)
            .map(|(view, chains)| cooperation(view, self.pair, chains))
            .collect::<Result<_, _>>()?;
        Ok(self.found.iter().map(|found| found.splits.clone()).collect())
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("prescribed", streams)?;
        streams.iter().zip(&self.found).map(|(view, found)| found.plan(view, self.pair)).collect()
    }
}
