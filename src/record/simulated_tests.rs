//! Observers of real simulations agree with the simulation's own books.

use super::fixture::{SMALL, Shape, graph, labels, platform};
use super::{Recorder, Summarizer, SummaryContext, critical_path};
use crate::engine::Limits;
use crate::physics::{Bound, CostTable, OperatorCost};
use crate::simulation::{Arrivals, Problem, RequestQueue, StreamProblem, simulate};
use crate::strategy::{EarliestFinishTime, Granularity, TransferStart};
use crate::units::SimDuration;

const SHAPE: Shape = Shape { requests: 20, warm_up: 3, ..SMALL };

#[test]
fn observers_of_a_simulated_stream_agree_with_it() {
    let platform = platform(SHAPE);
    let graph = graph(SHAPE);
    let costs = CostTable::new(graph.operators.len(), platform.executors.len(), |operator, executor| {
        Some(OperatorCost {
            overhead: SimDuration(5_000_000),
            alone: SimDuration((40 + 7 * operator as u64 + 11 * u64::from(executor.0)) * 1_000_000),
            dram_bytes: 50_000.0,
            bound: Bound::Compute,
        })
    });
    let stream = StreamProblem {
        name: "chain".to_owned(),
        roles: Vec::new(),
        dag: graph.dag(),
        operators: Some(graph.clone()),
        costs,
        arrivals: Arrivals::Periodic {
            period: SimDuration(500_000_000),
            offset: SimDuration::ZERO,
            count: Some(20),
        },
        queue: RequestQueue { max_in_flight: 2, ..RequestQueue::UNLIMITED },
        service: crate::strategy::ServiceTarget::default(),
        stage: crate::simulation::Stage::default(),
    };
    let problem = Problem {
        platform: platform.clone(),
        streams: vec![stream],
        granularity: Granularity::Operator,
        transfer_start: None,
        stop_after: None,
        memory: None,
        seed: 1,
        noise: false,
        limits: Limits::default(),
        dynamics: None,
    };
    let mut observer = (
        Recorder::new(labels(SHAPE), Recorder::DEFAULT_CAP),
        Summarizer::new(labels(SHAPE), &platform, &[&graph]),
    );
    let mut strategy = EarliestFinishTime::new(TransferStart::ProducerFinish);
    let outcome = simulate(&problem, &mut strategy, &mut observer).unwrap();
    let (record, summary) = (observer.0.finish(), observer.1.summary(SummaryContext::default()).unwrap());

    assert_eq!(record.end, outcome.end);
    assert_eq!(record.counters.operators, outcome.operators);
    assert_eq!((summary.requests.arrived, summary.requests.completed), (20, 20));
    for (r, [busy, overhead, blocked, suspended]) in summary.resources.iter().zip(&outcome.resources) {
        assert_eq!(r.busy_ms, busy.millis(), "{}", r.name);
        assert_eq!((r.overhead_ms, r.blocked_ms), (overhead.millis(), blocked.millis()));
        assert_eq!(r.suspended_ms, suspended.millis());
    }
    let latencies: f64 = outcome.streams[0].latencies.iter().skip(3).map(|(_, l)| l.millis()).sum();
    let mean = summary.latency_ms.unwrap().mean;
    assert!((mean - latencies / 17.0).abs() < 1e-9 * mean, "{mean}");
    for request in &record.requests {
        let path = critical_path(&record, request.id).unwrap();
        assert_eq!(path.first().unwrap().start, request.arrived);
        assert_eq!(Some(path.last().unwrap().end), request.finished);
        assert!(path.windows(2).all(|pair| pair[0].end == pair[1].start));
    }
    // Without noise or contention an oracle's beliefs are right.
    let error = summary.prediction_error.unwrap();
    assert_eq!(error.units, 240);
    assert!(error.mape_percent < 1e-6, "{error:?}");
}
