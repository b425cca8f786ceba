//! Band: unit sub-graphs under six schedulers.

use super::super::{
    Decision, Dispatch, Granularity, Occasion, Plan, PlanningView, ReadyUnit, RunView, Single, Strategy,
    StrategyError, TransferStart,
};
use super::band_units::{Segment, longest, shortest, unit_sub_graphs};
use super::workers::disjoint;
use crate::soc::{ExecutorId, Platform};
use crate::units::{SimDuration, SimTime};
use std::collections::BTreeMap;

/// Which job goes where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BandScheduler {
    /// Every model has a worker; the largest sub-graph of that worker.
    Fixed,
    /// For each idle worker the first job that has a sub-graph there.
    RoundRobin,
    /// Of the jobs' shortest expected latencies the largest first, whether the worker is idle or not.
    ShortestExpected,
    /// As that, but only to idle workers; a job whose worker is busy yields.
    Heft {
        /// Whether the next sub-graph of a job keeps its worker for it.
        reserve: bool,
    },
    /// Least slack first, to idle workers.
    LeastSlack,
}

/// A request between its sub-graphs.
#[derive(Debug, Clone, Copy)]
struct Job {
    /// Its next unit, once that is ready.
    unit: ReadyUnit,
    next: u32,
    is_ready: bool,
    is_running: bool,
    enqueued: SimTime,
    /// The segment it is in: units before `end` stay on this worker.
    segment: Option<Segment>,
    /// The worker that its next segment was promised, and for how long.
    reserved: Option<(usize, SimDuration)>,
}

/// Runs unit sub-graphs on workers as Band does.
///
/// Units: maximal groups of operators that the same workers support, in topological order; accelerator groups of fewer than `min-units`
/// (7) operators go to the CPU. Consecutive units that a scheduler gives to one worker run there one after the other (Band merges
/// them; here each still pays the invocation). A job runs one sub-graph at a time. Workers: executors without common
/// resources, accelerators first, then the largest CPU sets.
///
/// Schedulers, over the first `window` (0: all) jobs in order of arrival, whenever a job is ready or a worker has finished:
/// `fixed`, `round-robin`, `sel` (take the job whose shortest latency is largest, strictly; enqueue its first sub-graph even if
/// the worker is busy; repeat), `heft` (as `sel`, only if the worker is idle; else its expected time counts as waiting there and the job
/// yields), `heft-reserve` (the next sub-graph of a started job counts as waiting for others), `lst` (by enqueue time + deadline - now - expected;
/// jobs without deadline last; a job that is late already waits until nothing else can go).
/// Shortest latency: over all ways of giving runs of units to workers, start = max(now, worker's waiting time).
///
/// Source: mrsnu/band@8600d496 (MobiSys '22). Invented: expected times are the predictor's, without Band's moving
/// average; a late job is delayed instead of cancelled; the fixed map gives each model the worker believed fastest for it.
/// Granularity: sub-graph only. Decision point: online. Reads: execution estimates, deadlines. Cost: O(jobs x units^2 x workers) a call.
#[derive(Debug, Clone)]
pub(crate) struct Band {
    scheduler: BandScheduler,
    window: usize,
    least: u32,
    workers: Vec<ExecutorId>,
    /// When each worker is believed to be free, and how many units are there.
    free: Vec<SimTime>,
    held: Vec<u32>,
    deadlines: Vec<Option<SimDuration>>,
    fixed: Vec<usize>,
    jobs: Vec<Job>,
}

impl Band {
    pub(crate) fn new(scheduler: BandScheduler, window: u32, least: u32, platform: &Platform) -> Self {
        let workers = disjoint(platform);
        Self {
            scheduler,
            window: if window == 0 { usize::MAX } else { window as usize },
            least,
            free: vec![SimTime::ZERO; workers.len()],
            held: vec![0; workers.len()],
            workers,
            deadlines: Vec::new(),
            fixed: Vec::new(),
            jobs: Vec::new(),
        }
    }

    fn is_idle(&self, worker: usize) -> bool {
        self.held[worker] == 0
    }

    /// When each worker is free for a job: now, or when it has worked off what it holds and what it has promised to others.
    fn waiting(&self, now: SimTime, job: Option<usize>) -> Vec<SimTime> {
        let mut free: Vec<SimTime> = (0..self.workers.len())
            .map(|w| if self.is_idle(w) { now } else { self.free[w].max(now) })
            .collect();
        if self.scheduler == (BandScheduler::Heft { reserve: true }) {
            for (_, other) in self.jobs.iter().enumerate().filter(|(number, _)| Some(*number) != job) {
                if let Some((worker, time)) = other.reserved {
                    free[worker] = free[worker] + time;
                }
            }
        }
        free
    }

