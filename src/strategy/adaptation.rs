//! What a strategy that adapts did during a run.

use super::RequestId;
use crate::units::{SimDuration, SimTime};

/// Why a strategy looked at its plan again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// What is believed had departed from what the plan was made on.
    Departed,
    /// One request tried what would be better if stale beliefs were wrong.
    Probed,
    /// That request was faster than those before it; its plan stays.
    Confirmed,
    /// The first requests of a new plan were slower than the plan before was believed; that one is back.
    TakenBack,
}

impl Cause {
    /// Name used in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Departed => "departed",
            Self::Probed => "probed",
            Self::Confirmed => "confirmed",
            Self::TakenBack => "taken-back",
        }
    }
}

/// One look at the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation {
    /// When.
    pub time: SimTime,
    /// The request at whose admission, or completion, it happened.
    pub request: RequestId,
    /// Why.
    pub cause: Cause,
    /// The smoothed logarithm of present / planned belief that made it look; 0 for probes.
    pub signal: f64,
    /// Level of granularity before.
    pub from: String,
    /// And after.
    pub to: String,
    /// Whether granularity or placement changed.
    pub changed: bool,
    /// What the request was believed to take on the plan before, at present beliefs.
    pub believed_before: SimDuration,
    /// What it is believed to take on the plan after.
    pub believed_after: SimDuration,
    /// Executors of the plan after, with the number of operators on each.
    pub placement: String,
    /// What looking, and changing, took; the request paid it.
    pub overhead: SimDuration,
}

/// What the requests of a stream came to at one level of granularity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelUse {
    /// The stream.
    pub stream: u16,
    /// The level.
    pub level: String,
    /// Requests completed at it, probes included.
    pub requests: u64,
    /// Of them, probes.
    pub probes: u64,
    /// Sum of their times from admission to completion, in seconds.
    pub service_seconds: f64,
    /// Sum of what they were believed to take, in seconds.
    pub believed_seconds: f64,
}

/// All that a strategy adapted in a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AdaptationLog {
    /// In order of time.
    pub adaptations: Vec<Adaptation>,
    /// Streams by number, levels from coarse to fine.
    pub levels: Vec<LevelUse>,
    /// Whether it ever had beliefs that can depart from its plan.
    pub learns: bool,
}
