//! `hetsoc validate`: score profiles against measurements.

use super::output::{print, print_json, read_text};
use super::validate_all::AllArguments;
use super::validate_pair::{JOINT, JointArguments};
use super::validate_table::{Scoring, Sources};
use super::{CliError, Format};
use crate::calibration::Validation;
use crate::calibration::decisions::Decision;
use crate::calibration::names::Match;
use crate::calibration::relative::RelativeScore;
use crate::calibration::report::{Everything, ScoredTable};
use crate::config::Library;
use crate::soc::{RuntimeProfile, Soc};
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The arguments that say what to score in place of one table with its operators.
const OTHERS: [&str; 4] = [JOINT[0], JOINT[1], JOINT[2], "all"];

/// Arguments of `hetsoc validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// Operator list (Format A, .csv), or a folder of model files (ONNX, TFLite, neutral JSON), joined with the table by name; may be given several
    /// times, the first that has a network counts.
    #[arg(long, value_name = "FILE|DIR", required_unless_present_any = OTHERS, requires = "measurements")]
    operators: Vec<PathBuf>,
    /// Measurement table (Format B, .csv), of whole networks or of operators.
    #[arg(long, value_name = "TABLE", required_unless_present_any = OTHERS, requires = "operators")]
    measurements: Option<PathBuf>,
    #[command(flatten)]
    joint: JointArguments,
    #[command(flatten)]
    all: AllArguments,
    /// Compare the rows of this SoC only, id or .toml path; for joint runs their SoC [default there: x86-pair].
    #[arg(long)]
    soc: Option<String>,
    /// Compare only rows of devices whose name contains this.
    #[arg(long, value_name = "TEXT")]
    device: Option<String>,
    /// Runtime profile (.toml) to score instead of the built-in ones.
    #[arg(long, value_name = "FILE")]
    profile: Option<String>,
    /// Also write a report of all fitted profiles, Markdown; an existing file is replaced.
    #[arg(long, value_name = "FILE", conflicts_with_all = JOINT)]
    report: Option<PathBuf>,
    /// Also draw predicted against measured time with the errors below (.svg or .png); of several profiles one figure each, their names added to
    /// the file's. Existing files are replaced.
    #[arg(long, value_name = "FILE", conflicts_with_all = JOINT)]
    plot: Option<PathBuf>,
    /// Use only rows whose largest value over several releases is less than so many times the smallest (`spread` in the
    /// note); rows that state none are kept.
    #[arg(long, value_name = "RATIO")]
    max_spread: Option<f64>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Fail (exit code 11) when a figure of any group or decision is beyond a limit, such as `mape_percent > 8`; several
    /// may be given.
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<String>,
}

pub(super) fn run(arguments: &ValidateArguments) -> Result<(), CliError> {
    let conditions: Vec<Condition> =
        arguments.fail_if.iter().map(|text| Condition::parse(text)).collect::<Result<_, _>>()?;
    if arguments.all.all {
        let found =
            arguments.all.run(arguments.report.as_deref(), arguments.plot.as_deref(), arguments.format)?;
        return failed(conditions.iter().flat_map(|condition| condition.broken(&found)).collect());
    }
    let Some(measurements) = &arguments.measurements else {
        let soc = arguments.soc.as_deref();
        let found = arguments.joint.run(soc, arguments.profile.as_deref(), arguments.format)?;
        return failed(
            conditions.iter().filter_map(|condition| condition.breaks(&found, "the table")).collect(),
        );
    };
    let own_soc: Option<Soc> =
        arguments.soc.as_deref().map(|name| Library.soc(name, &[]).map(|loaded| loaded.value)).transpose()?;
    let own_runtime: Option<RuntimeProfile> = match (&arguments.profile, &own_soc) {
        (None, _) => None,
        (Some(path), Some(soc)) => Some(Library.runtime(&soc.id, path, &[])?.value),
        (Some(_), None) => {
            return Err(CliError::Usage("--profile belongs to one SoC; name it with --soc".to_owned()));
        }
    };
    let scoring = Scoring {
        sources: Sources { paths: arguments.operators.clone(), ..Sources::default() },
        soc: own_soc,
        runtime: own_runtime,
        device: arguments.device.clone(),
        max_spread: arguments.max_spread,
    };
    let validation = scoring.score(&read_text(measurements)?)?;
    if let Some(path) = &arguments.report {
        write_report(
            path,
            &Everything { tables: vec![named(measurements, validation.clone())], joint: Vec::new() },
        )?;
    }
    if let Some(path) = &arguments.plot {
        draw(path, &[&validation])?;
    }
    match arguments.format {
        Format::Json => print_json(&validation)?,
        Format::Table => print(&table(&validation))?,
        Format::Csv => return Err(CliError::Usage("validate prints table or json".to_owned())),
    }
    if validation.groups.is_empty() {
        return Err(CliError::NothingMatched("no row of the table has a profile and operators".to_owned()));
    }
    let value = serde_json::to_value(&validation).map_err(|error| CliError::Unexpected(error.to_string()))?;
    failed(conditions.iter().flat_map(|condition| condition.broken(&value)).collect())
}

