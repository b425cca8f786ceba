//! Hand-made event sequences for tests: requests that run as a chain of units over the executors of a
//! small platform, first come first served. Not the simulation: just enough to be consistent.

use std::collections::BTreeMap;

use super::labels::{RunLabels, StreamLabels};
use super::{Recorder, RunRecord, RunSummary, Summarizer, SummaryContext};
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass};
use crate::simulation::observer::{Activity, Interval, Observer, PlacedUnit, RequestId, TransferRecord};
use crate::soc::{Crossing, Executor, ExecutorId, Network, Platform, ProcessorKind, Resource, ResourceId};
use crate::units::{BytesPerSec, SimDuration, SimTime, Watts};

/// What to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) resources: u16,
    pub(crate) requests: u32,
    pub(crate) units: u32,
    pub(crate) operators_per_unit: u32,
    pub(crate) period_us: f64,
    pub(crate) warm_up: u32,
    pub(crate) long_names: bool,
}

pub(crate) const SMALL: Shape = Shape {
    resources: 3,
    requests: 4,
    units: 4,
    operators_per_unit: 3,
    period_us: 900.0,
    warm_up: 1,
    long_names: false,
};

const US: u64 = 1_000_000;

/// `resources` resources: the last is a GPU, the others CPU cores. One executor each, and if there are two
/// cores or more, one more over the first two.
pub(crate) fn platform(shape: Shape) -> Platform {
    let cpu = |i: u16| i + 1 < shape.resources || shape.resources == 1;
    let resources: Vec<Resource> = (0..shape.resources)
        .map(|i| Resource {
            name: match (cpu(i), shape.long_names) {
                (true, true) => format!("cortex-a76-performance-cluster-core-number-{i}"),
                (true, false) => format!("cpu{i}"),
                _ => "gpu".to_owned(),
            },
            kind: if cpu(i) { ProcessorKind::Cpu } else { ProcessorKind::Gpu },
            cluster: if cpu(i) { "big" } else { "gpu" }.to_owned(),
            idle_power: Watts(0.05),
            busy_power: Watts(1.5),
            blocked_power: Watts(0.3),
        })
        .collect();
    let mut executors: Vec<Executor> = resources
        .iter()
        .enumerate()
        .map(|(i, r)| Executor {
            dispersion: crate::soc::Dispersion::default(),
            name: r.name.clone(),
            kind: r.kind,
            resources: vec![ResourceId(i as u16)],
            busy_shares: vec![1.0],
            invocation: SimDuration(if r.kind == ProcessorKind::Gpu { 40 * US } else { 10 * US }),
            domain: u16::from(r.kind == ProcessorKind::Gpu),
            tensor_scale: 1.0,
        })
        .collect();
    if shape.resources >= 3 {
        executors.push(Executor {
            dispersion: crate::soc::Dispersion::default(),
            name: "cpu-2".to_owned(),
            kind: ProcessorKind::Cpu,
            resources: vec![ResourceId(0), ResourceId(1)],
            busy_shares: vec![1.0, 0.6],
            invocation: SimDuration(10 * US),
            domain: 0,
            tensor_scale: 1.0,
        });
    }
    let crossing =
        Crossing { latency: SimDuration(15 * US), bandwidth: BytesPerSec(4e9), conversion: BytesPerSec(8e9) };
    let n = executors.len();
    let crossings = (0..n * n)
        .map(|i| if executors[i / n].domain == executors[i % n].domain { Crossing::NONE } else { crossing })
        .collect();
    Platform {
        resources,
        crossings,
        host_in: vec![Crossing::NONE; n],
        host_out: vec![Crossing::NONE; n],
        executors,
        network: Network::ContentionFree,
        memory_bandwidth: None,
        base_power: Watts(0.2),
        dram_joules_per_byte: 60e-12,
    }
}

