//! What a strategy adapted, for people and files.

use super::labels::RunLabels;
use crate::strategy::{AdaptationLog, Cause};
use crate::units::SimDuration;
use serde::Serialize;

/// What a strategy adapted during a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdaptationSummary {
    /// Plannings because beliefs had departed.
    pub replans: u64,
    /// Changes of granularity or placement: by planning, by a probe whose plan stayed, by taking back.
    pub switches: u64,
    /// Requests that tried what is out of use; their latency counts like any other.
    pub probes: u64,
    /// Probes whose plan stayed.
    pub confirmed: u64,
    /// New plans that were taken back.
    pub taken_back: u64,
    /// Time that all this took.
    pub planning_ms: f64,
    /// What requests came to at each level.
    pub by_level: Vec<LevelSummary>,
    /// Every look at the plan, in order of time.
    pub decisions: Vec<DecisionSummary>,
}

/// What the requests of a stream came to at one level of granularity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelSummary {
    /// The stream.
    pub stream: String,
    /// The level.
    pub level: String,
    /// Requests completed at it, probes included.
    pub requests: u64,
    /// Mean time from admission to completion.
    pub mean_service_ms: Option<f64>,
    /// Mean of what they were believed to take when they were admitted.
    pub mean_believed_ms: Option<f64>,
}

/// One look at the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionSummary {
    /// When.
    pub time_ms: f64,
    /// The stream.
    pub stream: String,
    /// Number of the request at whose admission, or completion, it happened.
    pub request: u32,
    /// `departed`, `probed`, `confirmed` or `taken-back`.
    pub cause: &'static str,
    /// Smoothed logarithm of present / planned belief; 0 for probes.
    pub signal: f64,
    /// Level before.
    pub from: String,
    /// Level after.
    pub to: String,
    /// Whether granularity or placement changed.
    pub changed: bool,
    /// What the request was believed to take on the plan before.
    pub believed_before_ms: f64,
    /// What it is believed to take on the plan after.
    pub believed_after_ms: f64,
    /// Executors of the plan after, with the number of operators on each.
    pub placement: String,
    /// What looking took.
    pub overhead_ms: f64,
}

impl AdaptationSummary {
    /// Sums up; streams by their names.
    #[must_use]
    pub fn new(log: &AdaptationLog, labels: &RunLabels) -> Self {
        let count = |cause| log.adaptations.iter().filter(|a| a.cause == cause).count() as u64;
        let departed = |cause, changed| cause == Cause::Departed && changed;
        let changes = log.adaptations.iter().filter(|a| departed(a.cause, a.changed)).count() as u64;
        let mean = |sum: f64, count: u64| (count > 0).then(|| 1e3 * sum / count as f64);
        Self {
            replans: count(Cause::Departed),
            switches: changes + count(Cause::Confirmed) + count(Cause::TakenBack),
            probes: log.levels.iter().map(|level| level.probes).sum(),
            confirmed: count(Cause::Confirmed),
            taken_back: count(Cause::TakenBack),
            planning_ms: log.adaptations.iter().map(|a| a.overhead).sum::<SimDuration>().millis(),
            by_level: log
                .levels
                .iter()
                .map(|level| LevelSummary {
                    stream: labels.stream(level.stream),
                    level: level.level.clone(),
                    requests: level.requests,
                    mean_service_ms: mean(level.service_seconds, level.requests),
                    mean_believed_ms: mean(level.believed_seconds, level.requests),
                })
                .collect(),
            decisions: log
                .adaptations
                .iter()
                .map(|a| DecisionSummary {
                    time_ms: SimDuration(a.time.0).millis(),
                    stream: labels.stream(a.request.stream),
                    request: a.request.number,
                    cause: a.cause.id(),
                    signal: a.signal,
                    from: a.from.clone(),
                    to: a.to.clone(),
                    changed: a.changed,
                    believed_before_ms: a.believed_before.millis(),
                    believed_after_ms: a.believed_after.millis(),
                    placement: a.placement.clone(),
                    overhead_ms: a.overhead.millis(),
                })
                .collect(),
        }
    }
}
