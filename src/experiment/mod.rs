//! Runs with everything around them: summary, baseline, record.

mod run;

pub use run::{RunError, RunOptions, RunResult, Thresholds, run_scenario};
