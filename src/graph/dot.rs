//! Graphs for Graphviz.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::lowered::LoweredGraph;
use super::model::{Graph, TensorId};
use crate::diagnostics::printable;

/// A graph as read, in the DOT language: a box per operator, an edge per tensor with its shape.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut text = head(&graph.name);
    let mut producer: BTreeMap<TensorId, String> = BTreeMap::new();
    for (position, &id) in graph.inputs.iter().enumerate() {
        end(&mut text, &format!("in{position}"), &graph.tensor(id).name);
        producer.insert(id, format!("in{position}"));
    }
    for (position, operator) in graph.operators.iter().enumerate() {
        let shape = operator.outputs.iter().flatten().next().map(|&id| shape(&graph.tensor(id).shape));
        node(&mut text, position, &operator.op_type, &operator.name, &shape.unwrap_or_default());
        for id in operator.inputs.iter().flatten() {
            if let Some(from) = producer.get(id) {
                edge(&mut text, from, &format!("op{position}"), &shape_of(graph, *id));
            }
        }
        for &id in operator.outputs.iter().flatten() {
            producer.insert(id, format!("op{position}"));
        }
    }
    for (position, id) in graph.outputs.iter().enumerate() {
        end(&mut text, &format!("out{position}"), &graph.tensor(*id).name);
        if let Some(from) = producer.get(id) {
            edge(&mut text, from, &format!("out{position}"), &shape_of(graph, *id));
        }
    }
    text.push_str("}\n");
    text
}

/// A lowered graph in the DOT language.
#[must_use]
pub fn dot_lowered(graph: &LoweredGraph) -> String {
    let mut text = head(&graph.name);
    let mut producer: BTreeMap<u32, String> = BTreeMap::new();
    let tensor = |id: u32| graph.tensors.get(id as usize);
    let label = |id: u32| tensor(id).map_or_else(String::new, |t| shape(&t.shape));
    let name = |id: u32| tensor(id).map_or_else(String::new, |t| t.name.clone());
    for (position, &id) in graph.inputs.iter().enumerate() {
        end(&mut text, &format!("in{position}"), &name(id));
        producer.insert(id, format!("in{position}"));
    }
    for (position, operator) in graph.operators.iter().enumerate() {
        let mut detail = operator.outputs.first().map(|&id| label(id)).unwrap_or_default();
        if !operator.fused.is_empty() {
            let _ = write!(detail, " + {}", operator.fused.join(" + "));
        }
        node(&mut text, position, &operator.op_type, &operator.name, &detail);
        for id in &operator.inputs {
            if let Some(from) = producer.get(id) {
                edge(&mut text, from, &format!("op{position}"), &label(*id));
            }
        }
        for &id in &operator.outputs {
            producer.insert(id, format!("op{position}"));
        }
    }
    for (position, id) in graph.outputs.iter().enumerate() {
        end(&mut text, &format!("out{position}"), &name(*id));
        if let Some(from) = producer.get(id) {
            edge(&mut text, from, &format!("out{position}"), &label(*id));
        }
    }
    text.push_str("}\n");
    text
}

/// A double-quoted string of the DOT language. Backslashes would start an escape (`\N`, `\l`), quotes would end it, and control
/// characters have become visible escapes before.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in printable(text).chars() {
        if matches!(c, '"' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Lines of a label, each escaped for itself.
fn label(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().filter(|line| !line.is_empty()).map(|line| escaped(line)).collect();
    format!("\"{}\"", lines.join("\\n"))
}

fn head(name: &str) -> String {
    format!(
        "digraph {} {{\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n  edge [fontname=\"sans-serif\", fontsize=8];\n",
        quoted(name)
    )
}

fn end(text: &mut String, id: &str, name: &str) {
    let _ = writeln!(text, "  {id} [shape=ellipse, label={}];", label(&[name]));
}

fn node(text: &mut String, position: usize, op_type: &str, name: &str, detail: &str) {
    let _ = writeln!(text, "  op{position} [label={}];", label(&[op_type, name, detail]));
}

fn edge(text: &mut String, from: &str, to: &str, shape: &str) {
    let _ = writeln!(text, "  {from} -> {to} [label={}];", label(&[shape]));
}

fn shape_of(graph: &Graph, id: TensorId) -> String {
    shape(&graph.tensor(id).shape)
}

fn shape(dims: &[u64]) -> String {
    dims.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::library;

    #[test]
    fn every_operator_is_a_node() {
        let graph = library::find("resnet18").unwrap().graph().unwrap();
        let text = dot(&graph);
        assert_eq!(text.matches("[label=\"Conv\\n").count(), 20);
        assert_eq!(text.lines().filter(|l| l.contains(" -> ")).count(), 57 + 1, "edges and the output");
    }

    #[test]
    fn labels_cannot_leave_their_quotes() {
        let hostile = "a\"]; evil [label=\"\\N\u{1b}[31m\n<b>";
        assert_eq!(quoted(hostile), "\"a\\\"]; evil [label=\\\"\\\\N\\\\u{1b}[31m\\\\n<b>\"");
        assert_eq!(label(&["\"x", "y\""]), "\"\\\"x\\ny\\\"\"");
    }
}
