//! How much of the hardware plans are believed to use at given clocks.

use super::super::list::{JointGraph, Schedule};
use super::super::{Dispatch, Plan, PlanningView, QueueOrder, StrategyError};
use crate::physics::ClockRatios;
use crate::predict::{ClockBeliefs, Demand};
use crate::soc::ExecutorId;
use crate::units::SimDuration;
use std::cmp::Reverse;

/// Use of one clock domain as parts of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct DomainUse {
    /// Cores that run, on average.
    pub running: f64,
    /// Cores that hold work that waits, on average.
    pub waiting: f64,
    /// Part of the time in which anything in it runs.
    pub awake: f64,
}

/// What a plan is believed to come to at given clocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usage {
    pub domains: Vec<DomainUse>,
    /// Bytes of main memory per second.
    pub bytes: f64,
    /// Requests per second; those of a chain count once.
    pub requests: f64,
    /// For each chain, seconds from the arrival of a request to its completion, the worst of those that are looked at.
    pub latencies: Vec<f64>,
    /// Part of the time for which the busiest resource is held, as far as requests come by themselves.
    pub load: f64,
}

/// A row of streams that counts as one; most are one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    pub root: u16,
    pub period: Option<f64>,
    pub deadline: Option<f64>,
    /// How many requests of it are looked at.
    pub requests: u32,
}

/// Most requests of one stream that are looked at beside the request of a slower one.
const MOST_REQUESTS: f64 = 8.0;

/// One request of a stream.
#[derive(Debug)]
struct Request<'a> {
    view: PlanningView<'a>,
    clocks: &'a dyn ClockBeliefs,
    demand: Demand,
    chain: usize,
    dispatch: Dispatch,
    queue_order: QueueOrder,
    /// Arrival in picoseconds.
    arrival: u64,
    /// The request of the next stage of its chain.
    next: Option<usize>,
    /// Whether it is the first stage that is planned.
    is_first: bool,
    tasks: u32,
}

/// Plans of all streams, ready to be judged at any clocks.
#[derive(Debug)]
pub(super) struct Model<'a> {
    requests: Vec<Request<'a>>,
    pub chains: Vec<Chain>,
    joint: JointGraph<'a>,
    executors: Vec<ExecutorId>,
    keys: Vec<i64>,
    /// For each task, how many others come before it, and which come behind it.
    before: Vec<u32>,
    behind: Vec<Vec<u32>>,
    /// Bytes of main memory that the requests of each chain move.
    bytes: Vec<f64>,
    /// Operators of all tasks, which one evaluation looks at.
    pub operators: u64,
    /// Whether the plans place anything in each domain.
    pub used: Vec<bool>,
}

/// A task whose turn has come.
#[derive(Debug, Clone, Copy)]
struct Ready {
    task: u32,
    key: i64,
    /// When it entered the queues, and when its data is there.
    queued: u64,
    data: u64,
    length: u64,
}

