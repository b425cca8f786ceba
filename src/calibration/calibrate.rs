//! Fitting the models of a runtime profile to a measurement table.
//!
//! CPU stages: one common factor to the reference core; the coefficients of one core; for a set of cores the law of sets,
//! with the one-core coefficients held near. The end-to-end remainder is explicit: overhead of an inference, unlisted
//! element-wise operators. On a GPU every kernel class is fitted to its operators, then the remainder to whole
//! networks. Families are left out one at a time, in every stage.

use super::adapted::Source;
use super::goal::Goal;
use super::gpu::OperatorScore;
use super::networks::Network;
use super::operator_tables::OperatorMeasurement;
use super::simulated::PredictionError;
use super::tables::{GroupKey, Measurement};
use crate::diagnostics::{Diagnostic, InputError};
use crate::soc::{Anchor, Coefficient, FittedModel, RuntimeProfile, Soc, Target};
use crate::statistics::ErrorMetrics;

/// Fewest networks for a fit of all coefficients.
pub const FEWEST_NETWORKS: usize = 12;

/// A coefficient whose posterior is wider than this share of its prior was left at the prior.
pub const AT_PRIOR: f64 = 0.7;

/// What is left out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folds {
    /// All networks of a family.
    Families,
    /// One network: with a handful of networks, families hardly recur.
    Networks,
}

impl Folds {
    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Families => "family",
            Self::Networks => "network",
        }
    }
}

/// What came of one group.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// What was measured.
    pub group: GroupKey,
    /// The model, ready for the profile.
    pub model: FittedModel,
    /// Names of the networks.
    pub networks: Vec<String>,
    /// Families in the same order.
    pub families: Vec<String>,
    /// Measured milliseconds.
    pub measured: Vec<f64>,
    /// What was left out for `unseen`.
    pub left_out: Folds,
    /// What the fit started from, in words: priors, or another fitted model.
    pub from: String,
    /// Errors, on networks left out, of one factor on the same start; of fits from another model.
    pub one_factor_errors: Option<ErrorMetrics>,
    /// Simulated by models that have not seen the family or network.
    pub unseen: Vec<f64>,
    /// Simulated by the final model.
    pub fitted: Vec<f64>,
    /// Errors of `unseen`.
    pub unseen_errors: ErrorMetrics,
    /// Errors of `fitted`.
    pub fit_errors: ErrorMetrics,
    /// Share of measurements inside intervals made without their family, per cent.
    pub coverage: f64,
    /// Condition number of the last stage.
    pub condition: f64,
    /// Coefficients that the data cannot tell.
    pub at_prior: Vec<&'static str>,
    /// How single operators are predicted, where they were measured.
    pub operators: Option<OperatorScore>,
}

/// Coefficients of a form, fitted to some networks.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFit {
    /// All coefficients of the form.
    pub coefficients: Vec<Coefficient>,
    /// What the equations miss at measured shapes.
    pub residual: Vec<Anchor>,
    /// Those that the data cannot tell.
    pub at_prior: Vec<&'static str>,
    /// Condition number, the largest of all stages that end in the result.
    pub condition: f64,
}

/// Why a group cannot be calibrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// Faults of profiles or tables.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A prediction failed.
    #[error(transparent)]
    Prediction(#[from] PredictionError),
}

pub(super) fn refuse(message: String, help: &str) -> CalibrateError {
    CalibrateError::Input(Diagnostic::new("calibrate::data", message).help(help).into())
}

/// What a calibration starts from.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The silicon.
    pub soc: &'a Soc,
    /// The profile whose performances the fitted models go before.
    pub runtime: &'a RuntimeProfile,
    /// The networks that the table names.
    pub networks: &'a [Network],
    /// All rows of the tables of whole networks.
    pub rows: &'a [Measurement],
    /// All rows of the tables of operators.
    pub operators: &'a [OperatorMeasurement],
    /// The fitted profile that a few-shot calibration starts from; without one, everything is fitted, or three factors where fewer than
    /// [`FEWEST_NETWORKS`] were measured.
    pub from: Option<Source<'a>>,
    /// Where the measurements come from.
    pub source: &'a str,
    /// Most iterations of each fit.
    pub iterations: usize,
}

/// Calibrates one group of the table.
///
/// # Errors
/// Too few networks, a precision or core set that the profiles do not have, a set of cores without rows of its first core,
/// a device without measured operators.
pub fn calibrate(start: &Start<'_>, group: &GroupKey) -> Result<Calibration, CalibrateError> {
    let goal = Goal::new(start, group)?;
    if start.runtime.lowering == "mace" {
        return goal.mace();
    }
    match &goal.executor.target {
        Target::Cores(kinds) => goal.cores(kinds),
        Target::Device(id) => goal.device(id),
    }
}
