//! `hetsoc reproduce granularity`.

use super::output::{print, print_json};
use super::{CliError, Format};
use crate::diagnostics::printable;
use crate::experiment::reproduce::granularity::{Dial, GranularityOptions, GranularityReport, granularity};
use clap::Args;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Arguments of `hetsoc reproduce granularity`.
#[derive(Debug, Args)]
pub(super) struct GranularityArguments {
    /// Dials to turn, comma separated: operators, slices, burst [default: all].
    #[arg(long, value_delimiter = ',')]
    dial: Vec<String>,
    /// Network.
    #[arg(long, default_value = "resnet50")]
    network: String,
    /// 0 to so many competing processes are tried.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=64))]
    competitors: u32,
    /// Cores or clusters that competing processes are bound to one after the other, comma separated; `anywhere` lets the scheduler
    /// move them.
    #[arg(long, value_delimiter = ',', default_value = "cpu4,cpu5,cpu6,cpu7")]
    on: Vec<String>,
    /// What the strategies believe.
    #[arg(long, default_value = "offline")]
    predictor: String,
    /// Requests of each run.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Frames that come at once on the dial `burst`.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    burst: u32,
    /// Seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Also draw the result as a figure, .svg or .png.
    #[cfg(feature = "plots")]
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Overwrite the figure if it exists.
    #[cfg(feature = "plots")]
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &GranularityArguments) -> Result<(), CliError> {
    #[cfg(feature = "plots")]
    if let Some(path) = &arguments.plot {
        super::plot::check_figure_path(path, arguments.force)?;
    }
    let mut dials = Vec::new();
    for name in &arguments.dial {
        let dial = Dial::named(name).ok_or_else(|| {
            let known = Dial::ALL.map(Dial::id).join(", ");
            CliError::Usage(format!("there is no dial `{}`; there are {known}", printable(name)))
        })?;
        if !dials.contains(&dial) {
            dials.push(dial);
        }
    }
    let options = GranularityOptions {
        dials: if dials.is_empty() { Dial::ALL.to_vec() } else { dials },
        network: arguments.network.clone(),
        competitors: arguments.competitors,
        on: if arguments.on == ["anywhere"] { Vec::new() } else { arguments.on.clone() },
        predictor: arguments.predictor.parse()?,
        requests: arguments.requests,
        burst: arguments.burst,
        seed: arguments.seed,
        jobs: arguments
            .jobs
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)),
    };
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new(0)
    } else {
        indicatif::ProgressBar::hidden()
    };
    let report = granularity(&options, &|count| bar.set_length(count as u64), &|| bar.inc(1))?;
    bar.finish_and_clear();
    if report.rows.iter().all(|row| row.failure.is_some()) {
        let why = report.rows.iter().find_map(|row| row.failure.clone()).unwrap_or_default();
        return Err(CliError::NothingMatched(format!("no run could be played: {why}")));
    }
    match arguments.format {
        Format::Json => print_json(&report)?,
        Format::Csv => csv(&report)?,
        Format::Table => print(&table(&report))?,
    }
    #[cfg(feature = "plots")]
    if let Some(path) = &arguments.plot {
        super::plot::write_figure_file(path, &crate::plot::granularity(&report), arguments.force)?;
    }
    Ok(())
}

fn csv(report: &GranularityReport) -> Result<(), CliError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &report.rows {
        writer.serialize(row).map_err(|error| CliError::Output(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| CliError::Output(error.to_string()))?;
    print(&String::from_utf8_lossy(&bytes))
}

/// Renders the study. Writing to a string cannot fail, so results of `writeln!` are dropped.
fn table(report: &GranularityReport) -> String {
    let mut text = format!(
        "{} on {}, {} requests, seed {}\n{}\n",
        report.network, report.device, report.requests, report.seed, report.definition
    );
    for dial in Dial::ALL.into_iter().filter(|dial| report.rows.iter().any(|row| row.dial == *dial)) {
        let _ = writeln!(text, "\ndial: {}", dial.id());
        let _ = writeln!(
            text,
            "{:>11} {:>9} {:>11} {:>7} {:>7} {:>10} {:>9} {:>12} {:>6} {:>9} {:>8} {:>10} {:>6} {:>8} {:>8}",
            "competitors",
            "min unit",
            "latency ms",
            "1/s",
            "syncs",
            "transfers",
            "moved MB",
            "converted MB",
            "busy",
            "overhead",
            "blocked",
            "suspended",
            "idle",
            "cpu idle",
            "gpu idle"
        );
        for row in report.rows.iter().filter(|row| row.dial == dial) {
            if let Some(failure) = &row.failure {
                let _ = writeln!(text, "{:>11} {:>9} {failure}", row.competitors, row.min_unit);
                continue;
            }
            let percent = |share: f64| format!("{:.0} %", 100.0 * share);
            let optimum = report.optima.iter().any(|best| {
                (best.dial, best.competitors, best.min_unit) == (dial, row.competitors, row.min_unit)
            });
            let _ = writeln!(
                text,
                "{:>11} {:>9} {:>10.1}{} {:>7.2} {:>7.1} {:>10.1} {:>9.2} {:>12.2} {:>6} {:>9} {:>8} {:>10} {:>6} {:>8} {:>8}",
                row.competitors,
                row.min_unit,
                row.mean_latency_ms.unwrap_or(f64::NAN),
                if optimum { "*" } else { " " },
                row.throughput_per_s.unwrap_or(f64::NAN),
                row.synchronisations,
                row.transfers,
                row.bytes_moved * 1e-6,
                row.bytes_converted * 1e-6,
                percent(row.busy),
                percent(row.overhead),
                percent(row.blocked),
                percent(row.suspended),
                percent(row.idle),
                percent(row.cpu_idle),
                percent(row.gpu_idle),
            );
        }
    }
    let _ = writeln!(text, "\n* the most requests per second beside so many competitors\n");
    for finding in &report.findings {
        let _ = writeln!(text, "{finding}");
    }
    text
}
