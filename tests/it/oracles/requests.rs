//! Streams of requests in the public simulation: drops by queue policy, and queues with deterministic and log-normal
//! service.

use super::statistics::coverage;
use super::{close, number, oracle};
use crate::build::{plan, replay, tasks};
use hetsoc::simulation::{Arrivals, Outcome, Problem, QueuePolicy, RequestQueue};
use hetsoc::soc::Dispersion;
use hetsoc::strategy::{Dispatch, TransferStart};
use hetsoc::units::{SimDuration, SimTime};

/// One operator on one processor.
fn frames(service: f64, arrivals: Arrivals, queue: RequestQueue) -> Problem {
    let mut problem = tasks(&[vec![Some(service)]], &[], 0.0, 1.0);
    problem.streams[0].arrivals = arrivals;
    problem.streams[0].queue = queue;
    problem
}

fn play(problem: &Problem) -> Outcome {
    replay(problem, vec![plan(Dispatch::AtReady, TransferStart::Assignment, &[(0, 0)])])
}

fn periodic(period: SimDuration, count: u64) -> Arrivals {
    Arrivals::Periodic { period, offset: SimDuration::ZERO, count: Some(count) }
}

/// Frames every 2, service 3: the server never idles, so by the time t of the last arrival it has started one frame at
/// each multiple of 3 up to t, and the queue is full. Everything else was dropped.
#[test]
fn drop_counts_with_each_policy() {
    let (unit, count) = (1_000_000u64, 3001u64);
    let last = 2 * (count - 1);
    let run = |policy, depth| {
        let queue = RequestQueue { policy, depth, max_in_flight: 1 };
        play(&frames(3.0 * 1e-6, periodic(SimDuration(2 * unit), count), queue))
    };
    for (policy, depths) in [
        (QueuePolicy::DropNewest, vec![1, 2, 5]),
        (QueuePolicy::DropOldest, vec![1, 2, 5]),
        // As a queue of one whose content is replaced.
        (QueuePolicy::LatestOnly, vec![1]),
    ] {
        for depth in depths {
            let outcome = run(policy, depth);
            let stream = &outcome.streams[0];
            let accepted = last / 3 + 1 + u64::from(depth);
            assert_eq!(stream.offered, count);
            assert_eq!(stream.dropped, count - accepted, "{policy:?} {depth}");
            assert_eq!(stream.latencies.len() as u64, accepted);
            assert_eq!(outcome.resources[0][0].0, accepted * 3 * unit);
            // A frame that starts at 3k waited since the latest arrival before it (2 and 1 in turn), or, when the
            // oldest is kept, since the first arrival at which there was room.
            let waits: Vec<u64> = stream.latencies.iter().map(|(_, l)| l.0 / unit - 3).collect();
            let steady = &waits[20..waits.len() - depth as usize];
            let deeper = u64::from(depth) - 1;
            for pair in steady.chunks_exact(2) {
                let mut pair = [pair[0], pair[1]];
                pair.sort_unstable();
                match policy {
                    QueuePolicy::DropNewest => assert_eq!(pair, [2 + 3 * deeper, 3 + 3 * deeper]),
                    _ => assert_eq!(pair, [1 + 2 * deeper, 2 + 2 * deeper]),
                }
            }
        }
    }
    // Without a queue a frame is taken only when the server is idle: every other one.
    for policy in [QueuePolicy::DropNewest, QueuePolicy::DropOldest] {
        assert_eq!(run(policy, 0).streams[0].dropped, count / 2, "{policy:?}");
    }
    // A blocked source loses nothing, and latency counts from when the frame should have come.
    for depth in [0, 1, 7, u32::MAX] {
        let outcome = run(QueuePolicy::Block, depth);
        let latencies = &outcome.streams[0].latencies;
        assert_eq!((outcome.streams[0].dropped, latencies.len() as u64), (0, count));
        assert_eq!(outcome.makespan, SimTime(3 * unit * count));
        // Nominally frame k comes at 2k, wherever it waits; it leaves at 3 (k + 1).
        for (frame, &(number, latency)) in (0u64..).zip(latencies) {
            assert_eq!((u64::from(number), latency.0), (frame, (frame + 3) * unit));
        }
    }
}

#[test]
fn long_run_of_frames() {
    let file = oracle("analytic");
    let case = file["queueing"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["model"].as_str().unwrap().starts_with("D/D/1/K"))
        .unwrap();
    let count = 30_000;
    for policy in [QueuePolicy::DropNewest, QueuePolicy::DropOldest, QueuePolicy::LatestOnly] {
        let queue = RequestQueue { policy, depth: 2, max_in_flight: 1 };
        let period = SimDuration::from_seconds(number(&case["T"]));
        let outcome = play(&frames(number(&case["S"]), periodic(period, count), queue));
        let stream = &outcome.streams[0];
        let lost = stream.dropped as f64 / stream.offered as f64;
        close(lost, number(&case["long_run_drop_fraction"]), 3e-4, "drops");
        let done = stream.latencies.len() as f64;
        close(done / outcome.makespan.seconds(), number(&case["throughput_fps"]), 1e-9, "throughput");
    }
}

/// Poisson arrivals: Pollaczek and Khinchine. Batches of requests, after one batch of warm-up.
#[test]
fn poisson_arrivals() {
    let file = oracle("analytic");
    let mut played = 0;
    for case in file["queueing"].as_array().unwrap() {
        let model = case["model"].as_str().unwrap();
        let cv = match model {
            "M/D/1 FIFO" => 0.0,
            _ if model.starts_with("M/G/1 FIFO") && case["cv"] == 0.5 => 0.5,
            _ => continue,
        };
        played += 1;
        let (rate, rho) = (number(&case["lam"]), number(&case["rho"]));
        let batch = (600.0 + 30.0 / (1.0 - rho) / (1.0 - rho)).round() as usize;
        let theory = [("W", number(&case["W"])), ("Wq", number(&case["Wq"]))];
        coverage(&format!("simulation, {model} {rate}"), &theory, |seed| {
            // Both ways to queue: in front of the model, and in front of the processor.
            let queue = if seed % 2 == 0 { RequestQueue::UNLIMITED } else { RequestQueue::ONE_AT_A_TIME };
            let arrivals = Arrivals::Poisson {
                mean_gap: SimDuration::from_seconds(1e-3 / rate),
                count: Some(11 * batch as u64),
            };
            let mut problem = frames(1e-3, arrivals, queue);
            problem.seed = seed;
            if cv > 0.0 {
                problem.noise = true;
                let sigma = (1.0f64 + cv * cv).ln().sqrt();
                // Half of the variance of the logarithm for the inference, half for its operator.
                let half = sigma / 2f64.sqrt();
                problem.platform.executors[0].dispersion = Dispersion { inference: half, operator: half };
            }
            let outcome = play(&problem);
            let latencies = &outcome.streams[0].latencies;
            let means: Vec<f64> = latencies[batch..]
                .chunks_exact(batch)
                .map(|batch| batch.iter().map(|(_, l)| l.millis()).sum::<f64>() / batch.len() as f64)
                .collect();
            let waits = means.iter().map(|mean| mean - 1.0).collect();
            vec![means, waits]
        });
    }
    assert_eq!(played, 3);
}