    /// Jobs in the window that wait for a decision.
    fn queue(&self) -> Vec<usize> {
        let open = |job: &&Job| job.is_ready && !job.is_running;
        let queue = self.jobs.iter().enumerate().filter(|(_, job)| open(job)).map(|(number, _)| number);
        queue.take(self.window).collect()
    }

    fn start(&mut self, number: usize, segment: Segment, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        self.jobs[number].segment = Some(segment);
        self.jobs[number].reserved = None;
        self.run_unit(number, segment, view, decisions);
    }

    fn run_unit(
        &mut self,
        number: usize,
        segment: Segment,
        view: &RunView<'_>,
        decisions: &mut Vec<Decision>,
    ) {
        let job = &mut self.jobs[number];
        job.is_running = true;
        let executor = self.workers[segment.worker];
        let expected = view.execution(job.unit, executor).unwrap_or(SimDuration::ZERO);
        let begin =
            if self.held[segment.worker] == 0 { view.now } else { self.free[segment.worker].max(view.now) };
        self.free[segment.worker] = begin + expected;
        self.held[segment.worker] += 1;
        decisions.push(Decision::Place { unit: job.unit, executor });
    }

    fn schedule(&mut self, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        // A job inside a segment goes on where it is.
        for number in 0..self.jobs.len() {
            let job = self.jobs[number];
            if let Some(segment) = job.segment.filter(|s| job.is_ready && !job.is_running && job.next < s.end)
            {
                self.run_unit(number, segment, view, decisions);
            }
        }
        match self.scheduler {
            BandScheduler::Fixed => self.fixed(view, decisions),
            BandScheduler::RoundRobin => self.round_robin(view, decisions),
            BandScheduler::ShortestExpected => self.by_latency(view, decisions, false),
            BandScheduler::Heft { .. } => self.by_latency(view, decisions, true),
            BandScheduler::LeastSlack => self.least_slack(view, decisions),
        }
    }

    fn graph<'v>(&self, number: usize, view: &'v RunView<'_>) -> &'v super::super::UnitGraph {
        &view.graphs[self.jobs[number].unit.request.stream as usize]
    }

    fn fixed(&mut self, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        for number in self.queue() {
            let graph = self.graph(number, view);
            let next = self.jobs[number].next;
            let home = self.fixed[self.jobs[number].unit.request.stream as usize];
            let own = longest(graph, next, (home, self.workers[home]));
            let segment = own.or_else(|| {
                let one = |(w, &e)| {
                    graph.estimate(next, e).map(|expected| Segment { worker: w, end: next + 1, expected })
                };
                self.workers.iter().enumerate().filter_map(one).min_by_key(|s| s.expected)
            });
            if let Some(segment) = segment {
                self.start(number, segment, view, decisions);
            }
        }
    }

    fn round_robin(&mut self, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        for worker in 0..self.workers.len() {
            if !self.is_idle(worker) {
                continue;
            }
            let found = self.queue().into_iter().find_map(|number| {
                let own = (worker, self.workers[worker]);
                longest(self.graph(number, view), self.jobs[number].next, own)
                    .map(|segment| (number, segment))
            });
            if let Some((number, segment)) = found {
                self.start(number, segment, view, decisions);
            }
        }
    }

    fn by_latency(&mut self, view: &RunView<'_>, decisions: &mut Vec<Decision>, only_idle: bool) {
        let mut yielding: Vec<usize> = Vec::new();
        let mut extra = vec![SimDuration::ZERO; self.workers.len()];
        loop {
            if only_idle && !(0..self.workers.len()).any(|worker| self.is_idle(worker)) {
                return;
            }
            let mut chosen: Option<(SimTime, usize, Segment)> = None;
            // Jobs of one model that are equally far, and have been promised nothing, have the same answer.
            let mut known: BTreeMap<(u16, u32), Option<(SimTime, Segment)>> = BTreeMap::new();
            for number in self.queue().into_iter().filter(|number| !yielding.contains(number)) {
                let job = &self.jobs[number];
                let (stream, next) = (job.unit.request.stream, job.next);
                let evaluate = || {
                    let mut free = self.waiting(view.now, Some(number));
                    free.iter_mut().zip(&extra).for_each(|(time, &more)| *time = *time + more);
                    shortest(self.graph(number, view), next, view.now, &self.workers, &free)
                };
                let way = match job.reserved {
                    None => *known.entry((stream, next)).or_insert_with(evaluate),
                    Some(_) => evaluate(),
                };
                if let Some((end, segment)) = way
                    && chosen.is_none_or(|(largest, _, _)| end > largest)
                {
                    chosen = Some((end, number, segment));
                }
            }
            let Some((_, number, segment)) = chosen else { return };
            if only_idle && !self.is_idle(segment.worker) {
                extra[segment.worker] += segment.expected;
                yielding.push(number);
                continue;
            }
            self.start(number, segment, view, decisions);
            if self.scheduler == (BandScheduler::Heft { reserve: true }) {
                let free = self.waiting(view.now, Some(number));
                let graph = self.graph(number, view);
                let at = view.now + segment.expected;
                let behind = shortest(graph, segment.end, at, &self.workers, &free);
                self.jobs[number].reserved = behind.map(|(_, next)| (next.worker, next.expected));
            }
        }
    }

