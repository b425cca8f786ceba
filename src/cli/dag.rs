//! `hetsoc dag`: plain task graphs.

use super::output::{print, print_json, read_text};
use super::{CliError, Format};
use crate::config::ExternalProcess;
use crate::config::dag_file::{DagNetwork, read_dag};
use crate::config::plan_file::{StoredPlans, read_plans, write_plans};
use crate::record::{PlayedOperator, played_plan};
use crate::simulation::observer::{Observer, PlacedUnit};
use crate::simulation::{Outcome, Problem, play, prepare};
use crate::soc::ExecutorId;
use crate::strategy::{Dispatch, EarliestFinishTime, Plan, Replay, Strategy, StrategySpec, TransferStart};
use crate::units::SimTime;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Arguments of `hetsoc dag`.
#[derive(Debug, Args)]
pub(super) struct DagArguments {
    /// Task graph, JSON (docs/FORMATS.md, section `Plain task graphs`).
    file: PathBuf,
    /// Who places tasks, with parameters in brackets, such as `heft[insertion=false]` (`hetsoc list strategies`).
    #[arg(long, default_value = "eft", value_name = "STRATEGY")]
    strategy: StrategySpec,
    /// The plan to replay, JSON (docs/FORMATS.md, section `Plans`).
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// How transfers share the way.
    #[arg(long, value_enum, default_value = "contention-free")]
    network: NetworkArgument,
    /// When data begins to move: when its reader is placed, or when its producer finishes. Default: `assignment` for
    /// eft; what the plan says for replay.
    #[arg(long, value_enum)]
    transfer_start: Option<TransferStartArgument>,
    /// Play so many times and report the median wall-clock time (with --timing).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Also print where and when every task ran.
    #[arg(long)]
    placements: bool,
    /// Also print wall-clock time (the only figure that differs from run to run).
    #[arg(long)]
    timing: bool,
    /// Write the placements of the first instance as a plan that `--strategy replay` reads.
    #[arg(long, value_name = "FILE")]
    save_plan: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NetworkArgument {
    /// Each transfer takes latency + bytes / bandwidth.
    ContentionFree,
    /// After their latency transfers share one bus equally.
    SharedBus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TransferStartArgument {
    /// When the reader is placed.
    Assignment,
    /// When the producer finishes.
    ProducerFinish,
}

impl From<TransferStartArgument> for TransferStart {
    fn from(argument: TransferStartArgument) -> Self {
        match argument {
            TransferStartArgument::Assignment => Self::Assignment,
            TransferStartArgument::ProducerFinish => Self::ProducerFinish,
        }
    }
}

#[derive(Serialize)]
struct DagResult {
    schema_version: u32,
    tool: &'static str,
    tool_version: &'static str,
    name: String,
    strategy: &'static str,
    network: &'static str,
    transfer_start: &'static str,
    makespan_us: f64,
    sum_of_finish_times_us: f64,
    mean_latency_us: f64,
    remote_transfers: u64,
    tasks: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    strategy_notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placements: Option<Vec<Placement>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timing: Option<Timing>,
}

#[derive(Serialize, Clone)]
struct Placement {
    instance: u32,
    task: u32,
    processor: u16,
    start_us: f64,
    finish_us: f64,
}

#[derive(Serialize)]
struct Timing {
    repeats: u32,
    wall_seconds: f64,
    tasks_per_second: f64,
}

/// Collects where and when every task ran.
#[derive(Default)]
struct PlacementRecorder {
    placements: Vec<Placement>,
    /// What ran of the first instance.
    first: Vec<PlayedOperator>,
}

impl Observer for PlacementRecorder {
    fn operator_finished(&mut self, now: SimTime, start: SimTime, unit: PlacedUnit, operator: u32) {
        if unit.request.number == 0 {
            self.first.push((start, now, unit, operator));
        }
        self.placements.push(Placement {
            instance: unit.request.number,
            task: operator,
            processor: unit.executor.0,
            start_us: start.micros(),
            finish_us: now.micros(),
        });
    }
}

pub(super) fn run(arguments: &DagArguments) -> Result<(), CliError> {
    let network = match arguments.network {
        NetworkArgument::ContentionFree => DagNetwork::ContentionFree,
        NetworkArgument::SharedBus => DagNetwork::SharedBus,
    };
    let mut problem = read_dag(&read_text(&arguments.file)?, network)?;
    problem.transfer_start = arguments.transfer_start.map(TransferStart::from);
    let mut strategy = strategy(arguments, &problem)?;
    problem.granularity = strategy.default_granularity();
    let prepared = prepare(&problem, &mut *strategy)?;
    let planned = prepared.plans.first().map_or(TransferStart::ProducerFinish, |plan| plan.transfer_start);
    let transfer_start = problem.transfer_start.unwrap_or(planned);
    let notes = strategy.notes();
    let mut walls = Vec::new();
    let mut outcome = None;
    for _ in 0..arguments.repeat {
        let begin = Instant::now();
        let prepared = prepare(&problem, &mut *strategy)?;
        outcome = Some(play(&problem, &prepared, &mut *strategy, &mut ())?);
        walls.push(begin.elapsed().as_secs_f64());
    }
    let Some(outcome) = outcome else { return Ok(()) };
    // Recording would slow down what is timed, and the same run gives the same placements.
    let mut first = Vec::new();
    let placements = if arguments.placements || arguments.save_plan.is_some() {
        let mut recorder = PlacementRecorder::default();
        let prepared = prepare(&problem, &mut *strategy)?;
        play(&problem, &prepared, &mut *strategy, &mut recorder)?;
        recorder.placements.sort_by_key(|p| (p.instance, p.task));
        first = recorder.first;
        Some(recorder.placements)
    } else {
        None
    };
    if let (Some(path), Some(placements)) = (&arguments.save_plan, &placements) {
        let made = prepared.plans.first().filter(|plan| plan.units().all(|unit| unit.executor.is_some()));
        let played = (transfer_start == TransferStart::ProducerFinish).then(|| played_plan(first));
        save_plan(path, made.cloned().or(played), placements, &problem, transfer_start)?;
    }
    let id = strategy.id();
    let mut result = summarise(arguments, &problem, &outcome, id, transfer_start, &mut walls);
    result.strategy_notes = notes;
    result.placements = placements.filter(|_| arguments.placements);
    match arguments.format {
        Format::Json => print_json(&result),
        Format::Csv => print(&csv(&result)),
        Format::Table => print(&table(&result, &problem)),
    }
}

fn strategy(arguments: &DagArguments, problem: &Problem) -> Result<Box<dyn Strategy>, CliError> {
    let asked = arguments.transfer_start.map(TransferStart::from);
    let spec = &arguments.strategy;
    match (spec.name.as_str(), &arguments.plan) {
        ("replay", None) => Err(CliError::Usage("--strategy replay needs --plan FILE".to_owned())),
        ("replay", Some(_)) if arguments.save_plan.is_some() => {
            Err(CliError::Usage("--save-plan would write the plan that --plan reads".to_owned()))
        }
        ("replay", Some(path)) => {
            let tasks = problem.streams[0].dag.len();
            let StoredPlans { mut plans, splits, clocks, schedules } =
                read_plans(&read_text(path)?, &problem.platform, &[tasks])?;
            if splits.iter().any(|splits| !splits.is_empty()) {
                return Err(CliError::Usage(
                    "not replayable: the plan cuts operators, and a plain task graph has none".to_owned(),
                ));
            }
            for plan in &mut plans {
                plan.transfer_start = asked.unwrap_or(plan.transfer_start);
            }
            Ok(Box::new(Replay::new(plans).with_clocks(clocks).with_schedules(schedules)))
        }
        (_, Some(_)) => Err(CliError::Usage("--plan goes with --strategy replay".to_owned())),
        ("eft", None) if !spec.parameters.contains_key("transfer-start") => {
            let start = asked.unwrap_or(TransferStart::Assignment);
            if start == TransferStart::ProducerFinish && arguments.network == NetworkArgument::SharedBus {
                return Err(CliError::Usage(
                    "eft decides when a task is ready, and a bus cannot have moved its data before: --transfer-start producer-finish \
                     needs --network contention-free or --strategy replay"
                        .to_owned(),
                ));
            }
            Ok(Box::new(EarliestFinishTime::new(start)))
        }
        ("external", None) => Ok(Box::new(ExternalProcess::new(spec)?)),
        (_, None) => Ok(spec.build(&problem.platform)?),
    }
}

/// Saves the plan that was made beforehand or played, else the placements of the first instance, whose units enter their queues
/// when they are ready, as they did.
fn save_plan(
    path: &Path,
    plan: Option<Plan>,
    placements: &[Placement],
    problem: &Problem,
    start: TransferStart,
) -> Result<(), CliError> {
    let mut plan = plan.unwrap_or_else(|| {
        let mut plan = Plan::new(Dispatch::AtReady, start);
        for placement in placements.iter().filter(|p| p.instance == 0) {
            plan.push(&[placement.task], Some(ExecutorId(placement.processor)));
        }
        plan
    });
    plan.transfer_start = start;
    let text = write_plans(&[plan], &[], &Vec::new(), &problem.platform).unwrap_or_default();
    crate::export::write_file(path, false, |to| std::io::Write::write_all(to, text.as_bytes()))
        .map_err(|error| CliError::Output(error.to_string()))
}

fn summarise(
    arguments: &DagArguments,
    problem: &Problem,
    outcome: &Outcome,
    strategy: &'static str,
    transfer_start: TransferStart,
    walls: &mut [f64],
) -> DagResult {
    let latencies = &outcome.streams[0].latencies;
    let total: u128 = latencies.iter().map(|(_, latency)| u128::from(latency.0)).sum();
    walls.sort_by(f64::total_cmp);
    let wall = walls[walls.len() / 2];
    DagResult {
        schema_version: 1,
        tool: "hetsoc",
        tool_version: env!("CARGO_PKG_VERSION"),
        name: problem.streams[0].name.clone(),
        strategy,
        network: match arguments.network {
            NetworkArgument::ContentionFree => "contention-free",
            NetworkArgument::SharedBus => "shared-bus",
        },
        transfer_start: transfer_start.id(),
        makespan_us: outcome.makespan.micros(),
        sum_of_finish_times_us: outcome.finish_sum_ps as f64 / 1e6,
        mean_latency_us: total as f64 / 1e6 / latencies.len().max(1) as f64,
        remote_transfers: outcome.remote_transfers,
        tasks: outcome.operators,
        strategy_notes: Vec::new(),
        placements: None,
        timing: arguments.timing.then(|| Timing {
            repeats: arguments.repeat,
            wall_seconds: wall,
            tasks_per_second: outcome.operators as f64 / wall,
        }),
    }
}

fn table(result: &DagResult, problem: &Problem) -> String {
    let mut text = format!(
        "{}: {} tasks on {} processors, {}, {} network, transfers start at {}\n\n",
        result.name,
        result.tasks,
        problem.platform.executors.len(),
        result.strategy,
        result.network,
        result.transfer_start,
    );
    let rows = [
        ("makespan", format!("{:.3} us", result.makespan_us)),
        ("mean latency", format!("{:.3} us", result.mean_latency_us)),
        ("sum of finish times", format!("{:.3} us", result.sum_of_finish_times_us)),
        ("remote transfers", result.remote_transfers.to_string()),
    ];
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<20} {value:>24}");
    }
    for note in &result.strategy_notes {
        let _ = writeln!(text, "{:<20} {note}", result.strategy);
    }
    if let Some(timing) = &result.timing {
        let _ = writeln!(text, "{:<20} {:>22.6} s", "wall time (median)", timing.wall_seconds);
        let _ = writeln!(text, "{:<20} {:>20.0} /s", "tasks", timing.tasks_per_second);
    }
    if let Some(placements) = &result.placements {
        let _ = writeln!(
            text,
            "\n{:>8} {:>8}  {:<16} {:>18} {:>18}",
            "instance", "task", "processor", "start us", "finish us"
        );
        for p in placements {
            let name = &problem.platform.executors[p.processor as usize].name;
            let _ = writeln!(
                text,
                "{:>8} {:>8}  {name:<16} {:>18.6} {:>18.6}",
                p.instance, p.task, p.start_us, p.finish_us
            );
        }
    }
    text
}

fn csv(result: &DagResult) -> String {
    if let Some(placements) = &result.placements {
        let mut text = "instance,task,processor,start_us,finish_us\n".to_owned();
        for p in placements {
            let _ =
                writeln!(text, "{},{},{},{},{}", p.instance, p.task, p.processor, p.start_us, p.finish_us);
        }
        return text;
    }
    format!(
        "makespan_us,sum_of_finish_times_us,mean_latency_us,remote_transfers,tasks\n{},{},{},{},{}\n",
        result.makespan_us,
        result.sum_of_finish_times_us,
        result.mean_latency_us,
        result.remote_transfers,
        result.tasks
    )
}
