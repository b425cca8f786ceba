//! Runs with everything around them: summary, baseline, record.

pub mod compare;
mod explain;
mod fallback;
pub mod reproduce;
mod run;

pub use explain::{
    Cause, CauseDifference, Difference, ExplainError, ExplainOptions, Explanation, OperatorDifference, Part,
    PartTime, Side, Step, WhatIf, explain, explain_difference,
};
pub use fallback::{FallbackRow, fallback_rows};
pub use run::{RunError, RunOptions, RunResult, Thresholds, run_scenario};
