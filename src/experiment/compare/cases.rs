//! Playing many cases on several threads, in an order that the outcome does not show.

use crate::config::scenario::ScenarioSpec;
use crate::config::{Assembled, assemble};
use crate::experiment::{RunOptions, run_scenario};
use crate::record::summary::RunSummary;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a case is: a setting, and an alternative for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CaseKey {
    /// Network or scenario.
    pub network: String,
    /// Device or SoC.
    pub device: String,
    /// Runtime.
    pub runtime: String,
    /// Condition; empty for the scenario's own.
    pub condition: String,
    /// Strategy with its parameters.
    pub strategy: String,
    /// Granularity asked for; empty for the strategy's own.
    pub granularity: String,
}

impl CaseKey {
    /// The setting: everything but strategy and granularity.
    #[must_use]
    pub fn setting(&self) -> [&str; 4] {
        [&self.network, &self.device, &self.runtime, &self.condition]
    }

    /// Strategy and granularity as one name.
    #[must_use]
    pub fn alternative(&self) -> String {
        if self.granularity.is_empty() {
            self.strategy.clone()
        } else {
            format!("{} @ {}", self.strategy, self.granularity)
        }
    }
}

/// A case to play.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is.
    pub key: CaseKey,
    /// The scenario with its strategy, granularity and root seed.
    pub spec: ScenarioSpec,
    /// Overrides of profiles.
    pub overrides: Vec<String>,
    /// Symbolic dimensions.
    pub dims: Vec<(String, u64)>,
}

/// The summaries of a case, one for each replication, or why it could not be played.
pub type Replicated = Result<Vec<RunSummary>, String>;

/// Plays every case `replications` times with seeds `seed, seed + 1, ...`, the same for all cases, on `jobs` threads.
/// The results come in the order of the cases; `done` hears of each that is complete.
pub fn play_cases(
    cases: &[Case],
    replications: u32,
    jobs: usize,
    done: &(dyn Fn() + Sync),
) -> Vec<Replicated> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Replicated>>> = Mutex::new(vec![None; cases.len()]);
    let work = || {
        while let Some((number, case)) = take(cases, &next) {
            let result = play_case(case, replications);
            // A poisoned lock only says that another thread died; its results are still whole.
            let mut slots = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(slot) = slots.get_mut(number) {
                *slot = Some(result);
            }
            drop(slots);
            done();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, cases.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.into_iter().map(|result| result.unwrap_or_else(|| Err("was not played".to_owned()))).collect()
}

fn take<'a>(cases: &'a [Case], next: &AtomicUsize) -> Option<(usize, &'a Case)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    cases.get(number).map(|case| (number, case))
}

fn play_case(case: &Case, replications: u32) -> Replicated {
    let mut assembled = assemble(&case.spec, &case.overrides, &case.dims, None)
        .map_err(|error| first_line(&error.to_string()))?;
    let root = case.spec.seed;
    (0..u64::from(replications.max(1)))
        .map(|replication| {
            reseed(&mut assembled, root.wrapping_add(replication));
            let options = RunOptions { record: false, baseline: false };
            run_scenario(&mut assembled, options, &mut |_| {})
                .map(|result| result.summary)
                .map_err(|error| first_line(&error.to_string()))
        })
        .collect()
}

fn reseed(assembled: &mut Assembled, seed: u64) {
    assembled.problem.seed = seed;
    assembled.labels.seed = seed;
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
