//! Counting: multiply-accumulates and bytes of each operator and of a whole graph.
//!
//! Sizes are those of the file: shapes as they stand, element types as stored.

use super::lowered::OperatorClass;
use super::model::{Graph, Operator, Tensor, TensorId};
use super::operator_class::operator_class;
use super::shape_inference::contraction;

/// What one operator computes and touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorCounts {
    /// Class of the operator.
    pub class: OperatorClass,
    /// Multiply-accumulates, see [`macs`].
    pub macs: u64,
    /// Bytes of activation inputs, once per use.
    pub input_bytes: u64,
    /// Bytes of outputs.
    pub output_bytes: u64,
    /// Bytes of constant inputs, once per use.
    pub weight_bytes: u64,
    /// Bytes of constant inputs that one run reads: of a table that is looked up the rows, not the table.
    pub weight_bytes_read: u64,
}

/// What a whole graph computes and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GraphCounts {
    /// Number of operators.
    pub operators: u64,
    /// Number of uses of activations, graph inputs included.
    pub edges: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Floating-point elements of constants, each constant once.
    pub parameters: u64,
    /// Bytes of constants, each constant once.
    pub weight_bytes: u64,
    /// Bytes of all operator outputs.
    pub activation_bytes: u64,
    /// Largest sum of live activations when the operators run in listed order.
    pub peak_live_bytes: u64,
}

/// Counts one operator of `graph`.
#[must_use]
pub fn count_operator(graph: &Graph, operator: &Operator) -> OperatorCounts {
    let inputs = || operator.inputs.iter().flatten().map(|&id| graph.tensor(id));
    let outputs = operator.outputs.iter().flatten().map(|&id| graph.tensor(id).bytes());
    let weight_bytes = total(inputs().filter(|t| t.is_constant()).map(Tensor::bytes));
    OperatorCounts {
        class: operator_class(graph, operator),
        macs: macs(graph, operator),
        input_bytes: total(inputs().filter(|t| !t.is_constant()).map(Tensor::bytes)),
        output_bytes: total(outputs),
        weight_bytes,
        weight_bytes_read: weight_bytes - unread_bytes(graph, operator),
    }
}

