//! What `hetsoc calibrate` prints of a calibration.

use crate::calibration::Calibration;
use serde::Serialize;
use std::fmt::Write;

/// One group of the printed result.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    soc: &'a str,
    executor: &'a str,
    runtime: &'a str,
    precision: &'a str,
    form: &'a str,
    started_from: &'a str,
    left_out: &'a str,
    networks: usize,
    families: u32,
    leave_family_out_mape_percent: f64,
    leave_family_out_bias_percent: f64,
    leave_family_out_p90_ape_percent: f64,
    leave_family_out_within_10_percent: f64,
    one_factor_mape_percent: Option<f64>,
    fit_mape_percent: f64,
    interval_coverage_percent: f64,
    interval_90: (f64, f64),
    condition_number: f64,
    coefficients: usize,
    fitted_coefficients: usize,
    left_at_prior: &'a [&'static str],
    worst: Vec<Worst<'a>>,
    operators_mape_percent: Option<f64>,
    operators_within_10_percent: Option<f64>,
    kernel_choice_percent: Option<f64>,
}

/// A network that a model without it misses.
#[derive(Serialize)]
pub(super) struct Worst<'a> {
    network: &'a str,
    error_percent: f64,
}

/// Worst networks shown for each group.
const SHOWN: usize = 3;

/// Every network of every group, as CSV.
pub(super) fn residuals(done: &[Calibration]) -> String {
    let mut text =
        "soc,executor,precision,model,family,measured_ms,unseen_ms,unseen_error_percent,fitted_ms,fitted_error_percent\n"
            .to_owned();
    for found in done {
        for (i, network) in found.networks.iter().enumerate() {
            let (measured, unseen, fitted) = (found.measured[i], found.unseen[i], found.fitted[i]);
            let error = |predicted: f64| 100.0 * (predicted / measured - 1.0);
            let quoted = |value: &str| {
                if value.contains([',', '"']) {
                    format!("\"{}\"", value.replace('"', "\"\""))
                } else {
                    value.to_owned()
                }
            };
            let _ = writeln!(
                text,
                "{},{},{},{},{},{measured},{unseen:.6},{:.3},{fitted:.6},{:.3}",
                quoted(&found.group.soc),
                found.model.executor,
                found.model.precision.id(),
                quoted(network),
                quoted(&found.families[i]),
                error(unseen),
                error(fitted),
            );
        }
    }
    text
}

pub(super) fn row(calibration: &Calibration) -> Row<'_> {
    let errors = &calibration.unseen_errors;
    Row {
        soc: &calibration.group.soc,
        executor: &calibration.model.executor,
        runtime: &calibration.group.runtime,
        precision: calibration.model.precision.id(),
        form: &calibration.model.form,
        started_from: &calibration.from,
        left_out: calibration.left_out.word(),
        networks: calibration.networks.len(),
        families: calibration.model.families,
        leave_family_out_mape_percent: errors.mape,
        leave_family_out_bias_percent: errors.bias,
        leave_family_out_p90_ape_percent: errors.p90,
        leave_family_out_within_10_percent: errors.within_10,
        one_factor_mape_percent: calibration.one_factor_errors.as_ref().map(|errors| errors.mape),
        fit_mape_percent: calibration.fit_errors.mape,
        interval_coverage_percent: calibration.coverage,
        interval_90: calibration.model.interval,
        condition_number: calibration.condition,
        coefficients: calibration.model.coefficients.len(),
        fitted_coefficients: calibration.model.coefficients.iter().filter(|c| c.width > 0.0).count(),
        left_at_prior: &calibration.at_prior,
        worst: worst(calibration),
        operators_mape_percent: calibration.operators.as_ref().map(|score| score.errors.mape),
        operators_within_10_percent: calibration.operators.as_ref().map(|score| score.errors.within_10),
        kernel_choice_percent: calibration.operators.as_ref().map(|score| score.kernel_choice_percent),
    }
}

fn worst(calibration: &Calibration) -> Vec<Worst<'_>> {
    let pairs = calibration.networks.iter().zip(calibration.unseen.iter().zip(&calibration.measured));
    let mut all: Vec<Worst<'_>> = pairs
        .map(|(network, (unseen, measured))| Worst {
            network: network.as_str(),
            error_percent: 100.0 * (unseen / measured - 1.0),
        })
        .collect();
    all.sort_by(|a, b| b.error_percent.abs().total_cmp(&a.error_percent.abs()));
    all.truncate(SHOWN);
    all
}

pub(super) fn table(rows: &[Row<'_>]) -> String {
    let mut text = "executor            precision networks  left out   MAPE  bias   p90  within 10 %  | one factor | fit  | interval holds | condition | at prior\n".to_owned();
    for row in rows {
        let one = row.one_factor_mape_percent.map_or_else(|| "-".to_owned(), |mape| format!("{mape:.1}%"));
        let _ = writeln!(
            text,
            "{:<20}{:<10}{:>8}  {:<8}{:>6.1}%{:>+5.1}%{:>5.1}%{:>12.0}%  |{one:>11} |{:>4.1}% |{:>14.0}% |{:>10.0} | {} of {}",
            row.executor,
            row.precision,
            row.networks,
            row.left_out,
            row.leave_family_out_mape_percent,
            row.leave_family_out_bias_percent,
            row.leave_family_out_p90_ape_percent,
            row.leave_family_out_within_10_percent,
            row.fit_mape_percent,
            row.interval_coverage_percent,
            row.condition_number,
            row.left_at_prior.len(),
            row.fitted_coefficients,
        );
    }
    for row in rows {
        if let (Some(mape), Some(within), Some(right)) =
            (row.operators_mape_percent, row.operators_within_10_percent, row.kernel_choice_percent)
        {
            let _ = writeln!(
                text,
                "{} {} single operators of unseen families: MAPE {mape:.1} %, {within:.1} % within 10 %, kernel choice {right:.1} % right",
                row.executor, row.precision
            );
        }
    }
    for row in rows {
        let errors: Vec<String> = row
            .worst
            .iter()
            .map(|worst| format!("{} {:+.0} %", worst.network, worst.error_percent))
            .collect();
        let _ = writeln!(
            text,
            "{} {} largest errors, left out: {}",
            row.executor,
            row.precision,
            errors.join(", ")
        );
    }
    for row in rows.iter().filter(|row| row.started_from != "priors") {
        let _ = writeln!(
            text,
            "{} {} started from {}, form {}",
            row.executor, row.precision, row.started_from, row.form
        );
    }
    for row in rows.iter().filter(|row| !row.left_at_prior.is_empty()) {
        let _ = writeln!(
            text,
            "{} {} left at the prior: {}",
            row.executor,
            row.precision,
            row.left_at_prior.join(", ")
        );
    }
    text
}
