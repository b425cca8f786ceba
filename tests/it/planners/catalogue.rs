//! What every strategy promises: it differs from all others, its plans can be written and replayed, and it never beats a proof.

use super::{small, strategy};
use crate::build::{Log, platform, problem, stream, watch};
use crate::oracles::{number, oracle};
use hetsoc::config::plan_file::{read_plans, write_plans};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::{Arrivals, Problem, prepare};
use hetsoc::strategy::{Granularity, Plan, Replay, STRATEGIES, ServiceTarget};
use hetsoc::units::{SimDuration, SimTime};
use std::collections::BTreeSet;

/// Every strategy that can plan a task graph, with the variants that decide otherwise.
pub const ALL: &[&str] = &[
    "single",
    "fixed",
    "eft",
    "heft",
    "heft[insertion=false]",
    "cpop",
    "peft",
    "lookahead-heft",
    "dls",
    "etf",
    "etf[by=finish]",
    "etf[tie=index]",
    "mct",
    "met",
    "olb",
    "min-min",
    "min-min[batch=level]",
    "max-min",
    "max-min[batch=level]",
    "sufferage",
    "exact",
    "local-search[base=olb,iterations=300]",
    "edf",
    "least-slack",
    "priority",
    "priority[rule=rate-monotonic]",
    "band[scheduler=fixed]",
    "band[scheduler=round-robin]",
    "band",
    "band[scheduler=heft]",
    "band[scheduler=heft-reserve]",
    "band[scheduler=lst]",
    "branch-parallel",
    "branch-parallel[by=heft]",
    "pipe-it-like",
    "hetero2pipe-like",
    "haxconn-like",
    "delegate[target=p1,fallback=p0]",
    "mace[target=p1,fallback=p0]",
];

/// These decide while they run.
const ONLINE: &[&str] = &["eft", "band"];

pub fn play(problem: &Problem, spec: &str) -> Option<(u64, Log, Vec<Plan>)> {
    let mut problem = problem.clone();
    // What is to be distinct, or to be replayed, need not be proved.
    let operators: usize = problem.streams.iter().map(|stream| stream.dag.len()).sum();
    let spec = if spec == "exact" && operators > 10 { "exact[effort=300000]" } else { spec };
    let mut chosen = strategy(&problem, spec);
    problem.granularity = chosen.default_granularity();
    let prepared = prepare(&problem, &mut *chosen).ok()?;
    let (outcome, log) = watch(&problem, &mut *chosen);
    Some((outcome.makespan.0, log, prepared.plans))
}

