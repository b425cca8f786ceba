//! `hetsoc calibrate`: fit the models of a runtime profile to measurements.

use super::CliError;
use super::calibrate_goal;
use super::calibrate_pair::PairArguments;
use super::calibrate_table::{Row, residuals, row, table};
use super::output::{print, print_json, print_warning, read_text};
use crate::calibration::adapted::Source;
use crate::calibration::calibrate::{CalibrateError, Start};
use crate::calibration::decisions::{Decision, Pairs, decisions};
use crate::calibration::draws::{DrawScores, few_shot_draws};
use crate::calibration::executors::resolve;
use crate::calibration::names::{Match, entry_of, is_another, is_called, rename};
use crate::calibration::profile_text::{extending_profile, fitted_tables};
use crate::calibration::relative::{RelativeScore, relative};
use crate::calibration::tables::groups;
use crate::calibration::{
    Calibration, GroupKey, Measurement, Network, calibrate, is_operator_table, load_networks,
    read_measurements, read_operator_measurements,
};
use crate::diagnostics::nearest;
use crate::soc::Precision;
use crate::statistics::quantile;
use clap::Args;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `hetsoc calibrate`.
#[derive(Debug, Args)]
pub(super) struct CalibrateArguments {
    /// Operator list (Format A, .csv), or a folder of model files (ONNX, TFLite, neutral JSON), joined with the table by name; may be given several
    /// times, the first that has a network counts.
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "coexec", requires = "measurements")]
    operators: Vec<PathBuf>,
    /// Measurement tables (Format B, .csv), of whole networks or of operators; may be given several times.
    #[arg(long, value_name = "TABLE", required_unless_present = "coexec", requires = "operators")]
    measurements: Vec<PathBuf>,
    #[command(flatten)]
    pair: PairArguments,
    /// Runtime profile to start from, `soc/runtime` or the .toml of one: of this SoC, its first estimates; of another SoC, also its fitted
    /// models (few-shot) [default: from SoC and runtime of the rows].
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
    /// Use only rows of devices whose name contains this.
    #[arg(long, value_name = "TEXT")]
    device: Option<String>,
    /// Where the measurements come from; goes into the profile [default: the name of the table].
    #[arg(long)]
    source: Option<String>,
    /// Most iterations of each fit.
    #[arg(long, default_value_t = 25)]
    iterations: usize,
    /// The profile to write: a runtime profile that extends the base.
    #[arg(long, value_name = "FILE", required_unless_present = "draws")]
    out: Option<PathBuf>,
    /// Instead of writing a profile, draw networks so many times and score few-shot calibrations on the others.
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["out", "networks"], value_parser = clap::value_parser!(u32).range(1..))]
    draws: Option<u32>,
    /// Networks in each draw, families taking turns [default: 10].
    #[arg(long, value_name = "COUNT", requires = "draws")]
    draw_size: Option<usize>,
    /// Seed of the draws [default: 0].
    #[arg(long, requires = "draws")]
    seed: Option<u64>,
    /// Also write every network's measured, fitted and unseen time, CSV; an existing file is replaced.
    #[arg(long, value_name = "FILE")]
    residuals: Option<PathBuf>,
    /// Write only the `[[fitted]]` tables, to be put into a profile of one's own.
    #[arg(long)]
    tables_only: bool,
    /// Overwrite the profile if it exists.
    #[arg(long)]
    force: bool,
    /// Use only rows whose largest value over several releases is less than so many times the smallest (`spread` in the
    /// note); rows that state none are kept.
    #[arg(long, value_name = "RATIO")]
    max_spread: Option<f64>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: super::Format,
}

/// Networks of a draw, unless said otherwise.
const DRAW_SIZE: usize = 10;

