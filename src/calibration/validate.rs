//! Scoring the profiles against a measurement table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::decisions::{Decision, Pairs, decisions};
use super::executors::resolve;
use super::names::Renamed;
use super::networks::Network;
use super::relative::{RelativeScore, relative};
use super::simulated::inference_ms;
use super::tables::{GroupKey, Measurement, groups};
use crate::diagnostics::InputError;
use crate::physics::{Clocks, Machine, Parts, compile};
use crate::soc::{ExecutorId, ExecutorName, FittedModel, RuntimeProfile, Soc};
use crate::statistics::error_metrics;

/// How well one profile predicts one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupScore {
    /// Chip as named by the source.
    pub soc: String,
    /// Processor as named by the source.
    pub processor: String,
    /// Core set; empty for devices.
    pub cores: String,
    /// Runtime and version.
    pub runtime: String,
    /// Precision.
    pub precision: String,
    /// What is compared: `networks`, or single `operators`.
    pub of: &'static str,
    /// Whether a fitted model predicts, or the kernel table of first estimates.
    pub calibrated: bool,
    /// Networks compared.
    pub networks: usize,
    /// Rows behind them.
    pub rows: usize,
    /// Mean absolute error, per cent.
    pub mape_percent: f64,
    /// Mean signed error, per cent; positive when predictions are too high.
    pub bias_percent: f64,
    /// Median absolute error, per cent.
    pub median_ape_percent: f64,
    /// 90 % quantile of the absolute error, per cent.
    pub p90_ape_percent: f64,
    /// Share within 5 %, per cent.
    pub within_5_percent: f64,
    /// Share within 10 %, per cent.
    pub within_10_percent: f64,
    /// Share of measurements that the interval is meant to hold; absent without a fitted model.
    pub interval_level_percent: Option<f64>,
    /// Share that it holds.
    pub interval_coverage_percent: Option<f64>,
    /// Its width relative to the prediction, per cent.
    pub interval_relative_width: Option<f64>,
    /// Mean absolute error, per cent, on what the fit had not seen, as the profile says; absent without a fitted model, and of operators.
    pub left_out_percent: Option<f64>,
    /// Share of operators, per cent, whose choice among Winograd, fully connected and other kernels is as measured; only of operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_choice_percent: Option<f64>,
}

impl GroupScore {
    /// What was measured.
    #[must_use]
    pub fn key(&self) -> GroupKey {
        GroupKey {
            soc: self.soc.clone(),
            processor: self.processor.clone(),
            cores: self.cores.clone(),
            runtime: self.runtime.clone(),
            precision: self.precision.clone(),
        }
    }
}

/// One comparison, for figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The network.
    pub network: String,
    /// Its family.
    pub family: String,
    /// Milliseconds.
    pub predicted: f64,
    /// Milliseconds.
    pub measured: f64,
}

/// Rows that could not be compared, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The group, in words.
    pub group: String,
    /// Rows.
    pub rows: usize,
    /// Why.
    pub reason: String,
}

/// What came of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// Version of these keys.
    pub schema_version: u32,
    /// Version of the program.
    pub tool_version: &'static str,
    /// Rows of the table.
    pub rows: usize,
    /// Rows that were compared.
    pub rows_compared: usize,
    /// One for each executor, runtime and precision.
    pub groups: Vec<GroupScore>,
    /// Choices among core sets and among processors.
    pub decisions: Vec<Decision>,
    /// Times of core sets relative to one large core.
    pub relative: Vec<RelativeScore>,
    /// What lies behind each of `groups`, in the same order.
    #[serde(skip)]
    pub points: Vec<Vec<Point>>,
    /// Names of the table that were read as another network's, by the committed mapping.
    pub names: Vec<Renamed>,
    /// Everything that was not compared.
    pub skipped: Vec<Skipped>,
}

impl Validation {
    /// Adds rows that were not compared because their networks only share a name with those at hand.
    pub fn leave_out(&mut self, rows: &[Measurement]) {
        let mut counts: BTreeMap<(&GroupKey, &str), usize> = BTreeMap::new();
        for row in rows {
            *counts.entry((&row.group, &row.model)).or_default() += 1;
        }
        self.skipped.extend(counts.into_iter().map(|((group, model), rows)| Skipped {
            group: group.to_string(),
            rows,
            reason: format!("`{model}` is another network there (workloads/names.toml)"),
        }));
    }

    /// Several parts of a table as one.
    #[must_use]
    pub fn joined(parts: Vec<Self>) -> Self {
        let mut all = Self {
            schema_version: 1,
            tool_version: env!("CARGO_PKG_VERSION"),
            rows: 0,
            rows_compared: 0,
            groups: Vec::new(),
            decisions: Vec::new(),
            relative: Vec::new(),
            points: Vec::new(),
            names: Vec::new(),
            skipped: Vec::new(),
        };
        for part in parts {
            all.rows += part.rows;
            all.rows_compared += part.rows_compared;
            all.groups.extend(part.groups);
            all.decisions.extend(part.decisions);
            all.relative.extend(part.relative);
            all.points.extend(part.points);
            for name in part.names {
                if !all.names.contains(&name) {
                    all.names.push(name);
                }
            }
            all.skipped.extend(part.skipped);
        }
        all
    }
}

/// Finds the profiles of a group: the SoC and the runtime; an explanation if there is none.
pub type FindProfiles<'a> = &'a dyn Fn(&GroupKey) -> Result<(Soc, RuntimeProfile), String>;

