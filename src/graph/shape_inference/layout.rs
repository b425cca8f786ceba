//! Operators that rearrange elements: reshape, transpose, expand, concatenate, pad.

use super::node::{Facts, Node, RuleError, axes, axis, broadcast, invalid, size};
use crate::graph::fact::Fact;

fn one(shape: Vec<u64>, like: &Fact) -> Facts {
    Ok(vec![Fact::activation(shape, like.element)])
}

fn product(dims: &[u64]) -> u64 {
    dims.iter().fold(1u64, |n, &d| n.saturating_mul(d))
}

/// `Reshape`: 0 copies a dimension unless `allowzero`, one -1 is computed.
pub(super) fn reshape(node: &Node) -> Facts {
    let x = node.input(0)?;
    let wanted = node.integers(1)?;
    let allow_zero = node.int("allowzero", 0) != 0;
    let mut free = None;
    let mut shape = Vec::with_capacity(wanted.len());
    for (i, &dim) in wanted.iter().enumerate() {
        shape.push(match dim {
            -1 if free.replace(i).is_some() => {
                return invalid(format!("two dimensions of {wanted:?} are -1"));
            }
            -1 => 1,
            0 if !allow_zero => match x.shape.get(i) {
                Some(&d) => d,
                None => return invalid(format!("{wanted:?} copies a dimension that {:?} lacks", x.shape)),
            },
            d => size(d, "a dimension")?,
        });
    }
    let rest = product(&shape);
    if let Some(slot) = free.and_then(|i| shape.get_mut(i))
        && rest > 0
        && x.elements() % rest == 0
    {
        *slot = x.elements() / rest;
    }
    if product(&shape) != x.elements() {
        return invalid(format!("{:?} has other elements than {wanted:?}", x.shape));
    }
    one(shape, x)
}

/// `Flatten` to a matrix.
pub(super) fn flatten(node: &Node) -> Facts {
    let x = node.input(0)?;
    let rank = x.shape.len();
    let at = match node.int("axis", 1) {
        v if v == rank as i64 => rank,
        v => axis(v, rank)?,
    };
    let (before, after) = x.shape.split_at(at);
    one(vec![product(before), product(after)], x)
}

/// `Squeeze`: the given dimensions, else all of size 1.
pub(super) fn squeeze(node: &Node) -> Facts {
    let x = node.input(0)?;
    let removed = match node.attribute_or_input("axes", 1)? {
        Some(values) => axes(values, x.shape.len())?,
        None => (0..x.shape.len()).filter(|&i| x.shape.get(i) == Some(&1)).collect(),
    };
    if removed.iter().any(|&i| x.shape.get(i) != Some(&1)) {
        return invalid(format!("the dimensions {removed:?} of {:?} are not all 1", x.shape));
    }
    let kept = x.shape.iter().enumerate().filter(|(i, _)| !removed.contains(i)).map(|(_, &d)| d);
    one(kept.collect(), x)
}

/// `Unsqueeze`: positions count in the result.
pub(super) fn unsqueeze(node: &Node) -> Facts {
    let x = node.input(0)?;
    let Some(values) = node.attribute_or_input("axes", 1)? else { return invalid("the axes are missing") };
    let added = axes(values, x.shape.len() + values.len())?;
    let mut shape = x.shape.clone();
    for i in added {
        shape.insert(i.min(shape.len()), 1);
    }
    one(shape, x)
}

/// The permutation of a `Transpose`; reversal by default.
pub(super) fn permutation(node: &Node, rank: usize) -> Result<Vec<usize>, RuleError> {
    let Some(perm) = node.operator.ints("perm") else { return Ok((0..rank).rev().collect()) };
    let order = perm.iter().map(|&p| axis(p, rank)).collect::<Result<Vec<_>, _>>()?;
    if axes(perm, rank)?.len() == rank {
        Ok(order)
    } else {
        invalid(format!("the permutation {perm:?} does not fit {rank} dimensions"))
    }
}

