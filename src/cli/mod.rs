//! The command line: arguments in, calls, exit codes out.
//!
//! Results go to standard output; progress, warnings and errors to standard error.

mod dag;
mod exit;
mod output;

pub use exit::{CliError, ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

/// Discrete-event simulator of heterogeneous systems-on-chip running deep-learning inference.
#[derive(Debug, Parser)]
#[command(name = "hetsoc", version, propagate_version = true, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a plain task graph (JSON) on processors with a cost for every task.
    Dag(dag::DagArguments),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values.
    Csv,
}

/// Parses the arguments of the process, obeys, and says how it went.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results; everything else is a usage error. Printing can only fail when nobody reads.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage.into() } else { ExitCode::Ok.into() };
        }
    };
    let done = match arguments.command {
        Command::Dag(arguments) => dag::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::Ok.into(),
        Err(error) => {
            output::print_error(&error);
            error.code().into()
        }
    }
}
