//! Aliases and exact no-operations: what touches no data at run time.

use super::super::lowered::{Geometry, Window};
use super::draft::{Draft, Node};
use super::kind::Kind;
use super::rules::LoweringRules;

/// Removes views and no-operations as `rules` allow; their users read the input instead.
pub(crate) fn remove(draft: &mut Draft, rules: &LoweringRules) {
    let mut dead = vec![false; draft.nodes.len()];
    let mut replacement: Vec<usize> = (0..draft.values.len()).collect();
    // Whether a node moves data is judged by the shapes that it was written for; an alias has another one.
    for (index, gone) in dead.iter_mut().enumerate() {
        let node = &draft.nodes[index];
        let is_view = rules.alias_views && matches!(node.kind, Kind::Reshape | Kind::Identity);
        let is_nothing = rules.drop_no_ops && is_no_op(draft, node);
        if !(is_view || is_nothing) {
            continue;
        }
        let (Some(from), Some(result)) = (draft.activations(node).next(), node.result()) else { continue };
        replacement[result] = replacement[from];
        *gone = true;
    }
    for operand in draft.nodes.iter_mut().flat_map(|node| node.operands.iter_mut()).flatten() {
        *operand = replacement[*operand];
    }
    for output in &mut draft.outputs {
        *output = replacement[*output];
    }
    draft.remove(&dead);
}

/// Whether the result is the input, element for element.
fn is_no_op(draft: &Draft, node: &Node) -> bool {
    let (Some(input), Some(output)) = (draft.activations(node).next(), node.result()) else { return false };
    let (input, output) = (&draft.values[input], &draft.values[output]);
    if !node.fused.is_empty() || input.elements() != output.elements() {
        return false;
    }
    match node.kind {
        Kind::MaxPool | Kind::AveragePool => matches!(
            node.geometry,
            Some(Geometry::Window(Window {
                kernel_height: 1,
                kernel_width: 1,
                stride_height: 1,
                stride_width: 1,
                ..
            }))
        ),
        Kind::Transpose => node.permutation.as_ref().is_some_and(|p| moves_nothing(p, &input.shape)),
        Kind::Cast => input.element == output.element,
        Kind::Slice | Kind::Concat | Kind::Expand | Kind::Pad => {
            node.operands.iter().flatten().filter(|&&v| !draft.is_constant(v)).count() == 1
                && input.shape == output.shape
                && (node.kind != Kind::Concat || node.operands.iter().flatten().count() == 1)
                && (node.kind != Kind::Slice || !reverses(draft, node))
        }
        Kind::Add => draft.scalar_operand(node).is_some_and(|(_, s)| s == 0.0),
        Kind::Mul => draft.scalar_operand(node).is_some_and(|(_, s)| s == 1.0),
        _ => false,
    }
}

/// Whether some step of a slice is negative or unknown.
fn reverses(draft: &Draft, node: &Node) -> bool {
    node.operand(4)
        .is_some_and(|steps| draft.values[steps].integers().is_none_or(|s| s.iter().any(|&step| step != 1)))
}

/// A permutation that keeps the order of all dimensions longer than one leaves the bytes where they are.
pub(crate) fn moves_nothing(permutation: &[usize], shape: &[u64]) -> bool {
    let long = permutation.iter().filter(|&&axis| shape.get(axis).is_some_and(|&size| size != 1));
    long.clone().zip(long.skip(1)).all(|(a, b)| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dimensions_of_one_may_move_freely() {
        assert!(moves_nothing(&[0, 2, 1, 3], &[1, 1, 12, 64]));
        assert!(!moves_nothing(&[0, 2, 1, 3], &[1, 128, 12, 64]));
        assert!(moves_nothing(&[1, 0, 2], &[197, 1, 768]));
    }

    #[test]
    fn a_transposition_behind_a_reshape_is_judged_by_the_reshaped_dimensions() {
        use super::super::super::model::{Attribute, Operator};
        use super::super::testing::{activation, graph, operator};
        use super::super::{NCNN, lower};
        let permutation = vec![("perm".to_owned(), Attribute::Ints(vec![1, 0, 2]))];
        let heads = graph(
            vec![
                activation("x", &[197, 1, 768]),
                activation("heads", &[197, 12, 64]),
                activation("y", &[12, 197, 64]),
            ],
            vec![
                operator("Reshape", &[0], &[1]),
                Operator { attributes: permutation, ..operator("Transpose", &[1], &[2]) },
            ],
            &[0],
            &[2],
        );
        let types: Vec<_> = lower(&heads, &NCNN).unwrap().operators.into_iter().map(|o| o.op_type).collect();
        assert_eq!(types, ["Permute"]);
    }
}
