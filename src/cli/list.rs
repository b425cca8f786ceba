//! `hetsoc list`: what there is.

use super::output::{print, print_json};
use super::{CliError, Format};
use crate::calibration::standing::{Standing, standings};
use crate::config::library::ProfileKind;
use crate::config::{Library, condition, condition_ids};
use crate::graph::library::MODELS;
use crate::graph::passes::ALL;
use crate::predict::PREDICTORS;
use crate::strategy::STRATEGIES;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fmt::Write;

/// Arguments of `hetsoc list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// What to list.
    #[arg(value_enum)]
    what: What,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Embedded models.
    Models,
    /// Embedded SoC profiles.
    Socs,
    /// Embedded device profiles.
    Devices,
    /// Embedded runtime profiles.
    Runtimes,
    /// Scheduling strategies.
    Strategies,
    /// What strategies can believe.
    Predictors,
    /// States of the world that are laid over scenarios.
    Conditions,
    /// Sets of lowering rules.
    Lowerings,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    title: String,
    detail: String,
    /// Runtime profiles of a SoC, with what is known about their error and how much is assumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runtimes: Vec<Standing>,
}

pub(super) fn run(arguments: &ListArguments) -> Result<(), CliError> {
    let entries = match arguments.what {
        What::Models => MODELS
            .iter()
            .map(|model| Entry {
                id: model.id.to_owned(),
                title: model.title.to_owned(),
                detail: format!("{}, {}", model.origin, model.licence),
                runtimes: Vec::new(),
            })
            .collect(),
        What::Socs => socs()?,
        What::Devices => devices()?,
        What::Runtimes => runtimes()?,
        What::Strategies => {
            STRATEGIES.iter().map(|entry| named(entry.name, entry.summary, entry.parameters)).collect()
        }
        What::Predictors => {
            PREDICTORS.iter().map(|entry| named(entry.name, entry.summary, entry.parameters)).collect()
        }
        What::Conditions => conditions()?,
        What::Lowerings => ALL
            .iter()
            .map(|rules| Entry {
                id: rules.id.to_owned(),
                title: "lowering rules".to_owned(),
                detail: rules.source.to_owned(),
                runtimes: Vec::new(),
            })
            .collect(),
    };
    show(&entries, arguments.format)
}

/// An entry with parameters.
fn named(id: &str, title: &str, parameters: &[(&str, &str)]) -> Entry {
    let detail: Vec<_> = parameters.iter().map(|(name, meaning)| format!("{name}: {meaning}")).collect();
    Entry { id: id.to_owned(), title: title.to_owned(), detail: detail.join("; "), runtimes: Vec::new() }
}

fn conditions() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in condition_ids() {
        let found = condition(id)?;
        let settings: Vec<_> = found.settings.iter().map(|s| format!("{} = {}", s.path, s.value)).collect();
        entries.push(Entry {
            id: id.to_owned(),
            title: found.title,
            detail: settings.join("; "),
            runtimes: Vec::new(),
        });
    }
    Ok(entries)
}

fn socs() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    let known = standings();
    for id in Library.ids(ProfileKind::Soc) {
        let soc = Library.soc(id, &[])?.value;
        let clusters: Vec<_> =
            soc.clusters.iter().map(|c| format!("{} x {}", c.cores, c.core_type)).collect();
        let devices: Vec<_> = soc.devices.iter().map(|d| d.id.clone()).collect();
        let own = |standing: &&Standing| standing.profile.split_once('/').is_some_and(|(soc, _)| soc == id);
        entries.push(Entry {
            id: id.to_owned(),
            title: soc.title,
            detail: format!("{}; {}", clusters.join(", "), devices.join(", ")),
            runtimes: known.iter().filter(own).cloned().collect(),
        });
    }
    Ok(entries)
}

fn devices() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in Library.ids(ProfileKind::Device) {
        let device = Library.device(id, &[])?.value;
        entries.push(Entry {
            id: id.to_owned(),
            title: device.title,
            detail: device.soc,
            runtimes: Vec::new(),
        });
    }
    Ok(entries)
}

fn runtimes() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in Library.ids(ProfileKind::Runtime) {
        let (soc, name) = id.split_once('/').unwrap_or(("", id));
        let runtime = Library.runtime(soc, name, &[])?.value;
        entries.push(Entry {
            id: name.to_owned(),
            title: runtime.title,
            detail: soc.to_owned(),
            runtimes: Vec::new(),
        });
    }
    Ok(entries)
}

fn show(entries: &[Entry], format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => print_json(&entries),
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer
                .write_record(["id", "title", "detail", "runtimes"])
                .map_err(|error| CliError::Output(error.to_string()))?;
            for entry in entries {
                writer
                    .serialize((&entry.id, &entry.title, &entry.detail, in_words(&entry.runtimes)))
                    .map_err(|error| CliError::Output(error.to_string()))?;
            }
            let bytes = writer.into_inner().map_err(|error| CliError::Output(error.to_string()))?;
            print(&String::from_utf8_lossy(&bytes))
        }
        Format::Table => {
            let width =
                |text: fn(&Entry) -> &str| entries.iter().map(|e| text(e).chars().count()).max().unwrap_or(0);
            let (first, second) = (width(|e| &e.id), width(|e| &e.title));
            let mut text = String::new();
            for entry in entries {
                let line = format!("{:<first$}  {:<second$}  {}", entry.id, entry.title, entry.detail);
                let _ = writeln!(text, "{}", line.trim_end());
                if !entry.runtimes.is_empty() {
                    let _ = writeln!(text, "    {}", in_words(&entry.runtimes));
                }
            }
            print(&text)
        }
    }
}

/// Error on what was left out and share of assumed numbers of each runtime.
fn in_words(runtimes: &[Standing]) -> String {
    let words = runtimes.iter().map(|standing| {
        let runtime = standing.profile.split_once('/').map_or("", |(_, runtime)| runtime);
        let error = standing.error();
        let error = if error == "not validated" { error } else { format!("error {error}") };
        format!(
            "{runtime}: {error}, {:.0} % of {} numbers assumed",
            standing.assumed_percent, standing.numbers
        )
    });
    words.collect::<Vec<_>>().join("; ")
}
