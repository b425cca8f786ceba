//! Why a request took as long as it did: its critical path in parts that add up to its latency, why each
//! operator ran where it did, what bound it, and bounds on what improving one thing could save.

mod attribution;
mod difference;
mod matching;
mod played;
mod reasons;
mod request;
mod what_if;

use crate::config::Assembled;
use crate::physics::Bound;
use crate::record::{CriticalStep, RunRecord, StepKind, critical_path};
use crate::simulation::SimulationError;
use crate::simulation::observer::RequestId;
use crate::soc::ExecutorId;
use crate::units::SimDuration;
use played::{Mechanisms, Played, planning};
use request::choose;
use serde::Serialize;
use std::collections::BTreeMap;

pub use attribution::Cause;
pub use difference::{CauseDifference, Difference, OperatorDifference, Side, explain_difference};
pub use what_if::WhatIf;

/// What to explain.
#[derive(Debug, Clone, Default)]
pub struct ExplainOptions {
    /// Stream by name; absent: the first.
    pub stream: Option<String>,
    /// Request by number; absent: the slowest that counts.
    pub request: Option<u32>,
    /// How many operators of the critical path get a what-if bound of their own, longest first.
    pub operators: usize,
}

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// There is no such stream or request.
    #[error("{0}")]
    Nothing(String),
    /// The parts do not add up: a fault of the program.
    #[error("the critical path of request {request} covers {path_ps} ps of {latency_ps} ps")]
    Unbalanced {
        /// The request.
        request: u32,
        /// What the path covers.
        path_ps: i128,
        /// The request's latency.
        latency_ps: u64,
    },
}

/// Classes of time on a critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The request waited in its queue.
    Queue,
    /// Execution limited by arithmetic.
    Compute,
    /// Execution limited by the memory that the working set streams from.
    Memory,
    /// Execution above the time alone, because others used main memory.
    BandwidthShare,
    /// Execution above the time alone, because others had pushed its data out of a shared cache.
    Cache,
    /// Execution and dispatching above the time at the reference clocks.
    Clocks,
    /// Competing work had a core of the executor.
    Suspended,
    /// Dispatching single operators.
    Dispatch,
    /// Invoking an executor and converting layouts.
    Invocation,
    /// Deciding how the request runs: planning again, changing the plan.
    Planning,
    /// Moving tensors between processors or from and to the host: synchronisation and bytes.
    Transfer,
    /// Waiting for an executor that worked for another request.
    Contention,
    /// Waiting for what the record does not tell (partner cores, a strategy's delay, a bus).
    Waiting,
}

impl Part {
    /// Words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Queue => "waiting in the queue",
            Self::Compute => "execution, compute-bound",
            Self::Memory => "execution, memory-bound",
            Self::BandwidthShare => "execution slowed by others' memory traffic",
            Self::Cache => "execution slowed by others in the caches",
            Self::Clocks => "execution slowed by clocks below the reference",
            Self::Suspended => "suspended for competing work",
            Self::Dispatch => "dispatching operators",
            Self::Invocation => "invoking executors and converting layouts",
            Self::Planning => "deciding how the request runs",
            Self::Transfer => "transfers and synchronisation",
            Self::Contention => "executor busy with another request",
            Self::Waiting => "other waiting",
        }
    }
}

/// A share of the latency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartTime {
    /// Which.
    pub part: Part,
    /// Time in picoseconds; the parts add up to the latency exactly. Clocks above the reference
    /// make theirs negative.
    pub time_ps: i128,
    /// Share of the latency in percent.
    pub percent: f64,
}

/// A step of the critical path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Start, counted from the request's arrival, in milliseconds.
    pub start_ms: f64,
    /// Length in picoseconds.
    pub time_ps: u64,
    /// How the length divides.
    pub parts: Vec<(Part, i128)>,
    /// What happened.
    pub what: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// Why it ran there; operators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What bound it; operators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    #[serde(skip)]
    operator: Option<u32>,
}

/// An explained request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Version of this structure.
    pub schema_version: u32,
    /// The scenario.
    pub scenario: String,
    /// The strategy with its parameters.
    pub strategy: String,
    /// The stream.
    pub stream: String,
    /// The request's number.
    pub request: u32,
    /// Latency in picoseconds, arrival to finish.
    pub latency_ps: u64,
    /// The same in milliseconds.
    pub latency_ms: f64,
    /// Parts of the latency, largest first.
    pub parts: Vec<PartTime>,
    /// The critical path from arrival to finish.
    pub path: Vec<Step>,
    /// Bounds on what one change could save.
    pub what_if: Vec<WhatIf>,
    /// What those bounds are.
    pub what_if_definition: &'static str,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

