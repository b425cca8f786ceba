//! Capacities shared max-min fairly: allocations, DRAM contention, roofline, a system of two accelerators.

use super::{close, number, numbers, oracle};
use crate::build::{cost, platform, problem, stream, watch};
use hetsoc::engine::{FlowNetwork, water_fill};
use hetsoc::physics::{CostTable, OperatorCost};
use hetsoc::simulation::{Arrivals, Problem};
use hetsoc::strategy::{Replay, TransferStart};
use hetsoc::units::{BytesPerSec, SimDuration, SimTime};

fn filled(supply: f64, demands: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut grants = vec![0.0; demands.len()];
    water_fill(supply, demands, weights, &mut grants, &mut Vec::new());
    // The network must agree on one link.
    let mut network = FlowNetwork::new(&[supply]);
    let flows: Vec<_> = demands.iter().zip(weights).map(|(&d, &w)| network.add(&[0], d, w)).collect();
    for (&flow, &grant) in flows.iter().zip(&grants) {
        close(network.rate(flow), grant, 1e-12, "network against water filling");
    }
    grants
}

fn all_close(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (&got, &expected) in got.iter().zip(expected) {
        close(got, expected, 1e-12, what);
    }
}

#[test]
fn allocations() {
    let file = oracle("analytic");
    let cases = file["maxmin"].as_array().unwrap();
    let expected = |at: usize| numbers(&cases[at]["alloc"]);
    all_close(&filled(10.0, &[2.0, 2.6, 4.0, 5.0], &[1.0; 4]), &expected(0), "one bus");
    let routed = |capacities: &[f64], routes: &[&[u32]]| -> Vec<f64> {
        let mut network = FlowNetwork::new(capacities);
        let flows: Vec<_> = routes.iter().map(|route| network.add(route, f64::INFINITY, 1.0)).collect();
        flows.into_iter().map(|flow| network.rate(flow)).collect()
    };
    all_close(&routed(&[10.0, 4.0], &[&[0, 1], &[0], &[1]]), &expected(1), "two links");
    let routes: [&[u32]; 5] = [&[0, 1, 2], &[0], &[1], &[2], &[1, 2]];
    all_close(&routed(&[1.0, 2.0, 3.0], &routes), &expected(2), "three links");
    all_close(&filled(30.0, &[12.0, 25.0, 8.0], &[1.0; 3]), &expected(3), "DRAM");
    assert_eq!(cases.len(), 4);
    let physics = oracle("physics");
    let expected = |key: &str| numbers(&physics["mmf"][key]);
    all_close(&filled(30.0, &[4.0, 12.0, 20.0], &[1.0; 3]), &expected("B=30 d=[4,12,20]"), "mmf");
    all_close(&filled(30.0, &[20.0; 3], &[1.0; 3]), &expected("B=30 d=[20,20,20]"), "mmf");
    all_close(&filled(30.0, &[25.0; 2], &[1.0, 2.0]), &expected("B=30 w=[1,2] d=[25,25]"), "mmf");
    all_close(&filled(30.0, &[5.0; 2], &[1.0; 2]), &expected("B=30 d=[5,5]"), "mmf");
}

/// Independent operators, each on a processor of its own: `(arrival, operator)`, in seconds.
fn side_by_side(bandwidth: f64, jobs: &[(f64, OperatorCost)]) -> Problem {
    let mut platform = platform(jobs.len(), 0.0, f64::INFINITY);
    platform.memory_bandwidth = Some(BytesPerSec(bandwidth));
    let streams = jobs.iter().enumerate().map(|(job, &(arrival, cost))| {
        let mut stream = stream(&[vec![None; jobs.len()]], &[]);
        stream.costs =
            CostTable::new(1, jobs.len(), |_, executor| (executor.0 as usize == job).then_some(cost));
        stream.arrivals = Arrivals::Listed(vec![SimTime(SimDuration::from_seconds(arrival).0)]);
        stream
    });
    problem(platform, streams.collect())
}

