//! Calibration from few networks: from another SoC's fitted profile, or with three factors.

use super::adapted::Source;
use super::calibrate::{CalibrateError, Calibration, Folds, ModelFit, refuse};
use super::cpu::features;
use super::few_cpu::{self, FewCpu};
use super::few_gpu::FewGpu;
use super::goal::{Goal, Sample};
use super::scaled::Scaled;
use crate::config::Library;
use crate::physics::Form;
use crate::physics::tflite_gpu::Gpu;
use crate::soc::{ExecutorId, FittedModel, Precision};

/// Fewest networks of a few-shot calibration.
pub const FEWEST: usize = 3;

/// The profile that lends its fitted core or GPU when no other was named: the most thoroughly measured one.
const REFERENCE: (&str, &str) = ("snapdragon-855", "tflite");

/// Fits to a part of the networks, by position.
type Fit<'f> = Box<dyn Fn(&[usize]) -> ModelFit + 'f>;

/// A few-shot calibration that is ready to be fitted.
pub(super) struct Ready<'f> {
    pub(super) form: Form,
    /// What it starts from, in words.
    pub(super) from: String,
    /// The transfer.
    pub(super) fit: Fit<'f>,
    /// One factor on the same start.
    pub(super) one_factor: Fit<'f>,
}

impl Ready<'_> {
    /// Fits and scores; the error is by leaving one network out.
    pub(super) fn calibrate(
        &self,
        goal: &Goal<'_>,
        samples: &[Sample<'_>],
    ) -> Result<Calibration, CalibrateError> {
        let mut found = goal.assess(self.form, samples, &*self.fit, Folds::Networks)?;
        found.from.clone_from(&self.from);
        let about =
            format!("{}; started from {}; error by leaving one network out", goal.start.source, self.from);
        found.model.provenance.source = about.into();
        found.one_factor_errors =
            Some(goal.unseen(self.form, samples, &*self.one_factor, Folds::Networks)?.1);
        Ok(found)
    }
}

impl<'a> Goal<'a> {
    /// A start for these cores: from the source profile, else three factors on the reference core.
    pub(super) fn few_cores<'f>(
        &self,
        kinds: &[(u32, String)],
        samples: &'f [Sample<'a>],
    ) -> Result<Ready<'f>, CalibrateError> {
        self.at_least_few(samples)?;
        let machine = self.machine(self.start.runtime)?;
        let setting = machine.setting(ExecutorId(0)).unwrap_or_default();
        let from_other = self.start.from.and_then(|Source { soc, runtime }| {
            let found = few_cpu::start((soc, runtime), self.start.soc, kinds, self.precision);
            found.map(|(model, start)| (format!("{}/{} {model}", soc.id, runtime.id), start))
        });
        let Some((from, start)) = from_other else {
            let (name, model) = self.reference(&format!("cpu-1large-{}", self.reference_precision().id()))?;
            let data = Scaled::new(&model, samples, &setting, self.start.iterations)
                .ok_or_else(|| refuse(format!("`{name}` lacks coefficients"), "calibrate it again"))?;
            let data = std::rc::Rc::new(data);
            let other = std::rc::Rc::clone(&data);
            return Ok(Ready {
                form: Form::ScaledCpu,
                from: name,
                fit: Box::new(move |training| data.fit(training)),
                one_factor: Box::new(move |training| other.one_factor(training)),
            });
        };
        let data = std::rc::Rc::new(FewCpu {
            features: samples.iter().map(|(network, _)| features(network, &setting)).collect(),
            setting,
            families: samples.iter().map(|(network, _)| network.family.as_str()).collect(),
            measured: samples.iter().map(|(_, ms)| *ms).collect(),
            start,
            precision: self.precision,
            iterations: self.start.iterations,
        });
        let other = std::rc::Rc::clone(&data);
        Ok(Ready {
            form: Form::TfliteCpu,
            from,
            fit: Box::new(move |training| data.fit(training)),
            one_factor: Box::new(move |training| other.one_factor(training)),
        })
    }

    /// A start for a device: the source's GPU, else the reference GPU with three factors.
    pub(super) fn few_device<'f>(
        &self,
        id: &str,
        samples: &'f [Sample<'a>],
    ) -> Result<Ready<'f>, CalibrateError> {
        self.at_least_few(samples)?;
        let title = self.start.soc.devices.iter().find(|d| d.id == id).map_or("", |d| d.title.as_str());
        // Families without rules of their own choose kernels like Mali: the delegate's general rule.
        let to = Gpu::of_title(title).unwrap_or(Gpu::Mali);
        let from_other = self.start.from.and_then(|Source { soc, runtime }| {
            let own = |model: &&FittedModel| matches!(Form::from_id(&model.form), Some(Form::TfliteGpu(_)));
            let model = runtime.fitted.iter().find(own)?;
            Some((format!("{}/{} {}", soc.id, runtime.id, model.id), model.clone(), true))
        });
        let (from, model, free) = match from_other {
            Some(found) => found,
            None => {
                let (name, model) = self.reference("gpu-fp16")?;
                (name, model, false)
            }
        };
        let inferences = self.without_crossings(&self.machine(self.start.runtime)?, samples)?;
        let graphs: Vec<_> = samples.iter().map(|(network, _)| &network.graph).collect();
        let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
        let data = FewGpu::new(&model, to, &graphs, &families, &inferences, self.start.iterations, free)
            .ok_or_else(|| {
                refuse(format!("`{}` is no model of a GPU's operators", model.id), "calibrate it")
            })?;
        let data = std::rc::Rc::new(data);
        let other = std::rc::Rc::clone(&data);
        Ok(Ready {
            form: data.form(),
            from,
            fit: Box::new(move |training| data.fit(training)),
            one_factor: Box::new(move |training| other.one_factor(training)),
        })
    }

    const fn reference_precision(&self) -> Precision {
        match self.precision {
            Precision::Int8 => Precision::Int8,
            Precision::Fp16 | Precision::Fp32 => Precision::Fp32,
        }
    }

    fn reference(&self, id: &str) -> Result<(String, FittedModel), CalibrateError> {
        let (soc, name) = REFERENCE;
        let loaded = Library.runtime(soc, name, &[])?;
        let model = loaded.value.fitted.into_iter().find(|model| model.id == id).ok_or_else(|| {
            refuse(format!("there is no reference `{id}`"), "name a profile to start from with --base")
        })?;
        Ok((format!("{soc}/{name} {id}"), model))
    }

    fn at_least_few(&self, samples: &[Sample<'_>]) -> Result<(), CalibrateError> {
        if samples.len() >= FEWEST {
            return Ok(());
        }
        Err(refuse(
            format!("only {} networks have operators and a row", samples.len()),
            "even the smallest fit needs 3 networks whose names the operators and the table share",
        ))
    }
}
