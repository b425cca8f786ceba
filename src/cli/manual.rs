//! `hetsoc man`: manual pages, for those who package the program.

use super::{Arguments, CliError};
use crate::export::OutputFolder;
use clap::{Args, Command, CommandFactory};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `hetsoc man`.
#[derive(Debug, Args)]
pub(super) struct ManualArguments {
    /// Folder for the pages.
    folder: PathBuf,
    /// Overwrite pages that exist.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &ManualArguments) -> Result<(), CliError> {
    let fail = |error: &dyn std::fmt::Display| CliError::Output(error.to_string());
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![("hetsoc.1".to_owned(), command.clone())];
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        // clap keeps names for the life of the program; there are a dozen.
        let name: &'static str = Box::leak(format!("hetsoc-{}", sub.get_name()).into_boxed_str());
        pages.push((format!("{name}.1"), Command::clone(sub).name(name).display_name(name)));
    }
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    let folder = OutputFolder::prepare(&arguments.folder, &names, arguments.force).map_err(|e| fail(&e))?;
    for (name, command) in &pages {
        let mut bytes = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut bytes).map_err(|e| fail(&e))?;
        folder.write(name, |to| to.write_all(&bytes)).map_err(|e| fail(&e))?;
    }
    Ok(())
}
