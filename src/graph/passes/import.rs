//! From a graph as read, in either vocabulary, to a draft.

use super::super::costs;
use super::super::lowered::OperatorClass;
use super::super::model::{Graph, Operator, TensorId, TensorRole};
use super::super::operator_class::operator_class;
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
            class: OperatorClass::Other,
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
        node.macs = costs::macs(graph, operator);
        node.class = operator_class(graph, operator);
    }
    draft.nodes = nodes;
    Ok(draft)
}

/// Size `index` from the end of a shape (0 = last); missing dimensions count 1.
pub(crate) fn from_end(shape: &[u64], index: usize) -> u64 {
    shape.len().checked_sub(index + 1).and_then(|i| shape.get(i)).copied().unwrap_or(1)
}
