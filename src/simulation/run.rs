//! Setting a run up, driving it, and closing its books.

use super::arrivals::Source;
use super::beliefs::Present;
use super::dynamics::Dynamics;
use super::memory_gate::Gate;
use super::observer::{Activity, Interval, Observer};
use super::play::Prepared;
use super::problem::{Outcome, Problem, ProfilingOutcome, SimulationError, StreamOutcome};
use super::progress::Seen;
use super::stages::{Chains, Trigger};
use super::state::{Flow, ItemPhase, Items, ResourceState, StreamState};
use crate::engine::{ActivityTable, EqualShare, EventQueue, Model};
use crate::predict::{Beliefs, Predictor, Profiling};
use crate::soc::{ExecutorId, Network, ResourceId};
use crate::strategy::{
    Decision, Occasion, PlacedUnit, Placements, ReadyUnit, RunView, Strategy, TransferStart, UnitGraph,
};
use crate::units::SimTime;

/// Events that come from outside the activities.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The next request of a stream arrives.
    Arrival { stream: u16, number: u32, nominal: SimTime },
    /// A transfer has passed its latency and joins the bus.
    JoinBus { flow: u32 },
    /// An item that may start does, unless another has come in front of it.
    Start { item: u32 },
    /// The outputs of a request lie where the application reads them.
    Complete { stream: u16, slot: u32 },
}

/// Where the next event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upcoming {
    Activity(usize),
    Bus,
    Dynamics,
    Queue,
    Nothing,
}

/// A run in progress.
pub(super) struct Simulation<'a, O: Observer> {
    pub problem: &'a Problem,
    pub strategy: &'a mut dyn Strategy,
    pub observer: &'a mut O,
    pub graphs: &'a [UnitGraph],
    /// Whether the strategy is asked at every admission.
    pub decides_admissions: bool,
    pub transfer_start: Vec<TransferStart>,
    pub placements: Vec<Placements>,
    pub sources: Vec<Source<'a>>,
    pub streams: Vec<StreamState>,
    pub resources: Vec<ResourceState>,
    pub items: Items,
    pub activities: ActivityTable,
    /// Item that runs or is due in the slot of each resource.
    pub running: Vec<u32>,
    /// DRAM traffic that each running operator demands, bytes per second.
    pub demands: Vec<f64>,
    pub grants: Vec<f64>,
    pub weights: Vec<f64>,
    pub fill_order: Vec<u32>,
    pub throttled: bool,
    pub bus: EqualShare<u32>,
    pub flows: Vec<Flow>,
    pub free_flows: Vec<u32>,
    pub queue: EventQueue<Event>,
    pub decisions: Vec<Decision>,
    pub upcoming: (SimTime, Upcoming),
    pub completed: u64,
    pub chains: Chains,
    /// Whether something was due after the end of simulated time.
    pub overflow: bool,
    /// Memory of the application; `None` when it has no limit.
    pub memory: Option<Gate>,
    pub domains: usize,
    pub outcome: Outcome,
    /// What the strategy believes, and what that costs.
    pub predictor: Box<dyn Predictor>,
    pub profiling: Profiling,
    /// Clocks, power, heat and competing work; `None` when all stay as they are.
    pub dynamics: Option<Box<Dynamics<'a>>>,
}

