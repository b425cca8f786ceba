use proptest::prelude::*;

use super::super::costs::count_graph;
use super::super::error::GraphError;
use super::super::lowered::OperatorClass;
use super::super::model::{Attribute, ElementType};
use super::super::passes::{NCNN, NONE, TFLITE, lower};
use super::read_tflite;
use super::testing::{Field, Fields, file, model, operator, tensor};

/// An 8-bit convolution with fused ReLU6 and one scale per output channel.
fn quantized_convolution() -> Fields {
    let input = vec![(2, Field::Floats(vec![0.5])), (3, Field::Longs(vec![-128]))];
    let weights = vec![(2, Field::Floats(vec![0.1, 0.2, 0.3, 0.4])), (3, Field::Longs(vec![0, 0, 0, 0]))];
    let options = vec![(0, Field::Byte(0)), (1, Field::Int(2)), (2, Field::Int(2)), (3, Field::Byte(3))];
    model(
        &[3],
        vec![
            tensor("x", &[1, 9, 9, 3], 9, Some(input)),
            tensor("w", &[4, 3, 3, 3], 9, Some(weights)),
            tensor("b", &[4], 2, None),
            tensor("y", &[1, 5, 5, 4], 9, None),
        ],
        vec![operator(0, &[0, 1, 2], &[3], options)],
        &[0],
        &[3],
    )
}

#[test]
fn quantisation_and_options_are_read() {
    let graph = read_tflite(&file(&quantized_convolution()), "conv").unwrap();
    let weights = graph.tensors[1].quantization.as_ref().unwrap();
    assert_eq!((weights.scales.len(), weights.axis), (4, 0));
    assert_eq!(graph.tensors[0].quantization.as_ref().unwrap().zero_points, [-128]);
    assert_eq!(graph.tensors[3].quantization, None);
    assert!(graph.tensors[1].is_constant() && graph.tensors[2].is_constant());
    let conv = &graph.operators[0];
    assert_eq!((conv.int("stride_h"), conv.int("dilation_h_factor")), (Some(2), Some(1)));
    assert_eq!(conv.attribute("padding"), Some(&Attribute::Text("SAME".to_owned())));
    assert_eq!(count_graph(&graph).macs, 5 * 5 * 4 * 27);
    let lowered = lower(&graph, &TFLITE).unwrap();
    assert_eq!(lowered.operators.len(), 1);
    assert_eq!(lowered.operators[0].fused, ["RELU6"]);
    assert_eq!(lowered.operators[0].weight_bytes, 4 * 27 + 4 * 4);
    assert_eq!(lowered.tensors[0].element_bytes, 1.0);
    assert_eq!(graph.tensors[0].element, ElementType::I8);
    // What the file has fused is taken apart and fused again by another runtime's rules.
    assert_eq!(lower(&graph, &NCNN).unwrap().operators[0].op_type, "Convolution");
}

/// Two activations multiplied, an enlarging convolution, a fully connected layer, a depthwise convolution.
fn products() -> Fields {
    model(
        &[126, 67, 9, 4],
        vec![
            tensor("a", &[2, 5, 7], 0, None),
            tensor("b", &[2, 11, 7], 0, None),
            tensor("ab", &[2, 5, 11], 0, None),
            tensor("shape", &[4], 2, None),
            tensor("w", &[6, 2, 2, 3], 0, None),
            tensor("t", &[1, 4, 4, 3], 0, None),
            tensor("up", &[1, 8, 8, 6], 0, None),
            tensor("fc_w", &[10, 384], 0, None),
            tensor("fc", &[1, 10], 0, None),
            tensor("dw_w", &[1, 3, 3, 3], 0, None),
            tensor("dw", &[1, 4, 4, 3], 0, None),
        ],
        vec![
            operator(0, &[0, 1], &[2], vec![(1, Field::Byte(1))]),
            operator(1, &[3, 4, 5], &[6], vec![(1, Field::Int(2)), (2, Field::Int(2))]),
            operator(2, &[6, 7], &[8], vec![]),
            operator(3, &[5, 9], &[10], vec![(1, Field::Int(1)), (2, Field::Int(1)), (3, Field::Int(1))]),
        ],
        &[0, 1, 5],
        &[2, 8, 10],
    )
}

/// A transposition to another order, a reshape, a lookup and a concatenation.
fn movements() -> Fields {
    model(
        &[39, 22, 36, 2],
        vec![
            tensor("x", &[1, 4, 6], 0, None),
            tensor("perm", &[3], 2, None),
            tensor("t", &[1, 6, 4], 0, None),
            tensor("r", &[24], 0, None),
            tensor("ids", &[2], 2, None),
            tensor("g", &[2], 0, None),
            tensor("c", &[26], 0, None),
        ],
        vec![
            operator(0, &[0, 1], &[2], vec![]),
            operator(1, &[2], &[3], vec![]),
            operator(2, &[3, 4], &[5], vec![]),
            operator(3, &[3, 5], &[6], vec![]),
        ],
        &[0, 4],
        &[6],
    )
}

