//! `hetsoc reproduce`: published experiments, repeated in simulation.

use super::output::{print, print_json};
use super::reproduce_granularity::{self, GranularityArguments};
use super::reproduce_sigma::{self, SigmaArguments};
use super::{CliError, Format};
use crate::experiment::reproduce::ReproduceError;
use crate::experiment::reproduce::codl::{CodlReport, codl};
use crate::experiment::reproduce::codl_page::codl_page;
use crate::experiment::reproduce::nn_stretch::{NnStretchReport, nn_stretch};
use clap::{Args, Subcommand};
use std::fmt::Write;

/// Arguments of `hetsoc reproduce`.
#[derive(Debug, Args)]
pub(super) struct ReproduceArguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Debug, Subcommand)]
enum Experiment {
    /// CoDL (MobiSys 2022): CPU and GPU on one operator at once, five networks on four chips.
    Codl(CodlArguments),
    /// NN-Stretch (MobiSys 2023): networks stretched over CPU, GPU and DSP.
    NnStretch(NnStretchArguments),
    /// Errors of latency predictions under five conditions (arXiv 2405.01851; the conditions are our own).
    Sigma(SigmaArguments),
    /// Latency against the size of the placed unit beside competing processes (arXiv 2405.01851).
    Granularity(GranularityArguments),
}

/// Arguments of `hetsoc reproduce nn-stretch`.
#[derive(Debug, Args)]
struct NnStretchArguments {
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Arguments of `hetsoc reproduce codl`.
#[derive(Debug, Args)]
struct CodlArguments {
    /// snapdragon-855, snapdragon-865, snapdragon-888 or kirin-990.
    #[arg(long)]
    soc: String,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Also write the page with all chips, the ablations and the error curve, Markdown; an existing file is replaced.
    #[arg(long, value_name = "FILE")]
    report: Option<std::path::PathBuf>,
    /// Change a value of a profile, such as `runtime.performance.2.sharing.synchronization_us=300`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
}

pub(super) fn run(arguments: &ReproduceArguments) -> Result<(), CliError> {
    match &arguments.experiment {
        Experiment::Sigma(arguments) => reproduce_sigma::run(arguments),
        Experiment::Granularity(arguments) => reproduce_granularity::run(arguments),
        Experiment::NnStretch(arguments) => {
            let report = nn_stretch()?;
            match arguments.format {
                Format::Json => print_json(&report),
                Format::Table => print(&nn_stretch_table(&report)),
                Format::Csv => Err(CliError::Usage("reproduce prints table or json".to_owned())),
            }
        }
        Experiment::Codl(arguments) => {
            let report = codl(&arguments.soc, &arguments.overrides)?;
            if let Some(path) = &arguments.report {
                let text = codl_page()?;
                crate::export::write_file(path, true, |to| std::io::Write::write_all(to, text.as_bytes()))
                    .map_err(|error| CliError::Output(error.to_string()))?;
            }
            match arguments.format {
                Format::Json => print_json(&report),
                Format::Table => print(&table(&report)),
                Format::Csv => Err(CliError::Usage("reproduce prints table or json".to_owned())),
            }
        }
    }
}

fn table(report: &CodlReport) -> String {
    let mut text = format!("CoDL on {}\n", report.soc);
    let _ = writeln!(
        text,
        "{:<20} {:<12} {:<10} {:>10} {:>8} {:>8} {:>10} {:>8}",
        "network", "strategy", "plan", "ms", "W", "J", "published", "error"
    );
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"));
    for row in &report.rows {
        let error = row.error_percent.map_or_else(|| "-".to_owned(), |e| format!("{e:+.1} %"));
        let _ = write!(
            text,
            "{:<20} {:<12} {:<10} {:>10} {:>8} {:>8} {:>10} {:>8}",
            row.network,
            row.strategy,
            row.plan,
            number(row.latency_ms, 1),
            number(row.power_w, 2),
            number(row.energy_j, 3),
            number(row.published_latency_ms, 1),
            error
        );
        let _ = match &row.note {
            Some(note) => writeln!(text, "  {note}"),
            None => writeln!(text),
        };
    }
    text
}

fn nn_stretch_table(report: &NnStretchReport) -> String {
    let mut text = "NN-Stretch\n".to_owned();
    let _ = writeln!(
        text,
        "{:<12} {:<10} {:>9} {:>10} {:>9}",
        "network", "processors", "ms", "published", "error"
    );
    for row in &report.rows {
        let published = row.published_latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
        let error = row.error_percent.map_or_else(|| "-".to_owned(), |e| format!("{e:+.1} %"));
        let _ = writeln!(
            text,
            "{:<12} {:<10} {:>9.1} {published:>10} {error:>9}",
            row.network, row.processors, row.latency_ms
        );
    }
    text
}

impl From<ReproduceError> for CliError {
    fn from(error: ReproduceError) -> Self {
        use crate::experiment::RunError;
        match error {
            ReproduceError::Input(error) => Self::Input(error),
            ReproduceError::Simulation(error) | ReproduceError::Run(RunError::Simulation(error)) => {
                Self::Simulation(error)
            }
            ReproduceError::Unknown(message) => Self::Usage(message),
            other => Self::Unexpected(other.to_string()),
        }
    }
}
