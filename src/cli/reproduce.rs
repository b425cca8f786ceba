//! `hetsoc reproduce`: published experiments, repeated in simulation. One file for each.

use super::CliError;
use super::reproduce_granularity::{self, GranularityArguments};
use super::reproduce_sigma::{self, SigmaArguments};
use super::reproduce_sustained::{self, SustainedArguments};
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
    /// What phones with one chip keep of their speed after ten minutes, over the ranges of the thermal priors.
    Sustained(SustainedArguments),
}

pub(super) fn run(arguments: &ReproduceArguments) -> Result<(), CliError> {
    match &arguments.experiment {
        Experiment::Sigma(arguments) => reproduce_sigma::run(arguments),
        Experiment::Granularity(arguments) => reproduce_granularity::run(arguments),
        Experiment::Sustained(arguments) => reproduce_sustained::run(arguments),
    }
}
