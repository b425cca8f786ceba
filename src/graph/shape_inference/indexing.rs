//! Index arithmetic for evaluating data movement on small constants.

use crate::graph::model::ConstantData;

/// Row-major strides of `shape`, in elements.
pub(super) fn strides(shape: &[u64]) -> Vec<u64> {
    let mut strides = vec![1u64; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(shape[i]);
    }
    strides
}

/// Coordinates of the element at `flat` in a row-major tensor of `shape`.
pub(super) fn coordinates(mut flat: u64, shape: &[u64]) -> Vec<u64> {
    let mut at = vec![0; shape.len()];
    for (slot, &dim) in at.iter_mut().zip(shape).rev() {
        *slot = flat % dim.max(1);
        flat /= dim.max(1);
    }
    at
}

/// Position of the element of a tensor of shape `from` that broadcasting puts at `at`.
pub(super) fn broadcast_position(at: &[u64], from: &[u64]) -> u64 {
    let skip = at.len().saturating_sub(from.len());
    at.iter()
        .skip(skip)
        .zip(from)
        .zip(strides(from))
        .map(|((&c, &dim), stride)| if dim == 1 { 0 } else { c * stride })
        .sum()
}

/// The elements of `data` at `positions`, or `None` if one is missing.
pub(super) fn pick(data: &ConstantData, positions: impl Iterator<Item = u64>) -> Option<ConstantData> {
    fn take<T: Copy>(values: &[T], positions: impl Iterator<Item = u64>) -> Option<Vec<T>> {
        positions.map(|p| values.get(usize::try_from(p).ok()?).copied()).collect()
    }
    Some(match data {
        ConstantData::Integers(values) => ConstantData::Integers(take(values, positions)?),
        ConstantData::Floats(values) => ConstantData::Floats(take(values, positions)?),
    })
}
