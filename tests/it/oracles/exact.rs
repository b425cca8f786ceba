//! Deterministic stations: every completion is known to the tick.

use super::stations::{Class, Discipline, Law, Origin, Stations};
use super::{number, numbers, oracle};
use hetsoc::engine::{Limits, run};

/// Completion time by class and number, for jobs `(class, arrival, size)` at one station.
fn finishes(discipline: Discipline, classes: usize, jobs: &[(usize, f64, f64)]) -> Vec<f64> {
    let of = |class: usize| jobs.iter().filter(move |job| job.0 == class);
    let classes: Vec<Class> = (0..classes)
        .map(|class| Class {
            origin: Origin::Listed(of(class).map(|job| job.1).collect()),
            route: vec![(0, Law::listed(&of(class).map(|job| job.2).collect::<Vec<_>>()))],
            fork: false,
        })
        .collect();
    let mut stations = Stations::new(&[(discipline, usize::MAX)], &classes, 0);
    stations.log = Some(Vec::new());
    let end = run(&mut stations, Limits::default()).unwrap();
    assert!(!end.truncated);
    let log = stations.log.unwrap();
    let mut seen = vec![0u64; classes.len()];
    jobs.iter()
        .map(|job| {
            let number = seen[job.0];
            seen[job.0] += 1;
            log.iter().find(|entry| (entry.0, entry.1) == (job.0, number)).unwrap().2
        })
        .collect()
}

/// Ticks are 1e-9 of a unit; rounding up may add one at each completion.
fn equal(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 4e-9, "{what}: {got} instead of {expected}");
    }
}

#[test]
fn sharing_of_one_processor() {
    let file = oracle("analytic");
    let cases = file["processor_sharing"].as_array().unwrap();
    let expected = |at: usize, keys: &[&str]| -> Vec<f64> {
        keys.iter().map(|key| number(&cases[at]["finish"][key])).collect()
    };
    let fair = |jobs: &[(usize, f64, f64)]| finishes(Discipline::Sharing, 1, jobs);
    equal(&fair(&[(0, 0.0, 10.0), (0, 2.0, 4.0)]), &expected(0, &["A", "B"]), "two jobs");
    let jobs = [(0, 0.0, 6.0), (0, 0.0, 6.0), (0, 3.0, 3.0)];
    equal(&fair(&jobs), &expected(1, &["A", "B", "C"]), "three jobs");
    let jobs = [(0, 0.0, 6.0), (1, 0.0, 6.0)];
    let weighted = finishes(Discipline::Weighted(vec![2.0, 1.0]), 2, &jobs);
    equal(&weighted, &expected(2, &["A", "B"]), "weights");
    let jobs = [(0, 4.0, 3.0), (1, 0.0, 10.0)];
    let preempted = finishes(Discipline::Preemptive, 2, &jobs);
    equal(&preempted, &expected(3, &["H", "L"]), "preemption");
    let jobs = [(0, 0.0, 3.0), (0, 0.0, 2.0), (0, 0.0, 1.0)];
    let turns = finishes(Discipline::RoundRobin(1.0), 1, &jobs);
    equal(&turns, &expected(4, &["A", "B", "C"]), "round robin");
    assert_eq!(cases.len(), 5);
    let works = [(0, 0.0, 1.0), (0, 0.0, 2.0), (0, 0.0, 3.0)];
    equal(&fair(&works), &numbers(&oracle("physics")["ps"]["works 1,2,3 mu=1"]), "physics");
}

#[test]
fn a_run_from_empty_to_empty_obeys_little_and_the_utilisation_law() {
    for (discipline, servers) in [
        (Discipline::Fifo(1), 1.0),
        (Discipline::Fifo(3), 3.0),
        (Discipline::Sharing, 1.0),
        (Discipline::RoundRobin(0.5), 1.0),
    ] {
        let times: Vec<f64> = (0..5000).map(|i| f64::from(i) * 1.1 + f64::from(i * i % 7)).collect();
        let mut times = times;
        times.sort_by(f64::total_cmp);
        let sizes: Vec<f64> = (0..5000).map(|i| 0.25 + f64::from(i * 37 % 13) / 10.0).collect();
        let class = Class {
            origin: Origin::Listed(times.iter().copied().collect()),
            route: vec![(0, Law::listed(&sizes))],
            fork: false,
        };
        let mut stations = Stations::new(&[(discipline.clone(), usize::MAX)], &[class], 0);
        let end = run(&mut stations, Limits::default()).unwrap();
        let horizon = super::stations::units(end.time);
        // Sum of sojourns = integral of the number inside.
        let inside = stations.population.until(end.time) * 1e3;
        super::close(stations.all_sojourns, inside, 1e-9, "Little's law");
        // Mean number in service = arrival rate x mean service.
        if let Discipline::Fifo(_) = discipline {
            let (present, queued) = stations.integrals(0, horizon);
            super::close(present - queued, sizes.iter().sum(), 1e-9, "utilisation law");
            assert!(present - queued <= servers * horizon);
        }
    }
}

#[test]
fn deterministic_pipeline_of_stations() {
    let file = oracle("analytic");
    let case =
        file["queueing"].as_array().unwrap().iter().find(|c| c["model"] == "deterministic pipeline").unwrap();
    let stages = numbers(&case["stages"]);
    let class = Class {
        origin: Origin::Listed(vec![0.0; 100].into()),
        route: stages.iter().enumerate().map(|(s, &time)| (s, Law::Constant(time))).collect(),
        fork: false,
    };
    let mut stations = Stations::new(&vec![(Discipline::Fifo(1), usize::MAX); 3], &[class], 0);
    stations.log = Some(Vec::new());
    run(&mut stations, Limits::default()).unwrap();
    let ends: Vec<f64> = stations.log.unwrap().iter().map(|entry| entry.2).collect();
    equal(&ends[..1], &[number(&case["first_latency"])], "first");
    equal(&ends[99..], &[number(&case["makespan_for_100"])], "last");
    for pair in ends.windows(2) {
        equal(&[pair[1] - pair[0]], &[number(&case["period"])], "period");
    }
}

/// Fixed priorities, preemptive, all tasks released together: the first job of each has the worst response.
#[test]
fn worst_responses_of_periodic_tasks() {
    let file = oracle("analytic");
    let case = &file["fixed_priority_rta"];
    let tasks: Vec<(f64, f64)> =
        case["tasks"].as_array().unwrap().iter().map(|t| (number(&t[0]), number(&t[1]))).collect();
    let mut jobs = Vec::new();
    for (class, &(work, period)) in tasks.iter().enumerate() {
        jobs.extend((0..(24.0 / period) as usize).map(|job| (class, job as f64 * period, work)));
    }
    let ends = finishes(Discipline::Preemptive, tasks.len(), &jobs);
    let mut worst = vec![0.0f64; tasks.len()];
    for (job, end) in jobs.iter().zip(ends) {
        worst[job.0] = worst[job.0].max(end - job.1);
    }
    equal(&worst, &numbers(&case["worst_response"]), "responses");
}
