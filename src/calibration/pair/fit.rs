//! Fitting the constants of co-execution to layers that were split over two processors.

use super::super::fit::{Fitting, Prior};
use super::coexec::SplitLayer;
use crate::physics::co_execution::{Constants, FITTED};
use crate::statistics::{ErrorMetrics, error_metrics, quantile};

/// Where the loss turns from square to linear, in logarithmic error.
const ERROR_SCALE: f64 = 0.05;
/// Undisturbed samples below which the statistics of a row are not used.
pub const CLEAN_SAMPLES: u64 = 4;
/// Fewest rows that a fit takes.
pub const MIN_ROWS: usize = 20;
/// Most iterations.
const ITERATIONS: usize = 60;

/// Expected value and width of its logarithm, for processors that poll a flag.
const POLLING: [(f64, f64); FITTED] = [
    (3.5, 0.3),
    (1.02, 0.05),
    (1.1, 0.05),
    (1.15, 0.2),
    (1.2, 0.2),
    (8.0, 0.5),
    (0.07, 0.7),
    (0.005, 1.0),
    (0.01, 1.0),
    (0.03, 0.7),
];
/// The same for processors that sleep and are woken.
const SLEEPING: [(f64, f64); FITTED] = [
    (70.0, 0.3),
    (1.1, 0.05),
    (1.15, 0.05),
    (1.37, 0.2),
    (1.2, 0.2),
    (70.0, 0.5),
    (0.1, 0.7),
    (0.01, 1.0),
    (0.01, 1.0),
    (0.05, 0.7),
];

/// Constants of one way of waiting, and how well they do.
#[derive(Debug, Clone, PartialEq)]
pub struct PairFit {
    /// The way of waiting.
    pub sync: String,
    /// In the order of [`crate::physics::co_execution::NAMES`].
    pub values: Vec<f64>,
    /// Standard deviations of their logarithms; 0 for what was not fitted.
    pub widths: Vec<f64>,
    /// Layers.
    pub layers: usize,
    /// Rows.
    pub rows: usize,
    /// Errors on the rows of the fit.
    pub own: ErrorMetrics,
    /// Errors on layers that the fit had not seen.
    pub unseen: ErrorMetrics,
    /// Condition number of the fit.
    pub condition: f64,
}

/// Whether fits and scores use a row: both processors work, and enough samples were undisturbed.
#[must_use]
pub const fn is_usable(row: &SplitLayer) -> bool {
    row.is_shared() && row.clean >= CLEAN_SAMPLES
}

/// The usable rows of one way of waiting.
fn usable<'a>(rows: &'a [SplitLayer], sync: &str) -> Vec<&'a SplitLayer> {
    rows.iter().filter(|row| row.sync == sync && is_usable(row)).collect()
}

/// Rates of copying in and out in GB/s: medians over the usable convolutions of all ways of waiting.
fn copy_rates(rows: &[SplitLayer]) -> Option<(f64, f64)> {
    let median = |of: &dyn Fn(&SplitLayer) -> (f64, f64)| {
        let mut rates: Vec<f64> = rows
            .iter()
            .filter(|row| is_usable(row) && row.layer.image)
            .map(of)
            .filter(|(bytes, micros)| *bytes > 0.0 && *micros > 0.0)
            .map(|(bytes, micros)| bytes / micros * 1e-3)
            .collect();
        rates.sort_by(f64::total_cmp);
        quantile(&rates, 0.5)
    };
    let copied_in = median(&|row| (row.copies().0, row.alone.copy_in))?;
    Some((copied_in, median(&|row| (row.copies().1, row.alone.copy_out))?))
}

/// Fits the constants to some rows: values, widths, condition number.
fn solve(rows: &[&SplitLayer], sync: &str, rates: (f64, f64)) -> Option<(Vec<f64>, Vec<f64>, f64)> {
    let table = if sync == "pipe" { SLEEPING } else { POLLING };
    let priors = table.map(|(value, width)| Prior { mean: value.ln(), width });
    let measured: Vec<f64> = rows.iter().map(|row| row.measured_us).collect();
    let all = |fitted: &[f64]| fitted.iter().copied().chain([rates.0, rates.1]).collect::<Vec<f64>>();
    let predict = |fitted: &[f64]| match Constants::from_slice(&all(fitted)) {
        Some(constants) => rows.iter().map(|row| row.closed_form_us(&constants)).collect(),
        None => vec![f64::NAN; rows.len()],
    };
    let fitted = Fitting {
        predict: &predict,
        measured: &measured,
        weights: &vec![1.0; rows.len()],
        priors: &priors,
        scale: ERROR_SCALE,
        iterations: ITERATIONS,
    }
    .solve();
    let widths = fitted.widths.iter().copied().chain([0.0, 0.0]).collect();
    Some((all(&fitted.values()), widths, fitted.condition))
}

/// Predictions of the rows of one way of waiting, each with constants fitted to the other layers; `None` for rows
/// that fits do not use, for all when there are fewer than 20 rows or 3 layers.
#[must_use]
pub fn leave_layer_out(rows: &[SplitLayer], sync: &str) -> Vec<Option<f64>> {
    let own = usable(rows, sync);
    let names = layers(&own);
    let mut found = vec![None; rows.len()];
    let Some(rates) = copy_rates(rows).filter(|_| own.len() >= MIN_ROWS && names.len() >= 3) else {
        return found;
    };
    for name in names {
        let training: Vec<&SplitLayer> = own.iter().copied().filter(|row| row.name != name).collect();
        let fitted = solve(&training, sync, rates).and_then(|(values, ..)| Constants::from_slice(&values));
        let Some(constants) = fitted else { continue };
        for (row, prediction) in rows.iter().zip(&mut found) {
            if row.name == name && row.sync == sync && is_usable(row) {
                *prediction = Some(row.closed_form_us(&constants));
            }
        }
    }
    found
}

fn layers<'a>(rows: &[&'a SplitLayer]) -> Vec<&'a str> {
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Fits every way of waiting of a table that has at least 20 usable rows of 3 layers.
#[must_use]
pub fn fit_pairs(rows: &[SplitLayer]) -> Vec<PairFit> {
    let mut syncs: Vec<&str> = rows.iter().map(|row| row.sync.as_str()).collect();
    syncs.sort_unstable();
    syncs.dedup();
    syncs.into_iter().rev().filter_map(|sync| fit_pair(rows, sync)).collect()
}

fn fit_pair(rows: &[SplitLayer], sync: &str) -> Option<PairFit> {
    let own = usable(rows, sync);
    let (unseen, seen): (Vec<f64>, Vec<f64>) = leave_layer_out(rows, sync)
        .iter()
        .zip(rows)
        .filter_map(|(prediction, row)| prediction.map(|prediction| (prediction, row.measured_us)))
        .unzip();
    let unseen = error_metrics(&unseen, &seen)?;
    let (values, widths, condition) = solve(&own, sync, copy_rates(rows)?)?;
    let constants = Constants::from_slice(&values)?;
    let predicted: Vec<f64> = own.iter().map(|row| row.closed_form_us(&constants)).collect();
    let measured: Vec<f64> = own.iter().map(|row| row.measured_us).collect();
    Some(PairFit {
        sync: sync.to_owned(),
        values,
        widths,
        layers: layers(&own).len(),
        rows: own.len(),
        own: error_metrics(&predicted, &measured)?,
        unseen,
        condition,
    })
}
