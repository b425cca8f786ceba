//! `hetsoc completions`: scripts that make shells complete the command line.

use super::output::print;
use super::{Arguments, CliError};
use clap::{Args, CommandFactory};

/// Arguments of `hetsoc completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(arguments: &CompletionsArguments) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "hetsoc", &mut bytes);
    print(&String::from_utf8_lossy(&bytes))
}
