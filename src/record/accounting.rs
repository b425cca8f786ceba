//! Where each resource's time went, and the energy of a run.

use crate::simulation::observer::{Activity, Interval, Observer};
use crate::soc::{Platform, ResourceId};
use crate::units::{Joules, SimDuration, SimTime, Watts};

/// Why time does not add up: a fault of the simulation, never of its inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountingError {
    /// A resource did two things at once, or one that ended before it began.
    #[error(
        "resource `{resource}` has a {activity} interval from {start} to {end} that is empty or begins before its last one ended ({previous})"
    )]
    Overlap {
        /// Name of the resource.
        resource: String,
        /// What it did.
        activity: &'static str,
        /// Begin of the second interval.
        start: SimTime,
        /// Its end.
        end: SimTime,
        /// End of the interval before.
        previous: SimTime,
    },
    /// An interval names a resource that the platform does not have, or ends after the run.
    #[error("an interval of resource {resource} ends at {end}, outside the run")]
    OutsideRun {
        /// Number of the resource.
        resource: u16,
        /// End of the interval.
        end: SimTime,
    },
}

/// Time of one resource by activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of `Activity`")]
pub struct ResourceTotals {
    pub busy: SimDuration,
    pub overhead: SimDuration,
    pub blocked: SimDuration,
    pub suspended: SimDuration,
}

impl ResourceTotals {
    /// Time in which it was not idle.
    #[must_use]
    pub fn occupied(&self) -> SimDuration {
        self.busy + self.overhead + self.blocked + self.suspended
    }

    /// The rest of a run of length `horizon`.
    #[must_use]
    pub fn idle(&self, horizon: SimDuration) -> SimDuration {
        horizon - self.occupied()
    }

    /// Share of `horizon` in which it computed or ran overhead, from 0 to 1.
    #[must_use]
    pub fn utilization(&self, horizon: SimDuration) -> f64 {
        if horizon.0 == 0 { 0.0 } else { (self.busy + self.overhead).0 as f64 / horizon.0 as f64 }
    }

    fn slot(&mut self, activity: Activity) -> &mut SimDuration {
        match activity {
            Activity::Busy => &mut self.busy,
            Activity::Overhead => &mut self.overhead,
            Activity::Blocked => &mut self.blocked,
            Activity::Suspended => &mut self.suspended,
        }
    }
}

/// Energy of a run by where it went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EnergySplit {
    /// One per resource.
    pub resources: Vec<Joules>,
    /// Everything that is not a resource: base power times the length of the run.
    pub base: Joules,
    /// DRAM traffic times energy per byte.
    pub dram: Joules,
}

impl EnergySplit {
    /// Sum of all parts.
    #[must_use]
    pub fn total(&self) -> Joules {
        self.resources.iter().fold(self.base + self.dram, |sum, &part| sum + part)
    }
}

/// An observer that adds up what each resource did and the DRAM traffic.
///
/// Powers are constant in each state, so power times time in the state is the exact integral: busy and
/// overhead at the busy power, blocked at the blocked power, suspended and idle at the idle power (a
/// descheduled core runs someone else's work or none; that work's energy is not this run's).
#[derive(Debug, Clone)]
pub struct Accounting {
    resources: Vec<Tally>,
    base_power: Watts,
    dram_joules_per_byte: f64,
    bytes: f64,
    rate: f64,
    rate_since: SimTime,
    peak_rate: f64,
    end: SimTime,
    fault: Option<AccountingError>,
}

#[derive(Debug, Clone)]
struct Tally {
    name: String,
    idle: Watts,
    busy: Watts,
    blocked: Watts,
    totals: ResourceTotals,
    last_end: SimTime,
}

