//! `hetsoc reproduce`: published experiments, repeated in simulation. One file for each.

use super::CliError;
use super::reproduce_codl::{self, CodlArguments};
use super::reproduce_gains::{self, GainsArguments};
use super::reproduce_granularity::{self, GranularityArguments};
use super::reproduce_nn_stretch::{self, NnStretchArguments};
use super::reproduce_sigma::{self, SigmaArguments};
use super::reproduce_sustained::{self, SustainedArguments};
use crate::experiment::reproduce::ReproduceError;
use clap::{Args, Subcommand};

/// Arguments of `hetsoc reproduce`.
#[derive(Debug, Args)]
pub(super) struct ReproduceArguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Debug, Subcommand)]
enum Experiment {
    /// CoDL (MobiSys 2022): CPU and GPU on one operator at once, five networks on four chips.
    Codl(CodlArguments),
    /// NN-Stretch (MobiSys 2023): networks stretched over CPU, GPU and DSP.
    NnStretch(NnStretchArguments),
    /// Published gains of Band, pipelines and branch parallelism, named before they were simulated.
    Gains(GainsArguments),
    /// Errors of latency predictions under five conditions (arXiv 2405.01851; the conditions are our own).
    Sigma(SigmaArguments),
    /// Latency against the size of the placed unit beside competing processes (arXiv 2405.01851).
    Granularity(GranularityArguments),
    /// What phones with one chip keep of their speed after ten minutes, over the ranges of the thermal priors.
    Sustained(SustainedArguments),
}

pub(super) fn run(arguments: &ReproduceArguments) -> Result<(), CliError> {
    match &arguments.experiment {
        Experiment::Codl(arguments) => reproduce_codl::run(arguments),
        Experiment::NnStretch(arguments) => reproduce_nn_stretch::run(arguments),
        Experiment::Gains(arguments) => reproduce_gains::run(arguments),
        Experiment::Sigma(arguments) => reproduce_sigma::run(arguments),
        Experiment::Granularity(arguments) => reproduce_granularity::run(arguments),
        Experiment::Sustained(arguments) => reproduce_sustained::run(arguments),
    }
}

impl From<ReproduceError> for CliError {
    fn from(error: ReproduceError) -> Self {
        use crate::experiment::RunError;
        match error {
            ReproduceError::Input(error) => Self::Input(error),
            ReproduceError::Simulation(error) | ReproduceError::Run(RunError::Simulation(error)) => {
                Self::Simulation(error)
            }
            ReproduceError::Unknown(message) => Self::Usage(message),
            other => Self::Unexpected(other.to_string()),
        }
    }
}
