//! Steady state from one run: where the warm-up ends, and the mean of what is correlated.

use super::intervals::{Interval, t_quantile};
use super::summary::mean_and_std;

/// Where MSER-5 puts the end of the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmUp {
    /// Number of values to discard, a multiple of 5.
    pub discard: usize,
    /// Whether the answer can be trusted: no more than half of the series is discarded.
    pub accepted: bool,
}

/// MSER-5 (White 1997; White, Cobb, Spratt 2000): averages of 5 consecutive values, then the truncation
/// that minimises `sum over j > d of (z_j - mean_d)^2 / (k - d)^2`.
///
/// `None` for fewer than 10 values (two averages) or a NaN. Ties take the earliest truncation. The last
/// five averages are not candidates, because the criterion falls to zero on the last one whatever came
/// before; shorter series keep at least half.
#[must_use]
pub fn mser5(series: &[f64]) -> Option<WarmUp> {
    if series.iter().any(|x| x.is_nan()) {
        return None;
    }
    let averages: Vec<f64> = series.chunks_exact(5).map(|five| five.iter().sum::<f64>() / 5.0).collect();
    let k = averages.len();
    if k < 2 {
        return None;
    }
    let last = k.saturating_sub(5).max(k / 2);
    let (mut best, mut best_value) = (0, f64::INFINITY);
    // Suffix mean and sum of squared deviations by Welford's recurrence from the end.
    let (mut mean, mut squares) = (0.0, 0.0);
    for d in (0..k).rev() {
        let rest = (k - d) as f64;
        let delta = averages[d] - mean;
        mean += delta / rest;
        squares += delta * (averages[d] - mean);
        let value = squares / (rest * rest);
        if d <= last && value <= best_value {
            (best, best_value) = (d, value);
        }
    }
    Some(WarmUp { discard: best * 5, accepted: best * 2 <= k })
}

/// Result of [`batch_means`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchMeans {
    /// 95 % interval of the mean unless another confidence was asked for.
    pub interval: Interval,
    /// Number of batches.
    pub batches: usize,
    /// Values per batch.
    pub batch_size: usize,
    /// Lag-1 autocorrelation of the batch means.
    pub lag1: f64,
    /// Whether the batches are long enough to be taken as independent: `lag1` below 0.1, or too small
    /// to tell from 0 at this number of batches (two standard errors).
    pub independent: bool,
}

/// Interval of the mean of a *correlated* stationary series by non-overlapping batch means.
///
/// Starts with 30 batches and doubles the batch size until the lag-1 autocorrelation of the batch means
/// is below 0.1, as long as 20 batches remain; then with the largest batches that leave 20. What does not
/// fill the last batch is left out at the front. `None` for fewer than 40 values, a NaN, or a confidence
/// outside (0, 1).
#[must_use]
pub fn batch_means(series: &[f64], confidence: f64) -> Option<BatchMeans> {
    const FEWEST: usize = 20;
    if series.len() < 2 * FEWEST || series.iter().any(|x| x.is_nan()) {
        return None;
    }
    let largest = series.len() / FEWEST;
    let mut size = (series.len() / 30).max(1);
    loop {
        let result = of_batches(series, size, confidence)?;
        if result.lag1 < 0.1 || size >= largest {
            return Some(result);
        }
        size = (size * 2).min(largest);
    }
}

fn of_batches(series: &[f64], size: usize, confidence: f64) -> Option<BatchMeans> {
    let kept = &series[series.len() % size..];
    let means: Vec<f64> =
        kept.chunks_exact(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect();
    let batches = means.len();
    let (mean, std) = mean_and_std(&means);
    let half = t_quantile((batches - 1) as f64, confidence)? * std / (batches as f64).sqrt();
    let lag1 = lag1(&means, mean);
    Some(BatchMeans {
        interval: Interval { estimate: mean, low: mean - half, high: mean + half },
        batches,
        batch_size: size,
        lag1,
        independent: lag1 < 0.1f64.max(2.0 / (batches as f64).sqrt()),
    })
}

/// Lag-1 autocorrelation; 0 for a constant series.
fn lag1(values: &[f64], mean: f64) -> f64 {
    let variance: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let covariance: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if variance > 0.0 { covariance / variance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use rand_distr::{Distribution, StandardNormal};

    fn noise(seed: u64, n: usize) -> Vec<f64> {
        StandardNormal.sample_iter(random::stream(seed, "noise", &[])).take(n).collect()
    }

    #[test]
    fn mser_finds_the_end_of_a_transient() {
        let mut series = noise(1, 500);
        for (i, x) in series.iter_mut().enumerate().take(100) {
            *x += 20.0 * (1.0 - i as f64 / 100.0);
        }
        let warm_up = mser5(&series).unwrap();
        assert!(warm_up.accepted && (70..=130).contains(&warm_up.discard), "{warm_up:?}");
        // The criterion by its definition, for every candidate.
        let z: Vec<f64> = series.chunks_exact(5).map(|c| c.iter().sum::<f64>() / 5.0).collect();
        let value = |d: usize| {
            let rest = &z[d..];
            let mean = rest.iter().sum::<f64>() / rest.len() as f64;
            rest.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
        };
        let chosen = value(warm_up.discard / 5);
        assert!((0..=95).all(|d| chosen <= value(d) + 1e-12));
    }

    #[test]
    fn mser_keeps_what_is_stationary_and_rejects_what_drifts() {
        assert_eq!(mser5(&[5.0; 100]), Some(WarmUp { discard: 0, accepted: true }));
        let drift: Vec<f64> = (0..200).map(|i| f64::from(i) * f64::from(i)).collect();
        assert!(!mser5(&drift).unwrap().accepted);
        assert!(mser5(&[1.0; 9]).is_none());
    }

    /// An AR(1) series with phi = 0.8 and mean 3: batch means must cover where the naive interval does not.
    #[test]
    fn batch_means_cover_a_correlated_series() {
        let (mut covered, mut naive) = (0, 0);
        for seed in 0..200 {
            let mut x = 0.0;
            let series: Vec<f64> = noise(seed, 6000)
                .iter()
                .map(|e| {
                    x = 0.8 * x + e;
                    3.0 + x
                })
                .collect();
            let result = batch_means(&series, 0.95).unwrap();
            assert!((20..=30).contains(&result.batches));
            covered += i32::from(result.interval.contains(3.0));
            naive += i32::from(super::super::mean_interval(&series, 0.95).unwrap().contains(3.0));
        }
        assert!((182..=196).contains(&covered), "{covered} of 200");
        assert!(naive < 140, "{naive} of 200");
    }

    #[test]
    fn short_series_have_no_batch_interval() {
        assert!(batch_means(&[1.0; 39], 0.95).is_none());
        let constant = batch_means(&[2.0; 40], 0.95).unwrap();
        assert_eq!((constant.interval.half_width(), constant.lag1), (0.0, 0.0));
    }
}