impl<'a, O: Observer> Simulation<'a, O> {
    pub(super) fn new(
        problem: &'a Problem,
        strategy: &'a mut dyn Strategy,
        observer: &'a mut O,
        prepared: &'a Prepared,
    ) -> Self {
        let graphs = &prepared.graphs;
        let resources = problem.platform.resources.len();
        // Competing work has activities and demands of its own, behind those of the resources.
        let competitors = problem.dynamics.as_ref().map_or(0, |dynamics| dynamics.background.len());
        let slots = resources + competitors;
        let domains = problem.platform.executors.iter().map(|e| e.domain as usize + 1).max().unwrap_or(1);
        let bus_rate = match problem.platform.network {
            Network::SharedBus(rate) => rate.0,
            Network::ContentionFree => f64::INFINITY,
        };
        Self {
            strategy,
            observer,
            transfer_start: prepared
                .plans
                .iter()
                .map(|plan| problem.transfer_start.unwrap_or(plan.transfer_start))
                .collect(),
            placements: graphs.iter().map(|graph| Placements::new(graph.len())).collect(),
            sources: (0u16..)
                .zip(&problem.streams)
                .map(|(i, s)| Source::new(&s.arrivals, problem.seed, i))
                .collect(),
            streams: graphs
                .iter()
                .map(|graph| StreamState::new(graph, problem.platform.executors.len() as u16))
                .collect(),
            resources: (0..resources).map(|_| ResourceState::new()).collect(),
            items: Items::default(),
            activities: ActivityTable::new(slots),
            running: vec![u32::MAX; resources],
            demands: vec![0.0; slots],
            grants: vec![0.0; slots],
            weights: weights(problem, resources),
            fill_order: Vec::with_capacity(slots),
            throttled: false,
            bus: EqualShare::new(bus_rate),
            flows: Vec::new(),
            free_flows: Vec::new(),
            queue: EventQueue::new(),
            decisions: Vec::new(),
            upcoming: (SimTime::NEVER, Upcoming::Nothing),
            completed: 0,
            chains: Chains::new(problem.streams.iter().map(|s| &s.stage)),
            overflow: false,
            memory: prepared.memory.as_deref().and_then(Gate::new),
            domains,
            outcome: Outcome {
                end: SimTime::ZERO,
                events: 0,
                truncated: false,
                resources: Vec::new(),
                streams: problem
                    .streams
                    .iter()
                    .map(|stream| StreamOutcome {
                        latencies: Vec::with_capacity(
                            stream.arrivals.count().unwrap_or(0).min(1 << 24) as usize
                        ),
                        ..StreamOutcome::default()
                    })
                    .collect(),
                chains: Vec::new(),
                units: 0,
                operators: 0,
                remote_transfers: 0,
                transferred_bytes: 0.0,
                dram_bytes: 0.0,
                finish_sum_ps: 0,
                makespan: SimTime::ZERO,
                profiling: ProfilingOutcome {
                    offline: prepared.profiling.offline,
                    ..ProfilingOutcome::default()
                },
                reserved_bytes: None,
                dynamics: None,
            },
            predictor: prepared.predictor.boxed(),
            profiling: prepared.profiling,
            dynamics: problem.dynamics.as_deref().map(|setup| {
                let platform = &problem.platform;
                let (base, bytes) = (platform.base_power.0, platform.dram_joules_per_byte);
                Box::new(Dynamics::new(setup, &prepared.clocks, base, bytes, problem.seed))
            }),
            graphs,
            decides_admissions: prepared.decides_admissions,
            problem,
        }
    }

    pub(super) fn open(&mut self) {
        for stream in 0..self.sources.len() as u16 {
            // Stages behind others have no arrivals of their own.
            if self.problem.streams[stream as usize].stage.trigger == Trigger::Arrivals {
                self.schedule_arrival(stream, SimTime::ZERO);
            }
        }
        self.tell_temperatures();
        self.settle(SimTime::ZERO);
        self.look_ahead();
    }

    /// Finds the next event.
    fn look_ahead(&mut self) {
        if self.is_stopped() {
            self.upcoming = (SimTime::NEVER, Upcoming::Nothing);
            return;
        }
        let mut next = (SimTime::NEVER, Upcoming::Nothing);
        if let Some((time, slot)) = self.activities.next() {
            next = (time, Upcoming::Activity(slot));
        }
        if self.bus.next() < next.0 {
            next = (self.bus.next(), Upcoming::Bus);
        }
        let queued = self.queue.next_time();
        if let Some(dynamics) = &self.dynamics {
            // Clocks and competing work alone keep no run alive: something must run, or be due.
            let alive = self.bus.next().min(queued) != SimTime::NEVER
                || self.running.iter().any(|&item| item != u32::MAX);
            if !alive {
                next = (SimTime::NEVER, Upcoming::Nothing);
            } else if dynamics.next() < next.0 {
                next = (dynamics.next(), Upcoming::Dynamics);
            }
        }
        // Policies look at the result of everything else that happens at the same time.
        if queued < next.0 || (queued == next.0 && next.1 == Upcoming::Dynamics) {
            next = (queued, Upcoming::Queue);
        }
        self.upcoming = next;
    }

    /// Whether the stop rule has been met.
    pub(super) fn is_stopped(&self) -> bool {
        self.problem.stop_after.is_some_and(|requests| self.completed >= requests)
    }

