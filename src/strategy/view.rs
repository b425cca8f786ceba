//! What a strategy sees, and what it answers.

use super::{Granularity, RequestId, UnitGraph};
use crate::graph::dag::Dag;
use crate::graph::lowered::LoweredGraph;
use crate::graph::partition::Role;
use crate::predict::{Beliefs, Estimates, SliceEstimates, Work};
use crate::soc::{ExecutorId, Platform, ResourceId};
use crate::units::{SimDuration, SimTime};

/// One stream before the run.
#[derive(Debug, Clone, Copy)]
pub struct PlanningView<'a> {
    /// The task graph.
    pub dag: &'a Dag,
    /// The operators behind its nodes; `None` for plain task graphs.
    pub operators: Option<&'a LoweredGraph>,
    /// Resources, executors and crossings.
    pub platform: &'a Platform,
    /// What operators are believed to cost.
    pub estimates: &'a Estimates,
    /// The unit to be placed.
    pub granularity: Granularity,
    /// Where each operator comes from, when the strategy has cut some into slices; empty otherwise.
    pub roles: &'a [Role],
    /// What its requests are worth.
    pub service: ServiceTarget,
    /// Mean time between its requests; `None` for a single one, or when the next waits for the one before.
    pub period: Option<SimDuration>,
}

/// One stream before its operators are cut.
#[derive(Clone, Copy)]
pub struct SlicingView<'a> {
    /// The stream with its whole operators.
    pub whole: PlanningView<'a>,
    /// What slices of them are believed to cost.
    pub slices: &'a dyn SliceEstimates,
}

/// What the requests of a stream are worth, for strategies that look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ServiceTarget {
    /// Time from nominal arrival within which a request should be complete.
    pub deadline: Option<SimDuration>,
    /// Urgency; larger is more urgent.
    pub priority: u32,
}

impl PlanningView<'_> {
    /// A printable name for an operator.
    #[must_use]
    pub fn operator_name(&self, operator: u32) -> String {
        self.operators.and_then(|graph| graph.operators.get(operator as usize)).map_or_else(
            || format!("task {operator}"),
            |op| {
                format!(
                    "{} ({})",
                    crate::diagnostics::printable(&op.name),
                    crate::diagnostics::printable(&op.op_type)
                )
            },
        )
    }

    /// Whether `executor` can run `operator`.
    #[must_use]
    pub fn supports(&self, operator: u32, executor: ExecutorId) -> bool {
        self.estimates.execution(operator, executor).is_some()
    }
}

/// A unit of a request in flight that waits for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadyUnit {
    /// The request.
    pub request: RequestId,
    /// The slot that the request occupies while it is in flight; see [`Placements`].
    pub slot: u32,
    /// Index in the stream's [`UnitGraph`].
    pub unit: u32,
}

/// Why a strategy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Occasion {
    /// All predecessors of this unit have finished.
    Ready(ReadyUnit),
    /// This unit, which the strategy placed during the run, has finished; the units that it made ready have been announced.
    Finished {
        /// The unit.
        unit: ReadyUnit,
        /// Where it ran.
        executor: ExecutorId,
    },
}

/// What a strategy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Run this unit there; it enters the executor's queue now.
    Place {
        /// A ready unit that has not been placed yet.
        unit: ReadyUnit,
        /// An executor that supports all its operators.
        executor: ExecutorId,
    },
}

/// Where the units of the requests in flight were placed, and when they finished. A request occupies a slot
/// while it is in flight; slots are reused.
#[derive(Debug, Clone, Default)]
pub struct Placements {
    units: usize,
    executors: Vec<u16>,
    finishes: Vec<SimTime>,
}

impl Placements {
    /// A table for graphs of `units` units.
    #[must_use]
    pub fn new(units: usize) -> Self {
        Self { units, executors: Vec::new(), finishes: Vec::new() }
    }

    /// Makes room for slot `slot`. What an earlier request left in a reused slot is overwritten as units are placed.
    pub fn reset(&mut self, slot: u32) {
        let end = (slot as usize + 1) * self.units;
        if self.executors.len() < end {
            self.executors.resize(end, u16::MAX);
            self.finishes.resize(end, SimTime::NEVER);
        }
    }

