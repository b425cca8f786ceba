//! The passes on small graphs that exporters write.

use super::super::lowered::{Geometry, LoweredGraph};
use super::super::model::{Attribute, Graph, Operator, Tensor};
use super::testing::{activation, constant, graph, number, operator};
use super::{BatchNormForm, LoweringRules, MACE, NCNN, ONNXRUNTIME, TFLITE, TFLITE_GPU, lower};

fn types(graph: &Graph, rules: &LoweringRules) -> Vec<String> {
    lower(graph, rules).unwrap().operators.into_iter().map(|o| o.op_type).collect()
}

/// `x`, then one more activation of the same shape for each operator, numbers at the end.
fn chain(numbers: &[f64], operators: Vec<Operator>) -> Graph {
    let values = operators.len() as u32 + 1;
    let mut tensors: Vec<Tensor> = (0..values).map(|i| activation(&format!("v{i}"), &[1, 4, 8])).collect();
    tensors.extend(numbers.iter().map(|&n| number("n", n)));
    graph(tensors, operators, &[0], &[values - 1])
}

#[test]
fn hard_swish_written_out_is_one_kernel_where_there_is_one() {
    // x * relu6(x + 3) / 6
    let swish = chain(
        &[3.0, 0.0, 6.0],
        vec![
            operator("Add", &[0, 5], &[1]),
            operator("Clip", &[1, 6, 7], &[2]),
            operator("Mul", &[0, 2], &[3]),
            operator("Div", &[3, 7], &[4]),
        ],
    );
    assert_eq!(types(&swish, &TFLITE), ["HARD_SWISH"]);
    assert_eq!(types(&swish, &NCNN), ["HardSwish"]);
    assert_eq!(lower(&swish, &TFLITE).unwrap().operators[0].sources, [0, 1, 2, 3]);
    // MACE has no such kernel: sum, activation, two products.
    assert_eq!(types(&swish, &MACE), ["Eltwise", "Activation", "Eltwise", "Eltwise"]);
    // Another shift is no hard-swish.
    let other = chain(
        &[2.0, 0.0, 6.0],
        vec![
            operator("Add", &[0, 5], &[1]),
            operator("Clip", &[1, 6, 7], &[2]),
            operator("Mul", &[0, 2], &[3]),
            operator("Div", &[3, 7], &[4]),
        ],
    );
    assert_eq!(types(&other, &TFLITE), ["ADD", "MUL", "DIV"]);
}

#[test]
fn a_gate_that_is_used_again_stays_apart() {
    let silu = chain(&[], vec![operator("Sigmoid", &[0], &[1]), operator("Mul", &[1, 0], &[2])]);
    assert_eq!(types(&silu, &NCNN), ["Swish"]);
    assert_eq!(types(&silu, &ONNXRUNTIME), ["QuickGelu"]);
    assert_eq!(types(&silu, &TFLITE), ["LOGISTIC", "MUL"]);
    let mut shared = silu;
    shared.outputs.push(super::super::model::TensorId(1));
    assert_eq!(types(&shared, &NCNN), ["Sigmoid", "BinaryOp"]);
}

#[test]
fn gelu_is_recognised_in_both_forms() {
    let half_sqrt = std::f64::consts::SQRT_2;
    let error_function = |halve_first: bool| {
        let end = if halve_first {
            vec![operator("Mul", &[0, 8], &[4]), operator("Mul", &[4, 3], &[5])]
        } else {
            vec![operator("Mul", &[0, 3], &[4]), operator("Mul", &[4, 8], &[5])]
        };
        let mut operators =
            vec![operator("Div", &[0, 6], &[1]), operator("Erf", &[1], &[2]), operator("Add", &[2, 7], &[3])];
        operators.extend(end);
        chain(&[half_sqrt, 1.0, 0.5], operators)
    };
    assert_eq!(types(&error_function(true), &ONNXRUNTIME), ["Gelu"]);
    assert_eq!(types(&error_function(false), &TFLITE), ["GELU"]);
    let tangent = |weight: f64| {
        chain(
            &[3.0, weight, 0.797_884_56, 1.0, 0.5],
            vec![
                operator("Pow", &[0, 9], &[1]),
                operator("Mul", &[1, 10], &[2]),
                operator("Add", &[0, 2], &[3]),
                operator("Mul", &[3, 11], &[4]),
                operator("Tanh", &[4], &[5]),
                operator("Add", &[5, 12], &[6]),
                operator("Mul", &[0, 13], &[7]),
                operator("Mul", &[7, 6], &[8]),
            ],
        )
    };
    assert_eq!(types(&tangent(0.044_715), &NCNN), ["GELU"]);
    assert_eq!(lower(&tangent(0.05), &NCNN).unwrap().operators.len(), 8);
    assert_eq!(lower(&tangent(0.044_715), &MACE).unwrap().operators.len(), 8);
}

