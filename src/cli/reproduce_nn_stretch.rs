//! `hetsoc reproduce nn-stretch`.

use super::output::{print, print_json};
use super::{CliError, Format};
use crate::experiment::reproduce::nn_stretch::{NnStretchReport, nn_stretch};
use clap::Args;
use std::fmt::Write;

/// Arguments of `hetsoc reproduce nn-stretch`.
#[derive(Debug, Args)]
pub(super) struct NnStretchArguments {
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(arguments: &NnStretchArguments) -> Result<(), CliError> {
    let report = nn_stretch()?;
    match arguments.format {
        Format::Json => print_json(&report),
        Format::Table => print(&nn_stretch_table(&report)),
        Format::Csv => Err(CliError::Usage("reproduce prints table or json".to_owned())),
    }
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
