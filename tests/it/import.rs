//! `hetsoc import`: every conversion reads back as the same network, and what cannot be converted says why.

use std::path::Path;
use std::process::{Command, Output};

use hetsoc::config::convert::{Conversion, Form, convert};
use hetsoc::config::model_file::{ModelGraph, ModelInput, load_model};
use hetsoc::graph::costs::count_graph;
use hetsoc::graph::description::difference;
use hetsoc::graph::library::MODELS;

use crate::shared::shared;

fn hetsoc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn through(model: &ModelInput, form: Form, ending: &str) -> Result<ModelInput, String> {
    let conversion = Conversion { form, lowering: "tflite", family: None, source: "test" };
    let bytes = convert(model, &conversion).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{}.{ending}", model.name));
    std::fs::write(&path, bytes).unwrap();
    load_model(path.to_str().unwrap(), &[]).map_err(|error| error.to_string())
}

fn graph(model: &ModelInput) -> &hetsoc::graph::model::Graph {
    match &model.graph {
        ModelGraph::Graph(graph) => graph,
        ModelGraph::List(_) => panic!("a list"),
    }
}

/// Everything that a run can see of a model, for each set of lowering rules.
fn lowered(model: &ModelInput) -> Vec<hetsoc::graph::lowered::LoweredGraph> {
    ["none", "tflite", "tflite-gpu", "mace", "ncnn", "onnxruntime"]
        .map(|rules| {
            let mut graph = model.lowered(rules).unwrap();
            // Names of tensors are for people.
            graph.tensors.iter_mut().for_each(|tensor| tensor.name.clear());
            graph.name.clear();
            graph
        })
        .to_vec()
}

#[test]
fn the_library_comes_back_the_same_from_every_form() {
    for entry in &MODELS {
        let model = load_model(entry.id, &[]).unwrap();
        for (form, ending) in [(Form::Toml, "toml"), (Form::Json, "json"), (Form::Onnx, "onnx")] {
            let again =
                through(&model, form, ending).unwrap_or_else(|e| panic!("{} {ending}: {e}", entry.id));
            assert_eq!(count_graph(graph(&model)), count_graph(graph(&again)), "{} {ending}", entry.id);
            if form != Form::Onnx {
                assert_eq!(difference(graph(&model), graph(&again)), None, "{} {ending}", entry.id);
            }
        }
    }
}

#[test]
fn runtimes_execute_the_same_after_a_round_trip() {
    for id in ["mobilenet-v3-small", "squeezenet1-1", "mobilevit-s", "gpt2-small-decode-kv128"] {
        let model = load_model(id, &[]).unwrap();
        let wanted = lowered(&model);
        for (form, ending) in [(Form::Toml, "toml"), (Form::Json, "json"), (Form::Onnx, "onnx")] {
            let again = lowered(&through(&model, form, ending).unwrap());
            for (before, after) in wanted.iter().zip(&again) {
                assert_eq!(before.operators, after.operators, "{id} {ending}");
                assert_eq!(before.tensors, after.tensors, "{id} {ending}");
            }
        }
    }
}

#[test]
fn tflite_files_come_back_the_same() {
    let Some(folder) = shared("models/tflite") else { return };
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "tflite") {
            continue;
        }
        files += 1;
        let model = load_model(path.to_str().unwrap(), &[]).unwrap();
        for (form, ending) in [(Form::Toml, "toml"), (Form::Json, "json")] {
            let again = through(&model, form, ending).unwrap();
            assert_eq!(difference(graph(&model), graph(&again)), None, "{path:?} {ending}");
            assert_eq!(lowered(&model)[1].operators, lowered(&again)[1].operators, "{path:?} {ending}");
        }
        let refused = through(&model, Form::Onnx, "onnx").unwrap_err();
        assert!(refused.contains("those of TensorFlow Lite"), "{refused}");
    }
    assert_eq!(files, 6);
}

