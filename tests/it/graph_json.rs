//! Every shared ONNX graph counts exactly like its neutral JSON, with and without stated shapes.

use std::path::Path;
use std::time::Instant;

use hetsoc::graph::costs::{count_graph, count_operator};
use hetsoc::graph::model::Graph;
use hetsoc::graph::neutral_json::read_neutral_json;
use hetsoc::graph::onnx::messages::ModelProto;
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::show::show;
use prost::Message;
use serde_json::Value;

use crate::shared::shared;

/// Name and bytes of each shared ONNX file, sorted.
fn models(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder.join("onnx"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .collect();
    paths.sort();
    let name = |p: &Path| p.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|p| (name(p), std::fs::read(p).unwrap())).collect()
}

fn json(folder: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.join("json").join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn shapes(graph: &Graph, ids: &[Option<hetsoc::graph::model::TensorId>], constants: bool) -> Value {
    let tensors = ids.iter().flatten().map(|&id| graph.tensor(id));
    tensors.filter(|t| constants || !t.is_constant()).map(|t| t.shape.clone()).collect::<Vec<_>>().into()
}

fn names(graph: &Graph, ids: &[Option<hetsoc::graph::model::TensorId>]) -> Value {
    ids.iter()
        .map(|id| id.map_or(String::new(), |id| graph.tensor(id).name.clone()))
        .collect::<Vec<_>>()
        .into()
}

/// Compares everything that the neutral JSON states; returns the differences.
fn differences(graph: &Graph, wanted: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: String, have: Value, want: &Value| {
        if have != *want {
            found.push(format!("{what}: have {have}, want {want}"));
        }
    };
    let counts = count_graph(graph);
    let totals = &wanted["totals"];
    for (key, have) in [
        ("nodes", counts.operators),
        ("edges", counts.edges),
        ("macs", counts.macs),
        ("params", counts.parameters),
        ("weight_bytes", counts.weight_bytes),
        ("activation_bytes", counts.activation_bytes),
        ("peak_live_activation_bytes", counts.peak_live_bytes),
    ] {
        check(format!("{} totals.{key}", graph.name), have.into(), &totals[key]);
    }
    for (operator, want) in graph.operators.iter().zip(wanted["nodes"].as_array().unwrap()) {
        let counts = count_operator(graph, operator);
        let who = format!("{} {}", graph.name, operator.name);
        check(format!("{who} type"), operator.op_type.clone().into(), &want["op_type"]);
        check(format!("{who} macs"), counts.macs.into(), &want["macs"]);
        check(format!("{who} bytes_in"), counts.input_bytes.into(), &want["bytes_in"]);
        check(format!("{who} bytes_out"), counts.output_bytes.into(), &want["bytes_out"]);
        check(format!("{who} weight_bytes"), counts.weight_bytes.into(), &want["weight_bytes"]);
        check(format!("{who} in_shapes"), shapes(graph, &operator.inputs, false), &want["in_shapes"]);
        check(format!("{who} out_shapes"), shapes(graph, &operator.outputs, true), &want["out_shapes"]);
        check(format!("{who} inputs"), names(graph, &operator.inputs), &want["inputs"]);
        check(format!("{who} outputs"), names(graph, &operator.outputs), &want["outputs"]);
    }
    found
}

#[test]
fn all_graphs_equal_their_neutral_json() {
    let Some(folder) = shared("models") else { return };
    let (mut failures, mut count) = (Vec::new(), 0);
    let mut slowest = (0.0, String::new());
    for (name, bytes) in models(&folder) {
        let start = Instant::now();
        let graph =
            read_onnx(&bytes, &name, &OnnxOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let seconds = start.elapsed().as_secs_f64();
        if seconds > slowest.0 {
            slowest = (seconds, name.clone());
        }
        failures.extend(differences(&graph, &json(&folder, &name)));
        count += 1;
    }
    println!("{count} graphs, slowest import {:.1} ms ({})", slowest.0 * 1e3, slowest.1);
    assert!(
        failures.is_empty(),
        "{} differences, first: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
    assert_eq!(count, 49);
}

#[test]
fn shapes_that_are_stripped_are_inferred_again() {
    let Some(folder) = shared("models") else { return };
    let mut failures = Vec::new();
    for (name, bytes) in models(&folder) {
        let mut model = ModelProto::decode(&*bytes).unwrap();
        let graph = model.graph.as_mut().unwrap();
        graph.value_info.clear();
        for output in &mut graph.output {
            output.r#type = None;
        }
        match read_onnx(&model.encode_to_vec(), &name, &OnnxOptions::default()) {
            Ok(graph) => failures.extend(differences(&graph, &json(&folder, &name))),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(
        failures.is_empty(),
        "{} differences, first: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
}

/// What the JSON of `hetsoc show` must be, computed from the neutral JSON alone.
fn shown(wanted: &Value) -> Value {
    let totals = &wanted["totals"];
    let operators: Vec<Value> = wanted["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| {
            serde_json::json!({
                "id": n["id"], "name": n["name"], "op_type": n["op_type"], "macs": n["macs"],
                "input_bytes": n["bytes_in"], "output_bytes": n["bytes_out"], "weight_bytes": n["weight_bytes"],
                "inputs": n["inputs"], "outputs": n["outputs"],
            })
        })
        .collect();
    serde_json::json!({
        "name": wanted["name"],
        "totals": {
            "operators": totals["nodes"], "edges": totals["edges"], "macs": totals["macs"],
            "parameters": totals["params"], "weight_bytes": totals["weight_bytes"],
            "activation_bytes": totals["activation_bytes"],
            "peak_live_bytes": totals["peak_live_activation_bytes"],
        },
        "operators": operators,
    })
}

#[test]
fn what_is_shown_equals_the_neutral_json() {
    let Some(folder) = shared("models") else { return };
    for (name, bytes) in models(&folder) {
        let graph = read_onnx(&bytes, &name, &OnnxOptions::default()).unwrap();
        let mut have = serde_json::to_value(show(&graph)).unwrap();
        for operator in have["operators"].as_array_mut().unwrap() {
            // The neutral JSON knows no classes.
            let class = operator.as_object_mut().unwrap().remove("class").unwrap();
            assert!(class.is_string());
        }
        assert_eq!(have, shown(&json(&folder, &name)), "{name}");
    }
}

#[test]
fn edges_are_one_per_use_with_graph_inputs() {
    let Some(folder) = shared("models") else { return };
    for (name, bytes) in models(&folder) {
        let graph = read_onnx(&bytes, &name, &OnnxOptions::default()).unwrap();
        let mut producer = vec![-1i64; graph.tensors.len()];
        let mut have = Vec::new();
        for (position, operator) in graph.operators.iter().enumerate() {
            for &id in operator.inputs.iter().flatten().filter(|&&id| !graph.tensor(id).is_constant()) {
                let tensor = graph.tensor(id);
                have.push(serde_json::json!([
                    producer[id.0 as usize],
                    position,
                    tensor.name,
                    tensor.bytes()
                ]));
            }
            for id in operator.outputs.iter().flatten() {
                producer[id.0 as usize] = position as i64;
            }
        }
        let mut want = json(&folder, &name)["edges"].as_array().unwrap().clone();
        have.sort_by_key(Value::to_string);
        want.sort_by_key(Value::to_string);
        assert_eq!(have, want, "{name}");
    }
}

#[test]
fn macs_are_within_one_percent_of_those_published_with_torchvision() {
    let Some(folder) = shared("models") else { return };
    let mut reader = csv::Reader::from_path(folder.join("summary.csv")).unwrap();
    let columns = reader.headers().unwrap().clone();
    let (mut checked, mut failures) = (0, Vec::new());
    for row in reader.records() {
        let row = row.unwrap();
        let field = |name: &str| row[columns.iter().position(|c| c == name).unwrap()].to_owned();
        let Ok(published) = field("published_gmacs").parse::<f64>() else { continue };
        let name = field("name");
        let bytes = std::fs::read(folder.join("onnx").join(format!("{name}.onnx"))).unwrap();
        let graph = read_onnx(&bytes, &name, &OnnxOptions::default()).unwrap();
        let counted = count_graph(&graph).macs as f64 / 1e9;
        let error = counted / published - 1.0;
        println!(
            "{name}: {counted:.4} GMACs, published {published} ({}): {:+.2} %",
            field("published_source"),
            error * 100.0
        );
        if field("published_source").starts_with("torchvision") {
            checked += 1;
            if error.abs() > 0.01 {
                failures.push(name);
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
    assert!(checked >= 19, "only {checked} models compared");
}

#[test]
fn neutral_json_reads_into_the_same_counts() {
    let Some(folder) = shared("models") else { return };
    let mut failures = Vec::new();
    for (name, _) in models(&folder) {
        let wanted = json(&folder, &name);
        match read_neutral_json(&wanted.to_string()) {
            Ok(graph) => failures.extend(differences(&graph, &wanted)),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(
        failures.is_empty(),
        "{} differences, first: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
}
