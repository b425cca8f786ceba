//! Random queues: each closed form is covered by the intervals of 200 seeds (see `statistics::coverage`).
//!
//! A run is a warm-up of one batch, then five batches of `1200 + 60 / (1 - rho)^2` mean services unless the case says
//! otherwise: several relaxation times of the queue, so that batch means are nearly independent.

use super::stations::{Class, Discipline, Law, Origin, Stations, Tally};
use super::statistics::coverage;
use super::{number, numbers, oracle};
use serde_json::Value;

const BATCHES: usize = 5;

/// Plays a warm-up and the batches; `read(stations, from, to)` gives the statistics of one batch. Returns the
/// batches of each statistic.
fn batches(
    mut stations: Stations,
    length: f64,
    mut read: impl FnMut(&Stations, &Window) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = Vec::new();
    stations.play(length);
    for batch in 0..BATCHES {
        stations.clear();
        let from = length * (batch + 1) as f64;
        let to = from + length;
        let before = (0..4).map(|s| reading(&stations, s, from)).collect();
        stations.play(to);
        let after = (0..4).map(|s| reading(&stations, s, to)).collect();
        let window = Window { length, before, after };
        for (at, value) in read(&stations, &window).into_iter().enumerate() {
            if all.len() <= at {
                all.push(Vec::with_capacity(BATCHES));
            }
            all[at].push(value);
        }
    }
    all
}

fn reading(stations: &Stations, station: usize, time: f64) -> (f64, f64) {
    if station < stations.count() { stations.integrals(station, time) } else { (0.0, 0.0) }
}

struct Window {
    length: f64,
    before: Vec<(f64, f64)>,
    after: Vec<(f64, f64)>,
}

impl Window {
    fn present(&self, station: usize) -> f64 {
        (self.after[station].0 - self.before[station].0) / self.length
    }

    fn queued(&self, station: usize) -> f64 {
        (self.after[station].1 - self.before[station].1) / self.length
    }
}

pub(super) fn mean(tally: &Tally) -> f64 {
    tally.sojourn / tally.done as f64
}

fn wait(tally: &Tally) -> f64 {
    tally.wait / tally.done as f64
}

fn length(service: f64, rho: f64) -> f64 {
    service * (1200.0 + 60.0 / (1.0 - rho).powi(2))
}

/// One station, one class.
pub(super) fn single(discipline: Discipline, room: usize, rate: f64, service: Law, seed: u64) -> Stations {
    let origin = Origin::Open(Law::Exponential(1.0 / rate));
    Stations::new(&[(discipline, room)], &[Class { origin, route: vec![(0, service)], fork: false }], seed)
}

fn cases(model: &str) -> Vec<Value> {
    let found: Vec<Value> = oracle("analytic")["queueing"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["model"].as_str().unwrap().starts_with(model))
        .cloned()
        .collect();
    assert!(!found.is_empty(), "{model}");
    found
}

#[test]
fn single_server_with_exponential_service() {
    for case in cases("M/M/1 FIFO") {
        let of = |key: &str| number(&case[key]);
        let (rate, service, rho) = (of("lam"), 1.0 / of("mu"), of("rho"));
        let theory = [
            ("W", of("W")),
            ("Wq", of("Wq")),
            ("L", of("L")),
            ("Lq", of("Lq")),
            ("share within W_p50", 0.5),
            (if rho < 0.89 { "share within W_p95" } else { "only the mean of the share within W_p95" }, 0.95),
            ("only the mean of the share within W_p99", 0.99),
        ];
        coverage(&format!("M/M/1 {rate}"), &theory, |seed| {
            let law = Law::Exponential(service);
            let mut stations = single(Discipline::Fifo(1), usize::MAX, rate, law, seed);
            stations.thresholds = vec![of("W_p50"), of("W_p95"), of("W_p99")];
            batches(stations, length(service, rho) + 2500.0 * service, |stations, window| {
                let tally = &stations.tallies[0];
                let share = |at: usize| tally.within[at] as f64 / tally.done as f64;
                let (l, lq) = (window.present(0), window.queued(0));
                vec![mean(tally), wait(tally), l, lq, share(0), share(1), share(2)]
            })
        });
    }
}

#[test]
fn single_server_with_general_service() {
    for case in cases("M/D/1").into_iter().chain(cases("M/G/1 FIFO")) {
        let of = |key: &str| number(&case[key]);
        let cv = case["cv"].as_f64().unwrap_or(0.0);
        let rho = of("rho");
        // Pollaczek and Khinchine: only mean and cv of the law matter.
        let laws = if cv == 0.0 {
            vec![Law::Constant(1.0)]
        } else if cv == 0.5 {
            vec![Law::Erlang(4, 1.0), Law::LogNormal(1.0, 0.5)]
        } else {
            vec![Law::Hyper(1.0, cv)]
        };
        for law in laws {
            let theory = [("W", of("W")), ("Wq", of("Wq"))];
            coverage(&format!("M/G/1 {} {law:?}", of("lam")), &theory, |seed| {
                let stations = single(Discipline::Fifo(1), usize::MAX, of("lam"), law.clone(), seed);
                batches(stations, length(1.0, rho) * (1.0 + cv * cv), |stations, _| {
                    vec![mean(&stations.tallies[0]), wait(&stations.tallies[0])]
                })
            });
        }
    }
}

