//! Fitting the models of a runtime profile to a measurement table.
//!
//! Stages: one common factor to the reference core; the coefficients of one core; for a set of cores the law of sets,
//! with the one-core coefficients held near. The end-to-end remainder is explicit: overhead of an inference, unlisted
//! element-wise operators. Families are left out one at a time, in every stage.

use super::cross_validation::leave_family_out;
use super::fit::{Fitted, Fitting, Prior, family_weights};
use super::intervals::{interval, unseen_coverage};
use super::networks::Network;
use super::priors;
use super::simulated::{PredictionError, inference_ms};
use super::tables::{GroupKey, Measurement, groups};
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::physics::shape::Shape;
use crate::physics::tflite_cpu::{COEFFICIENTS, Coefficients, Features, Setting};
use crate::physics::unlisted::unlisted;
use crate::physics::{Clocks, Form, Machine, Parts, compile};
use crate::soc::{
    Coefficient, Confidence, ExecutorId, ExecutorName, FittedModel, Precision, Provenance, RuntimeProfile,
    Soc, Target,
};
use crate::statistics::{ErrorMetrics, error_metrics};
use std::sync::Arc;

/// Fewest networks for a fit of all coefficients.
pub const FEWEST_NETWORKS: usize = 12;

/// A coefficient whose posterior is wider than this share of its prior was left at the prior.
pub const AT_PRIOR: f64 = 0.7;

/// What came of one group.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// What was measured.
    pub group: GroupKey,
    /// The model, ready for the profile.
    pub model: FittedModel,
    /// Names of the networks.
    pub networks: Vec<String>,
    /// Families in the same order.
    pub families: Vec<String>,
    /// Measured milliseconds.
    pub measured: Vec<f64>,
    /// Simulated by models that have not seen the family.
    pub unseen: Vec<f64>,
    /// Simulated by the final model.
    pub fitted: Vec<f64>,
    /// Errors of `unseen`.
    pub unseen_errors: ErrorMetrics,
    /// Errors of `fitted`.
    pub fit_errors: ErrorMetrics,
    /// Share of measurements inside intervals made without their family, per cent.
    pub coverage: f64,
    /// Condition number of the last stage.
    pub condition: f64,
    /// Coefficients that the data cannot tell.
    pub at_prior: Vec<&'static str>,
}

/// Why a group cannot be calibrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// Faults of profiles or tables.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A prediction failed.
    #[error(transparent)]
    Prediction(#[from] PredictionError),
}

fn refuse(message: String, help: &str) -> CalibrateError {
    CalibrateError::Input(Diagnostic::new("calibrate::data", message).help(help).into())
}

/// What a calibration starts from.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The silicon.
    pub soc: &'a Soc,
    /// The profile whose performances the fitted models go before.
    pub runtime: &'a RuntimeProfile,
    /// The networks that the table names.
    pub networks: &'a [Network],
    /// All rows of the table.
    pub rows: &'a [Measurement],
    /// Where the measurements come from.
    pub source: &'a str,
    /// Most iterations of each fit.
    pub iterations: usize,
}

