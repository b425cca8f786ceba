//! Rows, ranks and winners of a comparison.

use super::cases::{Case, CaseKey, Replicated};
use super::significance::{SettingComparison, compare_setting, latencies};
use crate::record::FailureSigns;
use crate::record::chains::DeadlineSummary;
use crate::record::summary::RunSummary;
use crate::statistics::{mean_interval, pareto_front};
use serde::Serialize;
use std::collections::BTreeMap;

/// A mean over replications with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Half of the 95 % t-interval; `None` for fewer than two replications.
    pub half_width: Option<f64>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// What it is.
    #[serde(flatten)]
    pub key: CaseKey,
    /// Why it could not be played; the figures are `None` then.
    pub failure: Option<String>,
    /// Mean latency after the warm-up.
    pub latency_ms: Option<Estimate>,
    /// 99th percentile of the latency.
    pub p99_ms: Option<Estimate>,
    /// Mean latency of the fastest `single` of the setting / this mean; `None` when `single` does not run there.
    pub speedup_over_single: Option<f64>,
    /// Energy of the run for each completed request.
    pub energy_per_inference_mj: Option<Estimate>,
    /// Product of that energy and the mean latency.
    pub energy_delay_mj_ms: Option<f64>,
    /// Requests that were late, lost, or overdue at the end, of all streams with a deadline, mean over replications; `None` without
    /// deadlines. Warm-up included.
    pub deadline_missed: Option<f64>,
    /// Those and the requests that were in time, mean over replications.
    pub deadline_judged: Option<f64>,
    /// The share that was missed, over all replications.
    pub deadline_miss_ratio: Option<f64>,
    /// Requests dropped, mean over replications.
    pub dropped: Option<f64>,
    /// Refreshes of the display without a new frame of competing render loads, mean over replications; `None`
    /// without competing work.
    pub frames_missed: Option<f64>,
    /// Highest amount of memory over replications.
    pub peak_memory_bytes: Option<u64>,
    /// Mean absolute error of what the strategy believed.
    pub prediction_error_percent: Option<f64>,
    /// Signs of what goes wrong, means over replications; absent where nothing changes during the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs: Option<FailureSigns>,
    /// 1 for the fastest of the setting; equal latencies share a rank.
    pub rank: Option<u32>,
    /// Whether it is the fastest of its setting or cannot be told apart from it.
    pub winner: bool,
    /// Whether no alternative of the setting is better in latency and in energy.
    pub pareto: bool,
}

/// How an alternative does over all settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Strategy and granularity.
    pub alternative: String,
    /// Settings in which it ran.
    pub settings: u32,
    /// Settings in which nothing was faster beyond doubt.
    pub wins: u32,
    /// Mean of its ranks.
    pub mean_rank: f64,
    /// Geometric mean of its latency / that of the fastest.
    pub mean_slowdown: f64,
    /// Largest latency / that of the fastest.
    pub worst_slowdown: f64,
}

/// A comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this layout.
    pub schema_version: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// Seed of the first replication.
    pub seed: u64,
    /// Replications of each case; all cases saw the same seeds.
    pub replications: u32,
    /// One for each case, in the order asked for.
    pub rows: Vec<ComparisonRow>,
    /// One for each setting.
    pub settings: Vec<SettingComparison>,
    /// One for each alternative, the best first.
    pub standings: Vec<Standing>,
    /// What a reader must know, each said once.
    pub warnings: Vec<String>,
}

