//! Published experiments, repeated in simulation.

pub mod codl;
mod runs;

pub use runs::{Measured, ReproduceError, simulate_graph};