/// Calibrates one group of the table.
///
/// # Errors
/// Too few networks, a precision or core set that the profiles do not have, a set of cores without rows of its first core.
pub fn calibrate(start: &Start<'_>, group: &GroupKey) -> Result<Calibration, CalibrateError> {
    let executor: ExecutorName = group.executor().parse().map_err(|_| {
        refuse(
            format!("`{}` does not name cores", printable(&group.executor())),
            "core sets are counts and kinds, such as 1large or 2med",
        )
    })?;
    let Target::Cores(kinds) = &executor.target else {
        return Err(refuse(
            format!("there is no fitted form for `{group}`"),
            "rows of CPU core sets can be calibrated",
        ));
    };
    let precision = Precision::from_id(&group.precision).ok_or_else(|| {
        refuse(format!("`{}` is not a precision", printable(&group.precision)), "fp32, fp16 or int8")
    })?;
    let all = groups(start.rows);
    let table =
        |key: &GroupKey| all.iter().find(|(known, _)| known == key).map(|(_, models)| models.as_slice());
    let own = table(group).unwrap_or_default();
    let cores: u32 = kinds.iter().map(|(count, _)| count).sum();
    let one_core = |kind: &str| GroupKey { cores: format!("1{kind}"), ..group.clone() };
    let (first, last) = (kinds.first().map_or("", |k| &k.1), kinds.last().map_or("", |k| &k.1));
    let base_rows = table(&one_core(first)).unwrap_or_default();
    let slow_rows = table(&one_core(last)).unwrap_or_default();
    let find =
        |rows: &[(String, f64)], name: &str| rows.iter().find(|(model, _)| model == name).map(|(_, ms)| *ms);
    let mut chosen = Vec::new();
    for network in start.networks {
        if let (Some(own), Some(base), Some(slow)) =
            (find(own, &network.name), find(base_rows, &network.name), find(slow_rows, &network.name))
        {
            chosen.push((network, own, base, slow));
        }
    }
    if chosen.len() < FEWEST_NETWORKS {
        return Err(refuse(
            format!("{} networks of `{group}` have operators and rows of their single cores", chosen.len()),
            "a fit needs at least 12; a set of cores also needs the rows of one of its cores",
        ));
    }
    let machine = machine(start, start.runtime, &executor, precision)?;
    let setting = machine.setting(ExecutorId(0)).unwrap_or_default();
    let in_order = start
        .soc
        .clusters
        .iter()
        .find(|cluster| cluster.core_kind == last)
        .is_some_and(|cluster| priors::is_in_order(&cluster.core_type));
    let samples = Samples {
        features: chosen.iter().map(|(network, ..)| features(network, &setting)).collect(),
        one: Setting { cores: 1.0, ..setting },
        setting,
        families: chosen.iter().map(|(network, ..)| network.family.as_str()).collect(),
        own: chosen.iter().map(|row| row.1).collect(),
        base: chosen.iter().map(|row| row.2).collect(),
        straggler: chosen.iter().map(|row| row.2 / row.3).collect(),
        precision,
        in_order,
        iterations: start.iterations,
    };
    let fit = |training: &[usize]| samples.fit(training, cores > 1);
    let name = format!("{}-{}", executor.base(), precision.id());
    let model_of = |fitted: &Fitted| FittedModel {
        id: name.clone(),
        executor: executor.base(),
        precision,
        form: Form::TfliteCpu.id().to_owned(),
        measured_with: group.runtime.clone(),
        networks: chosen.len() as u32,
        families: 0,
        leave_family_out: 0.0,
        interval: (1.0, 1.0),
        coefficients: fitted
            .values()
            .iter()
            .zip(&fitted.widths)
            .zip(&COEFFICIENTS)
            .map(|((value, width), info)| Coefficient {
                name: info.name.to_owned(),
                value: *value,
                width: *width,
            })
            .collect(),
        provenance: Provenance { source: Arc::from(start.source), confidence: Confidence::Fitted },
    };
    // A prediction runs through the same machine as `run`, with the candidate in the profile.
    let machine_of = |model: FittedModel| -> Result<Machine, CalibrateError> {
        let mut runtime = start.runtime.clone();
        runtime.fitted.retain(|known| known.executor != model.executor || known.precision != model.precision);
        runtime.fitted.push(model);
        self::machine(start, &runtime, &executor, precision)
    };
    let predict = |machine: &Machine, i: usize| -> Result<f64, CalibrateError> {
        Ok(inference_ms(machine, ExecutorId(0), &chosen[i].0.graph)?)
    };
    let unseen = leave_family_out(
        &samples.families,
        |training| machine_of(model_of(&fit(training).0)),
        |machine, i| predict(machine, i),
    )?;
    let everything: Vec<usize> = (0..chosen.len()).collect();
    let (last_fit, last_priors) = fit(&everything);
    let mut model = model_of(&last_fit);
    let final_machine = machine_of(model.clone())?;
    let fitted: Vec<f64> =
        everything.iter().map(|&i| predict(&final_machine, i)).collect::<Result<_, _>>()?;
    let measured = samples.own.clone();
    let errors = |predicted: &[f64]| {
        error_metrics(predicted, &measured)
            .ok_or_else(|| refuse("a prediction is not finite".to_owned(), "check the measurements"))
    };
    let (unseen_errors, fit_errors) = (errors(&unseen)?, errors(&fitted)?);
    let ratios: Vec<f64> = measured.iter().zip(&unseen).map(|(m, p)| m / p).collect();
    model.families = super::cross_validation::folds(&samples.families).len() as u32;
    model.leave_family_out = unseen_errors.mape;
    model.interval = interval(&ratios, &samples.families);
    let at_prior = last_fit
        .widths
        .iter()
        .zip(&last_priors)
        .zip(&COEFFICIENTS)
        .filter(|((width, prior), _)| **width > AT_PRIOR * prior.width)
        .map(|(_, info)| info.name)
        .collect();
    Ok(Calibration {
        group: group.clone(),
        networks: chosen.iter().map(|(network, ..)| network.name.clone()).collect(),
        families: samples.families.iter().map(|family| (*family).to_owned()).collect(),
        coverage: unseen_coverage(&ratios, &samples.families),
        measured,
        unseen,
        fitted,
        unseen_errors,
        fit_errors,
        condition: last_fit.condition,
        at_prior,
        model,
    })
}