    /// Puts a question to the strategy, with the run as it may see it at present.
    pub(super) fn ask<R>(
        &mut self,
        now: SimTime,
        question: impl FnOnce(&mut dyn Strategy, &RunView<'_>) -> R,
    ) -> R {
        let present = Present {
            problem: self.problem,
            predictor: &*self.predictor,
            dynamics: self.dynamics.as_deref(),
        };
        let progress =
            Seen { streams: &self.streams, outcomes: &self.outcome.streams, resources: &self.resources };
        let view = RunView {
            progress: &progress,
            beliefs: self.predictor.changes().then_some(&present as &dyn Beliefs),
            now,
            platform: &self.problem.platform,
            graphs: self.graphs,
            placements: &self.placements,
        };
        question(&mut *self.strategy, &view)
    }

    /// Tells the strategy what has happened, and applies what it decides.
    pub(super) fn consult(&mut self, now: SimTime, occasion: Occasion) -> Result<(), SimulationError> {
        let mut decisions = std::mem::take(&mut self.decisions);
        self.ask(now, |strategy, view| strategy.react(occasion, view, &mut decisions));
        if let Some(fault) = self.strategy.fault() {
            return Err(fault.into());
        }
        for decision in decisions.drain(..) {
            let Decision::Place { unit, executor } = decision;
            self.check_decision(unit, executor)?;
            self.place(now, unit, executor);
        }
        self.decisions = decisions;
        Ok(())
    }

    fn check_decision(&self, unit: ReadyUnit, executor: ExecutorId) -> Result<(), SimulationError> {
        let refuse = |what: String| Err(SimulationError::Decision { strategy: self.strategy.id(), what });
        let stream = unit.request.stream as usize;
        let Some(state) = self.streams.get(stream) else {
            return refuse(format!("there is no stream {stream}"));
        };
        // Of other versions than its own a request has no unit, though their first ones lack nothing.
        let live = state.slots.get(unit.slot as usize).is_some_and(|slot| {
            slot.number == unit.request.number
                && slot.units_left > 0
                && (slot.range.0..slot.range.1).contains(&unit.unit)
        });
        if !live {
            return refuse(format!("request {} has no unit {} to be placed", unit.request.number, unit.unit));
        }
        let index = unit.slot as usize * state.units + unit.unit as usize;
        if state.waiting_for[index] != 0 || state.item_of[index] != u32::MAX {
            return refuse(format!(
                "unit {} of request {} is not ready, or is placed already",
                unit.unit, unit.request.number
            ));
        }
        if executor.0 as usize >= self.problem.platform.executors.len() {
            return refuse(format!("there is no executor {}", executor.0));
        }
        if self.graphs[stream].estimate(unit.unit, executor).is_none() {
            let name = &self.problem.platform.executor(executor).name;
            return refuse(format!("unit {} cannot run on {name}", unit.unit));
        }
        Ok(())
    }

    pub(super) fn placed(&self, item: u32) -> PlacedUnit {
        let item = &self.items[item];
        PlacedUnit { request: item.unit.request, unit: item.unit.unit, executor: item.executor }
    }

    /// Books a span of a resource's time.
    #[inline]
    pub(super) fn book(
        &mut self,
        resource: ResourceId,
        activity: Activity,
        item: u32,
        operator: Option<u32>,
        start: SimTime,
        end: SimTime,
    ) {
        if end > start {
            self.resources[resource.0 as usize].totals[activity as usize] += end.since(start);
            let work = self.placed(item);
            self.observer.interval(Interval { resource, activity, work, operator, start, end });
        }
    }

    pub(super) fn close(mut self, end: SimTime, truncated: bool) -> Outcome {
        if truncated || self.is_stopped() {
            self.close_open_intervals(end);
        }
        self.close_dynamics(end);
        if let Some(gate) = &self.memory {
            gate.close(end, &mut self.outcome);
        }
        self.observer.ended(end);
        for (stream, state) in self.streams.iter().enumerate() {
            self.outcome.streams[stream].unfinished =
                u64::from(state.in_flight) + state.queue.len() as u64 + u64::from(state.held_back.is_some());
        }
        for root in self.chains.live_roots() {
            self.chains.outcomes[root].unfinished += 1;
        }
        self.outcome.chains = std::mem::take(&mut self.chains.outcomes);
        self.outcome.end = end;
        self.outcome.truncated = truncated;
        self.outcome.resources = self.resources.iter().map(|resource| resource.totals).collect();
        self.outcome
    }

    /// A time limit or the stop rule cuts through what is going on; book it up to there.
    fn close_open_intervals(&mut self, end: SimTime) {
        for number in 0..self.resources.len() {
            let Some(&item) = self.resources[number].queue.front() else { continue };
            let state = self.items[item];
            let (resource, first) =
                (ResourceId(number as u16), self.problem.platform.executor(state.executor).resources[0]);
            match state.phase {
                ItemPhase::Waiting | ItemPhase::DataDue => {
                    let since = self.resources[number].head_since;
                    self.book(resource, Activity::Blocked, item, None, since, end);
                }
                // What runs holds all its resources, and is booked once for all of them.
                _ if resource != first => {}
                ItemPhase::Waking => self.book_wait_for_cores(item, state.since, end),
                ItemPhase::Setup => self.book_all(item, Activity::Overhead, None, state.since, end),
                ItemPhase::Overhead => {
                    self.book_all(item, Activity::Overhead, Some(self.operator(&state)), state.since, end);
                }
                ItemPhase::Execution => {
                    self.book_all(item, Activity::Busy, Some(self.operator(&state)), state.since, end);
                }
            }
        }
    }
}

/// Weights with which resources and competing work share main memory.
fn weights(problem: &Problem, resources: usize) -> Vec<f64> {
    let competing = problem.dynamics.iter().flat_map(|dynamics| &dynamics.background);
    std::iter::repeat_n(1.0, resources).chain(competing.map(|source| source.memory_weight)).collect()
}

impl<O: Observer> Model for Simulation<'_, O> {
    type Error = SimulationError;

