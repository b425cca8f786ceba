//! How wrong predictions become when the machine is no longer in the laboratory.
//!
//! The study "Deep Learning Inference on Heterogeneous Mobile Processors" (arXiv 2405.01851) reports that offline latency estimates
//! were 25 % to 126 % off under five conditions which it names sigma0 to sigma4 and does not define. The five here are this project's own.

use crate::config::scenario::ScenarioSpec;
use crate::config::{Condition, ConditionSetting, Edit, condition, scenario_text};
use crate::diagnostics::{Diagnostic, InputError, SourceText};
use crate::experiment::compare::{Case, CaseKey, play_cases};
use crate::predict::{PREDICTORS, PredictorSpec};
use crate::record::summary::RunSummary;
use crate::strategy::StrategySpec;
use crate::units::SimDuration;
use serde::Serialize;
use std::path::Path;
use toml::Value;

/// The networks that the study names, as the library knows them.
pub const NETWORKS: [&str; 5] = ["yolov2-codl-416", "vgg16", "posenet-codl-256", "resnet18", "resnet50"];
/// The phone that the study names.
pub const DEVICE: &str = "xiaomi-9";
/// Published errors of offline estimates in per cent: least and most.
pub const BAND_PERCENT: [f64; 2] = [25.0, 126.0];
/// Factors of the sweep.
const FACTORS: [f64; 2] = [0.5, 1.5];

/// What to repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct SigmaOptions {
    /// Networks.
    pub networks: Vec<String>,
    /// Conditions: ids or paths.
    pub conditions: Vec<String>,
    /// Predictors.
    pub predictors: Vec<PredictorSpec>,
    /// Who places. Beliefs are compared for each unit that it places.
    pub strategy: StrategySpec,
    /// Requests of each run, back to back.
    pub requests: u32,
    /// Runs of each cell, with seeds that are the same for all cells.
    pub replications: u32,
    /// Seed of the first.
    pub seed: u64,
    /// Whether to vary every setting of the conditions.
    pub sweep: bool,
    /// Threads.
    pub jobs: usize,
}

impl Default for SigmaOptions {
    fn default() -> Self {
        let predictors = PREDICTORS.iter().map(|entry| PredictorSpec {
            name: entry.name.to_owned(),
            parameters: std::collections::BTreeMap::new(),
        });
        let executor = ("executor".to_owned(), "cpu-1large3med".to_owned());
        Self {
            networks: NETWORKS.map(str::to_owned).to_vec(),
            conditions: crate::config::condition_ids().into_iter().map(str::to_owned).collect(),
            predictors: predictors.collect(),
            strategy: StrategySpec { name: "single".to_owned(), parameters: [executor].into() },
            requests: 30,
            replications: 1,
            seed: 0,
            sweep: true,
            jobs: 1,
        }
    }
}

/// One cell of the study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SigmaRow {
    /// Network.
    pub network: String,
    /// Condition.
    pub condition: String,
    /// Predictor with its parameters.
    pub predictor: String,
    /// Mean of |believed - actual| / actual over units, per cent; null when it could not be played.
    pub error_percent: Option<f64>,
    /// Mean of |actual - believed| / believed over units, per cent.
    pub error_of_belief_percent: Option<f64>,
    /// Mean of (believed - actual) / actual, per cent; negative when beliefs were too short.
    pub bias_percent: Option<f64>,
    /// Least and largest `error_percent` when one setting of the condition at a time is halved or raised by half.
    pub error_range_percent: Option<[f64; 2]>,
    /// Mean latency of all requests.
    pub mean_latency_ms: Option<f64>,
    /// Time for which executors were held by observations / simulated time, per cent.
    pub profiling_percent: f64,
    /// Length of the offline profile that it starts from.
    pub offline_profiling_ms: f64,
    /// Why it could not be played.
    pub failure: Option<String>,
}

