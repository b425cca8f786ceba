//! Robust fitting of positive coefficients: pseudo-Huber loss of the logarithmic error, ridge towards priors.
//!
//! ```text
//! minimise  sum_i w_i 2 (sqrt(1 + z_i^2) - 1) + sum_j ((x_j - prior_j) / width_j)^2
//! z_i = ln(predicted_i / measured_i) / scale       x = logarithms of the coefficients
//! ```
//! by damped Gauss-Newton (Levenberg-Marquardt) with a numeric Jacobian. `scale` is where the loss turns from
//! square to linear. A coefficient that the data cannot tell stays at its prior, and its width says so.

use super::linear::Symmetric;

/// Where the loss of whole networks on CPUs turns from square to linear, in logarithmic error.
pub const ERROR_SCALE: f64 = 0.03;

/// A belief about the logarithm of a coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Logarithm of the expected value.
    pub mean: f64,
    /// Standard deviation of the logarithm, above 0.
    pub width: f64,
}

/// What is to be fitted.
pub struct Fitting<'a> {
    /// Predictions for the coefficients, in the order of `measured`, above 0.
    pub predict: &'a dyn Fn(&[f64]) -> Vec<f64>,
    /// Measured values, above 0.
    pub measured: &'a [f64],
    /// Weight of each measurement.
    pub weights: &'a [f64],
    /// One for each coefficient.
    pub priors: &'a [Prior],
    /// Logarithmic error at which the loss turns from square to linear.
    pub scale: f64,
    /// Most iterations.
    pub iterations: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Logarithms of the coefficients.
    pub logarithms: Vec<f64>,
    /// Standard deviations of these, from the curvature at the optimum.
    pub widths: Vec<f64>,
    /// Condition number of the Jacobian, priors included, columns in units of the prior widths.
    pub condition: f64,
    /// The loss.
    pub loss: f64,
}

impl Fitted {
    /// The coefficients.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        self.logarithms.iter().map(|x| x.exp()).collect()
    }
}

impl Fitting<'_> {
    fn residuals(&self, x: &[f64]) -> Vec<f64> {
        let values: Vec<f64> = x.iter().map(|x| x.exp()).collect();
        let predicted = (self.predict)(&values);
        predicted
            .iter()
            .zip(self.measured)
            .zip(self.weights)
            .map(|((predicted, measured), weight)| {
                let z = (predicted / measured).ln() / self.scale;
                z.signum() * (2.0 * weight * ((1.0 + z * z).sqrt() - 1.0)).sqrt()
            })
            .collect()
    }

    fn loss(&self, residuals: &[f64], x: &[f64]) -> f64 {
        let data: f64 = residuals.iter().map(|r| r * r).sum();
        let prior: f64 = x.iter().zip(self.priors).map(|(x, p)| ((x - p.mean) / p.width).powi(2)).sum();
        data + prior
    }

    /// Rows of the Jacobian by forward differences, in units of the prior widths.
    fn jacobian(&self, x: &[f64], residuals: &[f64]) -> Vec<Vec<f64>> {
        const STEP: f64 = 1e-5;
        let mut rows = vec![vec![0.0; x.len()]; residuals.len()];
        let mut moved = x.to_vec();
        for (j, prior) in self.priors.iter().enumerate() {
            moved[j] = x[j] + STEP;
            for (row, (after, before)) in rows.iter_mut().zip(self.residuals(&moved).iter().zip(residuals)) {
                row[j] = (after - before) / STEP * prior.width;
            }
            moved[j] = x[j];
        }
        rows
    }

    /// Fits from the priors' means.
    #[must_use]
    pub fn solve(&self) -> Fitted {
        let n = self.priors.len();
        let mut x: Vec<f64> = self.priors.iter().map(|p| p.mean).collect();
        let mut residuals = self.residuals(&x);
        let mut loss = self.loss(&residuals, &x);
        let mut damping = 1e-3;
        let mut curvature = None;
        for _ in 0..self.iterations {
            let rows = self.jacobian(&x, &residuals);
            let mut gram = Symmetric::gram(&rows, n);
            gram.add_diagonal(|_| 1.0);
            let gradient: Vec<f64> = (0..n)
                .map(|j| {
                    let data: f64 = rows.iter().zip(&residuals).map(|(row, r)| row[j] * r).sum();
                    data + (x[j] - self.priors[j].mean) / self.priors[j].width
                })
                .collect();
            let mut gained = None;
            for _ in 0..8 {
                let mut damped = gram.clone();
                damped.add_diagonal(|i| damping * gram.diagonal(i));
                let Some(step) = damped.solve(&gradient) else {
                    damping *= 10.0;
                    continue;
                };
                let next: Vec<f64> =
                    x.iter().zip(&step).zip(self.priors).map(|((x, s), p)| x - s * p.width).collect();
                let found = self.residuals(&next);
                let new_loss = self.loss(&found, &next);
                if new_loss < loss {
                    gained = Some(loss - new_loss);
                    (x, residuals, loss) = (next, found, new_loss);
                    damping = (damping * 0.2).max(1e-9);
                    break;
                }
                damping *= 8.0;
            }
            curvature = Some(gram);
            if gained.is_none_or(|gain| gain < 1e-4 + 1e-5 * loss) {
                break;
            }
        }
        let curvature = curvature.unwrap_or_else(|| {
            let mut prior = Symmetric::gram(&[], n);
            prior.add_diagonal(|_| 1.0);
            prior
        });
        let widths = match curvature.inverse_diagonal() {
            Some(variances) => variances.iter().zip(self.priors).map(|(v, p)| v.sqrt() * p.width).collect(),
            None => self.priors.iter().map(|p| p.width).collect(),
        };
        let eigenvalues = curvature.eigenvalues();
        let largest = eigenvalues.iter().copied().fold(0.0, f64::max);
        let smallest = eigenvalues.iter().copied().fold(f64::INFINITY, f64::min);
        Fitted { logarithms: x, widths, condition: (largest / smallest).sqrt(), loss }
    }
}