    fn next_time(&self) -> SimTime {
        self.upcoming.0
    }

    fn step(&mut self, now: SimTime) -> Result<(), SimulationError> {
        self.outcome.events += 1;
        match self.upcoming.1 {
            Upcoming::Activity(slot) => self.activity_ended(now, slot)?,
            Upcoming::Bus => self.flow_ended(now),
            Upcoming::Dynamics => self.dynamics_due(now),
            Upcoming::Queue => match self.queue.pop() {
                Some((_, Event::Arrival { stream, number, nominal })) => {
                    self.arrive(now, stream, number, nominal)?
                }
                Some((_, Event::JoinBus { flow })) => {
                    self.bus.enter(now, self.flows[flow as usize].bytes, flow)
                }
                Some((_, Event::Start { item })) => self.start_now(now, item),
                Some((_, Event::Complete { stream, slot })) => self.complete(now, stream, slot)?,
                None => {}
            },
            Upcoming::Nothing => {}
        }
        if self.dynamics.is_some() {
            self.settle(now);
        }
        self.look_ahead();
        Ok(())
    }

    fn pending(&self) -> Vec<String> {
        let mut culprits = Vec::new();
        if self.is_stopped() {
            return culprits;
        }
        for (number, resource) in self.resources.iter().enumerate() {
            if let Some(&item) = resource.queue.front() {
                let (name, state) = (&self.problem.platform.resources[number].name, &self.items[item]);
                culprits.push(format!(
                    "{name} holds unit {} of request {} of stream {} ({} inputs missing, head of {} of {} queues)",
                    state.unit.unit,
                    state.unit.request.number,
                    state.unit.request.stream,
                    state.missing,
                    state.heads,
                    self.problem.platform.executor(state.executor).resources.len(),
                ));
            }
        }
        for (stream, state) in self.streams.iter().enumerate() {
            for slot in state.slots.iter().filter(|slot| slot.units_left > 0).take(3) {
                culprits.push(format!(
                    "request {} of stream {stream} has {} units left",
                    slot.number, slot.units_left
                ));
            }
            if !state.queue.is_empty() {
                culprits.push(format!("{} requests of stream {stream} wait", state.queue.len()));
            }
        }
        if culprits.is_empty() && self.upcoming.1 != Upcoming::Nothing {
            // Between two requests: requests without work can follow each other without time passing.
            let open = (0..self.sources.len()).filter(|&stream| {
                self.sources[stream].has_more() || self.outcome.streams[stream].offered > 0
            });
            culprits.extend(open.map(|stream| format!("requests of stream {stream} keep arriving")));
        }
        culprits.truncate(8);
        culprits
    }
}
