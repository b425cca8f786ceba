//! Recursive least squares of the slow-down on what the runtime can read of the machine.

use super::{OfflineTable, Predictor, State, Work};
use crate::units::SimDuration;

/// Number of regressors: a constant, clock, memory clock, temperature, load, bandwidth.
const SIZE: usize = 6;
type Vector = [f64; SIZE];

/// `actual = offline x (w . s)` with `s = (1, clock - 1, memory - 1, (celsius - 25) / 10, load, bandwidth)`, one set of weights for
/// each executor, from w = (1, 0, ...), P = 10 I on: with `u = offline / mean offline x s`,
/// `K = P u / (l + u P u); w += K (y - w u); P = (P - K u P) / l`.
///
/// Source: the textbook recursion with forgetting. Invented here: the regressors. Two guards: P is not inflated while its
/// trace exceeds 10^4 (otherwise it grows without bound while the state does not vary), and estimates stay within 1/4 and 100
/// times the offline time.
#[derive(Debug, Clone)]
pub struct RecursiveLeastSquares {
    table: OfflineTable,
    forgetting: f64,
    filters: Vec<Filter>,
}

#[derive(Debug, Clone)]
struct Filter {
    weights: Vector,
    covariance: [Vector; SIZE],
    /// Seconds.
    mean: f64,
}

fn regressors(state: &State) -> Vector {
    let State { clock, memory, celsius, load, bandwidth } = *state;
    [1.0, clock - 1.0, memory - 1.0, (celsius - 25.0) / 10.0, load, bandwidth]
}

fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl RecursiveLeastSquares {
    /// Starts from `table`; `forgetting` in (0, 1].
    #[must_use]
    pub fn new(table: OfflineTable, forgetting: f64) -> Self {
        let filter = |executor: usize| {
            let mut covariance = [[0.0; SIZE]; SIZE];
            for (number, row) in covariance.iter_mut().enumerate() {
                row[number] = 10.0;
            }
            let mut weights = [0.0; SIZE];
            weights[0] = 1.0;
            Filter { weights, covariance, mean: table.mean_seconds(executor) }
        };
        Self { forgetting, filters: (0..table.executors()).map(filter).collect(), table }
    }

    /// The weights of an executor.
    #[must_use]
    pub fn weights(&self, executor: usize) -> Option<[f64; SIZE]> {
        self.filters.get(executor).map(|filter| filter.weights)
    }
}

impl Filter {
    fn update(&mut self, regressors: &Vector, observed: f64, forgetting: f64) {
        let along = self.covariance.map(|row| dot(&row, regressors));
        let scale = forgetting + dot(&along, regressors);
        let error = observed - dot(&self.weights, regressors);
        let trace: f64 = (0..SIZE).map(|number| self.covariance[number][number]).sum();
        let inflation = if trace > 1e4 { 1.0 } else { 1.0 / forgetting };
        for (number, gain) in along.iter().map(|a| a / scale).enumerate() {
            self.weights[number] += gain * error;
            for (other, entry) in self.covariance[number].iter_mut().enumerate() {
                *entry = (*entry - gain * along[other]) * inflation;
            }
        }
    }
}

impl Predictor for RecursiveLeastSquares {
    fn id(&self) -> &'static str {
        "rls"
    }

    fn estimate(&self, work: Work, state: &State) -> Option<SimDuration> {
        let filter = self.filters.get(usize::from(work.executor.0))?;
        let slowdown = dot(&filter.weights, &regressors(state)).clamp(0.25, 100.0);
        Some(SimDuration::from_seconds(self.table.time(work)?.seconds() * slowdown))
    }

    fn observe(&mut self, work: Work, state: &State, actual: SimDuration) {
        let Some(offline) = self.table.time(work).map(SimDuration::seconds) else { return };
        if let Some(filter) = self.filters.get_mut(usize::from(work.executor.0)) {
            let share = offline / filter.mean;
            let observed = actual.seconds() / filter.mean;
            filter.update(&regressors(state).map(|entry| entry * share), observed, self.forgetting);
        }
    }

    fn learns(&self) -> bool {
        true
    }

    fn boxed(&self) -> Box<dyn Predictor> {
        Box::new(self.clone())
    }
}
