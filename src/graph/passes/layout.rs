//! Transpositions between channels-first and channels-last storage, removed or inserted.
//!
//! ONNX writes planes as `[batch, channels, height, width]`; a channels-last runtime stores `[batch, height, width,
//! channels]`. Shapes stay as written; what changes is how many dimensions after the first are stored innermost
//! (`moved`): 0 is the written order, 1 is channels last, 2 is what splitting the channels into groups gives. A
//! transposition that only undoes or does such a move is a view; a reshape that mixes moved and other
//! dimensions needs a transposition before it. Converters that keep channels-last images at the model's
//! edges (onnx2tf, TensorFlow itself) do the same; weights are permuted at conversion, which costs nothing.

use std::collections::BTreeMap;

use super::super::lowered::OperatorClass;
use super::draft::{Draft, Node, ValueId};
use super::import::Source;
use super::kind::Kind;

/// A permutation attribute as axes, or `None` if it is none of `0..rank`.
pub(crate) fn permutation(given: &[i64], rank: usize) -> Option<Vec<usize>> {
    let axes: Vec<usize> = given.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<_>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    (sorted.iter().copied().eq(0..rank)).then_some(axes)
}

/// Axes in stored order, dimensions of one left out, because they have no place in memory.
fn stored(shape: &[u64], moved: usize) -> Vec<usize> {
    let rank = shape.len();
    let moved = moved.min(rank.saturating_sub(1));
    let order = (0..rank.min(1)).chain(moved + 1..rank).chain(1..=moved);
    order.filter(|&axis| shape.get(axis).is_some_and(|&size| size != 1)).collect()
}

/// Stores planes channels-last in a graph that was written channels-first.
pub(crate) fn to_channels_last(draft: &mut Draft) {
    if draft.source != Source::Onnx {
        return;
    }
    let uses = draft.uses();
    let is_dense = |node: &Node| {
        matches!(node.kind, Kind::Dense | Kind::MatMul)
            && node.operand(1).is_some_and(|v| draft.is_constant(v))
    };
    let for_dense = (0..draft.values.len()).map(|v| {
        let users = &uses.consumers[v];
        draft.values[v].shape.len() == 2
            && !users.is_empty()
            && users.iter().all(|&n| is_dense(&draft.nodes[n]))
    });
    let mut layout = Layout {
        for_dense: for_dense.collect(),
        moved: vec![0; draft.values.len()],
        inserted: BTreeMap::new(),
        made: Vec::new(),
    };
    for &input in &draft.inputs {
        // Images are handed over as their first user wants them.
        let planes = uses.consumers[input].iter().any(|&n| is_spatial(draft, &draft.nodes[n]));
        layout.moved[input] = usize::from(planes);
    }
    for mut node in std::mem::take(&mut draft.nodes) {
        layout.place(draft, &mut node);
        let mut made = std::mem::take(&mut layout.made);
        draft.nodes.append(&mut made);
        draft.nodes.push(node);
    }
}

/// Whether an operator works on planes, whose channels such a runtime wants innermost.
fn is_spatial(draft: &Draft, node: &Node) -> bool {
    let rank = node.operand(0).map_or(0, |v| draft.values[v].shape.len());
    rank >= 3
        && (node.kind.is_convolution()
            || matches!(
                node.kind,
                Kind::MaxPool
                    | Kind::AveragePool
                    | Kind::GlobalMaxPool
                    | Kind::GlobalAveragePool
                    | Kind::BatchNorm
                    | Kind::InstanceNorm
                    | Kind::Resize
                    | Kind::ResizeNearest
                    | Kind::OtherMovement
            ))
}

/// Whether an operator works in any storage order, as long as its inputs agree.
fn follows_inputs(kind: Kind) -> bool {
    matches!(kind.class(), OperatorClass::Elementwise | OperatorClass::Activation | OperatorClass::Reduction)
        || matches!(
            kind,
            Kind::Concat
                | Kind::Split
                | Kind::Slice
                | Kind::Pad
                | Kind::Expand
                | Kind::Softmax
                | Kind::Identity
        )
}

struct Layout {
    /// Whether only fully connected layers read a value.
    for_dense: Vec<bool>,
    moved: Vec<usize>,
    /// Transpositions made already, by value and wanted order.
    inserted: BTreeMap<(ValueId, usize), ValueId>,
    made: Vec<Node>,
}

