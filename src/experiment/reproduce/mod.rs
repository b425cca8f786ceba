//! Published experiments, repeated in simulation.

pub mod codl;
pub mod codl_ablations;
pub mod codl_page;
pub mod granularity;
pub mod nn_stretch;
mod runs;
pub mod sigma;
pub mod sustained;
mod sustained_priors;

pub use runs::{Measured, ReproduceError, simulate_graph};
