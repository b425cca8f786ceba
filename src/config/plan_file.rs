//! Plans as JSON, `hetsoc-plan/1`.
//!
//! One object: `schema` (`hetsoc-plan/1`), `dispatch` (`at-ready`, `sequential`, `in-order`), `transfer_start`
//! (`assignment`, `producer-finish`), and `streams[]`, each with `operators` (how many the graph must have) and
//! `units[] {operators[], executor}` in order. Executors go by name. Where `queue_order` is `by-key` or `by-key-from-arrival` (default:
//! `fifo`), every unit has `key_ps`, its place in the queues.
//!
//! Plans that cut operators add `splits[] {operators[], dimension, cuts[], owner}` to a stream: which operators of the whole graph are cut, along `height` or
//! `output-channels`, where, and which part's executor keeps the whole tensors. `operators` then counts the whole graph, and the units number the operators of the graph of
//! slices that these splits make of it.
//!
//! `hetsoc-plan/2` holds what was decided while a run lasted, too. Units may then lack `executor`; a stream has `versions[]`, further cuts of its graph as lists of units, and
//! `schedule[] {first_request, version, overhead_ps, executors[], later[]}`: how requests from that number on run until the next entry: which cut (0: `units`), what deciding took
//! (the first request pays), the executor of each of its units (null: not reached), and what the first request's units waited for besides being ready,
//! `later[] {unit, event, of, turn}`: `event` is `ready` or `finished`, `of` is `[stream, request, unit]`, `turn` orders what one event let go. Units count on through the versions.