/// Words that go with every bound.
const DEFINITION: &str = "latency of this request when the whole scenario is simulated again with that cost set to 0, for every request of \
     the stream, under the same plan, placements, arrivals and run-to-run variation; no real change saves more under this plan, another plan might";

/// Simulates a scenario and explains one of its requests.
///
/// # Errors
/// [`ExplainError`] when the run fails or there is no such request.
pub fn explain(assembled: &mut Assembled, options: &ExplainOptions) -> Result<Explanation, ExplainError> {
    let mut played = Played::new(assembled)?;
    let mechanisms = Mechanisms::of(assembled, &mut played)?;
    let Played { record, mut frozen, schedules, .. } = played;
    let problem = &assembled.problem;
    let id = choose(&record, problem, options)?;
    let finished = record.request(id).and_then(crate::record::RequestRecord::latency);
    let (Some(latency), Some(path)) = (finished, critical_path(&record, id)) else {
        return Err(ExplainError::Nothing(format!("request {} did not finish", id.number)));
    };
    let planning = planning(&schedules, &record, id);
    let view = View { assembled, record: &record, id, mechanisms: &mechanisms, planning };
    let arrived = record.request(id).map(|request| request.arrived).unwrap_or_default();
    let steps: Vec<Step> = path.iter().map(|step| view.step(step, arrived)).collect();
    let mut totals: BTreeMap<Part, i128> = BTreeMap::new();
    for &(part, time) in steps.iter().flat_map(|step| &step.parts) {
        *totals.entry(part).or_default() += time;
    }
    let path_ps: i128 = totals.values().sum();
    if path_ps != i128::from(latency.0) {
        return Err(ExplainError::Unbalanced { request: id.number, path_ps, latency_ps: latency.0 });
    }
    let mut parts: Vec<PartTime> = totals
        .into_iter()
        .map(|(part, time_ps)| PartTime {
            part,
            time_ps,
            percent: if latency.0 == 0 { 0.0 } else { 100.0 * time_ps as f64 / latency.0 as f64 },
        })
        .collect();
    parts.sort_by_key(|part| (std::cmp::Reverse(part.time_ps), part.part));
    let longest = longest_operators(&steps, options.operators);
    let what_if = what_if::bounds(problem, &mut frozen, &assembled.labels, id, latency, &longest)?;
    Ok(Explanation {
        schema_version: 1,
        scenario: record.labels.scenario.clone(),
        strategy: assembled.strategy_spec.clone(),
        stream: record.labels.stream(id.stream),
        request: id.number,
        latency_ps: latency.0,
        latency_ms: latency.millis(),
        parts,
        path: steps,
        what_if,
        what_if_definition: DEFINITION,
        warnings: assembled.warnings.iter().chain(&record.warnings).cloned().collect(),
    })
}

/// Operators of a path by the time that they take on it, longest first.
fn longest_operators(steps: &[Step], count: usize) -> Vec<u32> {
    let mut times: BTreeMap<u32, u64> = BTreeMap::new();
    for step in steps {
        if let Some(operator) = step.operator {
            *times.entry(operator).or_default() += step.time_ps;
        }
    }
    let mut longest: Vec<(u64, u32)> = times.into_iter().map(|(operator, time)| (time, operator)).collect();
    longest.sort_by_key(|&(time, operator)| (std::cmp::Reverse(time), operator));
    longest.into_iter().take(count).map(|(_, operator)| operator).collect()
}

/// Everything that explaining a step needs.
struct View<'a> {
    assembled: &'a Assembled,
    record: &'a RunRecord,
    id: RequestId,
    mechanisms: &'a Mechanisms,
    /// The unit that paid for deciding how the request runs, and what that took.
    planning: Option<(u32, SimDuration)>,
}

