//! Fitting the CPU form to whole networks.

use super::calibrate::{AT_PRIOR, ModelFit};
use super::cross_validation::leave_family_out;
use super::fit::{ERROR_SCALE, Fitted, Fitting, Prior, family_weights};
use super::networks::Network;
use super::priors;
use crate::physics::shape::shapes;
use crate::physics::tflite_cpu::{COEFFICIENTS, Coefficients, Features, Setting};
use crate::physics::unlisted::unlisted;
use crate::soc::{Coefficient, Precision};
use std::convert::Infallible;

/// The amounts of all operators that the form knows.
pub(super) fn features(network: &Network, setting: &Setting) -> Vec<Features> {
    let companions = unlisted(&network.graph);
    let shapes = shapes(&network.graph);
    shapes
        .iter()
        .enumerate()
        .filter_map(|(i, shape)| {
            let unlisted = companions.get(i).copied().unwrap_or_default();
            shape.as_ref().map(|shape| Features::of(shape, &unlisted, setting))
        })
        .collect()
}

/// The data of a group, ready for fitting.
#[derive(Clone)]
pub(super) struct CpuSamples<'a> {
    pub(super) features: Vec<Vec<Features>>,
    pub(super) setting: Setting,
    pub(super) one: Setting,
    pub(super) families: Vec<&'a str>,
    pub(super) own: Vec<f64>,
    pub(super) base: Vec<f64>,
    pub(super) straggler: Vec<f64>,
    pub(super) precision: Precision,
    pub(super) in_order: bool,
    pub(super) iterations: usize,
}

impl CpuSamples<'_> {
    /// Milliseconds of a network: the sum that its simulation on an idle machine comes to.
    fn network_ms(&self, i: usize, coefficients: &Coefficients, setting: &Setting) -> f64 {
        let operators: f64 = self.features[i]
            .iter()
            .map(|features| {
                let time = features.time(coefficients, setting);
                time.overhead + time.alone
            })
            .sum();
        (operators + coefficients.inference_seconds()) * 1e3
    }

    fn predict(&self, of: &[usize], values: &[f64], setting: &Setting) -> Vec<f64> {
        let coefficients = Coefficients::from_slice(values);
        of.iter().map(|&i| self.network_ms(i, &coefficients, setting)).collect()
    }

    /// Fits all stages to some of the networks.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let (fitted, priors) = self.stages(training);
        let widths = || fitted.widths.iter().zip(&priors).zip(&COEFFICIENTS);
        ModelFit {
            at_prior: widths()
                .filter(|((width, prior), _)| **width > AT_PRIOR * prior.width)
                .map(|(_, info)| info.name)
                .collect(),
            coefficients: fitted
                .values()
                .iter()
                .zip(widths())
                .map(|(value, ((width, _), info))| Coefficient {
                    name: info.name.to_owned(),
                    value: *value,
                    width: *width,
                })
                .collect(),
            condition: fitted.condition,
            residual: Vec::new(),
        }
    }

    /// The last stage, with its priors.
    fn stages(&self, training: &[usize]) -> (Fitted, Vec<Prior>) {
        let families: Vec<&str> = training.iter().map(|&i| self.families[i]).collect();
        let weights = family_weights(&families);
        let pick = |of: &[f64]| training.iter().map(|&i| of[i]).collect::<Vec<_>>();
        let base = pick(&self.base);
        let priors = priors::one_core(self.precision, self.common_factor(training, &base), self.in_order);
        let solve = |measured: &[f64], priors: &[Prior], setting: &Setting| {
            let predict = |values: &[f64]| self.predict(training, values, setting);
            Fitting {
                predict: &predict,
                measured,
                weights: &weights,
                priors,
                scale: ERROR_SCALE,
                iterations: self.iterations,
            }
            .solve()
        };
        let one = solve(&base, &priors, &self.one);
        if self.setting.cores <= 1.0 {
            return (one, priors);
        }
        let straggler = median(pick(&self.straggler)).min(1.0);
        let priors = priors::core_set(&one.logarithms, straggler);
        (solve(&pick(&self.own), &priors, &self.setting), priors)
    }

    /// Milliseconds of every network by a fit without its family.
    pub(super) fn unseen(&self) -> Vec<f64> {
        let unseen = leave_family_out::<_, Infallible>(
            &self.families,
            |training| Ok(self.stages(training).0.values()),
            |values, i| Ok(self.predict(&[i], values, &self.setting).first().copied().unwrap_or(f64::NAN)),
        );
        unseen.unwrap_or_default()
    }

    /// Logarithm of the one factor to the reference core with the smallest median error.
    fn common_factor(&self, training: &[usize], measured: &[f64]) -> f64 {
        let error = |scale: f64| {
            let means: Vec<f64> =
                priors::one_core(self.precision, scale, false).iter().map(|p| p.mean.exp()).collect();
            let predicted = self.predict(training, &means, &self.one);
            median(predicted.iter().zip(measured).map(|(p, m)| (p / m).ln().abs()).collect())
        };
        (0..=72)
            .map(|i| -1.2 + 0.05 * f64::from(i))
            .map(|scale| (error(scale), scale))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(0.0, |(_, scale)| scale)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    crate::statistics::quantile(&values, 0.5).unwrap_or(1.0)
}
