//! GELU written out, with the error function or with the tangent approximation.

use super::draft::{Draft, Uses, ValueId};
use super::gates::{both_orders, made_by, sweep};
use super::kind::Kind;

/// Recognises `x * 0.5 * (1 + f(x))` with `f` the error function of `x / sqrt 2` or the hyperbolic tangent of
/// `sqrt(2/pi) * (x + 0.044715 x^3)`.
pub(crate) fn recognise(draft: &mut Draft) {
    sweep(draft, |draft, uses, dead, index| {
        let inner = match draft.nodes[index].kind {
            Kind::Erf => error_function(draft, uses, index),
            Kind::Tanh => tangent(draft, uses, index),
            _ => None,
        };
        let Some((mut members, x)) = inner else { return false };
        members.push(index);
        let Some(outer) = outer(draft, uses, index, x) else { return false };
        members.extend(outer);
        draft.collapse(uses, dead, &members, (Kind::Gelu, "Gelu"), vec![Some(x)])
    });
}

fn error_function(draft: &Draft, uses: &Uses, index: usize) -> Option<(Vec<usize>, ValueId)> {
    let scaled = draft.nodes[index].operand(0)?;
    let scaling = uses.producer[scaled]?;
    let node = &draft.nodes[scaling];
    let (x, factor) = draft.scalar_operand(node)?;
    let factor = if node.kind == Kind::Div { 1.0 / factor } else { factor };
    let right =
        matches!(node.kind, Kind::Div | Kind::Mul) && (factor - std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-3;
    right.then(|| (vec![scaling], x))
}

fn tangent(draft: &Draft, uses: &Uses, index: usize) -> Option<(Vec<usize>, ValueId)> {
    let scaled = draft.nodes[index].operand(0)?;
    let scaling = made_by(draft, uses, scaled, Kind::Mul)?;
    let (sum, factor) = draft.scalar_operand(&draft.nodes[scaling])?;
    // sqrt(2 / pi)
    if (factor - 0.797_884_56).abs() > 1e-3 {
        return None;
    }
    let addition = made_by(draft, uses, sum, Kind::Add)?;
    for (x, cubic) in both_orders(draft, addition) {
        let Some(weighting) = made_by(draft, uses, cubic, Kind::Mul) else { continue };
        let Some((cube, weight)) = draft.scalar_operand(&draft.nodes[weighting]) else { continue };
        if (weight - 0.044_715).abs() > 1e-4 {
            continue;
        }
        if let Some(mut members) = third_power(draft, uses, cube, x) {
            members.extend([weighting, addition, scaling]);
            return Some((members, x));
        }
    }
    None
}

fn third_power(draft: &Draft, uses: &Uses, value: ValueId, x: ValueId) -> Option<Vec<usize>> {
    if let Some(power) = made_by(draft, uses, value, Kind::Pow) {
        return (draft.nodes[power].operand(0) == Some(x)).then(|| vec![power]);
    }
    let product = made_by(draft, uses, value, Kind::Mul)?;
    both_orders(draft, product).into_iter().find_map(|(a, square)| {
        let inner = made_by(draft, uses, square, Kind::Mul)?;
        let squares = draft.nodes[inner].operands.iter().all(|&v| v == Some(x));
        (a == x && squares).then(|| vec![inner, product])
    })
}

/// From `f(x)` to the end: add one, multiply by `x` and by a half, in any order. The last member is the end.
fn outer(draft: &Draft, uses: &Uses, index: usize, x: ValueId) -> Option<Vec<usize>> {
    let addition = uses.only_consumer(draft.nodes[index].result()?)?;
    let (_, one) = draft.scalar_operand(&draft.nodes[addition])?;
    if draft.nodes[addition].kind != Kind::Add || (one - 1.0).abs() > 1e-6 {
        return None;
    }
    let sum = draft.nodes[addition].result()?;
    let is_half = |node: usize| {
        draft.nodes[node].kind == Kind::Mul
            && draft.scalar_operand(&draft.nodes[node]).is_some_and(|(_, s)| (s - 0.5).abs() < 1e-6)
    };
    let mut members = vec![addition];
    let mut end = uses.only_consumer(sum)?;
    let mut halved = false;
    if is_half(end) {
        halved = true;
        members.push(end);
        end = uses.only_consumer(draft.nodes[end].result()?)?;
    }
    let incoming = members.last().and_then(|&m| draft.nodes[m].result())?;
    if draft.nodes[end].kind != Kind::Mul {
        return None;
    }
    let other = both_orders(draft, end).into_iter().find(|&(a, _)| a == incoming)?.1;
    if other != x {
        let half = made_by(draft, uses, other, Kind::Mul).filter(|&n| is_half(n) && !halved)?;
        if draft.nodes[half].operand(0) != Some(x) && draft.nodes[half].operand(1) != Some(x) {
            return None;
        }
        halved = true;
        members.push(half);
    }
    members.push(end);
    if !halved {
        let last = uses.only_consumer(draft.nodes[end].result()?).filter(|&n| is_half(n))?;
        members.push(last);
    }
    Some(members)
}
