//! One executor at one precision on its way through the stages of a calibration.

use super::calibrate::{CalibrateError, Calibration, FEWEST_NETWORKS, Folds, ModelFit, Start, refuse};
use super::cpu::{CpuSamples, features};
use super::cross_validation::leave_family_out;
use super::executors::resolve;
use super::few::Ready;
use super::gpu::GpuSamples;
use super::hexagon::{self, HexagonSamples};
use super::intervals::{interval, unseen_coverage};
use super::networks::Network;
use super::operator_tables::OperatorMeasurement;
use super::simulated::inference_ms;
use super::tables::{GroupKey, groups};
use crate::diagnostics::printable;
use crate::physics::hexagon::Amounts;
use crate::physics::tflite_cpu::Setting;
use crate::physics::tflite_gpu::Gpu;
use crate::physics::{Clocks, Form, Machine, Parts, compile};
use crate::soc::{
    Accelerator, Confidence, ExecutorId, ExecutorName, FittedModel, Precision, Provenance, RuntimeProfile,
    Target,
};
use crate::statistics::{ErrorMetrics, error_metrics};
use std::sync::Arc;

/// A network with its measured milliseconds.
pub(super) type Sample<'a> = (&'a Network, f64);

/// One executor at one precision, to be calibrated.
#[derive(Clone)]
pub(super) struct Goal<'a> {
    pub(super) start: &'a Start<'a>,
    pub(super) group: &'a GroupKey,
    pub(super) executor: ExecutorName,
    pub(super) precision: Precision,
}

impl<'a> Goal<'a> {
    pub(super) fn new(start: &'a Start<'a>, group: &'a GroupKey) -> Result<Self, CalibrateError> {
        let executor = resolve(group, start.soc).map_err(|why| {
            refuse(
                why,
                "core sets are counts and kinds, such as 1large or 2med; precisions fp32, fp16 or int8",
            )
        })?;
        let precision = executor.precision.unwrap_or(Precision::Fp32);
        Ok(Self { start, group, executor: ExecutorName { precision: None, ..executor }, precision })
    }

