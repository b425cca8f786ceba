//! Adapting: what makes it plan again, what it does not react to, how it comes back, and that a run of it replays exactly.

use super::strategy;
use crate::build::{Log, plan, platform, problem, replay, stream};
use hetsoc::config::plan_file::{read_plans, write_scheduled};
use hetsoc::diagnostics::SourceText;
use hetsoc::predict::PredictorSpec;
use hetsoc::simulation::{Arrivals, Outcome, Problem, play, prepare_with};
use hetsoc::strategy::{
    AdaptationLog, Cause, Dispatch, Granularity, Recording, Replay, RequestId, ServiceTarget, Strategy,
    StrategySpec, TransferStart,
};
use hetsoc::units::{SimDuration, SimTime};

const PERIOD: f64 = 20.0;

/// A chain of four operators, one request each 20 s: on `p0` 4 s in one go, on `p1` 6 s.
fn chain(requests: u64) -> Problem {
    let costs = [[1.0, 1.5]; 4].map(|row| row.map(Some).to_vec());
    let mut net = stream(&costs, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0)]);
    net.arrivals = Arrivals::Periodic {
        period: SimDuration::from_seconds(PERIOD),
        offset: SimDuration::ZERO,
        count: Some(requests),
    };
    problem(platform(2, 0.25, 1e9), vec![net])
}

/// The same beside a foreign stream on a processor of its own, which takes main memory from `p0`, and from it only, for the requests `from..to`.
fn loaded(requests: u64, from: u64, to: u64) -> Problem {
    let mut problem = chain(requests);
    problem.platform.memory_bandwidth = Some(hetsoc::units::BytesPerSec(1.0));
    problem.platform.executors.push(problem.platform.executors[1].clone());
    problem.platform.resources.push(problem.platform.resources[1].clone());
    let p2 = &mut problem.platform.executors[2];
    p2.name = "p2".to_owned();
    p2.resources = vec![hetsoc::soc::ResourceId(2)];
    p2.domain = 2;
    "p2".clone_into(&mut problem.platform.resources[2].name);
    let (free, cross) = (hetsoc::soc::Crossing::NONE, problem.platform.crossings[1]);
    problem.platform.crossings = (0..9).map(|i| if i % 4 == 0 { free } else { cross }).collect();
    problem.platform.host_in = vec![free; 3];
    problem.platform.host_out = vec![free; 3];
    // Only p0 needs memory for the network: beside the foreigner, who needs all of it, it runs at half speed.
    let table = |on: [Option<(f64, f64)>; 3], operators: usize| {
        hetsoc::physics::CostTable::new(operators, 3, |_, e| {
            on[usize::from(e.0)].map(|(seconds, bytes)| crate::build::cost(seconds, bytes))
        })
    };
    problem.streams[0].costs = table([Some((1.0, 1.0)), Some((1.5, 0.0)), None], 4);
    let length = PERIOD * (to - from) as f64;
    let mut foreign = stream(&[vec![None, None, Some(1.0)]], &[]);
    foreign.costs = table([None, None, Some((length, length))], 1);
    foreign.arrivals = Arrivals::Periodic {
        period: SimDuration::from_seconds(1e6),
        offset: SimDuration::from_seconds(PERIOD * from as f64 - 1.0),
        count: Some(1),
    };
    foreign.name = "foreign".to_owned();
    problem.streams.push(foreign);
    problem
}

fn run(problem: &Problem, chosen: &mut dyn Strategy, predictor: &str) -> (Outcome, Log) {
    let predictor: PredictorSpec = predictor.parse().unwrap();
    let prepared = prepare_with(problem, chosen, &predictor).unwrap();
    let mut log = Log::default();
    let outcome = play(problem, &prepared, chosen, &mut log).unwrap();
    (outcome, log)
}

fn adapted(problem: &Problem, spec: &str, predictor: &str) -> (Outcome, Log, AdaptationLog) {
    let mut chosen = strategy(problem, spec);
    let (outcome, log) = run(problem, &mut *chosen, predictor);
    (outcome, log, chosen.adaptations().unwrap())
}

/// Executors that a request of the first stream used.
fn places(log: &Log, number: u32) -> Vec<u16> {
    let own = |unit: &hetsoc::strategy::PlacedUnit| unit.request == RequestId { stream: 0, number };
    let mut places: Vec<u16> =
        log.operators.iter().filter(|row| own(&row.2)).map(|row| row.2.executor.0).collect();
    places.dedup();
    places
}

fn mean(outcome: &Outcome) -> f64 {
    let latencies = &outcome.streams[0].latencies;
    latencies.iter().map(|(_, latency)| latency.seconds()).sum::<f64>() / latencies.len() as f64
}