fn total(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

/// Bytes of a looked-up table that one run leaves alone.
fn unread_bytes(graph: &Graph, operator: &Operator) -> u64 {
    let table = match operator.op_type.as_str() {
        "Gather" | "GatherElements" | "GatherND" | "GATHER" | "GATHER_ND" => 0,
        "EMBEDDING_LOOKUP" => 1,
        _ => return 0,
    };
    let table = operator.inputs.get(table).copied().flatten().map(|id| graph.tensor(id));
    let rows = operator.outputs.first().copied().flatten().map(|id| graph.tensor(id));
    match (table, rows) {
        (Some(table), Some(rows)) if table.is_constant() => table.bytes().saturating_sub(rows.bytes()),
        _ => 0,
    }
}

/// Multiply-accumulates of an operator.
///
/// | operator | count |
/// |---|---|
/// | convolution | output elements x input channels per group x kernel |
/// | transposed convolution | input elements x output channels per group x kernel |
/// | matrix product | output elements x summed dimension |
/// | contraction | product of all index sizes, for two operands |
/// | recurrent layer | steps x batch x directions x gate rows x (input + hidden) |
/// | everything else | 0 |
///
/// Additions of a bias, activations, normalisation and pooling count nothing; cost models charge
/// them by elements and bytes. TensorFlow Lite's operators follow the same rules with their own layouts
/// (convolution weights `[out, height, width, in]`, depthwise `[1, height, width, channels]`,
/// fully connected `[out, in]`).
#[must_use]
pub fn macs(graph: &Graph, operator: &Operator) -> u64 {
    let input = |i: usize| operator.inputs.get(i).copied().flatten().map(|id| graph.tensor(id));
    let output = operator.outputs.first().copied().flatten().map(|id| graph.tensor(id));
    let elements = |t: Option<&Tensor>| t.map_or(0, Tensor::elements);
    let dims = |t: Option<&Tensor>, skip: usize| {
        t.map_or(0, |t| t.shape.iter().skip(skip).fold(1u64, |n, &d| n.saturating_mul(d)))
    };
    let last = |t: Option<&Tensor>| t.and_then(|t| t.shape.last()).copied().unwrap_or(1);
    match operator.op_type.as_str() {
        "Conv" | "ConvInteger" | "FusedConv" | "DeformConv" | "CONV_2D" | "CONV_3D" => {
            // ONNX puts the output channels first, TensorFlow Lite too; the rest is what one output reads.
            elements(output).saturating_mul(dims(input(1), 1))
        }
        "QLinearConv" => elements(output).saturating_mul(dims(input(3), 1)),
        "ConvTranspose" => elements(input(0)).saturating_mul(dims(input(1), 1)),
        "DEPTHWISE_CONV_2D" => match shape_of(input(1)) {
            &[_, height, width, _] => elements(output).saturating_mul(height.saturating_mul(width)),
            _ => 0,
        },
        // Inputs are (output shape, weights [out, height, width, in], activations).
        "TRANSPOSE_CONV" => match shape_of(input(1)) {
            &[out, height, width, _] => {
                elements(input(2)).saturating_mul(out.saturating_mul(height).saturating_mul(width))
            }
            _ => 0,
        },
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => elements(output).saturating_mul(last(input(0))),
        "FusedMatMul" => {
            let a = shape_of(input(0));
            let k = if operator.int("transA").unwrap_or(0) != 0 { a.iter().rev().nth(1) } else { a.last() };
            elements(output).saturating_mul(k.copied().unwrap_or(1))
        }
        "Gemm" | "FusedGemm" | "QGemm" => {
            let a = shape_of(input(0));
            let k = if operator.int("transA").unwrap_or(0) != 0 { a.first() } else { a.last() };
            elements(output).saturating_mul(k.copied().unwrap_or(0))
        }
        "FULLY_CONNECTED" => elements(output).saturating_mul(last(input(1))),
        "BATCH_MATMUL" => {
            let a = shape_of(input(0));
            let k = if operator.int("adj_x").unwrap_or(0) != 0 { a.iter().rev().nth(1) } else { a.last() };
            elements(output).saturating_mul(k.copied().unwrap_or(0))
        }
        "Einsum" => einsum_macs(graph, operator),
        "LSTM" | "GRU" | "RNN" => match (shape_of(input(0)), shape_of(input(1)), shape_of(input(2))) {
            (&[a, b, features], &[directions, rows, _], &[_, _, hidden]) => [b, directions, rows]
                .into_iter()
                .fold(a, u64::saturating_mul)
                .saturating_mul(features.saturating_add(hidden)),
            _ => 0,
        },
        _ => 0,
    }
}

fn shape_of(tensor: Option<&Tensor>) -> &[u64] {
    tensor.map_or(&[], |t| t.shape.as_slice())
}

fn einsum_macs(graph: &Graph, operator: &Operator) -> u64 {
    use super::model::Attribute;
    let Some(Attribute::Text(equation)) = operator.attribute("equation") else { return 0 };
    let shapes: Vec<&[u64]> =
        operator.inputs.iter().flatten().map(|&id| graph.tensor(id).shape.as_slice()).collect();
    if shapes.len() < 2 {
        return 0;
    }
    contraction(equation, &shapes).map_or(0, |c| c.sizes.values().fold(1, |n, &d| n.saturating_mul(d)))
}

/// Counts a whole graph.
#[must_use]
pub fn count_graph(graph: &Graph) -> GraphCounts {
    let mut counts = GraphCounts { operators: graph.operators.len() as u64, ..GraphCounts::default() };
    let mut seen = vec![false; graph.tensors.len()];
    for operator in &graph.operators {
        let one = count_operator(graph, operator);
        counts.macs = counts.macs.saturating_add(one.macs);
        counts.activation_bytes = counts.activation_bytes.saturating_add(one.output_bytes);
        for &id in operator.inputs.iter().flatten() {
            let tensor = graph.tensor(id);
            if !tensor.is_constant() {
                counts.edges += 1;
            } else if !std::mem::replace(&mut seen[id.0 as usize], true) {
                counts.weight_bytes = counts.weight_bytes.saturating_add(tensor.bytes());
                if tensor.element.is_float() {
                    counts.parameters = counts.parameters.saturating_add(tensor.elements());
                }
            }
        }
    }
    counts.peak_live_bytes = peak_live_bytes(graph);
    counts
}

/// Largest sum of live activations: in listed order allocate a node's outputs, sum, then free the
/// tensors whose last use this was. Graph outputs live to the end, unused graph inputs count nothing.
#[must_use]
pub fn peak_live_bytes(graph: &Graph) -> u64 {
    const UNTIL_THE_END: usize = usize::MAX;
    let mut last_use: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    for (position, operator) in graph.operators.iter().enumerate() {
        for id in operator.outputs.iter().chain(&operator.inputs).flatten() {
            last_use[id.0 as usize] = Some(position);
        }
    }
    for id in &graph.outputs {
        last_use[id.0 as usize] = Some(UNTIL_THE_END);
    }
    let size = |id: TensorId| {
        let tensor = graph.tensor(id);
        if tensor.is_constant() { 0 } else { tensor.bytes() }
    };
    let mut live =
        total(graph.inputs.iter().filter(|id| last_use[id.0 as usize].is_some()).map(|&id| size(id)));
    let mut peak = live;
    for (position, operator) in graph.operators.iter().enumerate() {
        live = live.saturating_add(total(operator.outputs.iter().flatten().map(|&id| size(id))));
        peak = peak.max(live);
        for &id in operator.inputs.iter().chain(&operator.outputs).flatten() {
            // Taking the entry frees a tensor once, however often the node uses it.
            if last_use[id.0 as usize] == Some(position) {
                last_use[id.0 as usize] = None;
                live = live.saturating_sub(size(id));
            }
        }
    }
    peak
}

#[cfg(test)]
mod tests;
