//! Schedules whose optimum is known: no strategy beats it, and replaying it reaches it.

use super::{eft, identical, number, numbers, oracle};
use crate::build::{plan, tasks, watch};
use hetsoc::random;
use hetsoc::simulation::{Problem, simulate};
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::{Dispatch, Replay, TransferStart};
use hetsoc::units::SimDuration;
use rand::Rng;

#[test]
fn nobody_beats_a_planted_optimum() {
    let mut with_edges = 0;
    for case in oracle("planted_optimum").as_array().unwrap() {
        let (times, processors) = (numbers(&case["durations"]), number(&case["P"]) as usize);
        let optimum = number(&case["optimum"]);
        let total: f64 = times.iter().sum();
        assert_eq!(total, optimum * processors as f64);
        let edges: Vec<(u32, u32, f64)> = case["edges"].as_array().map_or_else(Vec::new, |edges| {
            with_edges += 1;
            edges.iter().map(|e| (number(&e[0]) as u32, number(&e[1]) as u32, 0.0)).collect()
        });
        for start in [TransferStart::Assignment, TransferStart::ProducerFinish] {
            let problem = tasks(&identical(&times, processors), &edges, 0.0, f64::INFINITY);
            let (outcome, _) = watch(&problem, &mut eft(start));
            assert!(outcome.makespan.seconds() >= optimum);
            // Busy time is conserved whatever the schedule.
            let busy: u64 = outcome.resources.iter().map(|r| r[0].0).sum();
            assert_eq!(busy, SimDuration::from_seconds(total).0);
        }
        // On one processor the optimum is the total, and every schedule without idle time reaches it.
        let one = tasks(&identical(&times, 1), &edges, 0.0, f64::INFINITY);
        let outcome = simulate(&one, &mut eft(TransferStart::Assignment), &mut ()).unwrap();
        assert_eq!(outcome.makespan.seconds(), total);
    }
    assert_eq!(with_edges, 2);
}

/// The construction of the file, with the schedule kept: rows without gaps, cut at random, and edges from segments to
/// segments that start after they end.
#[test]
fn replaying_a_planted_schedule_reaches_the_optimum() {
    for seed in 0..20 {
        let mut random = random::stream(seed, "planted", &[]);
        let (processors, length) = (2 + (random.next_u32() % 5) as usize, 200u32);
        let mut segments = Vec::new();
        for processor in 0..processors as u16 {
            let mut from = 0;
            while from < length {
                let to = (from + 1 + random.next_u32() % 40).min(length);
                segments.push((from, to, processor));
                from = to;
            }
        }
        segments.sort_unstable();
        let mut edges = Vec::new();
        for (target, b) in segments.iter().enumerate() {
            for (source, a) in segments.iter().enumerate() {
                if a.1 <= b.0 && random.next_u32().is_multiple_of(8) {
                    edges.push((source as u32, target as u32, 0.0));
                }
            }
        }
        let times: Vec<f64> = segments.iter().map(|s| f64::from(s.1 - s.0)).collect();
        let problem = tasks(&identical(&times, processors), &edges, 0.0, f64::INFINITY);
        let order: Vec<_> = (0u32..).zip(&segments).map(|(task, s)| (task, s.2)).collect();
        let mut strategy = Replay::new(vec![plan(Dispatch::InOrder, TransferStart::ProducerFinish, &order)]);
        let (outcome, log) = watch(&problem, &mut strategy);
        assert_eq!(outcome.makespan.seconds(), f64::from(length));
        for (row, segment) in log.schedule().iter().zip(&segments) {
            assert_eq!(*row, (segment.2, f64::from(segment.0), f64::from(segment.1)));
        }
        let online = simulate(&problem, &mut eft(TransferStart::Assignment), &mut ()).unwrap();
        assert!(online.makespan >= outcome.makespan);
    }
}

#[test]
fn proved_optima_of_unrelated_processors() {
    let file = oracle("small_unrelated_unsupported24");
    let instances = file["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 24);
    for instance in instances {
        let costs: Vec<Vec<Option<f64>>> = instance["cost"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_array().unwrap().iter().map(serde_json::Value::as_f64).collect())
            .collect();
        let edges: Vec<_> = instance["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (number(&e["from"]) as u32, number(&e["to"]) as u32, number(&e["comm"])))
            .collect();
        let problem = tasks(&costs, &edges, number(&instance["latency"]), 1.0);
        let optimum = number(&instance["optimal"]["makespan"]);
        for start in [TransferStart::Assignment, TransferStart::ProducerFinish] {
            let (outcome, log) = watch(&problem, &mut eft(start));
            assert!(outcome.makespan.seconds() >= optimum);
            assert_feasible(&problem, &log.schedule());
        }
        let mut schedule: Vec<(f64, f64, u32, u16)> = instance["optimal"]["schedule"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let of = |key: &str| number(&row[key]);
                (of("start"), of("finish"), of("task") as u32, of("proc") as u16)
            })
            .collect();
        schedule.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let order: Vec<_> = schedule.iter().map(|row| (row.2, row.3)).collect();
        let mut strategy = Replay::new(vec![plan(Dispatch::InOrder, TransferStart::ProducerFinish, &order)]);
        let (outcome, log) = watch(&problem, &mut strategy);
        assert_eq!(outcome.makespan.seconds(), optimum, "{}", instance["id"]);
        assert_feasible(&problem, &log.schedule());
        let rows = log.schedule();
        for row in &schedule {
            // Nothing starts later than in the proved schedule, and places and durations are the same.
            let (executor, start, finish) = rows[row.2 as usize];
            assert_eq!(executor, row.3);
            assert!(start <= row.0 && finish - start == row.1 - row.0);
        }
    }
}

/// Precedence, communication, support and exclusive processors.
fn assert_feasible(problem: &Problem, rows: &[(u16, f64, f64)]) {
    let stream = &problem.streams[0];
    for (task, &(executor, start, finish)) in rows.iter().enumerate() {
        let cost = stream.costs.get(task as u32, ExecutorId(executor)).unwrap();
        assert_eq!(finish - start, cost.alone.seconds());
        for link in stream.dag.predecessors(task as u32) {
            let producer = rows[link.node as usize];
            let crossing = problem.platform.crossing(ExecutorId(producer.0), ExecutorId(executor));
            assert!(start >= producer.2 + crossing.transfer_time(link.bytes).seconds() - 1e-9);
        }
        for other in rows.iter().skip(task + 1).filter(|other| other.0 == executor) {
            assert!(finish <= other.1 || other.2 <= start || finish == start);
        }
    }
}