#[test]
fn products_count_alike_in_both_formats() {
    let graph = read_tflite(&file(&products()), "products").unwrap();
    let lowered = lower(&graph, &TFLITE).unwrap();
    let macs: Vec<u64> = lowered.operators.iter().map(|o| o.macs).collect();
    assert_eq!(macs, [2 * 5 * 11 * 7, 4 * 4 * 3 * 6 * 4, 3840, 4 * 4 * 3 * 9]);
    let classes: Vec<_> = lowered.operators.iter().map(|o| o.class).collect();
    assert_eq!(
        classes,
        [
            OperatorClass::MatMul,
            OperatorClass::TransposedConvolution,
            OperatorClass::FullyConnected,
            OperatorClass::DepthwiseConvolution
        ]
    );
    assert_eq!(lower(&graph, &NONE).unwrap().operators.len(), 4);
}

fn two_tensors(codes: &[i32], operators: Vec<Fields>) -> Fields {
    model(codes, vec![tensor("x", &[1, 4], 0, None), tensor("y", &[1, 4], 0, None)], operators, &[0], &[1])
}

#[test]
fn what_is_no_single_static_graph_is_refused_by_name() {
    let error = |root: &Fields| read_tflite(&file(root), "bad").unwrap_err().to_string();
    let relu = || operator(0, &[0], &[1], vec![]);
    let while_loop = error(&two_tensors(&[119], vec![relu()]));
    assert!(while_loop.contains("WHILE"), "{while_loop}");
    let mut twice = two_tensors(&[19], vec![relu()]);
    if let Some((_, Field::Tables(subgraphs))) = twice.iter_mut().find(|f| f.0 == 2) {
        let mut second = subgraphs[0].clone();
        second.push((4, Field::Bytes(b"body".to_vec())));
        subgraphs.push(second);
    }
    let several = error(&twice);
    assert!(several.contains("2 sub-graphs") && several.contains("body"), "{several}");
    assert!(error(&two_tensors(&[19], vec![operator(0, &[0], &[9], vec![])])).contains("names tensor 9"));
    assert!(error(&two_tensors(&[19], vec![operator(5, &[0], &[1], vec![])])).contains("code 5"));
    assert!(error(&two_tensors(&[19], vec![relu(), relu()])).contains("produced twice"));
    assert!(
        error(&two_tensors(&[19], vec![operator(0, &[1], &[1], vec![])])).contains("before it is written")
    );
    let mut text = two_tensors(&[19], vec![relu()]);
    if let Some((_, Field::Tables(subgraphs))) = text.iter_mut().find(|f| f.0 == 2) {
        subgraphs[0][0] = (0, Field::Tables(vec![tensor("s", &[1], 5, None), tensor("y", &[1], 0, None)]));
    }
    assert!(matches!(read_tflite(&file(&text), "t"), Err(GraphError::ElementType { .. })));
}

#[test]
fn custom_operators_keep_their_name() {
    let mut root = two_tensors(&[32], vec![operator(0, &[0], &[1], vec![])]);
    root[1] = (1, Field::Tables(vec![vec![(3, Field::Int(32)), (1, Field::Bytes(b"MyOp".to_vec()))]]));
    let graph = read_tflite(&file(&root), "custom").unwrap();
    assert_eq!(graph.operators[0].op_type, "CUSTOM:MyOp");
    assert_eq!(lower(&graph, &TFLITE).unwrap().operators[0].op_type, "CUSTOM:MyOp");
}

#[test]
fn vectors_shared_by_many_tables_do_not_multiply_the_file() {
    // One long name, pointed to by thousands of tensors, would fill memory.
    let mut bytes = file(&two_tensors(&[19], vec![operator(0, &[0], &[1], vec![])]));
    let length = bytes.len();
    bytes.extend(vec![0; 64]);
    assert!(read_tflite(&bytes, "padded").is_ok());
    assert!(length < 1000);
    let budget = super::flatbuffer::Buffer::new(&bytes);
    let root = budget.root().unwrap();
    let spent = (0..1_000_000).find(|_| root.tables(1).is_err());
    assert!(spent.is_some(), "reading the same vector over and over must end");
}

proptest! {
    #[test]
    fn mutated_and_truncated_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        keep in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
        which in 0..3usize,
    ) {
        let mut bytes = file(&[quantized_convolution(), products(), movements()][which]);
        for (place, value) in changes {
            let index = place.index(bytes.len());
            bytes[index] = value;
        }
        if truncate {
            let length = keep.index(bytes.len() + 1);
            bytes.truncate(length);
        }
        if let Ok(graph) = read_tflite(&bytes, "mutated") {
            for rules in super::super::passes::ALL {
                let _ = lower(&graph, rules).map(|lowered| lowered.dag());
            }
            let _ = count_graph(&graph);
        }
    }
}
