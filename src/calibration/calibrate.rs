//! Fitting the models of a runtime profile to a measurement table.
//!
//! CPU stages: one common factor to the reference core; the coefficients of one core; for a set of cores the law of sets,
//! with the one-core coefficients held near. The end-to-end remainder is explicit: overhead of an inference, unlisted
//! element-wise operators. On a GPU every kernel class is fitted to its operators, then the remainder to whole
//! networks. Families are left out one at a time, in every stage.

use super::cpu::{CpuSamples, features};
use super::cross_validation::leave_family_out;
use super::gpu::{GpuSamples, OperatorScore};
use super::intervals::{interval, unseen_coverage};
use super::networks::Network;
use super::operator_tables::OperatorMeasurement;
use super::simulated::{PredictionError, inference_ms};
use super::tables::{GroupKey, Measurement, groups};
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::physics::tflite_cpu::Setting;
use crate::physics::tflite_gpu::Gpu;
use crate::physics::{Clocks, Form, Machine, Parts, compile};
use crate::soc::{
    Anchor, Coefficient, Confidence, ExecutorId, ExecutorName, FittedModel, Precision, Provenance,
    RuntimeProfile, Soc, Target,
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
    /// How single operators are predicted, where they were measured.
    pub operators: Option<OperatorScore>,
}

/// Coefficients of a form, fitted to some networks.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFit {
    /// All coefficients of the form.
    pub coefficients: Vec<Coefficient>,
    /// What the equations miss at measured shapes.
    pub residual: Vec<Anchor>,
    /// Those that the data cannot tell.
    pub at_prior: Vec<&'static str>,
    /// Condition number, the largest of all stages that end in the result.
    pub condition: f64,
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

pub(super) fn refuse(message: String, help: &str) -> CalibrateError {
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
    /// All rows of the tables of whole networks.
    pub rows: &'a [Measurement],
    /// All rows of the tables of operators.
    pub operators: &'a [OperatorMeasurement],
    /// Where the measurements come from.
    pub source: &'a str,
    /// Most iterations of each fit.
    pub iterations: usize,
}

/// Calibrates one group of the table.
///
/// # Errors
/// Too few networks, a precision or core set that the profiles do not have, a set of cores without rows of its first core,
/// a device without measured operators.
pub fn calibrate(start: &Start<'_>, group: &GroupKey) -> Result<Calibration, CalibrateError> {
    let executor: ExecutorName = group.executor().parse().map_err(|_| {
        refuse(
            format!("`{}` does not name an executor", printable(&group.executor())),
            "core sets are counts and kinds, such as 1large or 2med",
        )
    })?;
    let precision = Precision::from_id(&group.precision).ok_or_else(|| {
        refuse(format!("`{}` is not a precision", printable(&group.precision)), "fp32, fp16 or int8")
    })?;
    let target = Goal { start, group, executor: &executor, precision };
    if start.runtime.lowering == "mace" {
        return target.mace();
    }
    match &executor.target {
        Target::Cores(kinds) => target.cores(kinds),
        Target::Device(id) => target.device(id),
    }
}

/// A network with its measured milliseconds.
pub(super) type Sample<'a> = (&'a Network, f64);

/// One executor at one precision, to be calibrated.
#[derive(Clone, Copy)]
pub(super) struct Goal<'a> {
    pub(super) start: &'a Start<'a>,
    pub(super) group: &'a GroupKey,
    pub(super) executor: &'a ExecutorName,
    precision: Precision,
}

