//! Operator graphs as TOML, written by hand or by `hetsoc import`.
//!
//! Format: docs/FORMATS.md, section `Native graphs`. Shapes of ONNX operators are inferred; stated ones are checked.

mod raw;
mod write;

use std::sync::Arc;

use super::check::Checker;
use super::document::{Document, Origins};
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use crate::graph::description::{Described, DescribedOperator, Description, Value};
use crate::graph::error::GraphError;
use crate::graph::model::{ElementType, Graph, Quantization};
pub(super) use raw::RawGraph;
use raw::{RawConstant, RawOperator, RawTensor, RawVocabulary};
use toml::Spanned;

pub use write::write_native_graph;

/// Operator set of hand-written graphs that name none.
const DEFAULT_OPSET: i64 = 17;

/// Whether a TOML text is a graph rather than a scenario or a profile: it has operators.
#[must_use]
pub fn is_native_graph(text: &Arc<SourceText>) -> bool {
    Document::parse(text).is_ok_and(|document| document.has("operator"))
}

/// Largest native graph that is read, in bytes.
pub const MAX_GRAPH_BYTES: u64 = 256 * 1024 * 1024;

/// Reads a native graph; `name` is its name unless the text gives one.
///
/// # Errors
/// Every fault of the text with file, line and column; faults of the graph at the operator or tensor that they are about.
pub fn read_native_graph(text: &Arc<SourceText>, name: &str) -> Result<Graph, InputError> {
    let (raw, origins) = Document::parse(text)?.read::<RawGraph>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let opset = match (raw.vocabulary, &raw.opset) {
        (RawVocabulary::Onnx, None) => DEFAULT_OPSET,
        (RawVocabulary::Onnx, Some(opset)) => *opset.get_ref(),
        (RawVocabulary::Tflite, None) => 0,
        (RawVocabulary::Tflite, Some(opset)) => {
            let help = "leave opset out, or use vocabulary = \"onnx\"";
            check.error("graph::opset", &opset.span(), "TensorFlow Lite has no operator sets", help);
            0
        }
    };
    if raw.vocabulary == RawVocabulary::Onnx && opset == 0 {
        let span = raw.opset.as_ref().map_or(0..0, Spanned::span);
        check.error("graph::opset", &span, "there is no operator set 0", "write opset = 9 to 21");
    }
    let inputs = raw.inputs.iter().map(|t| tensor(&mut check, t)).collect();
    let variables = raw.variables.iter().map(|t| tensor(&mut check, t)).collect();
    let constants = raw.constants.iter().map(|t| constant(&mut check, t)).collect();
    let operators: Vec<DescribedOperator> = raw.operator.iter().map(|op| operator(&mut check, op)).collect();
    let description = Description {
        name: raw.name.clone().unwrap_or_else(|| name.to_owned()),
        opset,
        inputs,
        variables,
        constants,
        outputs: raw.outputs.iter().map(|output| output.get_ref().clone()).collect(),
        operators,
        quantization: quantization(&mut check, &raw),
    };
    let (description, _) = check.finish(description)?;
    let labels: Vec<String> =
        description.operators.iter().enumerate().map(|(i, operator)| operator.label(i)).collect();
    description.graph().map_err(|error| place(&error, &labels, &raw, &origins).into())
}

fn element(check: &mut Checker<'_>, word: Option<&Spanned<String>>) -> ElementType {
    let Some(word) = word else { return ElementType::F32 };
    ElementType::from_name(word.get_ref()).unwrap_or_else(|| {
        let known: Vec<&str> = ElementType::names().collect();
        let mut help = format!("known: {}", known.join(", "));
        if let Some(near) = nearest(word.get_ref(), known) {
            help = format!("did you mean `{near}`? {help}");
        }
        let message = format!("`{}` is not an element type", printable(word.get_ref()));
        check.error("graph::element", &word.span(), message, help);
        ElementType::F32
    })
}

fn tensor(check: &mut Checker<'_>, raw: &RawTensor) -> Described {
    let element = element(check, raw.element.as_ref());
    Described { name: raw.name.get_ref().clone(), shape: raw.shape.clone(), element, data: None }
}

fn constant(check: &mut Checker<'_>, raw: &RawConstant) -> Described {
    let element = element(check, raw.element.as_ref());
    let data = raw.values.as_ref().and_then(|values| {
        let data = Value::content(values.get_ref(), element);
        if data.is_none() {
            let message = format!("a value of `{}` is no {}", printable(raw.name.get_ref()), element.name());
            let help = "write whole numbers for integer types (0 and 1 for bool), numbers for others";
            check.error("graph::values", &values.span(), message, help);
        }
        data
    });
    Described { name: raw.name.get_ref().clone(), shape: raw.shape.clone(), element, data }
}

