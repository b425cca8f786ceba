//! Readers against damaged, spliced and made-up files: they answer, they do not fall over.
//!
//! Each test runs a few hundred cases; `HETSOC_FUZZ_SECONDS=600 cargo test --test it fuzz -- --test-threads 1 NAME`
//! runs one for that long. A failing case is shrunk and printed by proptest; put its file into `tests/data/fuzz/`.

use std::path::Path;
use std::time::{Duration, Instant};

use hetsoc::calibration::tables::read_measurements;
use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::config::native_graph::read_native_graph;
use hetsoc::config::plan_file::read_plans;
use hetsoc::config::{Library, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::graph::costs::count_graph;
use hetsoc::graph::dot::{dot, dot_lowered};
use hetsoc::graph::model::Graph;
use hetsoc::graph::neutral_json::{read_neutral_json, write_neutral_json};
use hetsoc::graph::onnx::messages::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::operator_list::read_operator_lists;
use hetsoc::graph::passes::{ALL, lower};
use hetsoc::graph::show::table;
use hetsoc::graph::tflite::read_tflite;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;

/// No file of this size may take longer.
const SLOWEST: Duration = Duration::from_secs(10);

/// One change to a file.
#[derive(Debug, Clone)]
enum Change {
    Flip { at: u32, bit: u8 },
    Set { at: u32, value: u8 },
    Cut { at: u32, length: u16 },
    Repeat { at: u32, length: u16, times: u8 },
    Insert { at: u32, word: u8 },
    Splice { from: u8, at: u32, source: u32, length: u16 },
    Number { at: u32, value: u8 },
    End { at: u32 },
}

/// Words that mean something to one of the readers.
const WORDS: [&[u8]; 24] = [
    b"[[",
    b"]]",
    b"{",
    b"}",
    b"\"",
    b"\\",
    b"'",
    b"=",
    b",",
    b"\n",
    b"null",
    b"nan",
    b"inf",
    b"-0",
    b"1e999",
    b"0x10",
    b"99999999999999999999",
    b"-1",
    b"[[operator]]\n",
    b"TFL3",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x00",
    b"\xe2\x80\xae",
];

/// Numbers at the edges.
const NUMBERS: [&[u8]; 10] = [
    b"0",
    b"-1",
    b"1",
    b"2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551615",
    b"1e308",
    b"-9223372036854775808",
    b"0.5",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<u32>(), 0..8u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        (any::<u32>(), any::<u8>()).prop_map(|(at, value)| Change::Set { at, value }),
        (any::<u32>(), 1..64u16).prop_map(|(at, length)| Change::Cut { at, length }),
        (any::<u32>(), 1..256u16, 1..40u8).prop_map(|(at, length, times)| Change::Repeat {
            at,
            length,
            times
        }),
        (any::<u32>(), any::<u8>()).prop_map(|(at, word)| Change::Insert { at, word }),
        (any::<u8>(), any::<u32>(), any::<u32>(), 1..400u16)
            .prop_map(|(from, at, source, length)| Change::Splice { from, at, source, length }),
        (any::<u32>(), any::<u8>()).prop_map(|(at, value)| Change::Number { at, value }),
        any::<u32>().prop_map(|at| Change::End { at }),
    ]
}

