//! `hetsoc reproduce codl`.

use super::output::{print, print_json};
use super::{CliError, Format};
use crate::experiment::reproduce::codl::{CodlReport, codl};
use crate::experiment::reproduce::codl_page::codl_page;
use clap::Args;
use std::fmt::Write;

/// Arguments of `hetsoc reproduce codl`.
#[derive(Debug, Args)]
pub(super) struct CodlArguments {
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

pub(super) fn run(arguments: &CodlArguments) -> Result<(), CliError> {
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
