//! Whatever operators are wired together with whatever shapes, lowering neither panics nor breaks the order.

use proptest::prelude::*;

use super::super::model::{Attribute, Graph, Operator, Tensor};
use super::testing::{activation, constant, graph, number, operator};
use super::{ALL, lower};

const TYPES: [&str; 36] = [
    "Conv",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "ReduceMean",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Sqrt",
    "Reciprocal",
    "Erf",
    "Relu",
    "Clip",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Tanh",
    "Softmax",
    "BatchNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "Concat",
    "Slice",
    "Transpose",
    "Gather",
    "Resize",
    "Reshape",
    "Identity",
    "QuantizeLinear",
    "DequantizeLinear",
    "Custom",
];

fn shape() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop::sample::select(vec![0u64, 1, 1, 2, 3, 8]), 0..6)
}

/// Operators as (type, picks of inputs, shape of the result, numbers for attributes).
fn wiring() -> impl Strategy<Value = Graph> {
    let step = (
        prop::sample::select(TYPES.to_vec()),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        shape(),
        prop::collection::vec(-1i64..5, 0..6),
    );
    (shape(), shape(), prop::collection::vec(step, 1..16)).prop_map(|(input, weight, steps)| {
        let mut tensors: Vec<Tensor> = vec![
            activation("x", &input),
            constant("w", &weight),
            number("one", 1.0),
            number("half", 0.5),
            number("six", 6.0),
        ];
        let mut operators: Vec<Operator> = Vec::new();
        for (op_type, picks, shape, numbers) in steps {
            let inputs: Vec<u32> = picks.iter().map(|pick| pick.index(tensors.len()) as u32).collect();
            tensors.push(activation("v", &shape));
            let attributes = ["perm", "kernel_shape", "strides", "pads", "dilations"]
                .map(|name| (name.to_owned(), Attribute::Ints(numbers.clone())));
            let group = ("group".to_owned(), Attribute::Int(numbers.first().copied().unwrap_or(1)));
            operators.push(Operator {
                attributes: attributes.into_iter().chain([group]).collect(),
                ..operator(op_type, &inputs, &[tensors.len() as u32 - 1])
            });
        }
        let last = tensors.len() as u32 - 1;
        graph(tensors, operators, &[0], &[last])
    })
}

proptest! {
    #[test]
    fn any_wiring_lowers_to_an_ordered_graph(graph in wiring()) {
        for rules in ALL {
            let lowered = lower(&graph, rules).unwrap();
            let mut written = vec![false; lowered.tensors.len()];
            lowered.inputs.iter().for_each(|&t| written[t as usize] = true);
            for operator in &lowered.operators {
                prop_assert!(operator.inputs.iter().all(|&t| written[t as usize]), "{} {:?}", rules.id, graph);
                operator.outputs.iter().for_each(|&t| written[t as usize] = true);
            }
            prop_assert!(lowered.outputs.iter().all(|&t| written[t as usize]), "{} {:?}", rules.id, graph);
        }
    }
}
