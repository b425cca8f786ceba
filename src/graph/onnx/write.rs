//! Graphs as ONNX files without weights.

use prost::Message;

use super::messages::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::graph::description::{Described, Description};
use crate::graph::model::{Attribute, ConstantData, ElementType, Graph};

/// Why a graph cannot be an ONNX file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxWriteError {
    /// The graph has the operators of another format.
    #[error("its operators are those of TensorFlow Lite, which ONNX does not have; write toml or json")]
    Vocabulary,
    /// An attribute whose content is not kept.
    #[error(
        "attribute `{attribute}` of operator `{operator}` holds a {kind}, which is not kept; write toml or json"
    )]
    Attribute {
        /// The operator.
        operator: String,
        /// The attribute.
        attribute: String,
        /// What it holds.
        kind: &'static str,
    },
    /// Per-tensor quantisation, which ONNX writes as operators.
    #[error(
        "tensor `{tensor}` carries quantisation parameters, which ONNX writes as operators; write toml or json"
    )]
    Quantization {
        /// The tensor.
        tensor: String,
    },
}

/// Writes a graph as an ONNX file. Constants whose content is not kept become references to an external file that does not exist,
/// as in files whose weights were stripped; all shapes are stated.
///
/// # Errors
/// [`OnnxWriteError`] for what ONNX cannot say.
pub fn write_onnx(graph: &Graph) -> Result<Vec<u8>, OnnxWriteError> {
    if graph.opset == 0 {
        return Err(OnnxWriteError::Vocabulary);
    }
    let described = Description::of(graph);
    if let Some((tensor, _)) = described.quantization.first() {
        return Err(OnnxWriteError::Quantization { tensor: tensor.clone() });
    }
    let info = |name: &str, shape: &[u64], element: ElementType| ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: number(element),
                shape: Some(TensorShapeProto {
                    dim: shape
                        .iter()
                        .map(|&d| DimensionProto { dim_value: i64::try_from(d).ok(), dim_param: None })
                        .collect(),
                }),
            }),
        }),
    };
    let mut nodes = Vec::new();
    let mut domains: Vec<String> = Vec::new();
    let mut shapes = Vec::new();
    for (operator, source) in described.operators.iter().zip(&graph.operators) {
        if !operator.domain.is_empty() && !domains.contains(&operator.domain) {
            domains.push(operator.domain.clone());
        }
        for (name, id) in operator.outputs.iter().zip(&source.outputs) {
            if let Some(tensor) = id.map(|id| graph.tensor(id)).filter(|_| !described.outputs.contains(name))
            {
                shapes.push(info(name, &tensor.shape, tensor.element));
            }
        }
        let attribute = operator
            .attributes
            .iter()
            .map(|(name, value)| attribute(&operator.name, name, value))
            .collect::<Result<_, _>>()?;
        nodes.push(NodeProto {
            input: operator.inputs.clone(),
            output: operator.outputs.clone(),
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            attribute,
            domain: operator.domain.clone(),
        });
    }
    let outputs = described.outputs.iter().zip(&graph.outputs);
    let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
    let inputs = described.inputs.iter().chain(&described.variables);
    let model = ModelProto {
        ir_version: 8,
        producer_name: "hetsoc".to_owned(),
        graph: Some(GraphProto {
            node: nodes,
            name: described.name.clone(),
            initializer: described.constants.iter().map(initializer).collect(),
            input: inputs.map(|t| info(&t.name, &t.shape, t.element)).collect(),
            output: outputs
                .map(|(name, &id)| info(name, &graph.tensor(id).shape, graph.tensor(id).element))
                .collect(),
            value_info: shapes,
            sparse_initializer: Vec::new(),
        }),
        opset_import: std::iter::once(opset("", graph.opset))
            .chain(domains.iter().map(|domain| opset(domain, 1)))
            .collect(),
        metadata_props: Vec::new(),
        functions: Vec::new(),
    };
    Ok(model.encode_to_vec())
}

/// The number of an element type in `TensorProto.DataType`.
const fn number(element: ElementType) -> i32 {
    match element {
        ElementType::F32 => 1,
        ElementType::U8 => 2,
        ElementType::I8 => 3,
        ElementType::U16 => 4,
        ElementType::I16 => 5,
        ElementType::I32 => 6,
        ElementType::I64 => 7,
        ElementType::Bool => 9,
        ElementType::F16 => 10,
        ElementType::F64 => 11,
        ElementType::U32 => 12,
        ElementType::U64 => 13,
        ElementType::BF16 => 16,
        ElementType::U4 => 21,
        ElementType::I4 => 22,
    }
}

fn initializer(constant: &Described) -> TensorProto {
    let mut tensor = TensorProto {
        name: constant.name.clone(),
        data_type: number(constant.element),
        dims: constant.shape.iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect(),
        ..TensorProto::default()
    };
    // Half floats and 4-bit integers have packed forms; their content decides no shape and is left out.
    match (&constant.data, constant.element) {
        (Some(ConstantData::Floats(values)), ElementType::F32) => {
            tensor.raw_data = values.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
        }
        (Some(ConstantData::Floats(values)), ElementType::F64) => {
            tensor.raw_data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        }
        (Some(ConstantData::Integers(values)), element) if element.bits() >= 8 && !element.is_float() => {
            let width = (element.bits() / 8) as usize;
            tensor.raw_data = values.iter().flat_map(|x| x.to_le_bytes().into_iter().take(width)).collect();
        }
        _ => external(&mut tensor),
    }
    tensor
}

fn external(tensor: &mut TensorProto) {
    tensor.data_location = 1;
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    tensor.external_data = vec![entry("location", "weights_stripped.bin")];
}

fn attribute(operator: &str, name: &str, value: &Attribute) -> Result<AttributeProto, OnnxWriteError> {
    let base = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    let lost = |kind| OnnxWriteError::Attribute {
        operator: crate::diagnostics::printable(operator),
        attribute: crate::diagnostics::printable(name),
        kind,
    };
    Ok(match value {
        &Attribute::Float(x) => AttributeProto { f: Some(x as f32), kind: 1, ..base },
        &Attribute::Int(x) => AttributeProto { i: Some(x), kind: 2, ..base },
        Attribute::Text(text) => AttributeProto { s: Some(text.clone().into_bytes()), kind: 3, ..base },
        Attribute::Floats(values) => {
            AttributeProto { floats: values.iter().map(|&x| x as f32).collect(), kind: 6, ..base }
        }
        Attribute::Ints(values) => AttributeProto { ints: values.clone(), kind: 7, ..base },
        Attribute::Texts(values) => AttributeProto {
            strings: values.iter().map(|text| text.clone().into_bytes()).collect(),
            kind: 8,
            ..base
        },
        Attribute::Tensor(_) => return Err(lost("tensor")),
        Attribute::Other(kind) => return Err(lost(kind)),
    })
}
