//! `hetsoc list`: what there is.

use super::output::{print, print_json};
use super::{CliError, Format};
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
}

pub(super) fn run(arguments: &ListArguments) -> Result<(), CliError> {
    let entries = match arguments.what {
        What::Models => MODELS
            .iter()
            .map(|model| Entry {
                id: model.id.to_owned(),
                title: model.title.to_owned(),
                detail: format!("{}, {}", model.origin, model.licence),
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
            })
            .collect(),
    };
    show(&entries, arguments.format)
}

/// An entry with parameters.
fn named(id: &str, title: &str, parameters: &[(&str, &str)]) -> Entry {
    let detail: Vec<_> = parameters.iter().map(|(name, meaning)| format!("{name}: {meaning}")).collect();
    Entry { id: id.to_owned(), title: title.to_owned(), detail: detail.join("; ") }
}

fn conditions() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in condition_ids() {
        let found = condition(id)?;
        let settings: Vec<_> = found.settings.iter().map(|s| format!("{} = {}", s.path, s.value)).collect();
        entries.push(Entry { id: id.to_owned(), title: found.title, detail: settings.join("; ") });
    }
    Ok(entries)
}

fn socs() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in Library.ids(ProfileKind::Soc) {
        let soc = Library.soc(id, &[])?.value;
        let clusters: Vec<_> =
            soc.clusters.iter().map(|c| format!("{} x {}", c.cores, c.core_type)).collect();
        let devices: Vec<_> = soc.devices.iter().map(|d| d.id.clone()).collect();
        entries.push(Entry {
            id: id.to_owned(),
            title: soc.title,
            detail: format!("{}; {}", clusters.join(", "), devices.join(", ")),
        });
    }
    Ok(entries)
}

fn devices() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in Library.ids(ProfileKind::Device) {
        let device = Library.device(id, &[])?.value;
        entries.push(Entry { id: id.to_owned(), title: device.title, detail: device.soc });
    }
    Ok(entries)
}

fn runtimes() -> Result<Vec<Entry>, CliError> {
    let mut entries = Vec::new();
    for id in Library.ids(ProfileKind::Runtime) {
        let (soc, name) = id.split_once('/').unwrap_or(("", id));
        let runtime = Library.runtime(soc, name, &[])?.value;
        entries.push(Entry { id: name.to_owned(), title: runtime.title, detail: soc.to_owned() });
    }
    Ok(entries)
}

fn show(entries: &[Entry], format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => print_json(&entries),
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for entry in entries {
                writer.serialize(entry).map_err(|error| CliError::Output(error.to_string()))?;
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
            }
            print(&text)
        }
    }
}
