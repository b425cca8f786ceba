//! A run with its record, and what its mechanisms made of the time of each operator.

use super::ExplainError;
use super::what_if::{Frozen, replay};
use crate::config::Assembled;
use crate::record::{Recorder, RunRecord};
use crate::simulation::observer::{Activity, RequestId};
use crate::simulation::{Prepared, Problem, play, prepare_with};
use crate::units::SimTime;
use std::collections::BTreeMap;

/// A run that was recorded.
pub(super) struct Played {
    pub prepared: Prepared,
    pub record: RunRecord,
    /// Decides again as in this run.
    pub frozen: Frozen,
}

impl Played {
    /// Simulates a scenario.
    pub(super) fn new(assembled: &mut Assembled) -> Result<Self, ExplainError> {
        let problem = &assembled.problem;
        let strategy = &mut *assembled.strategy;
        let prepared = prepare_with(problem, strategy, &assembled.predictor)?;
        let mut recorder = Recorder::new(assembled.labels.clone(), Recorder::DEFAULT_CAP);
        play(problem, &prepared, strategy, &mut recorder)?;
        let record = recorder.finish();
        let frozen = Frozen::new(problem, &prepared, &record, &assembled.predictor);
        Ok(Self { prepared, record, frozen })
    }
}

/// How long an operator took, and for how much of that competing work had one of its cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub time: u64,
    pub suspended: u64,
}

impl Span {
    /// Time with all its cores.
    pub(super) const fn running(self) -> u64 {
        self.time.saturating_sub(self.suspended)
    }
}

/// One span for each operator of each request.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans(BTreeMap<(RequestId, u32), Span>);

impl Spans {
    fn of(record: &RunRecord) -> Self {
        let mut away: BTreeMap<(RequestId, u32), Vec<(SimTime, SimTime)>> = BTreeMap::new();
        for interval in record.intervals.iter().filter(|i| i.activity == Activity::Suspended) {
            if let Some(operator) = interval.operator {
                away.entry((interval.work.request, operator))
                    .or_default()
                    .push((interval.start, interval.end));
            }
        }
        let span = |operator: &crate::record::OperatorRecord| {
            let key = (operator.unit.request, operator.operator);
            let own = away.get(&key).cloned().unwrap_or_default();
            let suspended = overlap(own, operator.start, operator.end);
            (key, Span { time: operator.end.since(operator.start).0, suspended })
        };
        Self(record.operators.iter().map(span).collect())
    }

    /// The span of an operator that ended.
    pub(super) fn get(&self, request: RequestId, operator: u32) -> Option<Span> {
        self.0.get(&(request, operator)).copied()
    }
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

/// The spans of a run, and of the same decisions and draws without some of what slows operators down.
#[derive(Debug, Clone)]
pub(super) struct Mechanisms {
    pub actual: Spans,
    /// Nobody shares main memory.
    wide: Option<Spans>,
    /// Nor caches.
    uncached: Option<Spans>,
    /// Nor does anything change during the run.
    laboratory: Option<Spans>,
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
    /// Repeats a run without each of its mechanisms.
    pub(super) fn of(assembled: &Assembled, played: &mut Played) -> Result<Self, ExplainError> {
        let problem = &assembled.problem;
        let mut without = |change: &dyn Fn(&mut Problem)| -> Result<Spans, ExplainError> {
            let mut changed = problem.clone();
            changed.platform.memory_bandwidth = None;
            change(&mut changed);
            Ok(Spans::of(&replay(&changed, &mut played.frozen, &assembled.labels)?))
        };
        let shares = problem.platform.memory_bandwidth.is_some();
        let wide = if shares { Some(without(&|_| ())?) } else { None };
        let cached = problem.dynamics.as_ref().is_some_and(|dynamics| dynamics.caches.is_some());
        let uncached = if cached {
            Some(without(&|changed| {
                if let Some(dynamics) = &mut changed.dynamics {
                    dynamics.caches = None;
                }
            })?)
        } else {
            None
        };
        let changes = problem.dynamics.is_some();
        let laboratory = if changes { Some(without(&|changed| changed.dynamics = None)?) } else { None };
        Ok(Self { actual: Spans::of(&played.record), wide, uncached, laboratory })
    }

    /// Divides the time of an operator. `nominal` is what the cost table says; it stands for requests that the
    /// laboratory's run did not come to.
    pub(super) fn divide(&self, request: RequestId, operator: u32, nominal: u64) -> Option<Divided> {
        let actual = self.actual.get(request, operator)?;
        let running = |spans: &Option<Spans>, otherwise: u64| {
            spans.as_ref().and_then(|s| s.get(request, operator)).map_or(otherwise, Span::running)
        };
        let now = actual.running();
        let wide = running(&self.wide, now);
        let uncached = running(&self.uncached, wide);
        let laboratory = match &self.laboratory {
            Some(spans) => spans.get(request, operator).map_or(nominal, Span::running),
            None => uncached,
        };
        let part = |from: u64, to: u64| i128::from(from) - i128::from(to);
        Some(Divided {
            suspended: part(actual.time, now),
            bandwidth: part(now, wide),
            cache: part(wide, uncached),
            clocks: part(uncached, laboratory),
            laboratory: i128::from(laboratory),
        })
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
