//! Builds a [`Machine`](super::Machine): resolves names between the profiles, fixes clocks, lays out
//! resources and crossings.

mod builder;
mod fitted;
mod layout;
mod names;
mod workers;

pub use builder::compile;
