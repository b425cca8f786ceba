//! Cores of which too few networks were measured: three factors on a reference core ([`crate::physics::scaled_cpu`]).

use super::calibrate::{AT_PRIOR, ModelFit};
use super::fit::{Fitting, Prior};
use super::networks::Network;
use crate::physics::scaled_cpu::{Coefficients, FACTORS, Terms, coefficients};
use crate::physics::shape::shapes;
use crate::physics::tflite_cpu::Setting;
use crate::physics::unlisted::unlisted;
use crate::soc::{Coefficient, FittedModel};

/// Where the loss turns from square to linear.
const SCALE: f64 = 0.1;

/// Factor of 3x3 convolutions before a fit: runtimes of this kind use Winograd.
const WINDOW: Prior = Prior { mean: -0.430_782_916, width: 0.5 };
/// Factor of everything but dense convolutions on one core.
const LIGHT: Prior = Prior { mean: 0.336_472_237, width: 0.5 };
/// The same on a set of cores, where it is not fitted.
const LIGHT_OF_SETS: f64 = 1.7;
/// Microseconds for each operator on a set of cores.
const OPERATOR: Prior = Prior { mean: 2.708_050_201, width: 1.2 };
/// Width of the common factor around the median.
const TIME_WIDTH: f64 = 0.7;
/// What an operator costs beyond its equations on one core, microseconds: nothing.
const NO_OPERATOR: f64 = 1e-6;

/// The data of a core set.
pub(super) struct Scaled {
    reference: FittedModel,
    terms: Vec<(Terms, f64)>,
    measured: Vec<f64>,
    set: bool,
    iterations: usize,
}

impl Scaled {
    /// `None` if the reference lacks coefficients of one core.
    pub(super) fn new(
        reference: &FittedModel,
        samples: &[(&Network, f64)],
        setting: &Setting,
        iterations: usize,
    ) -> Option<Self> {
        let known = |name: &str| reference.coefficients.iter().find(|c| c.name == name).map(|c| c.value);
        let factor = |name: &str| FACTORS.iter().any(|info| info.name == name).then_some(1.0);
        let equations = Coefficients::from_names(|name| factor(name).or_else(|| known(name)))?;
        let terms = samples.iter().map(|(network, _)| {
            let companions = unlisted(&network.graph);
            let mut sum = (Terms::default(), 0.0);
            for (i, shape) in shapes(&network.graph).iter().enumerate() {
                let Some(shape) = shape else { continue };
                let beside = companions.get(i).copied().unwrap_or_default();
                let (terms, _) = equations.terms(shape, &beside, setting);
                sum.0.dense += terms.dense * 1e3;
                sum.0.window += terms.window * 1e3;
                sum.0.light += terms.light * 1e3;
                sum.1 += 1.0;
            }
            sum
        });
        Some(Self {
            reference: reference.clone(),
            terms: terms.collect(),
            measured: samples.iter().map(|(_, ms)| *ms).collect(),
            set: setting.cores > 1.0,
            iterations,
        })
    }

    fn predict(&self, i: usize, factors: [f64; 4]) -> f64 {
        let (terms, operators) = self.terms[i];
        let [scale, window, light, operator] = factors;
        scale * (terms.dense + window * terms.window + light * terms.light) + operator * operators * 1e-3
    }

    /// All four from the three that are fitted.
    const fn factors(&self, fitted: &[f64]) -> [f64; 4] {
        if self.set {
            [fitted[0], fitted[1], LIGHT_OF_SETS, fitted[2]]
        } else {
            [fitted[0], fitted[1], fitted[2], NO_OPERATOR]
        }
    }

    /// Median of measured / the reference core's own times.
    fn common(&self, training: &[usize]) -> f64 {
        let plain = [1.0, 1.0, 1.0, 0.0];
        let mut ratios: Vec<f64> =
            training.iter().map(|&i| self.measured[i] / self.predict(i, plain)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        crate::statistics::quantile(&ratios, 0.5).unwrap_or(1.0)
    }

    /// One factor alone.
    pub(super) fn one_factor(&self, training: &[usize]) -> ModelFit {
        self.model([self.common(training), 1.0, 1.0, NO_OPERATOR], [0.0; 4], Vec::new(), 1.0)
    }

    /// Three factors.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let third = if self.set { OPERATOR } else { LIGHT };
        let priors = [Prior { mean: self.common(training).ln(), width: TIME_WIDTH }, WINDOW, third];
        let measured: Vec<f64> = training.iter().map(|&i| self.measured[i]).collect();
        let predict =
            |c: &[f64]| training.iter().map(|&i| self.predict(i, self.factors(c))).collect::<Vec<_>>();
        let fitted = Fitting {
            predict: &predict,
            measured: &measured,
            weights: &vec![1.0; training.len()],
            priors: &priors,
            scale: SCALE,
            iterations: self.iterations,
        }
        .solve();
        let w = &fitted.widths;
        let widths = if self.set { [w[0], w[1], 0.0, w[2]] } else { [w[0], w[1], w[2], 0.0] };
        let own = [0, 1, if self.set { 3 } else { 2 }];
        let left = own.into_iter().zip(&priors).filter(|(i, prior)| widths[*i] > AT_PRIOR * prior.width);
        let at_prior = left.map(|(i, _)| FACTORS[i].name).collect();
        self.model(self.factors(&fitted.values()), widths, at_prior, fitted.condition)
    }

    fn model(
        &self,
        factors: [f64; 4],
        widths: [f64; 4],
        at_prior: Vec<&'static str>,
        condition: f64,
    ) -> ModelFit {
        let of = |name: &str| FACTORS.iter().position(|info| info.name == name);
        let known = |name: &str| self.reference.coefficients.iter().find(|c| c.name == name);
        let all = coefficients().into_iter().map(|info| Coefficient {
            name: info.name.to_owned(),
            value: of(info.name).map_or_else(|| known(info.name).map_or(1.0, |c| c.value), |i| factors[i]),
            width: of(info.name).map_or(0.0, |i| widths[i]),
        });
        ModelFit { coefficients: all.collect(), residual: Vec::new(), at_prior, condition }
    }
}
