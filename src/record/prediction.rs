//! How wrong the strategy's beliefs were: believed against actual duration of each unit.

use std::collections::BTreeMap;

use crate::simulation::observer::{Observer, PlacedUnit, RequestId};
use crate::units::{SimDuration, SimTime};

/// An observer that compares each unit's believed with its actual execution time.
///
/// The actual time is the sum of the spans of the unit's operators, dispatch overhead included. Invocation,
/// conversion of layouts and waiting for data, for a partner or in a queue are not execution. Units with nothing believed (0), or whose actual time is 0, are counted apart.
#[derive(Debug, Clone, Default)]
pub struct PredictionError {
    // Placed units that have not finished: believed and operator time so far. Looked up, never walked.
    open: BTreeMap<(RequestId, u32), (SimDuration, SimDuration)>,
    /// Units compared.
    pub units: u64,
    /// Units left out because the belief or the actual time was zero.
    pub without_belief: u64,
    sum_error: f64,
    sum_absolute: f64,
    sum_of_belief: f64,
    within_10: u64,
    worst: f64,
}

impl PredictionError {
    /// An observer of a run that has not begun.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            units: 0,
            without_belief: 0,
            sum_error: 0.0,
            sum_absolute: 0.0,
            sum_of_belief: 0.0,
            within_10: 0,
            worst: 0.0,
        }
    }

    /// Mean absolute error relative to the actual time, in per cent; `None` without any unit.
    #[must_use]
    pub fn mape_percent(&self) -> Option<f64> {
        (self.units > 0).then(|| 100.0 * self.sum_absolute / self.units as f64)
    }

    /// Mean signed error relative to the actual time, in per cent; negative when beliefs were too short.
    #[must_use]
    pub fn bias_percent(&self) -> Option<f64> {
        (self.units > 0).then(|| 100.0 * self.sum_error / self.units as f64)
    }

    /// Mean absolute error relative to the belief, in per cent: how much longer or shorter than believed.
    #[must_use]
    pub fn of_belief_percent(&self) -> Option<f64> {
        (self.units > 0).then(|| 100.0 * self.sum_of_belief / self.units as f64)
    }

    /// Share of units whose belief was within 10 % of the actual time, in per cent.
    #[must_use]
    pub fn within_10_percent(&self) -> Option<f64> {
        (self.units > 0).then(|| 100.0 * self.within_10 as f64 / self.units as f64)
    }

    /// Largest absolute error, in per cent.
    #[must_use]
    pub fn worst_percent(&self) -> Option<f64> {
        (self.units > 0).then_some(100.0 * self.worst)
    }
}

impl Observer for PredictionError {
    fn placed(&mut self, _now: SimTime, unit: PlacedUnit, believed: SimDuration) {
        self.open.insert((unit.request, unit.unit), (believed, SimDuration::ZERO));
    }

    fn operator_finished(&mut self, now: SimTime, start: SimTime, unit: PlacedUnit, _operator: u32) {
        if let Some((_, spent)) = self.open.get_mut(&(unit.request, unit.unit)) {
            *spent += now.since(start);
        }
    }

    fn unit_finished(&mut self, _now: SimTime, unit: PlacedUnit) {
        let Some((believed, actual)) = self.open.remove(&(unit.request, unit.unit)) else { return };
        if believed.0 == 0 || actual.0 == 0 {
            self.without_belief += 1;
            return;
        }
        let error = believed.0 as f64 / actual.0 as f64 - 1.0;
        self.units += 1;
        self.sum_error += error;
        self.sum_absolute += error.abs();
        self.sum_of_belief += (actual.0 as f64 / believed.0 as f64 - 1.0).abs();
        self.within_10 += u64::from(error.abs() <= 0.1);
        self.worst = self.worst.max(error.abs());
    }
}
