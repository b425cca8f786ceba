//! A scalar Kalman filter of the slow-down against the laboratory.

use super::{OfflineTable, Predictor, State, Work};
use crate::units::SimDuration;

/// What shares one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KalmanScope {
    /// Each operator on each executor has its own.
    Operator,
    /// All operators of an executor share one (as ALERT, ATC 2020, does for a whole system).
    Executor,
}

/// The slow-down `x = actual / offline` as a random walk: `P += q; K = P / (P + r); x += K (z - x); P *= 1 - K`, from x = 1,
/// P = r on. The estimate is x times the offline time.
///
/// Source: the textbook filter. Invented here: the state, its start, the variances. r = 0.0064 is a run-to-run variation of 8 %
/// (MobileNetV2 on a phone's NPU, 98 runs); q = 0.0025 is a drift of 5 % from one observation to the next (assumed).
#[derive(Debug, Clone)]
pub struct Kalman {
    table: OfflineTable,
    process: f64,
    measurement: f64,
    scope: KalmanScope,
    /// Slow-down and its variance.
    states: Vec<(f64, f64)>,
}

impl Kalman {
    /// Starts from `table`; both variances above 0.
    #[must_use]
    pub fn new(table: OfflineTable, process: f64, measurement: f64, scope: KalmanScope) -> Self {
        let count = match scope {
            KalmanScope::Operator => table.times().len(),
            KalmanScope::Executor => table.executors(),
        };
        Self { table, process, measurement, scope, states: vec![(1.0, measurement); count] }
    }

    fn position(&self, work: Work) -> Option<usize> {
        match self.scope {
            KalmanScope::Operator => self.table.index(work),
            KalmanScope::Executor => Some(usize::from(work.executor.0)),
        }
    }
}

impl Predictor for Kalman {
    fn id(&self) -> &'static str {
        "kalman"
    }

    fn estimate(&self, work: Work, _state: &State) -> Option<SimDuration> {
        let (slowdown, _) = self.states.get(self.position(work)?)?;
        Some(SimDuration::from_seconds(self.table.time(work)?.seconds() * slowdown))
    }

    fn observe(&mut self, work: Work, _state: &State, actual: SimDuration) {
        let Some(offline) = self.table.time(work).map(SimDuration::seconds).filter(|time| *time > 0.0) else {
            return;
        };
        let position = self.position(work);
        let Some((slowdown, variance)) = position.and_then(|position| self.states.get_mut(position)) else {
            return;
        };
        *variance += self.process;
        let gain = *variance / (*variance + self.measurement);
        *slowdown += gain * (actual.seconds() / offline - *slowdown);
        *variance *= 1.0 - gain;
    }

    fn learns(&self) -> bool {
        true
    }

    fn boxed(&self) -> Box<dyn Predictor> {
        Box::new(self.clone())
    }
}
