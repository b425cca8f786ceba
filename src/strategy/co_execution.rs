//! What strategies that compute one operator on two executors at once have in common.

use super::{Dispatch, Plan, PlanningView, SlicingView, StrategyError, TransferStart};
use crate::graph::lowered::{LoweredGraph, LoweredOperator};
use crate::graph::partition::{Dimension, Role, Slice, Split, extent};
use crate::soc::ExecutorId;

/// The two executors that share operators. Part 0 of every split goes to `cpu`, part 1 to `gpu`, which also keeps the whole
/// tensors and hence pays for sharing and joining them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Computes the first part.
    pub cpu: ExecutorId,
    /// Computes the second part.
    pub gpu: ExecutorId,
}

impl Pair {
    /// Refuses executors that cannot share tensors.
    ///
    /// # Errors
    /// [`StrategyError::Parameter`] when the runtime of [`Pair::gpu`] says nothing about what sharing costs.
    pub fn check(&self, strategy: &str, streams: &[SlicingView<'_>]) -> Result<(), StrategyError> {
        let able = |view: &SlicingView<'_>| view.slices.share(0, self.gpu).is_some();
        match streams.iter().find(|view| !able(view)) {
            None => Ok(()),
            Some(view) => Err(StrategyError::Parameter {
                strategy: strategy.to_owned(),
                problem: format!(
                    "the runtime of `{}` has no `sharing` section, so that nobody knows what sharing tensors costs; use a \
                     runtime that has one, such as mace",
                    view.whole.platform.executor(self.gpu).name
                ),
            }),
        }
    }
}

/// The part of [`Pair::gpu`].
pub const GPU_PART: usize = 1;

/// Slack in rounding a share of a size up.
const ROUNDING: f64 = 1e-6;

/// Channels of the GPU's part are whole blocks of so many (CoDL, `conv_2d_part_predict.cc`).
pub const CHANNEL_BLOCK: u64 = 4;

/// Operators that are computed together, with one ratio: a chain, or a single operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Operators in execution order.
    pub operators: Vec<u32>,
    /// Along which dimension to cut; a chain of several by height.
    pub dimension: Dimension,
    /// Share of the GPU, 0 to 1.
    pub share: f64,
}

/// What a chain comes to on a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrangement {
    /// Nothing is cut.
    Whole(ExecutorId),
    /// Both executors work.
    Cut(Split),
}

impl Chain {
    /// Rounds the share to rows or blocks of channels. Where nothing is left for the CPU, the GPU does all; what cannot be cut so is computed by
    /// the one with the larger share.
    #[must_use]
    pub fn arrange(&self, graph: &LoweredGraph, pair: Pair) -> Arrangement {
        let whole = Arrangement::Whole(if self.share < 0.5 { pair.cpu } else { pair.gpu });
        let last = self.operators.last().and_then(|&operator| graph.operators.get(operator as usize));
        let able = self.operators.iter().all(|&operator| {
            graph
                .operators
                .get(operator as usize)
                .is_some_and(|op| extent(graph, op, self.dimension).is_some())
        });
        let (Some(last), true) = (last, able && self.share > 0.0 && self.share < 1.0) else { return whole };
        match cut_at(graph, last, self.dimension, self.share, CHANNEL_BLOCK) {
            Some(cut) => Arrangement::Cut(Split {
                operators: self.operators.clone(),
                dimension: self.dimension,
                cuts: vec![cut],
                owner: GPU_PART,
            }),
            None => Arrangement::Whole(pair.gpu),
        }
    }
}

/// All chains of a graph, arranged: what to cut, and where the whole operators run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cooperation {
    /// What is cut.
    pub splits: Vec<Split>,
    /// For each operator of the graph the executor that computes all of it; `None` when it is cut.
    pub wholes: Vec<Option<ExecutorId>>,
}

impl Cooperation {
    /// Arranges chains. Operators in no chain run on the GPU where it supports them, else on the CPU; so do operators of a chain that its
    /// executor does not support.
    #[must_use]
    pub fn of(view: &PlanningView<'_>, graph: &LoweredGraph, pair: Pair, chains: &[Chain]) -> Self {
        let able = |operator: u32, wanted: ExecutorId| {
            let other = if wanted == pair.gpu { pair.cpu } else { pair.gpu };
            if view.supports(operator, wanted) { wanted } else { other }
        };
        let mut wholes: Vec<Option<ExecutorId>> =
            (0..graph.operators.len() as u32).map(|operator| Some(able(operator, pair.gpu))).collect();
        let mut splits = Vec::new();
        for chain in chains {
            let arrangement = chain.arrange(graph, pair);
            for &operator in &chain.operators {
                if let Some(whole) = wholes.get_mut(operator as usize) {
                    *whole = match arrangement {
                        Arrangement::Whole(executor) => Some(able(operator, executor)),
                        Arrangement::Cut(_) => None,
                    };
                }
            }
            if let Arrangement::Cut(split) = arrangement {
                splits.push(split);
            }
        }
        Self { splits, wholes }
    }

