//! A graph as `hetsoc show` prints it: counted, as data for JSON or as a table.

use std::fmt::Write;

use serde::Serialize;

use super::costs::{count_graph, count_operator};
use super::model::{Graph, TensorId};
use super::structure::structure;
use crate::diagnostics::printable;
use crate::units::Bytes;

/// A counted graph; the serialised form is the JSON of `hetsoc show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownGraph {
    /// The model's name.
    pub name: String,
    /// Sums over the graph.
    pub totals: ShownTotals,
    /// One entry per operator, in listed order.
    pub operators: Vec<ShownOperator>,
}

/// Sums over a graph, see [`GraphCounts`](super::costs::GraphCounts).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "defined at GraphCounts")]
pub struct ShownTotals {
    pub operators: u64,
    pub edges: u64,
    pub macs: u64,
    pub parameters: u64,
    pub weight_bytes: u64,
    pub activation_bytes: u64,
    pub peak_live_bytes: u64,
}

/// One counted operator, see [`OperatorCounts`](super::costs::OperatorCounts).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownOperator {
    /// Position in listed order, from 0.
    pub id: usize,
    /// Name in the file.
    pub name: String,
    /// Operator type in the file's vocabulary.
    pub op_type: String,
    /// Id of its [`OperatorClass`](super::lowered::OperatorClass).
    pub class: &'static str,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of activation inputs.
    pub input_bytes: u64,
    /// Bytes of outputs.
    pub output_bytes: u64,
    /// Bytes of constant inputs.
    pub weight_bytes: u64,
    /// Names of the inputs by position; empty for an absent one.
    pub inputs: Vec<String>,
    /// Names of the outputs by position.
    pub outputs: Vec<String>,
}

/// Counts a graph for showing it.
#[must_use]
pub fn show(graph: &Graph) -> ShownGraph {
    let totals = count_graph(graph);
    let names = |ids: &[Option<TensorId>]| {
        ids.iter().map(|id| id.map_or_else(String::new, |id| graph.tensor(id).name.clone())).collect()
    };
    let operators = graph.operators.iter().enumerate().map(|(id, operator)| {
        let counts = count_operator(graph, operator);
        ShownOperator {
            id,
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            class: counts.class.id(),
            macs: counts.macs,
            input_bytes: counts.input_bytes,
            output_bytes: counts.output_bytes,
            weight_bytes: counts.weight_bytes,
            inputs: names(&operator.inputs),
            outputs: names(&operator.outputs),
        }
    });
    ShownGraph {
        name: graph.name.clone(),
        totals: ShownTotals {
            operators: totals.operators,
            edges: totals.edges,
            macs: totals.macs,
            parameters: totals.parameters,
            weight_bytes: totals.weight_bytes,
            activation_bytes: totals.activation_bytes,
            peak_live_bytes: totals.peak_live_bytes,
        },
        operators: operators.collect(),
    }
}

/// The graph as text for a terminal: totals, structure, and one line per operator.
#[must_use]
pub fn table(graph: &Graph) -> String {
    let totals = count_graph(graph);
    let structure = structure(graph);
    let size = |bytes: u64| if bytes == 0 { "-".to_owned() } else { Bytes(bytes as f64).to_string() };
    let read: u64 = graph
        .operators
        .iter()
        .fold(0, |sum, operator| sum.saturating_add(count_operator(graph, operator).weight_bytes_read));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |content: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{content}");
    };
    line(format_args!(
        "{}: {} operators, {} edges, {} MACs, {} parameters",
        printable(&graph.name),
        totals.operators,
        totals.edges,
        count(totals.macs),
        count(totals.parameters)
    ));
    line(format_args!(
        "weights {} ({} read in one run), activations {} (sum), {} (peak live)",
        size(totals.weight_bytes),
        size(read),
        size(totals.activation_bytes),
        size(totals.peak_live_bytes)
    ));
    line(format_args!(
        "depth {}, width {}, {} branches, {} sources, {} sinks",
        structure.depth, structure.width, structure.branches, structure.sources, structure.sinks
    ));
    for (label, ids) in [("input ", &graph.inputs), ("output", &graph.outputs)] {
        for &id in ids {
            let tensor = graph.tensor(id);
            line(format_args!("{label} {} {:?} {:?}", printable(&tensor.name), tensor.shape, tensor.element));
        }
    }
    let classes = structure.by_class.iter().map(|(class, n)| format!("{} {n}", class.id()));
    line(format_args!("classes: {}", classes.collect::<Vec<_>>().join(", ")));
    line(format_args!(""));
    line(format_args!(
        "{:>5}  {:<18} {:<24} {:>9} {:>10} {:>10} {:>10}  {:<20} name",
        "id", "type", "class", "MACs", "in", "out", "weights", "output shape"
    ));
    for (id, operator) in graph.operators.iter().enumerate() {
        let counts = count_operator(graph, operator);
        let shape = operator.outputs.iter().flatten().next().map(|&id| graph.tensor(id).shape.clone());
        let dims: Vec<_> = shape.unwrap_or_default().iter().map(u64::to_string).collect();
        line(format_args!(
            "{id:>5}  {:<18} {:<24} {:>9} {:>10} {:>10} {:>10}  {:<20} {}",
            printable(&operator.op_type),
            counts.class.id(),
            count(counts.macs),
            size(counts.input_bytes),
            size(counts.output_bytes),
            size(counts.weight_bytes),
            dims.join("x"),
            printable(&operator.name)
        ));
    }
    text
}

/// A count with three significant digits and a decimal suffix; a dash for nothing.
fn count(value: u64) -> String {
    let scales = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let x = value as f64;
    match scales.iter().find(|(scale, _)| x >= *scale) {
        None if value == 0 => "-".to_owned(),
        None => value.to_string(),
        Some((scale, suffix)) => {
            let x = x / scale;
            let decimals = if x >= 99.95 { 0 } else { 1 + usize::from(x < 9.995) };
            format!("{x:.decimals$}{suffix}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::library;

    #[test]
    fn the_table_has_a_line_per_operator_and_the_totals() {
        let graph = library::find("resnet18").unwrap().graph().unwrap();
        let text = table(&graph);
        assert!(text.starts_with("resnet18: 49 operators, 57 edges, 1.81 G MACs, 11.7 M parameters\n"));
        let (head, rows) = text.split_once("output shape").unwrap();
        assert!(head.contains("44.6 MiB") && head.contains("depth 46"), "{head}");
        assert_eq!(rows.lines().count(), 1 + 49);
        assert!(rows.contains("1x64x112x112"));
    }

    #[test]
    fn counts_have_three_digits() {
        let cases = [(0, "-"), (999, "999"), (1000, "1.00 k"), (9_996_000, "10.0 M"), (123_456_789, "123 M")];
        for (value, text) in cases {
            assert_eq!(count(value), text);
        }
    }
}
