//! Softmax attention written out as products.

use super::super::lowered::Geometry;
use super::draft::{Draft, Uses};
use super::gates::{made_by, sweep};
use super::kind::Kind;

/// Recognises product, scaling, mask, softmax, product; a transposition of the keys belongs to it.
pub(crate) fn recognise(draft: &mut Draft) {
    sweep(draft, attention);
}

fn attention(draft: &mut Draft, uses: &Uses, dead: &mut [bool], index: usize) -> bool {
    let matched = || {
        if draft.nodes[index].kind != Kind::Softmax {
            return None;
        }
        let mut members = vec![index];
        let mut mask = None;
        let mut scores = draft.nodes[index].operand(0)?;
        if let Some(addition) = made_by(draft, uses, scores, Kind::Add) {
            let [Some(a), Some(b)] = *draft.nodes[addition].operands.as_slice() else { return None };
            let from_product = |v: usize| {
                let p = uses.producer[v]?;
                matches!(draft.nodes[p].kind, Kind::MatMul | Kind::Mul | Kind::Div).then_some(())
            };
            (scores, mask) = if from_product(a).is_some() { (a, Some(b)) } else { (b, Some(a)) };
            members.insert(0, addition);
        }
        if let Some(scaling) = uses.producer[scores]
            && matches!(draft.nodes[scaling].kind, Kind::Mul | Kind::Div)
        {
            scores = draft.scalar_operand(&draft.nodes[scaling])?.0;
            members.insert(0, scaling);
        }
        let first = made_by(draft, uses, scores, Kind::MatMul)?;
        members.insert(0, first);
        let second = uses.only_consumer(draft.nodes[index].result()?)?;
        let (Some(Geometry::MatMul { batch, m, n, k }), Some(Geometry::MatMul { n: depth, .. })) =
            (draft.nodes[first].geometry, draft.nodes[second].geometry)
        else {
            return None;
        };
        if draft.nodes[second].kind != Kind::MatMul
            || draft.nodes[second].operand(0) != draft.nodes[index].result()
        {
            return None;
        }
        let (query, mut keys) = (draft.nodes[first].operand(0)?, draft.nodes[first].operand(1)?);
        if draft.is_constant(query) || draft.is_constant(keys) {
            return None;
        }
        if let Some(transposition) = made_by(draft, uses, keys, Kind::Transpose)
            && uses.only_consumer(keys) == Some(first)
            && draft.nodes[transposition].permutation.as_ref().is_some_and(|p| {
                p.len() >= 2 && p[p.len() - 1] == p.len() - 2 && p[p.len() - 2] == p.len() - 1
            })
        {
            keys = draft.nodes[transposition].operand(0)?;
            members.insert(0, transposition);
        }
        members.push(second);
        let mut operands = vec![Some(query), Some(keys), draft.nodes[second].operand(1)];
        operands.extend(mask.map(Some));
        // Both products together: m x n scores of depth k, then m x depth results over n.
        Some((members, operands, Geometry::MatMul { batch, m, n, k: k.saturating_add(depth) }, second))
    };
    let Some((members, operands, geometry, last)) = matched() else { return false };
    let done = draft.collapse(uses, dead, &members, (Kind::Attention, "Attention"), operands);
    if done {
        draft.nodes[last].geometry = Some(geometry);
    }
    done
}