/// Weights that keep large families from outvoting small ones: 1 / sqrt(members of the family), mean 1.
#[must_use]
pub fn family_weights(families: &[&str]) -> Vec<f64> {
    let count = |family: &str| families.iter().filter(|other| **other == family).count() as f64;
    let raw: Vec<f64> = families.iter().map(|family| 1.0 / count(family).sqrt()).collect();
    let mean = raw.iter().sum::<f64>() / raw.len().max(1) as f64;
    raw.iter().map(|w| w / mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three planted coefficients of 40 rows, one of them without influence, two rows far off.
    #[test]
    fn planted_coefficients_are_found_and_blind_ones_stay_at_the_prior() {
        let planted = [3.0, 0.2, 7.0];
        let row = |i: usize, c: &[f64]| c[0] * (1.0 + i as f64) + c[1] * ((i * i) as f64) + 0.0 * c[2];
        let mut measured: Vec<f64> = (0..40).map(|i| row(i, &planted)).collect();
        measured[7] *= 2.0;
        measured[23] *= 0.4;
        let predict = |c: &[f64]| (0..40).map(|i| row(i, c)).collect::<Vec<_>>();
        let priors = [1.0f64, 1.0, 5.0].map(|value| Prior { mean: value.ln(), width: 1.0 });
        let weights = vec![1.0; 40];
        let fit = Fitting {
            predict: &predict,
            measured: &measured,
            weights: &weights,
            priors: &priors,
            scale: ERROR_SCALE,
            iterations: 40,
        }
        .solve();
        let values = fit.values();
        assert!((values[0] / 3.0 - 1.0).abs() < 0.01 && (values[1] / 0.2 - 1.0).abs() < 0.02, "{values:?}");
        assert!((values[2] / 5.0 - 1.0).abs() < 1e-6 && (fit.widths[2] - 1.0).abs() < 1e-9);
        assert!(fit.widths[0] < 0.1 && fit.condition > 1.0);
    }

    #[test]
    fn families_weigh_by_the_root_of_their_size() {
        let weights = family_weights(&["a", "a", "a", "a", "b"]);
        assert!((weights[4] / weights[0] - 2.0).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 5.0).abs() < 1e-12);
    }
}
