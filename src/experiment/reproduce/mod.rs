//! Published experiments, repeated in simulation.

pub mod sigma;
