//! `hetsoc validate --coexec | --branches | --fallback`: score the constants of two processors against joint runs.

use super::output::{print, print_json, print_warning, read_text};
use super::{CliError, Format};
use crate::calibration::pair::branches::read_branches;
use crate::calibration::pair::chain::{Chain, block_streams, read_chains};
use crate::calibration::pair::coexec::read_split_layers;
use crate::calibration::pair::piece::Pair;
use crate::calibration::pair::score::{PairScore, Predictor};
use crate::calibration::simulated::PredictionError;
use crate::config::model_file::load_model;
use crate::diagnostics::SourceText;
use crate::physics::co_execution::Streams;
use crate::soc::RuntimeProfile;
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// The arguments that ask for joint runs.
pub(super) const JOINT: [&str; 3] = ["coexec", "branches", "fallback"];

/// The way of waiting that figures are about unless said otherwise.
const SPIN: &str = "spin";

/// Blocks of the network that tables of chains hold by their format, and its name.
const FORMAT_CHAIN: (usize, &str) = (17, "mobilenet_v2");

/// Arguments of `hetsoc validate` about two processors.
#[derive(Debug, Args)]
pub(super) struct JointArguments {
    /// Layers split over two processors (CSV; columns of all joint runs: docs/FORMATS.md, section `Joint runs`).
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["operators", "measurements", "branches", "fallback"])]
    coexec: Option<PathBuf>,
    /// Branches of a module placed on two processors (CSV).
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["operators", "measurements", "fallback"])]
    branches: Option<PathBuf>,
    /// Blocks in sequence, some of them on the other processor (CSV).
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["operators", "measurements"])]
    fallback: Option<PathBuf>,
    /// Way of waiting that the figures of --coexec are about.
    #[arg(long, value_name = "SYNC", default_value = SPIN)]
    sync: String,
    /// Network of the chain of --fallback, model id or file [default: mobilenet_v2 for the 17 blocks of the format].
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["coexec", "branches", "operators", "measurements"])]
    network: Option<String>,
}

/// Scores a table of joint runs on the embedded pair.
pub(super) fn joint_score(kind: &str, text: &Arc<SourceText>) -> Result<PairScore, CliError> {
    let plain =
        JointArguments { coexec: None, branches: None, fallback: None, sync: SPIN.to_owned(), network: None };
    plain.score(kind, text, None, None)
}

impl JointArguments {
    /// Scores and prints; returns the result for conditions.
    pub(super) fn run(
        &self,
        soc: Option<&str>,
        profile: Option<&str>,
        format: Format,
    ) -> Result<serde_json::Value, CliError> {
        let (kind, path) = [&self.coexec, &self.branches, &self.fallback]
            .into_iter()
            .zip(JOINT)
            .find_map(|(path, kind)| Some((kind, path.as_ref()?)))
            .ok_or_else(|| CliError::Usage("name a table".to_owned()))?;
        let score = self.score(kind, &read_text(path)?, soc, profile)?;
        match format {
            Format::Json => print_json(&score)?,
            Format::Table => print(&table(&score))?,
            Format::Csv => return Err(CliError::Usage("validate prints table or json".to_owned())),
        }
        serde_json::to_value(&score).map_err(|error| CliError::Unexpected(error.to_string()))
    }

    fn score(
        &self,
        kind: &str,
        text: &Arc<SourceText>,
        soc: Option<&str>,
        profile: Option<&str>,
    ) -> Result<PairScore, CliError> {
        let (soc, runtime) = Pair::profiles(soc.unwrap_or("x86-pair"), profile.unwrap_or("onnxruntime"))?;
        if runtime.co_execution.is_empty() {
            return Err(CliError::NothingMatched(format!(
                "runtime `{}/{}` has no `[[co_execution]]`; see `hetsoc calibrate --coexec`",
                soc.id, runtime.id
            )));
        }
        let predictor = Predictor::new(&soc, &runtime).map_err(fault)?;
        let syncs = predictor.syncs();
        let score = if kind == JOINT[0] {
            if !syncs.contains(&self.sync.as_str()) {
                let known = syncs.join(", ");
                return Err(CliError::Usage(format!(
                    "the profile has no --sync {}; it has {known}",
                    self.sync
                )));
            }
            predictor.split_layers(&read_split_layers(text, &syncs)?, &self.sync)
        } else if kind == JOINT[1] {
            predictor.branches(&read_branches(text, &syncs)?)
        } else {
            let rows = read_chains(text, &syncs)?;
            let streams = self.streams(&rows, &runtime)?;
            predictor.chains(&rows, streams.as_ref())
        };
        score.map_err(fault)
    }

    /// What the blocks of the chain move.
    fn streams(&self, rows: &[Chain], runtime: &RuntimeProfile) -> Result<Option<Streams>, CliError> {
        let by_format = rows.iter().all(|row| row.blocks == FORMAT_CHAIN.0).then_some(FORMAT_CHAIN.1);
        let Some(network) = self.network.as_deref().or(by_format) else {
            print_warning(
                "the network of the chain is not known, so its blocks count as warm; name it with --network",
            );
            return Ok(None);
        };
        Ok(Some(block_streams(&load_model(network, &[])?.lowered(&runtime.lowering)?)))
    }
}

fn fault(error: PredictionError) -> CliError {
    match error {
        PredictionError::Input(error) => error.into(),
        PredictionError::Simulation(error) => error.into(),
        PredictionError::Incomplete => {
            CliError::NothingMatched("no row of the table can be scored".to_owned())
        }
    }
}

fn table(score: &PairScore) -> String {
    let mut text = format!(
        "{} by {}: {} of {} rows ({}), {} of the joint runs\n\n{:<34}{:>8}{:>9}\n",
        score.table,
        score.profile,
        score.rows_scored,
        score.rows.len(),
        score.scored,
        score.measured,
        "",
        "MAPE",
        "bias"
    );
    let _ = writeln!(text, "{:<34}{:>7.1}%{:>+8.1}%", "simulated", score.mape_percent, score.bias_percent);
    if let Some(mape) = score.leave_layer_out_mape_percent {
        let _ = writeln!(text, "{:<34}{mape:>7.1}%", "constants fitted to other layers");
    }
    for baseline in &score.baselines {
        let _ = writeln!(
            text,
            "{:<34}{:>7.1}%{:>+8.1}%",
            baseline.name, baseline.mape_percent, baseline.bias_percent
        );
    }
    if let Some(cold) = score.cold_us {
        let _ =
            writeln!(text, "\nblocks after other blocks take {cold:.0} us longer than alone, all together");
    }
    let _ = writeln!(
        text,
        "\n{:<10}{:<8}{:>6}{:>9}{:>9}{:>10}",
        "pair", "sync", "rows", "MAPE", "bias", "baseline"
    );
    for group in &score.groups {
        let _ = write!(
            text,
            "{:<10}{:<8}{:>6}{:>8.1}%{:>+8.1}%{:>9.1}%",
            group.pair,
            group.sync,
            group.rows,
            group.mape_percent,
            group.bias_percent,
            group.baseline_mape_percent
        );
        if let Some(mape) = group.leave_layer_out_mape_percent {
            let _ = write!(text, "   other layers {mape:.1}%");
        }
        text.push('\n');
    }
    text
}
