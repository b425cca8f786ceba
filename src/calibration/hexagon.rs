//! Fitting the form of Hexagon tensor processors: three coefficients from a handful of networks.

use super::calibrate::{AT_PRIOR, ModelFit};
use super::fit::{Fitting, Prior};
use crate::physics::hexagon::{Amounts, COEFFICIENTS, Coefficients};
use crate::physics::tflite_cpu::Setting;
use crate::soc::{Coefficient, Precision};

/// Fewest networks: three coefficients near their priors, and one network to leave out.
pub(super) const FEWEST_NETWORKS: usize = 4;

/// Logarithmic error where the loss turns linear: these tables repeat within 4 to 12 % over releases.
const ERROR_SCALE: f64 = 0.08;

/// Coefficients that are fitted; the last one of the form is declared.
const FITTED: usize = 3;

/// Expected values in the order of the form: the geometric means of fits to three generations (Snapdragon 8 Gen 2, 8 Gen 3,
/// 8 Elite Gen 5); and widths, about the spread among them.
const WIDTHS: [f64; FITTED] = [0.5, 0.4, 0.7];
const HALF: [f64; FITTED] = [300.0, 45.0, 2.6];
const BYTE: [f64; FITTED] = [120.0, 57.0, 1.6];

/// The data of a group.
pub(super) struct HexagonSamples {
    /// Amounts of each network.
    pub(super) amounts: Vec<Amounts>,
    /// Milliseconds of each inference, crossings taken out.
    pub(super) measured: Vec<f64>,
    pub(super) setting: Setting,
    pub(super) precision: Precision,
    /// 10^12 operations per second of the matrix units, from the profiles.
    pub(super) matrix_tflops: f64,
    pub(super) iterations: usize,
}

impl HexagonSamples {
    /// Fits some of the networks.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let means = if self.precision == Precision::Int8 { BYTE } else { HALF };
        let priors: Vec<Prior> =
            means.iter().zip(WIDTHS).map(|(mean, width)| Prior { mean: mean.ln(), width }).collect();
        let measured: Vec<f64> = training.iter().map(|&i| self.measured[i]).collect();
        let predict = |values: &[f64]| {
            let all: Vec<f64> = values.iter().copied().chain([self.matrix_tflops]).collect();
            let coefficients = Coefficients::from_slice(&all);
            let seconds = |i: usize| coefficients.map(|c| c.network_seconds(&self.amounts[i], &self.setting));
            training.iter().map(|&i| seconds(i).unwrap_or(f64::NAN) * 1e3).collect::<Vec<_>>()
        };
        let weights = vec![1.0; training.len()];
        let fitted = Fitting {
            predict: &predict,
            measured: &measured,
            weights: &weights,
            priors: &priors,
            scale: ERROR_SCALE,
            iterations: self.iterations,
        }
        .solve();
        let values = fitted.values();
        let value = |i: usize| values.get(i).copied().unwrap_or(self.matrix_tflops);
        let width = |i: usize| fitted.widths.get(i).copied().unwrap_or(0.0);
        ModelFit {
            at_prior: (0..FITTED)
                .filter(|&i| width(i) > AT_PRIOR * WIDTHS[i])
                .map(|i| COEFFICIENTS[i].name)
                .collect(),
            coefficients: COEFFICIENTS
                .iter()
                .enumerate()
                .map(|(i, info)| Coefficient { name: info.name.to_owned(), value: value(i), width: width(i) })
                .collect(),
            residual: Vec::new(),
            condition: fitted.condition,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_coefficients_come_back() {
        let planted = [250.0, 40.0, 6.0, 10.0];
        let setting = Setting { core_scale: 1.0, memory_scale: 1.0, ..Setting::default() };
        let coefficients = Coefficients::from_slice(&planted).unwrap();
        // Networks that are small, that stream, and that have many unfused operators: each tells one coefficient.
        let amounts: Vec<Amounts> = (0..30)
            .map(|i| Amounts {
                constant_bytes: 2e6 * if i % 3 == 1 { f64::from(10 + i) } else { 1.0 },
                operations: 1e7,
                unfused: if i % 3 == 2 { f64::from(10 * i) } else { 1.0 },
            })
            .collect();
        let measured = amounts.iter().map(|a| coefficients.network_seconds(a, &setting) * 1e3).collect();
        let samples = HexagonSamples {
            amounts,
            measured,
            setting,
            precision: Precision::Fp16,
            matrix_tflops: 10.0,
            iterations: 40,
        };
        let fit = samples.fit(&(0..30).collect::<Vec<_>>());
        for (found, planted) in fit.coefficients.iter().zip(planted) {
            assert!((found.value / planted - 1.0).abs() < 0.05, "{}: {}", found.name, found.value);
        }
        assert_eq!(fit.coefficients[3].width, 0.0);
    }
}
