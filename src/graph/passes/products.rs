//! Equivalent forms of matrix products: fully connected layers, 1x1 convolutions on one point, fused scaling.

use super::super::lowered::{Geometry, Window};
use super::draft::Draft;
use super::kind::Kind;
use super::rules::LoweringRules;

/// Gives products the form that the runtime executes.
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
    if rules.dense_from_convolution {
        dense_from_convolution(draft);
    }
}

/// A convolution over a plane of one point, after something that leaves one point.
fn dense_from_convolution(draft: &mut Draft) {
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
