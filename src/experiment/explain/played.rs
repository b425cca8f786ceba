//! A run with its record, and what its mechanisms made of the time of each operator.

use super::ExplainError;
use super::what_if::{Frozen, replay};
use crate::config::Assembled;
use crate::record::{Recorder, RunRecord};
use crate::simulation::observer::{Lost, RequestId};
use crate::simulation::{Prepared, play, prepare_with};
use crate::strategy::{Recording, Replay, Schedule};
use crate::units::{SimDuration, SimTime};
use std::collections::BTreeMap;

/// A run that was recorded.
pub(super) struct Played {
    pub prepared: Prepared,
    pub record: RunRecord,
    /// Decides again as in this run.
    pub frozen: Frozen,
    /// What was decided at admissions, for each stream; nothing where the strategy does not.
    pub schedules: Vec<Schedule>,
}

impl Played {
    /// Simulates a scenario.
    pub(super) fn new(assembled: &mut Assembled) -> Result<Self, ExplainError> {
        if assembled.strategy.decides_admissions() {
            let inner = std::mem::replace(&mut assembled.strategy, Box::new(Replay::new(Vec::new())));
            assembled.strategy = Box::new(Recording::new(inner));
        }
        let problem = &assembled.problem;
        let strategy = &mut *assembled.strategy;
        let prepared = prepare_with(problem, strategy, &assembled.predictor)?;
        let mut recorder = Recorder::new(assembled.labels.clone(), Recorder::DEFAULT_CAP);
        play(problem, &prepared, strategy, &mut recorder)?;
        let record = recorder.finish();
        let schedules = strategy.schedules(problem.streams.len());
        let frozen = Frozen::new(problem, &prepared, &record, schedules.clone(), &assembled.predictor);
        Ok(Self { prepared, record, frozen, schedules })
    }
}

/// The unit of a request that started first, if it paid for deciding how the request runs, and what that took.
pub(super) fn planning(
    schedules: &[Schedule],
    record: &RunRecord,
    id: RequestId,
) -> Option<(u32, SimDuration)> {
    let paid = schedules.get(usize::from(id.stream))?.admission(id.number).overhead;
    let own = record.units.iter().filter(|unit| unit.unit.request == id && unit.started.is_some());
    let first = own.min_by_key(|unit| unit.started)?;
    (paid > SimDuration::ZERO).then_some((first.unit.unit, paid))
}

/// How long each operator of each request took, in picoseconds.
type Times = BTreeMap<(RequestId, u32), u64>;

fn times(record: &RunRecord) -> Times {
    let time = |o: &crate::record::OperatorRecord| ((o.unit.request, o.operator), o.end.since(o.start).0);
    record.operators.iter().map(time).collect()
}

/// For how much of `start..end` any of the spans goes on.
pub(super) fn overlap(mut spans: Vec<(SimTime, SimTime)>, start: SimTime, end: SimTime) -> u64 {
    spans.sort_unstable();
    let (mut covered, mut at) = (0, start);
    for (from, to) in spans {
        let (from, to) = (from.max(at), to.min(end));
        if to > from {
            covered += to.since(from).0;
            at = to;
        }
    }
    covered
}

/// What operators took, and what they lost.
#[derive(Debug, Clone)]
pub(super) struct Mechanisms {
    actual: Times,
    /// The same decisions and draws while nobody shares main memory; for runs in which nothing else changes.
    wide: Option<Times>,
    /// What the record says of runs in which clocks, caches or competing work change.
    lost: BTreeMap<(RequestId, u32), Lost>,
}

/// Time of an operator by mechanism, in picoseconds; the sum is its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Divided {
    pub suspended: i128,
    pub bandwidth: i128,
    pub cache: i128,
    pub clocks: i128,
    /// In the laboratory, with the draw of this request.
    pub laboratory: i128,
}

impl Mechanisms {
    /// Sums up the record, and where it does not tell, repeats the run.
    pub(super) fn of(assembled: &Assembled, played: &mut Played) -> Result<Self, ExplainError> {
        let problem = &assembled.problem;
        let mut lost: BTreeMap<(RequestId, u32), Lost> = BTreeMap::new();
        for (request, operator, more) in &played.record.slowed {
            let sum = lost.entry((*request, *operator)).or_default();
            sum.suspended += more.suspended;
            sum.bandwidth += more.bandwidth;
            sum.cache += more.cache;
            sum.clocks += more.clocks;
        }
        let shares = problem.dynamics.is_none() && problem.platform.memory_bandwidth.is_some();
        let wide = if shares {
            let mut changed = problem.clone();
            changed.platform.memory_bandwidth = None;
            Some(times(&replay(&changed, &mut played.frozen, &assembled.labels)?))
        } else {
            None
        };
        Ok(Self { actual: times(&played.record), wide, lost })
    }

    /// What an operator took.
    pub(super) fn actual(&self, request: RequestId, operator: u32) -> Option<u64> {
        self.actual.get(&(request, operator)).copied()
    }

    /// Divides the time of an operator; the parts add up to it.
    pub(super) fn divide(&self, request: RequestId, operator: u32) -> Option<Divided> {
        let actual = self.actual(request, operator)?;
        let lost = self.lost.get(&(request, operator)).copied().unwrap_or_default();
        let picoseconds = |seconds: f64| (seconds * 1e12).round() as i128;
        let wide =
            self.wide.as_ref().and_then(|wide| wide.get(&(request, operator))).copied().unwrap_or(actual);
        let (suspended, cache, clocks) =
            (picoseconds(lost.suspended), picoseconds(lost.cache), picoseconds(lost.clocks));
        let bandwidth = picoseconds(lost.bandwidth) + i128::from(actual) - i128::from(wide);
        let laboratory = i128::from(actual) - suspended - bandwidth - cache - clocks;
        Some(Divided { suspended, bandwidth, cache, clocks, laboratory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_spans_count_once() {
        let t = SimTime;
        assert_eq!(overlap(vec![(t(5), t(9)), (t(0), t(3)), (t(2), t(6))], t(1), t(8)), 7);
        assert_eq!(overlap(vec![(t(5), t(9))], t(0), t(4)), 0);
        assert_eq!(overlap(vec![(t(1), t(2)), (t(1), t(2))], t(0), t(4)), 1);
    }
}
