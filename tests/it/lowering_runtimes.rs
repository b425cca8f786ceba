//! Lowered graphs for MACE against the operator tables of a study, and for ONNX Runtime against a profile.

use std::collections::BTreeMap;

use hetsoc::graph::lowered::{Geometry, LoweredGraph, LoweredOperator};
use hetsoc::graph::model::Graph;
use hetsoc::graph::passes::{MACE, ONNXRUNTIME};

use crate::lowering::{Histogram, differences, histogram, lowered, onnx};
use crate::shared::shared;

/// Rows of the study's operator table: type, output height and width, channels in and out, kernel, stride.
fn codl_rows(facts: &serde_json::Value, network: &str) -> Vec<(String, [u64; 6])> {
    let rows = facts[network]["ops"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let kind = row[0].as_str().unwrap().to_owned();
            let v: Vec<u64> = row[1].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
            let row = match kind.as_str() {
                "CONV2D" => [(v[0] - v[4]) / v[6] + 1, (v[1] - v[5]) / v[7] + 1, v[2], v[3], v[4], v[6]],
                "POOLING" => [v[0] / v[5], v[1] / v[6], v[2], v[2], v[3], v[5]],
                "FULLY_CONNECTED" => [1, 1, v[0] * v[1] * v[2], v[3], 1, 1],
                other => panic!("unexpected {other}"),
            };
            (kind, row)
        })
        .collect()
}

fn mace_rows(graph: &LoweredGraph) -> Vec<(String, [u64; 6])> {
    let row = |o: &LoweredOperator| match (o.op_type.as_str(), o.geometry) {
        ("Conv2D", Geometry::Window(w)) => Some((
            "CONV2D".to_owned(),
            [w.out_height, w.out_width, w.in_channels, w.out_channels, w.kernel_height, w.stride_height],
        )),
        ("Pooling", Geometry::Window(w)) => Some((
            "POOLING".to_owned(),
            [w.out_height, w.out_width, w.in_channels, w.out_channels, w.kernel_height, w.stride_height],
        )),
        ("FullyConnected", Geometry::MatMul { n, k, .. }) => {
            Some(("FULLY_CONNECTED".to_owned(), [1, 1, k, n, 1, 1]))
        }
        _ => None,
    };
    graph.operators.iter().filter_map(row).collect()
}

#[test]
fn mace_graphs_have_the_operators_of_the_codl_tables() {
    let (Some(models), Some(facts)) = (shared("models"), shared("facts/codl_models_and_plans.json")) else {
        return;
    };
    let facts: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(facts).unwrap()).unwrap();
    for (name, network) in [
        ("vgg16", "Vgg16"),
        ("posenet_codl_256", "Posenet"),
        ("fast_style_transfer_480x640", "FastStyleTransfer"),
    ] {
        let low = lowered(&onnx(&models, name), &MACE);
        assert_eq!(mace_rows(&low), codl_rows(&facts, network), "{name}");
    }

    // The table gives the last two convolutions of YOLOv2 with channels in and out exchanged, and the last as 3x3
    // (its caveats name both); all before are the same sequence.
    let low = mace_rows(&lowered(&onnx(&models, "yolov2_codl_416"), &MACE));
    let table = codl_rows(&facts, "Yolov2");
    assert_eq!((low.len(), table.len()), (27, 27));
    assert_eq!(low[..25], table[..25]);
    let exchanged = |row: &[u64; 6]| [row[0], row[1], row[3], row[2], row[4], row[5]];
    assert_eq!(low[25].1, exchanged(&table[25].1));
    assert_eq!((low[26].1[2], low[26].1[3]), (table[26].1[3], table[26].1[2]));

    // The table's RetinaFace puts the stride at the end of a stage, ours at the start of the next, so planes differ; by
    // kernel and channels everything else is the same.
    let kernels = |rows: Vec<(String, [u64; 6])>| -> Vec<(u64, u64, u64)> {
        let convolutions = rows.into_iter().filter(|r| r.0 == "CONV2D");
        let mut kernels: Vec<_> = convolutions.map(|(_, r)| (r[2], r[3], r[4])).collect();
        kernels.sort_unstable();
        kernels
    };
    let ours = kernels(mace_rows(&lowered(&onnx(&models, "retinaface_resnet50_codl_640"), &MACE)));
    let theirs = kernels(codl_rows(&facts, "RetinaFace"));
    let count = |of: &[(u64, u64, u64)], key| of.iter().filter(|k| **k == key).count() as i64;
    let mut difference = BTreeMap::new();
    for &key in ours.iter().chain(&theirs) {
        difference.insert(key, count(&ours, key) - count(&theirs, key));
    }
    difference.retain(|_, d| *d != 0);
    assert_eq!((ours.len(), theirs.len()), (91, 86));
    let explained = [
        // The table leaves out the four convolutions of shortcuts that change the number of channels.
        ((64, 256, 1), 1),
        ((256, 512, 1), 1),
        ((512, 1024, 1), 1),
        ((1024, 2048, 1), 1),
        // One lateral connection of the pyramid reads a stage of 1024 channels here, of 256 there.
        ((1024, 256, 1), 1),
        ((256, 256, 1), -1),
        // The smallest level of the pyramid has a convolution of its own here.
        ((256, 256, 3), 1),
    ];
    assert_eq!(difference, BTreeMap::from(explained));
}