/// A setting that was varied: what became of the errors, over all networks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepRow {
    /// Condition.
    pub condition: String,
    /// Path of the setting.
    pub setting: String,
    /// Its value in the condition.
    pub value: String,
    /// The value tried.
    pub tried: String,
    /// Predictor with its parameters.
    pub predictor: String,
    /// Mean of `error_percent` over networks.
    pub mean_error_percent: Option<f64>,
    /// Change of that mean against the condition as it is, percentage points.
    pub change_points: Option<f64>,
    /// Why it could not be played, such as a switch-on above the control temperature.
    pub failure: Option<String>,
}

/// A condition and what has been changed in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UsedCondition {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Revision.
    pub revision: u32,
    /// Edits since the first.
    pub edits: Vec<Edit>,
}

/// The study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SigmaReport {
    /// Where the published numbers come from.
    pub source: &'static str,
    /// What must be said about the conditions.
    pub conditions_note: &'static str,
    /// What the errors are.
    pub definition: String,
    /// Published least and largest error of offline estimates.
    pub published_band_percent: [f64; 2],
    /// Least and largest `error_percent` of `offline` outside of the laboratory (sigma0).
    pub offline_band_percent: Option<[f64; 2]>,
    /// The same of `error_of_belief_percent`.
    pub offline_band_of_belief_percent: Option<[f64; 2]>,
    /// Device.
    pub device: &'static str,
    /// Strategy.
    pub strategy: String,
    /// Requests of each run.
    pub requests: u32,
    /// Runs of each cell.
    pub replications: u32,
    /// Seed of the first.
    pub seed: u64,
    /// The conditions, with edits.
    pub conditions: Vec<UsedCondition>,
    /// Cells: networks, then conditions, then predictors.
    pub rows: Vec<SigmaRow>,
    /// Settings varied by half.
    pub sweep: Vec<SweepRow>,
}

/// Repeats the study. `done` hears of every cell.
///
/// # Errors
/// Unknown conditions. What cannot be played is said in its row.
pub fn sigma(
    options: &SigmaOptions,
    count: &dyn Fn(usize),
    done: &(dyn Fn() + Sync),
) -> Result<SigmaReport, InputError> {
    let conditions: Vec<Condition> =
        options.conditions.iter().map(|name| condition(name)).collect::<Result<_, _>>()?;
    let variants: Vec<Vec<Variant>> = conditions
        .iter()
        .map(|condition| if options.sweep { sweep_of(condition) } else { Vec::new() })
        .collect();
    // All cases, the plain ones first in each condition; the order of the loops below is that of the results.
    let mut cells: Vec<Result<Case, String>> = Vec::new();
    for (at, variants) in variants.iter().enumerate() {
        for change in std::iter::once(None).chain(variants.iter().map(Some)) {
            for network in &options.networks {
                for predictor in &options.predictors {
                    let built = case(options, network, &options.conditions[at], change, predictor);
                    cells.push(built.map_err(|error| brief(&error)));
                }
            }
        }
    }
    let cases: Vec<Case> = cells.iter().filter_map(|cell| cell.as_ref().ok().cloned()).collect();
    count(cases.len());
    let mut played = play_cases(&cases, options.replications, options.jobs, done).into_iter();
    let mut results = cells.into_iter().map(|cell| match cell {
        Ok(_) => played.next().unwrap_or_else(|| Err("was not played".to_owned())),
        Err(why) => Err(why),
    });
    let mut rows = Vec::new();
    let mut sweep = Vec::new();
    for (condition, variants) in conditions.iter().zip(&variants) {
        let first = rows.len();
        for network in &options.networks {
            for predictor in &options.predictors {
                let key = (network.clone(), condition.id.clone(), predictor.to_string());
                rows.push(row(key, results.next().unwrap_or_else(|| Err("was not played".to_owned()))));
            }
        }
        for variant in variants {
            let of_variant: Vec<Result<Vec<RunSummary>, String>> =
                results.by_ref().take(options.networks.len() * options.predictors.len()).collect();
            sweep.extend(swept(options, condition, variant, &of_variant, &mut rows[first..]));
        }
    }
    drop(results);
    // Networks first, as the study's tables are read.
    let position = |list: &[String], name: &str| list.iter().position(|known| known == name);
    let ids: Vec<String> = conditions.iter().map(|condition| condition.id.clone()).collect();
    let order = |row: &SigmaRow| (position(&options.networks, &row.network), position(&ids, &row.condition));
    rows.sort_by_key(order);
    Ok(SigmaReport {
        source: "arXiv 2405.01851: errors of offline latency estimates under sigma0 to sigma4",
        conditions_note: "the published study does not define its five conditions; these are this project's own, written before the study first ran",
        definition: format!(
            "error_percent: mean over units of |believed when placed - actual| / actual; error_of_belief_percent: of |actual - believed| / believed; \
             a unit of `{}`; all requests, learning included",
            options.strategy
        ),
        published_band_percent: BAND_PERCENT,
        offline_band_percent: band(&rows, |row| row.error_percent),
        offline_band_of_belief_percent: band(&rows, |row| row.error_of_belief_percent),
        device: DEVICE,
        strategy: options.strategy.to_string(),
        requests: options.requests,
        replications: options.replications,
        seed: options.seed,
        conditions: conditions
            .into_iter()
            .map(|Condition { id, title, revision, edits, .. }| UsedCondition { id, title, revision, edits })
            .collect(),
        rows,
        sweep,
    })
}