    /// Notes a placement.
    #[inline]
    pub fn place(&mut self, slot: u32, unit: u32, executor: ExecutorId) {
        self.executors[slot as usize * self.units + unit as usize] = executor.0;
    }

    /// Notes a finish.
    #[inline]
    pub fn finish(&mut self, slot: u32, unit: u32, now: SimTime) {
        self.finishes[slot as usize * self.units + unit as usize] = now;
    }

    /// Where a placed unit was placed.
    #[inline]
    #[must_use]
    pub fn executor(&self, slot: u32, unit: u32) -> ExecutorId {
        ExecutorId(self.executors[slot as usize * self.units + unit as usize])
    }

    /// When a finished unit finished.
    #[inline]
    #[must_use]
    pub fn finished_at(&self, slot: u32, unit: u32) -> SimTime {
        self.finishes[slot as usize * self.units + unit as usize]
    }
}

/// How the run has gone so far, as a runtime would know it.
pub trait Progress {
    /// When a request in flight was due to arrive; its latency and its deadline count from then.
    fn arrived(&self, unit: ReadyUnit) -> SimTime;

    /// Completed requests of a stream in the order of completion: number and latency.
    fn completed(&self, stream: u16) -> &[(u32, SimDuration)];

    /// How many requests of a stream its queue has dropped.
    fn dropped(&self, stream: u16) -> u64;

    /// Units in the queue of a resource, the one that holds it included.
    fn queued(&self, resource: ResourceId) -> usize;
}

/// The run as strategies see it.
#[derive(Clone, Copy)]
pub struct RunView<'a> {
    /// What has become of requests, and how long queues are.
    pub progress: &'a dyn Progress,
    /// What is believed at present; `None` when nothing has been learnt since the plans were made.
    pub beliefs: Option<&'a dyn Beliefs>,
    /// The present.
    pub now: SimTime,
    /// Resources, executors and crossings.
    pub platform: &'a Platform,
    /// The unit graph of each stream.
    pub graphs: &'a [UnitGraph],
    /// Placements of each stream.
    pub placements: &'a [Placements],
}

impl RunView<'_> {
    /// Believed duration of a unit on an executor, invocation included; `None` when it cannot run there.
    #[inline]
    #[must_use]
    pub fn execution(&self, unit: ReadyUnit, executor: ExecutorId) -> Option<SimDuration> {
        let graph = &self.graphs[unit.request.stream as usize];
        let Some(beliefs) = self.beliefs else { return graph.estimate(unit.unit, executor) };
        let stream = unit.request.stream;
        graph.operators(unit.unit).iter().try_fold(graph.invocation(unit.unit, executor), |sum, &operator| {
            Some(sum + beliefs.operator(Work { stream, operator, executor })?)
        })
    }

    /// Time from now until the data of a ready unit has arrived at `executor`, if it starts to move now and nobody
    /// else uses the way.
    #[inline]
    #[must_use]
    pub fn transfer(&self, unit: ReadyUnit, executor: ExecutorId) -> SimDuration {
        let stream = unit.request.stream as usize;
        let (graph, placements) = (&self.graphs[stream], &self.placements[stream]);
        let mut longest = graph.input_transfer(unit.unit, executor);
        for link in graph.predecessors(unit.unit) {
            let from = placements.executor(unit.slot, link.unit);
            longest = longest.max(graph.transfer(link, from, executor));
        }
        longest
    }

    /// As [`RunView::transfer`], counted from when each producer finished.
    #[must_use]
    pub fn transfer_since_finish(&self, unit: ReadyUnit, executor: ExecutorId) -> SimTime {
        let stream = unit.request.stream as usize;
        let (graph, placements) = (&self.graphs[stream], &self.placements[stream]);
        let mut latest = self.now + graph.input_transfer(unit.unit, executor);
        for link in graph.predecessors(unit.unit) {
            let from = placements.executor(unit.slot, link.unit);
            latest = latest
                .max(placements.finished_at(unit.slot, link.unit) + graph.transfer(link, from, executor));
        }
        latest
    }
}
