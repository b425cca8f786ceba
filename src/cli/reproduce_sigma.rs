//! `hetsoc reproduce sigma`.

use super::output::{print, print_json, print_warning};
use super::{CliError, Format};
use crate::experiment::reproduce::sigma::{SigmaOptions, SigmaReport, SigmaRow, sigma};
use clap::Args;
use std::fmt::Write;
use std::io::IsTerminal;

/// Arguments of `hetsoc reproduce sigma`.
#[derive(Debug, Args)]
pub(super) struct SigmaArguments {
    /// Networks, comma separated [default: the five that the study names].
    #[arg(long, value_delimiter = ',')]
    network: Vec<String>,
    /// Conditions, comma separated (`hetsoc list conditions`, or .toml paths) [default: sigma0 to sigma4].
    #[arg(long, value_delimiter = ',')]
    condition: Vec<String>,
    /// A predictor with parameters; may be given several times [default: all].
    #[arg(long)]
    predictor: Vec<String>,
    /// Who places; beliefs are compared for each unit [default: the whole network on the four big cores].
    #[arg(long)]
    strategy: Option<String>,
    /// Requests of each run.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Runs of each cell, with seeds that are the same for all cells.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    replications: u32,
    /// Seed of the first.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Leave out the sweep of every setting by half.
    #[arg(long)]
    no_sweep: bool,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(arguments: &SigmaArguments) -> Result<(), CliError> {
    let mut options = SigmaOptions {
        requests: arguments.requests,
        replications: arguments.replications,
        seed: arguments.seed,
        sweep: !arguments.no_sweep,
        jobs: arguments
            .jobs
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)),
        ..SigmaOptions::default()
    };
    if !arguments.network.is_empty() {
        options.networks.clone_from(&arguments.network);
    }
    if !arguments.condition.is_empty() {
        options.conditions.clone_from(&arguments.condition);
    }
    if !arguments.predictor.is_empty() {
        options.predictors = arguments.predictor.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    }
    if let Some(text) = &arguments.strategy {
        options.strategy = text.parse()?;
    }
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new(0)
    } else {
        indicatif::ProgressBar::hidden()
    };
    let report = sigma(&options, &|count| bar.set_length(count as u64), &|| bar.inc(1))?;
    bar.finish_and_clear();
    if report.rows.iter().all(|row| row.failure.is_some()) {
        let why = report.rows.iter().find_map(|row| row.failure.clone()).unwrap_or_default();
        return Err(CliError::NothingMatched(format!("no cell could be played: {why}")));
    }
    for row in &report.rows {
        if let Some(failure) = &row.failure {
            print_warning(&format!("{} under {}: {failure}", row.network, row.condition));
        }
    }
    match arguments.format {
        Format::Json => print_json(&report),
        Format::Csv => csv(&report),
        Format::Table => print(&table(&report)),
    }
}

fn csv(report: &SigmaReport) -> Result<(), CliError> {
    let failed = |error: csv::Error| CliError::Output(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head =
        ["network", "condition", "predictor", "error_percent", "error_of_belief_percent", "bias_percent"];
    let rest =
        ["error_range_low_percent", "error_range_high_percent", "mean_latency_ms", "profiling_percent"];
    writer.write_record(head.iter().chain(&rest)).map_err(failed)?;
    for row in &report.rows {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let numbers = [
            row.error_percent,
            row.error_of_belief_percent,
            row.bias_percent,
            row.error_range_percent.map(|range| range[0]),
            row.error_range_percent.map(|range| range[1]),
            row.mean_latency_ms,
            Some(row.profiling_percent),
        ];
        let texts = [&row.network, &row.condition, &row.predictor].into_iter().cloned();
        writer.write_record(texts.chain(numbers.map(number))).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| CliError::Output(error.to_string()))?;
    print(&String::from_utf8_lossy(&bytes))
}

/// Renders the study. Writing to a string cannot fail, so results of `writeln!` are dropped.
fn table(report: &SigmaReport) -> String {
    let mut text = format!(
        "{} on {}, {} requests, {} run(s) of each cell, seed {}\n{}\n",
        report.strategy, report.device, report.requests, report.replications, report.seed, report.definition
    );
    let _ = writeln!(text, "Note: {}.\n", report.conditions_note);
    for condition in &report.conditions {
        let _ = writeln!(text, "{} (revision {}): {}", condition.id, condition.revision, condition.title);
        for edit in &condition.edits {
            let _ =
                writeln!(text, "  changed in revision {}: {} ({})", edit.revision, edit.change, edit.reason);
        }
    }
    let _ = writeln!(
        text,
        "\n{:<18} {:<8} {:<14} {:>8} {:>17} {:>10} {:>9} {:>11} {:>10}",
        "network",
        "cond.",
        "predictor",
        "error %",
        "range of sweep",
        "of belief",
        "bias %",
        "latency ms",
        "profiling"
    );
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let mut last: Option<&SigmaRow> = None;
    for row in &report.rows {
        if last.is_some_and(|last| last.network != row.network || last.condition != row.condition) {
            let _ = writeln!(text);
        }
        last = Some(row);
        let range = row.error_range_percent;
        let range = range.map_or_else(|| "-".to_owned(), |[least, most]| format!("{least:.1} to {most:.1}"));
        let _ = writeln!(
            text,
            "{:<18} {:<8} {:<14} {:>8} {:>17} {:>10} {:>9} {:>11} {:>8.2} %",
            row.network,
            row.condition,
            row.predictor,
            number(row.error_percent),
            range,
            number(row.error_of_belief_percent),
            number(row.bias_percent),
            number(row.mean_latency_ms),
            row.profiling_percent,
        );
    }
    if !report.sweep.is_empty() {
        let _ = writeln!(
            text,
            "\nSettings halved and raised by half: mean error of the offline table over networks"
        );
        for row in report.sweep.iter().filter(|row| row.predictor == "offline") {
            let found = match (&row.failure, row.mean_error_percent) {
                (Some(failure), None) => failure.clone(),
                (_, found) => format!("{:>7} % ({} points)", number(found), number(row.change_points)),
            };
            let _ = writeln!(
                text,
                "{:<8} {:<44} {:>8} -> {:<12} {found}",
                row.condition, row.setting, row.value, row.tried
            );
        }
    }
    let band = |band: Option<[f64; 2]>| {
        band.map_or_else(|| "-".to_owned(), |[least, most]| format!("{least:.0} % to {most:.0} %"))
    };
    let _ = writeln!(
        text,
        "\noffline estimates outside of the laboratory: published {:.0} % to {:.0} %; here {} of the actual time, {} of the belief",
        report.published_band_percent[0],
        report.published_band_percent[1],
        band(report.offline_band_percent),
        band(report.offline_band_of_belief_percent),
    );
    text
}
