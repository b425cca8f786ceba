//! Exit codes and the errors behind them.

use crate::diagnostics::InputError;
use crate::engine::EngineError;
use crate::simulation::SimulationError;
use crate::strategy::StrategyError;

/// Documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// Unexpected; a fault of the program.
    Unexpected = 1,
    /// Wrong arguments.
    Usage = 2,
    /// An input file is wrong; nothing was run.
    InvalidInput = 3,
    /// Nothing matched what was asked for.
    NothingMatched = 4,
    /// The mapping is infeasible or the run stalled.
    Infeasible = 10,
    /// A threshold of `--fail-if` was violated.
    Threshold = 11,
    /// An output could not be written.
    Output = 13,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// Arguments that parse but make no sense together.
    #[error("{0}")]
    Usage(String),
    /// Faults of input files.
    #[error(transparent)]
    Input(#[from] InputError),
    /// There is nothing of that name.
    #[error("{0}")]
    NothingMatched(String),
    /// The run failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// A threshold was violated.
    #[error("{0}")]
    Threshold(String),
    /// An output could not be written.
    #[error("{0}")]
    Output(String),
    /// A fault of the program.
    #[error("{0}; this is a fault of hetsoc, please report it")]
    Unexpected(String),
}

impl From<StrategyError> for CliError {
    fn from(error: StrategyError) -> Self {
        Self::Simulation(error.into())
    }
}

impl From<crate::predict::PredictorError> for CliError {
    fn from(error: crate::predict::PredictorError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl CliError {
    /// The exit code that tells this error.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        if let Self::Input(error) = self {
            let code = error.diagnostics.first().map_or("", |diagnostic| diagnostic.code);
            return match code {
                "model::unknown"
                | "model::lowering"
                | "soc::unknown-reference"
                | "soc::core-set"
                | "scenario::condition"
                | "file::missing" => ExitCode::NothingMatched,
                "graph::unsupported" => ExitCode::Infeasible,
                _ => ExitCode::InvalidInput,
            };
        }
        match self {
            Self::Usage(_) | Self::Simulation(SimulationError::Strategy(StrategyError::Parameter { .. })) => {
                ExitCode::Usage
            }
            Self::Input(_)
            | Self::Simulation(SimulationError::Strategy(
                StrategyError::InvalidPlan(_) | StrategyError::Process(_),
            )) => ExitCode::InvalidInput,
            Self::NothingMatched(_)
            | Self::Simulation(SimulationError::Strategy(StrategyError::UnknownExecutor { .. })) => {
                ExitCode::NothingMatched
            }
            Self::Simulation(SimulationError::Engine(EngineError::TimeReversed { .. }))
            | Self::Unexpected(_) => ExitCode::Unexpected,
            Self::Simulation(_) => ExitCode::Infeasible,
            Self::Threshold(_) => ExitCode::Threshold,
            Self::Output(_) => ExitCode::Output,
        }
    }
}
