//! The command line: arguments in, calls, exit codes out.
//!
//! Results go to standard output; progress, warnings and errors to standard error.

mod calibrate;
mod check;
mod compare;
mod dag;
mod exit;
mod list;
mod output;
#[cfg(feature = "plots")]
mod plot;
mod reproduce;
mod reproduce_granularity;
mod reproduce_sigma;
mod run;
mod show;
mod summary_table;
mod target;
mod validate;

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
    /// Simulate a model or a scenario and print the answer.
    Run(Box<run::RunArguments>),
    /// Play several strategies under the same conditions and say which differences are real.
    Compare(Box<compare::CompareArguments>),
    /// Check a model or scenario with its profiles, without running it.
    Check(Box<check::CheckArguments>),
    /// List models, profiles, strategies.
    List(list::ListArguments),
    /// Show a model as read or as a runtime executes it, or an embedded profile.
    Show(show::ShowArguments),
    /// Draw a figure of a run.
    #[cfg(feature = "plots")]
    Plot(Box<plot::PlotArguments>),
    /// Fit the models of a runtime profile to measurements.
    Calibrate(Box<calibrate::CalibrateArguments>),
    /// Score profiles against measurements.
    Validate(Box<validate::ValidateArguments>),
    /// Repeat a published experiment in simulation.
    Reproduce(Box<reproduce::ReproduceArguments>),
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
        Command::Run(arguments) => run::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        #[cfg(feature = "plots")]
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
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
