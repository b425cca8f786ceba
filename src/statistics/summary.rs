//! Moments and order statistics of a sample.

/// Count, moments and order statistics of a sample, in the unit of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the field's; quantiles as in `quantile`")]
pub struct Summary {
    pub count: usize,
    pub mean: f64,
    /// Sample standard deviation (n - 1 in the denominator); 0 for a single value.
    pub std: f64,
    pub min: f64,
    pub median: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// The `p`-quantile of an ascending sample: its order statistic number `ceil(n p)`, counted from 1 (so
/// it is always a value that was observed, and the median of an even sample is the lower middle one).
///
/// `p` in (0, 1]; `None` when the sample is empty.
#[must_use]
pub fn quantile(ascending: &[f64], p: f64) -> Option<f64> {
    ascending.get(quantile_rank(ascending.len(), p)?.checked_sub(1)?).copied()
}

/// `ceil(n p)` within 1..=n. A product that only rounding lifted above an integer counts as that
/// integer (0.07 x 100 is not more than 7).
pub(super) fn quantile_rank(n: usize, p: f64) -> Option<usize> {
    if n == 0 || !(p > 0.0 && p <= 1.0) {
        return None;
    }
    let position = n as f64 * p;
    Some(((position - position * 4.0 * f64::EPSILON).ceil() as usize).clamp(1, n))
}

/// Summarises a sample in any order; `None` when it is empty or holds a NaN.
#[must_use]
pub fn summarize(sample: &[f64]) -> Option<Summary> {
    if sample.is_empty() || sample.iter().any(|x| x.is_nan()) {
        return None;
    }
    let mut ascending = sample.to_vec();
    ascending.sort_unstable_by(f64::total_cmp);
    let (mean, std) = mean_and_std(&ascending);
    Some(Summary {
        count: ascending.len(),
        mean,
        std,
        min: *ascending.first()?,
        median: quantile(&ascending, 0.5)?,
        p90: quantile(&ascending, 0.9)?,
        p95: quantile(&ascending, 0.95)?,
        p99: quantile(&ascending, 0.99)?,
        max: *ascending.last()?,
    })
}

/// Mean and sample standard deviation by Welford's recurrence, which does not cancel for samples that
/// lie close together far from zero. (0, 0) when empty.
pub(super) fn mean_and_std(sample: &[f64]) -> (f64, f64) {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (i, &x) in sample.iter().enumerate() {
        let delta = x - mean;
        mean += delta / (i + 1) as f64;
        squares += delta * (x - mean);
    }
    let std = if sample.len() > 1 { (squares / (sample.len() - 1) as f64).sqrt() } else { 0.0 };
    (mean, std)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_order_statistics() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), Some(50.0));
        assert_eq!(quantile(&values, 0.99), Some(99.0));
        assert_eq!(quantile(&values, 0.991), Some(100.0));
        for k in 1..=100 {
            assert_eq!(quantile(&values, f64::from(k) / 100.0), Some(f64::from(k)), "p = {k} %");
        }
        assert_eq!(quantile(&[7.0], 0.01), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&values, 0.0), None);
        assert_eq!(quantile(&values, f64::NAN), None);
    }

    #[test]
    fn a_summary_by_hand() {
        let s = summarize(&[4.0, 2.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((s.count, s.mean, s.min, s.median, s.max), (8, 5.0, 2.0, 4.0, 9.0));
        assert!((s.std - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!((s.p90, s.p95, s.p99), (9.0, 9.0, 9.0));
        assert!(summarize(&[]).is_none());
        assert!(summarize(&[1.0, f64::NAN]).is_none());
        assert_eq!(summarize(&[3.0]).unwrap().std, 0.0);
    }

    #[test]
    fn a_small_spread_far_from_zero_survives() {
        let s = summarize(&[1e12 + 1.0, 1e12 + 2.0, 1e12 + 3.0]).unwrap();
        assert!((s.std - 1.0).abs() < 1e-3, "{}", s.std);
    }
}