const KALMAN: &str = "kalman[cost-us=0]";

/// Would catch a trigger that compares with the latest belief instead of the plan's (it never fires: the filter follows), one that never comes back (what is not used is
/// not observed), and probes that do not stop.
#[test]
fn it_leaves_a_loaded_executor_and_comes_back() {
    let problem = loaded(200, 40, 100);
    let (outcome, log, what) = adapted(&problem, "adaptive", KALMAN);
    assert_eq!(places(&log, 10), [0]);
    let away = (40..100).find(|&n| places(&log, n) == [1]).unwrap();
    assert!(away < 50, "left at request {away}");
    let story = || {
        let what = what.adaptations.iter();
        what.map(|a| format!("{} {} {}", a.request.number, a.cause.id(), a.placement)).collect::<Vec<_>>()
    };
    let back = (100..200).find(|&n| (n..200).all(|m| places(&log, m) == [0]));
    // Probes that found nothing have made the interval four times 16.
    assert!(back.is_some_and(|back| back < 165), "back at request {back:?}: {:?}", story());
    let causes: Vec<Cause> = what.adaptations.iter().map(|a| a.cause).collect();
    assert!(causes.contains(&Cause::Departed) && causes.contains(&Cause::Probed), "{causes:?}");
    assert_eq!(causes.iter().filter(|&&cause| cause == Cause::Confirmed).count(), 1, "{causes:?}");
    // Beside the foreigner p0 takes 8 s against 6 s, without 4 s: better than either for good.
    let fixed = [0, 1].map(|place| {
        let plans = [vec![(0, place), (1, place), (2, place), (3, place)], vec![(0, 2)]];
        let plans = plans.map(|order| plan(Dispatch::AtReady, TransferStart::ProducerFinish, &order));
        mean(&replay(&problem, plans.to_vec()))
    });
    assert!(mean(&outcome) < 0.95 * fixed[0].min(fixed[1]), "{} against {fixed:?}", mean(&outcome));
    let (stays, _, _) = adapted(&problem, "adaptive[probe=0]", KALMAN);
    assert!(mean(&stays) > mean(&outcome), "without probes it does not come back");
}

/// Beliefs that do not change are its negative control: the plan that it starts with, for ever; and nothing is charged.
#[test]
fn without_learning_it_is_its_first_plan() {
    let problem = loaded(60, 10, 40);
    let (with, log, what) = adapted(&problem, "adaptive", "offline");
    assert!(what.adaptations.is_empty() && !what.learns);
    assert!((0..60).all(|n| places(&log, n) == [0]));
    let (task, _, _) = adapted(&problem, "adaptive[levels=task]", "offline");
    assert_eq!(with.streams, task.streams);
}

/// In a machine that stays as it is, noise alone makes it neither plan nor try.
#[test]
fn noise_alone_changes_nothing() {
    let mut problem = chain(400);
    problem.noise = true;
    problem.platform.executors.iter_mut().for_each(|executor| executor.dispersion.operator = 0.08);
    let (_, log, what) = adapted(&problem, "adaptive", KALMAN);
    assert!(what.learns);
    assert_eq!(what.adaptations, []);
    assert!((0..400).all(|n| places(&log, n) == [0]));
}

/// Deciding costs what it says: requests at which it planned take longer by exactly that.
#[test]
fn planning_and_changing_take_their_time() {
    let problem = loaded(80, 20, 70);
    let spec = |replan, switch| format!("adaptive[probe=0,replan-us={replan},switch-us={switch}]");
    let (free, _, _) = adapted(&problem, &spec(0, 0), KALMAN);
    let (paid, _, what) = adapted(&problem, &spec(3000, 500_000), KALMAN);
    let first = what.adaptations[0].request.number;
    let latency = |o: &Outcome| o.streams[0].latencies.iter().find(|row| row.0 == first).unwrap().1;
    assert_eq!(latency(&paid) - latency(&free), SimDuration::from_seconds(0.503));
    assert_eq!(what.adaptations[0].overhead, SimDuration::from_seconds(0.003));
}

