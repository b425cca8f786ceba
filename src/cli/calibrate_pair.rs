//! `hetsoc calibrate --coexec`: fit the constants of two processors on one layer.

use super::output::{print, print_json, read_text};
use super::{CliError, Format};
use crate::calibration::pair::coexec::read_split_layers;
use crate::calibration::pair::fit::{PairFit, fit_pairs};
use crate::calibration::pair::piece::Pair;
use crate::calibration::pair::profile_text::{co_execution_tables, read_streaming};
use crate::physics::co_execution::NAMES;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `hetsoc calibrate` about two processors.
#[derive(Debug, Args)]
pub(super) struct PairArguments {
    /// Instead of networks: layers split over two processors, measured together and alone (CSV, docs/FORMATS.md, section
    /// `Joint runs`); fits the constants of co-execution.
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["operators", "measurements", "networks", "executors", "precisions"])]
    coexec: Option<PathBuf>,
    /// Memory benchmark (CSV) whose streaming rates go into the profile [default: those of the base].
    #[arg(long, value_name = "TABLE", requires = "coexec")]
    streaming: Option<PathBuf>,
}

/// One way of waiting.
#[derive(Serialize)]
struct Found<'a> {
    sync: &'a str,
    layers: usize,
    rows: usize,
    leave_layer_out_mape_percent: f64,
    leave_layer_out_bias_percent: f64,
    leave_layer_out_within_10_percent: f64,
    fit_mape_percent: f64,
    condition_number: f64,
    coefficients: BTreeMap<&'static str, [f64; 2]>,
}

impl PairArguments {
    /// Fits, prints, and returns the text of the profile.
    pub(super) fn run(
        &self,
        soc: Option<&str>,
        base: Option<&str>,
        source: Option<&str>,
        tables_only: bool,
        format: Format,
    ) -> Result<String, CliError> {
        let Some(path) = &self.coexec else {
            return Err(CliError::Usage("give --operators and --measurements, or --coexec".to_owned()));
        };
        let base = base.unwrap_or("x86-pair/onnxruntime");
        let soc = soc.or(base.split_once('/').map(|(soc, _)| soc)).unwrap_or("x86-pair");
        let (soc, runtime) = Pair::profiles(soc, base)?;
        let rows = read_split_layers(&read_text(path)?, &[])?;
        let fits = fit_pairs(&rows);
        if fits.is_empty() {
            return Err(CliError::NothingMatched(
                "no way of waiting has 20 rows of 3 layers with both parts busy and 4 clean samples"
                    .to_owned(),
            ));
        }
        let known = runtime.co_execution.first();
        let streaming = match (&self.streaming, known) {
            (Some(path), _) => read_streaming(&read_text(path)?)?,
            (None, Some(known)) => known.streaming.clone(),
            (None, None) => {
                return Err(CliError::Usage(format!(
                    "`{base}` has no streaming rates; give a memory benchmark with --streaming"
                )));
            }
        };
        let executors = known.map_or(("cpu-1large", "cpu-1med"), |k| (k.first.as_str(), k.second.as_str()));
        let files: Vec<_> = [Some(path), self.streaming.as_ref()].into_iter().flatten().collect();
        let names: Vec<_> = files.iter().filter_map(|path| path.file_name()).collect();
        let names = names.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ");
        let measured_with = known.map_or(runtime.id.as_str(), |known| known.measured_with.as_str());
        let source = source.unwrap_or(&names);
        let tables = co_execution_tables(&fits, executors, &streaming, measured_with, source);
        print_fits(&fits, format)?;
        if tables_only {
            return Ok(tables);
        }
        let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
        Ok(format!(
            "# Written by `hetsoc calibrate`.\nschema = 1\nextends = {}\nid = {}\nsoc = {}\n{tables}",
            quoted(base),
            quoted(&runtime.id),
            quoted(&soc.id)
        ))
    }
}

fn print_fits(fits: &[PairFit], format: Format) -> Result<(), CliError> {
    let found: Vec<Found<'_>> = fits
        .iter()
        .map(|fit| Found {
            sync: &fit.sync,
            layers: fit.layers,
            rows: fit.rows,
            leave_layer_out_mape_percent: fit.unseen.mape,
            leave_layer_out_bias_percent: fit.unseen.bias,
            leave_layer_out_within_10_percent: fit.unseen.within_10,
            fit_mape_percent: fit.own.mape,
            condition_number: fit.condition,
            coefficients: NAMES
                .into_iter()
                .zip(fit.values.iter().zip(&fit.widths).map(|(value, width)| [*value, *width]))
                .collect(),
        })
        .collect();
    match format {
        Format::Json => return print_json(&found),
        Format::Csv => return Err(CliError::Usage("calibrate prints table or json".to_owned())),
        Format::Table => {}
    }
    let mut text = String::new();
    for fit in &found {
        let _ = writeln!(
            text,
            "{}: {} rows of {} layers; unseen layers: MAPE {:.1} %, bias {:+.1} %, {:.0} % within 10 %; fit {:.1} %; condition {:.0}",
            fit.sync,
            fit.rows,
            fit.layers,
            fit.leave_layer_out_mape_percent,
            fit.leave_layer_out_bias_percent,
            fit.leave_layer_out_within_10_percent,
            fit.fit_mape_percent,
            fit.condition_number,
        );
        for name in NAMES {
            if let Some([value, width]) = fit.coefficients.get(name) {
                let _ = writeln!(text, "  {name:<32}{value:>12.4}  +- {:.0} %", 100.0 * width);
            }
        }
    }
    print(&text)
}
