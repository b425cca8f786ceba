//! The rules of the common benchmark, contention-free, written down once more in the most naive way, against the
//! simulation: places, starts and finishes of every task of random small graphs.

use crate::build::{Log, tasks, watch};
use hetsoc::simulation::Arrivals;
use hetsoc::strategy::{EarliestFinishTime, TransferStart};
use hetsoc::units::{SimDuration, SimTime};
use proptest::prelude::*;

/// Times in whole seconds. Costs are at least 1: the rules do not order tasks that take no time.
#[derive(Debug, Clone)]
struct Graph {
    costs: Vec<Vec<Option<u64>>>,
    edges: Vec<(u32, u32, u64)>,
    latency: u64,
    releases: Vec<u64>,
}

fn graphs() -> impl Strategy<Value = Graph> {
    (1usize..5, 1usize..10).prop_flat_map(|(processors, count)| {
        let cost =
            (proptest::collection::vec(proptest::option::weighted(0.75, 1u64..9), processors), 1u64..9);
        let edge = (0..count as u32, 0..count as u32, 0u64..6);
        (
            proptest::collection::vec(cost, count),
            proptest::collection::vec(edge, 0..2 * count),
            0u64..3,
            proptest::collection::vec(0u64..20, 1..5),
        )
            .prop_map(move |(costs, edges, latency, mut releases)| {
                let costs = costs.into_iter().enumerate().map(|(task, (mut row, instead))| {
                    if row.iter().all(Option::is_none) {
                        row[task % processors] = Some(instead);
                    }
                    row
                });
                let mut edges: Vec<_> = edges.into_iter().filter(|e| e.0 < e.1).collect();
                edges.sort_unstable();
                edges.dedup_by_key(|e| (e.0, e.1));
                releases.sort_unstable();
                Graph { costs: costs.collect(), edges, latency, releases }
            })
    })
}

/// Instance, task, processor, start, finish.
type Row = (u32, u32, u16, u64, u64);

/// Plays the rules one event at a time, searching through everything at each.
fn naive(graph: &Graph, at_finish: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut handled: Vec<(u32, u32)> = Vec::new();
    let mut released = 0;
    let mut available = vec![0; graph.costs[0].len()];
    loop {
        // The next completion that has not been handled, or the next release; completions first.
        let completion =
            rows.iter().filter(|r| !handled.contains(&(r.0, r.1))).map(|r| (r.4, r.0, r.1)).min();
        let release = graph.releases.get(released).copied();
        let (now, instance, finished) = match (completion, release) {
            (Some((time, instance, task)), release) if release.is_none_or(|r| time <= r) => {
                (time, instance, Some(task))
            }
            (_, Some(time)) => (time, released as u32, None),
            _ => break,
        };
        match finished {
            Some(task) => handled.push((instance, task)),
            None => released += 1,
        }
        for task in 0..graph.costs.len() as u32 {
            let inputs: Vec<_> = graph.edges.iter().filter(|e| e.1 == task).collect();
            let became_ready = match finished {
                None => inputs.is_empty(),
                Some(last) => {
                    inputs.iter().any(|e| e.0 == last)
                        && inputs.iter().all(|e| handled.contains(&(instance, e.0)))
                }
            };
            if !became_ready {
                continue;
            }
            let mut best: Option<(u64, u64, u16)> = None;
            for processor in 0..available.len() as u16 {
                let Some(cost) = graph.costs[task as usize][processor as usize] else { continue };
                let mut data = now;
                for edge in &inputs {
                    let producer = rows.iter().find(|r| (r.0, r.1) == (instance, edge.0)).unwrap();
                    if producer.2 != processor {
                        let from = if at_finish { producer.4 } else { now };
                        data = data.max(from + graph.latency + edge.2);
                    }
                }
                let start = data.max(available[processor as usize]);
                if best.is_none_or(|b| start + cost < b.1) {
                    best = Some((start, start + cost, processor));
                }
            }
            let (start, finish, processor) = best.unwrap();
            available[processor as usize] = finish;
            rows.push((instance, task, processor, start, finish));
        }
    }
    rows.sort_unstable();
    rows
}

fn rows(log: &Log) -> Vec<Row> {
    let whole = |time: SimTime| {
        assert_eq!(time.0 % 1_000_000_000_000, 0, "{time} is a whole second");
        time.0 / 1_000_000_000_000
    };
    let mut rows: Vec<Row> = log
        .operators
        .iter()
        .map(|&(start, end, unit, task)| {
            (unit.request.number, task, unit.executor.0, whole(start), whole(end))
        })
        .collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn simulation_and_naive_reference_agree(graph in graphs(), at_finish in any::<bool>()) {
        let costs: Vec<Vec<Option<f64>>> =
            graph.costs.iter().map(|row| row.iter().map(|c| c.map(|c| c as f64)).collect()).collect();
        let edges: Vec<_> = graph.edges.iter().map(|e| (e.0, e.1, e.2 as f64)).collect();
        let mut problem = tasks(&costs, &edges, graph.latency as f64, 1.0);
        let releases = graph.releases.iter().map(|&r| SimTime(SimDuration::from_seconds(r as f64).0)).collect();
        problem.streams[0].arrivals = Arrivals::Listed(releases);
        let start = if at_finish { TransferStart::ProducerFinish } else { TransferStart::Assignment };
        let (outcome, log) = watch(&problem, &mut EarliestFinishTime::new(start));
        let expected = naive(&graph, at_finish);
        prop_assert_eq!(rows(&log), expected.clone());
        let of = |instance: u32, task: u32| expected.iter().find(|r| (r.0, r.1) == (instance, task)).unwrap().2;
        let remote = (0..graph.releases.len() as u32)
            .flat_map(|i| graph.edges.iter().filter(move |e| of(i, e.0) != of(i, e.1)))
            .count();
        prop_assert_eq!(outcome.remote_transfers, remote as u64);
        let makespan = expected.iter().map(|r| r.4).max().unwrap();
        prop_assert_eq!(outcome.makespan.seconds(), makespan as f64);
        let sum: u64 = expected.iter().map(|r| r.4).sum();
        prop_assert_eq!(outcome.finish_sum_ps, u128::from(sum) * 1_000_000_000_000);
    }
}