fn apply(corpus: &[Vec<u8>], pick: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = corpus[pick % corpus.len()].clone();
    for change in changes {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        let place = |at: u32| at as usize % length;
        let end = |at: u32, size: u16| (place(at) + usize::from(size)).min(length);
        match *change {
            Change::Flip { at, bit } => bytes[place(at)] ^= 1 << bit,
            Change::Set { at, value } => bytes[place(at)] = value,
            Change::Cut { at, length } => drop(bytes.drain(place(at)..end(at, length))),
            Change::Repeat { at, length, times } => {
                let part = bytes[place(at)..end(at, length)].repeat(usize::from(times));
                bytes.splice(place(at)..place(at), part);
            }
            Change::Insert { at, word } => {
                bytes.splice(place(at)..place(at), WORDS[usize::from(word) % WORDS.len()].iter().copied());
            }
            Change::Splice { from, at, source, length } => {
                let other = &corpus[usize::from(from) % corpus.len()];
                if !other.is_empty() {
                    let start = source as usize % other.len();
                    let part = other[start..(start + usize::from(length)).min(other.len())].to_vec();
                    bytes.splice(place(at)..place(at), part);
                }
            }
            Change::Number { at, value } => {
                // The next number in the text becomes another one.
                let start = place(at);
                let digits = bytes[start..].iter().position(u8::is_ascii_digit).map(|i| start + i);
                if let Some(first) = digits {
                    let last =
                        bytes[first..].iter().position(|b| !b.is_ascii_digit()).map_or(length, |i| first + i);
                    bytes.splice(first..last, NUMBERS[usize::from(value) % NUMBERS.len()].iter().copied());
                }
            }
            Change::End { at } => bytes.truncate(place(at)),
        }
        bytes.truncate(1 << 20);
    }
    bytes
}

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz").join(kind);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runs cases until the time is up, at least some.
fn run<S: Strategy>(strategy: &S, mut case: impl FnMut(S::Value)) {
    let seconds = std::env::var("HETSOC_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let cell = std::cell::RefCell::new(&mut case);
    let mut cases = 0u64;
    loop {
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        let mut runner =
            if seconds == 0 { TestRunner::new_with_rng(config, fixed()) } else { TestRunner::new(config) };
        let done = runner.run(strategy, |value| {
            let start = Instant::now();
            (cell.borrow_mut())(value);
            prop_assert!(start.elapsed() < SLOWEST, "took {:?}", start.elapsed());
            Ok(())
        });
        if let Err(error) = done {
            panic!("{error}");
        }
        cases += 300;
        if Instant::now() >= end {
            break;
        }
    }
    println!("fuzz: {cases} cases in {seconds} s");
}

fn fixed() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

fn damaged(kind: &str, mut case: impl FnMut(&[u8])) {
    let corpus = corpus(kind);
    corpus.iter().for_each(|file| case(file));
    run(&(any::<usize>(), prop::collection::vec(change(), 1..12)), |(pick, changes)| {
        case(&apply(&corpus, pick, &changes));
    });
}

/// Whatever a reader lets through must be fit for everything behind it.
fn digest(graph: &Graph) {
    let _ = (count_graph(graph), table(graph), dot(graph));
    for rules in &ALL {
        if let Ok(lowered) = lower(graph, rules) {
            let _ = (lowered.dag(), dot_lowered(&lowered));
        }
    }
}

fn onnx(bytes: &[u8]) {
    let mut options = OnnxOptions::default();
    options.dims.insert("b".to_owned(), 2);
    for options in [OnnxOptions::default(), options] {
        if let Ok(graph) = read_onnx(bytes, "fuzz", &options) {
            digest(&graph);
            // What is read can be written, and is read again.
            let text = SourceText::new(
                "again.toml",
                hetsoc::config::native_graph::write_native_graph(&graph, "fuzz"),
            );
            if let Err(error) = read_native_graph(&text, "fuzz") {
                assert!(!error.to_string().contains("config::"), "{error}");
            }
            let json = write_neutral_json(&graph, "fuzz");
            if let Err(error) = read_neutral_json(&json) {
                assert!(!error.to_string().contains("not a readable"), "{error}");
            }
        }
    }
}

#[test]
fn onnx_files() {
    damaged("onnx", onnx);
}

/// Graphs of real operators with shapes and attributes that mostly make no sense.
fn made_up() -> impl Strategy<Value = ModelProto> {
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

#[test]
fn onnx_graphs_made_up() {
    run(&made_up(), |model| onnx(&model.encode_to_vec()));
}

#[test]
fn tflite_files() {
    damaged("tflite", |bytes| {
        if let Ok(graph) = read_tflite(bytes, "fuzz") {
            digest(&graph);
            let text = SourceText::new(
                "again.toml",
                hetsoc::config::native_graph::write_native_graph(&graph, "fuzz"),
            );
            if let Err(error) = read_native_graph(&text, "fuzz") {
                assert!(!error.to_string().contains("config::"), "{error}");
            }
        }
    });
}

#[test]
fn toml_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    damaged("toml", |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let source = SourceText::new("fuzz.toml", text);
        if let Ok(graph) = read_native_graph(&source, "fuzz") {
            digest(&graph);
        }
        let _ = scenario_text(&source, folder.path(), &[]).map_err(|error| error.to_string());
        std::fs::write(&path, bytes).unwrap();
        let name = path.to_str().unwrap();
        let overrides = ["memory.achievable_gb_per_s=2".to_owned()];
        let _ = Library.soc(name, &overrides).map_err(|error| error.to_string());
        let _ = Library.device(name, &[]).map_err(|error| error.to_string());
        let _ = Library.runtime("bcm2712", name, &[]).map_err(|error| error.to_string());
        let _ = Library.support(name).map_err(|error| error.to_string());
    });
}

#[test]
fn csv_files() {
    damaged("csv", |bytes| {
        let source = SourceText::new("fuzz.csv", String::from_utf8_lossy(bytes));
        if let Ok(lists) = read_operator_lists(&source) {
            for list in lists {
                let _ = (list.graph.dag(), dot_lowered(&list.graph));
            }
        }
        let _ = read_measurements(&source).map_err(|error| error.to_string());
    });
}

#[test]
fn json_files() {
    let graph = corpus("json");
    let dag = graph.iter().find(|file| file.starts_with(b"{\"name\":\"c\"")).unwrap();
    let dag = SourceText::new("dag.json", String::from_utf8_lossy(dag));
    let problem = read_dag(&dag, DagNetwork::ContentionFree).unwrap();
    damaged("json", |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if let Ok(graph) = read_neutral_json(&text) {
            digest(&graph);
        }
        let source = SourceText::new("fuzz.json", text);
        let _ = read_dag(&source, DagNetwork::SharedBus).map_err(|error| error.to_string());
        let _ = read_plans(&source, &problem.platform, &[2]).map_err(|error| error.to_string());
    });
}
