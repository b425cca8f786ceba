//! Lowered graphs against what TFLite really executes: its files, and operator lists of measured networks.

use std::collections::BTreeMap;
use std::path::Path;

use hetsoc::graph::costs::{count_graph, count_operator};
use hetsoc::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, Window};
use hetsoc::graph::model::Graph;
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::passes::{self, LoweringRules, NONE, TFLITE, lower};
use hetsoc::graph::show_lowered::LoweredView;
use hetsoc::graph::tflite::read_tflite;

use crate::shared::shared;

pub(crate) type Histogram = BTreeMap<String, u64>;

pub(crate) fn onnx(models: &Path, name: &str) -> Graph {
    let bytes = std::fs::read(models.join("onnx").join(format!("{name}.onnx"))).unwrap();
    read_onnx(&bytes, name, &OnnxOptions::default()).unwrap()
}

fn tflite(models: &Path, name: &str) -> Graph {
    read_tflite(&std::fs::read(models.join("tflite").join(format!("{name}.tflite"))).unwrap(), name).unwrap()
}

fn names(folder: &Path, extension: &str) -> Vec<String> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of_kind = paths.filter(|path| path.extension().is_some_and(|e| e == extension));
    let mut names: Vec<_> = of_kind.map(|p| p.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

pub(crate) fn lowered(graph: &Graph, rules: &LoweringRules) -> LoweredGraph {
    lower(graph, rules).unwrap()
}

pub(crate) fn histogram(graph: &LoweredGraph) -> Histogram {
    LoweredView::new(graph, "").histogram
}

fn macs(graph: &LoweredGraph) -> u64 {
    graph.operators.iter().map(|o| o.macs).sum()
}

fn window(operator: &LoweredOperator) -> Option<Window> {
    match operator.geometry {
        Geometry::Window(window) => Some(window),
        _ => None,
    }
}

/// `have - want` by operator type, without zeros.
pub(crate) fn differences(have: &Histogram, want: &Histogram) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for (op, &count) in have {
        *found.entry(op.clone()).or_insert(0) += count as i64;
    }
    for (op, &count) in want {
        *found.entry(op.clone()).or_insert(0) -= count as i64;
    }
    found.retain(|_, difference| *difference != 0);
    found
}

#[test]
fn lowering_keeps_macs_and_edges_of_every_model_under_every_runtime() {
    let Some(models) = shared("models") else { return };
    let mut checked = 0;
    for name in names(&models.join("onnx"), "onnx") {
        check_model(&onnx(&models, &name));
        checked += 1;
    }
    for name in names(&models.join("tflite"), "tflite") {
        check_model(&tflite(&models, &name));
        checked += 1;
    }
    assert_eq!(checked, 49 + 6);
}

fn check_model(graph: &Graph) {
    let want = count_graph(graph);
    for rules in passes::ALL {
        let low = lowered(graph, rules);
        let who = format!("{} under {}", graph.name, rules.id);
        assert_eq!(macs(&low), want.macs, "{who}");
        let products: u64 = low.operators.iter().filter(|o| o.macs > 0).map(geometry_macs).sum();
        assert_eq!(products, want.macs, "{who}: sizes say other than the count");
        assert_eq!(low.outputs.len(), graph.outputs.len(), "{who}");
        // Every tensor read is fed or was written before, and is written once.
        let mut written = vec![false; low.tensors.len()];
        low.inputs.iter().for_each(|&t| written[t as usize] = true);
        for operator in &low.operators {
            assert!(
                operator.inputs.iter().all(|&t| written[t as usize]),
                "{who}: {} reads too early",
                operator.name
            );
            for &t in &operator.outputs {
                assert!(
                    !std::mem::replace(&mut written[t as usize], true),
                    "{who}: {} writes again",
                    operator.name
                );
            }
            assert!(operator.weight_bytes_read <= operator.weight_bytes, "{who}: {}", operator.name);
            assert!(!operator.sources.is_empty(), "{who}: {}", operator.name);
        }
        assert!(low.outputs.iter().all(|&t| written[t as usize]), "{who}");
        assert_eq!(low.dag().len(), low.operators.len());
    }
    let as_read = lowered(graph, &NONE);
    assert_eq!(as_read.operators.len(), graph.operators.len(), "{}", graph.name);
    for (operator, source) in as_read.operators.iter().zip(&graph.operators) {
        let counts = count_operator(graph, source);
        let who = format!("{} {}", graph.name, operator.name);
        assert_eq!(
            (operator.class, operator.macs, operator.weight_bytes, operator.weight_bytes_read),
            (counts.class, counts.macs, counts.weight_bytes, counts.weight_bytes_read),
            "{who}"
        );
    }
    let edges: usize = as_read.operators.iter().map(|o| o.inputs.len()).sum();
    assert_eq!(edges as u64, want.edges, "{}", graph.name);
}