    fn least_slack(&mut self, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let mut order: Vec<(i128, usize)> = Vec::new();
        let free = self.waiting(view.now, None);
        let mut known: BTreeMap<(u16, u32), Option<(SimTime, Segment)>> = BTreeMap::new();
        for number in self.queue() {
            let job = self.jobs[number];
            let evaluate = || shortest(self.graph(number, view), job.next, view.now, &self.workers, &free);
            let way = *known.entry((job.unit.request.stream, job.next)).or_insert_with(evaluate);
            let Some((end, _)) = way else { continue };
            let deadline = self.deadlines[job.unit.request.stream as usize];
            let slack = deadline
                .map_or(i128::MAX, |deadline| i128::from((job.enqueued + deadline).0) - i128::from(end.0));
            // Late already: behind all that can still be in time, before those that have no deadline.
            order.push((if slack < 0 { i128::MAX - 1 } else { slack }, number));
        }
        order.sort_unstable();
        for (_, number) in order {
            if !(0..self.workers.len()).any(|worker| self.is_idle(worker)) {
                return;
            }
            let free = self.waiting(view.now, None);
            let next = self.jobs[number].next;
            if let Some((_, segment)) =
                shortest(self.graph(number, view), next, view.now, &self.workers, &free)
                && self.is_idle(segment.worker)
            {
                self.start(number, segment, view, decisions);
            }
        }
    }
}

impl Strategy for Band {
    fn id(&self) -> &'static str {
        "band"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        if let Some(view) = streams.iter().find(|view| view.granularity != Granularity::SubGraph) {
            return Err(StrategyError::Granularity {
                strategy: "band",
                granularity: view.granularity.id(),
                offered: "`sub-graph`",
            });
        }
        self.jobs.clear();
        self.free.fill(SimTime::ZERO);
        self.held.fill(0);
        self.deadlines = streams.iter().map(|view| view.service.deadline).collect();
        self.fixed.clear();
        let mut plans = Vec::new();
        for view in streams {
            let lost: Vec<u32> = (0..view.dag.len() as u32)
                .filter(|&op| !self.workers.iter().any(|&worker| view.supports(op, worker)))
                .collect();
            if !lost.is_empty() {
                return Err(StrategyError::Unsupported {
                    strategy: "band",
                    wanted: "any worker".to_owned(),
                    operators: lost.iter().take(12).map(|&op| view.operator_name(op)).collect(),
                });
            }
            let lacking =
                |worker| (0..view.dag.len() as u32).filter(|&op| !view.supports(op, worker)).count();
            let key = |&(_, &worker): &(usize, &ExecutorId)| {
                (lacking(worker), Single::estimate(view, worker).unwrap_or_default())
            };
            self.fixed.push(self.workers.iter().enumerate().min_by_key(key).map_or(0, |(number, _)| number));
            let mut plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
            for members in unit_sub_graphs(view, &self.workers, self.least) {
                plan.push(&members, None);
            }
            plans.push(plan);
        }
        Ok(plans)
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        match occasion {
            Occasion::Ready(unit) => {
                let known = self.jobs.iter().position(|job| job.unit.request == unit.request);
                let number = known.unwrap_or_else(|| {
                    self.jobs.push(Job {
                        unit,
                        next: 0,
                        is_ready: false,
                        is_running: false,
                        enqueued: view.now,
                        segment: None,
                        reserved: None,
                    });
                    self.jobs.len() - 1
                });
                let job = &mut self.jobs[number];
                if unit.unit == job.next && !job.is_running {
                    job.unit = unit;
                    job.is_ready = true;
                    self.schedule(view, decisions);
                }
            }
            Occasion::Finished { unit, executor } => {
                if let Some(worker) = self.workers.iter().position(|&worker| worker == executor) {
                    self.held[worker] = self.held[worker].saturating_sub(1);
                }
                if let Some(number) = self.jobs.iter().position(|job| job.unit.request == unit.request) {
                    let job = &mut self.jobs[number];
                    // Units are in an order in which they can run: with all before it finished, the next is ready.
                    job.next = unit.unit + 1;
                    job.unit.unit = job.next;
                    (job.is_ready, job.is_running) = (true, false);
                    if job.next as usize >= view.graphs[unit.request.stream as usize].len() {
                        self.jobs.remove(number);
                    }
                }
                self.schedule(view, decisions);
            }
        }
    }
}
