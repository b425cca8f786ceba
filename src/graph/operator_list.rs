//! Operator-list CSV (Format A): the heavy kernels of networks as one runtime listed them, without edges.
//!
//! Columns `model,family,op_index,op,feature_json`, TensorFlow Lite operator names, feature maps
//! square unless `input_width` and `output_width` say otherwise, batch 1. Each model becomes one [`LoweredGraph`].
//!
//! - The list states no edges. An operator's data input is the latest earlier result of its side
//!   and channels (for a concatenation the latest unread results that add up); on top of that each operator
//!   hands an empty tensor to the next, so that the listed order is kept and moves no data.
//! - Element-wise operators and reshapes are absent from such lists, so that a residual sum is represented by
//!   its last operand.
//! - A side that includes explicit padding (114 for 112) is replaced by output side x stride, unless a
//!   result with exactly that side exists; the window itself keeps the stated side.

mod features;
mod linking;
mod source;
mod write;

pub use write::write_operator_list;

use std::sync::Arc;

use super::lowered::LoweredGraph;
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use features::{Features, kernel};
use linking::Linker;
use source::{Row, rows};

/// One network of an operator list.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorList {
    /// Architecture family, the unit that cross-validation keeps together.
    pub family: String,
    /// The listed kernels; [`LoweredGraph::listed_kernels_only`] is set.
    pub graph: LoweredGraph,
}

/// Largest number of faults reported at once.
const MAX_FAULTS: usize = 20;

/// Largest number of operators of one model.
const MAX_OPERATORS: usize = 20_000;

/// Reads a list, models in order of first appearance.
///
/// # Errors
/// [`InputError`] with file, row and column of each fault, at most 20: a missing or unknown column, an
/// unknown operator, a missing or unknown feature, a repeated or skipped `op_index`, `flops` that
/// contradict the other features.
pub fn read_operator_lists(source: &Arc<SourceText>) -> Result<Vec<OperatorList>, InputError> {
    let mut lists: Vec<(OperatorList, Linker)> = Vec::new();
    let mut faults = Vec::new();
    for row in rows(source)? {
        if let Err(fault) = row.and_then(|row| add(&mut lists, source, &row)) {
            faults.push(fault);
            if faults.len() == MAX_FAULTS {
                break;
            }
        }
    }
    if faults.is_empty() && lists.is_empty() {
        faults.push(
            Diagnostic::new("operator-list::empty", "the file lists no operator")
                .at(source, 0..0)
                .help("add one row per operator, starting with op_index 0"),
        );
    }
    if !faults.is_empty() {
        return Err(InputError { diagnostics: faults });
    }
    Ok(lists
        .into_iter()
        .map(|(mut list, linker)| {
            linker.finish(&mut list.graph);
            list
        })
        .collect())
}

fn add(
    lists: &mut Vec<(OperatorList, Linker)>,
    source: &Arc<SourceText>,
    row: &Row,
) -> Result<(), Diagnostic> {
    let fault = |code, column: usize, message: String| {
        Diagnostic::new(code, message).at(source, row.spans[column].clone())
    };
    let position = match lists.iter().position(|(l, _)| l.graph.name == row.model) {
        Some(position) => position,
        None => {
            let graph = LoweredGraph {
                name: row.model.clone(),
                listed_kernels_only: true,
                ..LoweredGraph::default()
            };
            lists.push((OperatorList { family: row.family.clone(), graph }, Linker::default()));
            lists.len() - 1
        }
    };
    let (list, linker) = &mut lists[position];
    if list.family != row.family {
        let message = format!(
            "model `{}` belongs to family `{}` here and to `{}` above",
            printable(&row.model),
            printable(&row.family),
            printable(&list.family)
        );
        return Err(fault("operator-list::family", 1, message).help("give all its rows one family"));
    }
    let expected = list.graph.operators.len();
    if row.index != expected as u64 {
        let message = format!("op_index {} of model `{}`", row.index, printable(&row.model));
        return Err(fault("operator-list::index", 2, message)
            .help(format!("indices count from 0 without gaps, {expected} is next")));
    }
    if expected >= MAX_OPERATORS {
        let message = format!("model `{}` has more than {MAX_OPERATORS} operators", printable(&row.model));
        return Err(fault("operator-list::limit", 2, message).help("split the model"));
    }
    let features = Features::parse(&row.features).map_err(|message| {
        fault("operator-list::feature", 4, message).help("see the table of features of Format A")
    })?;
    let sides = linker.sides();
    let kernel = kernel(&row.op, &features, &sides).map_err(|error| match error {
        features::KernelError::UnknownOperator => {
            let message = format!("unknown operator `{}`", printable(&row.op));
            let help = match nearest(&row.op, features::OPERATORS) {
                Some(name) => format!("did you mean {name}?"),
                None => format!("use one of {}", features::OPERATORS.join(", ")),
            };
            fault("operator-list::operator", 3, message).help(help)
        }
        features::KernelError::Feature(message) => {
            fault("operator-list::feature", 4, format!("{}: {message}", row.op))
                .help("see the table of features of Format A")
        }
    })?;
    linker.add(&mut list.graph, kernel);
    Ok(())
}

#[cfg(test)]
mod tests;
