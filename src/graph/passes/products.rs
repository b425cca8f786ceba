//! Equivalent forms of matrix products: fully connected layers, 1x1 convolutions on one point, fused scaling.

use super::super::lowered::{Geometry, Window};
use super::draft::{Draft, Node};
use super::import::Source;
use super::kind::Kind;
use super::rules::LoweringRules;

/// Gives products and means the form that the runtime executes. Runs before views go, because shapes decide.
pub(crate) fn choose_form(draft: &mut Draft, rules: &LoweringRules) {
    if rules.global_pool_as_reduction {
        for node in &mut draft.nodes {
            node.kind = match node.kind {
                Kind::GlobalAveragePool => Kind::Mean,
                Kind::GlobalMaxPool => Kind::ReduceMax,
                kind => kind,
            };
        }
    }
    if rules.plane_mean_as_global_pool {
        for index in 0..draft.nodes.len() {
            if is_plane_mean(draft, &draft.nodes[index]) {
                draft.nodes[index].kind = Kind::GlobalAveragePool;
            }
        }
    }
    if rules.dense_from_matmul {
        for index in 0..draft.nodes.len() {
            let node = &draft.nodes[index];
            // A product with a stack of constant matrices is none.
            let single = matches!(node.geometry, Some(Geometry::MatMul { batch: 1, .. }));
            if node.kind == Kind::MatMul
                && single
                && node.operand(1).is_some_and(|v| draft.is_constant(v) && draft.values[v].shape.len() == 2)
            {
                draft.nodes[index].kind = Kind::Dense;
            }
        }
    }
}

/// Whether a mean leaves one number per channel of a plane.
fn is_plane_mean(draft: &Draft, node: &Node) -> bool {
    let (Kind::Mean, Some(input), Some(result)) = (node.kind, node.operand(0), node.result()) else {
        return false;
    };
    let [batch, a, b, c] = *draft.values[input].shape.as_slice() else { return false };
    let channels = if draft.source == Source::Tflite { c } else { a };
    // The axes are attributes in some operator sets and inputs in others; the result's shape says them all.
    let (kept, reduced): (Vec<u64>, [u64; 2]) = if draft.source == Source::Tflite {
        (vec![batch, 1, 1, c], [a, b])
    } else {
        (vec![batch, a, 1, 1], [b, c])
    };
    let shape = &draft.values[result].shape;
    reduced.iter().any(|&d| d > 1) && (*shape == kept || *shape == [batch, channels])
}

/// Turns convolutions over a plane of one point, after something that leaves one point, into fully connected layers.
/// Runs after views are gone.
pub(crate) fn dense_from_convolution(draft: &mut Draft) {
    let uses = draft.uses();
    for index in 0..draft.nodes.len() {
        let node = &draft.nodes[index];
        let Some(Geometry::Window(Window {
            in_height: 1,
            in_width: 1,
            kernel_height: 1,
            kernel_width: 1,
            in_channels,
            out_channels,
            ..
        })) = node.geometry
        else {
            continue;
        };
        let mut before = node.operand(0).and_then(|v| uses.producer[v]);
        // Activations in between are fused into the layer before.
        while let Some(producer) = before.map(|b| &draft.nodes[b])
            && producer.kind.class() == super::super::lowered::OperatorClass::Activation
        {
            before = producer.operand(0).and_then(|v| uses.producer[v]);
        }
        let follows = before.is_some_and(|b| {
            matches!(draft.nodes[b].kind, Kind::GlobalAveragePool | Kind::GlobalMaxPool | Kind::Dense)
        });
        if node.kind == Kind::Convolution && follows {
            let node = &mut draft.nodes[index];
            node.kind = Kind::Dense;
            node.geometry = Some(Geometry::MatMul { batch: 1, m: 1, n: out_channels, k: in_channels });
        }
    }
}

/// Folds scaling by a number, and the transposition of an input's last two dimensions, into products of
/// two activations.
pub(crate) fn fuse_scaling(draft: &mut Draft) {
    let uses = draft.uses();
    let mut dead = vec![false; draft.nodes.len()];
    for index in 0..draft.nodes.len() {
        let node = &draft.nodes[index];
        if node.kind != Kind::MatMul || draft.activations(node).count() != 2 || dead[index] {
            continue;
        }
        for position in 0..2 {
            let Some(value) = draft.nodes[index].operand(position) else { continue };
            let Some(producer) = uses.producer[value].filter(|&p| !dead[p] && folds_in(draft, p)) else {
                continue;
            };
            let before = draft.nodes[producer].clone();
            let Some(input) =
                draft.activations(&before).next().filter(|_| uses.only_consumer(value) == Some(index))
            else {
                continue;
            };
            dead[producer] = true;
            let node = &mut draft.nodes[index];
            node.operands[position] = Some(input);
            node.fused.push(before.written.clone());
            node.absorb_sources(&before);
        }
        let scaled = draft.nodes[index].result().and_then(|v| uses.only_consumer(v)).filter(|&n| {
            matches!(draft.nodes[n].kind, Kind::Mul | Kind::Div)
                && draft.scalar_operand(&draft.nodes[n]).is_some()
        });
        if let Some(next) = scaled {
            let after = draft.nodes[next].clone();
            dead[next] = true;
            let node = &mut draft.nodes[index];
            node.results.clone_from(&after.results);
            node.fused.push(after.written.clone());
            node.absorb_sources(&after);
        }
    }
    draft.remove(&dead);
}

fn folds_in(draft: &Draft, producer: usize) -> bool {
    let node = &draft.nodes[producer];
    match node.kind {
        Kind::Mul | Kind::Div => draft.scalar_operand(node).is_some() && node.fused.is_empty(),
        Kind::Transpose => node.permutation.as_ref().is_some_and(|p| {
            let rank = p.len();
            rank >= 2
                && p[rank - 1] == rank - 2
                && p[rank - 2] == rank - 1
                && p[..rank - 2].iter().enumerate().all(|(i, &axis)| i == axis)
        }),
        _ => false,
    }
}
