//! A GPU from a handful of whole networks: operators of another GPU, scaled by kind of kernel.

use super::calibrate::{AT_PRIOR, ModelFit};
use super::fit::{Fitted, Fitting, Prior, family_weights};
use crate::graph::lowered::LoweredGraph;
use crate::physics::Form;
use crate::physics::fitted::gpu_coefficients;
use crate::physics::shape::shapes;
use crate::physics::tflite_gpu::{self, Gpu, REMAINDER};
use crate::physics::transferred_gpu::{FACTORS, GROUPS, SourceTime, TransferredGpu};
use crate::soc::{Coefficient, FittedModel};

/// Where the loss turns from square to linear.
const SCALE: f64 = 0.04;

/// Speed-up of Winograd against the direct kernel of the same network, by the arithmetic that it saves and its transforms.
const WINOGRAD: f64 = 0.45;

/// Width of a parameter that is not to move.
const HELD: f64 = 1e-3;

/// Amounts of a network in microseconds on the other GPU: work by group, launches, squeeze branches.
type Amounts = [f64; GROUPS + 2];

/// The data of a device.
pub(super) struct FewGpu<'a> {
    transfer: TransferredGpu,
    source: tflite_gpu::Coefficients,
    amounts: Vec<Amounts>,
    families: Vec<&'a str>,
    /// Measured inference in microseconds without what crossings cost.
    inferences: Vec<f64>,
    iterations: usize,
    /// Whether groups move apart; otherwise only work, launches and the start of an inference do.
    free: bool,
}

/// Parameters of the fit: the factors of [`FACTORS`] in order, then the four of the remainder.
const PARAMETERS: usize = FACTORS.len() + 4;

