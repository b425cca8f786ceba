//! What clocks are chosen for, and which choice is better.

use super::power::{Hardware, Scope};
use super::usage::{Model, Usage};
use std::cmp::Ordering;

/// What becomes as small as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Minimise {
    /// Energy of a request.
    Energy,
    /// Mean latency of the streams.
    Latency,
    /// Energy of a request times mean latency.
    Edp,
}

/// Goal and limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Goal {
    pub minimise: Minimise,
    /// Seconds for every request instead of what the streams say.
    pub deadline: Option<f64>,
    /// Joules for every request at most.
    pub budget: Option<f64>,
    /// Part of a deadline, and of the time of resources whose requests come by themselves, that stays free.
    pub margin: f64,
    /// What energy counts.
    pub scope: Scope,
}

/// A vector of steps, judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub usage: Usage,
    /// Joules of a request.
    pub joules: f64,
    /// By how much the worst deadline, or the time there is, would be exceeded, relative to what may be used of it; 0 when none.
    pub late: f64,
    /// By how much the budget would be exceeded, relative to it.
    pub over: f64,
    /// What becomes as small as possible.
    pub value: f64,
}

impl Goal {
    /// Judges a use of the hardware.
    pub(super) fn judge(
        &self,
        model: &Model<'_>,
        usage: Usage,
        hardware: &Hardware,
        steps: &[usize],
    ) -> Judged {
        let joules = hardware.watts(&usage, steps, self.scope) / usage.requests.max(f64::MIN_POSITIVE);
        let allowed = 1.0 - self.margin;
        let mut late = usage.load / allowed - 1.0;
        for (chain, latency) in model.chains.iter().zip(&usage.latencies) {
            if let Some(deadline) = self.deadline.or(chain.deadline) {
                late = late.max(latency / (deadline * allowed) - 1.0);
            }
        }
        let mean = usage.latencies.iter().sum::<f64>() / usage.latencies.len().max(1) as f64;
        Judged {
            joules,
            late: late.max(0.0),
            over: self.budget.map_or(0.0, |budget| (joules / budget - 1.0).max(0.0)),
            value: match self.minimise {
                Minimise::Energy => joules,
                Minimise::Latency => mean,
                Minimise::Edp => joules * mean,
            },
            usage,
        }
    }
}

impl Judged {
    /// The better is smaller: deadlines first, then the budget, then the goal, then latency.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let latency = |judged: &Self| judged.usage.latencies.iter().sum::<f64>();
        self.late
            .total_cmp(&other.late)
            .then_with(|| self.over.total_cmp(&other.over))
            .then_with(|| self.value.total_cmp(&other.value))
            .then_with(|| latency(self).total_cmp(&latency(other)))
    }
}
