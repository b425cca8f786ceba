//! A strategy that another process is: JSON lines over its standard input and output (docs/FORMATS.md, External strategies).
//!
//! The process is told what a strategy sees before the run in one line, `hetsoc-view/1`, and answers with plans (`hetsoc-plan/1`), with
//! `{"error": "why not"}`, or with `hetsoc-online/1`: it will decide during the run. Then every occasion is a line to it, and its
//! placements are a line back. Its standard error goes to ours.
//!
//! It is I/O, which strategies do not do, so it sits here and is handed to the simulation as any [`Strategy`]. What it answers is checked like a
//! plan from a file; a process that fails ends the run through [`Strategy::fault`]. Whether a run can be repeated is up to the process: it
//! should depend on its input only. With `--save-plan` a plan can be kept and replayed.

mod online;
mod process;
mod question;

use super::plan_file::read_plans;
use crate::diagnostics::{SourceText, printable};
use crate::strategy::{
    Decision, Granularity, Occasion, Plan, PlanningView, RunView, Strategy, StrategyError, StrategySpec,
};
use online::Online;
use process::Conversation;
use serde_json::Value;
use std::time::Duration;

/// Asks a process for plans, or for every placement.
///
/// Granularity: whatever it answers. Decision point: offline or online, as it answers. Reads: everything that the views offer. The process is
/// started anew for every plan. One that plans is ended after its answer; one that decides has its input closed after the run and the time of
/// one answer to end by itself.
#[derive(Debug)]
pub struct ExternalProcess {
    command: Vec<String>,
    timeout: Duration,
    online: Option<Online>,
    fault: Option<StrategyError>,
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
        Ok(Self { command, timeout: Duration::from_secs_f64(seconds), online: None, fault: None })
    }

    /// Plans of an answer that decides beforehand.
    fn planned(
        conversation: &Conversation,
        answer: &str,
        streams: &[PlanningView<'_>],
        first: &PlanningView<'_>,
    ) -> Result<Vec<Plan>, StrategyError> {
        let sizes: Vec<usize> = streams.iter().map(|view| view.dag.len()).collect();
        let source = SourceText::new("<answer of the process>", answer.to_owned());
        let stored = read_plans(&source, first.platform, &sizes).map_err(|error| {
            StrategyError::Process(conversation.fault(answer, &format!("no usable plan: {error}")))
        })?;
        if stored.splits.iter().any(|splits| !splits.is_empty()) {
            let problem = "it cuts operators, which an external strategy cannot";
            return Err(StrategyError::Process(conversation.fault(answer, problem)));
        }
        Ok(stored.plans)
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
        self.close();
        self.fault = None;
        let Some(first) = streams.first() else { return Ok(Vec::new()) };
        let mut conversation =
            Conversation::start(&self.command, self.timeout).map_err(|what| problem(&what))?;
        let question = question::view(streams, first.platform).to_string();
        let answer = conversation.ask(&question).map_err(StrategyError::Process)?;
        let value = serde_json::from_str::<Value>(&answer);
        if let Some(why) = value.as_ref().ok().and_then(|value| value.get("error")) {
            return Err(StrategyError::Process(refusal(why)));
        }
        if value.is_ok_and(|value| value.get("schema").and_then(Value::as_str) == Some(online::SCHEMA)) {
            let (online, plans) = Online::new(conversation, &answer, streams)?;
            self.online = Some(online);
            return Ok(plans);
        }
        Self::planned(&conversation, &answer, streams, first)
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let Some(online) = &mut self.online else { return };
        if let Err(fault) = online.react(occasion, view, decisions) {
            decisions.clear();
            self.fault = Some(StrategyError::Process(fault));
            // It would only be asked again.
            self.online = None;
        }
    }

    fn fault(&mut self) -> Option<StrategyError> {
        self.fault.take()
    }
}

impl ExternalProcess {
    /// Lets a process that decided during a run end.
    fn close(&mut self) {
        if let Some(online) = self.online.take() {
            online.finish();
        }
    }
}

impl Drop for ExternalProcess {
    fn drop(&mut self) {
        self.close();
    }
}

fn refusal(why: &Value) -> String {
    let why = why.as_str().map_or_else(|| why.to_string(), str::to_owned);
    format!("the process refuses: {}", printable(&why))
}

fn problem(problem: &str) -> StrategyError {
    StrategyError::Parameter { strategy: "external".to_owned(), problem: problem.to_owned() }
}
