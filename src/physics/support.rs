//! Whether a runtime can execute an operator on a processor.
//!
//! Source of the rules: the support tables, which name the runtime's own sources. Validity: what a lowered
//! graph shows; conditions on attributes that it does not carry count as fulfilled and are reported.

use crate::graph::lowered::{LoweredGraph, LoweredOperator, LoweredTensor};
use crate::soc::{Condition, Support, SupportTable};

/// The answer for one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It can run.
    Supported,
    /// It can run as far as the graph shows; some condition could not be checked.
    Unchecked,
    /// The runtime has no kernel for this operator type here.
    NoKernel,
    /// The kernel exists, but this condition fails.
    Fails(Condition),
}

impl Verdict {
    /// Whether the operator may be placed there.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        matches!(self, Self::Supported | Self::Unchecked)
    }
}

/// Answers from a support table.
#[must_use]
pub fn verdict(table: &SupportTable, graph: &LoweredGraph, operator: &LoweredOperator) -> Verdict {
    match table.get(&operator.op_type) {
        None | Some(Support::No) => Verdict::NoKernel,
        Some(Support::Yes) => Verdict::Supported,
        Some(Support::When(conditions)) => {
            let mut unchecked = false;
            for &condition in conditions {
                match holds(condition, graph, operator) {
                    Some(true) => {}
                    Some(false) => return Verdict::Fails(condition),
                    None => unchecked = true,
                }
            }
            if unchecked { Verdict::Unchecked } else { Verdict::Supported }
        }
    }
}

/// Whether a condition holds; `None` when the graph does not tell.
fn holds(condition: Condition, graph: &LoweredGraph, operator: &LoweredOperator) -> Option<bool> {
    let inputs = || operator.inputs.iter().filter_map(|&t| graph.tensors.get(t as usize));
    let outputs = || operator.outputs.iter().filter_map(|&t| graph.tensors.get(t as usize));
    match condition {
        Condition::OutputRank4 => all(outputs().map(|t| rank(t).map(|r| r == 4))),
        Condition::OutputRank2Or4 => all(outputs().map(|t| rank(t).map(|r| r == 2 || r == 4))),
        Condition::InputRank4 => all(inputs().map(|t| rank(t).map(|r| r == 4))),
        Condition::Rank3Or4 => all(inputs().chain(outputs()).map(|t| rank(t).map(|r| r == 3 || r == 4))),
        Condition::OutputChannelsMultipleOf4 => {
            all(outputs().map(|t| channels(t).map(|c| c.is_multiple_of(4))))
        }
        Condition::InputChannelsMultipleOf4OrAtMost2Inputs => {
            if operator.inputs.len() <= 2 {
                return Some(true);
            }
            all(inputs().map(|t| channels(t).map(|c| c.is_multiple_of(4))))
        }
        Condition::AtMost2Inputs => Some(operator.inputs.len() <= 2),
        Condition::FloatTensors => Some(inputs().chain(outputs()).all(|t| t.is_float)),
        Condition::RankAtMost4 => all(inputs().chain(outputs()).map(|t| rank(t).map(|r| r <= 4))),
        Condition::UncheckedAttributes => None,
    }
}

/// All of them: false if any is false, unknown if any is unknown.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            None => known = None,
            Some(true) => {}
        }
    }
    known
}

fn rank(tensor: &LoweredTensor) -> Option<usize> {
    // Scalars have one element and no dimension, like tensors of unknown shape.
    (!tensor.shape.is_empty() || tensor.elements == 1).then_some(tensor.shape.len())
}

fn channels(tensor: &LoweredTensor) -> Option<u64> {
    match tensor.shape.as_slice() {
        [] => None,
        [only] => Some(*only),
        [_, channels, ..] => Some(*channels),
    }
}
