//! Where the time of a request went: every picosecond of its critical path charged to an operator and a cause.

use super::ExplainError;
use super::played::{Divided, Mechanisms, Played, overlap};
use crate::config::Assembled;
use crate::graph::lowered::OperatorClass;
use crate::predict::Profiling;
use crate::record::{
    CriticalStep, OperatorRecord, RequestRecord, RunRecord, StepKind, UnitRecord, critical_path,
};
use crate::simulation::observer::{Activity, Interval, RequestId, TransferRecord};
use crate::soc::ExecutorId;
use crate::strategy::UnitGraph;
use crate::units::SimTime;
use serde::Serialize;
use std::collections::BTreeMap;

/// Causes of time on a critical path. The last three compare two runs: they hold the own time (execution, variation, dispatch) of operators
/// about which the runs differ in a way that says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Execution as the cost model has it: alone, at the reference clocks.
    Execution,
    /// The draw of this request, and what repeated stages take longer.
    Variation,
    /// Dispatching single operators.
    Dispatch,
    /// Handing tensors over between slices of an operator.
    Sharing,
    /// Clocks other than the reference ones, and threads away from cores that are offline.
    Clocks,
    /// Others used main memory.
    Bandwidth,
    /// Others had pushed data out of a shared cache.
    Cache,
    /// Competing work had a core.
    Suspended,
    /// Moving tensors between processors or from and to the host.
    Transfer,
    /// Rewriting tensors in another layout.
    Conversion,
    /// Handing units to an executor's runtime.
    Invocation,
    /// Observing operators for a predictor that learns.
    Observation,
    /// What else passes before a unit begins: deciding how the request runs, leaving idle states, clocks and competing work during the set-up.
    SetUp,
    /// An executor worked for another request.
    Contention,
    /// Partner cores, a strategy's delay, a bus.
    Waiting,
    /// The request waited in its queue.
    Queue,
    /// Another executor runs the operator.
    Placement,
    /// The operator is on the critical path of one run only; the other hides it behind something else.
    Overlap,
    /// Only one of the runs has the operator.
    Lowering,
}

impl Cause {
    /// Words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Execution => "execution alone",
            Self::Variation => "run-to-run variation",
            Self::Dispatch => "dispatching operators",
            Self::Sharing => "sharing tensors between slices",
            Self::Clocks => "clocks",
            Self::Bandwidth => "others' memory traffic",
            Self::Cache => "others in the caches",
            Self::Suspended => "suspended for competing work",
            Self::Transfer => "transfers and synchronisation",
            Self::Conversion => "converting layouts",
            Self::Invocation => "invoking executors",
            Self::Observation => "observing for the predictor",
            Self::SetUp => "set-up: planning, waking, clocks",
            Self::Contention => "executor busy with another request",
            Self::Waiting => "other waiting",
            Self::Queue => "waiting in the queue",
            Self::Placement => "placement: on another executor",
            Self::Overlap => "overlap: off the critical path of one",
            Self::Lowering => "graph: operators of one run only",
        }
    }

    /// Whether it is the operator's own time, which another placement or another graph changes as a whole.
    pub(super) const fn is_own(self) -> bool {
        matches!(self, Self::Execution | Self::Variation | Self::Dispatch)
    }
}

/// Time of a request that an operator is charged with; without an operator, what concerns the request as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    pub operator: Option<u32>,
    pub cause: Cause,
    pub time_ps: i128,
}

/// An attributed request.
#[derive(Debug, Clone)]
pub(super) struct Attributed {
    pub latency_ps: u64,
    /// They add up to the latency.
    pub charges: Vec<Charge>,
    /// Where each operator ran, and for how long, on the critical path or not.
    pub ran: BTreeMap<u32, (ExecutorId, u64)>,
}

