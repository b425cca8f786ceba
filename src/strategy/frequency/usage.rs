//! How much of the hardware plans are believed to use at given clocks.

use super::super::exact::sequence;
use super::super::list::{JointGraph, Schedule};
use super::super::{Dispatch, Plan, PlanningView, StrategyError};
use crate::predict::{ClockBeliefs, Demand};
use crate::soc::ExecutorId;
use crate::units::SimDuration;

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
    /// For each chain, seconds from the arrival of a request to its completion.
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
}

/// Plans of all streams, ready to be judged at any clocks.
#[derive(Debug)]
pub(super) struct Model<'a> {
    views: &'a [PlanningView<'a>],
    clocks: Vec<&'a dyn ClockBeliefs>,
    demands: Vec<Demand>,
    pub chains: Vec<Chain>,
    /// Chain of each stream.
    chain_of: Vec<usize>,
    joint: JointGraph<'a>,
    /// Tasks in the order in which they start at the fastest clocks, and where.
    order: Vec<(u32, ExecutorId)>,
    dispatch: Vec<Dispatch>,
    /// Operators of all tasks, which one evaluation looks at.
    pub operators: u64,
    /// Whether the plans place anything in each domain.
    pub used: Vec<bool>,
}

impl<'a> Model<'a> {
    /// Takes plans that place everything, of streams with clocks.
    pub(super) fn new(
        views: &'a [PlanningView<'a>],
        clocks: Vec<&'a dyn ClockBeliefs>,
        plans: &[Plan],
    ) -> Result<Self, StrategyError> {
        let joint = JointGraph::of_plans(views, plans)?;
        let demands: Vec<Demand> = clocks.iter().map(|clocks| clocks.demand()).collect();
        let mut chains: Vec<Chain> = Vec::new();
        let mut chain_of = Vec::new();
        let mut stage = Vec::new();
        for demand in &demands {
            let known = chains.iter().position(|chain| chain.root == demand.root);
            let chain = known.unwrap_or(chains.len());
            if known.is_none() {
                let seconds = |time: Option<SimDuration>| time.map(SimDuration::seconds);
                let (period, deadline) = (seconds(demand.period), seconds(demand.deadline));
                chains.push(Chain { root: demand.root, period, deadline });
            }
            stage.push(chain_of.iter().filter(|&&other| other == chain).count());
            chain_of.push(chain);
        }
        let mut order = sequence(&joint, plans);
        // Stages of a chain come one after the other.
        order.sort_by_key(|&(task, _)| stage[joint.unit(task).0]);
        let mut used = vec![false; clocks.first().map_or(0, |clocks| clocks.domains().len())];
        for &(_, executor) in &order {
            for &resource in &joint.platform.executor(executor).resources {
                used[clocks[0].domain_of(resource)] = true;
            }
        }
        let operators = joint.tasks().map(|t| joint.graph(t).operators(joint.unit(t).1).len() as u64).sum();
        let dispatch = plans.iter().map(|plan| plan.dispatch).collect();
        Ok(Self { views, clocks, demands, chains, chain_of, joint, order, dispatch, operators, used })
    }

    /// What requests are believed to take and to use when every domain stays at its step: one of each stream at the same time,
    /// stages of chains one after the other, every executor with the memory clock that it votes for by itself.
    pub(super) fn usage(&self, steps: &[usize]) -> Usage {
        let platform = self.joint.platform;
        let ratios: Vec<_> =
            self.joint.executors().iter().map(|&executor| self.clocks[0].ratios(executor, steps)).collect();
        let chains = self.chains.len();
        let mut schedule = Schedule::new(&self.joint, false);
        let mut ends: Vec<f64> = vec![0.0; chains];
        let mut released = vec![0u64; self.views.len()];
        let mut begun = vec![false; self.views.len()];
        let mut last = vec![0u64; self.views.len()];
        let mut free = vec![0u64; platform.resources.len()];
        // Per chain: held time of each resource, running and waiting core time of each domain, bytes, intervals of each domain.
        let domains = self.used.len();
        let mut held = vec![vec![0u64; platform.resources.len()]; chains];
        let mut times = vec![vec![(0u64, 0u64); domains]; chains];
        let mut awake: Vec<Vec<Vec<(u64, u64)>>> = vec![vec![Vec::new(); domains]; chains];
        let mut bytes = vec![0.0f64; chains];
        for &(task, executor) in &self.order {
            let (stream, unit) = self.joint.unit(task);
            let (chain, clocks, demand) = (self.chain_of[stream], self.clocks[stream], &self.demands[stream]);
            if !std::mem::replace(&mut begun[stream], true) {
                let before = if ends[chain] > 0.0 { ends[chain] as u64 } else { clocks.fixed(steps).0 };
                released[stream] = before;
                last[stream] = released[stream];
            }
            let graph = self.joint.graph(task);
            let (data, conversion) = schedule.data_ready(task, executor);
            let own = &ratios[usize::from(executor.0)];
            let setup = graph.invocation(unit, executor) + SimDuration(conversion);
            let mut length = clocks.setup(executor, setup, own).0;
            for &operator in graph.operators(unit) {
                let estimate = self.views[stream].estimates.execution(operator, executor);
                let estimate = estimate.unwrap_or(SimDuration::ZERO);
                length = length.saturating_add(clocks.operator(operator, executor, estimate, own).0);
                bytes[chain] += demand.visits * clocks.dram_bytes(operator, executor);
            }
            let length = (length as f64 * demand.visits) as u64;
            let producers = self.joint.predecessors(task);
            let finish = |(producer, _): (u32, _)| schedule.slot(producer).map_or(0, |slot| slot.finish);
            let mut queued = released[stream];
            match self.dispatch[stream] {
                Dispatch::InOrder => {}
                Dispatch::AtReady => queued = producers.map(finish).max().unwrap_or(0).max(queued),
                Dispatch::Sequential => queued = queued.max(last[stream]),
            }
            let given = released[stream].saturating_add(graph.input_transfer(unit, executor).0);
            let slot = schedule.slot_at(task, executor, data.max(queued).max(given), length);
            schedule.place(task, slot);
            last[stream] = slot.finish;
            ends[chain] = ends[chain].max(slot.done as f64);
            for &resource in &platform.executor(executor).resources {
                let (at, domain) = (usize::from(resource.0), self.clocks[0].domain_of(resource));
                let waited = slot.start.saturating_sub(free[at].max(queued));
                free[at] = free[at].max(slot.finish);
                held[chain][at] += slot.finish - slot.start + waited;
                times[chain][domain].0 += slot.finish - slot.start;
                times[chain][domain].1 += waited;
                let known = &mut awake[chain][domain];
                if known.last() != Some(&(slot.start, slot.finish)) {
                    known.push((slot.start, slot.finish));
                }
            }
        }
        let latencies: Vec<f64> = ends.iter().map(|end| end * 1e-12).collect();
        // Without any period, every chain waits for the last.
        let makespan = latencies.iter().copied().fold(0.0, f64::max);
        let alone = self.chains.iter().all(|chain| chain.period.is_none());
        let mut usage = Usage {
            domains: vec![DomainUse::default(); domains],
            bytes: 0.0,
            requests: 0.0,
            latencies,
            load: 0.0,
        };
        let mut load = vec![0.0f64; platform.resources.len()];
        for (number, chain) in self.chains.iter().enumerate() {
            let gap = chain.period.unwrap_or(if alone { makespan } else { usage.latencies[number] });
            let rate = 1.0 / gap.max(1e-12);
            usage.requests += rate;
            usage.bytes += bytes[number] * rate;
            for (domain, own) in usage.domains.iter_mut().enumerate() {
                let (running, waiting) = times[number][domain];
                own.running += running as f64 * 1e-12 * rate;
                own.waiting += waiting as f64 * 1e-12 * rate;
                own.awake += covered(&mut awake[number][domain]) as f64 * 1e-12 * rate;
            }
            if chain.period.is_some() {
                for (sum, &time) in load.iter_mut().zip(&held[number]) {
                    *sum += time as f64 * 1e-12 * rate;
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
