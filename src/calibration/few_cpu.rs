//! CPU cores from a handful of networks: the fitted model of another core as the prior, scaled to the core at hand.
//!
//! One factor to the other core comes first (the median of measured / predicted); then every coefficient may move, near its scaled value.
//! The caches and the number of cores are those of the new SoC. Widths are those of [`priors`], which describe how coefficients differ
//! between cores once a common factor is out.

use super::adapted::kind_in_order;
use super::calibrate::{AT_PRIOR, ModelFit};
use super::executors::{core_speed, kinds};
use super::fit::{ERROR_SCALE, Fitting, Prior, family_weights};
use super::priors;
use crate::physics::tflite_cpu::{COEFFICIENTS, Coefficients, Features, Setting};
use crate::physics::{Form, Role};
use crate::soc::{Coefficient, ExecutorName, FittedModel, Precision, RuntimeProfile, Soc, Target};

/// The data of a core set, ready for fitting.
pub(super) struct FewCpu<'a> {
    pub(super) features: Vec<Vec<Features>>,
    pub(super) setting: Setting,
    pub(super) families: Vec<&'a str>,
    pub(super) measured: Vec<f64>,
    /// Coefficients of the other core, with those of sets where this is a set.
    pub(super) start: Vec<f64>,
    pub(super) precision: Precision,
    pub(super) iterations: usize,
}

/// What the coefficients of a core set start from: those of the most similar fitted set of the other SoC. `None` without a fitted model of
/// this precision.
pub(super) fn start(
    source: (&Soc, &RuntimeProfile),
    soc: &Soc,
    target: &[(u32, String)],
    precision: Precision,
) -> Option<(String, Vec<f64>)> {
    let cores = |groups: &[(u32, String)]| groups.iter().map(|(count, _)| *count).sum::<u32>();
    let slowest = |groups: &[(u32, String)]| groups.last().map_or(String::new(), |(_, kind)| kind.clone());
    let own = (f64::from(cores(target)), kind_in_order(soc, &slowest(target)), target.len() > 1);
    let rank = |soc: &Soc, kind: &str| {
        let all = kinds(soc);
        let at = all.iter().position(|(known, _)| known == kind).unwrap_or(0);
        at as f64 / (all.len().max(2) - 1) as f64
    };
    let distance = |model: &FittedModel| -> Option<f64> {
        let Target::Cores(groups) = model.executor.parse::<ExecutorName>().ok()?.target else { return None };
        let kind = slowest(&groups);
        let count = (f64::from(cores(&groups)) / own.0).ln().abs();
        let order = if kind_in_order(source.0, &kind) == own.1 { 0.0 } else { 3.0 };
        let mixed = if (groups.len() > 1) == own.2 { 0.0 } else { 0.5 };
        // One core against several is another law.
        let law = if (cores(&groups) > 1) == (own.0 > 1.0) { 0.0 } else { 1.0 };
        Some(count + order + mixed + law + 0.5 * (rank(source.0, &kind) - rank(soc, &slowest(target))).abs())
    };
    let (_, model) = source
        .1
        .fitted
        .iter()
        .filter(|model| model.precision == precision && model.form == Form::TfliteCpu.id())
        .filter_map(|model| Some((distance(model)?, model)))
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let set = own.0 > 1.0;
    let straggler = match (target.first(), target.last()) {
        (Some((_, first)), Some((_, last))) => kind_speed(soc, last) / kind_speed(soc, first),
        _ => 1.0,
    };
    let law = priors::law(straggler.min(1.0));
    let values = COEFFICIENTS
        .iter()
        .filter(|info| set || !info.of_sets)
        .map(|info| {
            let known = model.coefficients.iter().find(|c| c.name == info.name).map(|c| c.value);
            known.or_else(|| law.iter().find(|(name, _)| *name == info.name).map(|(_, value)| *value))
        })
        .collect::<Option<Vec<f64>>>()?;
    Some((model.id.clone(), values))
}

fn kind_speed(soc: &Soc, kind: &str) -> f64 {
    soc.clusters.iter().filter(|c| c.core_kind == kind).map(core_speed).fold(1.0, f64::max)
}

impl FewCpu<'_> {
    fn predict(&self, of: &[usize], values: &[f64]) -> Vec<f64> {
        let coefficients = Coefficients::from_slice(values);
        of.iter()
            .map(|&i| {
                let time = |features: &Features| {
                    let time = features.time(&coefficients, &self.setting);
                    time.overhead + time.alone
                };
                (self.features[i].iter().map(time).sum::<f64>() + coefficients.inference_seconds()) * 1e3
            })
            .collect()
    }

    /// The other core's coefficients at this core's speed: one factor, the median over the networks.
    fn scaled(&self, training: &[usize]) -> Vec<f64> {
        let predicted = self.predict(training, &self.start);
        let mut ratios: Vec<f64> =
            training.iter().zip(&predicted).map(|(&i, p)| (self.measured[i] / p).ln()).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let scale = crate::statistics::quantile(&ratios, 0.5).unwrap_or(0.0);
        let scaled = self.start.iter().zip(&COEFFICIENTS).map(|(value, info)| {
            // The law of sets has no time but that of waking threads.
            match info.role {
                Role::Rate => value * (-scale).exp(),
                Role::Time => value * scale.exp(),
                Role::Ratio => *value,
            }
        });
        scaled.collect()
    }

    /// The model of one factor.
    pub(super) fn one_factor(&self, training: &[usize]) -> ModelFit {
        let values = self.scaled(training);
        let named = values.iter().zip(&COEFFICIENTS);
        ModelFit {
            coefficients: named
                .map(|(value, info)| Coefficient { name: info.name.to_owned(), value: *value, width: 0.0 })
                .collect(),
            residual: Vec::new(),
            at_prior: Vec::new(),
            condition: 1.0,
        }
    }

    /// All coefficients near the scaled ones.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let widths = priors::transfer_widths(self.precision);
        let priors: Vec<Prior> = self
            .scaled(training)
            .iter()
            .zip(widths)
            .map(|(value, width)| Prior { mean: value.max(1e-12).ln(), width })
            .collect();
        let families: Vec<&str> = training.iter().map(|&i| self.families[i]).collect();
        let measured: Vec<f64> = training.iter().map(|&i| self.measured[i]).collect();
        let predict = |values: &[f64]| self.predict(training, values);
        let fitted = Fitting {
            predict: &predict,
            measured: &measured,
            weights: &family_weights(&families),
            priors: &priors,
            scale: ERROR_SCALE,
            iterations: self.iterations,
        }
        .solve();
        let named = || fitted.widths.iter().zip(&priors).zip(&COEFFICIENTS);
        ModelFit {
            at_prior: named()
                .filter(|((width, prior), _)| **width > AT_PRIOR * prior.width)
                .map(|(_, info)| info.name)
                .collect(),
            coefficients: fitted
                .values()
                .iter()
                .zip(named())
                .map(|(value, ((width, _), info))| Coefficient {
                    name: info.name.to_owned(),
                    value: *value,
                    width: *width,
                })
                .collect(),
            residual: Vec::new(),
            condition: fitted.condition,
        }
    }
}