/// Multiply-accumulates from sizes alone.
fn geometry_macs(operator: &LoweredOperator) -> u64 {
    match operator.geometry {
        Geometry::Window(w) => {
            let (height, width) = if operator.class.id() == "transposed-convolution" {
                (w.in_height, w.in_width)
            } else {
                (w.out_height, w.out_width)
            };
            height * width * w.in_channels / w.groups * w.out_channels * w.kernel_height * w.kernel_width
        }
        Geometry::MatMul { batch, m, n, k } => batch * m * n * k,
        Geometry::Elements { .. } => 0,
    }
}

#[test]
fn a_tflite_file_under_its_own_runtime_is_itself_without_aliases() {
    let Some(models) = shared("models") else { return };
    for name in names(&models.join("tflite"), "tflite") {
        let graph = tflite(&models, &name);
        let mut as_written = histogram(&lowered(&graph, &NONE));
        as_written.remove("RESHAPE");
        let low = lowered(&graph, &TFLITE);
        assert_eq!(histogram(&low), as_written, "{name}");
        // Taking the file's fusion apart and fusing again by our rules gives the file's fusion.
        let fused = |graph: &LoweredGraph| -> Vec<Vec<String>> {
            graph.operators.iter().filter(|o| o.op_type != "RESHAPE").map(|o| o.fused.clone()).collect()
        };
        assert_eq!(fused(&low), fused(&lowered(&graph, &NONE)), "{name}");
    }
}

/// Difference of one operator type between a lowered ONNX graph and a TFLite file, and why.
type Explained = (&'static str, i64, &'static str);

const SOFTMAX: Explained =
    ("SOFTMAX", -1, "torchvision and timm leave the softmax to the loss function; Keras ends with it");
const RESHAPE: Explained = ("RESHAPE", -1, "an operator of the file; an alias after lowering");
const PAD: Explained = (
    "PAD",
    5,
    "PyTorch pads stride-2 windows evenly (1 before, 1 after), \"same\" only after; Keras pads as \"same\" does, \
     and the converter folds that into the convolution",
);

#[test]
fn lowered_onnx_graphs_have_the_operators_of_the_tflite_files() {
    let Some(models) = shared("models") else { return };
    let cases: [(&str, &str, &[Explained]); 4] = [
        (
            "mobilenet_v1",
            "mobilenet_v1_fp32",
            &[
                SOFTMAX,
                RESHAPE,
                PAD,
                ("CONV_2D", -1, "Keras writes the classifier as 1x1 convolution"),
                ("FULLY_CONNECTED", 1, "... timm as a fully connected layer"),
            ],
        ),
        ("mobilenet_v2", "mobilenet_v2_fp32", &[SOFTMAX, PAD]),
        ("vgg16", "vgg16_fp32", &[SOFTMAX, RESHAPE]),
        ("efficientnet_b0", "efficientnet_b0_fp32", &[SOFTMAX, PAD]),
    ];
    for (name, file, explained) in cases {
        let low = lowered(&onnx(&models, name), &TFLITE);
        let file = lowered(&tflite(&models, file), &NONE);
        let (have, want) = (histogram(&low), histogram(&file));
        let explained: BTreeMap<_, _> =
            explained.iter().map(|&(op, count, _)| (op.to_owned(), count)).collect();
        assert_eq!(differences(&have, &want), explained, "{name}: {have:?} against {want:?}");
        // The convolutions are the same ones in the same order, but for padding and MobileNetV1's classifier.
        let convolutions = |graph: &LoweredGraph| -> Vec<_> {
            let windows = graph.operators.iter().filter(|o| o.macs > 0).filter_map(window);
            windows
                .filter(|w| (w.in_height, w.in_channels, w.out_channels) != (1, 1024, 1000))
                .map(|w| {
                    (
                        w.out_height,
                        w.out_width,
                        w.in_channels,
                        w.out_channels,
                        w.kernel_height,
                        w.stride_height,
                        w.groups,
                    )
                })
                .collect()
        };
        assert_eq!(convolutions(&low), convolutions(&file), "{name}");
        let difference = macs(&low).abs_diff(macs(&file)) as f64 / macs(&file) as f64;
        assert!(difference < 1e-3, "{name}: {} against {} MACs", macs(&low), macs(&file));
    }
}

