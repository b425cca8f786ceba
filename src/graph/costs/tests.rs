//! Counts of single operators worked out by hand, in both vocabularies.

use super::*;
use crate::graph::model::{Attribute, ElementType, TensorRole};

/// A graph of one operator; constants are marked by `true`. The last tensor is the output.
fn single(op: &str, attributes: &[(&str, Attribute)], tensors: &[(&[u64], bool)]) -> Graph {
    let tensor = |(i, &(shape, constant)): (usize, &(&[u64], bool))| Tensor {
        name: format!("t{i}"),
        shape: shape.to_vec(),
        element: ElementType::F32,
        role: if constant { TensorRole::Constant(None) } else { TensorRole::Activation },
        quantization: None,
    };
    let last = tensors.len() as u32 - 1;
    let operator = Operator {
        name: String::new(),
        op_type: op.to_owned(),
        domain: String::new(),
        attributes: attributes.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect(),
        inputs: (0..last).map(|i| Some(TensorId(i))).collect(),
        outputs: vec![Some(TensorId(last))],
    };
    let fed = (0..last).filter(|&i| !tensors[i as usize].1).map(TensorId).collect();
    Graph {
        inputs: fed,
        outputs: vec![TensorId(last)],
        tensors: tensors.iter().enumerate().map(tensor).collect(),
        operators: vec![operator],
        ..Graph::default()
    }
}

fn count(op: &str, attributes: &[(&str, Attribute)], tensors: &[(&[u64], bool)]) -> (u64, OperatorClass) {
    let graph = single(op, attributes, tensors);
    let counts = count_operator(&graph, &graph.operators[0]);
    (counts.macs, counts.class)
}

#[test]
fn convolutions() {
    let grouped = |g| [("group", Attribute::Int(g))];
    let conv =
        |g, x: &[u64], w: &[u64], y: &[u64]| count("Conv", &grouped(g), &[(x, false), (w, true), (y, false)]);
    let (x, y) = ([1, 8, 6, 6], [1, 8, 4, 4]);
    assert_eq!(conv(1, &x, &[8, 8, 3, 3], &y), (128 * 72, OperatorClass::Convolution));
    assert_eq!(conv(8, &x, &[8, 1, 3, 3], &y), (128 * 9, OperatorClass::DepthwiseConvolution));
    assert_eq!(conv(4, &x, &[8, 2, 3, 3], &y), (128 * 18, OperatorClass::GroupedConvolution));
    let transposed: [(&[u64], bool); 3] =
        [(&[1, 8, 4, 4], false), (&[8, 5, 2, 2], true), (&[1, 5, 8, 8], false)];
    assert_eq!(count("ConvTranspose", &[], &transposed), (128 * 20, OperatorClass::TransposedConvolution));
}

#[test]
fn convolutions_of_tensorflow_lite() {
    let of = |op, x: &[u64], w: &[u64], y: &[u64]| count(op, &[], &[(x, false), (w, true), (y, false)]);
    let (x, y) = ([1, 6, 6, 8], [1, 4, 4, 8]);
    assert_eq!(of("CONV_2D", &x, &[8, 3, 3, 8], &y), (128 * 72, OperatorClass::Convolution));
    assert_eq!(of("CONV_2D", &x, &[8, 3, 3, 2], &y), (128 * 18, OperatorClass::GroupedConvolution));
    assert_eq!(
        of("DEPTHWISE_CONV_2D", &x, &[1, 3, 3, 8], &y),
        (128 * 9, OperatorClass::DepthwiseConvolution)
    );
    assert_eq!(of("FULLY_CONNECTED", &[2, 8], &[5, 8], &[2, 5]), (80, OperatorClass::FullyConnected));
    let transposed: [(&[u64], bool); 4] =
        [(&[4], true), (&[5, 2, 2, 8], true), (&[1, 4, 4, 8], false), (&[1, 8, 8, 5], false)];
    assert_eq!(count("TRANSPOSE_CONV", &[], &transposed).0, 128 * 20);
}

#[test]
fn products() {
    let matmul =
        |constant| count("MatMul", &[], &[(&[2, 3, 4], false), (&[2, 4, 5], constant), (&[2, 3, 5], false)]);
    assert_eq!(matmul(false), (120, OperatorClass::MatMul));
    assert_eq!(matmul(true), (120, OperatorClass::FullyConnected));
    let transposed = [("transA", Attribute::Int(1))];
    assert_eq!(count("Gemm", &transposed, &[(&[4, 3], false), (&[4, 5], true), (&[3, 5], false)]).0, 60);
    let equation = [("equation", Attribute::Text("bij,bjk->bik".to_owned()))];
    assert_eq!(
        count("Einsum", &equation, &[(&[2, 3, 4], false), (&[2, 4, 5], false), (&[2, 3, 5], false)]).0,
        120
    );
    let lstm: [(&[u64], bool); 4] =
        [(&[7, 1, 4], false), (&[2, 20, 4], true), (&[2, 20, 5], true), (&[7, 2, 1, 5], false)];
    assert_eq!(count("LSTM", &[], &lstm).0, 7 * 2 * 20 * 9);
}

#[test]
fn a_lookup_reads_rows_and_not_the_table() {
    let graph = single("Gather", &[], &[(&[1000, 16], true), (&[1, 3], false), (&[1, 3, 16], false)]);
    let counts = count_operator(&graph, &graph.operators[0]);
    assert_eq!((counts.weight_bytes, counts.weight_bytes_read), (64_000, 192));
    assert_eq!(counts.class, OperatorClass::DataMovement);
    // Looking up more rows than the table has reads the table.
    let graph = single("Gather", &[], &[(&[2, 16], true), (&[1, 3], false), (&[1, 3, 16], false)]);
    assert_eq!(count_operator(&graph, &graph.operators[0]).weight_bytes_read, 128);
}

#[test]
fn the_peak_counts_outputs_to_the_end_and_unused_inputs_never() {
    let mut graph = single("Add", &[], &[(&[10], false), (&[10], false), (&[10], false)]);
    // A second operator reads the first result twice; an input that nobody reads is large.
    for elements in [5, 1000] {
        let shape = vec![elements];
        graph.tensors.push(Tensor { shape, name: String::new(), ..graph.tensors[0].clone() });
    }
    graph.inputs.push(TensorId(4));
    let mut second = graph.operators[0].clone();
    second.inputs = vec![Some(TensorId(2)); 2];
    second.outputs = vec![Some(TensorId(3))];
    graph.operators.push(second);
    graph.outputs = vec![TensorId(3)];
    assert_eq!(peak_live_bytes(&graph), 120);
    graph.outputs = vec![TensorId(0), TensorId(1), TensorId(2), TensorId(3)];
    assert_eq!(peak_live_bytes(&graph), 140);
    let counts = count_graph(&graph);
    assert_eq!((counts.edges, counts.activation_bytes, counts.weight_bytes), (4, 60, 0));
}

#[test]
fn a_constant_that_several_operators_read_counts_once_in_the_graph() {
    let mut graph = single("MatMul", &[], &[(&[3, 4], false), (&[4, 4], true), (&[3, 4], false)]);
    let mut second = graph.operators[0].clone();
    second.inputs = vec![Some(TensorId(2)), Some(TensorId(1))];
    graph.tensors.push(graph.tensors[2].clone());
    second.outputs = vec![Some(TensorId(3))];
    graph.operators.push(second);
    let counts = count_graph(&graph);
    assert_eq!((counts.macs, counts.parameters, counts.weight_bytes), (96, 16, 64));
}
