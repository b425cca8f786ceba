//! Batch normalisation, scaling and bias folded into the weights before them.

use super::draft::Draft;
use super::kind::Kind;
use super::rules::{BatchNormForm, LoweringRules};

/// Folds what is a change of weights; writes out other batch normalisations where the runtime does.
pub(crate) fn fold(draft: &mut Draft, rules: &LoweringRules) {
    let uses = draft.uses();
    let mut dead = vec![false; draft.nodes.len()];
    for index in 0..draft.nodes.len() {
        // A chain such as convolution, batch norm, addition folds link by link.
        while let Some(next) = absorbable(draft, &uses, index, rules) {
            if dead[next] {
                break;
            }
            dead[next] = true;
            let consumed = draft.nodes[next].clone();
            let node = &mut draft.nodes[index];
            node.absorb_sources(&consumed);
            node.results.clone_from(&consumed.results);
            // A weight changes its values, not its size; a bias comes to life if there was none.
            if node.operand(2).is_none() && node.folded_bytes == 0 && consumed.kind != Kind::Mul {
                let channels = bias_elements(draft, index);
                let width = node_width(draft, index);
                draft.nodes[index].folded_bytes = channels.saturating_mul(width);
            }
        }
    }
    draft.remove(&dead);
    if rules.batch_norm == BatchNormForm::MulAdd {
        write_out(draft);
    }
}

fn absorbable(
    draft: &Draft,
    uses: &super::draft::Uses,
    index: usize,
    rules: &LoweringRules,
) -> Option<usize> {
    let node = &draft.nodes[index];
    let takes_norm = rules.batch_norm_into.contains(&node.kind);
    let takes_bias = rules.bias_into.contains(&node.kind);
    // Weights that are computed at run time cannot be changed beforehand, nor a kernel that ends in an activation.
    let foldable = (takes_norm || takes_bias)
        && node.fused.is_empty()
        && node.operand(1).is_some_and(|weight| draft.is_constant(weight));
    if !foldable {
        return None;
    }
    let result = node.result()?;
    let next = uses.only_consumer(result)?;
    let consumer = &draft.nodes[next];
    let constant = match consumer.operands.as_slice() {
        [Some(a), Some(b)] if *a == result && draft.is_constant(*b) => Some(*b),
        [Some(a), Some(b)] if *b == result && draft.is_constant(*a) => Some(*a),
        _ => None,
    };
    let per_channel = |c| draft.is_per_channel(c, result, draft.channels_last(node.kind));
    let ok = match consumer.kind {
        Kind::BatchNorm => {
            takes_norm && consumer.operand(0) == Some(result) && draft.activations(consumer).count() == 1
        }
        Kind::Mul => takes_norm && constant.is_some_and(per_channel),
        Kind::Add | Kind::Sub => {
            takes_bias
                && constant.is_some_and(per_channel)
                && (consumer.kind == Kind::Add || consumer.operand(0) == Some(result))
        }
        _ => false,
    };
    ok.then_some(next)
}

fn bias_elements(draft: &Draft, index: usize) -> u64 {
    let node = &draft.nodes[index];
    let Some(result) = node.result() else { return 0 };
    let shape = &draft.values[result].shape;
    let axis = if draft.channels_last(node.kind) { shape.len().checked_sub(1) } else { Some(1) };
    axis.and_then(|a| shape.get(a)).copied().unwrap_or(1)
}

fn node_width(draft: &Draft, index: usize) -> u64 {
    draft.nodes[index].operand(1).map_or(4, |w| draft.values[w].element.bits().div_ceil(8))
}

/// Batch normalisation as a product and a sum with one number per channel each.
fn write_out(draft: &mut Draft) {
    let mut nodes = Vec::with_capacity(draft.nodes.len());
    for mut node in std::mem::take(&mut draft.nodes) {
        let (Kind::BatchNorm, Some(input), Some(result)) = (node.kind, node.operand(0), node.result()) else {
            nodes.push(node);
            continue;
        };
        let source = draft.values[result].clone();
        let scaled = draft.add_value(format!("{}:scaled", source.name), source.shape, source.element);
        let (scale, shift) = (node.operand(1), node.operand(2));
        let mut sum = node.clone();
        node.kind = Kind::Mul;
        node.operands = vec![Some(input), scale];
        node.results = vec![Some(scaled)];
        sum.kind = Kind::Add;
        sum.name.push_str("/shift");
        sum.operands = vec![Some(scaled), shift];
        nodes.extend([node, sum]);
    }
    draft.nodes = nodes;
}
