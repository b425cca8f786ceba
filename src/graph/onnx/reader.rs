//! From decoded messages to a [`Draft`].

use std::collections::BTreeSet;

use super::attributes::{constant, read, stored};
use super::messages::{GraphProto, ModelProto, NodeProto, TensorTypeProto, ValueInfoProto};
use super::options::{HIGHEST_OPSET, LOWEST_OPSET, MAX_NODES, OnnxOptions};
use super::tensors::{check_shape, element_type};
use crate::diagnostics::printable;
use crate::graph::draft::{Draft, DraftOperator, label};
use crate::graph::error::GraphError;
use crate::graph::fact::Fact;
use crate::graph::model::Operator;

/// Operators whose work is decided while they run.
const CONTROL_FLOW: [&str; 4] = ["If", "Loop", "Scan", "SequenceMap"];

/// Checks a model and resolves its names.
pub(super) fn draft(model: ModelProto, name: &str, options: &OnnxOptions) -> Result<Draft, GraphError> {
    let Some(graph) = model.graph else {
        return Err(GraphError::Malformed { reason: "the file holds no graph".to_owned() });
    };
    if let Some(function) = model.functions.first() {
        return Err(GraphError::ControlFlow {
            operator: format!("function `{}`", printable(&function.name)),
            what: "local function".to_owned(),
        });
    }
    if graph.node.len() as u64 > MAX_NODES {
        let (what, value) = ("the number of nodes".to_owned(), graph.node.len() as u64);
        return Err(GraphError::Limit { what, value, limit: MAX_NODES });
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(GraphError::Malformed {
            reason: "sparse initializers are not supported; store them densely".to_owned(),
        });
    }
    let opset = model.opset_import.iter().find(|o| normalized(&o.domain).is_empty()).map_or(0, |o| o.version);
    if !(LOWEST_OPSET..=HIGHEST_OPSET).contains(&opset) {
        return Err(GraphError::Opset { version: opset, lowest: LOWEST_OPSET, highest: HIGHEST_OPSET });
    }
    let mut draft = Draft { name: name.to_owned(), opset, ..Draft::default() };
    for tensor in &graph.initializer {
        draft.add_stored(&tensor.name, stored(tensor)?)?;
    }
    add_inputs(&mut draft, &graph, options)?;
    for (position, node) in graph.node.iter().enumerate() {
        add_node(&mut draft, node, position)?;
    }
    for value in graph.value_info.iter().chain(&graph.output) {
        state(&mut draft, value, options)?;
    }
    for output in &graph.output {
        let id = draft.tensor(&output.name);
        draft.outputs.push(id);
    }
    draft.check_and_sort()?;
    Ok(draft)
}

/// The default domain has two names.
fn normalized(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

fn add_inputs(draft: &mut Draft, graph: &GraphProto, options: &OnnxOptions) -> Result<(), GraphError> {
    let mut symbols = BTreeSet::new();
    for input in graph.input.iter().filter(|i| !i.name.is_empty()) {
        // Files older than IR version 4 list the initializers among the inputs.
        if draft.is_stored(&input.name) {
            continue;
        }
        let kind = tensor_type(input).ok_or_else(|| GraphError::ElementType {
            tensor: printable(&input.name),
            element: "other than a dense tensor".to_owned(),
        })?;
        let element = element_type(&input.name, kind.elem_type)?;
        let dims = kind.shape.as_ref().ok_or_else(|| GraphError::Malformed {
            reason: format!("graph input `{}` has no shape", printable(&input.name)),
        })?;
        let mut shape = Vec::with_capacity(dims.dim.len());
        for (position, dim) in dims.dim.iter().enumerate() {
            if let Some(Ok(size)) = dim.dim_value.map(u64::try_from) {
                shape.push(size);
                continue;
            }
            let symbol = match dim.dim_param.as_deref() {
                Some(symbol) if !symbol.is_empty() => symbol.to_owned(),
                _ => format!("{}:{position}", input.name),
            };
            let size = options.dims.get(&symbol).copied();
            symbols.insert(printable(&symbol));
            shape.push(size.ok_or_else(|| GraphError::SymbolicDim {
                dim: printable(&symbol),
                tensor: printable(&input.name),
            })?);
        }
        check_shape(&input.name, &shape)?;
        draft.add_input(&input.name, Fact::activation(shape, element))?;
    }
    match options.dims.keys().find(|dim| !symbols.contains(&printable(dim))) {
        Some(dim) => {
            Err(GraphError::UnknownDim { dim: printable(dim), known: symbols.into_iter().collect() })
        }
        None => Ok(()),
    }
}

fn tensor_type(value: &ValueInfoProto) -> Option<&TensorTypeProto> {
    value.r#type.as_ref()?.tensor_type.as_ref()
}

/// Notes the shape and type that the file states, as far as they are fixed.
fn state(draft: &mut Draft, value: &ValueInfoProto, options: &OnnxOptions) -> Result<(), GraphError> {
    let Some(id) = draft.find(&value.name) else { return Ok(()) };
    let Some(kind) = tensor_type(value) else { return Ok(()) };
    if kind.elem_type != 0 {
        draft.tensors[id.0 as usize].stated_element = Some(element_type(&value.name, kind.elem_type)?);
    }
    let Some(dims) = &kind.shape else { return Ok(()) };
    let shape: Option<Vec<u64>> = dims
        .dim
        .iter()
        .map(|d| match (d.dim_value, &d.dim_param) {
            (Some(size), _) => u64::try_from(size).ok(),
            (None, Some(symbol)) => options.dims.get(symbol).copied(),
            (None, None) => None,
        })
        .collect();
    if let Some(shape) = shape {
        check_shape(&value.name, &shape)?;
        draft.tensors[id.0 as usize].stated_shape = Some(shape);
    }
    Ok(())
}

fn add_node(draft: &mut Draft, node: &NodeProto, position: usize) -> Result<(), GraphError> {
    let operator = label(&node.name, &node.op_type, position);
    let domain = normalized(&node.domain);
    if domain.is_empty() && CONTROL_FLOW.contains(&node.op_type.as_str()) {
        return Err(GraphError::ControlFlow { operator, what: format!("operator {}", node.op_type) });
    }
    let mut tensor = None;
    let mut attributes = Vec::with_capacity(node.attribute.len());
    let mut names = BTreeSet::new();
    for attribute in &node.attribute {
        if !names.insert(attribute.name.as_str()) {
            let reason = format!("attribute `{}` of {operator} is stated twice", printable(&attribute.name));
            return Err(GraphError::Malformed { reason });
        }
        let read = read(attribute, &operator)?;
        tensor = tensor.or(read.tensor);
        attributes.push((attribute.name.clone(), read.value));
    }
    if domain.is_empty() && node.op_type == "Constant" {
        let fact = constant(&attributes, tensor.as_ref()).ok_or_else(|| GraphError::Malformed {
            reason: format!("{operator} holds no dense tensor of numbers"),
        })?;
        return match node.output.first() {
            Some(output) => draft.add_stored(output, fact),
            None => Ok(()),
        };
    }
    let mut ids =
        |names: &[String]| names.iter().map(|n| (!n.is_empty()).then(|| draft.tensor(n))).collect::<Vec<_>>();
    let (inputs, outputs) = (ids(&node.input), ids(&node.output));
    let operator = Operator {
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        domain: domain.to_owned(),
        attributes,
        inputs,
        outputs,
    };
    draft.add_operator(DraftOperator { operator, tensor })
}
