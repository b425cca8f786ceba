//! `hetsoc calibrate`: fit the models of a runtime profile to measurements.

use super::CliError;
use super::calibrate_pair::PairArguments;
use super::output::{print, print_json, print_warning, read_text};
use crate::calibration::calibrate::{CalibrateError, FEWEST_NETWORKS, Start};
use crate::calibration::profile_text::{extending_profile, fitted_tables};
use crate::calibration::tables::groups;
use crate::calibration::{
    Calibration, calibrate, is_operator_table, load_networks, read_measurements, read_operator_measurements,
};
use crate::config::Library;
use crate::config::library::ProfileKind;
use clap::Args;
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `hetsoc calibrate`.
#[derive(Debug, Args)]
pub(super) struct CalibrateArguments {
    /// Operator list (Format A, .csv), or a folder of model files named as the table names them.
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "coexec", requires = "measurements")]
    operators: Option<PathBuf>,
    /// Measurement tables (Format B, .csv), of whole networks or of operators; may be given several times.
    #[arg(long, value_name = "TABLE", required_unless_present = "coexec", requires = "operators")]
    measurements: Vec<PathBuf>,
    #[command(flatten)]
    pair: PairArguments,
    /// Built-in runtime profile to extend, such as `snapdragon-855/tflite` [default: from SoC and runtime of the rows].
    #[arg(long, value_name = "PROFILE")]
    base: Option<String>,
    /// SoC profile, id or .toml path [default: from the rows]; with several SoCs in the table it also chooses one.
    #[arg(long, value_name = "SOC")]
    soc: Option<String>,
    /// Networks to learn from [default: all with operators].
    #[arg(long, value_delimiter = ',')]
    networks: Vec<String>,
    /// Executors to calibrate, such as `cpu-1large` [default: all of the table].
    #[arg(long, value_delimiter = ',')]
    executors: Vec<String>,
    /// Precisions to calibrate [default: all of the table].
    #[arg(long, value_delimiter = ',')]
    precisions: Vec<String>,
    /// Where the measurements come from; goes into the profile [default: the name of the table].
    #[arg(long)]
    source: Option<String>,
    /// Most iterations of each fit.
    #[arg(long, default_value_t = 25)]
    iterations: usize,
    /// The profile to write: a runtime profile that extends the base.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write only the `[[fitted]]` tables, to be put into a profile of one's own.
    #[arg(long)]
    tables_only: bool,
    /// Overwrite the profile if it exists.
    #[arg(long)]
    force: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: super::Format,
}

/// One group of the printed result.
#[derive(Serialize)]
struct Row<'a> {
    soc: &'a str,
    executor: String,
    runtime: &'a str,
    precision: &'a str,
    networks: usize,
    families: u32,
    /// Networks with the signed errors of the fit and of fits without their family, per cent; of small tables only.
    by_network: Vec<(&'a str, f64, f64)>,
    leave_family_out_mape_percent: f64,
    leave_family_out_bias_percent: f64,
    leave_family_out_p90_ape_percent: f64,
    leave_family_out_within_10_percent: f64,
    fit_mape_percent: f64,
    interval_coverage_percent: f64,
    interval_90: (f64, f64),
    condition_number: f64,
    coefficients: usize,
    left_at_prior: &'a [&'static str],
    operators_mape_percent: Option<f64>,
    operators_within_10_percent: Option<f64>,
    kernel_choice_percent: Option<f64>,
}

pub(super) fn run(arguments: &CalibrateArguments) -> Result<(), CliError> {
    let Some(list) = &arguments.operators else { return calibrate_pair(arguments) };
    let (mut rows, mut operators) = (Vec::new(), Vec::new());
    for path in &arguments.measurements {
        let text = read_text(path)?;
        if is_operator_table(&text) {
            operators.extend(read_operator_measurements(&text)?);
        } else {
            rows.extend(read_measurements(&text)?);
        }
    }
    let wanted_soc = arguments.soc.as_deref().map(|name| Library.soc(name, &[])).transpose()?;
    let wanted = |key: &crate::calibration::GroupKey| {
        let soc = wanted_soc.as_ref().is_none_or(|loaded| loaded.value.id == key.soc_id());
        let fits = |list: &[String], value: &str| list.is_empty() || list.iter().any(|known| known == value);
        soc && fits(&arguments.executors, &key.executor()) && fits(&arguments.precisions, &key.precision)
    };
    let keys: Vec<_> = groups(&rows).into_iter().map(|(key, _)| key).filter(wanted).collect();
    let mut socs: Vec<String> = keys.iter().map(crate::calibration::GroupKey::soc_id).collect();
    socs.sort();
    socs.dedup();
    let soc_id = match socs.as_slice() {
        [] => return Err(CliError::NothingMatched("no row of whole networks was asked for".to_owned())),
        [one] => one.clone(),
        several => {
            return Err(CliError::Usage(format!(
                "the table has rows of {}; choose one with --soc",
                several.join(", ")
            )));
        }
    };
    let soc = match wanted_soc {
        Some(loaded) => loaded.value,
        None => Library.soc(&soc_id, &[])?.value,
    };
    let base = match &arguments.base {
        Some(base) => base.clone(),
        None => {
            let shipped = Library.ids(ProfileKind::Runtime);
            let mut bases: Vec<String> =
                keys.iter().map(|key| format!("{}/{}", soc.id, key.runtime_id())).collect();
            bases.sort();
            bases.dedup();
            bases.retain(|base| shipped.contains(&base.as_str()));
            match bases.as_slice() {
                [one] => one.clone(),
                [] => {
                    return Err(CliError::NothingMatched(format!(
                        "there is no built-in runtime profile of {} for these rows; name one with --base",
                        soc.id
                    )));
                }
                several => {
                    return Err(CliError::Usage(format!("choose one of {} with --base", several.join(", "))));
                }
            }
        }
    };
    let runtime = Library.runtime(&soc.id, &base, &[])?.value;
    let mut networks = load_networks(list, &runtime.lowering)?;
    if !arguments.networks.is_empty() {
        for name in &arguments.networks {
            if !networks.iter().any(|network| network.name == *name) {
                return Err(CliError::NothingMatched(format!("the operators have no network `{name}`")));
            }
        }
        networks.retain(|network| arguments.networks.contains(&network.name));
    }
    let names = arguments.measurements.iter().filter_map(|path| path.file_name());
    let shown = names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ");
    let start = Start {
        soc: &soc,
        runtime: &runtime,
        networks: &networks,
        rows: &rows,
        operators: &operators,
        source: arguments.source.as_deref().unwrap_or(&shown),
        iterations: arguments.iterations,
    };
    let mut done: Vec<Calibration> = Vec::new();
    for key in keys.iter().filter(|key| key.runtime_id() == runtime.id) {
        match calibrate(&start, key) {
            Ok(calibration) => done.push(calibration),
            Err(CalibrateError::Input(error))
                if error.diagnostics.iter().all(|d| d.code == "calibrate::data") =>
            {
                print_warning(&format!("{key} was left out: {}", error.diagnostics[0].message));
            }
            Err(CalibrateError::Input(error)) => return Err(error.into()),
            Err(CalibrateError::Prediction(error)) => return Err(CliError::Unexpected(error.to_string())),
        }
    }
    if done.is_empty() {
        return Err(CliError::NothingMatched("no group of the table could be calibrated".to_owned()));
    }
    let models: Vec<_> = done.iter().map(|calibration| calibration.model.clone()).collect();
    let text = if arguments.tables_only {
        fitted_tables(&models)
    } else {
        extending_profile(&base, &runtime.id, &soc.id, &models)
    };
    crate::export::write_file(&arguments.out, arguments.force, |to| {
        std::io::Write::write_all(to, text.as_bytes())
    })
    .map_err(|error| CliError::Output(error.to_string()))?;
    let printed: Vec<Row<'_>> = done.iter().map(row).collect();
    if arguments.format == super::Format::Json {
        return print_json(&printed);
    }
    print(&table(&printed))
}