/// A chain of operators of changing classes; every tensor holds 100 000 bytes, every operator 1000 bytes of
/// weights.
pub(crate) fn graph(shape: Shape) -> LoweredGraph {
    let classes = [
        OperatorClass::Convolution,
        OperatorClass::DepthwiseConvolution,
        OperatorClass::Elementwise,
        OperatorClass::FullyConnected,
        OperatorClass::Pooling,
        OperatorClass::Softmax,
    ];
    let count = shape.units * shape.operators_per_unit;
    let operators = (0..count)
        .map(|i| LoweredOperator {
            name: match shape.long_names {
                true => format!(
                    "model/block_{i}/expanded_depthwise_separable/BatchNormalization/FusedConvolution"
                ),
                false => format!("op{i}"),
            },
            op_type: "CONV_2D".to_owned(),
            class: classes[i as usize % classes.len()],
            geometry: Geometry::Elements { read: 1, written: 1 },
            macs: 1000,
            weight_bytes_read: 1000,
            weight_bytes: 1000,
            inputs: vec![i],
            outputs: vec![i + 1],
            fused: vec![],
            sources: vec![i],
        })
        .collect();
    let tensors = (0..=count)
        .map(|i| LoweredTensor {
            shape: Vec::new(),
            name: format!("t{i}"),
            elements: 25_000,
            element_bytes: 4.0,
            is_float: true,
            shared: false,
        })
        .collect();
    LoweredGraph {
        name: "chain".to_owned(),
        operators,
        tensors,
        inputs: vec![0],
        outputs: vec![count],
        listed_kernels_only: false,
    }
}

pub(crate) fn labels(shape: Shape) -> RunLabels {
    let stream = StreamLabels::of_graph("chain", &graph(shape), shape.warm_up);
    RunLabels::new("hand-made", "test-soc", 7, &platform(shape), vec![stream])
}

enum Event {
    Arrived(RequestId),
    Dropped(RequestId),
    Admitted(RequestId),
    Finished(RequestId),
    Placed(PlacedUnit, SimDuration),
    Started(PlacedUnit),
    Ended(PlacedUnit),
    Operator(SimTime, PlacedUnit, u32),
    Interval(Interval),
    Transfer(TransferRecord),
    Bandwidth(f64),
}

