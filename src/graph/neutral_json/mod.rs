//! Neutral JSON graphs: shapes, multiply-accumulates and bytes, already counted.
//!
//! Schema `neutral-graph/2` states the constants, so that nothing is lost; [`write_neutral_json`] writes it.
//! Schema `neutral-graph/1` leaves the shapes of constants out and gives their bytes per operator, so that the reader
//! reconstructs them from the operator's definition. What cannot be recovered is the
//! content: the bounds of a Clip or the target of a Reshape. After reading, every total that the
//! file states is recounted and must agree.

mod constants;
mod schema;
mod second;
mod write;

pub use write::write_neutral_json;

use super::costs::count_graph;
use super::draft::{Draft, DraftOperator, label};
use super::error::GraphError;
use super::fact::Fact;
use super::fold::compact;
use super::model::{Attribute, ElementType, Graph, Operator};
use super::onnx::tensors::check_shape;
use crate::diagnostics::printable;
pub(crate) use schema::Document;
use schema::{Node, TensorEntry};
use serde_json::Value;

/// The schemas that this reader understands.
const SCHEMA: &str = "neutral-graph/1";
const SCHEMA_2: &str = "neutral-graph/2";

/// Reads a neutral JSON graph.
///
/// # Errors
/// [`GraphError::Decode`] with line and column for text that is not of this schema (unknown keys
/// included), and the errors of any graph: dangling, duplicate, cyclic, limits. A total that differs
/// from the recounted one is [`GraphError::Malformed`].
pub fn read_neutral_json(text: &str) -> Result<Graph, GraphError> {
    let document: Document = serde_json::from_str(text)
        .map_err(|e| GraphError::Decode { format: "neutral JSON", reason: e.to_string() })?;
    let second = document.schema == SCHEMA_2;
    if document.schema != SCHEMA && !second {
        return Err(GraphError::Decode {
            format: "neutral JSON",
            reason: format!("schema `{}` is neither {SCHEMA} nor {SCHEMA_2}", printable(&document.schema)),
        });
    }
    if second != document.constants.is_some() {
        return Err(GraphError::Malformed {
            reason: format!("`constants` must stand in files of schema {SCHEMA_2} and in no others"),
        });
    }
    let graph = if second { second::build(&document)? } else { build(&document)? };
    check_totals(&graph, &document)?;
    Ok(graph)
}

fn build(document: &Document) -> Result<Graph, GraphError> {
    let mut draft = Draft { name: document.name.clone(), opset: document.opset, ..Draft::default() };
    for input in &document.inputs {
        let fact = entry_fact(input)?;
        draft.add_input(&input.name, fact)?;
    }
    for node in &document.nodes {
        for name in node.outputs.iter().filter(|n| !n.is_empty()) {
            draft.tensor(name);
        }
    }
    // Whatever neither an operator nor the outside produces is a constant.
    for (position, node) in document.nodes.iter().enumerate() {
        let who = label(&node.name, &node.op_type, position);
        for (name, fact) in constants::reconstruct(node, &who, &draft)? {
            draft.add_stored(&name, fact)?;
        }
    }
    for (position, node) in document.nodes.iter().enumerate() {
        add_node(&mut draft, node, position)?;
    }
    for output in &document.outputs {
        let fact = entry_fact(output)?;
        let id = draft.tensor(&output.name);
        let tensor = &mut draft.tensors[id.0 as usize];
        if let Some(known) = tensor.fact.as_ref().filter(|known| known.shape != fact.shape) {
            return Err(GraphError::Conflict {
                tensor: printable(&output.name),
                stated: format!("shape {:?}", fact.shape),
                inferred: format!("{:?}", known.shape),
                operator: "its producer".to_owned(),
            });
        }
        draft.outputs.push(id);
    }
    draft.check_and_sort()?;
    let Draft { name, opset, inputs, outputs, tensors, operators, .. } = draft;
    compact(name, opset, inputs, outputs, tensors, operators.into_iter().map(|o| o.operator).collect())
}

fn entry_fact(entry: &TensorEntry) -> Result<Fact, GraphError> {
    check_shape(&entry.name, &entry.shape)?;
    Ok(Fact::activation(entry.shape.clone(), element(&entry.name, &entry.dtype)?))
}

/// The element type of a numpy name.
fn element(tensor: &str, dtype: &str) -> Result<ElementType, GraphError> {
    ElementType::from_name(dtype)
        .ok_or_else(|| GraphError::ElementType { tensor: printable(tensor), element: printable(dtype) })
}