fn layer_norm_written_out() -> Graph {
    let mut tensors: Vec<Tensor> = (0..9).map(|i| activation(&format!("v{i}"), &[1, 4, 8])).collect();
    tensors[1].shape = vec![1, 4, 1];
    tensors.extend([
        number("two", 2.0),
        number("eps", 1e-5),
        constant("gain", &[8]),
        constant("offset", &[8]),
    ]);
    tensors.push(activation("end", &[1, 4, 8]));
    let operators = vec![
        operator("ReduceMean", &[0], &[1]),
        operator("Sub", &[0, 1], &[2]),
        operator("Pow", &[2, 9], &[3]),
        operator("ReduceMean", &[3], &[4]),
        operator("Add", &[4, 10], &[5]),
        operator("Sqrt", &[5], &[6]),
        operator("Div", &[2, 6], &[7]),
        operator("Mul", &[7, 11], &[8]),
        operator("Add", &[8, 12], &[13]),
    ];
    graph(tensors, operators, &[0], &[13])
}

#[test]
fn layer_normalisation_is_recognised_and_written_out_again() {
    let written_out = layer_norm_written_out();
    let fused = lower(&written_out, &ONNXRUNTIME).unwrap();
    assert_eq!(fused.operators.len(), 1);
    assert_eq!(
        (fused.operators[0].op_type.as_str(), fused.operators[0].weight_bytes),
        ("LayerNormalization", 64)
    );
    let one = graph(
        vec![
            activation("x", &[1, 4, 8]),
            constant("gain", &[8]),
            constant("offset", &[8]),
            activation("y", &[1, 4, 8]),
        ],
        vec![operator("LayerNormalization", &[0, 1, 2], &[3])],
        &[0],
        &[3],
    );
    assert_eq!(types(&one, &TFLITE), ["MEAN", "SUB", "MUL", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "ADD"]);
    assert_eq!(types(&one, &NCNN), ["LayerNorm"]);
}

fn attention() -> Graph {
    let tensors = vec![
        activation("q", &[1, 2, 5, 8]),
        activation("k", &[1, 2, 7, 8]),
        activation("kt", &[1, 2, 8, 7]),
        activation("s", &[1, 2, 5, 7]),
        number("scale", 0.35),
        activation("scaled", &[1, 2, 5, 7]),
        constant("mask", &[1, 1, 5, 7]),
        activation("masked", &[1, 2, 5, 7]),
        activation("p", &[1, 2, 5, 7]),
        activation("v", &[1, 2, 7, 8]),
        activation("y", &[1, 2, 5, 8]),
    ];
    let attributes = vec![("perm".to_owned(), Attribute::Ints(vec![0, 1, 3, 2]))];
    let operators = vec![
        Operator { attributes, ..operator("Transpose", &[1], &[2]) },
        operator("MatMul", &[0, 2], &[3]),
        operator("Mul", &[3, 4], &[5]),
        operator("Add", &[5, 6], &[7]),
        operator("Softmax", &[7], &[8]),
        operator("MatMul", &[8, 9], &[10]),
    ];
    graph(tensors, operators, &[0, 1, 9], &[10])
}

#[test]
fn attention_is_one_kernel_with_the_macs_of_both_products() {
    let fused = lower(&attention(), &NCNN).unwrap();
    assert_eq!(fused.operators.len(), 1);
    let sdpa = &fused.operators[0];
    assert_eq!((sdpa.op_type.as_str(), sdpa.inputs.len()), ("SDPA", 3));
    assert_eq!(sdpa.macs, 2 * 2 * 5 * 7 * 8);
    assert_eq!(sdpa.geometry, Geometry::MatMul { batch: 2, m: 5, n: 7, k: 16 });
    assert_eq!(types(&attention(), &ONNXRUNTIME), ["FusedMatMul", "Add", "Softmax", "MatMul"]);
    assert_eq!(
        types(&attention(), &TFLITE),
        ["TRANSPOSE", "BATCH_MATMUL", "MUL", "ADD", "SOFTMAX", "BATCH_MATMUL"]
    );
}

/// Convolution, batch norm, addition of another convolution's result, ReLU.
fn residual() -> Graph {
    let plane = |name: &str| activation(name, &[1, 4, 6, 6]);
    let channels = |name: &str| constant(name, &[4]);
    let tensors = vec![
        plane("x"),
        constant("w1", &[4, 4, 1, 1]),
        plane("a"),
        channels("gain"),
        channels("offset"),
        channels("mean"),
        channels("variance"),
        plane("normed"),
        plane("sum"),
        plane("y"),
    ];
    let operators = vec![
        operator("Conv", &[0, 1], &[2]),
        operator("BatchNormalization", &[2, 3, 4, 5, 6], &[7]),
        operator("Add", &[7, 0], &[8]),
        operator("Relu", &[8], &[9]),
    ];
    graph(tensors, operators, &[0], &[9])
}

fn fused(graph: &LoweredGraph) -> Vec<(&str, Vec<&str>)> {
    let pairs = graph.operators.iter();
    pairs.map(|o| (o.op_type.as_str(), o.fused.iter().map(String::as_str).collect())).collect()
}