/// Sums up what [`super::play_cases`] played.
#[must_use]
pub fn compare(cases: &[Case], results: &[Replicated], seed: u64, replications: u32) -> Comparison {
    let mut rows: Vec<ComparisonRow> =
        cases.iter().zip(results).map(|(case, result)| row(&case.key, result)).collect();
    let mut by_setting: BTreeMap<[&str; 4], Vec<usize>> = BTreeMap::new();
    let mut order = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let members = by_setting.entry(case.key.setting()).or_default();
        if members.is_empty() {
            order.push(case.key.setting());
        }
        members.push(number);
    }
    let mut settings = Vec::new();
    for setting in order {
        let Some(members) = by_setting.get(&setting) else { continue };
        let alternatives = members
            .iter()
            .filter_map(|&m| Some((cases[m].key.alternative(), latencies(&results[m])?)))
            .collect();
        let found = compare_setting(setting, alternatives);
        place(&mut rows, members, &found);
        settings.push(found);
    }
    let mut warnings: Vec<String> = Vec::new();
    for warning in results.iter().flatten().flatten().flat_map(|summary| &summary.warnings) {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    Comparison {
        schema_version: 1,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed,
        replications,
        standings: standings(&rows, &settings),
        rows,
        settings,
        warnings,
    }
}

fn row(key: &CaseKey, result: &Replicated) -> ComparisonRow {
    let summaries: &[RunSummary] = result.as_deref().unwrap_or_default();
    let estimate = |value: &dyn Fn(&RunSummary) -> Option<f64>| -> Option<Estimate> {
        let sample: Vec<f64> = summaries.iter().map(value).collect::<Option<_>>()?;
        (!sample.is_empty()).then(|| Estimate {
            mean: sample.iter().sum::<f64>() / sample.len() as f64,
            half_width: mean_interval(&sample, 0.95).map(|interval| interval.half_width()),
        })
    };
    let latency = estimate(&|s| s.latency_ms.as_ref().map(|l| l.mean));
    let energy = estimate(&|s| s.energy_per_inference_mj);
    let judged = |of: fn(&DeadlineSummary) -> u64| {
        estimate(&|s| {
            let kept: Vec<u64> =
                s.chains.iter().filter_map(|chain| chain.deadline.as_ref().map(of)).collect();
            (!kept.is_empty()).then(|| kept.iter().sum::<u64>() as f64)
        })
        .map(|e| e.mean)
    };
    let (deadline_missed, deadline_judged) = (judged(|d| d.missed), judged(|d| d.judged));
    let missed = |s: &RunSummary| {
        let sources = s.dynamics.as_ref().map(|d| d.background.as_slice()).filter(|all| !all.is_empty())?;
        Some(sources.iter().map(|source| source.missed).sum::<u64>() as f64)
    };
    let failure = match result {
        Err(error) => Some(error.clone()),
        Ok(_) if latency.is_none() => Some("no request was completed after the warm-up".to_owned()),
        Ok(_) => None,
    };
    ComparisonRow {
        key: key.clone(),
        failure,
        latency_ms: latency,
        p99_ms: estimate(&|s| s.latency_ms.as_ref().map(|l| l.p99)),
        speedup_over_single: None,
        energy_per_inference_mj: energy,
        energy_delay_mj_ms: latency.zip(energy).map(|(l, e)| l.mean * e.mean),
        deadline_missed,
        deadline_judged,
        deadline_miss_ratio: deadline_missed
            .zip(deadline_judged)
            .filter(|(_, judged)| *judged > 0.0)
            .map(|(missed, judged)| missed / judged),
        frames_missed: estimate(&missed).map(|e| e.mean),
        dropped: estimate(&|s| Some(s.requests.dropped as f64)).map(|e| e.mean),
        peak_memory_bytes: summaries.iter().filter_map(|s| s.peak_memory_bytes).max(),
        prediction_error_percent: estimate(&|s| s.prediction_error.as_ref().map(|e| e.mape_percent))
            .map(|e| e.mean),
        signs: signs(summaries),
        rank: None,
        winner: false,
        pareto: false,
    }
}

