//! Cutting every operator by output channels, as μLayer does.

use super::co_execution::{Pair, Placement, cut_at, halves, plan, split};
use super::delegate::reject_task;
use super::{Granularity, Plan, PlanningView, SlicingView, Strategy, StrategyError};
use crate::graph::partition::{Dimension, Split};
use crate::units::SimDuration;

/// Computes each operator on CPU and GPU at once, cut by output channels.
///
/// For every operator the share `r` of the GPU in {0, 0.1 ... 1} with the least `max(cpu(1 - r), gpu(r))`, the first one of
/// equals; shares 0 and 1 leave it whole. The objective ignores what sharing costs, while the run pays it after every operator.
///
/// Source: μLayer (EuroSys 2019) as re-implemented for comparison by CoDL (MobiSys 2022). Known from the re-implementation:
/// dimension, grid, objective. Invented here: tie-break; operators that cannot be cut run where they are believed to be faster.
///
/// Granularity: slice. Decision point: offline. Reads: estimates of slices. Cost: 11 estimates for each operator and executor.
#[derive(Debug, Clone)]
pub struct MuLayer {
    pair: Pair,
    min_macs: u64,
    placements: Vec<Vec<Placement>>,
}

impl MuLayer {
    /// Shares between two executors.
    #[must_use]
    pub const fn new(pair: Pair) -> Self {
        Self { pair, min_macs: 0, placements: Vec::new() }
    }

    /// Leaves operators with fewer multiply-accumulates whole: the dial from slices to operators.
    #[must_use]
    pub const fn with_min_macs(mut self, macs: u64) -> Self {
        self.min_macs = macs;
        self
    }

    fn place(&self, view: &SlicingView<'_>, operator: u32) -> Result<Placement, StrategyError> {
        let whole = |executor| view.whole.estimates.execution(operator, executor);
        let mut best: Option<(SimDuration, Placement)> = None;
        let mut consider = |time: Option<SimDuration>, placement| {
            if let Some(time) = time.filter(|&time| best.is_none_or(|(least, _)| time < least)) {
                best = Some((time, placement));
            }
        };
        consider(whole(self.pair.cpu), Placement::Whole(self.pair.cpu));
        for tenths in 1..10 {
            let Some(graph) = view.whole.operators else { break };
            let Some(found) = graph.operators.get(operator as usize) else { break };
            if found.macs < self.min_macs {
                break;
            }
            let dimension = Dimension::OutputChannels;
            let Some(cut) = cut_at(graph, found, dimension, f64::from(tenths) / 10.0, 4) else { continue };
            let Some([first, second]) = halves(graph, found, dimension, cut) else { continue };
            let times = (
                view.slices.slice(operator, first, self.pair.cpu),
                view.slices.slice(operator, second, self.pair.gpu),
            );
            consider(times.0.zip(times.1).map(|(a, b)| a.max(b)), Placement::Cut(dimension, cut));
        }
        consider(whole(self.pair.gpu), Placement::Whole(self.pair.gpu));
        best.map(|(_, placement)| placement).ok_or_else(|| {
            let wanted = [self.pair.cpu, self.pair.gpu].map(|e| view.whole.platform.executor(e).name.clone());
            StrategyError::Unsupported {
                strategy: "mulayer-like",
                wanted: wanted.join(" or "),
                operators: vec![view.whole.operator_name(operator)],
            }
        })
    }
}

impl Strategy for MuLayer {
    fn id(&self) -> &'static str {
        "mulayer-like"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Slice
    }

    fn slices(&self) -> bool {
        true
    }

    fn slice(&mut self, streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        self.pair.check(self.id(), streams)?;
        self.placements = streams
            .iter()
            .map(|view| (0..view.whole.dag.len() as u32).map(|op| self.place(view, op)).collect())
            .collect::<Result<_, _>>()?;
        let splits = |placements: &Vec<Placement>| {
            let cut = |(operator, placement): (u32, &Placement)| match *placement {
                Placement::Cut(dimension, at) => Some(split(operator, dimension, at)),
                Placement::Whole(_) => None,
            };
            (0u32..).zip(placements).filter_map(cut).collect()
        };
        Ok(self.placements.iter().map(splits).collect())
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("mulayer-like", streams)?;
        streams
            .iter()
            .zip(&self.placements)
            .map(|(view, placements)| {
                plan(view, self.pair, &|source| match placements.get(source as usize) {
                    Some(&Placement::Whole(executor)) => executor,
                    _ => self.pair.gpu,
                })
            })
            .collect()
    }
}