#[test]
fn several_servers() {
    let mut all: Vec<(f64, usize, f64, f64)> = cases("M/M/c FIFO")
        .iter()
        .map(|c| (number(&c["lam"]), number(&c["c"]) as usize, number(&c["erlangC"]), number(&c["Wq"])))
        .collect();
    let closed = oracle("queueing_closed_forms");
    for case in closed["cases"].as_array().unwrap() {
        let (rate, wait) = (number(&case["lambda"]), number(&case["mean_wait"]));
        match case["sys"].as_str().unwrap() {
            // The same as in the other file, which is simulated above: M/M/1 and M/D/1.
            "M/M/1" => assert_eq!(wait, number(&case["mean_response"]) - 1.0),
            "M/D/1" => assert_eq!((rate, wait), (0.8, 2.0)),
            servers => {
                let servers = servers.rsplit('/').next().unwrap().parse().unwrap();
                all.push((rate, servers, number(&case["erlang_C"]), wait));
            }
        }
    }
    assert_eq!(all.len(), 6);
    for (rate, servers, delayed, wait_theory) in all {
        let rho = rate / servers as f64;
        let theory = [("P(wait)", delayed), ("Wq", wait_theory), ("W", wait_theory + 1.0)];
        coverage(&format!("M/M/{servers} {rate}"), &theory, |seed| {
            let stations = single(Discipline::Fifo(servers), usize::MAX, rate, Law::Exponential(1.0), seed);
            batches(stations, length(1.0, rho) / servers as f64 + 400.0, |stations, _| {
                let tally = &stations.tallies[0];
                vec![tally.delayed as f64 / tally.done as f64, wait(tally), mean(tally)]
            })
        });
    }
}

#[test]
fn losses() {
    let lost = |stations: &Stations| stations.tallies[0].dropped as f64 / stations.tallies[0].offered as f64;
    for case in cases("M/G/c/c") {
        let (rate, servers) = (number(&case["lam"]), number(&case["c"]) as usize);
        // Insensitive: the same for every law of mean 1.
        for law in [Law::Exponential(1.0), Law::Constant(1.0), Law::Hyper(1.0, 2.0)] {
            coverage(
                &format!("M/G/{servers}/{servers} {law:?}"),
                &[("blocking", number(&case["blocking"]))],
                |seed| {
                    let stations = single(Discipline::Fifo(servers), servers, rate, law.clone(), seed);
                    batches(stations, 300.0, |stations, _| vec![lost(stations)])
                },
            );
        }
    }
    for case in cases("M/M/1/K") {
        let (rate, room) = (number(&case["lam"]), number(&case["K"]) as usize);
        let theory = [
            ("P(drop)", number(&case["P_drop"])),
            ("L", number(&case["L"])),
            ("W", number(&case["W_accepted"])),
        ];
        coverage(&format!("M/M/1/{room} {rate}"), &theory, |seed| {
            let stations = single(Discipline::Fifo(1), room, rate, Law::Exponential(1.0), seed);
            batches(stations, 1000.0, |stations, window| {
                vec![lost(stations), window.present(0), mean(&stations.tallies[0])]
            })
        });
    }
}

#[test]
fn processor_sharing() {
    for case in cases("M/G/1-PS") {
        let rate = number(&case["lam"]);
        let theory = [("W", number(&case["W"]))];
        // A third of size 2, two thirds of size one half: mean 1.
        let two = Law::TwoPoint(1.0 / 3.0, 2.0, 0.5);
        let mut laws = vec![Law::Exponential(1.0), two];
        if rate < 0.9 {
            laws.extend([Law::Constant(1.0), Law::Hyper(1.0, 1.5)]);
        }
        for law in laws {
            let watched = matches!(law, Law::TwoPoint(..));
            let mut theory = theory.to_vec();
            if watched {
                theory.push(("W of size 2", number(&case["W_for_size_2"])));
            }
            coverage(&format!("M/G/1-PS {rate} {law:?}"), &theory, |seed| {
                let mut stations = single(Discipline::Sharing, usize::MAX, rate, law.clone(), seed);
                stations.watched_size = 2.0;
                batches(stations, 1.5 * length(1.0, rate), |stations, _| {
                    let tally = &stations.tallies[0];
                    let mut values = vec![mean(tally)];
                    if watched {
                        values.push(tally.sized.1 / tally.sized.0 as f64);
                    }
                    values
                })
            });
        }
    }
    let sojourn = number(&oracle("physics")["ps"]["M/M/1-PS mean sojourn lambda=.5 mu=1"]);
    assert_eq!(sojourn, number(&cases("M/G/1-PS")[0]["W"]), "the same case as simulated above");
}

