//! Problems and observers for tests.

use hetsoc::engine::Limits;
use hetsoc::graph::dag::Dag;
use hetsoc::physics::{Bound, CostTable, OperatorCost};
use hetsoc::simulation::observer::{Interval, Observer, PlacedUnit, TransferRecord};
use hetsoc::simulation::{Arrivals, Outcome, Problem, RequestQueue, StreamProblem, simulate};
use hetsoc::soc::{
    Crossing, Dispersion, Executor, ExecutorId, Network, Platform, ProcessorKind, Resource, ResourceId,
};
use hetsoc::strategy::{Dispatch, Granularity, Plan, Replay, Strategy, TransferStart};
use hetsoc::units::{BytesPerSec, SimDuration, SimTime, Watts};

/// So many processors, each an executor in a domain of its own; a tensor between two of them takes `latency` seconds plus
/// bytes / `bandwidth`.
pub fn platform(processors: usize, latency: f64, bandwidth: f64) -> Platform {
    let crossing = Crossing {
        latency: SimDuration::from_seconds(latency),
        bandwidth: BytesPerSec(bandwidth),
        conversion: BytesPerSec(f64::INFINITY),
    };
    let pair = |pair: usize| {
        if pair / processors == pair % processors { Crossing::NONE } else { crossing }
    };
    Platform {
        resources: (0..processors)
            .map(|number| Resource {
                name: format!("p{number}"),
                kind: ProcessorKind::Cpu,
                cluster: format!("p{number}"),
                idle_power: Watts(0.5 + number as f64),
                busy_power: Watts(3.0 + number as f64),
                blocked_power: Watts(1.0 + number as f64),
            })
            .collect(),
        executors: (0..processors)
            .map(|number| Executor {
                name: format!("p{number}"),
                kind: ProcessorKind::Cpu,
                resources: vec![ResourceId(number as u16)],
                busy_shares: vec![1.0],
                invocation: SimDuration::ZERO,
                domain: number as u16,
                dispersion: Dispersion::default(),
                tensor_scale: 1.0,
            })
            .collect(),
        crossings: (0..processors * processors).map(pair).collect(),
        host_in: vec![Crossing::NONE; processors],
        host_out: vec![Crossing::NONE; processors],
        network: Network::ContentionFree,
        memory_bandwidth: None,
        base_power: Watts(0.0),
        dram_joules_per_byte: 0.0,
    }
}

/// An operator that takes so many seconds alone and moves so many bytes meanwhile.
pub fn cost(seconds: f64, dram_bytes: f64) -> OperatorCost {
    OperatorCost {
        overhead: SimDuration::ZERO,
        alone: SimDuration::from_seconds(seconds),
        dram_bytes,
        bound: Bound::Compute,
    }
}

/// One request for a graph with these costs in seconds (`None`: unsupported).
pub fn stream(costs: &[Vec<Option<f64>>], edges: &[(u32, u32, f64)]) -> StreamProblem {
    let table = CostTable::new(costs.len(), costs[0].len(), |operator, executor| {
        costs[operator][executor.0 as usize].map(|seconds| cost(seconds, 0.0))
    });
    StreamProblem {
        name: "test".to_owned(),
        roles: Vec::new(),
        dag: Dag::new(costs.len(), edges).unwrap(),
        operators: None,
        costs: table,
        arrivals: Arrivals::Single,
        queue: RequestQueue::UNLIMITED,
        service: hetsoc::strategy::ServiceTarget::default(),
        stage: hetsoc::simulation::Stage::default(),
    }
}

pub fn problem(platform: Platform, streams: Vec<StreamProblem>) -> Problem {
    Problem {
        platform,
        streams,
        granularity: Granularity::Operator,
        transfer_start: None,
        stop_after: None,
        memory: None,
        seed: 0,
        noise: false,
        limits: Limits::default(),
        dynamics: None,
    }
}

/// Operators with costs, edges, and a contention-free network, all in seconds and bytes.
pub fn tasks(costs: &[Vec<Option<f64>>], edges: &[(u32, u32, f64)], latency: f64, bandwidth: f64) -> Problem {
    problem(platform(costs[0].len(), latency, bandwidth), vec![stream(costs, edges)])
}

/// A plan of single operators, in this order.
pub fn plan(dispatch: Dispatch, start: TransferStart, order: &[(u32, u16)]) -> Plan {
    let mut plan = Plan::new(dispatch, start);
    for &(operator, executor) in order {
        plan.push(&[operator], Some(ExecutorId(executor)));
    }
    plan
}

/// Plays plans as they stand.
pub fn replay(problem: &Problem, plans: Vec<Plan>) -> Outcome {
    simulate(problem, &mut Replay::new(plans), &mut ()).unwrap()
}

/// Plays one stream whose operators enter the queues in this order at once; data moves when its producer ends.
pub fn in_order(problem: &Problem, order: &[(u32, u16)]) -> Outcome {
    replay(problem, vec![plan(Dispatch::InOrder, TransferStart::ProducerFinish, order)])
}

/// Writes everything down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    pub starts: Vec<(SimTime, PlacedUnit)>,
    pub finishes: Vec<(SimTime, PlacedUnit)>,
    pub operators: Vec<(SimTime, SimTime, PlacedUnit, u32)>,
    pub intervals: Vec<Interval>,
    pub transfers: Vec<TransferRecord>,
    pub bandwidth: Vec<(SimTime, f64)>,
    pub dropped: u64,
    /// Nominal times.
    pub arrivals: Vec<SimTime>,
    pub completions: Vec<SimTime>,
    pub end: SimTime,
}

impl Observer for Log {
    fn arrived(&mut self, _: SimTime, _: hetsoc::strategy::RequestId, nominal: SimTime) {
        self.arrivals.push(nominal);
    }
    fn dropped(&mut self, _: SimTime, _: hetsoc::strategy::RequestId) {
        self.dropped += 1;
    }
    fn finished(&mut self, now: SimTime, _: hetsoc::strategy::RequestId) {
        self.completions.push(now);
    }
    fn unit_started(&mut self, now: SimTime, unit: PlacedUnit) {
        self.starts.push((now, unit));
    }
    fn unit_finished(&mut self, now: SimTime, unit: PlacedUnit) {
        self.finishes.push((now, unit));
    }
    fn operator_finished(&mut self, now: SimTime, start: SimTime, unit: PlacedUnit, operator: u32) {
        self.operators.push((start, now, unit, operator));
    }
    fn interval(&mut self, interval: Interval) {
        self.intervals.push(interval);
    }
    fn transferred(&mut self, transfer: TransferRecord) {
        self.transfers.push(transfer);
    }
    fn bandwidth(&mut self, now: SimTime, bytes_per_second: f64) {
        self.bandwidth.push((now, bytes_per_second));
    }
    fn ended(&mut self, now: SimTime) {
        self.end = now;
    }
}

impl Log {
    /// Executor, start and finish of each operator of a graph that ran once, in seconds.
    pub fn schedule(&self) -> Vec<(u16, f64, f64)> {
        let mut rows: Vec<_> = self
            .operators
            .iter()
            .map(|&(start, end, unit, operator)| (operator, unit.executor.0, start.seconds(), end.seconds()))
            .collect();
        rows.sort_by_key(|row| row.0);
        rows.into_iter().map(|row| (row.1, row.2, row.3)).collect()
    }
}

/// Runs and writes everything down.
pub fn watch(problem: &Problem, strategy: &mut dyn Strategy) -> (Outcome, Log) {
    let mut log = Log::default();
    let outcome = simulate(problem, strategy, &mut log).unwrap();
    (outcome, log)
}