fn machine(
    start: &Start<'_>,
    runtime: &RuntimeProfile,
    executor: &ExecutorName,
    precision: Precision,
) -> Result<Machine, CalibrateError> {
    let executors = [ExecutorName { precision: Some(precision), ..executor.clone() }];
    Ok(compile(&Parts {
        soc: start.soc,
        device: None,
        runtime,
        executors: &executors,
        clocks: &Clocks::default(),
    })?)
}

/// The amounts of all operators that the form knows.
fn features(network: &Network, setting: &Setting) -> Vec<Features> {
    let companions = unlisted(&network.graph);
    let operators = network.graph.operators.iter().enumerate();
    operators
        .filter_map(|(i, operator)| {
            let unlisted = companions.get(i).copied().unwrap_or_default();
            Shape::of(operator).map(|shape| Features::of(&shape, &unlisted, setting))
        })
        .collect()
}

/// The data of a group, ready for fitting.
struct Samples<'a> {
    features: Vec<Vec<Features>>,
    setting: Setting,
    one: Setting,
    families: Vec<&'a str>,
    own: Vec<f64>,
    base: Vec<f64>,
    straggler: Vec<f64>,
    precision: Precision,
    in_order: bool,
    iterations: usize,
}

impl Samples<'_> {
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

    /// Fits all stages to some of the networks; the priors are those of the last stage.
    fn fit(&self, training: &[usize], set: bool) -> (Fitted, Vec<Prior>) {
        let families: Vec<&str> = training.iter().map(|&i| self.families[i]).collect();
        let weights = family_weights(&families);
        let pick = |of: &[f64]| training.iter().map(|&i| of[i]).collect::<Vec<_>>();
        let base = pick(&self.base);
        let priors = priors::one_core(self.precision, self.common_factor(training, &base), self.in_order);
        let solve = |measured: &[f64], priors: &[Prior], setting: &Setting| {
            let predict = |values: &[f64]| self.predict(training, values, setting);
            Fitting { predict: &predict, measured, weights: &weights, priors, iterations: self.iterations }
                .solve()
        };
        let one = solve(&base, &priors, &self.one);
        if !set {
            return (one, priors);
        }
        let straggler = median(pick(&self.straggler)).min(1.0);
        let priors = priors::core_set(&one.logarithms, straggler);
        (solve(&pick(&self.own), &priors, &self.setting), priors)
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