impl View<'_> {
    fn step(&self, step: &CriticalStep, arrived: crate::units::SimTime) -> Step {
        let labels = &self.record.labels;
        let time = step.duration().0;
        let executor_name = |executor: ExecutorId| labels.executor_name(executor);
        let mut shown = Step {
            start_ms: step.start.since(arrived).millis(),
            time_ps: time,
            parts: Vec::new(),
            what: String::new(),
            executor: None,
            why: None,
            bound: None,
            operator: None,
        };
        let part = match step.kind {
            StepKind::Operator { operator, executor, .. } => {
                shown.operator = Some(operator);
                shown.what = self.operator_words(operator);
                shown.executor = Some(executor_name(executor));
                shown.why =
                    Some(reasons::why(self.assembled, self.target(), self.id.stream, operator, executor));
                shown.bound = Some(reasons::bound(self.assembled, self.id.stream, operator, executor));
                shown.parts = self.operator_parts(time, operator, executor);
                return shown;
            }
            StepKind::Queued => {
                shown.what = "waits in the queue of its stream".to_owned();
                Part::Queue
            }
            StepKind::Overhead { unit, executor } => {
                shown.what = format!("unit {unit} is invoked, its tensors are converted");
                shown.executor = Some(executor_name(executor));
                if let Some((_, paid)) = self.planning.filter(|(first, _)| *first == unit) {
                    let paid = paid.0.min(time);
                    shown.what = format!("deciding how the request runs; {}", shown.what);
                    shown.parts = [(Part::Planning, paid), (Part::Invocation, time - paid)]
                        .into_iter()
                        .filter(|&(_, time)| time > 0)
                        .map(|(part, time)| (part, i128::from(time)))
                        .collect();
                    return shown;
                }
                Part::Invocation
            }
            StepKind::Transfer { tensor, from, to } => {
                let place =
                    |end: Option<ExecutorId>| end.map_or_else(|| "the host".to_owned(), executor_name);
                let name = labels.tensor_name(self.id.stream, tensor);
                shown.what = format!("{name} crosses from {} to {}", place(from), place(to));
                Part::Transfer
            }
            StepKind::Contended { unit, executor, by } => {
                let other = format!("request {} of {}", by.number, labels.stream(by.stream));
                shown.what = format!("unit {unit} waits while its executor works for {other}");
                shown.executor = Some(executor_name(executor));
                Part::Contention
            }
            StepKind::Waiting { unit } => {
                shown.what = match unit {
                    Some(unit) => format!("unit {unit} waits"),
                    None => "waits".to_owned(),
                };
                Part::Waiting
            }
        };
        shown.parts = vec![(part, i128::from(time))];
        shown
    }

    fn target(&self) -> Option<ExecutorId> {
        self.assembled.strategy.target()
    }

    fn operator_words(&self, operator: u32) -> String {
        let labels = &self.record.labels;
        let name = labels.operator_name(self.id.stream, operator);
        match labels.operator(self.id.stream, operator) {
            Some(label) if !label.op_type.is_empty() => format!("{} {name}", label.op_type),
            _ => name,
        }
    }

    /// Dispatch first; then the time that the operator would have taken alone, then what others' traffic, caches, clocks and
    /// competing work added.
    fn operator_parts(&self, time: u64, operator: u32, executor: ExecutorId) -> Vec<(Part, i128)> {
        let stream = usize::from(self.id.stream);
        let cost = self.assembled.problem.streams.get(stream).and_then(|s| s.costs.get(operator, executor));
        let divided = self.mechanisms.divide(self.id, operator);
        let (Some(cost), Some(divided)) = (cost, divided) else {
            return vec![(Part::Waiting, i128::from(time))];
        };
        let kind = if reasons::memory_bound(
            self.assembled,
            self.id.stream,
            operator,
            executor,
            cost.bound == Bound::Memory,
        ) {
            Part::Memory
        } else {
            Part::Compute
        };
        let dispatch = i128::from(cost.overhead.0).min(divided.laboratory);
        let whole = self.mechanisms.actual(self.id, operator).unwrap_or(0);
        [
            (Part::Dispatch, dispatch),
            (kind, divided.laboratory - dispatch + i128::from(time) - i128::from(whole)),
            (Part::BandwidthShare, divided.bandwidth),
            (Part::Cache, divided.cache),
            (Part::Clocks, divided.clocks),
            (Part::Suspended, divided.suspended),
        ]
        .into_iter()
        .filter(|&(_, time)| time != 0)
        .collect()
    }
}

#[cfg(test)]
mod difference_tests;
#[cfg(test)]
mod tests;
