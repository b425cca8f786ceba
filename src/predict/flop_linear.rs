//! A straight line through the multiply-accumulates of each class of operators.

use super::{OfflineTable, Predictor, State, TrainingStream, Work};
use crate::graph::lowered::OperatorClass;
use crate::soc::ExecutorId;
use crate::units::SimDuration;
use std::collections::BTreeMap;

/// `time = a + b MACs`, fitted by least squares of relative errors to the offline table, for each executor and class of operators; what is
/// left of blocks, tiles, shapes and memory is its error even in the laboratory.
///
/// Classes whose operators all have the same work are their mean. An estimate below the fastest operator of its class is that one's time
/// (a line can be negative). Operators of plain task graphs have neither class nor work: all tasks are their mean.
///
/// Source: the linear baseline of latency predictors (nn-Meter, MobiSys 2021, compares with it). Invented here: the floor.
#[derive(Debug, Clone)]
pub struct FlopLinear {
    table: OfflineTable,
    /// Believed time at each place of the table.
    times: Vec<Option<SimDuration>>,
}

/// Class and multiply-accumulates / 10^6 of an operator.
fn features(stream: &TrainingStream<'_>, operator: u32) -> (Option<OperatorClass>, f64) {
    let found = stream.operators.and_then(|graph| graph.operators.get(operator as usize));
    found.map_or((None, 0.0), |operator| (Some(operator.class), operator.macs as f64 * 1e-6))
}

impl FlopLinear {
    /// Fits the lines to `table`, which is that of `streams`.
    #[must_use]
    pub fn new(table: OfflineTable, streams: &[TrainingStream<'_>]) -> Self {
        let mut times = vec![None; table.times().len()];
        for executor in (0..table.executors() as u16).map(ExecutorId) {
            let mut classes: BTreeMap<Option<OperatorClass>, Vec<(usize, f64, f64)>> = BTreeMap::new();
            for (number, stream) in (0u16..).zip(streams) {
                for operator in 0..stream.costs.operators() as u32 {
                    let work = Work { stream: number, operator, executor };
                    if let (Some(index), Some(time)) = (table.index(work), table.time(work)) {
                        let (class, macs) = features(stream, operator);
                        classes.entry(class).or_default().push((index, macs, time.seconds()));
                    }
                }
            }
            for samples in classes.values() {
                let (intercept, slope) = line(samples.iter().map(|&(_, x, y)| (x, y)));
                let least = samples.iter().map(|sample| sample.2).fold(f64::INFINITY, f64::min);
                for &(index, macs, _) in samples {
                    let seconds = (intercept + slope * macs).max(least);
                    times[index] = Some(SimDuration::from_seconds(seconds));
                }
            }
        }
        Self { table, times }
    }
}

/// The line with the least sum of squared relative errors: intercept and slope; a mean when all points have one abscissa. (Plain
/// least squares keep the sum over what they are fitted to, and would look exact on the whole network.)
fn line(points: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let weighted = points.filter(|point| point.1 > 0.0).map(|(x, y)| (y.powi(-2), x, y));
    let sums = weighted.clone().fold((0.0, 0.0, 0.0), |(n, a, b), (w, x, y)| (n + w, a + w * x, b + w * y));
    if sums.0 <= 0.0 {
        return (0.0, 0.0);
    }
    let (mean_x, mean_y) = (sums.1 / sums.0, sums.2 / sums.0);
    let (sxx, sxy) = weighted.fold((0.0, 0.0), |(a, b), (w, x, y)| {
        let share = w / sums.0;
        (a + share * (x - mean_x).powi(2), b + share * (x - mean_x) * (y - mean_y))
    });
    let slope = if sxx > 1e-12 * mean_x.powi(2).max(1e-12) { sxy / sxx } else { 0.0 };
    (mean_y - slope * mean_x, slope)
}

impl Predictor for FlopLinear {
    fn id(&self) -> &'static str {
        "flop-linear"
    }

    fn estimate(&self, work: Work, _state: &State) -> Option<SimDuration> {
        self.times.get(self.table.index(work)?).copied().flatten()
    }

    fn boxed(&self) -> Box<dyn Predictor> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_is_found_and_relative_errors_weigh() {
        let (a, b) = line([(1.0, 3.0), (2.0, 5.0), (3.0, 7.0)].into_iter());
        assert!((a - 1.0).abs() < 1e-9 && (b - 2.0).abs() < 1e-9);
        // No line: residuals / y^2 are orthogonal to 1 and x.
        let points = [(0.0, 1.0), (1.0, 1.0), (2.0, 4.0)];
        let (a, b) = line(points.into_iter());
        let normal = |power: i32| -> f64 {
            points.iter().map(|&(x, y): &(f64, f64)| (a + b * x - y) * x.powi(power) / (y * y)).sum()
        };
        assert!(normal(0).abs() < 1e-9 && normal(1).abs() < 1e-9);
    }
}
