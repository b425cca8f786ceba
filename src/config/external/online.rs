//! Deciding during the run: an occasion there, placements back.

use super::process::Conversation;
use super::refusal;
use crate::diagnostics::printable;
use crate::soc::{ExecutorId, Platform};
use crate::strategy::{
    Decision, Dispatch, Granularity, Occasion, Plan, PlanningView, ReadyUnit, RunView, StrategyError,
    TransferStart,
};
use crate::units::SimTime;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a process answers that wants to decide during the run.
pub(super) const SCHEMA: &str = "hetsoc-online/1";

/// The answer to the first line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOnline {
    #[serde(rename = "schema")]
    _schema: String,
    /// For each stream its units, each a list of operators.
    #[serde(default)]
    units: Option<Vec<Vec<Vec<u32>>>>,
    #[serde(default)]
    transfer_start: Option<String>,
    /// Whether it wants to hear of finished units.
    #[serde(default)]
    finished: Option<bool>,
}

/// An answer to an occasion.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    #[serde(default)]
    wait: Option<bool>,
    /// Where the unit goes that has become ready.
    #[serde(default)]
    executor: Option<RawExecutor>,
    #[serde(default)]
    place: Option<Vec<RawPlacement>>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlacement {
    stream: u16,
    request: u32,
    unit: u32,
    executor: RawExecutor,
}

/// An executor by number or by name.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an executor goes by its number or its name")]
enum RawExecutor {
    Number(u64),
    Name(String),
}

/// A process that decides during the run.
#[derive(Debug)]
pub(super) struct Online {
    conversation: Conversation,
    transfer_start: TransferStart,
    hears_of_ends: bool,
    /// Streams of the run by their number in the first line, which leaves those out that have a place of their own.
    streams: Vec<u16>,
    /// Units that are ready and not placed, in the order in which they became ready.
    open: Vec<ReadyUnit>,
    /// How many completed requests of each stream it knows.
    told: Vec<usize>,
    /// When each resource will have worked off what was placed there, as is believed.
    free: Vec<SimTime>,
}