impl Layout {
    /// Decides the order of what `node` makes; brings what it reads into the order that it needs.
    fn place(&mut self, draft: &mut Draft, node: &mut Node) {
        let result = if is_spatial(draft, node) {
            self.bring(draft, node, 1);
            1
        } else if node.kind == Kind::Transpose {
            self.transpose(draft, node)
        } else if node.kind == Kind::Reshape {
            self.reshape(draft, node)
        } else if follows_inputs(node.kind) {
            let wanted = draft.activations(node).map(|v| self.moved[v]).max().unwrap_or(0);
            self.bring(draft, node, wanted);
            wanted
        } else {
            self.bring(draft, node, 0);
            0
        };
        for &value in node.results.iter().flatten() {
            // Fewer than three dimensions have no plane to move channels behind.
            self.moved[value] = if draft.values[value].shape.len() < 3 { 0 } else { result };
        }
    }

    /// Transposes the activations that `node` reads, where they are stored otherwise than `wanted`.
    fn bring(&mut self, draft: &mut Draft, node: &mut Node, wanted: usize) {
        for position in 0..node.operands.len() {
            let Some(value) = node.operand(position).filter(|&v| !draft.is_constant(v)) else { continue };
            let shape = &draft.values[value].shape;
            if shape.len() < 3 || stored(shape, self.moved[value]) == stored(shape, wanted) {
                continue;
            }
            let transposed = match self.inserted.get(&(value, wanted)) {
                Some(&made) => made,
                None => self.insert(draft, value, wanted, node),
            };
            node.operands[position] = Some(transposed);
        }
    }

    fn insert(&mut self, draft: &mut Draft, value: ValueId, wanted: usize, user: &Node) -> ValueId {
        let source = draft.values[value].clone();
        let result = draft.add_value(format!("{}:transposed", source.name), source.shape, source.element);
        self.moved.resize(draft.values.len(), 0);
        self.moved[result] = wanted;
        self.inserted.insert((value, wanted), result);
        self.made.push(Node {
            kind: Kind::Transpose,
            name: format!("{}/transpose", user.name),
            written: "Transpose".to_owned(),
            operands: vec![Some(value)],
            results: vec![Some(result)],
            geometry: None,
            pads: [0; 4],
            pads_count: false,
            permutation: None,
            macs: 0,
            class: OperatorClass::DataMovement,
            fused: Vec::new(),
            sources: user.sources.clone(),
            folded_bytes: 0,
        });
        result
    }

    /// A transposition whose result can be read from where the input is stored becomes a view.
    fn transpose(&self, draft: &Draft, node: &mut Node) -> usize {
        let (Some(input), Some(permutation)) = (node.operand(0), node.permutation.clone()) else { return 0 };
        let Some(result) = node.result() else { return 0 };
        let have = stored(&draft.values[input].shape, self.moved[input]);
        let shape = &draft.values[result].shape;
        for moved in 0..shape.len().max(1) {
            let order = stored(shape, moved).into_iter().map(|axis| permutation.get(axis).copied());
            if order.eq(have.iter().copied().map(Some)) {
                node.kind = Kind::Identity;
                return moved;
            }
        }
        // The written permutation no longer says what is stored, so the test for no-operations must not use it.
        node.permutation = None;
        self.moved[input]
    }