pub(super) fn two_classes(discipline: Discipline, seed: u64) -> Stations {
    let class = |rate: f64| Class {
        origin: Origin::Open(Law::Exponential(1.0 / rate)),
        route: vec![(0, Law::Exponential(1.0))],
        fork: false,
    };
    Stations::new(&[(discipline, usize::MAX)], &[class(0.3), class(0.4)], seed)
}

#[test]
fn priorities() {
    for (model, discipline) in [
        ("M/M/1 two-class priority, nonpreemptive", Discipline::Priority),
        ("M/M/1 two-class priority, preemptive-resume", Discipline::Preemptive),
    ] {
        let case = &cases(model)[0];
        assert_eq!(numbers(&case["lam"]), [0.3, 0.4]);
        let theory = [("W high", number(&case["W_high"])), ("W low", number(&case["W_low"]))];
        coverage(model, &theory, |seed| {
            batches(two_classes(discipline.clone(), seed), length(1.0, 0.7), |stations, _| {
                vec![mean(&stations.tallies[0]), mean(&stations.tallies[1])]
            })
        });
    }
}

pub(super) fn tandem(rates: &[f64], arrivals: f64, seed: u64) -> Stations {
    let stations = vec![(Discipline::Fifo(1), usize::MAX); rates.len()];
    let route = rates.iter().enumerate().map(|(s, mu)| (s, Law::Exponential(1.0 / mu))).collect();
    let origin = Origin::Open(Law::Exponential(1.0 / arrivals));
    Stations::new(&stations, &[Class { origin, route, fork: false }], seed)
}

#[test]
fn tandem_of_queues() {
    let case = &cases("open Jackson tandem")[0];
    let (rate, each) = (number(&case["lam"]), numbers(&case["W_each"]));
    let theory = [
        ("W", number(&case["W_total"])),
        ("L at 1", rate * each[0]),
        ("L at 2", rate * each[1]),
        ("L at 3", rate * each[2]),
    ];
    coverage("tandem", &theory, |seed| {
        batches(tandem(&numbers(&case["mu"]), rate, seed), length(1.25, 0.75), |stations, window| {
            vec![mean(&stations.tallies[0]), window.present(0), window.present(1), window.present(2)]
        })
    });
}

#[test]
fn closed_network() {
    let case = &cases("closed product-form network")[0];
    let demands = numbers(&case["D"]);
    for point in case["mva"].as_array().unwrap() {
        let population = number(&point["N"]) as usize;
        let expected = numbers(&point["Q"]);
        let theory = [
            ("X", number(&point["X"])),
            ("R", number(&point["R"])),
            ("Q1", expected[0]),
            ("Q2", expected[1]),
            ("Q3", expected[2]),
        ];
        // Exponential FIFO and processor sharing have the same product form.
        for discipline in [Discipline::Fifo(1), Discipline::Sharing] {
            if matches!(discipline, Discipline::Sharing) && population != 5 {
                continue;
            }
            coverage(&format!("MVA N={population} {discipline:?}"), &theory, |seed| {
                let stations = vec![(discipline.clone(), usize::MAX); 3];
                // In units of 10 ms.
                let route = demands.iter().enumerate().map(|(s, d)| (s, Law::Exponential(d * 100.0)));
                let class = Class { origin: Origin::Closed(population), route: route.collect(), fork: false };
                batches(Stations::new(&stations, &[class], seed), 500.0, |stations, window| {
                    let tally = &stations.tallies[0];
                    let present = (0..3).map(|s| window.present(s));
                    [tally.done as f64 / window.length * 100.0, mean(tally) / 100.0]
                        .into_iter()
                        .chain(present)
                        .collect()
                })
            });
        }
    }
}

#[test]
fn fork_and_join() {
    for case in cases("2-way fork-join") {
        let rho = number(&case["rho"]);
        coverage(&format!("fork-join {rho}"), &[("W", number(&case["W"]))], |seed| {
            let route = vec![(0, Law::Exponential(1.0)), (1, Law::Exponential(1.0))];
            let origin = Origin::Open(Law::Exponential(1.0 / rho));
            let stations = vec![(Discipline::Fifo(1), usize::MAX); 2];
            let class = Class { origin, route, fork: true };
            batches(Stations::new(&stations, &[class], seed), length(1.0, rho), |stations, _| {
                vec![mean(&stations.tallies[0])]
            })
        });
    }
}

#[test]
fn slowest_of_several() {
    let case = &cases("E[max of n iid exp(1)]")[0];
    for (n, expected) in numbers(&case["n"]).into_iter().zip(numbers(&case["value"])) {
        coverage(&format!("slowest of {n}"), &[("W", expected)], |seed| {
            let n = n as usize;
            let stations = vec![(Discipline::Fifo(1), usize::MAX); n];
            let route = (0..n).map(|s| (s, Law::Exponential(1.0))).collect();
            let class = Class { origin: Origin::Closed(1), route, fork: true };
            batches(Stations::new(&stations, &[class], seed), 800.0, |stations, _| {
                vec![mean(&stations.tallies[0])]
            })
        });
    }
}
