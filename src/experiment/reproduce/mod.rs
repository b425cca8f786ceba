//! Published experiments, repeated in simulation.

pub mod granularity;
pub mod sigma;
pub mod sustained;
