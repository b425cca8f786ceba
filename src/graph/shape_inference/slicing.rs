//! Operators that pick parts of a tensor.

use super::node::{Facts, Node, RuleError, axis, invalid, size};
use crate::graph::fact::Fact;

/// Sizes of the parts of a `Split`.
pub(super) fn parts(node: &Node) -> Result<(usize, Vec<u64>), RuleError> {
    let x = node.input(0)?;
    let at = axis(node.int("axis", 0), x.shape.len())?;
    let whole = x.shape[at];
    let sizes = match node.attribute_or_input("split", 1)? {
        Some(values) => values.iter().map(|&v| size(v, "a part")).collect::<Result<Vec<_>, _>>()?,
        None => {
            let outputs = node.operator.outputs.len() as i64;
            let count = node.int("num_outputs", outputs);
            if count != outputs || count < 1 || count as u64 > whole.max(1) {
                return invalid(format!("{whole} elements split into {count} parts for {outputs} outputs"));
            }
            let count = count as u64;
            // Equal parts, the last one smaller where it does not divide.
            let part = whole.div_ceil(count);
            let start = |i: u64| (i * part).min(whole);
            (0..count).map(|i| start(i + 1) - start(i)).collect()
        }
    };
    if sizes.iter().fold(0u64, |n, &s| n.saturating_add(s)) != whole {
        return invalid(format!("parts {sizes:?} do not add up to {whole}"));
    }
    if sizes.len() < node.operator.outputs.len() {
        return invalid(format!("{} parts for {} outputs", sizes.len(), node.operator.outputs.len()));
    }
    Ok((at, sizes))
}

/// `Split`.
pub(super) fn split(node: &Node) -> Facts {
    let x = node.input(0)?;
    let (at, sizes) = parts(node)?;
    let part = |size: u64| {
        let mut shape = x.shape.clone();
        shape[at] = size;
        Fact::activation(shape, x.element)
    };
    Ok(sizes.into_iter().take(node.operator.outputs.len()).map(part).collect())
}

/// Start, step and length of a `Slice` along each dimension.
pub(super) fn ranges(node: &Node) -> Result<Vec<(i64, i64, u64)>, RuleError> {
    let x = node.input(0)?;
    let rank = x.shape.len();
    let attributes = node.operator.ints("starts").zip(node.operator.ints("ends"));
    let (starts, ends) = match attributes {
        Some(pair) => pair,
        None => (node.integers(1)?, node.integers(2)?),
    };
    let along: Vec<usize> = match node.attribute_or_input("axes", 3)? {
        Some(values) => values.iter().map(|&v| axis(v, rank)).collect::<Result<_, _>>()?,
        None => (0..starts.len().min(rank)).collect(),
    };
    let steps = node.optional_integers(4)?;
    if starts.len() != ends.len()
        || along.len() != starts.len()
        || steps.is_some_and(|s| s.len() != along.len())
    {
        return invalid(format!("{} starts, {} ends, {} axes", starts.len(), ends.len(), along.len()));
    }
    let mut ranges: Vec<_> = x.shape.iter().map(|&d| (0, 1, d)).collect();
    for (i, &at) in along.iter().enumerate() {
        let dim = x.shape[at] as i64;
        let step = steps.map_or(1, |s| s[i]);
        if step == 0 {
            return invalid("a step of 0");
        }
        let wrap = |v: i64| if v < 0 { v.saturating_add(dim) } else { v };
        let (low, high) = if step > 0 { (0, dim) } else { (-1, dim - 1) };
        let start = wrap(starts[i]).clamp(low.max(0), high.max(0));
        let end = wrap(ends[i]).clamp(low, high);
        let distance = if step > 0 { end - start } else { start - end };
        let length =
            if dim == 0 || distance <= 0 { 0 } else { (distance as u64).div_ceil(step.unsigned_abs()) };
        ranges[at] = (start, step, length);
    }
    Ok(ranges)
}

/// `Slice`.
pub(super) fn slice(node: &Node) -> Facts {
    let shape = ranges(node)?.into_iter().map(|(_, _, length)| length).collect();
    Ok(vec![Fact::activation(shape, node.input(0)?.element)])
}

/// `Gather`: the gathered dimension is replaced by the shape of the indices.
pub(super) fn gather(node: &Node) -> Facts {
    let (x, indices) = (node.input(0)?, node.input(1)?);
    let at = axis(node.int("axis", 0), x.shape.len())?;
    let mut shape = x.shape[..at].to_vec();
    shape.extend(&indices.shape);
    shape.extend(&x.shape[at + 1..]);
    Ok(vec![Fact::activation(shape, x.element)])
}

/// `GatherElements`: shape of the indices.
pub(super) fn gather_elements(node: &Node) -> Facts {
    Ok(vec![Fact::activation(node.input(1)?.shape.clone(), node.input(0)?.element)])
}

/// `GatherND`.
pub(super) fn gather_nd(node: &Node) -> Facts {
    let (x, indices) = (node.input(0)?, node.input(1)?);
    let batch = size(node.int("batch_dims", 0), "batch_dims")? as usize;
    let Some((&depth, outer)) = indices.shape.split_last() else {
        return invalid("the indices are a scalar");
    };
    let rest = usize::try_from(depth).ok().and_then(|d| d.checked_add(batch)).and_then(|d| x.shape.get(d..));
    let Some(rest) = rest else {
        return invalid(format!("indices of depth {depth} into shape {:?}", x.shape));
    };
    let shape = outer.iter().chain(rest).copied().collect();
    Ok(vec![Fact::activation(shape, x.element)])
}

/// `OneHot`.
pub(super) fn one_hot(node: &Node) -> Facts {
    let (indices, values) = (node.input(0)?, node.input(2)?);
    let Some(&[depth]) = node.input(1)?.floats().as_deref() else {
        return Err(RuleError::Unknown("the content of input 1 (depth) is not known".to_owned()));
    };
    let at = axis(node.int("axis", -1), indices.shape.len() + 1)?;
    let mut shape = indices.shape.clone();
    shape.insert(at, size(depth as i64, "depth")?);
    Ok(vec![Fact::activation(shape, values.element)])
}
