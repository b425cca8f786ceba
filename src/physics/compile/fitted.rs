//! Fitted models of a runtime profile on the executors of a machine.

use super::super::arrangement::Arrangement;
use super::super::fitted::{FittedCost, Form, Workers};
use super::super::mace_cpu::Core;
use super::super::tflite_cpu::Setting;
use super::builder::{Builder, Member, fault};
use crate::diagnostics::InputError;
use crate::soc::{ExecutorName, FittedModel, Precision, RuntimeProfile, Target};

impl Builder<'_> {
    /// What an executor brings to fitted models.
    pub(super) fn setting(
        &mut self,
        members: &[Member],
        arrangement: &Arrangement,
    ) -> Result<Setting, InputError> {
        let present = self.memory.0;
        let highest = self.memory_bandwidth_at(true)?.0;
        let core_scale = members.iter().map(|member| self.clock_scale(member)).fold(1.0, f64::max);
        // The caches of the last named kind count; it is the slowest by convention of core sets.
        let levels = arrangement.workers.last().map_or(&[][..], |(worker, _)| &worker.levels);
        let cached: Vec<f64> =
            levels.iter().map(|level| level.capacity / 1024.0).filter(|kib| kib.is_finite()).collect();
        let second = cached.get(1).or(cached.first()).copied().unwrap_or(1.0);
        let third = cached.get(2).copied().unwrap_or(second);
        let own: f64 = arrangement
            .workers
            .iter()
            .filter_map(|(worker, _)| worker.levels.last())
            .map(|level| level.rate)
            .sum();
        Ok(Setting {
            cores: members.len() as f64,
            element_bytes: arrangement.precision.bytes(),
            l2_kib: second,
            l3_kib: third,
            core_scale,
            memory_scale: highest / present,
            dram_rate: own.min(present),
        })
    }

    /// The fitted model of an executor at a precision, if the runtime has one.
    pub(super) fn fitted(
        &mut self,
        name: &ExecutorName,
        members: &[Member],
        arrangement: &Arrangement,
    ) -> Result<Option<FittedCost>, InputError> {
        let runtime = self.parts.runtime;
        let exact = runtime.fitted_for(&name.base(), arrangement.precision);
        let of_cores = exact.or_else(|| model_of_cores(runtime, name, arrangement.precision));
        let Some(model) = of_cores.or_else(|| straggler_model(runtime, name, arrangement.precision)) else {
            return Ok(None);
        };
        let workers = Workers {
            cores: arrangement
                .workers
                .iter()
                .zip(members)
                .map(|((worker, _), member)| Core { peak: worker.peak, clock: self.clocks_of(member).1 })
                .collect(),
            units: arrangement.units,
            wave: arrangement.wave,
        };
        self.numbers.note(format!("{}.fitted.{}", runtime.id, model.id), &model.provenance);
        FittedCost::new(model, arrangement.setting, workers).map(Some).ok_or_else(|| {
            fault(
                "soc::missing-coefficient",
                format!(
                    "the fitted model `{}` of `{}` lacks coefficients of a set of cores",
                    model.id, runtime.id
                ),
                "name the executor that it was fitted for".to_owned(),
            )
        })
    }

    /// Highest clock / present clock of a core or device.
    pub(super) fn clock_scale(&self, member: &Member) -> f64 {
        let (highest, present) = self.clocks_of(member);
        highest / present
    }

    /// Highest and present clock of a core or device in Hz; both 1 for one that the SoC does not have.
    fn clocks_of(&self, member: &Member) -> (f64, f64) {
        let soc = self.soc();
        let (id, opps) = match self.cluster_of(member.resource) {
            Some(cluster) => (cluster.id.as_str(), &cluster.opps),
            None => match soc.devices.iter().find(|d| d.id == member.performs_as) {
                Some(device) => (device.id.as_str(), &device.opps),
                None => return (1.0, 1.0),
            },
        };
        (opps.highest().clock.0, self.opp(id, opps).clock.0)
    }

    /// The busy shares of a set of unequal cores from the fitted rates of its kinds, each at its clock; `None`
    /// without a fit of the set and of every kind alone.
    pub(super) fn fitted_shares(
        &self,
        name: &ExecutorName,
        members: &[Member],
        own: &Arrangement,
    ) -> Option<Vec<f64>> {
        self.parts.runtime.fitted_for(&name.base(), own.precision)?;
        let rates: Option<Vec<f64>> = members
            .iter()
            .map(|member| {
                let model =
                    self.parts.runtime.fitted_for(&format!("cpu-1{}", member.performs_as), own.precision)?;
                let rate = model.coefficients.iter().find(|c| c.name == "gemm_gflops")?.value;
                Some(rate / self.clock_scale(member))
            })
            .collect();
        Some(super::super::core_set::busy_shares(&rates?))
    }
}

/// For a set of cores without a fit of its own, a model whose coefficients belong to single cores and that was fitted with
/// all kinds of its cores.
fn model_of_cores<'a>(
    runtime: &'a RuntimeProfile,
    name: &ExecutorName,
    precision: Precision,
) -> Option<&'a FittedModel> {
    let kinds = |name: &ExecutorName| match &name.target {
        Target::Cores(groups) => groups.iter().map(|(_, kind)| kind.clone()).collect(),
        Target::Device(_) => Vec::new(),
    };
    let wanted: Vec<String> = kinds(name);
    runtime.fitted.iter().find(|model| {
        let known = model.executor.parse::<ExecutorName>().map(|name| kinds(&name)).unwrap_or_default();
        model.precision == precision
            && Form::from_id(&model.form).is_some_and(Form::holds_for_any_set)
            && !wanted.is_empty()
            && wanted.iter().all(|kind| known.contains(kind))
    })
}

/// For a set of cores without a fit of its own, the largest fitted set of its slowest kind: work is split evenly in
/// advance, so that a mixed set runs like as many of its slowest cores. (Two medium cores of the Snapdragon 855 are
/// 7 % slower than a large and a medium one.)
fn straggler_model<'a>(
    runtime: &'a RuntimeProfile,
    name: &ExecutorName,
    precision: Precision,
) -> Option<&'a FittedModel> {
    let Target::Cores(groups) = &name.target else { return None };
    let (_, slowest) = groups.last()?;
    let total: u32 = groups.iter().map(|(count, _)| count).sum();
    let sets = runtime.fitted.iter().filter(|model| model.precision == precision);
    let cores = |model: &FittedModel| match model.executor.parse::<ExecutorName>().ok()?.target {
        Target::Cores(groups) => match groups.as_slice() {
            [(count, kind)] if kind == slowest && *count > 1 => Some(*count),
            _ => None,
        },
        Target::Device(_) => None,
    };
    let found = sets.filter_map(|model| Some((cores(model)?, model))).max_by_key(|(count, _)| *count);
    found.filter(|_| total > 1).map(|(_, model)| model)
}