/// The networks of the x86 measurements as a graph; values of constants are not in the file, so scalars get one that is
/// neither neutral nor special.
fn x86_graph(name: &str, network: &serde_json::Value) -> Graph {
    use hetsoc::graph::model::{
        Attribute, ConstantData, ElementType, Operator, Tensor, TensorId, TensorRole,
    };
    let mut graph = Graph { name: name.to_owned(), opset: 20, ..Graph::default() };
    let mut ids: BTreeMap<String, TensorId> = BTreeMap::new();
    let shape =
        |value: &serde_json::Value| value.as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).collect();
    let mut tensor = |graph: &mut Graph, name: &serde_json::Value, dims: &serde_json::Value| {
        let name = name.as_str().unwrap();
        *ids.entry(name.to_owned()).or_insert_with(|| {
            let shape: Vec<u64> = shape(dims);
            let role = match name.starts_with("w_") {
                true if shape.is_empty() => TensorRole::Constant(Some(ConstantData::Floats(vec![0.125]))),
                true => TensorRole::Constant(None),
                false => TensorRole::Activation,
            };
            let name = name.to_owned();
            graph.tensors.push(Tensor { name, shape, element: ElementType::F32, role, quantization: None });
            TensorId(graph.tensors.len() as u32 - 1)
        })
    };
    for input in network["inputs"].as_array().unwrap() {
        let id = tensor(&mut graph, &input[0], &input[1]);
        graph.inputs.push(id);
    }
    for node in network["nodes"].as_array().unwrap() {
        let mut side = |graph: &mut Graph, names: &str, shapes: &str| -> Vec<Option<TensorId>> {
            let (names, shapes) = (node[names].as_array().unwrap(), node[shapes].as_array().unwrap());
            names.iter().zip(shapes).map(|(n, s)| Some(tensor(graph, n, s))).collect()
        };
        let (inputs, outputs) =
            (side(&mut graph, "ins", "in_shapes"), side(&mut graph, "outs", "out_shapes"));
        let attributes = node["attrs"].as_object().unwrap().iter().map(|(key, value)| {
            let value = match value {
                serde_json::Value::Array(v) => {
                    Attribute::Ints(v.iter().map(|v| v.as_i64().unwrap()).collect())
                }
                serde_json::Value::String(text) => Attribute::Text(text.clone()),
                value => {
                    value.as_i64().map_or(Attribute::Float(value.as_f64().unwrap_or(0.0)), Attribute::Int)
                }
            };
            (key.clone(), value)
        });
        graph.operators.push(Operator {
            name: node["name"].as_str().unwrap().to_owned(),
            op_type: node["op"].as_str().unwrap().to_owned(),
            domain: String::new(),
            attributes: attributes.collect(),
            inputs,
            outputs,
        });
    }
    graph.outputs = graph.operators.last().unwrap().outputs.iter().flatten().copied().collect();
    graph
}

#[test]
fn onnx_runtime_executes_the_operators_that_its_profile_lists() {
    let Some(folder) = shared("data/x86") else { return };
    let networks: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("graphs.json")).unwrap()).unwrap();
    let mut profile: BTreeMap<String, Histogram> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(folder.join("nodes_rep0.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (model, threads, op) = (column("model"), column("threads"), column("op"));
    for record in reader.records() {
        let record = record.unwrap();
        // Reorders between plain and blocked layout, and views, are no operators of the graph.
        let kept = !matches!(&record[op], "ReorderInput" | "ReorderOutput" | "Reshape" | "Flatten");
        if &record[threads] == "1" && kept {
            *profile
                .entry(record[model].to_owned())
                .or_default()
                .entry(record[op].to_owned())
                .or_insert(0) += 1;
        }
    }
    assert_eq!(profile.len(), 8);
    for (name, want) in profile {
        let low = lowered(&x86_graph(&name, &networks[&name]), &ONNXRUNTIME);
        let explained: BTreeMap<String, i64> = match name.as_str() {
            // In the blocked layout a product with one number per channel runs as a depthwise convolution.
            "densenet121" => BTreeMap::from([("Conv".to_owned(), -62), ("Mul".to_owned(), 62)]),
            // Nearest-neighbour resizing is called by its older name in the blocked layout.
            "yolov3_tiny_416" => BTreeMap::from([("Resize".to_owned(), 1), ("Upsample".to_owned(), -1)]),
            _ => BTreeMap::new(),
        };
        assert_eq!(differences(&histogram(&low), &want), explained, "{name}");
    }
}