fn operator(check: &mut Checker<'_>, raw: &RawOperator) -> DescribedOperator {
    let mut attributes = Vec::new();
    for (name, value) in &raw.attributes {
        match value.get_ref().attribute() {
            Some(attribute) => attributes.push((name.clone(), attribute)),
            None => {
                let message =
                    format!("attribute `{}` is no number, text or list of one kind", printable(name));
                let help = "write a number, a text, or a list whose items are all of one kind";
                check.error("graph::attribute", &value.span(), message, help);
            }
        }
    }
    let outputs: Vec<String> = match &raw.outputs {
        Some(outputs) => outputs.clone(),
        // An operator with one result may leave its name to the operator's own.
        None => vec![raw.name.as_ref().map_or_else(String::new, |name| name.get_ref().clone())],
    };
    let present = outputs.iter().filter(|name| !name.is_empty()).count();
    if present == 0 {
        let help = "give `outputs`, or a `name`, which is then also the name of the one output";
        check.error("graph::outputs", &raw.r#type.span(), "this operator has no output", help);
    }
    let shapes = raw.shapes.as_ref().map(|shapes| shapes.get_ref().clone()).unwrap_or_default();
    if let Some(stated) = raw.shapes.as_ref().filter(|s| s.get_ref().len() != present) {
        let message = format!("{} shapes are stated for {present} outputs", stated.get_ref().len());
        check.error(
            "graph::shapes",
            &stated.span(),
            message,
            "state one shape for each output that has a name",
        );
    }
    let elements: Option<Vec<ElementType>> = raw
        .elements
        .as_ref()
        .map(|words| words.get_ref().iter().map(|word| element(check, Some(word))).collect());
    if let Some(stated) = raw.elements.as_ref().filter(|s| s.get_ref().len() != present) {
        let message = format!("{} element types are stated for {present} outputs", stated.get_ref().len());
        check.error("graph::shapes", &stated.span(), message, "state one for each output that has a name");
    }
    let stated = (0..present).map(|i| {
        let element = elements.as_ref().and_then(|elements| elements.get(i).copied());
        (shapes.get(i).cloned(), element)
    });
    DescribedOperator {
        name: raw.name.as_ref().map_or_else(String::new, |name| name.get_ref().clone()),
        op_type: raw.r#type.get_ref().clone(),
        domain: raw.domain.clone(),
        attributes,
        inputs: raw.inputs.clone(),
        stated: stated.collect(),
        outputs,
    }
}

fn quantization(check: &mut Checker<'_>, raw: &RawGraph) -> Vec<(String, Quantization)> {
    let mut found: Vec<(String, Quantization)> = Vec::new();
    for entry in &raw.quantization {
        let name = entry.tensor.get_ref();
        let zero_points = if entry.zero_points.is_empty() {
            vec![0; entry.scales.len()]
        } else {
            entry.zero_points.clone()
        };
        if entry.scales.is_empty() || zero_points.len() != entry.scales.len() {
            let message =
                format!("{} scales stand beside {} zero points", entry.scales.len(), zero_points.len());
            check.error(
                "graph::quantization",
                &entry.tensor.span(),
                message,
                "give one zero point for each scale",
            );
        }
        if found.iter().any(|(known, _)| known == name) {
            let message = format!("`{}` is quantised twice", printable(name));
            check.error("graph::quantization", &entry.tensor.span(), message, "keep one of the two entries");
        }
        let scales = entry.scales.iter().map(|&x| x as f32).collect();
        found.push((name.clone(), Quantization { scales, zero_points, axis: entry.axis }));
    }
    found
}

/// The place of a graph's fault: the operator that its message names, else the tensor.
fn place(error: &GraphError, labels: &[String], raw: &RawGraph, origins: &Origins) -> Diagnostic {
    let message = error.to_string();
    let (code, names) = subject(error);
    let operator = names.iter().find_map(|name| labels.iter().position(|label| label == name));
    let tensors = raw.inputs.iter().chain(&raw.variables).map(|t| &t.name);
    let tensors = tensors.chain(raw.constants.iter().map(|t| &t.name)).chain(&raw.outputs);
    let span = match operator.and_then(|position| raw.operator.get(position)) {
        Some(operator) => operator.name.as_ref().unwrap_or(&operator.r#type).span(),
        None => tensors
            .into_iter()
            .find(|name| names.contains(&printable(name.get_ref())))
            .map_or(0..0, Spanned::span),
    };
    let diagnostic = match message.split_once("; ") {
        Some((what, help)) => Diagnostic::new(code, what).help(help),
        None => Diagnostic::new(code, message),
    };
    origins.place(diagnostic, &span)
}

/// The code of a fault, and whom it is about, most telling first.
fn subject(error: &GraphError) -> (&'static str, Vec<String>) {
    match error {
        GraphError::DuplicateProducer { tensor, first, second } => {
            ("graph::duplicate", vec![second.clone(), first.clone(), tensor.clone()])
        }
        GraphError::Dangling { tensor, user } => ("graph::dangling", vec![user.clone(), tensor.clone()]),
        GraphError::Cycle { operators } => ("graph::cycle", operators.clone()),
        GraphError::ControlFlow { operator, .. } => ("graph::control-flow", vec![operator.clone()]),
        GraphError::NoRule { operator, .. } => ("graph::no-rule", vec![operator.clone()]),
        GraphError::Shape { operator, .. } => ("graph::shape", vec![operator.clone()]),
        GraphError::Conflict { operator, tensor, .. } => {
            ("graph::shape", vec![operator.clone(), tensor.clone()])
        }
        GraphError::ElementType { tensor, .. } => ("graph::element", vec![tensor.clone()]),
        GraphError::Opset { .. } => ("graph::opset", Vec::new()),
        GraphError::Limit { what, .. } => {
            ("graph::limit", what.split('`').nth(1).map(str::to_owned).into_iter().collect())
        }
        other => {
            let message = other.to_string();
            ("graph::malformed", message.split('`').skip(1).step_by(2).map(str::to_owned).collect())
        }
    }
}

#[cfg(test)]
mod tests;