/// `Transpose`.
pub(super) fn transpose(node: &Node) -> Facts {
    let x = node.input(0)?;
    let order = permutation(node, x.shape.len())?;
    one(order.iter().filter_map(|&i| x.shape.get(i)).copied().collect(), x)
}

/// `Expand`: two-way broadcasting with the wanted shape.
pub(super) fn expand(node: &Node) -> Facts {
    let x = node.input(0)?;
    let wanted = node.integers(1)?.iter().map(|&d| size(d, "a dimension")).collect::<Result<Vec<_>, _>>()?;
    one(broadcast(&x.shape, &wanted)?, x)
}

/// `Tile`.
pub(super) fn tile(node: &Node) -> Facts {
    let x = node.input(0)?;
    let repeats = node.integers(1)?;
    if repeats.len() != x.shape.len() {
        return invalid(format!("{} repeats for {} dimensions", repeats.len(), x.shape.len()));
    }
    let tiled = |(&d, &r): (&u64, &i64)| Ok(d.saturating_mul(size(r, "a repeat")?));
    one(x.shape.iter().zip(repeats).map(tiled).collect::<Result<_, RuleError>>()?, x)
}

/// `Concat`.
pub(super) fn concat(node: &Node) -> Facts {
    let first = node.input(0)?;
    let Some(at) = node.operator.int("axis") else { return invalid("attribute `axis` is missing") };
    let at = axis(at, first.shape.len())?;
    let mut shape = first.shape.clone();
    for fact in node.inputs.iter().skip(1).flatten() {
        let fits = fact.shape.len() == shape.len()
            && fact.shape.iter().zip(&shape).enumerate().all(|(i, (a, b))| i == at || a == b);
        if !fits {
            return invalid(format!("{:?} cannot be appended to {shape:?} along {at}", fact.shape));
        }
        shape[at] = shape[at].saturating_add(fact.shape[at]);
    }
    one(shape, first)
}

/// `Pad`: amounts before and after each dimension, or each of `axes`; negative ones crop.
pub(super) fn pad(node: &Node) -> Facts {
    let x = node.input(0)?;
    let rank = x.shape.len();
    let Some(pads) = node.attribute_or_input("pads", 1)? else { return invalid("the pads are missing") };
    let padded: Vec<usize> = match node.optional_integers(3)? {
        Some(values) => values.iter().map(|&v| axis(v, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * padded.len() {
        return invalid(format!("{} pads for {} dimensions", pads.len(), padded.len()));
    }
    let mut shape = x.shape.clone();
    for (i, &at) in padded.iter().enumerate() {
        let dim = i128::from(shape[at]) + i128::from(pads[i]) + i128::from(pads[i + padded.len()]);
        shape[at] = u64::try_from(dim)
            .map_or_else(|_| invalid(format!("padding {pads:?} leaves nothing of {:?}", x.shape)), Ok)?;
    }
    one(shape, x)
}

fn block<'a>(node: &Node<'a>) -> Result<(&'a Fact, [u64; 4], u64), RuleError> {
    let x = node.input(0)?;
    let block = size(node.int("blocksize", 0), "blocksize")?;
    match x.shape.as_slice() {
        &[n, c, h, w] if (1..1 << 16).contains(&block) => Ok((x, [n, c, h, w], block)),
        other => invalid(format!("blocks of {block} in shape {other:?}")),
    }
}

/// `DepthToSpace`.
pub(super) fn depth_to_space(node: &Node) -> Facts {
    let (x, [n, c, h, w], b) = block(node)?;
    if c % (b * b) != 0 {
        return invalid(format!("{c} channels are not a multiple of {}", b * b));
    }
    one(vec![n, c / (b * b), h.saturating_mul(b), w.saturating_mul(b)], x)
}

/// `SpaceToDepth`.
pub(super) fn space_to_depth(node: &Node) -> Facts {
    let (x, [n, c, h, w], b) = block(node)?;
    if h % b != 0 || w % b != 0 {
        return invalid(format!("{h} x {w} is not a multiple of {b}"));
    }
    one(vec![n, c.saturating_mul(b * b), h / b, w / b], x)
}
