//! Replaying plans that somebody else made.

use super::schedule::{Schedule, Trigger};
use super::{
    Admission, Decision, Granularity, NamedClocks, Occasion, Plan, PlanningView, ReadyUnit, RequestId,
    RunView, SlicingView, Strategy, StrategyError, resolve_clocks,
};
use crate::graph::partition::Split;
use crate::soc::ExecutorId;
use std::collections::{BTreeMap, BTreeSet};

/// Executes given plans as they stand, one for each stream.
///
/// Granularity: whatever the plans contain. Decision point: none. Reads: nothing. A plan that does not fit the graph
/// is refused, never padded; so is one that sets clocks where none are simulated.
///
/// With schedules it repeats what a strategy decided during a run: which cut each request runs, what deciding took, where each unit goes and after which other's
/// readiness or finish. In the same scenario the run is the same; what was observed for a predictor costs again if the predictor is the same. In another, requests are
/// known by their numbers: those behind the last entry run like its request, each unit when it is ready; a unit whose turn has not come waits,
/// and if the one that it waits for never comes (its request was dropped) the run ends as stalled and says so.
#[derive(Debug, Clone)]
pub struct Replay {
    plans: Vec<Plan>,
    splits: Vec<Vec<Split>>,
    named: NamedClocks,
    clocks: Vec<Option<u16>>,
    schedules: Vec<Schedule>,
    /// Units by what they wait for, in their turns.
    due: BTreeMap<Trigger, Vec<Trigger>>,
    /// What units that are not ready yet have waited for, and that has happened.
    passed: BTreeSet<Trigger>,
    /// Ready units that wait for their turn, by their own readiness.
    held: BTreeMap<Trigger, ReadyUnit>,
}

impl Replay {
    /// Replays these plans.
    #[must_use]
    pub const fn new(plans: Vec<Plan>) -> Self {
        Self::with_splits(plans, Vec::new())
    }

    /// Replays plans of graphs that are cut first, one list of splits for each stream.
    #[must_use]
    pub const fn with_splits(plans: Vec<Plan>, splits: Vec<Vec<Split>>) -> Self {
        Self {
            plans,
            splits,
            named: Vec::new(),
            clocks: Vec::new(),
            schedules: Vec::new(),
            due: BTreeMap::new(),
            passed: BTreeSet::new(),
            held: BTreeMap::new(),
        }
    }

    /// The same with clocks that stay at these steps during the run.
    #[must_use]
    pub fn with_clocks(mut self, clocks: NamedClocks) -> Self {
        self.named = clocks;
        self
    }

    /// The same with what was decided during a run, one schedule for each stream.
    #[must_use]
    pub fn with_schedules(mut self, schedules: Vec<Schedule>) -> Self {
        if schedules.iter().any(|schedule| *schedule != Schedule::default()) {
            self.schedules = schedules;
        }
        self
    }

    fn schedule(&self, stream: u16) -> Option<&Schedule> {
        self.schedules.get(usize::from(stream)).filter(|schedule| !schedule.entries.is_empty())
    }

    /// Where a unit goes; any executor that can run it when that is unknown.
    fn executor(&self, unit: ReadyUnit, view: &RunView<'_>) -> Option<ExecutorId> {
        let graph = view.graphs.get(usize::from(unit.request.stream))?;
        let known = self.schedule(unit.request.stream).and_then(|schedule| {
            let entry = schedule.entry(unit.request.number)?;
            let (first, _) = graph.range(entry.version)?;
            *entry.executors.get(unit.unit.checked_sub(first)? as usize)?
        });
        let all = (0..view.platform.executors.len() as u16).map(ExecutorId);
        known.or_else(|| all.into_iter().find(|&executor| graph.estimate(unit.unit, executor).is_some()))
    }

    /// What a unit waits for besides its own readiness.
    fn waits_for(&self, own: Trigger) -> Option<Trigger> {
        let entry = self.schedule(own.request.stream)?.entry(own.request.number)?;
        let is_own = entry.first_request == own.request.number;
        let later = entry.later.iter().find(|later| is_own && later.unit == own.unit)?;
        Some(later.after)
    }

