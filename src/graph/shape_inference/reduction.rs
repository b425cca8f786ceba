//! Reductions over dimensions.

use super::node::{Facts, Node, axes, axis, invalid, size};
use crate::graph::fact::Fact;
use crate::graph::model::ElementType;

/// `shape` with `axes` removed or set to 1.
fn reduced(shape: &[u64], axes: &[usize], keep: bool) -> Vec<u64> {
    shape
        .iter()
        .enumerate()
        .filter(|(i, _)| keep || !axes.contains(i))
        .map(|(i, &d)| if axes.contains(&i) { 1 } else { d })
        .collect()
}

/// `ReduceSum`, `ReduceMean` and the like; no axes means all, unless `noop_with_empty_axes`.
pub(super) fn reduce(node: &Node) -> Facts {
    let x = node.input(0)?;
    let given = node.attribute_or_input("axes", 1)?.unwrap_or_default();
    let axes = match given {
        [] if node.int("noop_with_empty_axes", 0) != 0 => Vec::new(),
        [] => (0..x.shape.len()).collect(),
        values => axes(values, x.shape.len())?,
    };
    Ok(vec![Fact::activation(reduced(&x.shape, &axes, node.int("keepdims", 1) != 0), x.element)])
}

/// `ArgMax`, `ArgMin`.
pub(super) fn arg(node: &Node) -> Facts {
    let x = node.input(0)?;
    let axis = axis(node.int("axis", 0), x.shape.len())?;
    let shape = reduced(&x.shape, &[axis], node.int("keepdims", 1) != 0);
    Ok(vec![Fact::activation(shape, ElementType::I64)])
}

/// `TopK`: values and indices.
pub(super) fn top_k(node: &Node) -> Facts {
    let x = node.input(0)?;
    let k = match (node.operator.int("k"), node.optional_integers(1)?) {
        (Some(k), _) => k,
        (None, Some(&[k])) => k,
        _ => return invalid("the number of elements `k` is missing"),
    };
    let axis = axis(node.int("axis", -1), x.shape.len())?;
    let mut shape = x.shape.clone();
    if let Some(dim) = shape.get_mut(axis) {
        *dim = size(k, "k")?;
    }
    Ok(vec![Fact::activation(shape.clone(), x.element), Fact::activation(shape, ElementType::I64)])
}