impl<'a> Goal<'a> {
    fn cores(&self, kinds: &[(u32, String)]) -> Result<Calibration, CalibrateError> {
        let all = groups(self.start.rows);
        let table =
            |key: &GroupKey| all.iter().find(|(known, _)| known == key).map(|(_, models)| models.as_slice());
        let one_core = |kind: &str| GroupKey { cores: format!("1{kind}"), ..self.group.clone() };
        let (first, last) = (kinds.first().map_or("", |k| &k.1), kinds.last().map_or("", |k| &k.1));
        let own = table(self.group).unwrap_or_default();
        let base = table(&one_core(first)).unwrap_or_default();
        let slow = table(&one_core(last)).unwrap_or_default();
        let rows = |network: &Network| {
            Some((find(own, &network.name)?, find(base, &network.name)?, find(slow, &network.name)?))
        };
        let chosen: Vec<(&Network, (f64, f64, f64))> =
            self.start.networks.iter().filter_map(|network| Some((network, rows(network)?))).collect();
        let samples: Vec<Sample<'_>> = chosen.iter().map(|(network, row)| (*network, row.0)).collect();
        self.enough(&samples)?;
        let machine = self.machine(self.start.runtime)?;
        let setting = machine.setting(ExecutorId(0)).unwrap_or_default();
        let cluster = self.start.soc.clusters.iter().find(|cluster| cluster.core_kind == last);
        let cpu = CpuSamples {
            features: samples.iter().map(|(network, _)| features(network, &setting)).collect(),
            one: Setting { cores: 1.0, ..setting },
            setting,
            families: samples.iter().map(|(network, _)| network.family.as_str()).collect(),
            own: chosen.iter().map(|(_, row)| row.0).collect(),
            base: chosen.iter().map(|(_, row)| row.1).collect(),
            straggler: chosen.iter().map(|(_, row)| row.1 / row.2).collect(),
            precision: self.precision,
            in_order: cluster.is_some_and(|cluster| super::priors::is_in_order(&cluster.core_type)),
            iterations: self.start.iterations,
        };
        self.assess(Form::TfliteCpu, &samples, &|training| cpu.fit(training))
    }

    fn device(&self, id: &str) -> Result<Calibration, CalibrateError> {
        let device = self.start.soc.devices.iter().find(|device| device.id == id);
        let gpu = device.and_then(|device| Gpu::of_title(&device.title)).ok_or_else(|| {
            refuse(
                format!("there is no form for `{}` of {}", printable(id), self.start.soc.id),
                "forms exist for GPUs whose title in the SoC profile begins with Adreno, Mali or Apple",
            )
        })?;
        let all = groups(self.start.rows);
        let own = all.iter().find(|(key, _)| key == self.group).map_or(&[][..], |(_, models)| models);
        let measured: Vec<&OperatorMeasurement> = self
            .start
            .operators
            .iter()
            .filter(|row| {
                row.soc == self.group.soc
                    && row.runtime == self.group.runtime
                    && row.precision == self.group.precision
            })
            .collect();
        let samples: Vec<Sample<'_>> = self
            .start
            .networks
            .iter()
            .filter(|network| measured.iter().any(|row| row.model == network.name))
            .filter_map(|network| Some((network, find(own, &network.name)?)))
            .collect();
        self.enough(&samples)?;
        // Handing input and output over costs the same whatever the operators take.
        let machine = self.machine(self.start.runtime)?;
        let mut inferences = Vec::new();
        for (network, ms) in &samples {
            let costs = machine.cost_table(&network.graph)?;
            let on_device: f64 = (0..costs.operators() as u32)
                .filter_map(|i| costs.get(i, ExecutorId(0)))
                .map(|cost| (cost.overhead + cost.alone).millis())
                .sum();
            let invocation = machine.platform.executor(ExecutorId(0)).invocation.millis();
            let crossings = inference_ms(&machine, ExecutorId(0), &network.graph)? - on_device - invocation;
            inferences.push((ms - crossings).max(0.05 * ms));
        }
        let graphs: Vec<_> = samples.iter().map(|(network, _)| &network.graph).collect();
        let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
        let data = GpuSamples::new(gpu, &graphs, &families, &inferences, &measured, self.start.iterations)
            .ok_or_else(|| {
                refuse(
                    format!("the measured operators of `{}` do not match the operator lists", self.group),
                    "every operator of a network needs one row with its op_index",
                )
            })?;
        let mut calibration = self.assess(Form::TfliteGpu(gpu), &samples, &|training| data.fit(training))?;
        calibration.operators = data.unseen_operators();
        Ok(calibration)
    }