/// Compares every row that has a profile and operators.
///
/// # Errors
/// None yet; the signature leaves room for tables that contradict themselves.
pub fn validate(
    networks: &[Network],
    rows: &[Measurement],
    find: FindProfiles<'_>,
) -> Result<Validation, InputError> {
    let mut scores = Vec::new();
    let mut skipped = Vec::new();
    let mut compared: Vec<(GroupKey, Pairs)> = Vec::new();
    let mut points = Vec::new();
    let mut rows_compared = 0;
    for (key, models) in groups(rows) {
        let count = |name: &str| rows.iter().filter(|row| row.group == key && row.model == name).count();
        let total: usize = rows.iter().filter(|row| row.group == key).count();
        let (machine, runtime, name) = match machine(&key, find) {
            Ok(found) => found,
            Err(reason) => {
                skipped.push(Skipped { group: key.to_string(), rows: total, reason });
                continue;
            }
        };
        let mut pairs = Pairs::new();
        let mut used = 0;
        let mut without: Vec<&str> = Vec::new();
        let mut impossible: Vec<&str> = Vec::new();
        for (name, measured) in &models {
            let Some(network) = networks.iter().find(|network| network.name == *name) else {
                without.push(name);
                continue;
            };
            if let Ok(predicted) = inference_ms(&machine, ExecutorId(0), &network.graph) {
                pairs.insert(name.clone(), (predicted, *measured));
                used += count(name);
            } else {
                impossible.push(name);
            }
        }
        let reasons = [("no operators of", without), ("the executor cannot run operators of", impossible)];
        for (why, names) in reasons.into_iter().filter(|(_, names)| !names.is_empty()) {
            let rows = names.iter().map(|name| count(name)).sum();
            skipped.push(Skipped { group: key.to_string(), rows, reason: format!("{why} {}", list(&names)) });
        }
        rows_compared += used;
        if let Some(score) = score(&key, &machine, fitted(&runtime, &name), &pairs, used) {
            scores.push(score);
            let family = |name: &str| {
                networks.iter().find(|n| n.name == name).map_or_else(String::new, |n| n.family.clone())
            };
            let point = |(name, (predicted, measured)): (&String, &(f64, f64))| Point {
                network: name.clone(),
                family: family(name),
                predicted: *predicted,
                measured: *measured,
            };
            points.push(pairs.iter().map(point).collect());
            compared.push((key, pairs));
        }
    }
    Ok(Validation {
        schema_version: 1,
        tool_version: env!("CARGO_PKG_VERSION"),
        rows: rows.len(),
        rows_compared,
        groups: scores,
        decisions: decisions(&compared),
        relative: relative(&compared),
        points,
        names: Vec::new(),
        skipped,
    })
}

/// Names, the first few of many.
pub(super) fn list(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

/// The machine of a group with its one executor, and the runtime profile.
pub(super) fn machine(
    key: &GroupKey,
    find: FindProfiles<'_>,
) -> Result<(Machine, RuntimeProfile, ExecutorName), String> {
    let (soc, runtime) = find(key)?;
    let name = resolve(key, &soc)?;
    let fitted = fitted(&runtime, &name);
    if let Some(fitted) = fitted.filter(|fitted| !key.is_of(&fitted.measured_with)) {
        return Err(format!("the profile is for {}, not for {}", fitted.measured_with, key.runtime));
    }
    let executors = [name.clone()];
    let clocks = Clocks::default();
    let parts = Parts { soc: &soc, device: None, runtime: &runtime, executors: &executors, clocks: &clocks };
    let machine = compile(&parts)
        .map_err(|error| error.diagnostics.first().map_or_else(String::new, |first| first.message.clone()))?;
    Ok((machine, runtime, name))
}

pub(super) fn fitted<'r>(runtime: &'r RuntimeProfile, name: &ExecutorName) -> Option<&'r FittedModel> {
    runtime.fitted_for(&name.base(), name.precision?)
}

fn score(
    key: &GroupKey,
    machine: &Machine,
    fitted: Option<&FittedModel>,
    pairs: &Pairs,
    rows: usize,
) -> Option<GroupScore> {
    let (predicted, measured): (Vec<f64>, Vec<f64>) = pairs.values().copied().unzip();
    let errors = error_metrics(&predicted, &measured)?;
    let mut absolute: Vec<f64> = pairs.values().map(|(p, m)| 100.0 * (p / m - 1.0).abs()).collect();
    absolute.sort_unstable_by(f64::total_cmp);
    let fitted = fitted.filter(|_| machine.is_fitted(ExecutorId(0)));
    let covered = fitted.map(|model| {
        let (low, high) = model.interval;
        let inside = pairs.values().filter(|(p, m)| (low..=high).contains(&(m / p))).count();
        100.0 * inside as f64 / pairs.len() as f64
    });
    Some(GroupScore {
        soc: key.soc.clone(),
        processor: key.processor.clone(),
        cores: key.cores.clone(),
        runtime: key.runtime.clone(),
        precision: key.precision.clone(),
        of: "networks",
        calibrated: fitted.is_some(),
        networks: pairs.len(),
        rows,
        mape_percent: errors.mape,
        bias_percent: errors.bias,
        median_ape_percent: crate::statistics::quantile(&absolute, 0.5)?,
        p90_ape_percent: errors.p90,
        within_5_percent: errors.within_5,
        within_10_percent: errors.within_10,
        interval_level_percent: fitted.map(|_| super::intervals::LEVEL_PERCENT),
        interval_coverage_percent: covered,
        interval_relative_width: fitted.map(|model| 100.0 * (model.interval.1 - model.interval.0)),
        left_out_percent: fitted.and_then(|model| Some(model.measured_error()?.0)),
        kernel_choice_percent: None,
    })
}
