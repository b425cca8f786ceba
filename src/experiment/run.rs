//! One scenario from start to summary.

use super::memory::memory_summary;
use crate::config::Assembled;
use crate::record::summarizer::{Summarizer, SummaryContext};
use crate::record::summary::{Fallback, ProfilingSummary, RunSetup, RunSummary, Speedup};
use crate::record::{Recorder, RunRecord};
use crate::simulation::memory::resident_weights;
use crate::simulation::observer::{Observer, RequestId};
use crate::simulation::{
    Outcome, Prepared, Problem, ProfilingOutcome, SimulationError, play, prepare, prepare_with,
};
use crate::soc::ExecutorId;
use crate::strategy::{Granularity, Plan, Single, Strategy};
use crate::units::SimTime;

/// Operators that the baseline may play before it is left out.
const BASELINE_BUDGET: u64 = 20_000_000;

/// What to do besides simulating.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// Keep the full record (needed for CSV, figures and traces).
    pub record: bool,
    /// Also simulate the best single executor, to compare with.
    pub baseline: bool,
}

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// The answer.
    pub summary: RunSummary,
    /// Everything that happened, if it was asked for.
    pub record: Option<RunRecord>,
    /// The plans that were played.
    pub plans: Vec<Plan>,
    /// Bare figures of the simulation.
    pub outcome: Outcome,
}

/// Why a scenario could not be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The books do not balance: a fault of the program.
    #[error("the books of the run do not balance: {0}")]
    Accounting(#[from] crate::record::accounting::AccountingError),
}

/// Reports how many requests are done, for progress displays.
struct Progress<'a> {
    done: u64,
    tell: &'a mut dyn FnMut(u64),
}

impl Observer for Progress<'_> {
    fn finished(&mut self, _now: SimTime, _request: RequestId) {
        self.done += 1;
        if self.done.is_multiple_of(1024) {
            (self.tell)(self.done);
        }
    }
}