    /// The plan of the graph of slices.
    ///
    /// # Errors
    /// As [`plan`].
    pub fn plan(&self, view: &PlanningView<'_>, pair: Pair) -> Result<Plan, StrategyError> {
        plan(view, pair, &|source| self.wholes.get(source as usize).copied().flatten().unwrap_or(pair.gpu))
    }
}

/// Where the plan of one operator has it run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Placement {
    /// The whole operator on one executor.
    Whole(ExecutorId),
    /// Both parts of a cut at this row or channel; the CPU's part comes first.
    Cut(Dimension, u64),
}

/// Where to cut an operator so that the GPU gets `share` of it, in (0, 1): its channels are rounded up to whole blocks of
/// `block`, its first row to a multiple of the stride that follows from the sizes (CoDL, `conv_2d_part_predict.cc`). `None` when one side would be empty or the
/// operator cannot be cut so.
#[must_use]
pub fn cut_at(
    graph: &LoweredGraph,
    operator: &LoweredOperator,
    dimension: Dimension,
    share: f64,
    block: u64,
) -> Option<u64> {
    let whole = extent(graph, operator, dimension)?;
    let block = block.max(1);
    // A share in tenths is no binary number: 0.07 x 100 is not a little more than 7.
    let gpu = (whole as f64 * share - ROUNDING).ceil() as u64;
    let gpu = if dimension == Dimension::OutputChannels { gpu.div_ceil(block) * block } else { gpu };
    (gpu > 0 && gpu < whole).then(|| whole - gpu)
}

/// The two slices of an operator that is cut at `cut`.
#[must_use]
pub fn halves(
    graph: &LoweredGraph,
    operator: &LoweredOperator,
    dimension: Dimension,
    cut: u64,
) -> Option<[Slice; 2]> {
    let end = extent(graph, operator, dimension)?;
    Some([Slice { dimension, start: 0, end: cut }, Slice { dimension, start: cut, end }])
}

/// The split of a single operator.
#[must_use]
pub fn split(operator: u32, dimension: Dimension, cut: u64) -> Split {
    Split { operators: vec![operator], dimension, cuts: vec![cut], owner: GPU_PART }
}

/// The plan of a graph of slices: parts where the pair says, whole operators where `whole` says. Units enter their queues in
/// the order of the graph, as a runtime that walks its list hands them out; neighbouring operators of one executor between two
/// splits form one unit.
///
/// # Errors
/// [`StrategyError::InvalidPlan`] when an operator has no role.
pub fn plan(
    view: &PlanningView<'_>,
    pair: Pair,
    whole: &dyn Fn(u32) -> ExecutorId,
) -> Result<Plan, StrategyError> {
    let mut plan = Plan::new(Dispatch::InOrder, TransferStart::ProducerFinish);
    let mut group: (Vec<u32>, Option<(ExecutorId, Role)>) = (Vec::new(), None);
    for operator in 0..view.dag.len() as u32 {
        let role = if view.roles.is_empty() {
            Role::Whole(operator)
        } else {
            *view
                .roles
                .get(operator as usize)
                .ok_or_else(|| StrategyError::InvalidPlan(format!("operator {operator} has no role")))?
        };
        let executor = match role {
            Role::Whole(source) => whole(source),
            Role::Part { part, .. } => {
                if part as usize == GPU_PART {
                    pair.gpu
                } else {
                    pair.cpu
                }
            }
            Role::Share(_) | Role::Join(_) => pair.gpu,
        };
        let continues = group.1.is_some_and(|(before, last)| before == executor && together(last, role));
        if !continues {
            if let (false, Some((before, _))) = (group.0.is_empty(), group.1) {
                plan.push(&group.0, Some(before));
            }
            group.0.clear();
        }
        group.0.push(operator);
        group.1 = Some((executor, role));
    }
    if let (false, Some((executor, _))) = (group.0.is_empty(), group.1) {
        plan.push(&group.0, Some(executor));
    }
    Ok(plan)
}

/// Whether two neighbours belong to one unit. What another executor waits for ends its unit.
fn together(last: Role, next: Role) -> bool {
    match (last, next) {
        (Role::Whole(_), Role::Whole(_)) => true,
        (Role::Part { split, part, .. }, Role::Part { split: other, part: next, .. }) => {
            split == other && part == next
        }
        // Nobody waits for a whole operator that the owner computes before it shares, nor for what it computes after joining.
        (Role::Whole(_), Role::Share(_)) | (Role::Join(_), Role::Whole(_) | Role::Share(_)) => true,
        _ => false,
    }
}