    fn enough(&self, samples: &[Sample<'_>]) -> Result<(), CalibrateError> {
        if samples.len() >= FEWEST_NETWORKS {
            return Ok(());
        }
        Err(refuse(
            format!("only {} networks have operators and all rows that the fit needs", samples.len()),
            "a fit needs at least 12; a set of cores also needs the rows of one of its cores, a device measured operators",
        ))
    }

    /// Fits without each family in turn and with all, and predicts by simulation.
    pub(super) fn assess(
        &self,
        form: Form,
        samples: &[Sample<'_>],
        fit: &dyn Fn(&[usize]) -> ModelFit,
    ) -> Result<Calibration, CalibrateError> {
        let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
        let measured: Vec<f64> = samples.iter().map(|(_, ms)| *ms).collect();
        let model_of = |fitted: ModelFit| self.model_of(form, samples.len(), fitted);
        let predict = |machine: &Machine, i: usize| -> Result<f64, CalibrateError> {
            Ok(inference_ms(machine, ExecutorId(0), &samples[i].0.graph)?)
        };
        let unseen =
            leave_family_out(&families, |training| self.machine_with(model_of(fit(training))), predict)?;
        let everything: Vec<usize> = (0..samples.len()).collect();
        let last = fit(&everything);
        let (condition, at_prior) = (last.condition, last.at_prior.clone());
        let mut model = model_of(last);
        let machine = self.machine_with(model.clone())?;
        let fitted: Vec<f64> = everything.iter().map(|&i| predict(&machine, i)).collect::<Result<_, _>>()?;
        let errors = |predicted: &[f64]| {
            error_metrics(predicted, &measured)
                .ok_or_else(|| refuse("a prediction is not finite".to_owned(), "check the measurements"))
        };
        let (unseen_errors, fit_errors) = (errors(&unseen)?, errors(&fitted)?);
        let ratios: Vec<f64> = measured.iter().zip(&unseen).map(|(m, p)| m / p).collect();
        model.families = super::cross_validation::folds(&families).len() as u32;
        model.leave_family_out = unseen_errors.mape;
        model.interval = interval(&ratios, &families);
        Ok(Calibration {
            group: self.group.clone(),
            networks: samples.iter().map(|(network, _)| network.name.clone()).collect(),
            families: families.iter().map(|family| (*family).to_owned()).collect(),
            coverage: unseen_coverage(&ratios, &families),
            measured,
            unseen,
            fitted,
            unseen_errors,
            fit_errors,
            condition,
            at_prior,
            model,
            operators: None,
        })
    }

    /// A candidate as a profile carries it.
    pub(super) fn model_of(&self, form: Form, networks: usize, fitted: ModelFit) -> FittedModel {
        FittedModel {
            id: format!("{}-{}", self.executor.base(), self.precision.id()),
            executor: self.executor.base(),
            precision: self.precision,
            form: form.id().to_owned(),
            measured_with: self.group.runtime.clone(),
            networks: networks as u32,
            families: 0,
            leave_family_out: 0.0,
            interval: (1.0, 1.0),
            coefficients: fitted.coefficients,
            residual: fitted.residual,
            provenance: Provenance { source: Arc::from(self.start.source), confidence: Confidence::Fitted },
        }
    }

    /// The machine of `run`, with a candidate in the profile.
    pub(super) fn machine_with(&self, model: FittedModel) -> Result<Machine, CalibrateError> {
        let mut runtime = self.start.runtime.clone();
        runtime.fitted.retain(|known| known.executor != model.executor || known.precision != model.precision);
        runtime.fitted.push(model);
        self.machine(&runtime)
    }

    fn machine(&self, runtime: &RuntimeProfile) -> Result<Machine, CalibrateError> {
        let executors = [ExecutorName { precision: Some(self.precision), ..self.executor.clone() }];
        Ok(compile(&Parts {
            soc: self.start.soc,
            device: None,
            runtime,
            executors: &executors,
            clocks: &Clocks::default(),
        })?)
    }
}

pub(super) fn find(rows: &[(String, f64)], name: &str) -> Option<f64> {
    rows.iter().find(|(model, _)| model == name).map(|(_, ms)| *ms)
}
