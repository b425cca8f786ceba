//! `hetsoc run`: simulate, print the answer, write the outputs.

use super::output::{print, print_json, print_warning};
use super::target::TargetArguments;
use super::{CliError, Format, summary_table};
use crate::config::Assembled;
use crate::config::plan_file::write_scheduled;
use crate::experiment::{RunError, RunOptions, RunResult, Thresholds, run_scenario};
use crate::export::{
    OutputFolder, write_decisions, write_json, write_operators, write_requests, write_resources, write_trace,
};
use crate::record::summary::RunSummary;
use crate::strategy::{Recording, Replay};
use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Arguments of `hetsoc run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub target: TargetArguments,
    /// Folder for summary.json, requests.csv, operators.csv, resources.csv, trace.pftrace (open it at ui.perfetto.dev), gantt and
    /// latency figures.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrite outputs that exist.
    #[arg(long)]
    force: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Fail (exit code 11) when a condition holds, such as `p99_ms > 33`; may be given several times.
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<String>,
    /// End the run after so many simulated events; what was complete by then counts, and a warning says so.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_events: Option<u64>,
    /// Write the plan that was played, for `--strategy replay --plan FILE`.
    #[arg(long, value_name = "FILE")]
    save_plan: Option<PathBuf>,
}

const FILES: &[&str] = &["summary.json", "requests.csv", "operators.csv", "resources.csv", "trace.pftrace"];
/// Of strategies that adapt.
const DECISIONS: &str = "decisions.csv";
#[cfg(feature = "plots")]
const FIGURES: &[&str] = &["gantt.svg", "gantt.png", "latency.svg", "latency.png"];
#[cfg(not(feature = "plots"))]
const FIGURES: &[&str] = &[];

pub(super) fn run(arguments: &RunArguments) -> Result<(), CliError> {
    let thresholds = Thresholds::parse(&arguments.fail_if).map_err(CliError::Usage)?;
    let mut assembled = arguments.target.assemble()?;
    if let Some(events) = arguments.max_events {
        assembled.problem.limits.events = events;
    }
    if arguments.save_plan.is_some() {
        // What is decided while it runs is part of what is saved.
        let inner = std::mem::replace(&mut assembled.strategy, Box::new(Replay::new(Vec::new())));
        assembled.strategy = Box::new(Recording::new(inner));
    }
    let adapts = assembled.strategy.id() == "adaptive";
    let files: Vec<&str> = FILES.iter().chain(FIGURES).copied().chain(adapts.then_some(DECISIONS)).collect();
    let folder = arguments
        .out
        .as_ref()
        .map(|path| OutputFolder::prepare(path, &files, arguments.force))
        .transpose()
        .map_err(|error| CliError::Output(error.to_string()))?;
    let result = simulate(&mut assembled, folder.is_some())?;
    for warning in &result.summary.warnings {
        print_warning(warning);
    }
    if let Some(path) = &arguments.save_plan {
        let mut plans = result.plans.clone();
        for plan in &mut plans {
            plan.transfer_start = assembled.problem.transfer_start.unwrap_or(plan.transfer_start);
        }
        let schedules = assembled.strategy.schedules(plans.len());
        let plan =
            write_scheduled(&plans, &schedules, &assembled.cuts, &result.clocks, &assembled.problem.platform);
        let plan = plan.ok_or_else(|| {
            let who = &assembled.strategy_spec;
            CliError::Usage(format!(
                "{who} decides while it runs, and decided nothing; there is no plan to save"
            ))
        })?;
        crate::export::write_file(path, arguments.force, |to| std::io::Write::write_all(to, plan.as_bytes()))
            .map_err(|error| CliError::Output(error.to_string()))?;
    }
    match arguments.format {
        Format::Json => print_json(&result.summary)?,
        Format::Csv => {
            let mut bytes = Vec::new();
            write_resources(&result.summary, &mut bytes)
                .map_err(|error| CliError::Output(error.to_string()))?;
            print(&String::from_utf8_lossy(&bytes))?;
        }
        Format::Table => print(&summary_table::table(&result.summary, &assembled))?,
    }
    if let Some(folder) = folder {
        write_outputs(&folder, &result).map_err(|error| CliError::Output(error.to_string()))?;
        if arguments.format == Format::Table {
            print(&format!(
                "\nwritten to {}: {}\n",
                arguments.out.as_ref().map_or_else(String::new, |p| p.display().to_string()),
                files.join(", ")
            ))?;
        }
    }
    let violations = thresholds.violations(&result.summary);
    if violations.is_empty() { Ok(()) } else { Err(CliError::Threshold(violations.join("; "))) }
}

/// Simulates with a progress display on terminals.
pub(super) fn simulate(assembled: &mut Assembled, record: bool) -> Result<RunResult, CliError> {
    let total = assembled.problem.stop_after.or_else(|| {
        assembled.problem.streams.iter().map(|stream| stream.arrivals.count()).sum::<Option<u64>>()
    });
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new(total.unwrap_or(0))
    } else {
        indicatif::ProgressBar::hidden()
    };
    let result =
        run_scenario(assembled, RunOptions { record, baseline: true }, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    result.map_err(|error| match error {
        RunError::Simulation(error) => CliError::Simulation(error),
        other => CliError::Unexpected(other.to_string()),
    })
}

fn write_outputs(folder: &OutputFolder, result: &RunResult) -> Result<(), crate::export::FileError> {
    folder.write("summary.json", |to| write_json(&result.summary, to))?;
    folder.write("resources.csv", |to| write_resources(&result.summary, to))?;
    if let Some(adaptation) = &result.summary.adaptation {
        folder.write(DECISIONS, |to| write_decisions(adaptation, to))?;
    }
    if let Some(record) = &result.record {
        folder.write("requests.csv", |to| write_requests(record, to))?;
        folder.write("operators.csv", |to| write_operators(record, to))?;
        folder.write("trace.pftrace", |to| write_trace(record, to))?;
        #[cfg(feature = "plots")]
        {
            use crate::plot::{GanttOptions, gantt};
            write_figure(folder, "gantt", &gantt(record, GanttOptions::default()))?;
            write_figure(folder, "latency", &latency_figure(&result.summary, record))?;
        }
    }
    Ok(())
}

#[cfg(feature = "plots")]
fn write_figure(
    folder: &OutputFolder,
    name: &str,
    canvas: &crate::plot::Canvas,
) -> Result<(), crate::export::FileError> {
    use std::io::Write;
    folder.write(&format!("{name}.svg"), |to| to.write_all(canvas.to_svg().as_bytes()))?;
    folder.write(&format!("{name}.png"), |to| to.write_all(&canvas.to_png(2.0)?))?;
    Ok(())
}

/// The distribution of the latencies that count.
#[cfg(feature = "plots")]
pub(super) fn latency_figure(summary: &RunSummary, record: &crate::record::RunRecord) -> crate::plot::Canvas {
    let streams: Vec<(String, Vec<f64>)> = summary
        .streams
        .iter()
        .enumerate()
        .map(|(number, stream)| {
            let latencies = record
                .requests
                .iter()
                .filter(|request| request.id.stream as usize == number && !request.warm_up)
                .filter_map(|request| request.latency().map(crate::units::SimDuration::millis))
                .collect();
            (stream.name.clone(), latencies)
        })
        .collect();
    crate::plot::latency(&summary.scenario, &streams)
}