/// Means of the signs, when clocks, heat or competing work changed during the runs.
fn signs(summaries: &[RunSummary]) -> Option<FailureSigns> {
    if summaries.is_empty() || summaries.iter().any(|summary| summary.dynamics.is_none()) {
        return None;
    }
    let all: Vec<FailureSigns> = summaries.iter().map(FailureSigns::of).collect();
    let mean = |part: &dyn Fn(&FailureSigns) -> Option<f64>| -> Option<f64> {
        let sample: Vec<f64> = all.iter().map(part).collect::<Option<_>>()?;
        Some(sample.iter().sum::<f64>() / sample.len() as f64)
    };
    Some(FailureSigns {
        refreshes_missed_percent: mean(&|s| s.refreshes_missed_percent),
        hand_overs: mean(&|s| Some(s.hand_overs))?,
        held_up_percent: mean(&|s| Some(s.held_up_percent))?,
        suspended_percent: mean(&|s| Some(s.suspended_percent))?,
        prediction_error_percent: mean(&|s| s.prediction_error_percent),
    })
}

/// Ranks, winners, speed-ups and the front of one setting.
fn place(rows: &mut [ComparisonRow], members: &[usize], setting: &SettingComparison) {
    let single = members
        .iter()
        .filter(|&&m| rows[m].key.strategy.split('[').next() == Some("single"))
        .filter_map(|&m| rows[m].latency_ms.map(|l| l.mean))
        .min_by(f64::total_cmp);
    let means: Vec<(usize, f64)> =
        members.iter().filter_map(|&m| rows[m].latency_ms.map(|l| (m, l.mean))).collect();
    let points: Vec<(usize, (f64, f64))> = means
        .iter()
        .filter_map(|&(m, latency)| rows[m].energy_per_inference_mj.map(|e| (m, (latency, e.mean))))
        .collect();
    let front = pareto_front(&points.iter().map(|(_, point)| *point).collect::<Vec<_>>());
    // Equal points stand on the front together.
    for (m, point) in &points {
        rows[*m].pareto = front.iter().any(|&at| points[at].1 == *point);
    }
    for &(m, mean) in &means {
        rows[m].rank = Some(1 + means.iter().filter(|(_, other)| *other < mean).count() as u32);
        rows[m].winner = setting.winners.contains(&rows[m].key.alternative());
        rows[m].speedup_over_single = single.map(|single| single / mean);
    }
}

fn standings(rows: &[ComparisonRow], settings: &[SettingComparison]) -> Vec<Standing> {
    let mut best: BTreeMap<[&str; 4], f64> = BTreeMap::new();
    for row in rows {
        if let Some(latency) = row.latency_ms {
            let least = best.entry(row.key.setting()).or_insert(f64::INFINITY);
            *least = least.min(latency.mean);
        }
    }
    let mut names: Vec<String> = Vec::new();
    for name in settings.iter().flat_map(|setting| &setting.order) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let mut standings: Vec<Standing> = names
        .into_iter()
        .map(|alternative| {
            let own: Vec<&ComparisonRow> = rows
                .iter()
                .filter(|row| row.rank.is_some() && row.key.alternative() == alternative)
                .collect();
            let slowdowns: Vec<f64> = own
                .iter()
                .filter_map(|row| Some(row.latency_ms?.mean / best.get(&row.key.setting())?))
                .collect();
            let n = own.len().max(1) as f64;
            Standing {
                alternative,
                settings: own.len() as u32,
                wins: own.iter().filter(|row| row.winner).count() as u32,
                mean_rank: own.iter().filter_map(|row| row.rank).map(f64::from).sum::<f64>() / n,
                mean_slowdown: (slowdowns.iter().map(|s| s.ln()).sum::<f64>() / n).exp(),
                worst_slowdown: slowdowns.iter().copied().fold(1.0, f64::max),
            }
        })
        .collect();
    standings.sort_by(|a, b| {
        b.settings
            .cmp(&a.settings)
            .then(a.mean_slowdown.total_cmp(&b.mean_slowdown))
            .then(a.alternative.cmp(&b.alternative))
    });
    standings
}
