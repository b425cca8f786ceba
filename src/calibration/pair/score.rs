//! Scoring the constants of a profile against tables of joint runs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::simulated::PredictionError;
use super::branches::Placed;
use super::chain::Chain;
use super::coexec::SplitLayer;
use super::fit::{is_usable, leave_layer_out};
use super::piece::{Handover, Pair, Piece};
use crate::physics::co_execution::{Constants, Streams, cold_us};
use crate::soc::{CoExecution, RuntimeProfile, Soc};
use crate::statistics::{ErrorMetrics, error_metrics};

/// How well the constants of a profile predict a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairScore {
    /// What the table holds: `co-execution`, `branch-placement` or `fallback-chain`.
    pub table: &'static str,
    /// The profile, `soc/runtime`.
    pub profile: String,
    /// Which statistic of the joint runs is predicted.
    pub measured: &'static str,
    /// Which rows the figures are about.
    pub scored: String,
    /// These rows.
    pub rows_scored: usize,
    /// Mean absolute error.
    pub mape_percent: f64,
    /// Mean signed error.
    pub bias_percent: f64,
    /// Share of these rows within 10 %.
    pub within_10_percent: f64,
    /// 90 % quantile of the absolute error.
    pub p90_ape_percent: f64,
    /// Plain predictors on the same rows.
    pub baselines: Vec<Baseline>,
    /// Errors with constants fitted to the other layers of this table; co-execution only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_layer_out_mape_percent: Option<f64>,
    /// The same by processors and way of waiting; all rows that can be scored.
    pub groups: Vec<Group>,
    /// Microseconds that the blocks of a chain take longer because others ran before them; chains only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold_us: Option<f64>,
    /// Every row of the table.
    pub rows: Vec<ScoredRow>,
}

/// A plain predictor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// What it computes.
    pub name: &'static str,
    /// Mean absolute error.
    pub mape_percent: f64,
    /// Mean signed error.
    pub bias_percent: f64,
}

/// Errors of rows of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Which two processors.
    pub pair: String,
    /// How they wait for each other.
    pub sync: String,
    /// Rows.
    pub rows: usize,
    /// Mean absolute error.
    pub mape_percent: f64,
    /// Mean signed error.
    pub bias_percent: f64,
    /// Error of the first plain predictor.
    pub baseline_mape_percent: f64,
    /// Error with constants fitted to the other layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_layer_out_mape_percent: Option<f64>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredRow {
    /// The columns that name it.
    #[serde(flatten)]
    pub key: Map<String, Value>,
    /// Simulated time.
    pub predicted_us: f64,
    /// Measured time.
    pub measured_us: f64,
    /// Predicted / measured - 1.
    pub error_percent: f64,
    /// Whether the figures of the table count it.
    pub scored: bool,
    /// Prediction with constants fitted to the other layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_layer_out_us: Option<f64>,
    /// Whether a group counts it.
    #[serde(skip)]
    usable: bool,
    /// What the plain predictors say.
    #[serde(skip)]
    plain: Vec<f64>,
}

/// A profile ready to predict.
pub struct Predictor<'a> {
    soc: &'a Soc,
    runtime: &'a RuntimeProfile,
    ways: BTreeMap<&'a str, (Pair, Constants, &'a CoExecution)>,
}

impl<'a> Predictor<'a> {
    /// Prepares every way of waiting of a profile.
    ///
    /// # Errors
    /// Executors that the SoC or the runtime does not have.
    pub fn new(soc: &'a Soc, runtime: &'a RuntimeProfile) -> Result<Self, PredictionError> {
        let mut ways = BTreeMap::new();
        for profile in &runtime.co_execution {
            let pair = Pair::new(soc, runtime, profile)?;
            if let Some(constants) = Constants::of(profile) {
                ways.insert(profile.id.as_str(), (pair, constants, profile));
            }
        }
        Ok(Self { soc, runtime, ways })
    }