impl Online {
    /// What the process asks for in its first answer: units, and no executors.
    pub(super) fn new(
        conversation: Conversation,
        answer: &str,
        streams: &[PlanningView<'_>],
    ) -> Result<(Self, Vec<Plan>), StrategyError> {
        let refuse = |problem: &str| StrategyError::Process(conversation.fault(answer, problem));
        let raw: RawOnline = serde_json::from_str(answer).map_err(|error| refuse(&error.to_string()))?;
        let transfer_start = match raw.transfer_start.as_deref() {
            None | Some("assignment") => TransferStart::Assignment,
            Some("producer-finish") => TransferStart::ProducerFinish,
            Some(_) => return Err(refuse("transfer_start is `assignment` or `producer-finish`")),
        };
        let plans = match raw.units {
            Some(units) if units.len() != streams.len() => {
                return Err(refuse(&format!(
                    "units has {} lists, but there are {} streams",
                    units.len(),
                    streams.len()
                )));
            }
            Some(units) => {
                // Whether they fit the graphs is checked like any plan.
                let plan = |units: &Vec<Vec<u32>>| {
                    let mut plan = Plan::new(Dispatch::AtReady, transfer_start);
                    units.iter().for_each(|unit| plan.push(unit, None));
                    plan
                };
                units.iter().map(plan).collect()
            }
            None => streams
                .iter()
                .map(|view| {
                    let mut plan = Plan::new(Dispatch::AtReady, transfer_start);
                    let order = view.dag.topological_order();
                    match view.granularity {
                        Granularity::Operator => order.iter().for_each(|&operator| plan.push(&[operator], None)),
                        Granularity::Task => plan.push(&order, None),
                        Granularity::SubGraph | Granularity::Slice => {
                            return Err(refuse(&format!(
                                "at granularity {} it has to say `units`, for each stream a list of lists of operators",
                                view.granularity.id()
                            )));
                        }
                    }
                    Ok(plan)
                })
                .collect::<Result<_, _>>()?,
        };
        let online = Self {
            conversation,
            transfer_start,
            hears_of_ends: raw.finished.unwrap_or(true),
            streams: Vec::new(),
            open: Vec::new(),
            told: Vec::new(),
            free: Vec::new(),
        };
        Ok((online, plans))
    }

    /// Tells what has happened and takes the placements.
    pub(super) fn react(
        &mut self,
        occasion: Occasion,
        view: &RunView<'_>,
        decisions: &mut Vec<Decision>,
    ) -> Result<(), String> {
        if self.free.is_empty() {
            self.free = vec![SimTime::ZERO; view.platform.resources.len()];
            let own = |stream: &u16| {
                view.graphs.get(usize::from(*stream)).is_some_and(|g| g.is_empty() || g.planned(0).is_none())
            };
            self.streams = (0..view.graphs.len() as u16).filter(own).collect();
            self.told = vec![0; self.streams.len()];
        }
        let (unit, line) = match occasion {
            Occasion::Ready(unit) => {
                self.open.push(unit);
                (unit, self.line("ready", unit, view))
            }
            Occasion::Finished { unit, executor } => {
                if !self.hears_of_ends {
                    return Ok(());
                }
                let mut line = self.line("finished", unit, view);
                line["executor"] = json!(executor.0);
                (unit, line)
            }
        };
        let answer = self.conversation.ask(&line.to_string())?;
        let ready = matches!(occasion, Occasion::Ready(_)).then_some(unit);
        self.take(&answer, ready, view, decisions)
            .map_err(|problem| self.conversation.fault(&answer, &problem))
    }

    /// Number of a stream in the first line.
    fn number(&self, stream: u16) -> usize {
        self.streams.iter().position(|own| *own == stream).unwrap_or(usize::from(stream))
    }

    fn line(&mut self, occasion: &str, unit: ReadyUnit, view: &RunView<'_>) -> Value {
        let mut completed = Vec::new();
        for (number, (&stream, told)) in self.streams.iter().zip(&mut self.told).enumerate() {
            let all = view.progress.completed(stream);
            for (request, latency) in all.get(*told..).unwrap_or_default() {
                completed.push(json!({ "stream": number, "request": request, "latency_ps": latency.0 }));
            }
            *told = all.len();
        }
        let queues: Vec<Value> = view
            .platform
            .executors
            .iter()
            .map(|executor| {
                let units = executor.resources.iter().map(|r| view.progress.queued(*r)).max().unwrap_or(0);
                // What is believed to remain is nothing where nothing stands.
                let free = executor.resources.iter().filter(|r| view.progress.queued(**r) > 0);
                let free = free.filter_map(|r| self.free.get(usize::from(r.0))).max();
                json!({ "units": units, "backlog_ps": free.map_or(0, |free| free.since(view.now).0) })
            })
            .collect();
        let open: Vec<Value> = self
            .open
            .iter()
            .map(|unit| {
                json!({
                    "stream": self.number(unit.request.stream),
                    "request": unit.request.number,
                    "unit": unit.unit,
                    "arrived_ps": view.progress.arrived(*unit).0,
                    "candidates": self.candidates(*unit, view),
                })
            })
            .collect();
        json!({
            "occasion": occasion,
            "time_ps": view.now.0,
            "stream": self.number(unit.request.stream),
            "request": unit.request.number,
            "unit": unit.unit,
            "open": open,
            "queues": queues,
            "completed": completed,
            "dropped": self.streams.iter().map(|stream| view.progress.dropped(*stream)).collect::<Vec<_>>(),
        })
    }

    /// Time until the data of a unit is at an executor.
    fn data_at(&self, unit: ReadyUnit, executor: ExecutorId, view: &RunView<'_>) -> SimTime {
        match self.transfer_start {
            TransferStart::Assignment => view.now + view.transfer(unit, executor),
            TransferStart::ProducerFinish => view.transfer_since_finish(unit, executor).max(view.now),
        }
    }

    /// Executors that can run a unit.
    fn candidates(&self, unit: ReadyUnit, view: &RunView<'_>) -> Vec<Value> {
        let executors = (0..view.platform.executors.len() as u16).map(ExecutorId);
        let able = executors.filter_map(|executor| Some((executor, view.execution(unit, executor)?)));
        able.map(|(executor, time)| {
            let transfer = self.data_at(unit, executor, view).since(view.now);
            json!({ "executor": executor.0, "execution_ps": time.0, "transfer_ps": transfer.0 })
        })
        .collect()
    }

    fn take(
        &mut self,
        answer: &str,
        ready: Option<ReadyUnit>,
        view: &RunView<'_>,
        decisions: &mut Vec<Decision>,
    ) -> Result<(), String> {
        const FORMS: &str = "an answer is {\"executor\": E}, {\"place\": [{\"stream\": S, \"request\": R, \"unit\": U, \"executor\": E}]}, \
                             {\"wait\": true} or {\"error\": \"why\"}";
        let raw: RawAnswer = serde_json::from_str(answer).map_err(|error| format!("{error}; {FORMS}"))?;
        match (raw.wait, raw.executor, raw.place, raw.error) {
            (None, None, None, Some(why)) => Err(refusal(&why)),
            (Some(true), None, None, None) => Ok(()),
            (None, Some(executor), None, None) => {
                let unit = ready.ok_or(
                    "a unit has finished and none become ready; say which one to `place`, or `wait`",
                )?;
                self.place(unit, &executor, view, decisions)
            }
            (None, None, Some(placements), None) => {
                for raw in placements {
                    let stream = self.streams.get(usize::from(raw.stream)).copied();
                    let open = self.open.iter().find(|unit| {
                        Some(unit.request.stream) == stream
                            && (unit.request.number, unit.unit) == (raw.request, raw.unit)
                    });
                    let unit = *open.ok_or_else(|| {
                        format!(
                            "unit {} of request {} of stream {} does not wait for a placement; `open` names those that do",
                            raw.unit, raw.request, raw.stream
                        )
                    })?;
                    self.place(unit, &raw.executor, view, decisions)?;
                }
                Ok(())
            }
            _ => Err(FORMS.to_owned()),
        }
    }

    fn place(
        &mut self,
        unit: ReadyUnit,
        executor: &RawExecutor,
        view: &RunView<'_>,
        decisions: &mut Vec<Decision>,
    ) -> Result<(), String> {
        let executor = named(executor, view.platform)?;
        let Some(time) = view.execution(unit, executor) else {
            let name = printable(&view.platform.executor(executor).name);
            return Err(format!(
                "unit {} cannot run on {name}; `candidates` names who can run it",
                unit.unit
            ));
        };
        let data = self.data_at(unit, executor, view);
        let resources = &view.platform.executor(executor).resources;
        let queued = |at: usize, free: SimTime| {
            let resource = resources.get(at).map_or(0, |resource| view.progress.queued(*resource));
            if resource > 0
                || decisions.iter().any(|Decision::Place { executor: other, .. }| *other == executor)
            {
                free
            } else {
                view.now
            }
        };
        let free = |(at, resource): (usize, &crate::soc::ResourceId)| {
            queued(at, self.free.get(usize::from(resource.0)).copied().unwrap_or(view.now))
        };
        let begin = resources.iter().enumerate().map(free).fold(data, SimTime::max);
        for resource in resources {
            if let Some(free) = self.free.get_mut(usize::from(resource.0)) {
                *free = begin + time;
            }
        }
        self.open.retain(|open| *open != unit);
        decisions.push(Decision::Place { unit, executor });
        Ok(())
    }

    /// The run is over: the process hears it by the end of its input.
    pub(super) fn finish(self) {
        self.conversation.finish();
    }
}

fn named(executor: &RawExecutor, platform: &Platform) -> Result<ExecutorId, String> {
    let count = platform.executors.len();
    let found = match executor {
        RawExecutor::Number(number) => usize::try_from(*number).ok().filter(|number| *number < count),
        RawExecutor::Name(name) => platform.executors.iter().position(|e| e.name == *name),
    };
    found.and_then(|number| u16::try_from(number).ok()).map(ExecutorId).ok_or_else(|| {
        let asked = match executor {
            RawExecutor::Number(number) => number.to_string(),
            RawExecutor::Name(name) => format!("`{}`", printable(name)),
        };
        let names = platform
            .executors
            .iter()
            .enumerate()
            .map(|(number, e)| format!("{number} `{}`", printable(&e.name)));
        format!("there is no executor {asked}; there are {}", names.collect::<Vec<_>>().join(", "))
    })
}