#[test]
fn batch_norm_folds_and_the_sum_is_fused_where_the_runtime_does() {
    let tflite = lower(&residual(), &TFLITE).unwrap();
    assert_eq!(fused(&tflite), [("CONV_2D", vec![]), ("ADD", vec!["Relu"])]);
    // A bias of four numbers comes to life; the four parameters of the batch norm vanish.
    assert_eq!(tflite.operators[0].weight_bytes, (16 + 4) * 4);
    assert_eq!(tflite.operators[0].sources, [0, 1]);
    assert_eq!(
        fused(&lower(&residual(), &MACE).unwrap()),
        [("Conv2D", vec![]), ("Eltwise", vec![]), ("Activation", vec![])]
    );
    let ort = lower(&residual(), &ONNXRUNTIME).unwrap();
    assert_eq!(fused(&ort), [("Conv", vec!["Add", "Relu"])]);
    assert_eq!(ort.operators[0].inputs.len(), 2);
    assert_eq!(fused(&lower(&residual(), &TFLITE_GPU).unwrap()), [("CONV_2D", vec!["Add", "Relu"])]);
}

#[test]
fn a_batch_norm_that_nothing_absorbs_takes_the_form_of_the_runtime() {
    let mut alone = residual();
    alone.operators.remove(0);
    alone.operators[0].inputs[0] = alone.operators[1].inputs[1];
    assert_eq!(types(&alone, &TFLITE), ["MUL", "ADD", "ADD"]);
    assert_eq!(types(&alone, &NCNN), ["BatchNorm", "BinaryOp", "ReLU"]);
    let kernel = LoweringRules { batch_norm: BatchNormForm::Kernel, ..TFLITE };
    assert_eq!(types(&alone, &kernel), ["BATCH_NORM", "ADD"]);
}

#[test]
fn activations_fuse_only_where_the_rules_say() {
    let with = |activation_type: &str| {
        let plane = |name: &str| activation(name, &[1, 4, 6, 6]);
        graph(
            vec![plane("x"), constant("w", &[4, 4, 1, 1]), plane("a"), plane("y")],
            vec![operator("Conv", &[0, 1], &[2]), operator(activation_type, &[2], &[3])],
            &[0],
            &[3],
        )
    };
    for (activation_type, tflite, mace, ncnn, ort) in [
        ("Relu", 1, 1, 1, 1),
        ("Sigmoid", 2, 1, 1, 1),
        ("HardSwish", 2, 5, 1, 2),
        ("Tanh", 2, 1, 2, 1),
        ("Gelu", 2, 2, 2, 2),
    ] {
        let graph = with(activation_type);
        let counts = [TFLITE, MACE, NCNN, ONNXRUNTIME].map(|rules| types(&graph, &rules).len());
        assert_eq!(counts, [tflite, mace, ncnn, ort], "{activation_type}");
        assert_eq!(types(&graph, &TFLITE_GPU).len(), 1, "{activation_type}");
    }
}

#[test]
fn a_result_with_two_users_is_not_fused_away() {
    let mut twice = residual();
    twice.outputs.push(super::super::model::TensorId(8));
    assert_eq!(fused(&lower(&twice, &ONNXRUNTIME).unwrap()), [("Conv", vec!["Add"]), ("Relu", vec![])]);
    assert_eq!(
        fused(&lower(&twice, &TFLITE).unwrap()),
        [("CONV_2D", vec![]), ("ADD", vec![]), ("RELU", vec![])]
    );
}

#[test]
fn a_convolution_on_one_point_after_pooling_is_fully_connected_in_ncnn() {
    let tensors = vec![
        activation("x", &[1, 8, 6, 6]),
        activation("p", &[1, 8, 1, 1]),
        constant("w", &[2, 8, 1, 1]),
        activation("c", &[1, 2, 1, 1]),
        activation("r", &[1, 2, 1, 1]),
        constant("w2", &[8, 2, 1, 1]),
        activation("y", &[1, 8, 1, 1]),
    ];
    let operators = vec![
        operator("GlobalAveragePool", &[0], &[1]),
        operator("Conv", &[1, 2], &[3]),
        operator("Relu", &[3], &[4]),
        operator("Conv", &[4, 5], &[6]),
    ];
    let excite = graph(tensors, operators, &[0], &[6]);
    assert_eq!(types(&excite, &NCNN), ["Pooling", "InnerProduct", "InnerProduct"]);
    assert_eq!(types(&excite, &TFLITE), ["MEAN", "CONV_2D", "CONV_2D"]);
}

#[test]
fn a_lookup_reads_rows_and_holds_the_table() {
    let mut lookup = graph(
        vec![constant("table", &[1000, 16]), activation("ids", &[1, 3]), activation("rows", &[1, 3, 16])],
        vec![operator("Gather", &[0, 1], &[2])],
        &[1],
        &[2],
    );
    lookup.tensors[1].element = super::super::model::ElementType::I64;
    let lowered = lower(&lookup, &TFLITE).unwrap();
    let gather = &lowered.operators[0];
    assert_eq!((gather.weight_bytes, gather.weight_bytes_read), (64_000, 3 * 16 * 4));
}

#[test]
fn a_broken_reference_is_refused() {
    let mut broken = residual();
    broken.operators[0].inputs[0] = Some(super::super::model::TensorId(99));
    assert!(lower(&broken, &TFLITE).unwrap_err().to_string().contains("tensor 99"));
}
