//! Graphs as native TOML.

use std::fmt::Write;

use crate::graph::description::{Described, Description, Value};
use crate::graph::model::Graph;

/// Writes a graph as native TOML that [`read_native_graph`](super::read_native_graph) reads back without loss. `source` says in a
/// comment where the graph came from.
#[must_use]
pub fn write_native_graph(graph: &Graph, source: &str) -> String {
    let described = Description::of(graph);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |content: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{content}");
    };
    line(format_args!("# From {}", crate::diagnostics::printable(source)));
    line(format_args!("schema = 1"));
    line(format_args!("name = {}", quoted(&described.name)));
    match described.opset {
        0 => line(format_args!("vocabulary = \"tflite\"")),
        opset => line(format_args!("opset = {opset}")),
    }
    let list = |key: &str, entries: Vec<String>| match entries.is_empty() {
        true => format!("{key} = []"),
        false => format!("{key} = [\n  {},\n]", entries.join(",\n  ")),
    };
    line(format_args!("{}", list("inputs", described.inputs.iter().map(entry).collect())));
    line(format_args!("outputs = {}", texts(&described.outputs)));
    if !described.variables.is_empty() {
        line(format_args!("{}", list("variables", described.variables.iter().map(entry).collect())));
    }
    if !described.constants.is_empty() {
        line(format_args!("{}", list("constants", described.constants.iter().map(entry).collect())));
    }
    if !described.quantization.is_empty() {
        let entries = described.quantization.iter().map(|(name, q)| {
            let scales: Vec<Value> = q.scales.iter().map(|&x| Value::Float(f64::from(x))).collect();
            let zeros: Vec<Value> = q.zero_points.iter().map(|&x| Value::Int(x)).collect();
            format!(
                "{{ tensor = {}, scales = {}, zero_points = {}, axis = {} }}",
                quoted(name),
                value(&Value::List(scales)),
                value(&Value::List(zeros)),
                q.axis
            )
        });
        line(format_args!("{}", list("quantization", entries.collect())));
    }
    if described.operators.is_empty() {
        line(format_args!("operator = []"));
    }
    for operator in &described.operators {
        line(format_args!("\n[[operator]]"));
        line(format_args!("type = {}", quoted(&operator.op_type)));
        if !operator.name.is_empty() {
            line(format_args!("name = {}", quoted(&operator.name)));
        }
        if !operator.domain.is_empty() {
            line(format_args!("domain = {}", quoted(&operator.domain)));
        }
        line(format_args!("inputs = {}", texts(&operator.inputs)));
        line(format_args!("outputs = {}", texts(&operator.outputs)));
        if !operator.attributes.is_empty() {
            let pairs = operator.attributes.iter().map(|(name, attribute)| {
                format!("{} = {}", quoted(name), value(&Value::of_attribute(attribute)))
            });
            line(format_args!("attributes = {{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
        }
        let shapes = operator.stated.iter().map(|(shape, _)| dims(shape.as_deref().unwrap_or_default()));
        line(format_args!("shapes = [{}]", shapes.collect::<Vec<_>>().join(", ")));
        let elements =
            operator.stated.iter().filter_map(|(_, element)| Some(quoted(element.as_ref()?.name())));
        line(format_args!("elements = [{}]", elements.collect::<Vec<_>>().join(", ")));
    }
    text
}

fn entry(tensor: &Described) -> String {
    let mut text = format!(
        "{{ name = {}, shape = {}, element = {}",
        quoted(&tensor.name),
        dims(&tensor.shape),
        quoted(tensor.element.name())
    );
    if let Some(data) = &tensor.data {
        let _ = write!(text, ", values = {}", value(&Value::List(Value::of_content(data))));
    }
    text.push_str(" }");
    text
}

fn dims(shape: &[u64]) -> String {
    format!("[{}]", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
}

fn texts(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A basic string on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            // Everything that a terminal or an editor could act on is escaped as well.
            c if c.is_control()
                || crate::diagnostics::printable(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() =>
            {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn value(plain: &Value) -> String {
    match plain {
        Value::Int(x) => x.to_string(),
        Value::Float(x) => toml::Value::Float(*x).to_string(),
        Value::Text(text) => quoted(text),
        Value::List(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Tagged(tag, inner) => format!("{{ {tag} = {} }}", value(inner)),
    }
}