impl<'a> Model<'a> {
    /// Takes plans that place everything, of streams with clocks.
    pub(super) fn new(
        views: &[PlanningView<'a>],
        clocks: &[&'a dyn ClockBeliefs],
        plans: &[Plan],
    ) -> Result<Self, StrategyError> {
        let demands: Vec<Demand> = clocks.iter().map(|clocks| clocks.demand()).collect();
        let mut chains: Vec<Chain> = Vec::new();
        for demand in &demands {
            if chains.iter().all(|chain| chain.root != demand.root) {
                let seconds = |time: Option<SimDuration>| time.map(SimDuration::seconds);
                let (period, deadline) = (seconds(demand.period), seconds(demand.deadline));
                chains.push(Chain { root: demand.root, period, deadline, requests: 1 });
            }
        }
        // A stream of short periods meets the request of a slow one several times.
        let longest = chains.iter().filter_map(|chain| chain.period).fold(0.0, f64::max);
        for chain in &mut chains {
            if let Some(period) = chain.period.filter(|period| *period > 0.0) {
                chain.requests = (longest / period - 1e-9).ceil().clamp(1.0, MOST_REQUESTS) as u32;
            }
        }
        let mut requests: Vec<Request<'_>> = Vec::new();
        let mut own: Vec<Plan> = Vec::new();
        for (((view, &clocks), demand), plan) in views.iter().zip(clocks).zip(&demands).zip(plans) {
            let chain = chains.iter().position(|chain| chain.root == demand.root).unwrap_or(0);
            let period = demand.period.map_or(0, |period| period.0);
            for number in 0..chains.get(chain).map_or(1, |chain| chain.requests) {
                let arrival = u64::from(number).saturating_mul(period);
                let at = requests.len();
                let before = requests.iter_mut().rev().find(|r| r.chain == chain && r.arrival == arrival);
                let is_first = before.is_none();
                if let Some(before) = before {
                    before.next = Some(at);
                }
                requests.push(Request {
                    view: *view,
                    clocks,
                    demand: *demand,
                    chain,
                    dispatch: plan.dispatch,
                    queue_order: plan.queue_order(),
                    arrival,
                    next: None,
                    is_first,
                    tasks: plan.len() as u32,
                });
                own.push(plan.clone());
            }
        }
        let streams: Vec<PlanningView<'a>> = requests.iter().map(|request| request.view).collect();
        let joint = JointGraph::of_plans(&streams, &own)?;
        let unit = |task: u32| {
            let (request, unit) = joint.unit(task);
            own[request].unit(unit as usize)
        };
        let executors: Vec<ExecutorId> =
            joint.tasks().map(|task| unit(task).executor.unwrap_or(ExecutorId(0))).collect();
        let mut behind: Vec<Vec<u32>> =
            joint.tasks().map(|task| joint.successors(task).map(|reader| reader.0).collect()).collect();
        let resources = joint.platform.resources.len();
        let mut last: Vec<Vec<Option<u32>>> = vec![vec![None; resources.max(1)]; requests.len()];
        for task in joint.tasks() {
            let (request, _) = joint.unit(task);
            let turns: Vec<usize> = match own[request].dispatch {
                Dispatch::AtReady => Vec::new(),
                Dispatch::Sequential => vec![0],
                Dispatch::InOrder => {
                    let held = &joint.platform.executor(executors[task as usize]).resources;
                    held.iter().map(|resource| usize::from(resource.0)).collect()
                }
            };
            for turn in turns {
                if let Some(before) = last[request][turn].replace(task) {
                    behind[before as usize].push(task);
                }
            }
        }
        let mut before = vec![0; joint.len()];
        behind.iter().flatten().for_each(|&task| before[task as usize] += 1);
        let mut used = vec![false; clocks.first().map_or(0, |clocks| clocks.domains().len())];
        for &executor in &executors {
            for &resource in &joint.platform.executor(executor).resources {
                used[clocks[0].domain_of(resource)] = true;
            }
        }
        let operators = joint.tasks().map(|t| joint.graph(t).operators(joint.unit(t).1).len() as u64).sum();
        let mut bytes = vec![0.0; chains.len()];
        for task in joint.tasks() {
            let (number, unit) = joint.unit(task);
            let (request, executor) = (&requests[number], executors[task as usize]);
            let moved = joint.graph(task).operators(unit).iter();
            let moved: f64 = moved.map(|&operator| request.clocks.dram_bytes(operator, executor)).sum();
            bytes[request.chain] += moved * request.demand.visits;
        }
        let keys = joint.tasks().map(|task| unit(task).key).collect();
        Ok(Self { requests, chains, joint, executors, keys, before, behind, bytes, operators, used })
    }

    /// What requests are believed to take and to use when every domain stays at its step: one of each stream at the same time and
    /// those of faster streams that follow meanwhile, stages of chains one after the other. Whatever can start first starts
    /// first; executors run with the memory clock that they vote for by themselves.
    pub(super) fn usage(&self, steps: &[usize]) -> Usage {
        let ratios: Vec<ClockRatios> = match self.requests.first() {
            Some(first) => self.joint.executors().iter().map(|&e| first.clocks.ratios(e, steps)).collect(),
            None => Vec::new(),
        };
        let mut tally = Tally::new(self);
        let mut schedule = Schedule::new(&self.joint, false);
        let mut waiting = self.before.clone();
        let mut enqueued = vec![0u64; self.joint.len()];
        let mut left: Vec<u32> = self.requests.iter().map(|request| request.tasks).collect();
        let mut admitted: Vec<u64> = self.requests.iter().map(|request| request.arrival).collect();
        let mut done: Vec<u64> = vec![0; self.requests.len()];
        let mut ready: Vec<Ready> = Vec::new();
        let mut released: Vec<usize> = Vec::new();
        for (number, request) in self.requests.iter().enumerate().filter(|(_, request)| request.is_first) {
            admitted[number] += request.clocks.fixed(steps).0;
            released.push(number);
        }
        loop {
            for number in released.drain(..) {
                for task in self.joint.tasks_of(number) {
                    enqueued[task as usize] = enqueued[task as usize].max(admitted[number]);
                    if waiting[task as usize] == 0 {
                        ready.push(self.ready(
                            task,
                            &schedule,
                            &ratios,
                            admitted[number],
                            enqueued[task as usize],
                        ));
                    }
                }
            }
            let start = |own: &Ready| own.data.max(schedule.available(self.executors[own.task as usize]));
            // What comes at once may come in any order: for the deadlines of fast streams the worst is that slow ones go first.
            let next = ready.iter().enumerate().min_by_key(|(_, own)| {
                let period = self.requests[self.joint.unit(own.task).0].demand.period;
                (start(own), own.key, Reverse(period), own.task)
            });
            let Some((at, _)) = next else { break };
            let own = ready.swap_remove(at);
            let executor = self.executors[own.task as usize];
            let slot = schedule.slot_at(own.task, executor, own.data, own.length);
            schedule.place(own.task, slot);
            let (number, _) = self.joint.unit(own.task);
            tally.add(self, number, executor, (slot.start, slot.finish), own.queued);
            done[number] = done[number].max(slot.done);
            for &task in &self.behind[own.task as usize] {
                let behind = task as usize;
                enqueued[behind] = enqueued[behind].max(slot.finish);
                waiting[behind] -= 1;
                if waiting[behind] == 0 {
                    ready.push(self.ready(task, &schedule, &ratios, admitted[number], enqueued[behind]));
                }
            }
            left[number] -= 1;
            if left[number] == 0
                && let Some(next) = self.requests[number].next
            {
                admitted[next] = done[number];
                done[next] = done[number];
                released.push(next);
            }
        }
        let ends =
            self.requests.iter().zip(&done).map(|(request, done)| done.saturating_sub(request.arrival));
        tally.usage(self, ends)
    }

    /// A task that waits for nothing but its data and its executor.
    fn ready(
        &self,
        task: u32,
        schedule: &Schedule<'_>,
        ratios: &[ClockRatios],
        admitted: u64,
        enqueued: u64,
    ) -> Ready {
        let (number, unit) = self.joint.unit(task);
        let (request, graph) = (&self.requests[number], self.joint.graph(task));
        let executor = self.executors[task as usize];
        let own = &ratios[usize::from(executor.0)];
        let (data, conversion) = schedule.data_ready(task, executor);
        let setup = graph.invocation(unit, executor) + SimDuration(conversion);
        let mut length = request.clocks.setup(executor, setup, own).0;
        for &operator in graph.operators(unit) {
            let estimate = request.view.estimates.execution(operator, executor).unwrap_or(SimDuration::ZERO);
            length = length.saturating_add(request.clocks.operator(operator, executor, estimate, own).0);
        }
        let input = admitted.saturating_add(graph.input_transfer(unit, executor).0);
        let queued = if request.dispatch == Dispatch::InOrder { admitted } else { enqueued };
        Ready {
            task,
            key: match request.queue_order {
                QueueOrder::Fifo => i64::try_from(queued).unwrap_or(i64::MAX),
                QueueOrder::ByKey => self.keys[task as usize],
                QueueOrder::ByKeyFromArrival => {
                    self.keys[task as usize].saturating_add_unsigned(request.arrival)
                }
            },
            queued,
            data: data.max(enqueued).max(input),
            // Repetitions follow each other.
            length: (length as f64 * request.demand.visits) as u64,
        }
    }
}

/// Times by chain, in picoseconds.
struct Tally {
    free: Vec<u64>,
    held: Vec<Vec<u64>>,
    running: Vec<Vec<u64>>,
    waiting: Vec<Vec<u64>>,
    awake: Vec<Vec<Vec<(u64, u64)>>>,
}

impl Tally {
    fn new(model: &Model<'_>) -> Self {
        let (resources, domains) = (model.joint.platform.resources.len(), model.used.len());
        let chains = model.chains.len();
        Self {
            free: vec![0; resources],
            held: vec![vec![0; resources]; chains],
            running: vec![vec![0; domains]; chains],
            waiting: vec![vec![0; domains]; chains],
            awake: vec![vec![Vec::new(); domains]; chains],
        }
    }

    /// An executor runs a task of a request.
    fn add(
        &mut self,
        model: &Model<'_>,
        request: usize,
        executor: ExecutorId,
        interval: (u64, u64),
        queued: u64,
    ) {
        let request = &model.requests[request];
        for &resource in &model.joint.platform.executor(executor).resources {
            let (at, domain) = (usize::from(resource.0), request.clocks.domain_of(resource));
            let waited = interval.0.saturating_sub(self.free[at].max(queued));
            self.free[at] = self.free[at].max(interval.1);
            let length = interval.1 - interval.0;
            self.held[request.chain][at] += length + waited;
            self.running[request.chain][domain] += length;
            self.waiting[request.chain][domain] += waited;
            let known = &mut self.awake[request.chain][domain];
            if known.last() != Some(&interval) {
                known.push(interval);
            }
        }
    }

    /// Everything over the time between requests; `ends` are the latencies of all requests.
    fn usage(mut self, model: &Model<'_>, ends: impl Iterator<Item = u64>) -> Usage {
        let mut latencies = vec![0.0f64; model.chains.len()];
        for (request, end) in model.requests.iter().zip(ends) {
            latencies[request.chain] = latencies[request.chain].max(end as f64 * 1e-12);
        }
        // Without any period, every chain waits for the last.
        let makespan = latencies.iter().copied().fold(0.0, f64::max);
        let alone = model.chains.iter().all(|chain| chain.period.is_none());
        let mut usage = Usage {
            domains: vec![DomainUse::default(); model.used.len()],
            bytes: 0.0,
            requests: 0.0,
            latencies,
            load: 0.0,
        };
        let mut load = vec![0.0f64; self.free.len()];
        for (number, chain) in model.chains.iter().enumerate() {
            let gap = chain.period.unwrap_or(if alone { makespan } else { usage.latencies[number] });
            let rate = 1.0 / gap.max(1e-12);
            let each = rate / f64::from(chain.requests);
            usage.requests += rate;
            usage.bytes += model.bytes[number] * each;
            for (domain, own) in usage.domains.iter_mut().enumerate() {
                own.running += self.running[number][domain] as f64 * 1e-12 * each;
                own.waiting += self.waiting[number][domain] as f64 * 1e-12 * each;
                own.awake += covered(&mut self.awake[number][domain]) as f64 * 1e-12 * each;
            }
            if chain.period.is_some() {
                for (sum, &time) in load.iter_mut().zip(&self.held[number]) {
                    *sum += time as f64 * 1e-12 * each;
                }
            }
        }
        usage.load = load.into_iter().fold(0.0, f64::max);
        // What comes too fast is served as fast as it can be.
        let slower = usage.load.max(1.0);
        usage.requests /= slower;
        usage.bytes /= slower;
        for own in &mut usage.domains {
            own.running /= slower;
            own.waiting /= slower;
            own.awake = (own.awake / slower).min(1.0);
        }
        usage
    }
}

/// Length of the union of intervals.
fn covered(intervals: &mut [(u64, u64)]) -> u64 {
    intervals.sort_unstable();
    let (mut sum, mut end) = (0, 0);
    for &(from, to) in intervals.iter() {
        sum += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    sum
}