/// Stream, operator, executor, start and finish of all that ran.
fn schedule(log: &Log) -> Vec<(u16, u32, u32, u16, u64, u64)> {
    let mut rows: Vec<_> = log
        .operators
        .iter()
        .map(|&(start, end, unit, op)| {
            (unit.request.stream, unit.request.number, op, unit.executor.0, start.0, end.0)
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// Several models, some again and again, with deadlines, priorities and operators that not every processor supports.
pub fn several(seed: u64, streams: usize, requests: u64) -> Problem {
    use hetsoc::random;
    use rand::Rng;
    let mut random = random::stream(seed, "several", &[]);
    let mut below = |n: u32| random.next_u32() % n;
    let streams = (0..streams)
        .map(|number| {
            let tasks = 4 + below(7);
            let costs: Vec<Vec<Option<f64>>> = (0..tasks)
                .map(|_| (0..3).map(|p| (p == 0 || below(5) > 0).then(|| f64::from(1 + below(12)))).collect())
                .collect();
            let mut edges = Vec::new();
            for target in 1..tasks {
                edges.push((below(target), target, f64::from(below(4))));
                let other = below(target);
                if below(3) == 0 && !edges.iter().any(|&(s, t, _)| (s, t) == (other, target)) {
                    edges.push((other, target, f64::from(below(4))));
                }
            }
            let mut stream = stream(&costs, &edges);
            let total: f64 = costs.iter().map(|row| row[0].unwrap()).sum();
            let period = SimDuration::from_seconds((total * f64::from(3 + below(5)) / 4.0).max(1.0));
            if requests > 1 {
                stream.arrivals = Arrivals::Periodic {
                    period,
                    offset: SimDuration::from_seconds(f64::from(below(6))),
                    count: Some(requests),
                };
            }
            stream.service = ServiceTarget {
                deadline: Some(SimDuration::from_seconds(f64::from(5 + below(60)))),
                priority: (seed as u32 + number as u32 * 2) % 5,
            };
            stream
        })
        .collect();
    problem(platform(3, 1.0, 2.0), streams)
}

pub fn instances() -> Vec<Problem> {
    let file = oracle("small_unrelated_unsupported24");
    let mut all: Vec<Problem> = file["instances"].as_array().unwrap().iter().map(small).collect();
    all.extend((0..12).map(|seed| several(seed, 2 + (seed % 3) as usize, 1)));
    all.extend((0..12).map(|seed| several(100 + seed, 3, 4)));
    all.extend((0..6).map(|seed| several(200 + seed, 1, 5)));
    all
}

/// Strategies that need a plan, a process, or operators with a cost for every slice of them; tests/it/slices.rs and others try those.
const NOT_HERE: [&str; 5] = ["replay", "external", "mulayer-like", "codl", "nn-stretch"];

#[test]
fn every_registered_strategy_is_tried() {
    let tried: BTreeSet<&str> = ALL.iter().map(|spec| spec.split('[').next().unwrap()).collect();
    for entry in STRATEGIES.iter().filter(|entry| !NOT_HERE.contains(&entry.name)) {
        assert!(tried.contains(entry.name), "{} is missing here", entry.name);
    }
}

#[test]
fn no_two_strategies_are_one() {
    let instances = instances();
    let all: Vec<Vec<_>> = ALL
        .iter()
        .map(|spec| instances.iter().map(|p| play(p, spec).map(|(_, log, _)| schedule(&log))).collect())
        .collect();
    let mut alike = Vec::new();
    for (a, first) in all.iter().enumerate() {
        assert!(first.iter().filter(|s| s.is_some()).count() >= 6, "{} refuses nearly everything", ALL[a]);
        for (b, second) in all.iter().enumerate().skip(a + 1) {
            if first.iter().zip(second).all(|(x, y)| x.is_none() || y.is_none() || x == y) {
                alike.push(format!("{} = {}", ALL[a], ALL[b]));
            }
        }
    }
    assert!(alike.is_empty(), "{alike:#?}");
}

/// With several models, deadlines and unsupported operators; only those that need one executor for a whole model may refuse.
#[test]
fn several_models_with_unsupported_operators() {
    for seed in 0..4 {
        let problem = several(300 + seed, 3, 3);
        for spec in ALL {
            match play(&problem, spec) {
                Some((_, log, _)) => {
                    assert_eq!(log.completions.len(), 9, "{spec}");
                    for &(_, _, unit, op) in &log.operators {
                        let costs = &problem.streams[unit.request.stream as usize].costs;
                        assert!(costs.get(op, unit.executor).is_some(), "{spec}");
                    }
                }
                None => panic!("{spec} refuses"),
            }
        }
    }
}

/// What was planned, written, read and replayed runs alike; what was decided online, as one plan for one request.
#[test]
fn plans_replay_alike() {
    for problem in instances() {
        for spec in ALL {
            let online = ONLINE.contains(&spec.split('[').next().unwrap());
            let Some((makespan, log, plans)) = play(&problem, spec) else { continue };
            if online {
                continue;
            }
            let text = write_plans(&plans, &[], &problem.platform).unwrap();
            let sizes: Vec<usize> = problem.streams.iter().map(|stream| stream.dag.len()).collect();
            let read = read_plans(&SourceText::new("plan", text), &problem.platform, &sizes).unwrap();
            assert_eq!(read.plans, plans, "{spec}");
            let (outcome, again) = watch(&problem, &mut Replay::new(read.plans));
            assert_eq!((outcome.makespan.0, &again), (makespan, &log), "{spec}");
        }
    }
}

#[test]
fn online_decisions_replay_as_a_plan() {
    let file = oracle("small_unrelated_unsupported24");
    for instance in file["instances"].as_array().unwrap() {
        let problem = small(instance);
        for spec in ALL.iter().filter(|spec| ONLINE.contains(&spec.split('[').next().unwrap())) {
            let spec = if *spec == "eft" { "eft[transfer-start=producer-finish]" } else { spec };
            let Some((makespan, log, _)) = play(&problem, spec) else { continue };
            let plan = hetsoc::record::played_plan(log.operators.iter().copied());
            let (outcome, again) = watch(&problem, &mut Replay::new(vec![plan]));
            assert_eq!(outcome.makespan.0, makespan, "{spec} {}", instance["id"]);
            assert_eq!(schedule_of_operators(&again), schedule_of_operators(&log), "{spec}");
        }
    }
}

fn schedule_of_operators(log: &Log) -> Vec<(u32, u16, SimTime, SimTime)> {
    let mut rows: Vec<_> =
        log.operators.iter().map(|&(start, end, unit, op)| (op, unit.executor.0, start, end)).collect();
    rows.sort_unstable();
    rows
}

/// Offline planners of one request know when it ends.
#[test]
fn nobody_beats_a_proof_and_exact_reaches_it() {
    for instance in oracle("small_unrelated_unsupported24")["instances"].as_array().unwrap() {
        let problem = small(instance);
        let optimum = number(&instance["optimal"]["makespan"]);
        for spec in ALL {
            if let Some((makespan, _, _)) = play(&problem, spec) {
                assert!(SimTime(makespan).seconds() >= optimum, "{spec} {}", instance["id"]);
            }
        }
        let mut exact = strategy(&problem, "exact");
        let (outcome, _) = watch(&problem, &mut *exact);
        assert_eq!(outcome.makespan.seconds(), optimum, "{}", instance["id"]);
        assert!(exact.notes()[0].starts_with("optimal"), "{}: {:?}", instance["id"], exact.notes());
    }
}

/// Whatever the base, the search does not make it longer.
#[test]
fn local_search_improves_every_base() {
    let mut shorter = 0;
    for problem in instances().iter().take(36) {
        for base in ["heft", "olb", "single", "mace", "etf", "branch-parallel", "pipe-it-like"] {
            let spec = format!("local-search[base={base},iterations=200]");
            let Ok(parsed) = spec.parse::<hetsoc::strategy::StrategySpec>().unwrap().build(&problem.platform)
            else {
                continue;
            };
            drop(parsed);
            let (Some((after, ..)), Some((before, ..))) = (play(problem, &spec), play(problem, base)) else {
                continue;
            };
            assert!(after <= before, "{base}: {before} -> {after}");
            shorter += u32::from(after < before);
        }
    }
    assert!(shorter > 50, "only {shorter} plans became shorter");
}

#[test]
fn granularity_is_a_dial_for_list_schedulers() {
    for problem in instances().iter().take(30) {
        for granularity in [Granularity::Operator, Granularity::SubGraph] {
            let mut problem = problem.clone();
            problem.granularity = granularity;
            for spec in ["heft", "peft", "exact[effort=300000]"] {
                let mut chosen = strategy(&problem, spec);
                let prepared = match prepare(&problem, &mut *chosen) {
                    Ok(prepared) => prepared,
                    Err(error) => panic!("{spec}: {error}"),
                };
                let units: usize = prepared.plans.iter().map(Plan::len).sum();
                let operators: usize = problem.streams.iter().map(|s| s.dag.len()).sum();
                assert!(if granularity == Granularity::Operator {
                    units == operators
                } else {
                    units <= operators
                });
                watch(&problem, &mut *chosen);
            }
        }
    }
}
