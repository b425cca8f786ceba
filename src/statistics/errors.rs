//! Error metrics of predictions against measurements.

use super::summary::quantile;

/// How far predictions are from measurements. All but `count` in per cent of the measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorMetrics {
    /// Pairs compared.
    pub count: usize,
    /// Mean absolute percentage error.
    pub mape: f64,
    /// Mean signed percentage error; positive when predictions are too high.
    pub bias: f64,
    /// Root mean square percentage error.
    pub rmspe: f64,
    /// Share of pairs within 5 %.
    pub within_5: f64,
    /// Share of pairs within 10 %.
    pub within_10: f64,
    /// 90 % quantile of the absolute percentage error.
    pub p90: f64,
    /// Largest absolute percentage error.
    pub max: f64,
}

/// Compares predictions with measurements, pair by pair.
///
/// `None` when the lengths differ, there is no pair, a measurement is not positive, or a value is not
/// finite: a relative error means nothing then.
#[must_use]
pub fn error_metrics(predicted: &[f64], measured: &[f64]) -> Option<ErrorMetrics> {
    let valid = predicted.iter().all(|p| p.is_finite()) && measured.iter().all(|m| m.is_finite() && *m > 0.0);
    if predicted.len() != measured.len() || predicted.is_empty() || !valid {
        return None;
    }
    let errors: Vec<f64> = predicted.iter().zip(measured).map(|(p, m)| 100.0 * (p - m) / m).collect();
    let n = errors.len() as f64;
    let mut absolute: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    absolute.sort_unstable_by(f64::total_cmp);
    let within = |limit: f64| 100.0 * absolute.iter().filter(|&&e| e <= limit).count() as f64 / n;
    Some(ErrorMetrics {
        count: errors.len(),
        mape: absolute.iter().sum::<f64>() / n,
        bias: errors.iter().sum::<f64>() / n,
        rmspe: (errors.iter().map(|e| e * e).sum::<f64>() / n).sqrt(),
        within_5: within(5.0),
        within_10: within(10.0),
        p90: quantile(&absolute, 0.9)?,
        max: *absolute.last()?,
    })
}

/// Kendall's tau-b of two rankings: (concordant - discordant) / sqrt((pairs - ties in a)(pairs - ties in b)).
///
/// In [-1, 1]; `None` when the lengths differ, a value is NaN, or one side is constant (or shorter than
/// two). Quadratic in the length: meant for alternatives, not for samples.
#[must_use]
pub fn kendall_tau_b(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.iter().chain(b).any(|x| x.is_nan()) {
        return None;
    }
    let (mut score, mut untied_a, mut untied_b) = (0i64, 0i64, 0i64);
    for i in 0..a.len() {
        for j in 0..i {
            let x = order(a[i], a[j]);
            let y = order(b[i], b[j]);
            score += x * y;
            untied_a += x * x;
            untied_b += y * y;
        }
    }
    (untied_a > 0 && untied_b > 0).then(|| score as f64 / (untied_a as f64 * untied_b as f64).sqrt())
}

fn order(x: f64, y: f64) -> i64 {
    i64::from(x > y) - i64::from(x < y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_by_hand() {
        let m = error_metrics(&[110.0, 96.0, 50.0, 200.0], &[100.0, 100.0, 50.0, 250.0]).unwrap();
        assert_eq!(m.count, 4);
        assert!((m.mape - 8.5).abs() < 1e-12, "{m:?}");
        assert!((m.bias - -3.5).abs() < 1e-12);
        assert!((m.rmspe - (516.0f64 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!((m.within_5, m.within_10, m.p90, m.max), (50.0, 75.0, 20.0, 20.0));
        assert!(error_metrics(&[1.0], &[0.0]).is_none());
        assert!(error_metrics(&[1.0, 2.0], &[1.0]).is_none());
        assert!(error_metrics(&[], &[]).is_none());
    }

    #[test]
    fn tau_b_with_and_without_ties() {
        assert_eq!(kendall_tau_b(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), Some(1.0));
        assert_eq!(kendall_tau_b(&[1.0, 2.0, 3.0], &[6.0, 5.0, 4.0]), Some(-1.0));
        // 10 pairs: 7 concordant, 1 discordant, 1 tie in a only, 1 tie in b only.
        let a = [1.0, 2.0, 2.0, 3.0, 4.0];
        let b = [2.0, 1.0, 3.0, 3.0, 4.0];
        let tau = kendall_tau_b(&a, &b).unwrap();
        assert!((tau - 6.0 / 9.0).abs() < 1e-12, "{tau}");
        assert_eq!(kendall_tau_b(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(kendall_tau_b(&[1.0], &[1.0]), None);
    }
}