    /// A reshape within the moved dimensions and within the others is a view of the same order.
    fn reshape(&mut self, draft: &mut Draft, node: &mut Node) -> usize {
        let (Some(input), Some(result)) = (draft.activations(node).next(), node.result()) else { return 0 };
        let (from, to) = (&draft.values[input].shape, &draft.values[result].shape);
        let moved = self.moved[input];
        if stored(from, moved) == stored(from, 0) {
            // Order as written; a plane of one point may count as either, so keep what fits the result.
            return if moved > 0 && to.len() == from.len() && stored(to, moved) == stored(to, 0) {
                moved
            } else {
                0
            };
        }
        let product = |dims: &[u64]| dims.iter().fold(1u64, |n, &d| n.saturating_mul(d));
        let inner = product(from.get(1..=moved).unwrap_or_default());
        if from.first() == to.first() {
            for candidate in 1..to.len() {
                if product(to.get(1..=candidate).unwrap_or_default()) == inner {
                    return candidate;
                }
            }
        }
        // What is flattened for fully connected layers only: their weights are permuted instead.
        if !self.for_dense[result] {
            self.bring(draft, node, 0);
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::{Attribute, Graph, Operator};
    use super::super::testing::{activation, constant, graph, operator};
    use super::super::{NCNN, TFLITE, lower};
    use super::*;

    fn transpose(permutation: &[i64], input: u32, output: u32) -> Operator {
        let attributes = vec![("perm".to_owned(), Attribute::Ints(permutation.to_vec()))];
        Operator { attributes, ..operator("Transpose", &[input], &[output]) }
    }

    fn types(graph: &Graph, rules: &super::super::LoweringRules) -> Vec<String> {
        lower(graph, rules).unwrap().operators.into_iter().map(|o| o.op_type).collect()
    }

    #[test]
    fn stored_order_moves_channels_behind_the_plane() {
        assert_eq!(stored(&[2, 3, 4, 5], 0), [0, 1, 2, 3]);
        assert_eq!(stored(&[2, 3, 4, 5], 1), [0, 2, 3, 1]);
        assert_eq!(stored(&[1, 2, 58, 28, 28], 2), [3, 4, 1, 2]);
        assert_eq!(stored(&[1, 576, 1, 1], 1), [1]);
        assert_eq!(permutation(&[0, 2, 1], 3), Some(vec![0, 2, 1]));
        assert_eq!(permutation(&[0, 0, 1], 3), None);
        assert_eq!(permutation(&[0, -1, 1], 3), None);
    }

    #[test]
    fn a_transposition_to_channels_last_is_a_view_there() {
        let tensors = vec![
            activation("x", &[1, 3, 8, 8]),
            constant("w", &[6, 3, 1, 1]),
            activation("y", &[1, 6, 8, 8]),
            activation("z", &[1, 8, 8, 6]),
        ];
        let head =
            graph(tensors, vec![operator("Conv", &[0, 1], &[2]), transpose(&[0, 2, 3, 1], 2, 3)], &[0], &[3]);
        assert_eq!(types(&head, &TFLITE), ["CONV_2D"]);
        assert_eq!(types(&head, &NCNN), ["Convolution", "Permute"]);
    }

    #[test]
    fn tokens_made_of_a_plane_need_no_transposition_but_mixing_reshapes_do() {
        let tensors = vec![
            activation("x", &[1, 3, 8, 8]),
            constant("w", &[6, 3, 1, 1]),
            activation("y", &[1, 6, 8, 8]),
            activation("r", &[1, 6, 64]),
            activation("t", &[1, 64, 6]),
            activation("mixed", &[1, 64, 6]),
        ];
        let conv = || operator("Conv", &[0, 1], &[2]);
        let tokens = vec![conv(), operator("Reshape", &[2], &[3]), transpose(&[0, 2, 1], 3, 4)];
        let tokens = graph(tensors.clone(), tokens, &[0], &[4]);
        assert_eq!(types(&tokens, &TFLITE), ["CONV_2D"]);
        let mixed = graph(tensors, vec![conv(), operator("Reshape", &[2], &[5])], &[0], &[5]);
        assert_eq!(types(&mixed, &TFLITE), ["CONV_2D", "TRANSPOSE"]);
        assert_eq!(types(&mixed, &NCNN), ["Convolution"]);
    }

    #[test]
    fn a_channel_shuffle_keeps_its_transposition_and_a_flattened_plane_has_none() {
        let shuffle = graph(
            vec![
                activation("x", &[1, 3, 8, 8]),
                constant("w", &[6, 3, 1, 1]),
                activation("y", &[1, 6, 8, 8]),
                activation("split", &[1, 2, 3, 8, 8]),
                activation("swapped", &[1, 3, 2, 8, 8]),
                activation("joined", &[1, 6, 8, 8]),
                constant("w2", &[4, 6, 1, 1]),
                activation("z", &[1, 4, 8, 8]),
                activation("flat", &[1, 256]),
                constant("w3", &[256, 10]),
                activation("out", &[1, 10]),
            ],
            vec![
                operator("Conv", &[0, 1], &[2]),
                operator("Reshape", &[2], &[3]),
                transpose(&[0, 2, 1, 3, 4], 3, 4),
                operator("Reshape", &[4], &[5]),
                operator("Conv", &[5, 6], &[7]),
                operator("Flatten", &[7], &[8]),
                operator("MatMul", &[8, 9], &[10]),
            ],
            &[0],
            &[10],
        );
        assert_eq!(types(&shuffle, &TFLITE), ["CONV_2D", "TRANSPOSE", "CONV_2D", "FULLY_CONNECTED"]);
    }
}