    /// The ways of waiting that it knows.
    #[must_use]
    pub fn syncs(&self) -> Vec<&'a str> {
        self.ways.keys().copied().collect()
    }

    fn play(
        &self,
        sync: &str,
        piece: impl FnOnce(&Constants, &CoExecution) -> (Piece, Handover, Handover),
    ) -> Result<f64, PredictionError> {
        let (pair, constants, profile) = self.ways.get(sync).ok_or(PredictionError::Incomplete)?;
        let (piece, there, back) = piece(constants, profile);
        pair.play(&piece, &there, &back)
    }

    /// Scores split layers. The figures are about `sync` where the table has usable rows of it, else about all.
    ///
    /// # Errors
    /// [`PredictionError`].
    pub fn split_layers(&self, rows: &[SplitLayer], sync: &str) -> Result<PairScore, PredictionError> {
        let only = rows.iter().any(|row| row.sync == sync && is_usable(row));
        let mut unseen: Vec<Option<f64>> = vec![None; rows.len()];
        for sync in self.syncs() {
            for (all, own) in unseen.iter_mut().zip(leave_layer_out(rows, sync)) {
                *all = all.or(own);
            }
        }
        let scored = rows
            .iter()
            .zip(unseen)
            .map(|(row, unseen)| {
                let predicted_us = self.play(&row.sync, |constants, _| row.piece(constants))?;
                let usable = is_usable(row);
                let alone = &row.alone;
                let key = json!({
                    "pair": row.pair, "layer": row.name, "r_B": row.share(), "co_A": row.channels.0, "co_B": row.channels.1,
                    "sync": row.sync, "n_clean": row.clean,
                });
                Ok(ScoredRow {
                    usable,
                    leave_layer_out_us: unseen,
                    ..ScoredRow::new(
                        key,
                        predicted_us,
                        row.measured_us,
                        usable && (!only || row.sync == sync),
                        vec![
                            alone.first.max(alone.second),
                            alone.first.max(alone.copy_in + alone.second + alone.copy_out),
                        ],
                    )
                })
            })
            .collect::<Result<_, PredictionError>>()?;
        let names = ["max(A, B) alone, P10", "max(A, B + copies) alone, P10"];
        let mut what = "both parts busy, at least 4 clean samples".to_owned();
        if only {
            what.push_str(", ");
            what.push_str(sync);
        }
        self.score("co-execution", &what, &names, scored)
    }

    /// Scores placements of branches.
    ///
    /// # Errors
    /// [`PredictionError`].
    pub fn branches(&self, rows: &[Placed]) -> Result<PairScore, PredictionError> {
        let scored = rows
            .iter()
            .map(|row| {
                let predicted_us = self.play(&row.sync, |constants, _| row.piece(constants))?;
                let key = json!({
                    "pair": row.pair, "module": row.module, "placement": row.placement, "sync": row.sync,
                });
                let plain = vec![row.p10_us.0.max(row.p10_us.1), row.median_us.0.max(row.median_us.1)];
                Ok(ScoredRow::new(key, predicted_us, row.measured_us, true, plain))
            })
            .collect::<Result<_, PredictionError>>()?;
        let names = ["max(A, B) alone, P10", "max(A, B) alone, medians"];
        self.score("branch-placement", "all", &names, scored)
    }

    /// Scores chains. `streams` is what the blocks of the chain move, if their network is known.
    ///
    /// # Errors
    /// [`PredictionError`].
    pub fn chains(&self, rows: &[Chain], streams: Option<&Streams>) -> Result<PairScore, PredictionError> {
        let cold = |profile: &CoExecution, row: &Chain| {
            streams.map_or(0.0, |streams| cold_us(&profile.streaming, streams, row.blocks))
        };
        let scored = rows
            .iter()
            .map(|row| {
                let predicted_us =
                    self.play(&row.sync, |constants, profile| row.piece(constants, cold(profile, row)))?;
                let key = json!({
                    "pair": row.pair, "pattern": row.pattern, "n_on_B": row.on_second, "n_switch": row.switches,
                    "sync": row.sync,
                });
                let plain = vec![row.p10_us, row.median_us];
                Ok(ScoredRow::new(key, predicted_us, row.measured_us, true, plain))
            })
            .collect::<Result<_, PredictionError>>()?;
        let names = ["sum alone, P10", "sum alone, medians"];
        let mut score = self.score("fallback-chain", "all", &names, scored)?;
        let first = rows.first().and_then(|row| Some((row, self.ways.get(row.sync.as_str())?.2)));
        score.cold_us = first.map(|(row, profile)| cold(profile, row));
        Ok(score)
    }

    fn score(
        &self,
        table: &'static str,
        scored: &str,
        names: &[&'static str],
        rows: Vec<ScoredRow>,
    ) -> Result<PairScore, PredictionError> {
        let counted = |row: &&ScoredRow| row.scored;
        let own = metrics(rows.iter().filter(counted), |row| Some(row.predicted_us));
        let own = own.ok_or(PredictionError::Incomplete)?;
        let baselines = names.iter().enumerate().filter_map(|(i, &name)| {
            let found = metrics(rows.iter().filter(counted), |row| row.plain.get(i).copied())?;
            Some(Baseline { name, mape_percent: found.mape, bias_percent: found.bias })
        });
        let unseen = |rows: &mut dyn Iterator<Item = &ScoredRow>| {
            metrics(rows.filter(|row| row.leave_layer_out_us.is_some()), |row| row.leave_layer_out_us)
                .map(|found| found.mape)
        };
        let word = |row: &ScoredRow, key: &str| row.key.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut groups: BTreeMap<(String, String), Vec<&ScoredRow>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.usable) {
            let key = (word(row, "pair").unwrap_or_default(), word(row, "sync").unwrap_or_default());
            groups.entry(key).or_default().push(row);
        }
        let groups = groups.into_iter().filter_map(|((pair, sync), rows)| {
            let own = metrics(rows.iter().copied(), |row| Some(row.predicted_us))?;
            let plain = metrics(rows.iter().copied(), |row| row.plain.first().copied())?;
            Some(Group {
                pair,
                sync,
                rows: own.count,
                mape_percent: own.mape,
                bias_percent: own.bias,
                baseline_mape_percent: plain.mape,
                leave_layer_out_mape_percent: unseen(&mut rows.iter().copied()),
            })
        });
        Ok(PairScore {
            table,
            profile: format!("{}/{}", self.soc.id, self.runtime.id),
            measured: "P10",
            scored: scored.to_owned(),
            rows_scored: own.count,
            mape_percent: own.mape,
            bias_percent: own.bias,
            within_10_percent: own.within_10,
            p90_ape_percent: own.p90,
            baselines: baselines.collect(),
            leave_layer_out_mape_percent: unseen(&mut rows.iter().filter(counted)),
            groups: groups.collect(),
            cold_us: None,
            rows,
        })
    }
}

impl ScoredRow {
    fn new(key: Value, predicted_us: f64, measured_us: f64, scored: bool, plain: Vec<f64>) -> Self {
        let key = match key {
            Value::Object(key) => key,
            _ => Map::new(),
        };
        let error_percent = 100.0 * (predicted_us / measured_us - 1.0);
        Self {
            key,
            predicted_us,
            measured_us,
            error_percent,
            scored,
            leave_layer_out_us: None,
            usable: true,
            plain,
        }
    }
}

fn metrics<'a>(
    rows: impl Iterator<Item = &'a ScoredRow>,
    of: impl Fn(&ScoredRow) -> Option<f64>,
) -> Option<ErrorMetrics> {
    let (predicted, measured): (Vec<f64>, Vec<f64>) =
        rows.filter_map(|row| Some((of(row)?, row.measured_us))).unzip();
    error_metrics(&predicted, &measured)
}
