//! Published experiments, repeated in simulation.

pub mod codl;
pub mod codl_ablations;
pub mod codl_page;
mod runs;

pub use runs::{Measured, ReproduceError, simulate_graph};
