//! Confidence intervals.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::summary::{mean_and_std, quantile, quantile_rank};

/// An estimate with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The point estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Half of its width.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether it contains `value`.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// Student's t quantile `t(freedom, (1 + confidence) / 2)`; `None` unless 0 < confidence < 1, freedom > 0.
pub(super) fn t_quantile(freedom: f64, confidence: f64) -> Option<f64> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    StudentsT::new(0.0, 1.0, freedom).ok().map(|t| t.inverse_cdf(0.5 + confidence / 2.0))
}

/// The t-interval of the mean of *independent* values: mean +- t(n - 1) s / sqrt(n).
///
/// `None` for fewer than two values, a NaN, or a confidence outside (0, 1).
#[must_use]
pub fn mean_interval(sample: &[f64], confidence: f64) -> Option<Interval> {
    if sample.len() < 2 || sample.iter().any(|x| x.is_nan()) {
        return None;
    }
    let (mean, std) = mean_and_std(sample);
    let half = t_quantile((sample.len() - 1) as f64, confidence)? * std / (sample.len() as f64).sqrt();
    Some(Interval { estimate: mean, low: mean - half, high: mean + half })
}

/// The t-interval of the mean difference `a - b` of two strategies under common random numbers:
/// replication i of both saw the same draws.
///
/// `None` when the lengths differ, or as [`mean_interval`].
#[must_use]
pub fn paired_interval(a: &[f64], b: &[f64], confidence: f64) -> Option<Interval> {
    if a.len() != b.len() {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    mean_interval(&differences, confidence)
}

/// The 95 % interval of the `p`-quantile from *independent* values by binomial ranks: order statistics
/// number `floor(np - 1.96 sqrt(np(1-p)))` and `ceil(np + 1.96 sqrt(np(1-p))) + 1`.
///
/// `None` when the sample is too small for either rank to exist, which is the honest answer there, or
/// holds a NaN.
#[must_use]
pub fn quantile_interval(sample: &[f64], p: f64) -> Option<Interval> {
    if sample.iter().any(|x| x.is_nan()) {
        return None;
    }
    let n = sample.len();
    quantile_rank(n, p)?;
    let position = n as f64 * p;
    let spread = 1.96 * (position * (1.0 - p)).sqrt();
    let low = (position - spread).floor();
    let high = (position + spread).ceil() + 1.0;
    if low < 1.0 || high > n as f64 {
        return None;
    }
    let mut ascending = sample.to_vec();
    ascending.sort_unstable_by(f64::total_cmp);
    Some(Interval {
        estimate: quantile(&ascending, p)?,
        low: *ascending.get(low as usize - 1)?,
        high: *ascending.get(high as usize - 1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use rand_distr::{Distribution, Exp1, StandardNormal};

    #[test]
    fn t_interval_against_the_table() {
        // Tables of Student's t: t(4, .975) = 2.776, t(29, .975) = 2.045, t(9, .95) = 1.833.
        for (freedom, confidence, expected) in [(4.0, 0.95, 2.776), (29.0, 0.95, 2.045), (9.0, 0.9, 1.833)] {
            assert!((t_quantile(freedom, confidence).unwrap() - expected).abs() < 5e-4);
        }
        let interval = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        assert_eq!(interval.estimate, 3.0);
        assert!((interval.half_width() - 2.776 * (2.5f64 / 5.0).sqrt()).abs() < 1e-3);
        assert!(mean_interval(&[1.0], 0.95).is_none());
        assert!(mean_interval(&[1.0, 2.0], 1.0).is_none());
    }

    #[test]
    fn pairing_removes_what_both_share() {
        let a = [10.0, 20.0, 30.0, 40.0];
        let b = [9.0, 19.1, 28.9, 39.0];
        let difference = paired_interval(&a, &b, 0.95).unwrap();
        assert!((difference.estimate - 1.0).abs() < 1e-12 && difference.low > 0.8, "{difference:?}");
        assert!(paired_interval(&a, &b[..3], 0.95).is_none());
    }

    #[test]
    fn quantile_ranks_by_hand() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        // np = 500, spread = 1.96 sqrt(250) = 30.99: ranks 469 and 532.
        let median = quantile_interval(&values, 0.5).unwrap();
        assert_eq!((median.low, median.estimate, median.high), (469.0, 500.0, 532.0));
        // np = 990, spread = 6.17: ranks 983 and 998.
        let p99 = quantile_interval(&values, 0.99).unwrap();
        assert_eq!((p99.low, p99.high), (983.0, 998.0));
        assert!(quantile_interval(&values[..100], 0.99).is_none());
    }

    /// Coverage over 400 seeds: standard error 1.1 %, so 91 to 98 % is +-3 of them.
    #[test]
    fn intervals_cover() {
        let (mut mean, mut p90) = (0, 0);
        for seed in 0..400 {
            let mut stream = random::stream(seed, "coverage", &[]);
            let normal: Vec<f64> = StandardNormal.sample_iter(&mut stream).take(12).collect();
            mean += i32::from(mean_interval(&normal, 0.95).unwrap().contains(0.0));
            let exponential: Vec<f64> = Exp1.sample_iter(&mut stream).take(500).collect();
            p90 += i32::from(quantile_interval(&exponential, 0.9).unwrap().contains(10f64.ln()));
        }
        assert!((364..=392).contains(&mean), "{mean} of 400");
        // The rule rounds both ranks outwards, so it covers a little more.
        assert!((364..=396).contains(&p90), "{p90} of 400");
    }
}
