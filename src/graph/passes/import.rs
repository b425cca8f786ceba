//! From a graph as read, in either vocabulary, to a draft.

use super::super::lowered::Geometry;
use super::super::model::{Graph, Operator, TensorId, TensorRole};
use super::draft::{Draft, Node, Value, ValueId};
use super::kind::Kind;
use super::{LoweringError, import_onnx, import_tflite};

/// Which file format's operator names a graph uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Onnx,
    Tflite,
}

impl Source {
    /// TFLite has no operator-set version, and the readers of ONNX always give one.
    pub(crate) fn of(graph: &Graph) -> Self {
        let tflite =
            |op: &Operator| op.op_type.chars().all(|c| c.is_ascii_uppercase() || "_0123456789".contains(c));
        if graph.opset == 0 && graph.operators.iter().any(tflite) { Self::Tflite } else { Self::Onnx }
    }
}

/// Reads `graph` into a draft; every operator becomes one node.
pub(crate) fn import(graph: &Graph) -> Result<Draft, LoweringError> {
    let source = Source::of(graph);
    let values: Vec<Value> = graph
        .tensors
        .iter()
        .map(|tensor| Value {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            element: tensor.element,
            constant: tensor.is_constant(),
            data: match &tensor.role {
                TensorRole::Constant(data) => data.clone(),
                TensorRole::Activation => None,
            },
        })
        .collect();
    let checked = |id: TensorId| -> Result<ValueId, LoweringError> {
        let index = id.0 as usize;
        if index < values.len() {
            Ok(index)
        } else {
            Err(LoweringError::DanglingTensor { tensor: id.0, tensors: values.len() })
        }
    };
    let all = |ids: &[TensorId]| ids.iter().map(|&id| checked(id)).collect::<Result<Vec<_>, _>>();
    let positions = |ids: &[Option<TensorId>]| {
        ids.iter().map(|id| id.map(checked).transpose()).collect::<Result<Vec<_>, _>>()
    };
    let mut draft = Draft {
        name: graph.name.clone(),
        source,
        inputs: all(&graph.inputs)?,
        outputs: all(&graph.outputs)?,
        values: Vec::new(),
        nodes: Vec::with_capacity(graph.operators.len()),
    };
    let mut nodes = Vec::with_capacity(graph.operators.len());
    for (index, operator) in graph.operators.iter().enumerate() {
        nodes.push(Node {
            kind: Kind::Other,
            name: if operator.name.is_empty() {
                format!("{}_{index}", operator.op_type)
            } else {
                operator.name.clone()
            },
            written: operator.op_type.clone(),
            operands: positions(&operator.inputs)?,
            results: positions(&operator.outputs)?,
            geometry: None,
            pads: [0; 4],
            pads_count: false,
            permutation: None,
            macs: 0,
            fused: Vec::new(),
            sources: vec![index as u32],
            folded_bytes: 0,
        });
    }
    draft.values = values;
    for (node, operator) in nodes.iter_mut().zip(&graph.operators) {
        match source {
            Source::Onnx => import_onnx::describe(&draft, node, operator),
            Source::Tflite => import_tflite::describe(&draft, node, operator),
        }
        node.macs = macs(&draft, node);
    }
    draft.nodes = nodes;
    Ok(draft)
}

/// Multiply-accumulates of one node: convolution = output elements x input channels per group x window;
/// transposed convolution = input elements x output channels per group x window; matrix products =
/// output elements x summed dimension; everything else 0.
pub(crate) fn macs(draft: &Draft, node: &Node) -> u64 {
    match node.geometry {
        Some(Geometry::Window(w)) if node.kind.is_convolution() => {
            let kernel = w.kernel_height.saturating_mul(w.kernel_width);
            let groups = w.groups.max(1);
            let (tensor, channels) = if node.kind == Kind::TransposedConvolution {
                (node.operands.iter().flatten().copied().find(|&v| !draft.is_constant(v)), w.out_channels)
            } else {
                (node.result(), w.in_channels)
            };
            tensor
                .map_or(0, |v| draft.values[v].elements())
                .saturating_mul(channels / groups)
                .saturating_mul(kernel)
        }
        Some(Geometry::MatMul { batch, m, n, k }) => {
            batch.saturating_mul(m).saturating_mul(n).saturating_mul(k)
        }
        _ => 0,
    }
}

/// Size `index` from the end of a shape (0 = last); missing dimensions count 1.
pub(crate) fn from_end(shape: &[u64], index: usize) -> u64 {
    shape.len().checked_sub(index + 1).and_then(|i| shape.get(i)).copied().unwrap_or(1)
}