fn named(path: &Path, validation: Validation) -> ScoredTable {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    ScoredTable { name, validation }
}

/// Writes the report of what was scored.
pub(super) fn write_report(path: &Path, everything: &Everything) -> Result<(), CliError> {
    let text = crate::calibration::report::markdown(everything);
    crate::export::write_file(path, true, |to| std::io::Write::write_all(to, text.as_bytes()))
        .map_err(|error| CliError::Output(error.to_string()))
}

/// Draws predicted against measured, one figure for each profile.
pub(super) fn draw(path: &Path, validations: &[&Validation]) -> Result<(), CliError> {
    #[cfg(feature = "plots")]
    {
        super::validate_plot::write(path, validations)
    }
    #[cfg(not(feature = "plots"))]
    {
        let _ = validations;
        Err(CliError::Usage(format!("{} cannot be drawn: this build has no figures", path.display())))
    }
}

fn failed(broken: Vec<String>) -> Result<(), CliError> {
    if broken.is_empty() { Ok(()) } else { Err(CliError::Threshold(broken.join("; "))) }
}

/// A limit on a figure of groups or decisions.
struct Condition {
    key: String,
    above: bool,
    limit: f64,
}

const KEYS: [&str; 14] = [
    "mape_percent",
    "bias_percent",
    "median_ape_percent",
    "p90_ape_percent",
    "within_5_percent",
    "within_10_percent",
    "interval_coverage_percent",
    "interval_relative_width",
    "networks",
    "top1_percent",
    "constant_choice_percent",
    "kendall_tau_b",
    "mean_regret_percent",
    "leave_layer_out_mape_percent",
];

impl Condition {
    fn parse(text: &str) -> Result<Self, CliError> {
        let fault = |message: String| CliError::Usage(message);
        let (key, above, limit) = match (text.split_once('>'), text.split_once('<')) {
            (Some((key, limit)), None) => (key, true, limit),
            (None, Some((key, limit))) => (key, false, limit),
            _ => return Err(fault(format!("`{text}` is no condition; write KEY > NUMBER or KEY < NUMBER"))),
        };
        let key = key.trim().to_owned();
        if !KEYS.contains(&key.as_str()) {
            return Err(fault(format!("there is no figure `{key}`; there are {}", KEYS.join(", "))));
        }
        let limit = limit.trim();
        let limit = limit.parse().map_err(|_| fault(format!("`{limit}` is not a number")))?;
        Ok(Self { key, above, limit })
    }

    fn broken(&self, validation: &serde_json::Value) -> Vec<String> {
        if let Some(tables) = validation["tables"].as_array() {
            let joint = validation["joint"].as_array().into_iter().flatten();
            let joint =
                joint.filter_map(|table| self.breaks(table, table["table"].as_str().unwrap_or_default()));
            return tables.iter().flat_map(|table| self.broken(table)).chain(joint).collect();
        }
        let lists = ["groups", "decisions", "relative"];
        let entries = lists.iter().filter_map(|list| validation[list].as_array()).flatten();
        entries
            .filter_map(|entry| {
                let of = |key: &str| entry[key].as_str().unwrap_or_default();
                let name = if entry.get("alternatives").is_some() {
                    format!("{} {}", of("soc"), of("alternatives"))
                } else {
                    format!("{} {} {} {}", of("soc"), of("processor"), of("cores"), of("precision"))
                };
                self.breaks(entry, &name)
            })
            .collect()
    }

