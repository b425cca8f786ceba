//! A strategy that another process is: one JSON line out, one JSON line in.
//!
//! The process gets one line on its standard input, `hetsoc-view/1`: `executors[] {name, kind, resources[], invocation_ps}`,
//! `crossings[] {from, to, latency_ps, bytes_per_second, conversion_bytes_per_second}` (`null`: infinitely fast; pairs that cost nothing are
//! left out), `granularity`, and `streams[] {operators[] {name, time_ps[]}, edges[] [source, target, bytes], deadline_ps, priority,
//! period_ps}`, where `time_ps` has the believed time on every executor, `null` where the operator cannot run. It answers with one line on its
//! standard output: plans (`hetsoc-plan/1`), or `{"error": "why not"}`. Its standard error goes to ours.
//!
//! The answer is checked like a plan from a file. Whether a run can be repeated is then up to the process: it should depend on its
//! input only. With `--save-plan` what it answered can be kept and replayed.

use super::plan_file::read_plans;
use crate::diagnostics::{SourceText, printable};
use crate::soc::{Crossing, ExecutorId, Platform};
use crate::strategy::{Granularity, Plan, PlanningView, Strategy, StrategyError, StrategySpec};
use crate::units::BytesPerSec;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest answer that is read.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Asks a process for plans.
///
/// Granularity: whatever it answers. Decision point: offline. Reads: everything that the view offers. The process is started anew for every
/// plan and ended after its answer, or when it has not answered in time.
#[derive(Debug, Clone)]
pub struct ExternalProcess {
    command: Vec<String>,
    timeout: Duration,
}

impl ExternalProcess {
    /// From `external[command=python3 policy.py,timeout-seconds=10]`.
    ///
    /// # Errors
    /// [`StrategyError::Parameter`] without a command, or with a time-out that is no positive number.
    pub fn new(spec: &StrategySpec) -> Result<Self, StrategyError> {
        let words = spec.parameters.get("command").map_or("", String::as_str);
        let command: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        if command.is_empty() {
            return Err(problem("it needs command=PROGRAM ARGUMENTS"));
        }
        if let Some(other) =
            spec.parameters.keys().find(|key| !["command", "timeout-seconds"].contains(&key.as_str()))
        {
            return Err(problem(&format!("unknown parameter `{other}`; it takes command, timeout-seconds")));
        }
        let text = spec.parameters.get("timeout-seconds").map_or("30", String::as_str);
        let seconds: f64 = text.parse().unwrap_or(f64::NAN);
        if !(seconds > 0.0 && seconds <= 86_400.0) {
            return Err(problem(&format!(
                "timeout-seconds is `{text}`; it must be above 0 and at most 86400"
            )));
        }
        Ok(Self { command, timeout: Duration::from_secs_f64(seconds) })
    }

    fn ask(&self, question: &str) -> Result<String, StrategyError> {
        let name = self.command.join(" ");
        let mut child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| problem(&format!("cannot start `{name}`: {error}")))?;
        let answer = self.converse(&mut child, question);
        // It has answered, or never will.
        let _ = child.kill();
        let status = child.wait();
        let line = answer.map_err(|what| problem(&format!("`{name}` {what}")))?;
        if line.trim().is_empty() {
            let code = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(problem(&format!("`{name}` ended without an answer ({code})")));
        }
        Ok(line)
    }

    fn converse(&self, child: &mut Child, question: &str) -> Result<String, String> {
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("has no pipes".to_owned());
        };
        let (send, receive) = mpsc::channel();
        // A process that does not read blocks the writer, one that does not write the reader: neither may block us.
        let question = format!("{question}\n");
        std::thread::spawn(move || {
            let _ = input.write_all(question.as_bytes()).and_then(|()| input.flush());
        });
        std::thread::spawn(move || {
            let mut line = String::new();
            let result = BufReader::new(output.take(MOST_BYTES)).read_line(&mut line);
            let _ = send.send(result.map(|_| line));
        });
        match receive.recv_timeout(self.timeout) {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(format!("answered what cannot be read: {error}")),
            Err(_) => {
                Err(format!("did not answer within {} s (timeout-seconds)", self.timeout.as_secs_f64()))
            }
        }
    }
}

impl Strategy for ExternalProcess {
    fn id(&self) -> &'static str {
        "external"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let Some(first) = streams.first() else { return Ok(Vec::new()) };
        let answer = self.ask(&view(streams, first.platform).to_string())?;
        if let Ok(value) = serde_json::from_str::<Value>(&answer)
            && let Some(why) = value.get("error")
        {
            let why = why.as_str().map_or_else(|| why.to_string(), str::to_owned);
            return Err(problem(&format!("the process refuses: {}", printable(&why))));
        }
        let sizes: Vec<usize> = streams.iter().map(|view| view.dag.len()).collect();
        let stored = read_plans(&SourceText::new("<answer of the process>", answer), first.platform, &sizes)
            .map_err(|error| problem(&format!("the process answered no usable plan: {error}")))?;
        if stored.splits.iter().any(|splits| !splits.is_empty()) {
            return Err(problem("the process cuts operators, which an external strategy cannot"));
        }
        if stored.schedules.iter().any(|schedule| !schedule.entries.is_empty()) {
            return Err(problem("the process answered a schedule; an external strategy plans beforehand"));
        }
        Ok(stored.plans)
    }
}

fn problem(problem: &str) -> StrategyError {
    StrategyError::Parameter { strategy: "external".to_owned(), problem: problem.to_owned() }
}

fn rate(rate: BytesPerSec) -> Value {
    if rate.0.is_finite() { json!(rate.0) } else { Value::Null }
}

fn view(streams: &[PlanningView<'_>], platform: &Platform) -> Value {
    let granularity = streams.first().map(|view| view.granularity.id());
    let executors: Vec<Value> = platform
        .executors
        .iter()
        .map(|e| {
            json!({
                "name": e.name,
                "kind": e.kind.id(),
                "resources": e.resources.iter().map(|r| r.0).collect::<Vec<_>>(),
                "invocation_ps": e.invocation.0,
            })
        })
        .collect();
    let count = platform.executors.len() as u16;
    let mut crossings = Vec::new();
    for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
        let crossing = platform.crossing(ExecutorId(from), ExecutorId(to));
        if *crossing != Crossing::NONE {
            crossings.push(json!({
                "from": from,
                "to": to,
                "latency_ps": crossing.latency.0,
                "bytes_per_second": rate(crossing.bandwidth),
                "conversion_bytes_per_second": rate(crossing.conversion),
            }));
        }
    }
    let streams: Vec<Value> = streams
        .iter()
        .map(|view| {
            let time = |op, e| view.estimates.execution(op, ExecutorId(e)).map(|time| time.0);
            let operator = |op| {
                let times: Vec<Option<u64>> = (0..count).map(|e| time(op, e)).collect();
                json!({ "name": view.operator_name(op), "time_ps": times })
            };
            let edges: Vec<Value> = (0..view.dag.len() as u32)
                .flat_map(|op| {
                    view.dag.successors(op).iter().map(move |link| json!([op, link.node, link.bytes]))
                })
                .collect();
            json!({
                "operators": (0..view.dag.len() as u32).map(operator).collect::<Vec<_>>(),
                "edges": edges,
                "deadline_ps": view.service.deadline.map(|deadline| deadline.0),
                "priority": view.service.priority,
                "period_ps": view.period.map(|period| period.0),
            })
        })
        .collect();
    json!({
        "schema": "hetsoc-view/1",
        "granularity": granularity,
        "executors": executors,
        "crossings": crossings,
        "streams": streams,
    })
}
