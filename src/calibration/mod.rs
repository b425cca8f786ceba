//! Fitting profiles to measurements, and scoring predictions against measurements.
//!
//! Every reported prediction is a simulated inference: one request on one executor, noise off. Splits are by model
//! family, because width variants of one network leak into each other.

pub mod ablation;
pub mod adapted;
pub mod calibrate;
mod cpu;
pub mod cross_validation;
pub mod decisions;
pub mod draws;
pub mod executors;
pub mod families;
pub mod few;
mod few_cpu;
mod few_gpu;
pub mod fit;
mod goal;
pub mod gpu;
mod hexagon;
pub mod intervals;
mod linear;
pub mod mace;
pub mod names;
pub mod networks;
pub mod operator_scores;
pub mod operator_tables;
pub mod pair;
pub mod power_fit;
pub mod priors;
pub mod profile_text;
pub mod profiler_files;
pub mod relative;
pub mod report;
mod scaled;
pub mod simulated;
pub mod standing;
pub mod tables;
pub mod validate;

pub use calibrate::{CalibrateError, Calibration, calibrate};
pub use networks::{Network, load_networks};
pub use operator_tables::{OperatorMeasurement, is_operator_table, read_operator_measurements};
pub use tables::{GroupKey, Measurement, read_measurements};
pub use validate::{Validation, validate};
