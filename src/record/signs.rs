//! The signs by which "Deep Learning Inference on Heterogeneous Mobile Processors" (arXiv 2405.01851) tells what goes wrong: frames are dropped
//! when inference has too much of the GPU, processes are suspended when units are too fine, predictions are wrong when profiling is too weak.
//! The study gives no definitions; these are our own.

use super::summary::RunSummary;
use serde::Serialize;

/// The three signs, of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FailureSigns {
    /// Refreshes of displays that found no new frame, in per cent; absent when nothing draws.
    pub refreshes_missed_percent: Option<f64>,
    /// Units handed to executors, for each request.
    pub hand_overs: f64,
    /// Of the time in which resources held work of inference, what did not go into executing it: overhead, blocked, suspended; in per cent.
    pub held_up_percent: f64,
    /// The part of that in which other work had the core.
    pub suspended_percent: f64,
    /// Mean absolute error of believed execution times, in per cent of the actual ones; absent when nothing was believed.
    pub prediction_error_percent: Option<f64>,
}

impl FailureSigns {
    /// What each sign speaks for.
    pub const MEANING: &'static str = "refreshes missed: inference has too much of the GPU; hand-overs and held up (overhead, blocked, suspended, of the time in which \
         processors hold work): units are too fine, or cores are shared; belief: what the strategy knows is out of date";

    /// Reads the signs off a summary.
    #[must_use]
    pub fn of(summary: &RunSummary) -> Self {
        let displays = || summary.dynamics.iter().flat_map(|d| &d.background).filter(|source| source.draws);
        let refreshes: u64 = displays().map(|source| source.completed + source.missed).sum();
        let missed: u64 = displays().map(|source| source.missed).sum();
        let sum = |part: fn(&super::summary::ResourceSummary) -> f64| -> f64 {
            summary.resources.iter().map(part).sum()
        };
        let executing = sum(|r| r.busy_ms);
        let suspended = sum(|r| r.suspended_ms);
        let held = executing + suspended + sum(|r| r.overhead_ms + r.blocked_ms);
        let percent = |part: f64| if held > 0.0 { 100.0 * part / held } else { 0.0 };
        let units = summary.prediction_error.as_ref().map_or(0, |error| error.units);
        Self {
            refreshes_missed_percent: (refreshes > 0).then(|| 100.0 * missed as f64 / refreshes as f64),
            hand_overs: units as f64 / summary.requests.completed.max(1) as f64,
            held_up_percent: percent(held - executing),
            suspended_percent: percent(suspended),
            prediction_error_percent: summary.prediction_error.as_ref().map(|error| error.mape_percent),
        }
    }
}