/// A record taken apart by request, so that long runs are attributed in linear time.
pub(super) struct Attribution<'a> {
    assembled: &'a Assembled,
    graph: &'a UnitGraph,
    mechanisms: &'a Mechanisms,
    stream: u16,
    /// What observing costs, when the predictor learns.
    learns: Option<Profiling>,
    requests: BTreeMap<RequestId, RequestRecord>,
    operators: BTreeMap<RequestId, Vec<OperatorRecord>>,
    intervals: BTreeMap<RequestId, Vec<Interval>>,
    transfers: BTreeMap<RequestId, Vec<TransferRecord>>,
    /// Units that ended, by their ends.
    units: Vec<UnitRecord>,
    /// Which operator writes each tensor, and which is the first to read it.
    writer: BTreeMap<u32, u32>,
    reader: BTreeMap<u32, u32>,
    /// What a critical path is looked for in: one request, and the units that ended since it was admitted.
    window: RunRecord,
}

impl<'a> Attribution<'a> {
    pub(super) fn new(
        assembled: &'a Assembled,
        played: &'a Played,
        mechanisms: &'a Mechanisms,
        stream: u16,
    ) -> Option<Self> {
        let record = &played.record;
        let problem = assembled.problem.streams.get(usize::from(stream))?;
        let (mut writer, mut reader) = (BTreeMap::new(), BTreeMap::new());
        for node in 0..problem.dag.len() as u32 {
            for link in problem.dag.predecessors(node) {
                writer.insert(link.tensor, link.node);
                reader.entry(link.tensor).or_insert(node);
            }
        }
        for (number, operator) in (0u32..).zip(problem.operators.iter().flat_map(|graph| &graph.operators)) {
            writer.extend(operator.outputs.iter().map(|&tensor| (tensor, number)));
            operator.inputs.iter().for_each(|&tensor| {
                reader.entry(tensor).or_insert(number);
            });
        }
        let own = |id: RequestId| id.stream == stream;
        let mut units: Vec<UnitRecord> =
            record.units.iter().filter(|u| u.finished.is_some()).copied().collect();
        units.sort_by_key(|unit| unit.finished);
        Some(Self {
            assembled,
            graph: played.prepared.graphs.get(usize::from(stream))?,
            mechanisms,
            stream,
            learns: played.prepared.predictor.learns().then_some(played.prepared.profiling),
            requests: record.requests.iter().filter(|r| own(r.id)).map(|r| (r.id, *r)).collect(),
            operators: by_request(record.operators.iter().filter(|o| own(o.unit.request)), |o| {
                o.unit.request
            }),
            intervals: by_request(record.intervals.iter().filter(|i| own(i.work.request)), |i| {
                i.work.request
            }),
            transfers: by_request(record.transfers.iter().filter(|t| own(t.request)), |t| t.request),
            units,
            writer,
            reader,
            window: RunRecord { labels: record.labels.clone(), ..RunRecord::default() },
        })
    }

    /// Requests that finished, and whether each counts.
    pub(super) fn finished(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        let finished = self.requests.values().filter(|request| request.finished.is_some());
        finished.map(|request| (request.id.number, !request.warm_up))
    }

    /// Attributes a request; `None` when it did not finish, or the record does not hold it.
    pub(super) fn request(&mut self, number: u32) -> Result<Option<Attributed>, ExplainError> {
        let id = RequestId { stream: self.stream, number };
        let Some(request) = self.requests.get(&id).copied() else { return Ok(None) };
        let (Some(latency), Some(finished)) = (request.latency(), request.finished) else { return Ok(None) };
        let since = request.admitted.unwrap_or(request.arrived);
        let first = self.units.partition_point(|unit| unit.finished < Some(since));
        let last = self.units.partition_point(|unit| unit.finished <= Some(finished));
        self.window.requests = vec![request];
        self.window.units = self.units.get(first..last).unwrap_or_default().to_vec();
        self.window.operators = self.operators.get(&id).cloned().unwrap_or_default();
        self.window.intervals = self.intervals.get(&id).cloned().unwrap_or_default();
        self.window.transfers = self.transfers.get(&id).cloned().unwrap_or_default();
        let Some(path) = critical_path(&self.window, id) else { return Ok(None) };
        let charges = self.charges(id, &path);
        let path_ps: i128 = charges.iter().map(|charge| charge.time_ps).sum();
        if path_ps != i128::from(latency.0) {
            return Err(ExplainError::Unbalanced { request: number, path_ps, latency_ps: latency.0 });
        }
        let ran = self.window.operators.iter();
        let ran = ran.map(|o| (o.operator, (o.unit.executor, o.end.since(o.start).0))).collect();
        Ok(Some(Attributed { latency_ps: latency.0, charges, ran }))
    }