/// Runs a scenario, compares it with the best single executor, and sums up. `progress` hears of completed requests.
///
/// # Errors
/// [`RunError`] when the strategy or the run fails.
pub fn run_scenario(
    assembled: &mut Assembled,
    options: RunOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<RunResult, RunError> {
    let problem = &assembled.problem;
    let prepared = prepare_with(problem, &mut *assembled.strategy, &assembled.predictor)?;
    let graphs: Vec<_> = problem.streams.iter().filter_map(|stream| stream.operators.as_ref()).collect();
    let complete = graphs.len() == problem.streams.len();
    let graphs = if complete { graphs } else { Vec::new() };
    let mut summarizer = Summarizer::new(assembled.labels.clone(), &problem.platform, &graphs);
    if let Some(memory) = &mut summarizer.memory {
        memory.set_weights(resident_weights(problem));
    }
    let mut progress = Progress { done: 0, tell: progress };
    let mut warnings = assembled.warnings.clone();
    let strategy = &mut *assembled.strategy;
    let (outcome, record) = if options.record {
        let mut observer = (
            (Recorder::new(assembled.labels.clone(), Recorder::DEFAULT_CAP), &mut summarizer),
            &mut progress,
        );
        let outcome = play(problem, &prepared, strategy, &mut observer)?;
        let record = observer.0.0.finish();
        warnings.extend(record.warnings.iter().cloned());
        (outcome, Some(record))
    } else {
        (play(problem, &prepared, strategy, &mut (&mut summarizer, &mut progress))?, None)
    };
    if outcome.truncated {
        let limit = if outcome.events >= problem.limits.events { "limit of events" } else { "time limit" };
        warnings.push(format!(
            "the {limit} ended the run at {}; figures count what was complete by then",
            outcome.end
        ));
    }
    warnings.extend(unstable(problem, &outcome));
    let mut summary =
        summarizer.summary(SummaryContext { input_hashes: assembled.input_hashes.clone(), warnings })?;
    let starts = |plan: &Plan| problem.transfer_start.unwrap_or(plan.transfer_start).id().to_owned();
    if let Some(dynamics) = &outcome.dynamics {
        summarizer.add_dynamics(&mut summary, dynamics);
    }
    summary.setup = Some(RunSetup {
        strategy: assembled.strategy_spec.clone(),
        granularity: problem.granularity.id().to_owned(),
        transfer_start: prepared.plans.first().map_or_else(String::new, starts),
        executors: problem.platform.executors.iter().map(|e| e.name.clone()).collect(),
        predictor: assembled.predictor.to_string(),
        noise: problem.noise,
        ..assembled.setup.clone()
    });
    summary.model_error = assembled.model_errors.clone();
    summary.model_error.retain(|error| uses(problem, &prepared, &error.executor));
    let cost = outcome.profiling;
    summary.profiling = (cost != ProfilingOutcome::default()).then(|| ProfilingSummary {
        offline_ms: cost.offline.millis(),
        observations: cost.observations,
        overhead_ms: cost.overhead.millis(),
    });
    summary.memory = memory_summary(problem, &prepared, &outcome, summary.peak_memory_bytes);
    summary.fallback = fallback(problem, &prepared, strategy);
    let reference = assembled.whole.as_ref().unwrap_or(problem);
    match if options.baseline { baseline(reference) } else { Baseline::None } {
        Baseline::Best(executor, mean_ms) => {
            let all: Vec<f64> = outcome.streams[0].latencies.iter().map(|(_, latency)| latency.millis()).collect();
            if !all.is_empty() {
                let mean = all.iter().sum::<f64>() / all.len() as f64;
                summary.speedup_over_best_single = Some(Speedup {
                    ratio: mean_ms / mean,
                    executor: problem.platform.executor(executor).name.clone(),
                    single_latency_ms: mean_ms,
                    definition: "mean latency of this scenario with the whole model on the best single executor, same \
                                 arrivals and noise / mean latency of this run; completed requests, warm-up included"
                        .to_owned(),
                });
            }
        }
        Baseline::TooLong => summary.warnings.push(format!(
            "the comparison with the best single executor was left out: it would play more than {BASELINE_BUDGET} operators"
        )),
        Baseline::Unknown => summary.warnings.push(
            "the comparison with the best single executor was left out: only a time limit ends this run".to_owned(),
        ),
        Baseline::None => {}
    }
    Ok(RunResult { summary, record, plans: prepared.plans, outcome })
}

/// Whether a plan may place work on an executor.
fn uses(problem: &Problem, prepared: &Prepared, executor: &str) -> bool {
    let id = problem.platform.executor_named(executor);
    prepared.plans.iter().flat_map(Plan::units).any(|unit| unit.executor.is_none() || unit.executor == id)
}

/// Offered load that the platform cannot serve makes averages depend on the length of the run.
fn unstable(problem: &Problem, outcome: &Outcome) -> Option<String> {
    let backlog: u64 = outcome.streams.iter().map(|stream| stream.unfinished).sum();
    let offered: u64 = outcome.streams.iter().map(|stream| stream.offered).sum();
    let open = problem.streams.iter().any(|stream| {
        use crate::simulation::Arrivals::{Periodic, Poisson};
        matches!(stream.arrivals, Periodic { .. } | Poisson { .. })
    });
    (open && backlog > 10 && backlog * 10 > offered)
        .then(|| format!("{backlog} of {offered} requests were unfinished at the end: the load is likely unstable, and mean latency grows with the length of the run"))
}

/// The share of operators and of multiply-accumulates that a plan places away from the strategy's target.
fn fallback(problem: &Problem, prepared: &Prepared, strategy: &dyn Strategy) -> Option<Fallback> {
    let target = strategy.target()?;
    let (mut operators, mut away) = (0u64, 0u64);
    let (mut macs, mut macs_away) = (0u128, 0u128);
    let residence = prepared.memory.as_deref().and_then(|memory| memory.residence.as_ref());
    let mut kept_off = 0;
    for (number, (stream, plan)) in (0u16..).zip(problem.streams.iter().zip(&prepared.plans)) {
        let graph = stream.operators.as_ref()?;
        for unit in plan.units() {
            let executor = unit.executor?;
            for &operator in unit.operators {
                // Not the executor's support, its memory is the reason.
                if residence.is_some_and(|residence| residence.is_off(number, operator, target)) {
                    kept_off += 1;
                    continue;
                }
                let operator = &graph.operators[operator as usize];
                operators += 1;
                macs += u128::from(operator.macs);
                if executor != target {
                    away += 1;
                    macs_away += u128::from(operator.macs);
                }
            }
        }
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    Some(Fallback {
        ratio_operators: share(away as f64, operators as f64),
        ratio_macs: share(macs_away as f64, macs as f64),
        kept_off_by_memory: (kept_off > 0).then_some(kept_off),
        definition: format!(
            "operators (multiply-accumulates) of the lowered graph that the plan places elsewhere than on `{}` / all of them; \
             operators fused into others do not count, views that cost nothing do",
            problem.platform.executor(target).name
        ),
    })
}

enum Baseline {
    Best(ExecutorId, f64),
    /// It would play too many operators.
    TooLong,
    /// Only a time limit ends the run.
    Unknown,
    /// Nothing to compare with.
    None,
}

/// Mean latency of the scenario on the best single executor, by simulating it on each. A strategy `single` that chose the
/// best by itself is still compared with all, so that a wrong belief shows.
fn baseline(problem: &Problem) -> Baseline {
    let [stream] = problem.streams.as_slice() else { return Baseline::None };
    let able: Vec<ExecutorId> = (0..problem.platform.executors.len() as u16)
        .map(ExecutorId)
        .filter(|&e| (0..stream.dag.len() as u32).all(|op| stream.costs.get(op, e).is_some()))
        .collect();
    let known = [stream.arrivals.count(), problem.stop_after].into_iter().flatten().min();
    let Some(requests) = known else { return Baseline::Unknown };
    let operators = requests.saturating_mul(stream.dag.len() as u64).saturating_mul(able.len() as u64);
    if operators > BASELINE_BUDGET {
        return Baseline::TooLong;
    }
    let task = Problem { granularity: Granularity::Task, ..problem.clone() };
    let mut best: Option<(f64, ExecutorId)> = None;
    for executor in able {
        let mut single = Single::new(Some(executor));
        let Ok(prepared) = prepare(&task, &mut single) else { continue };
        let Ok(outcome) = play(&task, &prepared, &mut single, &mut ()) else { continue };
        let latencies = &outcome.streams[0].latencies;
        if latencies.is_empty() {
            continue;
        }
        let mean =
            latencies.iter().map(|(_, latency)| latency.millis()).sum::<f64>() / latencies.len() as f64;
        if best.is_none_or(|(least, _)| mean < least) {
            best = Some((mean, executor));
        }
    }
    best.map_or(Baseline::None, |(mean, executor)| Baseline::Best(executor, mean))
}

/// Conditions of `--fail-if`, such as `p99_ms > 33`.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    conditions: Vec<(String, bool, f64)>,
}

impl Thresholds {
    /// Names that a condition can use.
    pub const METRICS: &'static [&'static str] = &[
        "mean_ms",
        "median_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "max_ms",
        "energy_mj",
        "energy_per_inference_mj",
        "dropped",
        "peak_memory_bytes",
        "speedup",
        "fallback_operators",
        "fallback_macs",
        "throughput_per_s",
    ];

    /// Parses conditions `METRIC > NUMBER` or `METRIC < NUMBER`.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what is possible.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut conditions = Vec::new();
        for text in texts {
            let (position, above) = match (text.find('>'), text.find('<')) {
                (Some(at), None) => (at, true),
                (None, Some(at)) => (at, false),
                _ => {
                    return Err(format!(
                        "`{text}` is no condition; write METRIC > NUMBER or METRIC < NUMBER"
                    ));
                }
            };
            let metric = text[..position].trim();
            if !Self::METRICS.contains(&metric) {
                return Err(format!("there is no metric `{metric}`; there are {}", Self::METRICS.join(", ")));
            }
            let number = text[position + 1..].trim();
            let limit: f64 = number
                .parse()
                .ok()
                .filter(|limit: &f64| limit.is_finite())
                .ok_or_else(|| format!("`{number}` is not a finite number"))?;
            conditions.push((metric.to_owned(), above, limit));
        }
        Ok(Self { conditions })
    }

    /// The conditions that a summary meets (so that the run fails), in words. A metric that the run does not have fails too.
    #[must_use]
    pub fn violations(&self, summary: &RunSummary) -> Vec<String> {
        let latency = summary.latency_ms.as_ref();
        let value = |metric: &str| match metric {
            "mean_ms" => latency.map(|l| l.mean),
            "median_ms" => latency.map(|l| l.median),
            "p90_ms" => latency.map(|l| l.p90),
            "p95_ms" => latency.map(|l| l.p95),
            "p99_ms" => latency.map(|l| l.p99),
            "max_ms" => latency.map(|l| l.max),
            "energy_mj" => Some(summary.energy_mj),
            "energy_per_inference_mj" => summary.energy_per_inference_mj,
            "dropped" => Some(summary.requests.dropped as f64),
            "peak_memory_bytes" => summary.peak_memory_bytes.map(|b| b as f64),
            "speedup" => summary.speedup_over_best_single.as_ref().map(|s| s.ratio),
            "fallback_operators" => summary.fallback.as_ref().map(|f| f.ratio_operators),
            "fallback_macs" => summary.fallback.as_ref().map(|f| f.ratio_macs),
            "throughput_per_s" => summary.throughput_per_s,
            _ => None,
        };
        let mut met = Vec::new();
        for (metric, above, limit) in &self.conditions {
            let sign = if *above { '>' } else { '<' };
            match value(metric) {
                None => met.push(format!("{metric} {sign} {limit}: this run has no {metric}")),
                Some(found) if (*above && found > *limit) || (!*above && found < *limit) => {
                    met.push(format!("{metric} {sign} {limit}: it is {found}"));
                }
                Some(_) => {}
            }
        }
        met
    }
}
