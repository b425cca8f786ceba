//! Resampling.

use super::node::{Facts, Node, RuleError, axis, invalid, size};
use crate::graph::fact::Fact;

fn scaled(dim: u64, scale: f64) -> Result<u64, RuleError> {
    let value = dim as f64 * scale;
    if value.is_finite() && (0.0..9e15).contains(&value) {
        Ok(value.floor() as u64)
    } else {
        invalid(format!("scale {scale} of a dimension of {dim}"))
    }
}

/// `Resize`: output sizes from `sizes`, else from `scales`.
pub(super) fn resize(node: &Node) -> Facts {
    let x = node.input(0)?;
    let rank = x.shape.len();
    // Operator set 10 has inputs (X, scales); later ones (X, roi, scales, sizes).
    let (scales, sizes) = if node.opset < 11 {
        (node.optional_floats(1)?, None)
    } else {
        let sizes = node.optional(3).filter(|f| f.elements() > 0);
        (node.optional_floats(2)?, sizes.map(|_| node.integers(3)).transpose()?)
    };
    let along: Vec<usize> = match node.operator.ints("axes") {
        Some(values) => values.iter().map(|&v| axis(v, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).collect(),
    };
    let mut shape = x.shape.clone();
    let given = sizes.map(<[i64]>::len).or(scales.as_ref().map(Vec::len));
    if given != Some(along.len()) {
        return invalid(format!("{} sizes or scales for {} dimensions", given.unwrap_or(0), along.len()));
    }
    if let Some(sizes) = sizes {
        let ratios = along.iter().zip(sizes).map(|(&at, &s)| s as f64 / x.shape[at] as f64);
        let common = match node.text("keep_aspect_ratio_policy", "stretch") {
            "not_larger" => Some(ratios.fold(f64::INFINITY, f64::min)),
            "not_smaller" => Some(ratios.fold(0.0, f64::max)),
            _ => None,
        };
        for (&at, &wanted) in along.iter().zip(sizes) {
            shape[at] = match common {
                Some(ratio) => scaled(1, (x.shape[at] as f64 * ratio).round())?,
                None => size(wanted, "a size")?,
            };
        }
    } else if let Some(scales) = scales {
        for (&at, scale) in along.iter().zip(scales) {
            shape[at] = scaled(x.shape[at], scale)?;
        }
    }
    Ok(vec![Fact::activation(shape, x.element)])
}

/// `Upsample` of operator set 9.
pub(super) fn upsample(node: &Node) -> Facts {
    let x = node.input(0)?;
    let Some(scales) = node.optional_floats(1)?.filter(|s| s.len() == x.shape.len()) else {
        return invalid("the scales are missing or do not fit");
    };
    let shape = x.shape.iter().zip(scales).map(|(&d, s)| scaled(d, s)).collect::<Result<_, _>>()?;
    Ok(vec![Fact::activation(shape, x.element)])
}
