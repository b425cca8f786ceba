//! Whole models in queues: order, preemption, misses; by hand.

use super::strategy;
use crate::build::{Log, platform, problem, stream, watch};
use hetsoc::simulation::{Arrivals, Problem, StreamProblem};
use hetsoc::strategy::{Granularity, ServiceTarget};
use hetsoc::units::{SimDuration, SimTime};

/// A chain of operators of a second each, on one processor.
fn chain(operators: usize, at: f64, deadline: f64, priority: u32) -> StreamProblem {
    let edges: Vec<_> = (1..operators as u32).map(|t| (t - 1, t, 0.0)).collect();
    StreamProblem {
        arrivals: Arrivals::Listed(vec![SimTime::ZERO + SimDuration::from_seconds(at)]),
        service: ServiceTarget { deadline: Some(SimDuration::from_seconds(deadline)), priority },
        ..stream(&vec![vec![Some(1.0)]; operators], &edges)
    }
}

fn run(problem: &Problem, spec: &str, granularity: Granularity) -> Vec<f64> {
    let problem = Problem { granularity, ..problem.clone() };
    let (_, log) = watch(&problem, &mut *strategy(&problem, spec));
    finishes(&log, problem.streams.len())
}

fn finishes(log: &Log, streams: usize) -> Vec<f64> {
    let last =
        |s: usize| log.finishes.iter().filter(|(_, u)| u.request.stream as usize == s).map(|f| f.0).max();
    (0..streams).map(|s| last(s).unwrap().seconds()).collect()
}

/// A long model runs from 0 to 6; two come meanwhile, the later with the earlier deadline.
#[test]
fn earliest_deadline_first() {
    let streams = || vec![chain(6, 0.0, 100.0, 0), chain(2, 1.0, 50.0, 1), chain(3, 2.5, 8.0, 2)];
    let problem = problem(platform(1, 0.0, 1.0), streams());
    assert_eq!(run(&problem, "edf", Granularity::Task), [6.0, 11.0, 9.0]);
    // Preemption at the next operator: 1 takes over at 1, 2 at 3, when an operator ends.
    assert_eq!(run(&problem, "edf", Granularity::Operator), [11.0, 3.0, 6.0]);
    assert_eq!(run(&problem, "fixed", Granularity::Task), [6.0, 8.0, 11.0]);
    assert_eq!(run(&problem, "priority", Granularity::Operator), [11.0, 3.0, 6.0]);
    assert_eq!(run(&problem, "priority", Granularity::Task), [6.0, 11.0, 9.0]);
}

/// Deadlines at 10 and 9, but 6 s against 1 s of work: slack 4 against 8.
#[test]
fn least_slack_differs_from_earliest_deadline() {
    let streams = vec![chain(2, 0.0, 100.0, 0), chain(6, 0.5, 9.5, 0), chain(1, 0.5, 8.5, 0)];
    let problem = problem(platform(1, 0.0, 1.0), streams);
    assert_eq!(run(&problem, "edf", Granularity::Task), [2.0, 9.0, 3.0]);
    assert_eq!(run(&problem, "least-slack", Granularity::Task), [2.0, 8.0, 9.0]);
}

/// Tasks (1, 4), (2, 6), (3, 12) under rate-monotonic priorities, preempted at units of a quarter: worst responses 1, 3, 10 at the
/// critical instant, where all come together (Liu, Layland; response-time analysis).
#[test]
fn rate_monotonic_response_times() {
    let periodic = |work: usize, period: f64| {
        let units = 4 * work;
        let edges: Vec<_> = (1..units as u32).map(|t| (t - 1, t, 0.0)).collect();
        StreamProblem {
            arrivals: Arrivals::Periodic {
                period: SimDuration::from_seconds(period),
                offset: SimDuration::ZERO,
                count: Some((12.0 / period) as u64),
            },
            ..stream(&vec![vec![Some(0.25)]; units], &edges)
        }
    };
    let problem = problem(platform(1, 0.0, 1.0), vec![periodic(3, 12.0), periodic(2, 6.0), periodic(1, 4.0)]);
    let (outcome, _) = watch(&problem, &mut *strategy(&problem, "priority[rule=rate-monotonic]"));
    let worst = |s: usize| outcome.streams[s].latencies.iter().map(|(_, l)| l.seconds()).fold(0.0, f64::max);
    assert_eq!((worst(2), worst(1), worst(0)), (1.0, 3.0, 10.0));
}
