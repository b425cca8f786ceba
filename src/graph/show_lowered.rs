//! What `hetsoc show MODEL --lowering RUNTIME` prints: the lowered graph as a view for JSON and text.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::diagnostics::printable;

use super::lowered::{LoweredGraph, LoweredOperator};

/// A lowered graph with its totals, ready to be written as JSON; `Display` prints the same as a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoweredView {
    /// The model's name.
    pub name: String,
    /// Name of the rule set.
    pub runtime: String,
    /// Sums over the operators.
    pub totals: LoweredTotals,
    /// Operators by type, in the runtime's vocabulary.
    pub histogram: BTreeMap<String, u64>,
    /// Operators in execution order.
    pub operators: Vec<LoweredOperatorView>,
}

/// Sums over the operators of a lowered graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LoweredTotals {
    /// Number of operators.
    pub operators: u64,
    /// Number of uses of activations, graph inputs included.
    pub edges: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of constants that must be resident, one count for each operator that uses a constant.
    pub weight_bytes: u64,
    /// Bytes of constants that one run reads.
    pub weight_bytes_read: u64,
    /// Bytes of all operator outputs.
    pub activation_bytes: u64,
    /// Source operators that the lowered ones stand for; the rest became constants or aliases.
    pub source_operators: u64,
}

/// One operator of a lowered graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoweredOperatorView {
    /// Position.
    pub id: u64,
    /// Name of the operator that it came from.
    pub name: String,
    /// Type in the runtime's vocabulary.
    pub op_type: String,
    /// Class for cost models.
    pub class: &'static str,
    /// Multiply-accumulates.
    pub macs: u64,
    /// What was fused into it, outermost last.
    pub fused: Vec<String>,
    /// Bytes of activation inputs, once per use.
    pub input_bytes: u64,
    /// Bytes of outputs.
    pub output_bytes: u64,
    /// Bytes of constants that must be resident.
    pub weight_bytes: u64,
    /// Positions of the source operators that it stands for.
    pub sources: Vec<u32>,
}

impl LoweredView {
    /// Looks at `graph`, lowered by the rule set called `runtime`.
    #[must_use]
    pub fn new(graph: &LoweredGraph, runtime: &str) -> Self {
        let bytes = |tensors: &[u32]| {
            let sizes = tensors.iter().filter_map(|&t| graph.tensors.get(t as usize));
            sizes.map(super::lowered::LoweredTensor::bytes).fold(0, u64::saturating_add)
        };
        let view = |(id, operator): (usize, &LoweredOperator)| LoweredOperatorView {
            id: id as u64,
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            class: operator.class.id(),
            macs: operator.macs,
            fused: operator.fused.clone(),
            input_bytes: bytes(&operator.inputs),
            output_bytes: bytes(&operator.outputs),
            weight_bytes: operator.weight_bytes,
            sources: operator.sources.clone(),
        };
        let operators: Vec<_> = graph.operators.iter().enumerate().map(view).collect();
        let mut histogram = BTreeMap::new();
        for operator in &operators {
            *histogram.entry(operator.op_type.clone()).or_insert(0) += 1;
        }
        let sum = |of: &dyn Fn(&LoweredOperator) -> u64| {
            graph.operators.iter().map(of).fold(0, u64::saturating_add)
        };
        let mut sources: Vec<u32> = graph.operators.iter().flat_map(|o| o.sources.iter().copied()).collect();
        sources.sort_unstable();
        sources.dedup();
        let totals = LoweredTotals {
            operators: graph.operators.len() as u64,
            edges: sum(&|o| o.inputs.len() as u64),
            macs: sum(&|o| o.macs),
            weight_bytes: sum(&|o| o.weight_bytes),
            weight_bytes_read: sum(&|o| o.weight_bytes_read),
            activation_bytes: operators.iter().map(|o| o.output_bytes).fold(0, u64::saturating_add),
            source_operators: sources.len() as u64,
        };
        Self { name: graph.name.clone(), runtime: runtime.to_owned(), totals, histogram, operators }
    }
}

impl fmt::Display for LoweredView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = &self.totals;
        writeln!(
            f,
            "{} as {} executes it: {} operators, {} MACs",
            printable(&self.name),
            printable(&self.runtime),
            t.operators,
            t.macs
        )?;
        writeln!(f, "weights {} bytes, activations {} bytes", t.weight_bytes, t.activation_bytes)?;
        let histogram: Vec<_> =
            self.histogram.iter().map(|(op, count)| format!("{} {count}", printable(op))).collect();
        writeln!(f, "{}", histogram.join(", "))?;
        let width = |of: &dyn Fn(&LoweredOperatorView) -> usize, head: usize| {
            self.operators.iter().map(of).max().unwrap_or(0).max(head)
        };
        let types = width(&|o| printable(&o.op_type).chars().count(), 4);
        let fused = width(&|o| printable(&o.fused.join("+")).chars().count(), 5);
        writeln!(
            f,
            "{:>5}  {:types$}  {:fused$}  {:>14}  {:>12}  name",
            "id", "type", "fused", "MACs", "weights"
        )?;
        for o in &self.operators {
            let (joined, op_type) = (printable(&o.fused.join("+")), printable(&o.op_type));
            writeln!(
                f,
                "{:>5}  {op_type:types$}  {joined:fused$}  {:>14}  {:>12}  {}",
                o.id,
                o.macs,
                o.weight_bytes,
                printable(&o.name)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lowered::{Geometry, LoweredTensor, OperatorClass};
    use super::*;

    #[test]
    fn totals_are_sums_and_text_names_what_is_fused() {
        let tensor = |elements| LoweredTensor {
            name: "t".to_owned(),
            shape: vec![elements],
            elements,
            element_bytes: 4.0,
            is_float: true,
            shared: false,
        };
        let operator = |op_type: &str, input, output, sources: &[u32]| LoweredOperator {
            name: op_type.to_lowercase(),
            op_type: op_type.to_owned(),
            class: OperatorClass::Convolution,
            geometry: Geometry::Elements { read: 1, written: 1 },
            macs: 10,
            weight_bytes_read: 3,
            weight_bytes: 7,
            inputs: vec![input],
            outputs: vec![output],
            fused: vec!["Relu".to_owned()],
            sources: sources.to_vec(),
        };
        let graph = LoweredGraph {
            name: "m".to_owned(),
            operators: vec![operator("CONV_2D", 0, 1, &[0, 1]), operator("ADD", 1, 2, &[1, 4])],
            tensors: vec![tensor(1), tensor(2), tensor(3)],
            inputs: vec![0],
            outputs: vec![2],
            listed_kernels_only: false,
        };
        let view = LoweredView::new(&graph, "tflite");
        assert_eq!(
            view.totals,
            LoweredTotals {
                operators: 2,
                edges: 2,
                macs: 20,
                weight_bytes: 14,
                weight_bytes_read: 6,
                activation_bytes: 20,
                source_operators: 3,
            }
        );
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["histogram"]["ADD"], 1);
        assert_eq!(json["operators"][1]["output_bytes"], 12);
        let text = view.to_string();
        assert!(text.contains("CONV_2D  Relu"), "{text}");
    }
}
