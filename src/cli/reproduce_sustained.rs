//! `hetsoc reproduce sustained`.

use super::output::{print, print_json};
use super::{CliError, Format};
use crate::experiment::reproduce::sustained::{SustainedOptions, SustainedReport, sustained};
use clap::Args;
use std::fmt::Write;
use std::io::IsTerminal;

/// Arguments of `hetsoc reproduce sustained`.
#[derive(Debug, Args)]
pub(super) struct SustainedArguments {
    /// Network.
    #[arg(long, default_value = "resnet50")]
    network: String,
    /// Devices, comma separated.
    #[arg(long, value_delimiter = ',', default_value = "xperia-1,oneplus-7-pro")]
    devices: Vec<String>,
    /// Length of each run in simulated seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(20..=36_000))]
    seconds: u32,
    /// Joint draws from the priors, the same for all devices.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    draws: u32,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(arguments: &SustainedArguments) -> Result<(), CliError> {
    let options = SustainedOptions {
        network: arguments.network.clone(),
        devices: arguments.devices.clone(),
        seconds: arguments.seconds,
        draws: arguments.draws,
        jobs: arguments
            .jobs
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)),
    };
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new_spinner()
    } else {
        indicatif::ProgressBar::hidden()
    };
    let report = sustained(&options, &|| bar.inc(1))?;
    bar.finish_and_clear();
    match arguments.format {
        Format::Json => print_json(&report),
        Format::Csv => print(&csv(&report)),
        Format::Table => print(&table(&report)),
    }
}

fn table(report: &SustainedReport) -> String {
    let percent = |[low, high]: [f64; 2]| format!("{:.0} to {:.0} %", low * 100.0, high * 100.0);
    let yes = |inside: Option<bool>| inside.map_or("-", |inside| if inside { "yes" } else { "no" });
    let mut text = format!(
        "{:<16} {:<9} {:>8} {:>8} {:>14} {:>14} {:>13} {:>13}\n",
        "device", "load", "profile", "median", "90 % of draws", "extremes", "published", "inside them"
    );
    for row in &report.rows {
        let published = row.published.map_or("-".to_owned(), |[low, high]| {
            if low < high { percent([low, high]) } else { format!("{:.0} %", low * 100.0) }
        });
        let _ = writeln!(
            text,
            "{:<16} {:<9} {:>6.0} % {:>8} {:>14} {:>14} {published:>13} {:>13}",
            row.device,
            row.load.id(),
            row.kept * 100.0,
            row.median.map_or("-".to_owned(), |median| format!("{:.0} %", median * 100.0)),
            row.central.map_or("-".to_owned(), percent),
            percent([row.least, row.most]),
            format!("{}, {}", yes(row.inside_central), yes(row.inside)),
        );
    }
    for order in &report.order {
        let _ = write!(
            text,
            "\n{} keeps less than {} in {:.0} % of the draws ({})",
            order.first,
            order.second,
            order.first_keeps_less * 100.0,
            order.load.id()
        );
    }
    if !report.order.is_empty() {
        text.push('\n');
    }
    for line in &report.assumptions {
        let _ = write!(text, "\n{line}");
    }
    text.push('\n');
    text
}

fn csv(report: &SustainedReport) -> String {
    let mut text = "device,load,prior,kept,skin_celsius\n".to_owned();
    for run in &report.runs {
        let prior = run.prior.as_deref().unwrap_or("profile");
        let _ = writeln!(text, "{},{},{prior},{},{}", run.device, run.load.id(), run.kept, run.skin_celsius);
    }
    text
}