/// Invocations make fine cuts dear, transfers between unlike executors make coarse ones slow: each level is best somewhere, and it is chosen there. Would catch a
/// choice that ignores one of the two, or always takes the finest or the coarsest.
#[test]
fn granularity_follows_what_is_believed() {
    let level = |invocation: f64, second: f64| {
        // p0 is good at the first half, p1 at the second.
        let row = |op: usize| if op < 4 { vec![Some(1.0), Some(9.0)] } else { vec![Some(second), Some(1.0)] };
        let costs: Vec<_> = (0..8).map(row).collect();
        let edges: Vec<_> = (1..8).map(|op| (op - 1, op, 1.0)).collect();
        let mut problem = problem(platform(2, 0.25, 1e9), vec![stream(&costs, &edges)]);
        problem.platform.executors.iter_mut().for_each(|e| {
            e.invocation = SimDuration::from_seconds(invocation);
        });
        let (_, _, what) = adapted(&problem, "adaptive[levels=task+4+operator]", "offline");
        what.levels.iter().find(|level| level.requests > 0).unwrap().level.clone()
    };
    assert_eq!(level(0.0, 1.0), "task");
    assert_eq!(level(0.5, 9.0), "4");
    // Branches side by side need single operators.
    let mut fork = problem(platform(2, 0.1, 1e9), vec![]);
    let costs = vec![vec![Some(4.0), Some(4.0)]; 4];
    fork.streams.push(stream(&costs, &[(0, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), (2, 3, 1.0)]));
    let (outcome, _, what) = adapted(&fork, "adaptive[levels=task+operator]", "offline");
    assert_eq!(what.levels.iter().find(|level| level.requests > 0).unwrap().level, "operator");
    assert!(outcome.makespan < SimTime::ZERO + SimDuration::from_seconds(13.0));
}

/// The deadline's objective leaves resources to others where the fastest plan would take two.
#[test]
fn objectives_differ() {
    let costs = vec![vec![Some(4.0), Some(4.0)]; 4];
    let mut fork = problem(platform(2, 0.1, 1e9), vec![]);
    fork.streams.push(stream(&costs, &[(0, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), (2, 3, 1.0)]));
    let used = |problem: &Problem, objective: &str| {
        let spec = format!("adaptive[levels=task+operator,objective={objective}]");
        let (_, log, _) = adapted(problem, &spec, "offline");
        let mut places: Vec<u16> = log.operators.iter().map(|row| row.2.executor.0).collect();
        places.sort_unstable();
        places.dedup();
        places.len()
    };
    fork.streams[0].service = ServiceTarget { deadline: Some(SimDuration::from_seconds(15.0)), priority: 0 };
    // 12.2 s on two, 16 s on one.
    assert_eq!((used(&fork, "latency"), used(&fork, "deadline")), (2, 2));
    fork.streams[0].service.deadline = Some(SimDuration::from_seconds(20.0));
    assert_eq!((used(&fork, "latency"), used(&fork, "deadline")), (2, 1));
}

/// A saved run, read and replayed with the same predictor, is the same run: outcome, intervals, transfers.
#[test]
fn a_saved_run_replays_exactly() {
    let mut problem = loaded(160, 40, 100);
    problem.noise = true;
    problem.platform.executors.iter_mut().for_each(|executor| executor.dispersion.operator = 0.05);
    let predictor = "kalman";
    let mut recording = Recording::new(strategy(&problem, "adaptive[replan-us=700,switch-us=300]"));
    let (outcome, log) = run(&problem, &mut recording, predictor);
    assert!(recording.adaptations().unwrap().adaptations.len() > 3);
    let plans = prepare_with(&problem, &mut *strategy(&problem, "adaptive"), &predictor.parse().unwrap());
    let text =
        write_scheduled(&plans.unwrap().plans, &recording.schedules(2), &[], &Vec::new(), &problem.platform)
            .unwrap();
    assert!(text.contains("hetsoc-plan/2") && text.contains("overhead_ps"));
    let read = read_plans(&SourceText::new("plan", text), &problem.platform, &[4, 1]).unwrap();
    let mut replay = Replay::new(read.plans).with_schedules(read.schedules);
    let (again, repeated) = run(&problem, &mut replay, predictor);
    assert_eq!(format!("{outcome:?}"), format!("{again:?}"));
    assert_eq!(log, repeated);
}

#[test]
fn wrong_parameters_are_explained() {
    let problem = chain(1);
    let refuse = |spec: &str| {
        let spec: StrategySpec = spec.parse().unwrap();
        spec.build(&problem.platform).err().unwrap().to_string()
    };
    assert!(refuse("adaptive[levels=task+1]").contains("from 2 on"));
    assert!(refuse("adaptive[levels=slice]").contains("not `slice`"));
    assert!(refuse("adaptive[levels=]").contains("levels are"));
    assert!(refuse("adaptive[threshold=0]").contains("above 0"));
    assert!(refuse("adaptive[objective=energy]").contains("`deadline`"));
    assert!(refuse("adaptive[explore=1]").contains("unknown parameter"));
    let mut coarse = chain(1);
    coarse.granularity = Granularity::Task;
    let mut chosen = strategy(&coarse, "adaptive[levels=operator]");
    let error = prepare_with(&coarse, &mut *chosen, &PredictorSpec::default()).unwrap_err().to_string();
    assert!(error.contains("granularity `task`"), "{error}");
}