pub(super) fn run(arguments: &CalibrateArguments) -> Result<(), CliError> {
    if arguments.operators.is_empty() {
        return calibrate_pair(arguments);
    }
    // The parser waives `requires` where the required option would conflict with another one given.
    if arguments.draws.is_none() && (arguments.seed.is_some() || arguments.draw_size.is_some()) {
        return Err(CliError::Usage("--seed and --draw-size belong to --draws".to_owned()));
    }
    let (mut rows, mut operators) = (Vec::new(), Vec::new());
    for path in &arguments.measurements {
        let text = read_text(path)?;
        if is_operator_table(&text) {
            operators.extend(read_operator_measurements(&text)?);
        } else {
            rows.extend(read_measurements(&text)?);
        }
    }
    keep_steady(&mut rows, arguments.max_spread)?;
    if let Some(device) = &arguments.device {
        rows.retain(|row| row.device.contains(device.as_str()));
    }
    let goal = calibrate_goal::goal(arguments.soc.as_deref(), arguments.base.as_deref(), &rows)?;
    let wanted = |key: &GroupKey| {
        let Ok(executor) = resolve(key, &goal.soc) else { return true };
        let fits = |list: &[String], values: &[&str]| {
            list.is_empty() || list.iter().any(|known| values.contains(&known.as_str()))
        };
        let precision = executor.precision.map_or("", Precision::id);
        fits(&arguments.executors, &[&executor.base(), &key.executor()])
            && fits(&arguments.precisions, &[precision, &key.precision])
    };
    let keys: Vec<GroupKey> = groups(&rows)
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| key.soc == goal.named && key.runtime_id() == goal.base.id && wanted(key))
        .collect();
    if keys.is_empty() {
        return Err(CliError::NothingMatched(format!(
            "no row of whole networks with runtime `{}` was asked for",
            goal.base.id
        )));
    }
    let mut networks = load_all(&arguments.operators, &goal.base.lowering)?;
    for renamed in rename(&mut rows, &networks) {
        if renamed.fit == Match::Approximate {
            print_warning(&format!("`{}` is only approximately `{}`", renamed.name, renamed.network));
        }
    }
    rows.retain(|row| !is_another(row));
    choose(&mut networks, &arguments.networks, &rows, &goal.base.id)?;
    let measured = networks
        .iter()
        .filter(|n| rows.iter().any(|r| r.group.soc == goal.named && r.model == n.name))
        .count();
    let (runtime, from) = goal.start(measured, &keys);
    let names = arguments.measurements.iter().filter_map(|path| path.file_name());
    let shown = names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ");
    let start = Start {
        soc: &goal.soc,
        runtime: &runtime,
        networks: &networks,
        rows: &rows,
        operators: &operators,
        from: from.then_some(Source { soc: &goal.base_soc, runtime: &goal.base }),
        source: arguments.source.as_deref().unwrap_or(&shown),
        iterations: arguments.iterations,
    };
    if let Some(count) = arguments.draws {
        return draws(&start, &keys, count, arguments);
    }
    let mut done: Vec<Calibration> = Vec::new();
    for key in &keys {
        match calibrate(&start, key) {
            Ok(found) => match done.iter().find(|known| known.model.id == found.model.id) {
                Some(known) => print_warning(&format!(
                    "{key} was left out: {} is calibrated from {} already; choose with --device",
                    known.model.id, known.group
                )),
                None => done.push(found),
            },
            Err(CalibrateError::Input(error)) => {
                let why = error.diagnostics.first();
                let help =
                    why.and_then(|d| d.help.clone()).map_or_else(String::new, |help| format!(" ({help})"));
                let message = why.map_or("", |d| d.message.as_str());
                print_warning(&format!("{key} was left out: {message}{help}"));
            }
            Err(CalibrateError::Prediction(error)) => return Err(CliError::Unexpected(error.to_string())),
        }
    }
    if done.is_empty() {
        return Err(CliError::NothingMatched("no group of the table could be calibrated".to_owned()));
    }
    if let Some(out) = &arguments.out {
        let models: Vec<_> = done.iter().map(|calibration| calibration.model.clone()).collect();
        let text = if arguments.tables_only {
            fitted_tables(&models)
        } else {
            let own = goal.base.soc == goal.soc.id;
            extending_profile(&goal.extends()?, &runtime, !own, &models)
        };
        write(out, arguments.force, &text)?;
    }
    if let Some(path) = &arguments.residuals {
        write(path, true, &residuals(&done))?;
    }
    let printed: Vec<Row<'_>> = done.iter().map(row).collect();
    let unseen: Vec<(GroupKey, Pairs)> = done.iter().map(unseen_pairs).collect();
    let (relative, decisions) = (relative(&unseen), decisions(&unseen));
    if arguments.format == super::Format::Json {
        return print_json(&Printed {
            groups: printed,
            left_out_relative: relative,
            left_out_decisions: decisions,
        });
    }
    let mut text = table(&printed);
    if !(relative.is_empty() && decisions.is_empty()) {
        text.push_str("\nby predictions of models that had not seen the network's family:\n");
        text.push_str(&super::validate::relative_and_decisions(&relative, &decisions));
    }
    print(&text)
}

/// The printed result as JSON.
#[derive(Serialize)]
struct Printed<'a> {
    groups: Vec<Row<'a>>,
    /// Core sets relative to one large core, by models that had not seen what was left out.
    left_out_relative: Vec<RelativeScore>,
    /// Choices by the same.
    left_out_decisions: Vec<Decision>,
}

/// Predictions by models that had not seen the family or network, beside the measurements.
fn unseen_pairs(found: &Calibration) -> (GroupKey, Pairs) {
    let values = found.unseen.iter().zip(&found.measured).map(|(unseen, measured)| (*unseen, *measured));
    (found.group.clone(), found.networks.iter().cloned().zip(values).collect())
}