    /// The networks of the group that have operators which the executor can run: lists name the operators of one runtime.
    pub(super) fn samples(&self) -> Result<Vec<Sample<'a>>, CalibrateError> {
        let all = groups(self.start.rows);
        let own = all.iter().find(|(key, _)| key == self.group).map_or(&[][..], |(_, models)| models);
        let machine = self.machine(self.start.runtime)?;
        let networks = self.start.networks.iter();
        let measured = networks.filter_map(|network| Some((network, find(own, &network.name)?)));
        Ok(measured.filter(|(network, _)| machine.cost_table(&network.graph).is_ok()).collect())
    }

    /// A start for a few-shot or three-factor calibration of the group.
    pub(super) fn few<'f>(&self, samples: &'f [Sample<'a>]) -> Result<Ready<'f>, CalibrateError> {
        match &self.executor.target {
            Target::Cores(kinds) => self.few_cores(kinds, samples),
            Target::Device(id) => self.few_device(id, samples),
        }
    }

    pub(super) fn cores(&self, kinds: &[(u32, String)]) -> Result<Calibration, CalibrateError> {
        let few = self.samples()?;
        if self.start.from.is_some() || few.len() < FEWEST_NETWORKS {
            return self.few(&few)?.calibrate(self, &few);
        }
        let (samples, cpu) = self.cpu_samples(kinds)?;
        self.assess(Form::TfliteCpu, &samples, &|training| cpu.fit(training), Folds::Families)
    }

    /// The networks of a core set with rows of one of its cores, and their amounts.
    pub(super) fn cpu_samples(
        &self,
        kinds: &[(u32, String)],
    ) -> Result<(Vec<Sample<'a>>, CpuSamples<'a>), CalibrateError> {
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
        let chosen: Vec<(&'a Network, (f64, f64, f64))> =
            self.start.networks.iter().filter_map(|network| Some((network, rows(network)?))).collect();
        let samples: Vec<Sample<'a>> = chosen.iter().map(|(network, row)| (*network, row.0)).collect();
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
        Ok((samples, cpu))
    }

    pub(super) fn device(&self, id: &str) -> Result<Calibration, CalibrateError> {
        let device = self.start.soc.devices.iter().find(|device| device.id == id);
        if let Some(npu) = device.filter(|device| device.title.starts_with("Hexagon")) {
            return self.hexagon(npu);
        }
        let few = self.samples()?;
        if self.start.from.is_some() || (1..FEWEST_NETWORKS).contains(&few.len()) {
            return self.few(&few)?.calibrate(self, &few);
        }
        let (samples, gpu, data) = self.gpu_samples(id)?;
        let mut calibration =
            self.assess(Form::TfliteGpu(gpu), &samples, &|training| data.fit(training), Folds::Families)?;
        calibration.operators = data.unseen_operators();
        Ok(calibration)
    }

    /// The networks of a GPU with measured operators, and their amounts.
    pub(super) fn gpu_samples(&self, id: &str) -> Result<(Vec<Sample<'a>>, Gpu, GpuSamples), CalibrateError> {
        let device = self.start.soc.devices.iter().find(|device| device.id == id);
        let gpu = device.and_then(|device| Gpu::of_title(&device.title)).ok_or_else(|| {
            refuse(
                format!("there is no form for `{}` of {}", printable(id), self.start.soc.id),
                "forms exist for devices whose title in the SoC profile begins with Adreno, Mali, Apple or Hexagon",
            )
        })?;
        let all = groups(self.start.rows);
        let own = all.iter().find(|(key, _)| key == self.group).map_or(&[][..], |(_, models)| models);
        let measured: Vec<&OperatorMeasurement> =
            self.start.operators.iter().filter(|row| row.group == *self.group).collect();
        let samples: Vec<Sample<'a>> = self
            .start
            .networks
            .iter()
            .filter(|network| measured.iter().any(|row| row.model == network.name))
            .filter_map(|network| Some((network, find(own, &network.name)?)))
            .collect();
        self.enough(&samples)?;
        let inferences = self.without_crossings(&self.machine(self.start.runtime)?, &samples)?;
        let graphs: Vec<_> = samples.iter().map(|(network, _)| &network.graph).collect();
        let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
        let data = GpuSamples::new(gpu, &graphs, &families, &inferences, &measured, self.start.iterations)
            .ok_or_else(|| {
                refuse(
                    format!("the measured operators of `{}` do not match the operator lists", self.group),
                    "every operator of a network needs one row with its op_index",
                )
            })?;
        Ok((samples, gpu, data))
    }

    /// A Hexagon tensor processor: whole networks only.
    fn hexagon(&self, npu: &Accelerator) -> Result<Calibration, CalibrateError> {
        let all = groups(self.start.rows);
        let own = all.iter().find(|(key, _)| key == self.group).map_or(&[][..], |(_, models)| models);
        let samples: Vec<Sample<'_>> = self
            .start
            .networks
            .iter()
            .filter_map(|network| Some((network, find(own, &network.name)?)))
            .collect();
        if samples.len() < hexagon::FEWEST_NETWORKS {
            return Err(refuse(
                format!("only {} networks have operators and rows", samples.len()),
                "three coefficients with priors need at least 4 networks",
            ));
        }
        let rate = npu.ops_per_cycle.get(&self.precision).map(|rate| rate.value * npu.opps.highest().clock.0);
        let performance =
            self.start.runtime.performances.iter().find(|performance| {
                performance.precision == self.precision && performance.on.contains(&npu.id)
            });
        let kernel = performance
            .and_then(|p| p.kernels.iter().find(|k| k.classes.iter().any(|class| class == "convolution")));
        let Some((rate, kernel)) = rate.zip(kernel) else {
            return Err(refuse(
                format!("the profiles have no {} rate of `{}`", self.precision.id(), npu.id),
                "add ops_per_cycle to the SoC profile and a kernel for convolutions to the runtime profile",
            ));
        };
        let machine = self.machine(self.start.runtime)?;
        let data = HexagonSamples {
            amounts: samples.iter().map(|(n, _)| Amounts::of_graph(&n.graph, self.precision)).collect(),
            measured: self.without_crossings(&machine, &samples)?,
            setting: machine.setting(ExecutorId(0)).unwrap_or_default(),
            precision: self.precision,
            matrix_tflops: rate * kernel.efficiency.value / 1e12,
            iterations: self.start.iterations,
        };
        self.assess(Form::HexagonHtp, &samples, &|training| data.fit(training), Folds::Networks)
    }

    /// The measured milliseconds without handing input and output over, which costs the same whatever the operators take.
    pub(super) fn without_crossings(
        &self,
        machine: &Machine,
        samples: &[Sample<'_>],
    ) -> Result<Vec<f64>, CalibrateError> {
        let mut inferences = Vec::new();
        for (network, ms) in samples {
            let costs = machine.cost_table(&network.graph)?;
            let on_device: f64 = (0..costs.operators() as u32)
                .filter_map(|i| costs.get(i, ExecutorId(0)))
                .map(|cost| (cost.overhead + cost.alone).millis())
                .sum();
            let invocation = machine.platform.executor(ExecutorId(0)).invocation.millis();
            let crossings = inference_ms(machine, ExecutorId(0), &network.graph)? - on_device - invocation;
            inferences.push((ms - crossings).max(0.05 * ms));
        }
        Ok(inferences)
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

    fn predict(&self, machine: &Machine, network: &Network) -> Result<f64, CalibrateError> {
        Ok(inference_ms(machine, ExecutorId(0), &network.graph)?)
    }

    /// Simulated by models that have not seen the fold, with their errors.
    pub(super) fn unseen(
        &self,
        form: Form,
        samples: &[Sample<'_>],
        fit: &dyn Fn(&[usize]) -> ModelFit,
        folds: Folds,
    ) -> Result<(Vec<f64>, ErrorMetrics), CalibrateError> {
        let unseen = leave_family_out(
            &labels(samples, folds),
            |training| self.machine_with(self.model_of(form, training.len(), fit(training))),
            |machine, i| self.predict(machine, samples[i].0),
        )?;
        let errors = errors(&unseen, samples)?;
        Ok((unseen, errors))
    }

    /// Simulated by a fit to some networks, for others: predictions and their errors.
    pub(super) fn tested(
        &self,
        form: Form,
        samples: &[Sample<'_>],
        fitted: ModelFit,
        test: &[usize],
    ) -> Result<ErrorMetrics, CalibrateError> {
        let machine = self.machine_with(self.model_of(form, samples.len() - test.len(), fitted))?;
        let chosen: Vec<Sample<'_>> = test.iter().map(|&i| samples[i]).collect();
        let predicted: Vec<f64> =
            chosen.iter().map(|(network, _)| self.predict(&machine, network)).collect::<Result<_, _>>()?;
        errors(&predicted, &chosen)
    }

    /// Fits without each fold in turn and with all, and predicts by simulation.
    pub(super) fn assess(
        &self,
        form: Form,
        samples: &[Sample<'_>],
        fit: &dyn Fn(&[usize]) -> ModelFit,
        folds: Folds,
    ) -> Result<Calibration, CalibrateError> {
        let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
        let labels = labels(samples, folds);
        let measured: Vec<f64> = samples.iter().map(|(_, ms)| *ms).collect();
        let (unseen, unseen_errors) = self.unseen(form, samples, fit, folds)?;
        let everything: Vec<usize> = (0..samples.len()).collect();
        let last = fit(&everything);
        let (condition, at_prior) = (last.condition, last.at_prior.clone());
        let mut model = self.model_of(form, samples.len(), last);
        let machine = self.machine_with(model.clone())?;
        let fitted: Vec<f64> =
            samples.iter().map(|(network, _)| self.predict(&machine, network)).collect::<Result<_, _>>()?;
        let fit_errors = errors(&fitted, samples)?;
        let ratios: Vec<f64> = measured.iter().zip(&unseen).map(|(m, p)| m / p).collect();
        model.families = super::cross_validation::folds(&families).len() as u32;
        model.leave_family_out = unseen_errors.mape;
        model.interval = interval(&ratios, &labels);
        Ok(Calibration {
            group: self.group.clone(),
            networks: samples.iter().map(|(network, _)| network.name.clone()).collect(),
            families: families.iter().map(|family| (*family).to_owned()).collect(),
            coverage: unseen_coverage(&ratios, &labels),
            measured,
            left_out: folds,
            from: "priors".to_owned(),
            one_factor_errors: None,
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

    pub(super) fn machine(&self, runtime: &RuntimeProfile) -> Result<Machine, CalibrateError> {
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

/// The fold of each sample.
fn labels<'s>(samples: &[Sample<'s>], folds: Folds) -> Vec<&'s str> {
    let label = |network: &'s Network| match folds {
        Folds::Families => network.family.as_str(),
        Folds::Networks => network.name.as_str(),
    };
    samples.iter().map(|(network, _)| label(network)).collect()
}

fn errors(predicted: &[f64], samples: &[Sample<'_>]) -> Result<ErrorMetrics, CalibrateError> {
    let measured: Vec<f64> = samples.iter().map(|(_, ms)| *ms).collect();
    error_metrics(predicted, &measured)
        .ok_or_else(|| refuse("a prediction is not finite".to_owned(), "check the measurements"))
}

pub(super) fn find(rows: &[(String, f64)], name: &str) -> Option<f64> {
    rows.iter().find(|(model, _)| model == name).map(|(_, ms)| *ms)
}
