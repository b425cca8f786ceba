//! Graphs as neutral JSON, schema 2.

use serde_json::{Map, Value, json};

use super::SCHEMA_2;
use crate::graph::costs::{count_graph, count_operator};
use crate::graph::description::{Described, Description, Value as Plain};
use crate::graph::model::Graph;

/// Writes a graph as neutral JSON that [`read_neutral_json`](super::read_neutral_json) reads back without loss.
/// `source` says where the graph came from.
#[must_use]
pub fn write_neutral_json(graph: &Graph, source: &str) -> String {
    let described = Description::of(graph);
    let totals = count_graph(graph);
    let mut edges = Vec::new();
    let mut producer = vec![None; graph.tensors.len()];
    let mut nodes = Vec::new();
    for (id, (operator, words)) in graph.operators.iter().zip(&described.operators).enumerate() {
        let counts = count_operator(graph, operator);
        for tensor in operator.inputs.iter().flatten() {
            let (index, tensor) = (tensor.0 as usize, graph.tensor(*tensor));
            if !tensor.is_constant() {
                edges.push(json!([producer[index].unwrap_or(-1_i64), id, tensor.name, tensor.bytes()]));
            }
        }
        let read = operator.inputs.iter().flatten().map(|&t| graph.tensor(t));
        let written: Vec<_> = operator.outputs.iter().flatten().map(|&t| graph.tensor(t)).collect();
        let attributes: Map<String, Value> = words
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), plain(&Plain::of_attribute(value))))
            .collect();
        nodes.push(json!({
            "id": id,
            "name": words.name,
            "op_type": words.op_type,
            "domain": words.domain,
            "attrs": attributes,
            "inputs": words.inputs,
            "outputs": words.outputs,
            "in_shapes": read.filter(|t| !t.is_constant()).map(|t| &t.shape).collect::<Vec<_>>(),
            "out_shapes": written.iter().map(|t| &t.shape).collect::<Vec<_>>(),
            "out_dtypes": written.iter().map(|t| t.element.name()).collect::<Vec<_>>(),
            "macs": counts.macs,
            "out_elems": written.iter().fold(0u64, |n, t| n.saturating_add(t.elements())),
            "bytes_in": counts.input_bytes,
            "bytes_out": counts.output_bytes,
            "weight_bytes": counts.weight_bytes,
            "dtype": written.first().map_or("float32", |t| t.element.name()),
        }));
        for tensor in operator.outputs.iter().flatten() {
            producer[tensor.0 as usize] = Some(id as i64);
        }
    }
    let entry = |t: &Described| json!({ "name": t.name, "shape": t.shape, "dtype": t.element.name() });
    let outputs = described.outputs.iter().zip(&graph.outputs).map(|(name, &id)| {
        let tensor = graph.tensor(id);
        json!({ "name": name, "shape": tensor.shape, "dtype": tensor.element.name() })
    });
    let constants = described.constants.iter().map(|t| {
        let mut constant = entry(t);
        if let (Some(data), Value::Object(map)) = (&t.data, &mut constant) {
            map.insert("values".to_owned(), Plain::of_content(data).iter().map(plain).collect());
        }
        constant
    });
    let quantization: Map<String, Value> = described
        .quantization
        .iter()
        .map(|(name, q)| {
            (name.clone(), json!({ "scales": q.scales, "zero_points": q.zero_points, "axis": q.axis }))
        })
        .collect();
    let batch = graph.inputs.first().and_then(|&id| graph.tensor(id).shape.first()).copied().unwrap_or(1);
    let document = json!({
        "schema": SCHEMA_2,
        "name": described.name,
        "source": source,
        "exporter": concat!("hetsoc ", env!("CARGO_PKG_VERSION")),
        "batch": batch,
        "opset": described.opset,
        "inputs": described.inputs.iter().map(entry).collect::<Vec<_>>(),
        "variables": described.variables.iter().map(entry).collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "constants": constants.collect::<Vec<_>>(),
        "quantization": quantization,
        "totals": {
            "nodes": totals.operators,
            "edges": totals.edges,
            "params": totals.parameters,
            "macs": totals.macs,
            "weight_bytes": totals.weight_bytes,
            "activation_bytes": totals.activation_bytes,
            "peak_live_activation_bytes": totals.peak_live_bytes,
        },
        "mac_rule": "see docs/FORMATS.md; operators other than convolutions, products, contractions and recurrent layers count 0",
        "nodes": nodes,
        "edges": edges,
    });
    // One entry per line of the long lists keeps differences of such files readable.
    let mut text = String::from("{\n");
    if let Value::Object(map) = document {
        let last = map.len().saturating_sub(1);
        for (index, (key, value)) in map.iter().enumerate() {
            let comma = if index == last { "" } else { "," };
            let long = match value {
                Value::Array(items) if matches!(key.as_str(), "nodes" | "edges" | "constants") => Some(items),
                _ => None,
            };
            match long.filter(|items| !items.is_empty()) {
                Some(items) => {
                    let lines: Vec<String> = items.iter().map(|item| format!("    {item}")).collect();
                    text.push_str(&format!("  {}: [\n{}\n  ]{comma}\n", json!(key), lines.join(",\n")));
                }
                None => text.push_str(&format!("  {}: {value}{comma}\n", json!(key))),
            }
        }
    }
    text.push_str("}\n");
    crate::diagnostics::json_safe(&text)
}

fn plain(value: &Plain) -> Value {
    match value {
        Plain::Int(x) => json!(x),
        Plain::Float(x) if x.is_finite() => json!(x),
        Plain::Float(x) if x.is_nan() => json!("nan"),
        Plain::Float(x) => json!(if *x > 0.0 { "inf" } else { "-inf" }),
        Plain::Text(text) => json!(text),
        Plain::List(items) => items.iter().map(plain).collect(),
        Plain::Tagged(tag, value) => json!({ tag.as_str(): plain(value) }),
    }
}