impl Accounting {
    /// An observer for a run on `platform`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        let resources = platform
            .resources
            .iter()
            .map(|r| Tally {
                name: r.name.clone(),
                idle: r.idle_power,
                busy: r.busy_power,
                blocked: r.blocked_power,
                totals: ResourceTotals::default(),
                last_end: SimTime::ZERO,
            })
            .collect();
        Self {
            resources,
            base_power: platform.base_power,
            dram_joules_per_byte: platform.dram_joules_per_byte,
            bytes: 0.0,
            rate: 0.0,
            rate_since: SimTime::ZERO,
            peak_rate: 0.0,
            end: SimTime::ZERO,
            fault: None,
        }
    }

    /// Length of the run: the time of [`Observer::ended`], or of the last event before it.
    #[must_use]
    pub const fn horizon(&self) -> SimDuration {
        SimDuration(self.end.0)
    }

    /// Time of each resource by activity.
    ///
    /// # Errors
    /// When the simulation reported overlapping or impossible intervals, so that
    /// busy + overhead + blocked + suspended + idle = time does not hold.
    pub fn totals(&self) -> Result<Vec<ResourceTotals>, AccountingError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        for (index, tally) in self.resources.iter().enumerate() {
            if tally.last_end > self.end || tally.totals.occupied() > self.horizon() {
                return Err(AccountingError::OutsideRun { resource: index as u16, end: tally.last_end });
            }
        }
        Ok(self.resources.iter().map(|tally| tally.totals).collect())
    }

    /// Energy by where it went.
    #[must_use]
    pub fn energy(&self) -> EnergySplit {
        let horizon = self.horizon();
        let resources = self
            .resources
            .iter()
            .map(|t| {
                let active = (t.totals.busy + t.totals.overhead).seconds();
                let resting = (t.totals.suspended + t.totals.idle(horizon)).seconds();
                Joules(t.busy.0 * active + t.blocked.0 * t.totals.blocked.seconds() + t.idle.0 * resting)
            })
            .collect();
        EnergySplit {
            resources,
            base: Joules(self.base_power.0 * horizon.seconds()),
            dram: Joules(self.dram_bytes() * self.dram_joules_per_byte),
        }
    }

    /// DRAM traffic of the run in bytes.
    #[must_use]
    pub fn dram_bytes(&self) -> f64 {
        self.bytes + self.rate * self.end.since(self.rate_since).seconds()
    }

    /// Highest DRAM traffic that held for any time, in bytes per second.
    #[must_use]
    pub fn peak_bandwidth(&self) -> f64 {
        if self.end > self.rate_since { self.peak_rate.max(self.rate) } else { self.peak_rate }
    }

    /// Names and totals of the resources, for summaries.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(|tally| tally.name.as_str())
    }
}

impl Observer for Accounting {
    fn interval(&mut self, interval: Interval) {
        let Interval { resource: ResourceId(number), activity, start, end, .. } = interval;
        self.end = self.end.max(end);
        let Some(tally) = self.resources.get_mut(usize::from(number)) else {
            self.fault.get_or_insert(AccountingError::OutsideRun { resource: number, end });
            return;
        };
        if start < tally.last_end || end < start {
            let (resource, previous) = (tally.name.clone(), tally.last_end);
            let activity = activity.id();
            self.fault.get_or_insert(AccountingError::Overlap { resource, activity, start, end, previous });
            return;
        }
        tally.last_end = end;
        *tally.totals.slot(activity) += end.since(start);
    }

    fn bandwidth(&mut self, now: SimTime, bytes_per_second: f64) {
        self.bytes += self.rate * now.since(self.rate_since).seconds();
        if now > self.rate_since {
            self.peak_rate = self.peak_rate.max(self.rate);
        }
        self.rate = bytes_per_second;
        self.rate_since = now;
        self.end = self.end.max(now);
    }

    fn finished(&mut self, now: SimTime, _request: crate::simulation::observer::RequestId) {
        self.end = self.end.max(now);
    }

    fn ended(&mut self, now: SimTime) {
        self.end = self.end.max(now);
    }
}