impl<'a> FewGpu<'a> {
    /// `None` unless the model is one of a GPU by its own equations.
    pub(super) fn new(
        model: &FittedModel,
        to: Gpu,
        graphs: &[&LoweredGraph],
        families: &[&'a str],
        inferences_ms: &[f64],
        iterations: usize,
        free: bool,
    ) -> Option<Self> {
        let Form::TfliteGpu(from) = Form::from_id(&model.form)? else { return None };
        let source = gpu_coefficients(model, from)?;
        let amounts = graphs
            .iter()
            .map(|graph| {
                let mut amounts = [0.0; GROUPS + 2];
                for shape in shapes(graph).iter().flatten() {
                    if let Some(time) = SourceTime::of(shape, &source, to, 1.0, 1.0) {
                        amounts[time.group as usize] += time.work;
                        amounts[GROUPS] += time.launch;
                    }
                    amounts[GROUPS + 1] += f64::from(u8::from(shape.squeeze));
                }
                amounts
            })
            .collect();
        Some(Self {
            transfer: TransferredGpu { from, to },
            source,
            amounts,
            families: families.to_vec(),
            inferences: inferences_ms.iter().map(|ms| ms * 1e3).collect(),
            iterations,
            free,
        })
    }

    pub(super) const fn form(&self) -> Form {
        Form::TransferredGpu(self.transfer)
    }

    fn inference(&self, i: usize, c: &[f64]) -> f64 {
        let amounts = &self.amounts[i];
        let work: f64 = (0..GROUPS).map(|g| c[0] * c[1 + g] * amounts[g]).sum();
        let sum = work + c[FACTORS.len() - 1] * amounts[GROUPS];
        let rest = &c[FACTORS.len()..];
        rest[0] + sum * (1.0 + rest[1] / (1.0 + sum / rest[2])) + rest[3] * amounts[GROUPS + 1]
    }

    fn at_source(&self) -> Vec<f64> {
        let mut values = vec![1.0; FACTORS.len()];
        values.extend(&self.source.values[REMAINDER]);
        values
    }

    /// Median of measured / predicted by the other GPU's own model.
    fn factor(&self, training: &[usize]) -> f64 {
        let start = self.at_source();
        let mut ratios: Vec<f64> =
            training.iter().map(|&i| self.inferences[i] / self.inference(i, &start)).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        crate::statistics::quantile(&ratios, 0.5).unwrap_or(1.0)
    }

    /// The model of one factor on everything.
    pub(super) fn one_factor(&self, training: &[usize]) -> ModelFit {
        let factor = self.factor(training);
        let mut values = self.at_source();
        (values[0], values[FACTORS.len() - 1]) = (factor, factor);
        for i in [0, 2, 3] {
            values[FACTORS.len() + i] *= factor;
        }
        self.model(&values, &[0.0; PARAMETERS], Vec::new(), 1.0)
    }

    fn priors(&self, training: &[usize]) -> Vec<Prior> {
        let factor = self.factor(training).ln();
        let winograd = match (self.transfer.from, self.transfer.to) {
            (Gpu::Adreno, Gpu::Mali | Gpu::Apple) => WINOGRAD.ln(),
            (Gpu::Mali | Gpu::Apple, Gpu::Adreno) => -WINOGRAD.ln(),
            _ => 0.0,
        };
        let rest: Vec<f64> = self.source.values[REMAINDER].iter().map(|value| value.ln()).collect();
        let prior = |mean: f64, width: f64| Prior { mean, width };
        let grouped = |mean: f64, width: f64| prior(mean, if self.free { width } else { HELD });
        vec![
            prior(factor, 1.5),
            grouped(winograd, 0.5),
            grouped(0.0, 0.35),
            grouped(0.0, 0.35),
            grouped(0.0, 0.35),
            grouped(0.0, 0.35),
            prior(0.5 * factor, 0.7),
            prior(rest[0] + 0.5 * factor, 1.0),
            grouped(rest[1], 0.7),
            prior(10_000f64.ln() + factor, HELD),
            grouped(3f64.ln(), 1.0),
        ]
    }

    /// All parameters near their beliefs.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let priors = self.priors(training);
        let measured: Vec<f64> = training.iter().map(|&i| self.inferences[i]).collect();
        let families: Vec<&str> = training.iter().map(|&i| self.families[i]).collect();
        let predict = |c: &[f64]| training.iter().map(|&i| self.inference(i, c)).collect::<Vec<_>>();
        let fitted: Fitted = Fitting {
            predict: &predict,
            measured: &measured,
            weights: &family_weights(&families),
            priors: &priors,
            scale: SCALE,
            iterations: self.iterations.max(25),
        }
        .solve();
        let names = self.parameter_names();
        let at_prior = fitted
            .widths
            .iter()
            .zip(&priors)
            .zip(names)
            .filter(|((width, prior), _)| prior.width > HELD && **width > AT_PRIOR * prior.width)
            .map(|(_, name)| name)
            .collect();
        self.model(&fitted.values(), &fitted.widths, at_prior, fitted.condition)
    }

    fn parameter_names(&self) -> Vec<&'static str> {
        let rest = &self.transfer.from.coefficients()[REMAINDER];
        FACTORS.iter().chain(rest).map(|info| info.name).collect()
    }

    /// The coefficients of the profile: the other GPU's, with the parameters in their places.
    fn model(&self, values: &[f64], widths: &[f64], at_prior: Vec<&'static str>, condition: f64) -> ModelFit {
        let names = self.parameter_names();
        let given = |name: &str| names.iter().position(|known| *known == name);
        let source = self.transfer.from.coefficients().iter().zip(&self.source.values);
        let all =
            source.map(|(info, value)| (info.name, *value)).chain(FACTORS.iter().map(|i| (i.name, 1.0)));
        ModelFit {
            coefficients: all
                .map(|(name, value)| Coefficient {
                    name: name.to_owned(),
                    value: given(name).map_or(value, |i| values[i]),
                    width: given(name).map_or(0.0, |i| widths[i]),
                })
                .collect(),
            residual: self.source.residual.clone(),
            at_prior,
            condition,
        }
    }
}