use super::plan_schedule::{RawEntry, entries, raw_entries};
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use crate::graph::partition::{Dimension, Split};
use crate::soc::{ExecutorId, Platform};
use crate::strategy::{Dispatch, NamedClocks, Plan, PlanUnit, QueueOrder, Schedule, TransferStart};
use crate::units::Hertz;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const SCHEMA: &str = "hetsoc-plan/1";
const SCHEDULED: &str = "hetsoc-plan/2";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlans {
    schema: String,
    dispatch: String,
    transfer_start: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue_order: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clocks: Vec<RawClock>,
    streams: Vec<RawPlan>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClock {
    of: String,
    mhz: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    operators: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    splits: Vec<RawSplit>,
    units: Vec<RawUnit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Vec<RawUnit>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    schedule: Vec<RawEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnit {
    operators: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    executor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_ps: Option<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSplit {
    operators: Vec<u32>,
    dimension: String,
    cuts: Vec<u64>,
    owner: usize,
}

/// The plans of a file, with what each stream's graph is cut into first.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPlans {
    /// One for each stream.
    pub plans: Vec<Plan>,
    /// One list for each stream; empty where nothing is cut.
    pub splits: Vec<Vec<Split>>,
    /// Clocks that stay as they are during the run.
    pub clocks: NamedClocks,
    /// One for each stream; empty where nothing was decided during a run.
    pub schedules: Vec<Schedule>,
}

/// Reads plans for a platform; `operators` is the number of operators of each stream's graph.
///
/// # Errors
/// [`InputError`] for a syntax error, another schema, an unknown executor, or a plan made for another graph.
pub fn read_plans(
    source: &Arc<SourceText>,
    platform: &Platform,
    operators: &[usize],
) -> Result<StoredPlans, InputError> {
    let raw: RawPlans = serde_json::from_str(&source.text)
        .map_err(|error| super::json::syntax("plan::syntax", source, &error, "Plans"))?;
    let is_scheduled = raw.schema == SCHEDULED;
    if raw.schema != SCHEMA && !is_scheduled {
        let message = format!(
            "schema is `{}`; this version reads `{SCHEMA}` and `{SCHEDULED}`",
            printable(&raw.schema)
        );
        return Err(Diagnostic::new("plan::schema", message).into());
    }
    let dispatch = match raw.dispatch.as_str() {
        "at-ready" => Dispatch::AtReady,
        "sequential" => Dispatch::Sequential,
        "in-order" => Dispatch::InOrder,
        other => return Err(one_of("dispatch", other, &["at-ready", "sequential", "in-order"])),
    };
    let transfer_start = match raw.transfer_start.as_str() {
        "assignment" => TransferStart::Assignment,
        "producer-finish" => TransferStart::ProducerFinish,
        other => return Err(one_of("transfer_start", other, &["assignment", "producer-finish"])),
    };
    let queue_order = match raw.queue_order.as_deref() {
        None | Some("fifo") => QueueOrder::Fifo,
        Some("by-key") => QueueOrder::ByKey,
        Some("by-key-from-arrival") => QueueOrder::ByKeyFromArrival,
        Some(other) => return Err(one_of("queue_order", other, &["fifo", "by-key", "by-key-from-arrival"])),
    };
    if raw.streams.len() != operators.len() {
        let message = format!("the plan has {} streams, the scenario {}", raw.streams.len(), operators.len());
        return Err(Diagnostic::new("plan::streams", message).into());
    }
    let mut plans = Vec::new();
    let mut splits = Vec::new();
    let mut schedules = Vec::new();
    for (number, (stream, &expected)) in raw.streams.iter().zip(operators).enumerate() {
        if stream.operators != expected {
            let message = format!(
                "not replayable: streams[{number}] is a plan for {} operators, but the graph has {expected}",
                stream.operators
            );
            return Err(Diagnostic::new("plan::operators", message)
                .help("a plan fits one graph lowered by one runtime; make it again for this one")
                .into());
        }
        let head = Head { platform, is_scheduled, dispatch, transfer_start, queue_order };
        plans.push(head.plan(&stream.units, &format!("streams[{number}].units"))?);
        splits.push(stream.splits.iter().map(split).collect::<Result<Vec<_>, _>>()?);
        let has_schedule = !stream.versions.is_empty() || !stream.schedule.is_empty();
        if has_schedule && !is_scheduled {
            let message = format!("streams[{number}] has a schedule, which `{SCHEMA}` does not");
            return Err(Diagnostic::new("plan::schema", message)
                .help(format!("write schema `{SCHEDULED}`, or leave versions and schedule out"))
                .into());
        }
        let versions = (0usize..).zip(&stream.versions);
        let versions = versions
            .map(|(v, units)| head.plan(units, &format!("streams[{number}].versions[{v}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let units: Vec<usize> = plans.last().into_iter().chain(&versions).map(Plan::len).collect();
        let at = format!("streams[{number}].schedule");
        let entries = entries(&stream.schedule, &units, platform, &at)?;
        let open =
            plans.last().into_iter().chain(&versions).flat_map(Plan::units).any(|u| u.executor.is_none());
        if (open || !versions.is_empty()) && entries.is_empty() {
            let message = format!("streams[{number}] leaves decisions open and has no schedule for them");
            return Err(Diagnostic::new("plan::schedule", message)
                .help("give every unit an executor, or say in schedule[] how requests run")
                .into());
        }
        schedules.push(Schedule { versions, entries });
    }
    let clocks = raw.clocks.into_iter().map(clock).collect::<Result<_, _>>()?;
    Ok(StoredPlans { plans, splits, clocks, schedules })
}

/// What all plans of a file have in common.
struct Head<'a> {
    platform: &'a Platform,
    is_scheduled: bool,
    dispatch: Dispatch,
    transfer_start: TransferStart,
    queue_order: QueueOrder,
}

impl Head<'_> {
    fn plan(&self, units: &[RawUnit], at: &str) -> Result<Plan, InputError> {
        let queue_order = self.queue_order;
        let mut plan = Plan::new(self.dispatch, self.transfer_start).ordered(queue_order);
        for (position, unit) in units.iter().enumerate() {
            let executor = match &unit.executor {
                Some(name) => Some(executor_named(name, self.platform, &format!("{at}[{position}]"))?),
                None if self.is_scheduled && self.dispatch == Dispatch::AtReady => None,
                None => {
                    return Err(Diagnostic::new(
                        "plan::executor",
                        format!("{at}[{position}] has no executor"),
                    )
                    .help(format!(
                        "only plans `{SCHEDULED}` with dispatch at-ready may leave that to their schedule"
                    ))
                    .into());
                }
            };
            if unit.key_ps.is_some() != (queue_order != QueueOrder::Fifo) {
                let message = format!(
                    "{at}[{position}] {} key_ps, but queue_order is `{}`",
                    if unit.key_ps.is_some() { "has" } else { "lacks" },
                    queue_order.id()
                );
                return Err(Diagnostic::new("plan::key", message)
                    .help("units carry key_ps exactly where queue_order is by-key or by-key-from-arrival")
                    .into());
            }
            plan.push_with_key(&unit.operators, executor, unit.key_ps.unwrap_or(0));
        }
        Ok(plan)
    }
}

fn clock(raw: RawClock) -> Result<(String, Hertz), InputError> {
    if raw.mhz.is_finite() && raw.mhz > 0.0 {
        return Ok((raw.of, Hertz(raw.mhz * 1e6)));
    }
    let message = format!("the clock of `{}` is {} MHz", printable(&raw.of), raw.mhz);
    Err(Diagnostic::new("plan::value", message).help("write a clock above 0").into())
}

pub(super) fn executor_named(name: &str, platform: &Platform, at: &str) -> Result<ExecutorId, InputError> {
    platform.executor_named(name).ok_or_else(|| {
        let names: Vec<&str> = platform.executors.iter().map(|e| e.name.as_str()).collect();
        let hint =
            nearest(name, names.iter().copied()).map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
        Diagnostic::new(
            "plan::executor",
            format!("{at} is placed on `{}`, which this platform lacks", printable(name)),
        )
        .help(format!("{hint}there are {}", names.join(", ")))
        .into()
    })
}

fn split(raw: &RawSplit) -> Result<Split, InputError> {
    let dimension = Dimension::from_id(&raw.dimension)
        .ok_or_else(|| one_of("dimension", &raw.dimension, &Dimension::ALL.map(Dimension::id)))?;
    Ok(Split { operators: raw.operators.clone(), dimension, cuts: raw.cuts.clone(), owner: raw.owner })
}

fn one_of(key: &str, found: &str, allowed: &[&str]) -> InputError {
    Diagnostic::new("plan::value", format!("{key} is `{}`", printable(found)))
        .help(format!("it must be one of {}", allowed.join(", ")))
        .into()
}

/// Writes plans as text that [`read_plans`] reads; `None` when a unit has no executor. `cuts` holds for each stream the number of operators of its whole
/// graph and what of it is cut; empty when nothing is. `clocks` are those that the strategy has set.
#[must_use]
pub fn write_plans(
    plans: &[Plan],
    cuts: &[(usize, Vec<Split>)],
    clocks: &NamedClocks,
    platform: &Platform,
) -> Option<String> {
    write_scheduled(plans, &[], cuts, clocks, platform)
}

/// As [`write_plans`], with what was decided during a run for each stream; units of streams with a schedule need no executor.
#[must_use]
pub fn write_scheduled(
    plans: &[Plan],
    schedules: &[Schedule],
    cuts: &[(usize, Vec<Split>)],
    clocks: &NamedClocks,
    platform: &Platform,
) -> Option<String> {
    let first = plans.first()?;
    let is_scheduled = schedules.iter().any(|schedule| !schedule.entries.is_empty());
    let units = |plan: &Plan, is_open: bool| {
        let unit = |unit: PlanUnit<'_>| {
            let executor = unit.executor.map(|executor| platform.executor(executor).name.clone());
            let key_ps = (plan.queue_order() != QueueOrder::Fifo).then_some(unit.key);
            let is_known = is_open || executor.is_some();
            is_known.then(|| RawUnit { operators: unit.operators.to_vec(), executor, key_ps })
        };
        plan.units().map(unit).collect::<Option<Vec<_>>>()
    };
    let streams = plans
        .iter()
        .enumerate()
        .map(|(number, plan)| {
            let schedule = schedules.get(number).filter(|schedule| !schedule.entries.is_empty());
            let units_of_plan = units(plan, schedule.is_some())?;
            let placed = units_of_plan.iter().map(|unit| unit.operators.len()).sum();
            let (operators, splits) =
                cuts.get(number).map_or((placed, &[][..]), |(whole, splits)| (*whole, splits));
            let splits = splits.iter().map(|split| RawSplit {
                operators: split.operators.clone(),
                dimension: split.dimension.id().to_owned(),
                cuts: split.cuts.clone(),
                owner: split.owner,
            });
            let versions = schedule.map_or(&[][..], |schedule| &schedule.versions);
            let versions = versions.iter().map(|plan| units(plan, true)).collect::<Option<Vec<_>>>()?;
            let schedule =
                schedule.map_or_else(Vec::new, |schedule| raw_entries(&schedule.entries, platform));
            Some(RawPlan { operators, splits: splits.collect(), units: units_of_plan, versions, schedule })
        })
        .collect::<Option<Vec<_>>>()?;
    let raw = RawPlans {
        schema: if is_scheduled { SCHEDULED } else { SCHEMA }.to_owned(),
        dispatch: match first.dispatch {
            Dispatch::AtReady => "at-ready",
            Dispatch::Sequential => "sequential",
            Dispatch::InOrder => "in-order",
        }
        .to_owned(),
        transfer_start: first.transfer_start.id().to_owned(),
        clocks: clocks.iter().map(|(of, clock)| RawClock { of: of.clone(), mhz: clock.0 / 1e6 }).collect(),
        queue_order: (first.queue_order() != QueueOrder::Fifo).then(|| first.queue_order().id().to_owned()),
        streams,
    };
    serde_json::to_string_pretty(&raw).ok()
}
