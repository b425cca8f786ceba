//! Activations, residual additions and element-wise chains fused into the operator before them.

use super::super::lowered::OperatorClass;
use super::draft::{Draft, Uses};
use super::kind::Kind;
use super::rules::LoweringRules;

/// Fuses activations and sums as `rules` allow, then links element-wise chains.
pub(crate) fn fuse(draft: &mut Draft, rules: &LoweringRules) {
    if !rules.sum_into.is_empty() {
        absorb(draft, |draft, uses, index| sum_target(draft, uses, index, rules));
    }
    absorb(draft, |draft, uses, index| activation_target(draft, uses, index, rules));
    if rules.link_elementwise {
        absorb(draft, link_target);
    }
}

/// Merges every node into the one that `target` names for it, in order.
fn absorb(draft: &mut Draft, target: impl Fn(&Draft, &Uses, usize) -> Option<usize>) {
    let mut dead = vec![false; draft.nodes.len()];
    let mut uses = draft.uses();
    for index in 0..draft.nodes.len() {
        let Some(into) = target(draft, &uses, index).filter(|&into| into != index && !dead[into]) else {
            continue;
        };
        let node = draft.nodes[index].clone();
        let joined = draft.nodes[into].result();
        // Users and makers follow the merge, so that a chain merges link by link.
        for &value in node.operands.iter().flatten() {
            for consumer in uses.consumers[value].iter_mut().filter(|c| **c == index) {
                *consumer = into;
            }
        }
        for &value in node.results.iter().flatten() {
            uses.producer[value] = Some(into);
        }
        let host = &mut draft.nodes[into];
        host.fused.push(node.written.clone());
        host.fused.extend(node.fused.iter().cloned());
        host.absorb_sources(&node);
        host.folded_bytes = host.folded_bytes.saturating_add(node.folded_bytes);
        host.results.clone_from(&node.results);
        // Constants of an activation (a slope, a bound) are no data worth counting; those of a sum or product are.
        if node.kind.class() == OperatorClass::Elementwise || node.kind == Kind::PRelu {
            host.operands.extend(node.operands.iter().copied().filter(|&v| v != joined));
        }
        dead[index] = true;
        draft.nodes[index].operands.clear();
        draft.nodes[index].results.clear();
    }
    draft.remove(&dead);
}

/// Whether an activation may still be fused into this node: only an addition has been before.
fn open(fused: &[String]) -> bool {
    fused.iter().all(|f| matches!(f.as_str(), "Add" | "Sum" | "ADD"))
}

fn activation_target(draft: &Draft, uses: &Uses, index: usize, rules: &LoweringRules) -> Option<usize> {
    let node = &draft.nodes[index];
    // A bound or slope that is computed at run time cannot be fused.
    let input = node.operand(0).filter(|_| draft.activations(node).count() == 1)?;
    let host = uses.producer[input]?;
    uses.only_consumer(input)?;
    let before = &draft.nodes[host];
    let allowed =
        rules.activations.iter().any(|f| f.into.contains(&before.kind) && f.what.contains(&node.kind));
    (allowed && open(&before.fused) && before.result() == Some(input)).then_some(host)
}

fn sum_target(draft: &Draft, uses: &Uses, index: usize, rules: &LoweringRules) -> Option<usize> {
    let node = &draft.nodes[index];
    let [Some(a), Some(b)] = *node.operands.as_slice() else { return None };
    if node.kind != Kind::Add
        || draft.is_constant(a)
        || draft.is_constant(b)
        || draft.values[a].shape != draft.values[b].shape
    {
        return None;
    }
    let host = |value| {
        let host = uses.producer[value]?;
        uses.only_consumer(value)?;
        let before = &draft.nodes[host];
        (rules.sum_into.contains(&before.kind) && before.fused.is_empty()).then_some(host)
    };
    // Of two candidates the later one; the other sum then is its input.
    host(a).max(host(b))
}

fn link_target(draft: &Draft, uses: &Uses, index: usize) -> Option<usize> {
    let node = &draft.nodes[index];
    let linkable = matches!(node.kind.class(), OperatorClass::Elementwise | OperatorClass::Activation);
    let result = node.result()?;
    let activations: Vec<_> = draft.activations(node).collect();
    if !linkable || activations.is_empty() || activations.len() > 2 {
        return None;
    }
    activations
        .into_iter()
        .filter_map(|value| {
            let host = uses.producer[value]?;
            uses.only_consumer(value)?;
            let before = &draft.nodes[host];
            let same_size = draft.values[value].elements() == draft.values[result].elements();
            let links = !matches!(before.kind, Kind::Other | Kind::Reshape | Kind::Identity);
            (same_size && links && before.result() == Some(value)).then_some(host)
        })
        .max()
}
