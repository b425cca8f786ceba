//! The command line: arguments in, calls, exit codes out.
//!
//! Results go to standard output; progress, warnings and errors to standard error.

mod against;
mod calibrate;
mod calibrate_goal;
mod calibrate_pair;
mod calibrate_table;
mod check;
mod compare;
mod compare_table;
mod completions;
mod dag;
mod difference_table;
mod exit;
mod explain;
mod import;
mod list;
mod manual;
mod measurements;
mod output;
#[cfg(feature = "plots")]
mod plot;
mod reproduce;
mod reproduce_codl;
mod reproduce_gains;
mod reproduce_granularity;
mod reproduce_nn_stretch;
mod reproduce_sigma;
mod reproduce_sustained;
mod run;
mod schema;
mod show;
mod summary_table;
mod target;
mod validate;
mod validate_all;
mod validate_pair;
#[cfg(feature = "plots")]
mod validate_plot;
mod validate_table;

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
    /// Explain where the time of one request went, and what could save some of it.
    Explain(Box<explain::ExplainArguments>),
    /// Check a model or scenario with its profiles, without running it.
    Check(Box<check::CheckArguments>),
    /// List models, profiles, strategies.
    List(list::ListArguments),
    /// Show a model as read or as a runtime executes it, or an embedded profile.
    Show(show::ShowArguments),
    /// Convert a model to another form (TOML, JSON, ONNX, operator list), or draw its graph with Graphviz.
    Import(import::ImportArguments),
    /// Draw a figure of a run.
    #[cfg(feature = "plots")]
    Plot(Box<plot::PlotArguments>),
    /// Fit the models of a runtime profile to measurements.
    Calibrate(Box<calibrate::CalibrateArguments>),
    /// Make measurement tables of what profilers of TensorFlow Lite and ONNX Runtime write.
    Measurements(Box<measurements::MeasurementsArguments>),
    /// Score profiles against measurements.
    Validate(Box<validate::ValidateArguments>),
    /// Repeat a published experiment in simulation.
    Reproduce(Box<reproduce::ReproduceArguments>),
    /// Print the JSON schema of a file format, for editors.
    Schema(schema::SchemaArguments),
    /// Print completions for a shell.
    Completions(completions::CompletionsArguments),
    /// Write the manual pages.
    #[command(hide = true)]
    Man(manual::ManualArguments),
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
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        #[cfg(feature = "plots")]
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Measurements(arguments) => measurements::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => manual::run(&arguments),
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
