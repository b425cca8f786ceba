//! Prediction intervals from the errors on families that a fit has not seen.

use super::fit::family_weights;

/// Share of measurements that an interval is meant to hold, per cent.
pub const LEVEL_PERCENT: f64 = 90.0;

/// Factor on the half width: the errors of a handful of families understate those of the next one.
const WIDENING: f64 = 1.1;

/// The interval of measured / predicted, symmetric in the logarithm: the 90 % quantile of the absolute logarithmic
/// error, families weighing by the root of their size, widened by 10 %. (1, 1) without ratios.
#[must_use]
pub fn interval(ratios: &[f64], families: &[&str]) -> (f64, f64) {
    let weights = family_weights(families);
    let mut errors: Vec<(f64, f64)> = ratios.iter().map(|ratio| ratio.ln().abs()).zip(weights).collect();
    errors.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = LEVEL_PERCENT / 100.0 * errors.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut sum = 0.0;
    for (error, weight) in &errors {
        sum += weight;
        if sum >= wanted {
            let half = error * WIDENING;
            return ((-half).exp(), half.exp());
        }
    }
    (1.0, 1.0)
}

/// Share of ratios, per cent, inside the interval made from the ratios of the other families.
#[must_use]
pub fn unseen_coverage(ratios: &[f64], families: &[&str]) -> f64 {
    let mut inside = 0;
    for (ratio, family) in ratios.iter().zip(families) {
        let (others, of): (Vec<f64>, Vec<&str>) =
            ratios.iter().zip(families).filter(|(_, other)| *other != family).unzip();
        let (low, high) = interval(&others, &of);
        inside += usize::from((low..=high).contains(ratio));
    }
    100.0 * inside as f64 / ratios.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_share_of_other_families() {
        let ratios: Vec<f64> = (0..100).map(|i| (0.002 * (f64::from(i) - 49.5)).exp()).collect();
        let families: Vec<String> = (0..100).map(|i| format!("f{}", i % 10)).collect();
        let families: Vec<&str> = families.iter().map(String::as_str).collect();
        let (low, high) = interval(&ratios, &families);
        assert!((low * high - 1.0).abs() < 1e-12 && (high.ln() - 1.1 * 0.089).abs() < 1e-3, "{high}");
        let coverage = unseen_coverage(&ratios, &families);
        assert!((88.0..=99.0).contains(&coverage), "{coverage}");
        assert_eq!(interval(&[], &[]), (1.0, 1.0));
    }
}
