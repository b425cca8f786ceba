//! Normalisations that exporters write out, and sums fused into them.

use super::draft::{Draft, Uses, ValueId};
use super::gates::{both_orders, made_by, sweep};
use super::kind::Kind;
use super::rules::LoweringRules;

/// Recognises layer and root-mean-square normalisation, and the sum before a layer normalisation.
pub(crate) fn recognise(draft: &mut Draft, rules: &LoweringRules) {
    if rules.layer_norm {
        sweep(draft, layer_norm);
    }
    if rules.rms_norm {
        sweep(draft, rms_norm);
    }
    if rules.skip_layer_norm {
        sweep(draft, skip_layer_norm);
    }
}

/// `square(v)` as a power of two or a product with itself.
fn square_of(draft: &Draft, uses: &Uses, value: ValueId) -> Option<(usize, ValueId)> {
    let node = uses.producer[value]?;
    match (draft.nodes[node].kind, draft.nodes[node].operands.as_slice()) {
        (Kind::Pow, &[Some(v), Some(power)]) if draft.values[power].uniform() == Some(2.0) => Some((node, v)),
        (Kind::Mul, &[Some(a), Some(b)]) if a == b => Some((node, a)),
        _ => None,
    }
}

/// `sqrt(mean(square(v)) + epsilon)`: the members and `v`.
fn root_mean_square(draft: &Draft, uses: &Uses, value: ValueId) -> Option<(Vec<usize>, ValueId)> {
    let root = made_by(draft, uses, value, Kind::Sqrt)?;
    let addition = made_by(draft, uses, draft.nodes[root].operand(0)?, Kind::Add)?;
    let (variance, _) = draft.scalar_operand(&draft.nodes[addition])?;
    let mean = made_by(draft, uses, variance, Kind::Mean)?;
    let (square, v) = square_of(draft, uses, draft.nodes[mean].operand(0)?)?;
    Some((vec![square, mean, addition, root], v))
}

/// Follows a product or sum with constants of one number per last dimension: `(node, constant)`.
fn affine(draft: &Draft, uses: &Uses, value: ValueId, kind: Kind) -> Option<(usize, ValueId)> {
    let next = uses.only_consumer(value)?;
    let node = &draft.nodes[next];
    let constant = node.operands.iter().flatten().copied().find(|&v| draft.is_constant(v))?;
    (node.kind == kind && node.operands.len() == 2 && draft.values[constant].shape.len() <= 1)
        .then_some((next, constant))
}

fn layer_norm(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize) -> bool {
    let matched = || {
        let [Some(centred), Some(deviation)] = *draft.nodes[index].operands.as_slice() else { return None };
        if draft.nodes[index].kind != Kind::Div {
            return None;
        }
        let difference = made_by(draft, uses, centred, Kind::Sub)?;
        let [Some(x), Some(mean)] = *draft.nodes[difference].operands.as_slice() else { return None };
        let mean =
            made_by(draft, uses, mean, Kind::Mean).filter(|&m| draft.nodes[m].operand(0) == Some(x))?;
        let (below, v) = root_mean_square(draft, uses, deviation)?;
        // Some exporters write the difference twice, once for each use.
        let again = uses.producer[v].filter(|&d| {
            draft.nodes[d].kind == Kind::Sub && draft.nodes[d].operands == draft.nodes[difference].operands
        })?;
        let mut members = vec![mean, difference];
        if again != difference {
            members.push(again);
        }
        members.extend(below);
        members.push(index);
        let mut operands = vec![Some(x)];
        let mut end = draft.nodes[index].result()?;
        for kind in [Kind::Mul, Kind::Add] {
            let Some((node, constant)) = affine(draft, uses, end, kind) else { break };
            members.push(node);
            operands.push(Some(constant));
            end = draft.nodes[node].result()?;
        }
        Some((members, operands))
    };
    let Some((members, operands)) = matched() else { return false };
    draft.collapse(uses, dead, &members, (Kind::LayerNorm, "LayerNormalization"), operands)
}

/// `x * (1 / rms(x))` or `x / rms(x)`, a cast, a gain.
fn rms_norm(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize) -> bool {
    let matched = || {
        let kind = draft.nodes[index].kind;
        let candidates = both_orders(draft, index);
        let (mut members, x) = candidates.into_iter().find_map(|(x, factor)| {
            let (root, mut members) = match kind {
                Kind::Mul => {
                    let inverse = made_by(draft, uses, factor, Kind::Reciprocal)?;
                    (draft.nodes[inverse].operand(0)?, vec![inverse])
                }
                Kind::Div if draft.nodes[index].operand(0) == Some(x) => (factor, Vec::new()),
                _ => return None,
            };
            let (below, v) = root_mean_square(draft, uses, root)?;
            members.extend(below);
            (v == x).then_some((members, x))
        })?;
        members.push(index);
        let mut operands = vec![Some(x)];
        let mut end = draft.nodes[index].result()?;
        // Half-precision models compute the norm in single precision.
        let cast = uses.only_consumer(end).filter(|&n| draft.nodes[n].kind == Kind::Cast);
        let after_cast = cast.and_then(|c| draft.nodes[c].result());
        if let (Some(cast), Some(result)) = (cast, after_cast)
            && affine(draft, uses, result, Kind::Mul).is_some()
        {
            members.push(cast);
            end = result;
        }
        if let Some((gain, constant)) = affine(draft, uses, end, Kind::Mul) {
            members.push(gain);
            operands.push(Some(constant));
        }
        Some((members, operands))
    };
    let Some((members, operands)) = matched() else { return false };
    draft.collapse(uses, dead, &members, (Kind::RmsNorm, "RMSNormalization"), operands)
}

fn skip_layer_norm(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize) -> bool {
    if draft.nodes[index].kind != Kind::LayerNorm {
        return false;
    }
    let Some(add) = draft.nodes[index].operand(0).and_then(|v| made_by(draft, uses, v, Kind::Add)) else {
        return false;
    };
    let mut operands = draft.nodes[add].operands.clone();
    operands.extend(draft.nodes[index].operands.iter().skip(1).copied());
    draft.collapse(uses, dead, &[add, index], (Kind::SkipLayerNorm, "SkipLayerNormalization"), operands)
}