    fn place(&self, unit: ReadyUnit, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        if let Some(executor) = self.executor(unit, view) {
            decisions.push(Decision::Place { unit, executor });
        }
    }
}

impl Strategy for Replay {
    fn id(&self) -> &'static str {
        "replay"
    }

    /// With schedules the limits of memory are those under which they were decided, and keep off the same.
    fn prescribes(&self) -> bool {
        self.schedules.is_empty()
    }

    fn default_granularity(&self) -> Granularity {
        if self.slices() { Granularity::Slice } else { Granularity::SubGraph }
    }

    fn slices(&self) -> bool {
        self.splits.iter().any(|splits| !splits.is_empty())
    }

    fn slice(&mut self, _streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        Ok(self.splits.clone())
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        // Files have a plan for every stream of the run, and stages with a place of their own are not asked for.
        let own = |(position, view): (usize, &PlanningView<'_>)| {
            let of_run = self.plans.len() > streams.len();
            let number = if of_run { usize::from(view.stream) } else { position };
            self.plans.get(number).map(|plan| (view.stream, plan.clone()))
        };
        let plans: Option<Vec<(u16, Plan)>> = streams.iter().enumerate().map(own).collect();
        let Some(plans) = plans.filter(|_| !streams.is_empty()) else {
            let message = format!("there are {} plans for {} streams", self.plans.len(), streams.len());
            return Err(StrategyError::InvalidPlan(message));
        };
        for (stream, plan) in plans.iter().map(|(stream, plan)| (*stream, plan)) {
            let open = plan.units().position(|unit| unit.executor.is_none());
            if let Some(unit) = open.filter(|_| self.schedule(stream).is_none()) {
                return Err(StrategyError::InvalidPlan(format!(
                    "unit {unit} has no executor; a plan to replay places them all"
                )));
            }
        }
        self.clocks = resolve_clocks(&self.named, streams)?;
        self.passed.clear();
        self.held.clear();
        self.due.clear();
        let mut due: Vec<(Trigger, u32, Trigger)> = Vec::new();
        for (stream, schedule) in (0u16..).zip(&self.schedules) {
            for entry in &schedule.entries {
                let request = RequestId { stream, number: entry.first_request };
                due.extend(entry.later.iter().map(|later| {
                    (later.after, later.turn, Trigger { request, unit: later.unit, finished: false })
                }));
            }
        }
        due.sort_unstable();
        for (after, _, unit) in due {
            self.due.entry(after).or_default().push(unit);
        }
        Ok(plans.into_iter().map(|(_, plan)| plan).collect())
    }

    fn versions(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Vec<Plan>>, StrategyError> {
        if self.schedules.iter().all(|schedule| schedule.versions.is_empty()) {
            return Ok(Vec::new());
        }
        let of = |view: &PlanningView<'_>| self.schedules.get(usize::from(view.stream));
        Ok(streams.iter().map(|view| of(view).map_or_else(Vec::new, |s| s.versions.clone())).collect())
    }

    fn decides_admissions(&self) -> bool {
        !self.schedules.is_empty()
    }

    fn admit(&mut self, request: RequestId, _slot: u32, _view: &RunView<'_>) -> Admission {
        self.schedule(request.stream)
            .map_or_else(Admission::default, |schedule| schedule.admission(request.number))
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let now = Trigger::of(occasion);
        let mut own = match occasion {
            Occasion::Ready(unit) => Some(unit),
            Occasion::Finished { .. } => None,
        };
        if let Some(unit) = own {
            match self.waits_for(now) {
                None => {}
                Some(after) if self.passed.remove(&now) || after == now => {}
                Some(_) => {
                    self.held.insert(now, unit);
                    own = None;
                }
            }
        }
        for unit in self.due.remove(&now).unwrap_or_default() {
            if unit == now {
                // Its own readiness was the occasion, and others were placed with it.
                if let Some(unit) = own.take() {
                    self.place(unit, view, decisions);
                }
            } else if let Some(unit) = self.held.remove(&unit) {
                self.place(unit, view, decisions);
            } else {
                self.passed.insert(unit);
            }
        }
        if let Some(unit) = own {
            self.place(unit, view, decisions);
        }
    }

    fn clocks(&self) -> Vec<Option<u16>> {
        self.clocks.clone()
    }
}