/// Least and largest value of the offline predictor outside of the laboratory.
fn band(rows: &[SigmaRow], value: impl Fn(&SigmaRow) -> Option<f64>) -> Option<[f64; 2]> {
    let offline = rows.iter().filter(|row| row.predictor.starts_with("offline") && row.condition != "sigma0");
    let values: Vec<f64> = offline.filter_map(value).collect();
    let least = values.iter().copied().reduce(f64::min)?;
    Some([least, values.iter().copied().reduce(f64::max)?])
}

fn row(
    (network, condition, predictor): (String, String, String),
    result: Result<Vec<RunSummary>, String>,
) -> SigmaRow {
    let (summaries, failure) = match result {
        Ok(summaries) => (summaries, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let of_errors = |value: fn(&crate::record::summary::PredictionSummary) -> f64| {
        mean(summaries.iter().filter_map(|s| s.prediction_error.as_ref().map(value)))
    };
    let profiling = summaries.iter().filter_map(|s| s.profiling.map(|p| (p, s.simulated_ms)));
    SigmaRow {
        network,
        condition,
        predictor,
        error_percent: of_errors(|e| e.mape_percent),
        error_of_belief_percent: of_errors(|e| e.of_belief_percent),
        bias_percent: of_errors(|e| e.bias_percent),
        error_range_percent: None,
        mean_latency_ms: mean(summaries.iter().filter_map(|s| s.latency_ms.as_ref().map(|l| l.mean))),
        profiling_percent: mean(profiling.clone().map(|(p, ms)| 100.0 * p.overhead_ms / ms)).unwrap_or(0.0),
        offline_profiling_ms: profiling.map(|(p, _)| p.offline_ms).reduce(f64::max).unwrap_or(0.0),
        failure,
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The rows of one varied setting; widens the ranges of `cells`, which come in the same order as the results.
fn swept(
    options: &SigmaOptions,
    condition: &Condition,
    variant: &Variant,
    results: &[Result<Vec<RunSummary>, String>],
    cells: &mut [SigmaRow],
) -> Vec<SweepRow> {
    let error = |result: &Result<Vec<RunSummary>, String>| {
        let summaries = result.as_ref().ok()?;
        mean(summaries.iter().filter_map(|s| s.prediction_error.as_ref().map(|e| e.mape_percent)))
    };
    for (cell, result) in cells.iter_mut().zip(results) {
        if let (Some(own), Some(found)) = (cell.error_percent, error(result)) {
            let [least, most] = cell.error_range_percent.unwrap_or([own, own]);
            cell.error_range_percent = Some([least.min(found), most.max(found)]);
        }
    }
    let predictors = options.predictors.len();
    let of = |(at, predictor): (usize, &PredictorSpec)| {
        let own = results.iter().skip(at).step_by(predictors.max(1));
        let found = mean(own.clone().filter_map(error));
        let before = mean(cells.iter().skip(at).step_by(predictors.max(1)).filter_map(|c| c.error_percent));
        SweepRow {
            condition: condition.id.clone(),
            setting: variant.setting.path.clone(),
            value: variant.setting.value.clone(),
            tried: variant.tried.clone(),
            predictor: predictor.to_string(),
            mean_error_percent: found,
            change_points: found.zip(before).map(|(found, before)| found - before),
            failure: own.filter_map(|result| result.as_ref().err().cloned()).next(),
        }
    };
    options.predictors.iter().enumerate().map(of).collect()
}

/// A setting and another value for it.
struct Variant {
    setting: ConditionSetting,
    tried: String,
}

/// Every number and every span of time of a condition, halved and raised by half. Whole numbers stay whole, and at least 1.
fn sweep_of(condition: &Condition) -> Vec<Variant> {
    let mut variants = Vec::new();
    for setting in &condition.settings {
        for factor in FACTORS {
            // As `key = value`, so that any value of TOML is read by the reader of TOML.
            let parsed = format!("v = {}", setting.value).parse::<toml::Table>().ok();
            let tried = match parsed.as_ref().and_then(|table| table.get("v")) {
                Some(Value::Integer(number)) if setting.path.ends_with(".count") => {
                    Some(((*number as f64 * factor).round().max(1.0) as i64).to_string())
                }
                Some(Value::Integer(number)) => Some(format!("{:?}", *number as f64 * factor)),
                Some(Value::Float(number)) => Some(format!("{:?}", number * factor)),
                Some(Value::String(text)) => text
                    .parse::<SimDuration>()
                    .ok()
                    .map(|span| format!("\"{}us\"", span.seconds() * 1e6 * factor)),
                _ => None,
            };
            variants.extend(tried.map(|tried| Variant { setting: setting.clone(), tried }));
        }
    }
    variants
}

fn case(
    options: &SigmaOptions,
    network: &str,
    condition: &str,
    change: Option<&Variant>,
    predictor: &PredictorSpec,
) -> Result<Case, InputError> {
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    let text = format!(
        "schema = 1\ndevice = \"{DEVICE}\"\nruntime = \"mace\"\nexecutors = [\"cpu-1large3med\", \"gpu\"]\n\
         condition = {}\n[scenario]\nname = \"sigma\"\nseed = {}\n[[stream]]\nname = \"network\"\nmodel = {}\n\
         arrivals = {{ kind = \"back-to-back\", count = {} }}\n[strategy]\nname = \"single\"\n",
        quoted(condition),
        options.seed,
        quoted(network),
        options.requests,
    );
    let overrides: Vec<String> =
        change.iter().map(|variant| format!("{}={}", variant.setting.path, variant.tried)).collect();
    let loaded = scenario_text(&SourceText::new("<study>", text), Path::new(""), &overrides)?;
    let mut spec: ScenarioSpec = loaded.value;
    spec.strategy = options.strategy.clone();
    spec.predictor = predictor.clone();
    if let Err(error) = predictor.check() {
        return Err(Diagnostic::new("scenario::predictor", error.to_string()).into());
    }
    let key = CaseKey {
        network: network.to_owned(),
        device: DEVICE.to_owned(),
        runtime: "mace".to_owned(),
        condition: condition.to_owned(),
        strategy: options.strategy.to_string(),
        granularity: String::new(),
    };
    Ok(Case { key, spec, overrides: Vec::new(), dims: Vec::new() })
}

fn brief(error: &InputError) -> String {
    error.diagnostics.first().map_or_else(String::new, |diagnostic| diagnostic.message.clone())
}
