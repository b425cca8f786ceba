//! Small task graphs with closed forms: chains, fork-join, shared links, pipelines, splits, placement and order by
//! brute force; played by the public simulation.

use super::{close, eft, identical, number, numbers, oracle};
use crate::build::{in_order, plan, platform, problem, replay, stream, tasks, watch};
use hetsoc::simulation::{Arrivals, simulate};
use hetsoc::soc::Network;
use hetsoc::strategy::{Dispatch, Replay, TransferStart};
use hetsoc::units::{BytesPerSec, SimTime};

fn permutations(items: &[u32]) -> Vec<Vec<u32>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, &first) in items.iter().enumerate() {
        let rest: Vec<u32> = items.iter().enumerate().filter(|&(i, _)| i != at).map(|(_, &x)| x).collect();
        for tail in permutations(&rest) {
            all.push(std::iter::once(first).chain(tail).collect());
        }
    }
    all
}

#[test]
fn chain_with_input_and_output() {
    let file = oracle("dslab_closed_forms");
    let case = &file["chain"];
    let speed = number(&case["pe_speed"]) * number(&case["cores_per_task"]);
    let works = numbers(&case["tasks_work"]);
    // The first and the last task stand for the host, where the data comes from and goes to.
    let mut times = vec![0.0];
    times.extend(works.iter().map(|work| work / speed));
    times.push(0.0);
    let last = times.len() as u32 - 1;
    let bytes = |source: u32| match source {
        0 => number(&case["input_bytes"]),
        s if s + 1 == last => number(&case["output_bytes"]),
        _ => 1e6,
    };
    let edges: Vec<_> = (0..last).map(|source| (source, source + 1, bytes(source))).collect();
    let problem = tasks(&identical(&times, 2), &edges, number(&case["latency"]), number(&case["bandwidth"]));
    let order: Vec<_> = (0..=last).map(|task| (task, u16::from(task != 0 && task != last))).collect();
    for dispatch in [Dispatch::InOrder, Dispatch::AtReady, Dispatch::Sequential] {
        let plan = plan(dispatch, TransferStart::ProducerFinish, &order);
        close(replay(&problem, vec![plan]).makespan.seconds(), number(&case["expected"]), 1e-12, "chain");
    }
}

#[test]
fn fork_join_with_transfers() {
    let file = oracle("dslab_closed_forms");
    let case = &file["fork_join"];
    let speed = number(&case["speed"]);
    let mut times = vec![number(&case["root"]) / speed];
    times.extend(numbers(&case["branches"]).iter().map(|work| work / speed));
    times.push(number(&case["end"]) / speed);
    let edges: Vec<_> = (1..=5u32)
        .flat_map(|b| [(0, b, number(&case["edge_in"])), (b, 6, number(&case["edge_out"]))])
        .collect();
    let problem = tasks(&identical(&times, 5), &edges, number(&case["latency"]), number(&case["bandwidth"]));
    let order: Vec<_> =
        (0..=6u32).map(|task| (task, if task == 6 { 0 } else { task.saturating_sub(1) as u16 })).collect();
    for start in [TransferStart::Assignment, TransferStart::ProducerFinish] {
        let outcome = replay(&problem, vec![plan(Dispatch::AtReady, start, &order)]);
        // The end is assigned when the last branch is done, which is the one whose data comes last.
        close(outcome.makespan.seconds(), number(&case["expected"]), 1e-12, "fork-join");
    }
}

#[test]
fn transfers_share_one_link() {
    let file = oracle("dslab_closed_forms");
    let case = &file["shared_link"];
    for (key, expected) in case["expected"].as_object().unwrap() {
        let count: u32 = key.strip_prefix("k=").unwrap().parse().unwrap();
        let edges: Vec<_> = (1..=count).map(|reader| (0, reader, number(&case["bytes_each"]))).collect();
        let rate = number(&case["bandwidth"]);
        let mut problem =
            tasks(&identical(&vec![0.0; count as usize + 1], 2), &edges, number(&case["latency"]), rate);
        problem.platform.network = Network::SharedBus(BytesPerSec(rate));
        let order: Vec<_> = (0..=count).map(|task| (task, u16::from(task > 0))).collect();
        let (_, log) = watch(
            &problem,
            &mut Replay::new(vec![plan(Dispatch::AtReady, TransferStart::Assignment, &order)]),
        );
        assert_eq!(log.transfers.len(), count as usize);
        for transfer in log.transfers {
            close(transfer.end.seconds(), number(expected), 1e-11, key);
        }
    }
}

#[test]
fn pipeline_of_operators() {
    let file = oracle("analytic");
    let case =
        file["queueing"].as_array().unwrap().iter().find(|c| c["model"] == "deterministic pipeline").unwrap();
    let stages = numbers(&case["stages"]);
    let mut problem = tasks(&identical(&stages, 3), &[(0, 1, 9.0), (1, 2, 9.0)], 0.0, f64::INFINITY);
    problem.streams[0].arrivals = Arrivals::Listed(vec![SimTime::ZERO; 100]);
    let order = [(0, 0), (1, 1), (2, 2)];
    let plan = plan(Dispatch::AtReady, TransferStart::Assignment, &order);
    let outcome = replay(&problem, vec![plan]);
    let latencies: Vec<f64> = outcome.streams[0].latencies.iter().map(|(_, l)| l.seconds()).collect();
    close(latencies[0], number(&case["first_latency"]), 1e-12, "first");
    close(outcome.makespan.seconds(), number(&case["makespan_for_100"]), 1e-12, "last");
    for pair in latencies.windows(2) {
        close(pair[1] - pair[0], number(&case["period"]), 1e-9, "period");
    }
}

