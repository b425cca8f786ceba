//! Small graphs for the tests of the passes.

use super::super::model::{ConstantData, ElementType, Graph, Operator, Tensor, TensorId, TensorRole};

/// A single-precision activation.
pub(crate) fn activation(name: &str, shape: &[u64]) -> Tensor {
    Tensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        element: ElementType::F32,
        role: TensorRole::Activation,
        quantization: None,
    }
}

/// A single-precision constant without content.
pub(crate) fn constant(name: &str, shape: &[u64]) -> Tensor {
    Tensor { role: TensorRole::Constant(None), ..activation(name, shape) }
}

/// A single-precision number.
pub(crate) fn number(name: &str, value: f64) -> Tensor {
    Tensor { role: TensorRole::Constant(Some(ConstantData::Floats(vec![value]))), ..activation(name, &[]) }
}

/// The tensor with another element type.
pub(crate) fn with_element(tensor: Tensor, element: ElementType) -> Tensor {
    Tensor { element, ..tensor }
}

/// An operator without attributes.
pub(crate) fn operator(op_type: &str, inputs: &[u32], outputs: &[u32]) -> Operator {
    Operator {
        name: String::new(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        attributes: Vec::new(),
        inputs: inputs.iter().map(|&i| Some(TensorId(i))).collect(),
        outputs: outputs.iter().map(|&i| Some(TensorId(i))).collect(),
    }
}

/// A graph in the vocabulary of ONNX.
pub(crate) fn graph(
    tensors: Vec<Tensor>,
    operators: Vec<Operator>,
    inputs: &[u32],
    outputs: &[u32],
) -> Graph {
    Graph {
        name: "test".to_owned(),
        opset: 17,
        inputs: inputs.iter().map(|&i| TensorId(i)).collect(),
        outputs: outputs.iter().map(|&i| TensorId(i)).collect(),
        tensors,
        operators,
    }
}