/// Torchvision's ResNet-50 is v1.5: the stride of a block that shrinks the plane sits in the 3x3 convolution; in
/// Keras' v1 it sits in the first 1x1 convolution, which gives other MACs but the same operators. Keras' v2
/// normalises before activation, so batch norms that nothing absorbs and unfused ReLUs remain.
#[test]
fn the_keras_resnet_50_is_another_network_with_the_same_operators() {
    let Some(models) = shared("models") else { return };
    let low = lowered(&onnx(&models, "resnet50"), &TFLITE);
    let v1 = lowered(&tflite(&models, "resnet50_v1_keras_fp32"), &NONE);
    let differences_v1 = differences(&histogram(&low), &histogram(&v1));
    // PAD: PyTorch pads the first convolution, the pooling and the three stride-2 3x3 convolutions; Keras v1 only
    // the first two, because its stride-2 convolutions are 1x1.
    assert_eq!(differences_v1, BTreeMap::from([("PAD".to_owned(), 3), ("SOFTMAX".to_owned(), -1)]));
    let shapes = |graph: &LoweredGraph| -> Vec<_> {
        let mut shapes: Vec<_> = graph
            .operators
            .iter()
            .filter(|o| o.macs > 0)
            .filter_map(window)
            .map(|w| (w.kernel_height, w.in_channels, w.out_channels))
            .collect();
        shapes.sort_unstable();
        shapes
    };
    assert_eq!(shapes(&low), shapes(&v1), "same kernels and channels");
    assert_eq!((macs(&low), macs(&v1)), (4_089_184_256, 3_857_973_248));
    let strided = |graph: &LoweredGraph, kernel: u64| {
        let windows = graph.operators.iter().filter(|o| o.macs > 0).filter_map(window);
        windows.filter(|w| w.stride_height == 2 && w.kernel_height == kernel).count()
    };
    assert_eq!((strided(&low, 3), strided(&low, 1)), (3, 3));
    assert_eq!((strided(&v1, 3), strided(&v1, 1)), (0, 6));
    let v2 = differences(
        &histogram(&low),
        &histogram(&lowered(&tflite(&models, "resnet50_v2_keras_fp32"), &NONE)),
    );
    assert_eq!(v2.get("CONV_2D").or(v2.get("ADD")).or(v2.get("MEAN")).or(v2.get("FULLY_CONNECTED")), None);
    // Pre-activation batch norms remain as MUL (their additions vanished, because this file has zero offsets);
    // identity shortcuts with stride pool over 1x1 windows.
    assert_eq!((v2["MUL"], v2["MAX_POOL_2D"]), (-17, -3));
}

/// One row of a Format A list: `(op, input side, channels, output side, stride, kernel, filter)`.
type ListRow = (String, u64, u64, u64, u64, u64, u64);

fn format_a(path: &Path, model: &str) -> Vec<ListRow> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        if &record[0] != model {
            continue;
        }
        let features: serde_json::Value = serde_json::from_str(&record[4]).unwrap();
        let number = |key: &str| features[key].as_f64().map_or(0, |v| v as u64);
        rows.push((
            record[3].to_owned(),
            number("input_shape"),
            number("input_channel"),
            number("output_shape"),
            number("stride"),
            number("kernel"),
            number("filter"),
        ));
    }
    assert!(!rows.is_empty(), "{model} is no list");
    rows
}