/// Finish time of each job, and the bytes that the observer saw moving.
fn finishes(problem: &Problem) -> Vec<f64> {
    use hetsoc::strategy::{Dispatch, Plan};
    let plans = (0..problem.streams.len() as u16).map(|job| {
        let mut plan = Plan::new(Dispatch::AtReady, TransferStart::Assignment);
        plan.push(&[0], Some(hetsoc::soc::ExecutorId(job)));
        plan
    });
    let (outcome, log) = watch(problem, &mut Replay::new(plans.collect()));
    // What was granted over time is what the operators moved.
    let mut moved = hetsoc::engine::Integral::new(SimTime::ZERO, 0.0);
    for &(now, rate) in &log.bandwidth {
        assert!(rate <= problem.platform.memory_bandwidth.unwrap().0 * (1.0 + 1e-12));
        moved.set(now, rate);
    }
    close(moved.until(log.end), outcome.dram_bytes, 1e-9, "bytes");
    let mut ends = vec![0.0; problem.streams.len()];
    for (_, end, unit, _) in &log.operators {
        ends[unit.request.stream as usize] = end.seconds();
    }
    ends
}

#[test]
fn contention_for_memory_bandwidth() {
    let file = oracle("analytic");
    let cases = file["fluid_dram_contention"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let job = |job: &serde_json::Value| {
            let of = |key: &str| number(&job[key]);
            (of("arrive"), cost(of("flop") / of("flops_rate"), of("bytes")))
        };
        let jobs: Vec<_> = case["jobs"].as_array().unwrap().iter().map(job).collect();
        let ends = finishes(&side_by_side(number(&case["BW"]), &jobs));
        for (end, expected) in ends.iter().zip(numbers(&case["finish"])) {
            close(*end, expected, 1e-9, "finish");
        }
    }
}

#[test]
fn roofline() {
    let file = oracle("analytic");
    for case in file["roofline"].as_array().unwrap() {
        let of = |key: &str| number(&case[key]);
        let compute = of("flop") / of("peak");
        let time = finishes(&side_by_side(of("bw"), &[(0.0, cost(compute, of("bytes")))]))[0];
        close(time, of("time"), 1e-9, "roofline");
        let bound = if time > compute * (1.0 + 1e-9) { "memory" } else { "compute" };
        // At the ridge both take as long.
        assert_eq!(bound, case["bound"].as_str().unwrap());
        // At the ridge's intensity, as many bytes as the ridge allows cost nothing; a tenth more does.
        let ridge = of("flop") / of("ridge_flop_per_byte");
        let at = |bytes| finishes(&side_by_side(of("bw"), &[(0.0, cost(compute, bytes))]))[0];
        close(at(ridge * (1.0 - 1e-9)), compute, 1e-9, "below the ridge");
        close(at(ridge * 1.1), compute * 1.1, 1e-9, "above the ridge");
    }
    let physics = oracle("physics");
    for (key, bandwidth) in [("B=30GB/s", 30e9), ("B=15GB/s", 15e9), ("B=1GB/s", 1e9)] {
        let time = finishes(&side_by_side(bandwidth, &[(0.0, cost(2e9 / 100e9, 40e6))]))[0];
        close(time * 1e3, number(&physics["roofline_ms"][key]), 1e-9, key);
    }
}

/// Gables (Hill and Reddi 2019): a system of accelerators attains the least of its roofs. Work of 80 Gop, a quarter on
/// a processor of 40 Gop/s with a link of 6 GB/s, the rest on one five times as fast with 15 GB/s; 8 op per byte; DRAM 10 GB/s.
#[test]
fn two_accelerators() {
    let work = 80.0;
    let part = |share: f64, peak: f64, link: f64| {
        let (gop, gigabytes) = (work * share, work * share / 8.0);
        (0.0, cost((gop / peak).max(gigabytes / link), gigabytes * 1e9))
    };
    let ends = finishes(&side_by_side(10e9, &[part(0.25, 40.0, 6.0), part(0.75, 200.0, 15.0)]));
    let attained = work / ends[0].max(ends[1]);
    close(attained, number(&oracle("physics")["gables"]["Pattain_Gops"]), 1e-9, "attained");
}
