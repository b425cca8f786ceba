//! What was decided while a run lasted, request by request, so that it can be written and replayed.

use super::adaptation::AdaptationLog;
use super::{
    Admission, Decision, Granularity, Occasion, Plan, PlanningView, RequestId, RunView, SlicingView,
    Strategy, StrategyError, UnitGraph,
};
use crate::graph::partition::Split;
use crate::predict::SlicePredictor;
use crate::soc::ExecutorId;
use crate::units::{SimDuration, SimTime};
use std::collections::BTreeMap;

/// An occasion of a run: a unit became ready, or has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trigger {
    /// The request.
    pub request: RequestId,
    /// The unit, numbered in the run: those of version 0, then those of version 1, ...
    pub unit: u32,
    /// Whether it has finished; else it became ready.
    pub finished: bool,
}

impl Trigger {
    /// Names an occasion.
    #[must_use]
    pub const fn of(occasion: Occasion) -> Self {
        match occasion {
            Occasion::Ready(unit) => Self { request: unit.request, unit: unit.unit, finished: false },
            Occasion::Finished { unit, .. } => {
                Self { request: unit.request, unit: unit.unit, finished: true }
            }
        }
    }
}

/// A unit that was not placed by itself when it became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Later {
    /// What it was placed at.
    pub after: Trigger,
    /// Its turn among the units placed then.
    pub turn: u32,
    /// The unit, numbered in the run.
    pub unit: u32,
}

/// How requests from a number on run, until the next entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The first of them.
    pub first_request: u32,
    /// Which cut of the graph: 0 for the plan, then those of [`Schedule::versions`].
    pub version: u16,
    /// What deciding took; the first of them paid it.
    pub overhead: SimDuration,
    /// Executor of each unit of the version; `None` where the first of them did not come to be placed.
    pub executors: Vec<Option<ExecutorId>>,
    /// What was placed at another time than when it became ready; for the first of them only.
    pub later: Vec<Later>,
}

/// What was decided for one stream during a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Cuts besides the plan.
    pub versions: Vec<Plan>,
    /// By first request; empty for streams of which nothing was decided during the run.
    pub entries: Vec<Entry>,
}

impl Schedule {
    /// How a request runs; `None` before the first entry.
    #[must_use]
    pub fn entry(&self, request: u32) -> Option<&Entry> {
        let after = self.entries.partition_point(|entry| entry.first_request <= request);
        self.entries.get(after.checked_sub(1)?)
    }

    /// Which cut a request runs, and what deciding that took.
    #[must_use]
    pub fn admission(&self, request: u32) -> Admission {
        self.entry(request).map_or_else(Admission::default, |entry| {
            let paid = entry.first_request == request;
            Admission {
                version: entry.version,
                overhead: if paid { entry.overhead } else { SimDuration::ZERO },
            }
        })
    }
}

/// A unit, its executor, and what it was placed at in which turn; `None` when it became ready.
type Placed = (u32, ExecutorId, Option<(Trigger, u32)>);

/// What happened to one request.
#[derive(Debug, Clone, Default)]
struct Request {
    admission: Admission,
    placed: Vec<Placed>,
}

/// Passes everything on to another strategy and writes down what it decides during a run.
pub struct Recording {
    inner: Box<dyn Strategy>,
    versions: Vec<Vec<Plan>>,
    /// Numbers of the streams that it sees.
    streams: Vec<u16>,
    requests: BTreeMap<RequestId, Request>,
    /// First unit and length of each version, by stream of the run.
    ranges: BTreeMap<(u16, u16), (u32, u32)>,
}

impl Recording {
    /// Writes down what `inner` decides.
    #[must_use]
    pub const fn new(inner: Box<dyn Strategy>) -> Self {
        Self {
            inner,
            versions: Vec::new(),
            streams: Vec::new(),
            requests: BTreeMap::new(),
            ranges: BTreeMap::new(),
        }
    }

