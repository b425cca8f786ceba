//! Transpositions between channels-first and channels-last storage, removed or inserted.

/// A permutation attribute as axes, or `None` if it is none of `0..rank`.
pub(crate) fn permutation(given: &[i64], rank: usize) -> Option<Vec<usize>> {
    let axes: Vec<usize> = given.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<_>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    (sorted.iter().copied().eq(0..rank)).then_some(axes)
}

/// Placeholder.
pub(crate) fn to_channels_last(_draft: &mut super::draft::Draft) {}
