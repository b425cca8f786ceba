//! Where a run and a predictor meet.

use super::dynamics::Dynamics;
use super::observer::Observer;
use super::problem::Problem;
use super::run::Simulation;
use crate::predict::{Beliefs, Predictor, State, Work};
use crate::soc::ExecutorId;
use crate::units::{SimDuration, SimTime};

/// What a predictor believes at the present time.
pub(super) struct Present<'a> {
    pub(super) problem: &'a Problem,
    pub(super) predictor: &'a dyn Predictor,
    pub(super) dynamics: Option<&'a Dynamics<'a>>,
}

impl Beliefs for Present<'_> {
    fn operator(&self, work: Work) -> Option<SimDuration> {
        let platform = &self.problem.platform;
        if self.predictor.knows_truth() {
            let stream = self.problem.streams.get(usize::from(work.stream))?;
            let cost = stream.costs.get(work.operator, work.executor)?;
            return Some(match self.dynamics {
                Some(dynamics) => dynamics.present(work, cost, platform),
                None => cost.overhead + cost.alone,
            });
        }
        let state = self.dynamics.map_or(State::LABORATORY, |dynamics| dynamics.sense(work, platform));
        self.predictor.estimate(work, &state)
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// What a unit's operators are believed to take on an executor at present, invocation excluded.
    pub(super) fn believed(&self, stream: u16, unit: u32, executor: ExecutorId) -> SimDuration {
        let graph = &self.graphs[usize::from(stream)];
        let known = || graph.estimate(unit, executor).map(|time| time - graph.invocation(unit, executor));
        if !self.predictor.changes() {
            return known().unwrap_or(SimDuration::ZERO);
        }
        let present = Present {
            problem: self.problem,
            predictor: &*self.predictor,
            dynamics: self.dynamics.as_deref(),
        };
        let operators = graph.operators(unit).iter();
        let time = |&operator: &u32| present.operator(Work { stream, operator, executor });
        operators.map(time).sum::<Option<SimDuration>>().unwrap_or(SimDuration::ZERO)
    }

    /// Whether the operators of a request are observed.
    fn is_observed(&self, request: u32) -> bool {
        self.predictor.learns() && request.is_multiple_of(self.profiling.every.max(1))
    }

    /// What observing the operators of an item will take, which its executor pays before they run.
    pub(super) fn profiling_of(&mut self, item: u32) -> SimDuration {
        let unit = self.items[item].unit;
        if !self.is_observed(unit.request.number) {
            return SimDuration::ZERO;
        }
        let operators = self.graphs[usize::from(unit.request.stream)].operators(unit.unit).len() as u64;
        let time = SimDuration(self.profiling.observation.0.saturating_mul(operators));
        self.outcome.profiling.observations += operators;
        self.outcome.profiling.overhead += time;
        time
    }

    /// An operator of an item ends.
    pub(super) fn observe_operator(&mut self, now: SimTime, item: u32, operator: u32) {
        let state = &self.items[item];
        if !self.is_observed(state.unit.request.number) {
            return;
        }
        let work = Work { stream: state.unit.request.stream, operator, executor: state.executor };
        let actual = now.since(state.operator_since);
        if actual > SimDuration::ZERO {
            let sensed = self.dynamics.as_deref();
            let sensed = sensed.map_or(State::LABORATORY, |d| d.sense(work, &self.problem.platform));
            self.predictor.observe(work, &sensed, actual);
        }
    }
}
