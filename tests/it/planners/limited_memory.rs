//! Every strategy with two models, within the memory of an executor and of the application.

use super::catalogue::ALL;
use super::strategy;
use crate::build::{Log, platform, problem};
use crate::memory::{Row, limited, model, reached};
use hetsoc::simulation::memory::Residence;
use hetsoc::simulation::{Arrivals, Problem, SimulationError, play, prepare};
use hetsoc::soc::ExecutorId;
use hetsoc::units::SimDuration;

/// Two models of operators that p0 supports all of and others nearly all, p1 at half the precision; requests overlap.
fn two(seed: u64) -> Problem {
    use rand::Rng;
    let mut random = hetsoc::random::stream(seed, "memory", &[]);
    let mut below = |n: u32| random.next_u32() % n;
    let mut streams = Vec::new();
    for name in ["a", "b"] {
        let operators = 4 + below(5);
        let rows: Vec<Row> = (0..operators)
            .map(|op| {
                let times =
                    (0..3).map(|p| (p == 0 || below(6) > 0).then(|| f64::from(1 + below(9)))).collect();
                let mut inputs = vec![if op == 0 || below(3) > 0 { op } else { below(op) }];
                if op > 1 && below(3) == 0 {
                    inputs.push(1 + below(op - 1));
                    inputs.dedup();
                }
                Row(times, u64::from(below(4) * 50), inputs, u64::from(1 + below(60)))
            })
            .collect();
        let mut stream = model(name, u64::from(1 + below(30)), &rows);
        let total: f64 = rows.iter().map(|row| row.0[0].unwrap()).sum();
        stream.arrivals = Arrivals::Periodic {
            period: SimDuration::from_seconds(total / f64::from(1 + below(4))),
            offset: SimDuration::from_seconds(f64::from(below(4))),
            count: Some(4),
        };
        streams.push(stream);
    }
    let mut problem = problem(platform(3, 0.5, 50.0), streams);
    problem.platform.executors[1].tensor_scale = 0.5;
    problem
}

/// Bytes of weights that p1 could keep.
fn weights_of_p1(problem: &Problem) -> u64 {
    let each = problem.streams.iter().map(|stream| {
        let graph = stream.operators.as_ref().unwrap();
        let able =
            (0..graph.operators.len() as u32).filter(|&op| stream.costs.get(op, ExecutorId(1)).is_some());
        able.map(|op| graph.weight_bytes_at(&graph.operators[op as usize], 0.5)).sum::<u64>()
    });
    each.sum()
}

/// What is kept off is not run there, the run's peak is never above what was reserved, nor that above the limit, and everybody is
/// served. Would catch a bound below what some order of a strategy's plan holds, a mask that some strategy does not see, and a waiter that nobody
/// wakes.
#[test]
fn every_strategy_keeps_to_both_limits() {
    let (mut waited, mut plays) = (0, 0);
    for seed in 0..8 {
        let base = two(seed);
        for spec in ALL {
            let spec = if *spec == "exact" { "exact[effort=100000]" } else { spec };
            // The other executors have room.
            let on_p1 = [(1, weights_of_p1(&base) * 2 / 5)];
            let mut wide = limited(&base, Some(u64::MAX), &on_p1);
            let mut chosen = strategy(&wide, spec);
            wide.granularity = chosen.default_granularity();
            let residence = Residence::of(&wide).unwrap().unwrap();
            assert!(residence.count(ExecutorId(1)) > 0, "the limit of p1 does not bind");
            let prepared = match prepare(&wide, &mut *chosen) {
                Ok(prepared) => prepared,
                Err(SimulationError::Memory(_)) if chosen.prescribes() => continue,
                Err(error) => panic!("{spec}: {error}"),
            };
            let footprint = prepared.memory.unwrap();
            assert!(footprint.executors[0].weights <= footprint.executors[0].limit, "{spec}");
            let largest = *footprint.requests.iter().max().unwrap();
            for limit in [footprint.weights + largest, footprint.weights + largest * 8 / 5] {
                let mut tight = limited(&base, Some(limit), &on_p1);
                tight.granularity = wide.granularity;
                let (outcome, peak) = reached(&tight, &mut *chosen).unwrap_or_else(|e| panic!("{spec}: {e}"));
                let reserved = outcome.reserved_bytes.unwrap();
                assert!(peak <= reserved && reserved <= limit, "{spec} {seed}: {peak} {reserved} {limit}");
                assert!(outcome.streams.iter().all(|s| s.latencies.len() == 4), "{spec}");
                waited += outcome.streams.iter().map(|s| s.memory_waits).sum::<u64>();
                plays += 1;
                let prepared = prepare(&tight, &mut *chosen).unwrap();
                let mut log = Log::default();
                play(&tight, &prepared, &mut *chosen, &mut log).unwrap();
                for (_, _, unit, op) in &log.operators {
                    let off = residence.is_off(unit.request.stream, *op, unit.executor);
                    assert!(!off || chosen.prescribes(), "{spec}: operator {op} on {}", unit.executor.0);
                }
            }
        }
    }
    assert!(plays > 500 && waited > 500, "{plays} plays, {waited} waits: the limits do not bind");
}
