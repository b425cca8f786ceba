//! Exponentially weighted moving average of observed times.

use super::{OfflineTable, Predictor, State, Work};
use crate::units::SimDuration;

/// `estimate += a (observed - estimate)` for every operator and executor, from the offline table on.
///
/// Source: Band (MobiSys 2022; mrsnu/band@8600d496 `latency_estimator.cc`), a = 0.1, there for each sub-graph; a step needs 22
/// observations to be absorbed to 90 %.
#[derive(Debug, Clone)]
pub struct Ewma {
    table: OfflineTable,
    smoothing: f64,
    /// Seconds.
    estimates: Vec<f64>,
}

impl Ewma {
    /// Starts from `table`; `smoothing` in (0, 1].
    #[must_use]
    pub fn new(table: OfflineTable, smoothing: f64) -> Self {
        let estimates = table.times().iter().map(|time| time.map_or(0.0, SimDuration::seconds)).collect();
        Self { table, smoothing, estimates }
    }
}

impl Predictor for Ewma {
    fn id(&self) -> &'static str {
        "ewma"
    }

    fn estimate(&self, work: Work, _state: &State) -> Option<SimDuration> {
        self.table.time(work)?;
        self.estimates.get(self.table.index(work)?).map(|seconds| SimDuration::from_seconds(*seconds))
    }

    fn observe(&mut self, work: Work, _state: &State, actual: SimDuration) {
        let index = self.table.index(work);
        if let Some(estimate) = index.and_then(|index| self.estimates.get_mut(index)) {
            *estimate += self.smoothing * (actual.seconds() - *estimate);
        }
    }

    fn learns(&self) -> bool {
        true
    }

    fn boxed(&self) -> Box<dyn Predictor> {
        Box::new(self.clone())
    }
}