    /// What to say if the figure of an entry is beyond the limit.
    fn breaks(&self, entry: &serde_json::Value, name: &str) -> Option<String> {
        let value = entry[&self.key].as_f64()?;
        let beyond = if self.above { value > self.limit } else { value < self.limit };
        beyond.then(|| format!("{} of {name} is {value:.3}", self.key))
    }
}

fn table(validation: &Validation) -> String {
    let mut text = format!(
        "{} of {} rows compared\n\n{:<20}{:<18}{:<14}{:<6}{:>9}{:>8}{:>8}{:>9}{:>8}{:>11}{:>16}\n",
        validation.rows_compared,
        validation.rows,
        "soc",
        "executor",
        "runtime",
        "",
        "networks",
        "MAPE",
        "bias",
        "median",
        "p90",
        "within 10",
        "interval holds"
    );
    for group in &validation.groups {
        let executor =
            if group.cores.is_empty() { group.processor.clone() } else { format!("cpu-{}", group.cores) };
        let coverage = match group.interval_coverage_percent {
            Some(percent) => format!("{percent:.0} %"),
            None if group.calibrated => "operators".to_owned(),
            None => "first estimate".to_owned(),
        };
        let _ = writeln!(
            text,
            "{:<20}{executor:<18}{:<14}{:<6}{:>9}{:>7.1}%{:>+7.1}%{:>8.1}%{:>7.1}%{:>10.0}%{coverage:>16}",
            group.soc,
            group.runtime,
            group.precision,
            if group.of == "operators" { group.rows } else { group.networks },
            group.mape_percent,
            group.bias_percent,
            group.median_ape_percent,
            group.p90_ape_percent,
            group.within_10_percent,
        );
    }
    for group in &validation.groups {
        if let Some(right) = group.kernel_choice_percent {
            let _ = writeln!(
                text,
                "\n{} {}: kernel chosen as measured for {right:.1} % of {} operators of {} networks",
                group.soc, group.processor, group.rows, group.networks
            );
        }
    }
    text.push_str(&choices(validation));
    for name in validation.names.iter().filter(|name| name.fit == Match::Approximate) {
        let _ = writeln!(text, "\n`{}` is only approximately `{}`", name.name, name.network);
    }
    if !validation.skipped.is_empty() {
        text.push_str("\nnot compared\n");
        for skipped in &validation.skipped {
            let _ = writeln!(text, "{:>6} rows  {}: {}", skipped.rows, skipped.group, skipped.reason);
        }
    }
    text
}

/// Times of core sets relative to one large core, and choices.
fn choices(validation: &Validation) -> String {
    relative_and_decisions(&validation.relative, &validation.decisions)
}

/// The same of any scores.
pub(super) fn relative_and_decisions(relative: &[RelativeScore], decisions: &[Decision]) -> String {
    let mut text = String::new();
    if !relative.is_empty() {
        text.push_str("\ntime of core sets relative to one large core: MAPE (within 10 %)\n");
        let mut rest = relative;
        while let Some(first) = rest.first() {
            let alike = |r: &&RelativeScore| {
                (&r.soc, &r.runtime, &r.precision) == (&first.soc, &first.runtime, &first.precision)
            };
            let (own, others) = rest.split_at(rest.iter().take_while(alike).count());
            let sets: Vec<String> = own
                .iter()
                .map(|r| format!("{} {:.1} % ({:.0} %)", r.cores, r.mape_percent, r.within_10_percent))
                .collect();
            let _ =
                writeln!(text, "{} {} {}: {}", first.soc, first.runtime, first.precision, sets.join(", "));
            rest = others;
        }
    }
    for d in decisions {
        let tau = d.kendall_tau_b.map_or_else(|| "-".to_owned(), |tau| format!("{tau:.3}"));
        let _ = writeln!(
            text,
            "\n{} {} ({}): fastest found for {:.0} % of {} networks (always {}: {:.0} %), regret {:.2} % ({:.2} %), tau {tau}",
            d.soc,
            d.alternatives,
            d.names.join(", "),
            d.top1_percent,
            d.networks,
            d.constant_choice,
            d.constant_choice_percent,
            d.mean_regret_percent,
            d.constant_choice_regret_percent,
        );
    }
    text
}
