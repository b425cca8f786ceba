//! What it takes to let two processors work on one piece, as a runtime does it.

use super::fitted::Coefficient;
use super::quantity::Provenance;

/// Constants of two processors that work on parts of one layer, or take turns in one network.
#[derive(Debug, Clone, PartialEq)]
pub struct CoExecution {
    /// Kebab-case name of the way in which they wait for each other, e.g. `spin`; unique in the profile.
    pub id: String,
    /// Executor that holds the input and puts the parts together.
    pub first: String,
    /// Executor that gets a copy of the input and hands its part back.
    pub second: String,
    /// Runtime and version that was measured.
    pub measured_with: String,
    /// Layers that the constants were fitted to.
    pub layers: u32,
    /// Measurements of these layers.
    pub rows: u32,
    /// Mean absolute error in per cent on layers that a fit has not seen.
    pub leave_layer_out: f64,
    /// The constants, by name.
    pub coefficients: Vec<Coefficient>,
    /// Rate of a streaming loop on one core, in bytes and gigabytes per second, by increasing working set.
    pub streaming: Vec<(f64, f64)>,
    /// Where the measurements come from.
    pub provenance: Provenance,
}
