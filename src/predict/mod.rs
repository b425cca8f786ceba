//! What strategies believe: estimates of costs, never the ground truth itself.
//!
//! A [`Predictor`] is consulted before a run (under the laboratory state) and at every placement (under the present one), and
//! hears of every operator that ends. Adding one is a file and an entry in `registry.rs`.

mod clocks;
mod estimates;
mod ewma;
mod flop_linear;
mod kalman;
mod offline;
mod predictor;
mod recursive_least_squares;
mod registry;
mod regression;
mod samples;
mod slices;
#[cfg(test)]
mod tests;
mod tiles;
mod trained;

pub use clocks::{ClockBeliefs, ClockDomain, Demand};
pub use estimates::Estimates;
pub use ewma::Ewma;
pub use flop_linear::FlopLinear;
pub use kalman::{Kalman, KalmanScope};
pub use offline::{Offline, OfflineTable, Oracle};
pub use predictor::{Beliefs, Predictor, State, Work};
pub use recursive_least_squares::RecursiveLeastSquares;
pub use registry::{PREDICTORS, PredictorEntry, PredictorError, PredictorSpec, Profiling, TrainingStream};
pub use slices::SliceEstimates;
pub use trained::{SlicePredictor, Trained};
