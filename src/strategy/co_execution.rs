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
    let gpu = (whole as f64 * share).ceil() as u64;
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
