//! Everything that happened in one run, as far as the cap on stored events allows.

use super::labels::RunLabels;
use super::signals::SignalSample;
use crate::simulation::observer::{Interval, Lost, PlacedUnit, RequestId, TransferRecord};
use crate::units::{SimDuration, SimTime};

/// The record of one run. Lists are in the order in which the simulation reported, which is the order
/// of the times at which their facts were known (ends, for spans).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRecord {
    /// Names for all indices below.
    pub labels: RunLabels,
    /// When the run ended; the last time reported, if nobody said that it is over.
    pub end: SimTime,
    /// All requests that arrived.
    pub requests: Vec<RequestRecord>,
    /// All units that were placed or ran.
    pub units: Vec<UnitRecord>,
    /// All operators that ended.
    pub operators: Vec<OperatorRecord>,
    /// What operators lost to what changed during the run; several entries for those with dispatching and execution.
    pub slowed: Vec<(RequestId, u32, Lost)>,
    /// What resources did.
    pub intervals: Vec<Interval>,
    /// Tensors that crossed.
    pub transfers: Vec<TransferRecord>,
    /// DRAM traffic; each sample holds until the next.
    pub bandwidth: Vec<BandwidthSample>,
    /// Clocks, temperatures and powers from each change on.
    pub signals: Vec<SignalSample>,
    /// How many of each happened, stored or not.
    pub counters: Counters,
    /// Things a reader must know, e.g. that the cap was reached.
    pub warnings: Vec<String>,
}

/// The life of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRecord {
    /// Which.
    pub id: RequestId,
    /// When it was due; a full queue may have held its source back until later.
    pub arrived: SimTime,
    /// When it left its queue.
    pub admitted: Option<SimTime>,
    /// When its outputs were ready.
    pub finished: Option<SimTime>,
    /// When its queue's policy dropped it.
    pub dropped: Option<SimTime>,
    /// Whether it counts as warm-up.
    pub warm_up: bool,
}

impl RequestRecord {
    /// Time from arrival to finish.
    #[must_use]
    pub fn latency(&self) -> Option<SimDuration> {
        self.finished.map(|finished| finished.since(self.arrived))
    }
}

/// The life of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitRecord {
    /// Which, and where.
    pub unit: PlacedUnit,
    /// When a strategy placed it; `None` when the simulation did not say.
    pub placed: Option<SimTime>,
    /// How long the strategy believed that its execution takes.
    pub believed: Option<SimDuration>,
    /// When it began to occupy its executor.
    pub started: Option<SimTime>,
    /// When it ended.
    pub finished: Option<SimTime>,
    /// Time its operators took, dispatch overhead included, without invocation and waiting; the sum of
    /// the spans of those that ended so far.
    pub operator_time: SimDuration,
}

/// An operator that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorRecord {
    /// The unit that it belongs to.
    pub unit: PlacedUnit,
    /// Index in the stream's graph.
    pub operator: u32,
    /// When it began, dispatch overhead included.
    pub start: SimTime,
    /// When it ended.
    pub end: SimTime,
}

/// DRAM traffic from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandwidthSample {
    /// From when.
    pub time: SimTime,
    /// Bytes per second.
    pub bytes_per_second: f64,
}

/// How many of each kind of event happened, and how many of all are missing from the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counters {
    pub requests: u64,
    pub units: u64,
    pub operators: u64,
    pub intervals: u64,
    pub transfers: u64,
    pub bandwidth_samples: u64,
    /// Events above the cap.
    pub not_stored: u64,
}

impl RunRecord {
    /// The record of a request, if it was stored.
    #[must_use]
    pub fn request(&self, id: RequestId) -> Option<&RequestRecord> {
        self.requests.iter().find(|r| r.id == id)
    }

    /// Whether events are missing because the cap was reached.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.counters.not_stored > 0
    }
}