/// What both sides state of an operator: type, channels in, output side, stride, kernel, channels out. A fully
/// connected layer is counted with its 1x1 form, global pooling with its reduction.
type Key = (&'static str, u64, u64, u64, u64, u64);

fn list_key(row: &ListRow) -> Option<Key> {
    let &(ref op, input, channels, output, stride, kernel, filter) = row;
    Some(match op.as_str() {
        "CONV_2D" => ("conv", channels, output, stride, kernel, filter),
        "DEPTHWISE_CONV_2D" => ("depthwise", channels, output, stride, kernel, channels),
        "FULLY_CONNECTED" => ("conv", channels, 1, 1, 1, filter),
        "MAX_POOL_2D" => ("max", channels, output, stride, kernel, channels),
        "AVERAGE_POOL_2D" if output == 1 && kernel == input => ("mean", channels, 0, 0, 0, channels),
        "MEAN" => ("mean", channels, 0, 0, 0, output),
        "CONCATENATION" => return None,
        other => panic!("unexpected {other}"),
    })
}

fn lowered_key(graph: &LoweredGraph, operator: &LoweredOperator) -> Option<Key> {
    let of = |kind: &'static str, w: Window| {
        (kind, w.in_channels, w.out_height, w.stride_height, w.kernel_height, w.out_channels)
    };
    Some(match (operator.op_type.as_str(), operator.geometry) {
        ("CONV_2D", Geometry::Window(w)) => of("conv", w),
        ("DEPTHWISE_CONV_2D", Geometry::Window(w)) => of("depthwise", w),
        ("MAX_POOL_2D", Geometry::Window(w)) => of("max", w),
        ("FULLY_CONNECTED", Geometry::MatMul { n, k, .. }) => ("conv", k, 1, 1, 1, n),
        ("MEAN", _) => {
            let channels = graph.tensors[operator.outputs[0] as usize].elements;
            ("mean", channels, 0, 0, 0, channels)
        }
        _ => return None,
    })
}

#[test]
fn lowered_graphs_have_the_kernels_of_measured_operator_lists() {
    let (Some(models), Some(lists)) = (shared("models"), shared("data/cnn_operator_lists.csv")) else {
        return;
    };
    // The lists come from another implementation of the same networks. Absent there: element-wise operators,
    // padding (it shows in the input side), reshape, softmax.
    let cases: [(&str, &str, &[Key], &[Key]); 5] = [
        ("resnet18", "resnet18", &[], &[]),
        ("squeezenet1_1", "squeezenet_v1_1", &[], &[]),
        ("mobilenet_v1", "mobilenet_w1", &[], &[]),
        ("mobilenet_v3_large", "mobilenetv3_large_w1", &[], &[]),
        // The hidden layer of the classifier has 1024 outputs in torchvision, as in the paper, and 1280 in the list.
        (
            "mobilenet_v3_small",
            "mobilenetv3_small_w1",
            &[("conv", 576, 1, 1, 1, 1024), ("conv", 1024, 1, 1, 1, 1000)],
            &[("conv", 576, 1, 1, 1, 1280), ("conv", 1280, 1, 1, 1, 1000)],
        ),
    ];
    for (name, list, only_ours, only_list) in cases {
        let low = lowered(&onnx(&models, name), &TFLITE);
        let mut ours: Vec<Key> = low.operators.iter().filter_map(|o| lowered_key(&low, o)).collect();
        let rows = format_a(&lists, list);
        let mut theirs: Vec<Key> = rows.iter().filter_map(list_key).collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        let mut extra = Vec::new();
        for key in ours {
            match theirs.iter().position(|k| *k == key) {
                Some(place) => drop(theirs.remove(place)),
                None => extra.push(key),
            }
        }
        assert_eq!((extra.as_slice(), theirs.as_slice()), (only_ours, only_list), "{name}");
        let listed = rows.iter().filter(|r| r.0 == "CONCATENATION").count();
        let have = low.operators.iter().filter(|o| o.op_type == "CONCATENATION").count();
        assert_eq!(have, listed, "{name}");
    }
}
