//! Gated activations that exporters write out: SiLU, hard-sigmoid, hard-swish.

use super::draft::{Draft, Uses, ValueId};
use super::kind::Kind;
use super::rules::LoweringRules;

/// Recognises the patterns; whether a runtime has kernels for them decides a later pass, except for SiLU,
/// which stays apart where there is none.
pub(crate) fn recognise(draft: &mut Draft, rules: &LoweringRules) {
    sweep(draft, hard_sigmoid);
    sweep(draft, |draft, uses, dead, index| {
        gated(draft, uses, dead, index, Kind::HardSigmoid, Kind::HardSwish)
    });
    sweep(draft, hard_swish);
    if rules.silu {
        sweep(draft, |draft, uses, dead, index| gated(draft, uses, dead, index, Kind::Sigmoid, Kind::Silu));
    }
}

/// Runs `rewrite` on every node and removes what it marks.
pub(crate) fn sweep(draft: &mut Draft, rewrite: impl Fn(&mut Draft, &Uses, &mut [bool], usize) -> bool) {
    let uses = draft.uses();
    let mut dead = vec![false; draft.nodes.len()];
    for index in 0..draft.nodes.len() {
        if !dead[index] {
            rewrite(draft, &uses, &mut dead, index);
        }
    }
    draft.remove(&dead);
}

/// The node that makes `value`, if it is of `kind`.
pub(crate) fn made_by(draft: &Draft, uses: &Uses, value: ValueId, kind: Kind) -> Option<usize> {
    uses.producer[value].filter(|&p| draft.nodes[p].kind == kind)
}

/// The two activations that a product or sum combines, in both orders.
pub(crate) fn both_orders(draft: &Draft, index: usize) -> Vec<(ValueId, ValueId)> {
    match *draft.nodes[index].operands.as_slice() {
        [Some(a), Some(b)] if !draft.is_constant(a) && !draft.is_constant(b) => vec![(a, b), (b, a)],
        _ => Vec::new(),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-3 * b.abs().max(1e-3)
}

/// `value` as `relu6(x + 3)`: the members and `x`.
fn shifted_relu6(draft: &Draft, uses: &Uses, value: ValueId) -> Option<(Vec<usize>, ValueId)> {
    let clip = made_by(draft, uses, value, Kind::Relu6)?;
    let sum = draft.nodes[clip].operand(0)?;
    let add = made_by(draft, uses, sum, Kind::Add)?;
    let (x, shift) = draft.scalar_operand(&draft.nodes[add])?;
    close(shift, 3.0).then(|| (vec![add, clip], x))
}

/// `x / 6` or `x * (1/6)`: the input.
fn sixth(draft: &Draft, index: usize) -> Option<ValueId> {
    let node = &draft.nodes[index];
    let (value, factor) = draft.scalar_operand(node)?;
    let divides = node.kind == Kind::Div && node.operand(0) == Some(value) && close(factor, 6.0);
    (divides || (node.kind == Kind::Mul && close(factor, 1.0 / 6.0))).then_some(value)
}

fn hard_sigmoid(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize) -> bool {
    let matched = sixth(draft, index).and_then(|value| shifted_relu6(draft, uses, value));
    let Some((mut members, x)) = matched else { return false };
    members.push(index);
    draft.collapse(uses, dead, &members, (Kind::HardSigmoid, "HardSigmoid"), vec![Some(x)])
}

/// `x * gate(x)`.
fn gated(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize, gate: Kind, whole: Kind) -> bool {
    if draft.nodes[index].kind != Kind::Mul {
        return false;
    }
    let written = if whole == Kind::Silu { "Silu" } else { "HardSwish" };
    for (x, gated) in both_orders(draft, index) {
        if let Some(inner) = made_by(draft, uses, gated, gate)
            && draft.nodes[inner].operand(0) == Some(x)
        {
            return draft.collapse(uses, dead, &[inner, index], (whole, written), vec![Some(x)]);
        }
    }
    false
}

/// `x * relu6(x + 3) / 6`, divided last.
fn hard_swish(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize) -> bool {
    let Some(product) = sixth(draft, index).and_then(|value| made_by(draft, uses, value, Kind::Mul)) else {
        return false;
    };
    for (x, gate) in both_orders(draft, product) {
        if let Some((mut members, input)) = shifted_relu6(draft, uses, gate)
            && input == x
        {
            members.extend([product, index]);
            return draft.collapse(uses, dead, &members, (Kind::HardSwish, "HardSwish"), vec![Some(x)]);
        }
    }
    false
}