    /// The schedule of each of so many streams of the run. Requests that ran alike share an entry.
    fn schedules_of(&self, streams: usize) -> Vec<Schedule> {
        let mut schedules = vec![Schedule::default(); streams];
        for (&stream, versions) in self.streams.iter().zip(&self.versions) {
            if let Some(schedule) = schedules.get_mut(usize::from(stream)) {
                schedule.versions.clone_from(versions);
            }
        }
        for (id, request) in &self.requests {
            let Admission { version, overhead } = request.admission;
            let Some(schedule) = schedules.get_mut(usize::from(id.stream)) else { continue };
            let (first, length) = self.ranges.get(&(id.stream, version)).copied().unwrap_or_default();
            let mut executors = vec![None; length as usize];
            let mut later = Vec::new();
            for &(unit, executor, after) in &request.placed {
                if let Some(place) = unit.checked_sub(first).and_then(|at| executors.get_mut(at as usize)) {
                    *place = Some(executor);
                }
                later.extend(after.map(|(after, turn)| Later { after, turn, unit }));
            }
            later.sort_unstable();
            let alike = schedule.entries.last().is_some_and(|last| {
                (last.version, &last.executors) == (version, &executors)
                    && last.later.is_empty()
                    && later.is_empty()
                    && overhead == SimDuration::ZERO
            });
            if !alike {
                let first_request = id.number;
                schedule.entries.push(Entry { first_request, version, overhead, executors, later });
            }
        }
        schedules
    }

    fn know(&mut self, stream: u16, version: u16, graph: &UnitGraph) {
        self.ranges.entry((stream, version)).or_insert_with(|| {
            let (first, end) = graph.range(version).unwrap_or_default();
            (first, end - first)
        });
    }
}

impl Strategy for Recording {
    fn id(&self) -> &'static str {
        self.inner.id()
    }

    fn default_granularity(&self) -> Granularity {
        self.inner.default_granularity()
    }

    fn target(&self) -> Option<ExecutorId> {
        self.inner.target()
    }

    fn prescribes(&self) -> bool {
        self.inner.prescribes()
    }

    fn clocks(&self) -> Vec<Option<u16>> {
        self.inner.clocks()
    }

    fn warnings(&self) -> Vec<String> {
        self.inner.warnings()
    }

    fn slices(&self) -> bool {
        self.inner.slices()
    }

    fn slice_predictor(&self) -> SlicePredictor {
        self.inner.slice_predictor()
    }

    fn slice(&mut self, streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        self.inner.slice(streams)
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        self.requests.clear();
        self.ranges.clear();
        self.streams = streams.iter().map(|view| view.stream).collect();
        self.inner.plan(streams)
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let before = decisions.len();
        self.inner.react(occasion, view, decisions);
        let after = Trigger::of(occasion);
        let made = decisions.get(before..).unwrap_or_default();
        for (turn, &Decision::Place { unit, executor }) in (0u32..).zip(made) {
            let stream = unit.request.stream;
            if let Some(graph) = view.graphs.get(usize::from(stream)) {
                self.know(stream, graph.version_of(unit.unit), graph);
            }
            let own = Trigger { request: unit.request, unit: unit.unit, finished: false };
            let at_once = made.len() == 1 && after == own;
            let when = (!at_once).then_some((after, turn));
            self.requests.entry(unit.request).or_default().placed.push((unit.unit, executor, when));
        }
    }

    fn fault(&mut self) -> Option<StrategyError> {
        self.inner.fault()
    }

    fn versions(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Vec<Plan>>, StrategyError> {
        let versions = self.inner.versions(streams)?;
        self.versions.clone_from(&versions);
        Ok(versions)
    }

    fn decides_admissions(&self) -> bool {
        self.inner.decides_admissions()
    }

    fn admit(&mut self, request: RequestId, slot: u32, view: &RunView<'_>) -> Admission {
        let admission = self.inner.admit(request, slot, view);
        if let Some(graph) = view.graphs.get(usize::from(request.stream)) {
            self.know(request.stream, admission.version, graph);
        }
        self.requests.entry(request).or_default().admission = admission;
        admission
    }

    fn completed(&mut self, request: RequestId, slot: u32, now: SimTime, service: SimDuration) {
        self.inner.completed(request, slot, now, service);
    }

    fn adaptations(&self) -> Option<AdaptationLog> {
        self.inner.adaptations()
    }

    fn schedules(&self, streams: usize) -> Vec<Schedule> {
        self.schedules_of(streams)
    }
}
