//! ONNX graphs out of nothing.

use hetsoc::graph::onnx::messages::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use proptest::prelude::*;

/// Graphs of real operators with shapes and attributes that mostly make no sense.
pub fn made_up() -> impl Strategy<Value = ModelProto> {
    const TYPES: [&str; 40] = [
        "Conv",
        "ConvTranspose",
        "Gemm",
        "MatMul",
        "Relu",
        "Clip",
        "Reshape",
        "Transpose",
        "Slice",
        "Split",
        "Concat",
        "Gather",
        "Pad",
        "Resize",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "ReduceMean",
        "Softmax",
        "LayerNormalization",
        "Expand",
        "Tile",
        "TopK",
        "Einsum",
        "LSTM",
        "QuantizeLinear",
        "DequantizeLinear",
        "Unsqueeze",
        "Squeeze",
        "Flatten",
        "Where",
        "Cast",
        "Range",
        "ConstantOfShape",
        "DepthToSpace",
        "GridSample",
        "STFT",
        "Col2Im",
        "FusedConv",
        "QLinearConcat",
    ];
    const NAMES: [&str; 16] = [
        "axis",
        "axes",
        "pads",
        "strides",
        "kernel_shape",
        "group",
        "perm",
        "dilations",
        "keepdims",
        "blocksize",
        "split",
        "num_outputs",
        "equation",
        "to",
        "transB",
        "ceil_mode",
    ];
    let dim = prop_oneof![
        Just(0i64),
        Just(1),
        Just(2),
        Just(3),
        Just(4),
        Just(8),
        Just(i64::MAX),
        Just(-1),
        1..20i64
    ];
    let dims = prop::collection::vec(dim, 0..5);
    let int = prop_oneof![-3..5i64, Just(i64::MIN), Just(i64::MAX)];
    let value = prop_oneof![
        int.clone().prop_map(|i| AttributeProto { i: Some(i), kind: 2, ..AttributeProto::default() }),
        prop::collection::vec(int, 0..6).prop_map(|ints| AttributeProto {
            ints,
            kind: 7,
            ..AttributeProto::default()
        }),
        "[a-j,. >-]{0,12}".prop_map(|s| AttributeProto {
            s: Some(s.into_bytes()),
            kind: 3,
            ..AttributeProto::default()
        }),
        any::<f32>().prop_map(|f| AttributeProto { f: Some(f), kind: 1, ..AttributeProto::default() }),
    ];
    let attribute = (0..NAMES.len(), value)
        .prop_map(|(name, value)| AttributeProto { name: NAMES[name].to_owned(), ..value });
    let node = (
        0..TYPES.len(),
        prop::collection::vec(0..8u8, 1..5),
        0..8u8,
        prop::collection::vec(attribute, 0..4),
        any::<bool>(),
    );
    let stored = (dims.clone(), prop::collection::vec(prop_oneof![-3..9i64, Just(i64::MAX)], 0..6));
    (
        prop::collection::vec(dims, 1..3),
        prop::collection::vec(stored, 0..4),
        prop::collection::vec(node, 1..6),
        9..22i64,
    )
        .prop_map(|(inputs, stored, nodes, opset)| {
            let info = |name: String, dims: &[i64]| ValueInfoProto {
                name,
                r#type: Some(TypeProto {
                    tensor_type: Some(TensorTypeProto {
                        elem_type: 1,
                        shape: Some(TensorShapeProto {
                            dim: dims
                                .iter()
                                .map(|&d| DimensionProto { dim_value: Some(d), dim_param: None })
                                .collect(),
                        }),
                    }),
                }),
            };
            let known = inputs.len() + stored.len();
            let output = format!("t{}", known + nodes.len() - 1);
            let graph = GraphProto {
                input: inputs.iter().enumerate().map(|(i, dims)| info(format!("t{i}"), dims)).collect(),
                initializer: stored
                    .iter()
                    .enumerate()
                    .map(|(i, (dims, values))| {
                        let name = format!("t{}", inputs.len() + i);
                        let plain = values.len() % 2 == 0;
                        let dims = if plain { vec![values.len() as i64] } else { dims.clone() };
                        let data_type = if plain { 7 } else { 1 };
                        let int64_data = if plain { values.clone() } else { Vec::new() };
                        let data_location = i32::from(!plain);
                        TensorProto {
                            name,
                            dims,
                            data_type,
                            int64_data,
                            data_location,
                            ..TensorProto::default()
                        }
                    })
                    .collect(),
                node: nodes
                    .iter()
                    .enumerate()
                    .map(|(i, (op, reads, _, attribute, contrib))| NodeProto {
                        input: reads.iter().map(|r| format!("t{}", usize::from(*r) % (known + i))).collect(),
                        output: vec![format!("t{}", known + i)],
                        op_type: TYPES[*op].to_owned(),
                        attribute: attribute.clone(),
                        domain: if *contrib && *op >= 38 {
                            "com.microsoft".to_owned()
                        } else {
                            String::new()
                        },
                        ..NodeProto::default()
                    })
                    .collect(),
                output: vec![ValueInfoProto { name: output, r#type: None }],
                ..GraphProto::default()
            };
            ModelProto {
                ir_version: 8,
                graph: Some(graph),
                opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset }],
                ..ModelProto::default()
            }
        })
}