    fn charges(&self, id: RequestId, path: &[CriticalStep]) -> Vec<Charge> {
        let mut charges = Vec::new();
        let mut setups: BTreeMap<(u32, ExecutorId), u64> = BTreeMap::new();
        for (at, step) in path.iter().enumerate() {
            let time = step.duration().0;
            let charge = |operator, cause| Charge { operator, cause, time_ps: i128::from(time) };
            match step.kind {
                StepKind::Operator { operator, executor, .. } => {
                    self.operator(&mut charges, id, operator, executor, time);
                }
                StepKind::Overhead { unit, executor } => *setups.entry((unit, executor)).or_default() += time,
                StepKind::Transfer { tensor, .. } => {
                    charges.push(charge(self.operator_of(tensor), Cause::Transfer));
                }
                StepKind::Contended { unit, .. } => charges.push(charge(self.head(unit), Cause::Contention)),
                StepKind::Queued => charges.push(charge(None, Cause::Queue)),
                StepKind::Waiting { unit: Some(unit) } => {
                    let away = self.suspended(id, unit, step.start, step.end).min(time);
                    let operator = self.head(unit);
                    let part = |cause, time: u64| Charge { operator, cause, time_ps: i128::from(time) };
                    charges.push(part(Cause::Suspended, away));
                    charges.push(part(Cause::Waiting, time - away));
                }
                // What follows everything else is the host's rewriting of an output.
                StepKind::Waiting { unit: None } if at + 1 == path.len() => {
                    let output = path.iter().rev().find_map(|step| match step.kind {
                        StepKind::Transfer { tensor, to: None, .. } => self.operator_of(tensor),
                        StepKind::Operator { operator, .. } => Some(operator),
                        _ => None,
                    });
                    charges.push(charge(output, Cause::Conversion));
                }
                StepKind::Waiting { unit: None } => charges.push(charge(None, Cause::Waiting)),
            }
        }
        for ((unit, executor), time) in setups {
            self.setup(&mut charges, id, unit, executor, time);
        }
        charges.retain(|charge| charge.time_ps != 0);
        charges
    }

    fn operator(
        &self,
        charges: &mut Vec<Charge>,
        id: RequestId,
        operator: u32,
        executor: ExecutorId,
        time: u64,
    ) {
        let mut push = |cause, time_ps| charges.push(Charge { operator: Some(operator), cause, time_ps });
        let problem = self.assembled.problem.streams.get(usize::from(self.stream));
        let Some(cost) = problem.and_then(|stream| stream.costs.get(operator, executor)) else {
            return push(Cause::Waiting, i128::from(time));
        };
        let execution = if self.class(operator) == Some(OperatorClass::Sharing) {
            Cause::Sharing
        } else {
            Cause::Execution
        };
        let (overhead, alone) = (cost.overhead.0, cost.alone.0);
        let whole = self.mechanisms.actual(id, operator);
        let divided = self.mechanisms.divide(id, operator);
        let Some(Divided { suspended, bandwidth, cache, clocks, laboratory }) =
            divided.filter(|_| whole == Some(time))
        else {
            // A part of an operator, behind which something else is critical.
            let dispatch = overhead.min(time);
            push(Cause::Dispatch, i128::from(dispatch));
            return push(execution, i128::from(time - dispatch));
        };
        push(Cause::Suspended, suspended);
        push(Cause::Bandwidth, bandwidth);
        push(Cause::Cache, cache);
        push(Cause::Clocks, clocks);
        push(Cause::Dispatch, i128::from(overhead));
        push(execution, i128::from(alone));
        push(Cause::Variation, laboratory - i128::from(overhead) - i128::from(alone));
    }