#[test]
fn chain_placement() {
    let file = oracle("analytic");
    let case = &file["chain_placement_dp"];
    let costs: Vec<Vec<Option<f64>>> = case["w"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| numbers(row).into_iter().map(Some).collect())
        .collect();
    let edges: Vec<_> =
        (0u32..).zip(numbers(&case["transfer"])).map(|(i, bytes)| (i, i + 1, bytes)).collect();
    let problem = tasks(&costs, &edges, 0.0, 1.0);
    let makespan = |assignment: &[u16]| {
        let order: Vec<_> = (0u32..).zip(assignment.iter().copied()).collect();
        in_order(&problem, &order).makespan.seconds()
    };
    let n = costs.len();
    let all: Vec<(f64, Vec<u16>)> = (0..1u16 << n)
        .map(|bits| (0..n).map(|i| bits >> i & 1).collect::<Vec<_>>())
        .map(|assignment| (makespan(&assignment), assignment))
        .collect();
    let best = all.iter().map(|(time, _)| *time).fold(f64::INFINITY, f64::min);
    assert_eq!(best, number(&case["optimal"]));
    let expected: Vec<u16> = numbers(&case["assign"]).into_iter().map(|p| p as u16).collect();
    assert!(all.contains(&(best, expected)));
    assert_eq!([makespan(&[0; 5]), makespan(&[1; 5])].to_vec(), numbers(&case["single"]));
}

#[test]
fn two_stage_flow_shop() {
    let file = oracle("analytic");
    let case = &file["johnson_flowshop"];
    let (first, second) = (numbers(&case["A"]), numbers(&case["B"]));
    let jobs = first.len() as u32;
    let times: Vec<f64> = first.into_iter().chain(second).collect();
    let edges: Vec<_> = (0..jobs).map(|job| (job, job + jobs, 0.0)).collect();
    let problem = tasks(&identical(&times, 2), &edges, 0.0, f64::INFINITY);
    let mut best = (f64::INFINITY, Vec::new());
    for order in permutations(&[0, 1, 2, 3, 4]) {
        let queue: Vec<_> =
            order.iter().map(|&job| (job, 0)).chain(order.iter().map(|&job| (job + jobs, 1))).collect();
        let makespan = in_order(&problem, &queue).makespan.seconds();
        if makespan < best.0 {
            best = (makespan, Vec::new());
        }
        if makespan == best.0 {
            best.1.push(order.iter().map(|&job| f64::from(job)).collect::<Vec<_>>());
        }
    }
    assert_eq!(best.0, number(&case["optimal"]));
    // The file lists the first three of the optimal orders.
    for order in case["best_order"].as_array().unwrap() {
        assert!(best.1.contains(&numbers(order)), "{order}");
    }
}

#[test]
fn split_over_two_processors() {
    let file = oracle("analytic");
    let cases = file["two_way_split"]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let [a1, b1, a2, b2, sync] = ["a1", "b1", "a2", "b2", "sync"].map(|key| number(&case[key]));
        // The halves start together; the join pays for synchronisation.
        let split = |x: f64| {
            let times = [0.0, a1 + b1 * x, a2 + b2 * (1.0 - x), sync];
            let edges = [(0, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), (2, 3, 1.0)];
            let problem = tasks(&identical(&times, 2), &edges, 0.0, f64::INFINITY);
            in_order(&problem, &[(0, 0), (1, 0), (2, 1), (3, 0)]).makespan.seconds()
        };
        let alone =
            |time: f64| in_order(&tasks(&identical(&[time], 1), &[], 0.0, 1.0), &[(0, 0)]).makespan.seconds();
        let (best, at) = (0..=1000)
            .map(|step| f64::from(step) / 1000.0)
            .map(|x| (split(x), x))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap();
        close(best, number(&case["T_coexec"]), 1e-9, "co-execution");
        close(at, number(&case["x_star_on_1"]), 1e-9, "ratio");
        let single = alone(a1 + b1).min(alone(a2 + b2));
        close(single, number(&case["T_best_single"]), 1e-9, "single");
        let choice = if best < single - 1e-9 { "split" } else { "single" };
        assert_eq!(choice, case["choose"].as_str().unwrap());
    }
}

#[test]
fn amdahl() {
    for case in oracle("analytic")["amdahl"].as_array().unwrap() {
        let (p, n) = (number(&case["p"]), number(&case["n"]) as u32);
        let mut times = vec![1.0 - p];
        times.extend(vec![p / f64::from(n); n as usize]);
        let edges: Vec<_> = (1..=n).map(|part| (0, part, 1.0)).collect();
        let problem = tasks(&identical(&times, n as usize), &edges, 0.0, f64::INFINITY);
        let outcome = simulate(&problem, &mut eft(TransferStart::Assignment), &mut ()).unwrap();
        close(1.0 / outcome.makespan.seconds(), number(&case["speedup"]), 1e-9, "speed-up");
    }
}

#[test]
fn two_streams_do_not_mix() {
    // Two chains of one operator each on their own processors take as long as alone.
    let costs = |a: f64, b: f64| vec![vec![Some(a), Some(b)]];
    let problem =
        problem(platform(2, 0.0, 1.0), vec![stream(&costs(3.0, 9.0), &[]), stream(&costs(9.0, 5.0), &[])]);
    let outcome = simulate(&problem, &mut eft(TransferStart::Assignment), &mut ()).unwrap();
    let latencies: Vec<f64> = outcome.streams.iter().map(|s| s.latencies[0].1.seconds()).collect();
    assert_eq!(latencies, [3.0, 5.0]);
}
