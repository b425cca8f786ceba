//! Schema `neutral-graph/2`: constants are stated, nothing is reconstructed.

use super::element;
use super::schema::{Document, Node, TensorEntry};
use crate::diagnostics::printable;
use crate::graph::description::{Described, DescribedOperator, Description, Value};
use crate::graph::draft::label;
use crate::graph::error::GraphError;
use crate::graph::model::{Graph, Quantization};

pub(super) fn build(document: &Document) -> Result<Graph, GraphError> {
    let tensor = |entry: &TensorEntry| -> Result<Described, GraphError> {
        let element = element(&entry.name, &entry.dtype)?;
        Ok(Described { name: entry.name.clone(), shape: entry.shape.clone(), element, data: None })
    };
    let mut constants = Vec::new();
    for entry in document.constants.iter().flatten() {
        let element = element(&entry.name, &entry.dtype)?;
        let content = entry.values.as_ref().map(|values| {
            Value::content(values, element).ok_or_else(|| GraphError::Malformed {
                reason: format!("a value of constant `{}` is no {}", printable(&entry.name), element.name()),
            })
        });
        let data = content.transpose()?;
        constants.push(Described { name: entry.name.clone(), shape: entry.shape.clone(), element, data });
    }
    let operators = document.nodes.iter().enumerate().map(|(position, node)| operator(node, position));
    let quantization = document.quantization.iter().map(|(name, entry)| {
        let (scales, zero_points) = (entry.scales.clone(), entry.zero_points.clone());
        (name.clone(), Quantization { scales, zero_points, axis: entry.axis })
    });
    Description {
        name: document.name.clone(),
        opset: document.opset,
        inputs: document.inputs.iter().map(tensor).collect::<Result<_, _>>()?,
        variables: document.variables.iter().map(tensor).collect::<Result<_, _>>()?,
        constants,
        outputs: document.outputs.iter().map(|entry| entry.name.clone()).collect(),
        operators: operators.collect::<Result<_, _>>()?,
        quantization: quantization.collect(),
    }
    .graph()
}

fn operator(node: &Node, position: usize) -> Result<DescribedOperator, GraphError> {
    let who = label(&node.name, &node.op_type, position);
    let malformed = |reason: String| GraphError::Malformed { reason };
    let attribute = |(name, value): (&String, &serde_json::Value)| {
        let plain: Value = serde_json::from_value(value.clone())
            .map_err(|error| malformed(format!("attribute `{}` of {who}: {error}", printable(name))))?;
        let value = plain
            .attribute()
            .ok_or_else(|| malformed(format!("attribute `{}` of {who} mixes kinds", printable(name))))?;
        Ok((name.clone(), value))
    };
    let present = node.outputs.iter().filter(|name| !name.is_empty()).count();
    let dtypes = node.out_dtypes.clone().unwrap_or_else(|| vec![node.dtype.clone(); present]);
    if node.out_shapes.len() != present || dtypes.len() != present {
        let reason = format!(
            "{who} has {} out_shapes and {} out_dtypes for {present} outputs",
            node.out_shapes.len(),
            dtypes.len()
        );
        return Err(malformed(reason));
    }
    let stated =
        node.out_shapes.iter().zip(&dtypes).map(|(shape, dtype)| {
            element(&node.name, dtype).map(|element| (Some(shape.clone()), Some(element)))
        });
    Ok(DescribedOperator {
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        domain: node.domain.clone(),
        attributes: node.attrs.iter().map(attribute).collect::<Result<_, _>>()?,
        inputs: node.inputs.clone(),
        outputs: node.outputs.clone(),
        stated: stated.collect::<Result<_, _>>()?,
    })
}
