//! `hetsoc validate`: score profiles against measurements.

use super::calibrate::load_all;
use super::output::{print, print_json, read_text};
use super::validate_pair::{JOINT, JointArguments};
use super::{CliError, Format};
use crate::calibration::names::{Match, is_another, rename};
use crate::calibration::tables::groups;
use crate::calibration::validate::FindProfiles;
use crate::calibration::{GroupKey, Measurement, Network, Validation, read_measurements, validate};
use crate::config::Library;
use crate::soc::{RuntimeProfile, Soc};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `hetsoc validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// Operator list (Format A, .csv), or a folder of model files (ONNX, TFLite, neutral JSON), joined with the table by name; may be given several
    /// times, the first that has a network counts.
    #[arg(long, value_name = "FILE|DIR", required_unless_present_any = JOINT, requires = "measurements")]
    operators: Vec<PathBuf>,
    /// Measurement table (Format B, .csv).
    #[arg(long, value_name = "TABLE", required_unless_present_any = JOINT, requires = "operators")]
    measurements: Option<PathBuf>,
    #[command(flatten)]
    joint: JointArguments,
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
    let Some(measurements) = &arguments.measurements else {
        let soc = arguments.soc.as_deref();
        let found = arguments.joint.run(soc, arguments.profile.as_deref(), arguments.format)?;
        return failed(
            conditions.iter().filter_map(|condition| condition.breaks(&found, "the table")).collect(),
        );
    };
    let mut rows = read_measurements(&read_text(measurements)?)?;
    super::calibrate::keep_steady(&mut rows, arguments.max_spread)?;
    let own_soc: Option<Soc> =
        arguments.soc.as_deref().map(|name| Library.soc(name, &[]).map(|loaded| loaded.value)).transpose()?;
    if let Some(device) = &arguments.device {
        rows.retain(|row| row.device.contains(device.as_str()));
    }
    if let Some(soc) = &own_soc {
        let keys: Vec<GroupKey> = groups(&rows).into_iter().map(|(key, _)| key).collect();
        let named = super::calibrate_goal::soc_of_rows(Some(soc), &keys)?;
        rows.retain(|row| row.group.soc == named);
    }
    let own_runtime: Option<RuntimeProfile> = match (&arguments.profile, &own_soc) {
        (None, _) => None,
        (Some(path), Some(soc)) => Some(Library.runtime(&soc.id, path, &[])?.value),
        (Some(_), None) => {
            return Err(CliError::Usage("--profile belongs to one SoC; name it with --soc".to_owned()));
        }
    };
    let find = |key: &GroupKey| -> Result<(Soc, RuntimeProfile), String> {
        let soc = match &own_soc {
            Some(soc) => soc.clone(),
            None => Library
                .soc(&key.soc_id(), &[])
                .map(|loaded| loaded.value)
                .map_err(|_| format!("no SoC profile `{}`", key.soc_id()))?,
        };
        let runtime = match &own_runtime {
            Some(runtime) if runtime.id == key.runtime_id() => runtime.clone(),
            _ => Library
                .runtime(&soc.id, key.runtime_id(), &[])
                .map(|loaded| loaded.value)
                .map_err(|_| format!("no runtime profile `{}/{}`", soc.id, key.runtime_id()))?,
        };
        Ok((soc, runtime))
    };
    let lowering = own_runtime.as_ref().map_or("tflite", |runtime| runtime.lowering.as_str());
    let mut networks = Networks { paths: &arguments.operators, fallback: lowering, by_lowering: Vec::new() };
    let mut parts: Vec<Validation> = Vec::new();
    for (lowering, mut rows) in networks.split(rows, &find) {
        let networks = networks.of(&lowering)?;
        let total = rows.len();
        let others = rows.iter().filter(|row| is_another(row)).cloned().collect::<Vec<_>>();
        rows.retain(|row| !is_another(row));
        let renamed = rename(&mut rows, networks);
        let mut part = validate(networks, &rows, &find)?;
        part.rows = total;
        part.names = renamed;
        part.leave_out(&others);
        parts.push(part);
    }
    let validation = Validation::joined(parts);
    if let Some(path) = &arguments.report {
        let text = crate::calibration::report::markdown(&validation);
        crate::export::write_file(path, true, |to| std::io::Write::write_all(to, text.as_bytes()))
            .map_err(|error| CliError::Output(error.to_string()))?;
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

fn failed(broken: Vec<String>) -> Result<(), CliError> {
    if broken.is_empty() { Ok(()) } else { Err(CliError::Threshold(broken.join("; "))) }
}

/// The networks as each runtime executes them, read once for each set of lowering rules.
struct Networks<'a> {
    paths: &'a [PathBuf],
    /// For rows without a profile.
    fallback: &'a str,
    by_lowering: Vec<(String, Vec<Network>)>,
}

impl Networks<'_> {
    /// Rows by the lowering rules of their runtimes.
    fn split(&self, rows: Vec<Measurement>, find: FindProfiles<'_>) -> BTreeMap<String, Vec<Measurement>> {
        let mut known: BTreeMap<GroupKey, String> = BTreeMap::new();
        let mut split: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
        for row in rows {
            let lowering = known.entry(row.group.clone()).or_insert_with(|| {
                find(&row.group).map_or_else(|_| self.fallback.to_owned(), |(_, runtime)| runtime.lowering)
            });
            split.entry(lowering.clone()).or_default().push(row);
        }
        split
    }

    fn of(&mut self, lowering: &str) -> Result<&[Network], CliError> {
        if !self.by_lowering.iter().any(|(known, _)| known == lowering) {
            self.by_lowering.push((lowering.to_owned(), load_all(self.paths, lowering)?));
        }
        let found = self.by_lowering.iter().find(|(known, _)| known == lowering);
        Ok(found.map_or(&[][..], |(_, networks)| networks))
    }
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
        let entries = ["groups", "decisions"].iter().filter_map(|list| validation[list].as_array()).flatten();
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
        let coverage = group
            .interval_coverage_percent
            .map_or_else(|| "first estimate".to_owned(), |c| format!("{c:.0} %"));
        let _ = writeln!(
            text,
            "{:<20}{executor:<18}{:<14}{:<6}{:>9}{:>7.1}%{:>+7.1}%{:>8.1}%{:>7.1}%{:>10.0}%{coverage:>16}",
            group.soc,
            group.runtime,
            group.precision,
            group.networks,
            group.mape_percent,
            group.bias_percent,
            group.median_ape_percent,
            group.p90_ape_percent,
            group.within_10_percent,
        );
    }
    for d in &validation.decisions {
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
