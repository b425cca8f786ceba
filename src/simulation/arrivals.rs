//! When requests arrive, and what happens to those that cannot start at once.

use crate::random;
use crate::units::{SimDuration, SimTime};
use rand_distr::{Distribution, Exp1};

/// When the requests of a stream arrive.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// One request at time zero.
    Single,
    /// The next request arrives when the one before is complete.
    BackToBack {
        /// Number of requests; `None` goes on until the run's stop rule.
        count: Option<u64>,
    },
    /// At `offset`, `offset + period`, ...
    Periodic {
        /// Time between arrivals, positive.
        period: SimDuration,
        /// First arrival.
        offset: SimDuration,
        /// Number of requests; `None` goes on until the run's time limit.
        count: Option<u64>,
    },
    /// Exponentially distributed gaps.
    Poisson {
        /// Mean time between arrivals, positive.
        mean_gap: SimDuration,
        /// Number of requests; `None` goes on until the run's time limit.
        count: Option<u64>,
    },
    /// At these times, which do not decrease.
    Listed(Vec<SimTime>),
}

impl Arrivals {
    /// How many requests arrive, if that is known beforehand.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Single => Some(1),
            Self::BackToBack { count } | Self::Periodic { count, .. } | Self::Poisson { count, .. } => *count,
            Self::Listed(times) => Some(times.len() as u64),
        }
    }

    /// Mean time between arrivals, if that is known beforehand and there are several.
    #[must_use]
    pub fn mean_gap(&self) -> Option<SimDuration> {
        match self {
            Self::Single | Self::BackToBack { .. } => None,
            Self::Periodic { period, .. } => Some(*period),
            Self::Poisson { mean_gap, .. } => Some(*mean_gap),
            Self::Listed(times) => {
                let (first, last) = (times.first()?, times.last()?);
                last.since(*first).0.checked_div(times.len() as u64 - 1).map(SimDuration)
            }
        }
    }
}

/// What happens to a request that arrives while as many as allowed are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueuePolicy {
    /// It waits; when the queue is full the source is held back until there is room. What was due meanwhile
    /// arrives then, and its latency counts from when it was due.
    Block,
    /// When the queue is full the longest waiting request is dropped.
    DropOldest,
    /// When the queue is full the new request is dropped.
    DropNewest,
    /// The new request replaces all that wait.
    LatestOnly,
}

/// The queue in front of a stream's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestQueue {
    /// What to do when it is full.
    pub policy: QueuePolicy,
    /// How many requests may wait, those in flight not counted. `u32::MAX`: any number.
    pub depth: u32,
    /// How many requests may be in flight at once, at least 1.
    pub max_in_flight: u32,
}

impl RequestQueue {
    /// No limit at all.
    pub const UNLIMITED: Self = Self { policy: QueuePolicy::Block, depth: u32::MAX, max_in_flight: u32::MAX };
    /// One request at a time, any number waiting.
    pub const ONE_AT_A_TIME: Self = Self { policy: QueuePolicy::Block, depth: u32::MAX, max_in_flight: 1 };
}

/// Produces the arrivals of one stream one after the other.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    arrivals: &'a Arrivals,
    produced: u64,
    last: SimTime,
    stream: random::Stream,
}

impl<'a> Source<'a> {
    pub(super) fn new(arrivals: &'a Arrivals, seed: u64, stream: u16) -> Self {
        let stream = random::stream(seed, "arrivals", &[u64::from(stream)]);
        Self { arrivals, produced: 0, last: SimTime::ZERO, stream }
    }

    /// Number and time of the next arrival; `completed_at` is when the last request completed. `None` when the
    /// source is exhausted.
    pub(super) fn next(&mut self, completed_at: SimTime) -> Option<(u32, SimTime)> {
        if self.arrivals.count().is_some_and(|count| self.produced >= count) {
            return None;
        }
        let number = u32::try_from(self.produced).ok()?;
        self.last = match self.arrivals {
            Arrivals::Single => SimTime::ZERO,
            Arrivals::BackToBack { .. } => completed_at,
            Arrivals::Periodic { period, offset, .. } => {
                if number == 0 {
                    SimTime::ZERO + *offset
                } else {
                    self.last + *period
                }
            }
            Arrivals::Poisson { mean_gap, .. } => {
                let gap: f64 = Exp1.sample(&mut self.stream);
                self.last + SimDuration((gap * mean_gap.0 as f64).round() as u64)
            }
            Arrivals::Listed(times) => times[number as usize],
        };
        self.produced += 1;
        Some((number, self.last))
    }

    /// Whether the next arrival waits for a completion.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.arrivals, Arrivals::BackToBack { .. })
    }

    /// Whether an arrival is still to come.
    pub(super) fn has_more(&self) -> bool {
        self.arrivals.count().is_none_or(|count| self.produced < count)
    }
}
