//! `hetsoc schema`: JSON schemas of the file formats.

use super::CliError;
use super::output::print;
use crate::config::schema::FORMATS;
use crate::diagnostics::{nearest, printable};
use clap::Args;
use std::fmt::Write;

/// Arguments of `hetsoc schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Name of the format [default: list the formats].
    name: Option<String>,
}

pub(super) fn run(arguments: &SchemaArguments) -> Result<(), CliError> {
    let Some(name) = &arguments.name else {
        let mut text = String::new();
        for format in FORMATS {
            let _ = writeln!(text, "{:<14} {}", format.name, format.title);
        }
        return print(&text);
    };
    match FORMATS.iter().find(|format| format.name == name) {
        Some(format) => print(&format.schema()),
        None => {
            let known = FORMATS.iter().map(|format| format.name);
            let hint = nearest(name, known.clone())
                .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let known = known.collect::<Vec<_>>().join(", ");
            Err(CliError::NothingMatched(format!(
                "there is no format `{}`; {hint}there are {known}",
                printable(name)
            )))
        }
    }
}
