//! docs/REGRET.md: how far each strategy is from the proved optimum on small graphs.

use super::catalogue::ALL;
use super::{small, strategy};
use crate::build::{tasks, watch};
use crate::oracles::oracle;
use hetsoc::random;
use hetsoc::simulation::{Problem, prepare};
use rand::Rng;
use std::fmt::Write;

/// Layered graphs of 8 to 10 operators on three processors: one fast for most, transfers that matter.
fn layered(seed: u64) -> Problem {
    let mut random = random::stream(seed, "regret", &[]);
    let mut below = |n: u32| random.next_u32() % n;
    let tasks_count = 8 + below(3);
    let costs: Vec<Vec<Option<f64>>> = (0..tasks_count)
        .map(|_| {
            let base = 4 + below(16);
            vec![
                Some(f64::from(base)),
                Some(f64::from(base * (1 + below(4)) / 2)),
                Some(f64::from(1 + below(2 * base))),
            ]
        })
        .collect();
    let mut edges = Vec::new();
    for target in 1..tasks_count {
        let first = below(target);
        edges.push((first, target, f64::from(below(12))));
        let second = below(target);
        if second != first && below(2) == 0 {
            edges.push((second, target, f64::from(below(12))));
        }
    }
    tasks(&costs, &edges, 1.0, 1.0)
}

fn page() -> String {
    let file = oracle("small_unrelated_unsupported24");
    let unsupported: Vec<Problem> = file["instances"].as_array().unwrap().iter().map(small).collect();
    let layered: Vec<Problem> = (0..40).map(layered).collect();
    let optimum = |problem: &Problem| {
        let mut exact = strategy(problem, "exact");
        let (outcome, _) = watch(problem, &mut *exact);
        assert!(exact.notes()[0].starts_with("optimal"), "{:?}", exact.notes());
        outcome.makespan.seconds()
    };
    let optima: Vec<Vec<f64>> =
        [&unsupported, &layered].iter().map(|set| set.iter().map(optimum).collect()).collect();
    let mut page = "# Regret against the optimum\n\n\
        Makespan of one request in simulation, divided by the optimum that `exact` proves: mean, largest, and how many are optimal. Left: the 24 graphs of \
        `small_unrelated_unsupported24` (5 to 9 operators, unrelated costs, unsupported pairs). Right: 40 graphs of 8 to 10 operators on three processors, made by the test that checks \
        this page (`planners::regret`; `HETSOC_UPDATE_PAGES=1` writes it anew). A dash stands for graphs that a strategy refuses: those that need one processor for everything. No strategy \
        dominates; strategies for several models or many requests are not at home here.\n\n\
        | strategy | mean | largest | optimal | mean | largest | optimal |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for spec in ALL {
        let _ = write!(page, "| `{spec}` |");
        for (set, optima) in [&unsupported, &layered].iter().zip(&optima) {
            let ratios: Vec<f64> = set
                .iter()
                .zip(optima)
                .filter_map(|(problem, optimum)| {
                    let mut chosen = strategy(problem, spec);
                    let problem = Problem { granularity: chosen.default_granularity(), ..problem.clone() };
                    prepare(&problem, &mut *chosen).ok()?;
                    Some(watch(&problem, &mut *chosen).0.makespan.seconds() / optimum)
                })
                .collect();
            assert!(ratios.iter().all(|&ratio| ratio >= 1.0), "{spec} beats a proof");
            if ratios.is_empty() {
                page.push_str(" - | - | - |");
                continue;
            }
            let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
            let largest = ratios.iter().copied().fold(0.0, f64::max);
            let optimal = ratios.iter().filter(|&&ratio| ratio == 1.0).count();
            let _ = write!(page, " {mean:.3} | {largest:.3} | {optimal} of {} |", ratios.len());
        }
        page.push('\n');
    }
    page
}

#[test]
fn the_page_about_regret_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/REGRET.md");
    let page = page();
    if std::env::var_os("HETSOC_UPDATE_PAGES").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        page,
        "run this test with HETSOC_UPDATE_PAGES=1"
    );
}
