//! `hetsoc reproduce`: published experiments, repeated in simulation. One file for each.

use super::CliError;
use super::reproduce_granularity::{self, GranularityArguments};
use super::reproduce_sigma::{self, SigmaArguments};
use clap::{Args, Subcommand};

/// Arguments of `hetsoc reproduce`.
#[derive(Debug, Args)]
pub(super) struct ReproduceArguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Debug, Subcommand)]
enum Experiment {
    /// Errors of latency predictions under five conditions (arXiv 2405.01851; the conditions are our own).
    Sigma(SigmaArguments),
    /// Latency against the size of the placed unit beside competing processes (arXiv 2405.01851).
    Granularity(GranularityArguments),
}

pub(super) fn run(arguments: &ReproduceArguments) -> Result<(), CliError> {
    match &arguments.experiment {
        Experiment::Sigma(arguments) => reproduce_sigma::run(arguments),
        Experiment::Granularity(arguments) => reproduce_granularity::run(arguments),
    }
}