#[test]
fn the_simulated_latency_is_identical() {
    let folder = tempfile::tempdir().unwrap();
    let run = |model: &str| -> serde_json::Value {
        let arguments = [
            "run",
            model,
            "--device",
            "xiaomi-9",
            "--runtime",
            "mace",
            "--requests",
            "5",
            "--format",
            "json",
        ];
        let output = hetsoc(&arguments, folder.path());
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let wanted = run("mobilenet-v3-small");
    for name in ["m.toml", "m.json", "m.onnx"] {
        let output = hetsoc(&["import", "mobilenet-v3-small", "--out", name], folder.path());
        assert!(output.status.success(), "{}", said(&output));
        let found = run(name);
        for key in ["latency_ms", "energy_mj", "peak_memory_bytes", "transfers", "resources"] {
            assert_eq!(wanted[key], found[key], "{name} {key}");
        }
    }
    // A scenario names a native graph like any model.
    let scenario = "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\n[scenario]\nname = \"s\"\n[[stream]]\nname = \"mobilenet-v3-small\"\nmodel = \"m.toml\"\n\
        arrivals = { kind = \"back-to-back\", count = 5 }\n[strategy]\nname = \"single\"\n[stop]\nwarmup = 4\n";
    std::fs::write(folder.path().join("s.toml"), scenario).unwrap();
    let output = hetsoc(&["run", "s.toml", "--format", "json"], folder.path());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(wanted["latency_ms"], found["latency_ms"]);
}

#[test]
fn operator_lists_hold_what_they_can_and_refuse_the_rest() {
    let mut written = Vec::new();
    for entry in &MODELS {
        let model = load_model(entry.id, &[]).unwrap();
        match through(&model, Form::Csv, "csv") {
            Ok(list) => {
                let ModelGraph::List(list) = &list.graph else { panic!("a graph") };
                let lowered = model.lowered("tflite").unwrap();
                let macs = |operators: &[hetsoc::graph::lowered::LoweredOperator]| {
                    operators.iter().map(|o| o.macs).sum::<u64>()
                };
                assert_eq!(macs(&list.operators), macs(&lowered.operators), "{}", entry.id);
                written.push(entry.id);
            }
            Err(refused) => {
                assert!(refused.contains("an operator list cannot state"), "{}: {refused}", entry.id)
            }
        }
    }
    for id in ["resnet50", "mobilenet-v2", "vgg16", "densenet121", "squeezenet1-1"] {
        assert!(written.contains(&id), "{written:?}");
    }
    for id in ["bert-base-128", "unet-256", "deeplabv3-mobilenet-v3-large"] {
        assert!(!written.contains(&id), "{id}");
    }
}

#[test]
fn wrong_wishes_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["import", "resnet18", "--out", "x.tflite"], 3, "TensorFlow Lite files are read, not written"),
        (&["import", "bert-base-128", "--out", "x.csv"], 3, "an operator list cannot state"),
        (&["import", "resnet18", "--out", "x.txt"], 2, "names no form"),
        (&["import", "resnet18", "--to", "onnx"], 2, "ONNX is no text"),
        (&["import", "resnet81", "--out", "x.toml"], 4, "no model `resnet81`"),
        (&["import", "resnet18", "--out", "no/such/x.toml"], 13, "no/such/x.toml"),
        (&["import", "resnet18", "--out", "x.toml", "--lowering", "mace"], 2, "keep the graph as read"),
        (&["import", "resnet18", "--dot", "--lowering", "make"], 4, "there are no lowering rules `make`"),
    ];
    for (arguments, code, message) in cases {
        let output = hetsoc(arguments, folder.path());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(message), "{arguments:?}: {}", said(&output));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?} left something");
    }
    std::fs::write(folder.path().join("x.toml"), "mine").unwrap();
    let output = hetsoc(&["import", "resnet18", "--out", "x.toml"], folder.path());
    assert_eq!(output.status.code(), Some(13));
    assert_eq!(std::fs::read(folder.path().join("x.toml")).unwrap(), b"mine");
    let output = hetsoc(&["import", "resnet18", "--out", "x.toml", "--force"], folder.path());
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary is left");
}

#[test]
fn graphs_are_drawn_as_read_and_as_lowered() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, least) in [
        (vec!["import", "resnet18", "--dot"], 49),
        (vec!["import", "resnet18", "--dot", "--lowering", "tflite"], 20),
    ] {
        let output = hetsoc(&arguments, folder.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("digraph \"resnet18\" {") && text.ends_with("}\n"));
        assert!(
            text.lines()
                .filter(|line| line.starts_with("  op") && line.contains("[label=") && !line.contains("->"))
                .count()
                >= least
        );
    }
}

#[test]
fn constants_of_tflite_files_hold_what_their_shapes_say() {
    use hetsoc::graph::model::{ConstantData, TensorRole};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz/tflite");
    let mut checked = 0;
    for name in ["attention_fp32", "conv_fp32", "conv_int8"] {
        let bytes = std::fs::read(folder.join(format!("{name}.tflite"))).unwrap();
        let graph = hetsoc::graph::tflite::read_tflite(&bytes, name).unwrap();
        for tensor in &graph.tensors {
            let TensorRole::Constant(Some(data)) = &tensor.role else { continue };
            let held = match data {
                ConstantData::Integers(values) => values.len(),
                ConstantData::Floats(values) => values.len(),
            };
            assert_eq!(held as u64, tensor.elements(), "{name} {}", tensor.name);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
