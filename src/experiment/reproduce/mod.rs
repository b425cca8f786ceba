//! Published experiments, repeated in simulation.

pub mod codl;
pub mod codl_ablations;
pub mod codl_page;
pub mod gains;
pub mod granularity;
mod granularity_dial;
pub mod nn_stretch;
mod runs;
pub mod sigma;
pub mod sustained;
mod sustained_priors;

pub use runs::{Measured, ReproduceError, simulate_graph};
