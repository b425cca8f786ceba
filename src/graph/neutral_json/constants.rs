//! Shapes of constants from the definitions of the operators that read them.

use super::element;
use super::schema::Node;
use crate::graph::draft::Draft;
use crate::graph::error::GraphError;
use crate::graph::fact::Fact;
use crate::graph::model::ElementType;
use crate::graph::onnx::tensors::check_shape;

/// The constants that `node` reads and that `draft` does not know yet.
///
/// Shapes that the operator's definition fixes come first; what remains of the node's `weight_bytes` is
/// shared equally among the other constants, which is right for the lists of a Slice and the scale
/// and bias of a normalisation.
pub(super) fn reconstruct(node: &Node, who: &str, draft: &Draft) -> Result<Vec<(String, Fact)>, GraphError> {
    let float = element(&node.name, &node.dtype)?;
    let malformed = |reason: String| Err(GraphError::Malformed { reason });
    let mut remaining = node.weight_bytes;
    let mut found: Vec<(String, Fact)> = Vec::new();
    let mut open: Vec<(usize, &String, ElementType)> = Vec::new();
    for (position, name) in node.inputs.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
        let known = match draft.find(name) {
            Some(id) => draft.tensors[id.0 as usize].fact.as_ref().filter(|f| f.constant).cloned(),
            None => found.iter().find(|(n, _)| n == name).map(|(_, f)| f.clone()),
        };
        let fact = match known {
            Some(fact) => fact,
            None if draft.find(name).is_some() => continue,
            None => {
                let element = constant_type(&node.op_type, position, float);
                let Some(shape) = fixed_shape(node, position) else {
                    open.push((position, name, element));
                    continue;
                };
                check_shape(name, &shape)?;
                let fact = Fact { shape, element, constant: true, data: None };
                found.push((name.clone(), fact.clone()));
                fact
            }
        };
        let bytes = fact.elements().saturating_mul(fact.element.bits()) / 8;
        let Some(rest) = remaining.checked_sub(bytes) else {
            return malformed(format!(
                "weight_bytes of {who} is {}, too few for its constants",
                node.weight_bytes
            ));
        };
        remaining = rest;
    }
    let share = remaining.checked_div(open.len() as u64);
    if share.map_or(remaining != 0, |share| share * open.len() as u64 != remaining) {
        return malformed(format!(
            "weight_bytes of {who} is {}; {remaining} bytes of it do not fit its constants",
            node.weight_bytes
        ));
    }
    for (position, name, element) in open {
        let elements = share.unwrap_or(0).saturating_mul(8) / element.bits();
        let shape = open_shape(node, position, elements);
        check_shape(name, &shape)?;
        // One constant may serve at several positions.
        if !found.iter().any(|(n, _)| n == name) {
            found.push((name.clone(), Fact { shape, element, constant: true, data: None }));
        }
    }
    Ok(found)
}

/// Shapes, axes and indices are 64-bit integers, everything else has the type of the result.
fn constant_type(op_type: &str, position: usize, float: ElementType) -> ElementType {
    let parameter = match op_type {
        "Slice" => position >= 1,
        "Reshape" | "Squeeze" | "Unsqueeze" | "Expand" | "Tile" | "Split" | "Gather" | "GatherElements"
        | "TopK" => position == 1,
        "Pad" => matches!(position, 1 | 3),
        "Resize" => position == 3,
        name => name.starts_with("Reduce") && position == 1,
    };
    match (op_type, position) {
        _ if parameter => ElementType::I64,
        ("Where", 0) => ElementType::Bool,
        ("Resize", 1 | 2) => ElementType::F32,
        _ => float,
    }
}

/// The shape of the constant at `position`, where the definition and the activations fix it.
fn fixed_shape(node: &Node, position: usize) -> Option<Vec<u64>> {
    let x = node.in_shapes.first()?;
    let y = node.out_shapes.first()?;
    let int = |name: &str, default| node.attrs.get(name).and_then(|v| v.as_u64()).unwrap_or(default);
    let kernel = || -> Option<Vec<u64>> {
        node.attrs.get("kernel_shape")?.as_array()?.iter().map(serde_json::Value::as_u64).collect()
    };
    let (x_channels, y_channels) = (*x.get(1).unwrap_or(&1), *y.get(1).unwrap_or(&1));
    match (node.op_type.as_str(), position) {
        ("Conv", 1) => {
            let per_group = x_channels / int("group", 1).max(1);
            Some([vec![y_channels, per_group], kernel()?].concat())
        }
        ("ConvTranspose", 1) => {
            let per_group = y_channels / int("group", 1).max(1);
            Some([vec![x_channels, per_group], kernel()?].concat())
        }
        ("Conv" | "ConvTranspose", 2) => Some(vec![y_channels]),
        ("Gemm", 1) => {
            let k = *if int("transA", 0) == 0 { x.last()? } else { x.first()? };
            let n = *y.last()?;
            Some(if int("transB", 0) == 0 { vec![k, n] } else { vec![n, k] })
        }
        ("BatchNormalization", 1..=4) | ("InstanceNormalization", 1..=2) => Some(vec![x_channels]),
        ("Pad", 1) => Some(vec![2 * x.len() as u64]),
        ("Pad", 2) => Some(vec![]),
        _ => None,
    }
}

/// The shape of a constant known by its number of elements only.
fn open_shape(node: &Node, position: usize, elements: u64) -> Vec<u64> {
    let flat = vec![elements];
    let (Some(x), Some(y)) = (node.in_shapes.first(), node.out_shapes.first()) else { return flat };
    let rows = |tail: Vec<u64>| {
        let size = tail.iter().fold(1u64, |n, &d| n.saturating_mul(d));
        match elements.checked_div(size) {
            Some(rows) if rows.checked_mul(size) == Some(elements) => [vec![rows], tail].concat(),
            _ => vec![elements],
        }
    };
    match node.op_type.as_str() {
        // A table whose rows the activation selects.
        "Gather" => rows(y.get(x.len()..).unwrap_or_default().to_vec()),
        "MatMul" => {
            let last_but_one = |shape: &[u64]| shape.iter().rev().nth(1).copied();
            let matrix = match position {
                0 => last_but_one(y).zip(last_but_one(x)),
                _ => x.last().copied().zip(y.last().copied()),
            };
            let Some((rows_of_one, columns)) = matrix else { return flat };
            match rows(vec![rows_of_one, columns]).as_slice() {
                [1, matrix @ ..] => matrix.to_vec(),
                other => other.to_vec(),
            }
        }
        _ => flat,
    }
}