/// Drops the rows that spread over releases as `--max-spread` says.
pub(super) fn keep_steady(
    rows: &mut Vec<crate::calibration::tables::Measurement>,
    most: Option<f64>,
) -> Result<(), CliError> {
    let Some(most) = most else { return Ok(()) };
    if most.is_nan() || most <= 1.0 {
        return Err(CliError::Usage(format!(
            "--max-spread {most} keeps nothing; give a ratio above 1, such as 1.2"
        )));
    }
    rows.retain(|row| row.spread.is_none_or(|spread| spread < most));
    Ok(())
}

fn calibrate_pair(arguments: &CalibrateArguments) -> Result<(), CliError> {
    let text = arguments.pair.run(
        arguments.soc.as_deref(),
        arguments.base.as_deref(),
        arguments.source.as_deref(),
        arguments.tables_only,
        arguments.format,
    )?;
    match &arguments.out {
        Some(out) => write(out, arguments.force, &text),
        None => Err(CliError::Usage("--coexec needs --out".to_owned())),
    }
}

fn write(path: &Path, force: bool, text: &str) -> Result<(), CliError> {
    crate::export::write_file(path, force, |to| std::io::Write::write_all(to, text.as_bytes()))
        .map_err(|error| CliError::Output(error.to_string()))
}

/// Reads several sources of operators; the first that has a network counts.
pub(super) fn load_all(paths: &[PathBuf], lowering: &str) -> Result<Vec<Network>, CliError> {
    let mut networks: Vec<Network> = Vec::new();
    for path in paths {
        for network in load_networks(path, lowering)? {
            if !networks.iter().any(|known| known.name == network.name) {
                networks.push(network);
            }
        }
    }
    Ok(networks)
}

/// Keeps the networks asked for, by their own name or the table's.
fn choose(
    networks: &mut Vec<Network>,
    wanted: &[String],
    rows: &[Measurement],
    runtime: &str,
) -> Result<(), CliError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut kept: Vec<String> = Vec::new();
    for name in wanted {
        let graphs = entry_of(name, runtime).map_or(&[][..], |entry| &entry.graphs);
        let found = networks.iter().find(|n| n.name == *name || graphs.iter().any(|g| is_called(&n.name, g)));
        let Some(found) = found else {
            let known = networks.iter().map(|network| network.name.as_str());
            let hint = nearest(name, known).map_or_else(String::new, |near| format!("; is it `{near}`?"));
            return Err(CliError::NothingMatched(format!("the operators have no network `{name}`{hint}")));
        };
        if !rows.iter().any(|row| row.model == found.name) {
            return Err(CliError::NothingMatched(format!("the table has no row of network `{name}`")));
        }
        kept.push(found.name.clone());
    }
    networks.retain(|network| kept.contains(&network.name));
    Ok(())
}

/// Scores repeated draws instead of writing a profile.
fn draws(
    start: &Start<'_>,
    keys: &[GroupKey],
    count: u32,
    arguments: &CalibrateArguments,
) -> Result<(), CliError> {
    let (size, seed) = (arguments.draw_size.unwrap_or(DRAW_SIZE), arguments.seed.unwrap_or(0));
    let mut scores: Vec<DrawScores> = Vec::new();
    for key in keys {
        match few_shot_draws(start, key, count, size, seed) {
            Ok(found) => scores.push(found),
            Err(CalibrateError::Input(error)) => {
                let message = error.diagnostics.first().map_or("", |d| d.message.as_str());
                print_warning(&format!("{key} was left out: {message}"));
            }
            Err(CalibrateError::Prediction(error)) => return Err(CliError::Unexpected(error.to_string())),
        }
    }
    if scores.is_empty() {
        return Err(CliError::NothingMatched("no group of the table could be drawn from".to_owned()));
    }
    if arguments.format == super::Format::Json {
        return print_json(&scores);
    }
    let mut text = format!(
        "{count} draws of {} networks, seed {}; MAPE on the networks not drawn: median (least to greatest)\n\n{:<20}{:<10}{:>7}  {:<24}{:<24}started from\n",
        size, seed, "executor", "precision", "scored", "one factor", "few-shot"
    );
    for score in &scores {
        let spread = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            let ends = sorted.first().zip(sorted.last());
            match (quantile(&sorted, 0.5), ends) {
                (Some(median), Some((least, most))) => format!("{median:.1} % ({least:.1} to {most:.1})"),
                _ => "-".to_owned(),
            }
        };
        let _ = writeln!(
            text,
            "{:<20}{:<10}{:>7}  {:<24}{:<24}{}",
            score.executor,
            score.precision,
            score.scored,
            spread(&score.one_factor_mape_percent),
            spread(&score.mape_percent),
            score.from
        );
    }
    print(&text)
}