/// Plays the events of `shape` to an observer, in order of time.
pub(crate) fn play(shape: Shape, observer: &mut impl Observer) {
    let platform = platform(shape);
    // Reported in order of time, then in order of creation.
    let mut events: BTreeMap<(u64, u32), Event> = BTreeMap::new();
    let mut number = 0;
    let mut at = |time: u64, event: Event| {
        number += 1;
        events.insert((time, number), event);
    };
    let mut free = vec![0u64; platform.resources.len()];
    let mut finishes: Vec<u64> = Vec::new();
    for n in 0..shape.requests {
        let id = RequestId { stream: 0, number: n };
        let arrived = (f64::from(n) * shape.period_us * 1e6) as u64 + u64::from(n) * 333;
        at(arrived, Event::Arrived(id));
        if n % 7 == 6 {
            at(arrived + 50 * US, Event::Dropped(id));
            continue;
        }
        // At most two in flight.
        let admitted = finishes.len().checked_sub(2).map_or(arrived, |i| arrived.max(finishes[i]));
        at(admitted, Event::Admitted(id));
        let mut ready = admitted;
        let mut previous: Option<(u32, ExecutorId)> = None;
        for u in 0..shape.units {
            // Round robin, from the GPU on.
            let n = platform.executors.len();
            let executor = ExecutorId(((n.saturating_sub(2) + u as usize) % n) as u16);
            let unit = PlacedUnit { request: id, unit: u, executor };
            let e = platform.executor(executor);
            at(ready, Event::Placed(unit, SimDuration(u64::from(shape.operators_per_unit) * 70 * US)));
            let begun = e.resources.iter().map(|r| free[usize::from(r.0)]).max().unwrap_or(0).max(ready);
            at(begun, Event::Started(unit));
            let crossing = previous.map_or(Crossing::NONE, |(_, from)| *platform.crossing(from, executor));
            let mut now = begun;
            let span = |activity, resource, operator, start, end| {
                Event::Interval(Interval {
                    resource,
                    activity,
                    work: unit,
                    operator,
                    start: SimTime(start),
                    end: SimTime(end),
                })
            };
            if crossing != Crossing::NONE {
                let arrives = ready + crossing.transfer_time(100_000.0).0;
                let (start, end) = (SimTime(ready), SimTime(arrives));
                let transfer = TransferRecord {
                    request: id,
                    tensor: u * shape.operators_per_unit,
                    from: previous,
                    to: Some((u, executor)),
                    bytes: 100_000.0,
                    start,
                    end,
                };
                at(arrives, Event::Transfer(transfer));
                for &r in e.resources.iter().filter(|_| arrives > now) {
                    at(arrives, span(Activity::Blocked, r, None, now, arrives));
                }
                now = now.max(arrives);
            }
            let setup = e.invocation.0 + crossing.conversion_time(100_000.0).0;
            for &r in &e.resources {
                at(now + setup, span(Activity::Overhead, r, None, now, now + setup));
            }
            now += setup;
            at(now, Event::Bandwidth(f64::from(u % 3 + 1) * 2.5e9));
            for o in 0..shape.operators_per_unit {
                let operator = u * shape.operators_per_unit + o;
                let (dispatch, work) = (5 * US + 123, u64::from(30 + 25 * (operator * 7 % 4)) * US + 456_789);
                for (&r, share) in e.resources.iter().zip(&e.busy_shares) {
                    let done = now + dispatch + (work as f64 * share) as u64;
                    let end = now + dispatch + work;
                    at(now + dispatch, span(Activity::Overhead, r, Some(operator), now, now + dispatch));
                    at(done, span(Activity::Busy, r, Some(operator), now + dispatch, done));
                    if end > done {
                        at(end, span(Activity::Blocked, r, Some(operator), done, end));
                    }
                }
                at(now + dispatch + work, Event::Operator(SimTime(now), unit, operator));
                now += dispatch + work;
            }
            at(now, Event::Ended(unit));
            e.resources.iter().for_each(|r| free[usize::from(r.0)] = now);
            previous = Some((u, executor));
            ready = now;
        }
        at(ready, Event::Bandwidth(0.0));
        at(ready, Event::Finished(id));
        finishes.push(ready);
    }
    let mut end = SimTime::ZERO;
    for ((time, _), event) in events {
        let now = SimTime(time);
        end = now;
        match event {
            Event::Arrived(id) => observer.arrived(now, id, now),
            Event::Dropped(id) => observer.dropped(now, id),
            Event::Admitted(id) => observer.admitted(now, id),
            Event::Finished(id) => observer.finished(now, id),
            Event::Placed(unit, believed) => observer.placed(now, unit, believed),
            Event::Started(unit) => observer.unit_started(now, unit),
            Event::Ended(unit) => observer.unit_finished(now, unit),
            Event::Operator(start, unit, operator) => observer.operator_finished(now, start, unit, operator),
            Event::Interval(interval) => observer.interval(interval),
            Event::Transfer(transfer) => observer.transferred(transfer),
            Event::Bandwidth(rate) => observer.bandwidth(now, rate),
        }
    }
    observer.ended(end);
}

/// Record and summary of `shape`.
pub(crate) fn run(shape: Shape) -> (RunRecord, RunSummary) {
    let labels = labels(shape);
    let graph = graph(shape);
    let summarizer = Summarizer::new(labels.clone(), &platform(shape), &[&graph]);
    let mut both = (Recorder::new(labels, Recorder::DEFAULT_CAP), summarizer);
    play(shape, &mut both);
    (both.0.finish(), both.1.summary(SummaryContext::default()).unwrap())
}