    /// Invocation, conversions and observation as they are known; planning, idle states, clocks and competing work did the rest.
    fn setup(&self, charges: &mut Vec<Charge>, id: RequestId, unit: u32, executor: ExecutorId, time: u64) {
        let operator = self.head(unit);
        let mut left = time;
        let mut take = |cause, known: u64| {
            let time = known.min(left);
            left -= time;
            charges.push(Charge { operator, cause, time_ps: i128::from(time) });
        };
        let problem = self.assembled.problem.streams.get(usize::from(self.stream));
        let fixed = problem.is_some_and(|stream| stream.stage.fixed.is_some());
        take(Cause::Invocation, if fixed { 0 } else { self.graph.invocation(unit, executor).0 });
        let transfers = self.window.transfers.iter().filter(|t| t.to == Some((unit, executor)));
        let conversion: u64 = transfers.map(|transfer| self.conversion(transfer, unit, executor)).sum();
        take(Cause::Conversion, conversion);
        let observed = self.observed(id, unit);
        take(Cause::Observation, observed);
        take(Cause::SetUp, u64::MAX);
    }

    /// Time for which the reader of a tensor that crossed rewrites it.
    fn conversion(&self, transfer: &TransferRecord, unit: u32, executor: ExecutorId) -> u64 {
        let time = match transfer.from {
            Some((producer, from)) => self
                .graph
                .predecessors(unit)
                .iter()
                .find(|link| link.unit == producer && link.data == transfer.tensor)
                .map(|link| self.graph.conversion(link, from, executor)),
            None => self
                .graph
                .inputs(unit, executor)
                .find(|input| input.tensor == transfer.tensor)
                .map(|input| input.conversion),
        };
        time.map_or(0, |time| time.0)
    }

    /// What observing the operators of a unit takes at the reference clocks.
    fn observed(&self, id: RequestId, unit: u32) -> u64 {
        let learns = self.learns.filter(|profiling| id.number.is_multiple_of(profiling.every.max(1)));
        learns.map_or(0, |profiling| {
            profiling.observation.0.saturating_mul(self.graph.operators(unit).len() as u64)
        })
    }

    fn suspended(&self, id: RequestId, unit: u32, start: SimTime, end: SimTime) -> u64 {
        let away = |i: &&Interval| {
            i.activity == Activity::Suspended
                && i.work.request == id
                && i.work.unit == unit
                && i.operator.is_none()
        };
        let spans = self.window.intervals.iter().filter(away).map(|i| (i.start, i.end));
        overlap(spans.collect(), start, end)
    }

    fn class(&self, operator: u32) -> Option<OperatorClass> {
        self.window.labels.operator(self.stream, operator).map(|label| label.class)
    }

    /// The first operator of a unit.
    fn head(&self, unit: u32) -> Option<u32> {
        ((unit as usize) < self.graph.len()).then(|| self.graph.operators(unit).first().copied()).flatten()
    }

    /// Who writes a tensor; the first reader of what comes from the host.
    fn operator_of(&self, tensor: u32) -> Option<u32> {
        self.writer.get(&tensor).or_else(|| self.reader.get(&tensor)).copied()
    }
}

fn by_request<'r, T: Copy + 'r>(
    items: impl Iterator<Item = &'r T>,
    request: impl Fn(&T) -> RequestId,
) -> BTreeMap<RequestId, Vec<T>> {
    let mut sorted: BTreeMap<RequestId, Vec<T>> = BTreeMap::new();
    for item in items {
        sorted.entry(request(item)).or_default().push(*item);
    }
    sorted
}