fn add_node(draft: &mut Draft, node: &Node, position: usize) -> Result<(), GraphError> {
    if node.out_shapes.len() != node.outputs.iter().filter(|n| !n.is_empty()).count() {
        let who = label(&node.name, &node.op_type, position);
        let reason = format!("{who} has {} out_shapes for its outputs", node.out_shapes.len());
        return Err(GraphError::Malformed { reason });
    }
    let mut ids =
        |names: &[String]| names.iter().map(|n| (!n.is_empty()).then(|| draft.tensor(n))).collect::<Vec<_>>();
    let (inputs, outputs) = (ids(&node.inputs), ids(&node.outputs));
    for (&id, shape) in outputs.iter().flatten().zip(&node.out_shapes) {
        let tensor = &mut draft.tensors[id.0 as usize];
        check_shape(&tensor.name, shape)?;
        tensor.fact = Some(Fact::activation(shape.clone(), element(&tensor.name, &node.dtype)?));
    }
    let attributes = node.attrs.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
    draft.add_operator(DraftOperator {
        operator: Operator {
            name: node.name.clone(),
            op_type: node.op_type.clone(),
            domain: node.domain.clone(),
            attributes,
            inputs,
            outputs,
        },
        tensor: None,
    })
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Number(n) => {
            n.as_i64().map_or_else(|| Attribute::Float(n.as_f64().unwrap_or_default()), Attribute::Int)
        }
        Value::String(text) => Attribute::Text(text.clone()),
        Value::Array(items) => {
            let ints: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
            let floats = || items.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
            let texts = || items.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            ints.map(Attribute::Ints)
                .or_else(|| floats().map(Attribute::Floats))
                .or_else(|| texts().map(Attribute::Texts))
                .unwrap_or(Attribute::Other("list"))
        }
        _ => Attribute::Other("unknown"),
    }
}

fn check_totals(graph: &Graph, document: &Document) -> Result<(), GraphError> {
    let (counts, totals) = (count_graph(graph), &document.totals);
    let pairs = [
        ("nodes", counts.operators, totals.nodes),
        ("edges", counts.edges, totals.edges),
        ("params", counts.parameters, totals.params),
        ("macs", counts.macs, totals.macs),
        ("weight_bytes", counts.weight_bytes, totals.weight_bytes),
        ("activation_bytes", counts.activation_bytes, totals.activation_bytes),
        ("peak_live_activation_bytes", counts.peak_live_bytes, totals.peak_live_activation_bytes),
    ];
    match pairs.into_iter().find(|(_, counted, stated)| counted != stated) {
        Some((key, counted, stated)) => Err(GraphError::Malformed {
            reason: format!("the file states totals.{key} {stated}, counting its nodes gives {counted}"),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"schema":"neutral-graph/1","name":"n","source":"s","exporter":"e","batch":1,"opset":17,
        "inputs":[{"name":"x","shape":[1,3],"dtype":"float32"}],
        "outputs":[{"name":"y","shape":[1,4],"dtype":"float32"}],
        "totals":{"nodes":1,"edges":1,"params":16,"macs":12,"weight_bytes":64,"activation_bytes":16,
                  "peak_live_activation_bytes":28},
        "mac_rule":"r",
        "nodes":[{"id":0,"name":"fc","op_type":"Gemm","domain":"","attrs":{"transB":1},"inputs":["x","w","b"],
                  "outputs":["y"],"in_shapes":[[1,3]],"out_shapes":[[1,4]],"macs":12,"out_elems":4,"bytes_in":12,
                  "bytes_out":16,"weight_bytes":64,"dtype":"float32"}],
        "edges":[[-1,0,"x",12]]}"#;

    #[test]
    fn constants_are_reconstructed() {
        let graph = read_neutral_json(SMALL).unwrap();
        let shape = |i: usize| graph.tensor(graph.operators[0].inputs[i].unwrap()).shape.clone();
        assert_eq!((shape(1), shape(2)), (vec![4, 3], vec![4]));
    }

    #[test]
    fn contradictions_are_refused() {
        let error = |from: &str, to: &str| {
            assert!(SMALL.contains(from), "{from}");
            read_neutral_json(&SMALL.replace(from, to)).unwrap_err().to_string()
        };
        assert!(error(r#""macs":12,"weight"#, r#""macs":13,"weight"#).contains("totals.macs 13"));
        assert!(error("mac_rule", "mac_rules").contains("unknown field `mac_rules`"));
        assert!(error("neutral-graph/1", "neutral-graph/2").contains("schema"));
        assert!(error(r#""dtype":"float32"}],"#, r#""dtype":"quaternion"}],"#).contains("quaternion"));
        assert!(
            error(r#""weight_bytes":64,"dtype""#, r#""weight_bytes":40,"dtype""#).contains("weight_bytes")
        );
        assert!(error(r#""outputs":["y"]"#, r#""outputs":["x"]"#).contains("produced twice"));
        assert!(read_neutral_json("{").unwrap_err().to_string().contains("line 1"));
    }
}