fn calibrate_pair(arguments: &CalibrateArguments) -> Result<(), CliError> {
    let text = arguments.pair.run(
        arguments.soc.as_deref(),
        arguments.base.as_deref(),
        arguments.source.as_deref(),
        arguments.tables_only,
        arguments.format,
    )?;
    crate::export::write_file(&arguments.out, arguments.force, |to| {
        std::io::Write::write_all(to, text.as_bytes())
    })
    .map_err(|error| CliError::Output(error.to_string()))
}

fn row(calibration: &Calibration) -> Row<'_> {
    let errors = &calibration.unseen_errors;
    Row {
        soc: &calibration.group.soc,
        executor: calibration.group.executor(),
        runtime: &calibration.group.runtime,
        precision: &calibration.group.precision,
        networks: calibration.networks.len(),
        families: calibration.model.families,
        by_network: by_network(calibration),
        leave_family_out_mape_percent: errors.mape,
        leave_family_out_bias_percent: errors.bias,
        leave_family_out_p90_ape_percent: errors.p90,
        leave_family_out_within_10_percent: errors.within_10,
        fit_mape_percent: calibration.fit_errors.mape,
        interval_coverage_percent: calibration.coverage,
        interval_90: calibration.model.interval,
        condition_number: calibration.condition,
        coefficients: calibration.model.coefficients.len(),
        left_at_prior: &calibration.at_prior,
        operators_mape_percent: calibration.operators.as_ref().map(|score| score.errors.mape),
        operators_within_10_percent: calibration.operators.as_ref().map(|score| score.errors.within_10),
        kernel_choice_percent: calibration.operators.as_ref().map(|score| score.kernel_choice_percent),
    }
}

fn by_network(calibration: &Calibration) -> Vec<(&str, f64, f64)> {
    if calibration.networks.len() >= FEWEST_NETWORKS {
        return Vec::new();
    }
    let error = |predicted: &f64, measured: &f64| 100.0 * (predicted / measured - 1.0);
    let names = calibration.networks.iter().map(String::as_str).zip(&calibration.measured);
    let predictions = calibration.fitted.iter().zip(&calibration.unseen);
    names
        .zip(predictions)
        .map(|((name, measured), (fitted, unseen))| (name, error(fitted, measured), error(unseen, measured)))
        .collect()
}

fn table(rows: &[Row<'_>]) -> String {
    let mut text = "executor            precision networks  unseen families: MAPE  bias   p90  within 10 %  | fit  | interval holds | condition | at prior\n".to_owned();
    for row in rows {
        let _ = writeln!(
            text,
            "{:<20}{:<10}{:>8}{:>22.1}%{:>+5.1}%{:>5.1}%{:>12.0}%  |{:>4.1}% |{:>14.0}% |{:>10.0} | {} of {}",
            row.executor,
            row.precision,
            row.networks,
            row.leave_family_out_mape_percent,
            row.leave_family_out_bias_percent,
            row.leave_family_out_p90_ape_percent,
            row.leave_family_out_within_10_percent,
            row.fit_mape_percent,
            row.interval_coverage_percent,
            row.condition_number,
            row.left_at_prior.len(),
            row.coefficients,
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
    for row in rows.iter().filter(|row| !row.by_network.is_empty()) {
        let errors =
            row.by_network.iter().map(|(name, fit, unseen)| format!("{name} {fit:+.1} ({unseen:+.1})"));
        let errors = errors.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "{} {} per cent, unseen in brackets: {errors}", row.executor, row.precision);
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
