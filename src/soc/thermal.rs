//! The thermal side of a device: its body, and what its vendor does when it becomes warm.

use super::quantity::{Provenance, Quantity};
use crate::units::{Celsius, Hertz, SimDuration};

/// A phone or board as a ladder of three nodes: die (SoC and memory), case (board, frame, battery), skin.
///
/// Resistance to ambient follows from the surface, heat capacity from the mass, so that devices with the same priors
/// differ by their stated geometry only.
#[derive(Debug, Clone, PartialEq)]
pub struct ThermalBody {
    /// Height, width and thickness in mm.
    pub size_mm: [Quantity; 3],
    /// Mass in g.
    pub mass_g: Quantity,
    /// Heat that leaves the skin per surface and temperature difference, W / (m^2 K).
    pub film: Quantity,
    /// Heat capacity that takes part, per mass, J / (g K).
    pub specific_heat: Quantity,
    /// Share of it that belongs to the skin, in (0, 1).
    pub skin_share: Quantity,
    /// Heat capacity of the die with its package, J/K.
    pub die_capacity: Quantity,
    /// From die to case, K/W.
    pub die_to_case: Quantity,
    /// From case to skin, K/W.
    pub case_to_skin: Quantity,
    /// Temperature around the device unless a condition says otherwise.
    pub ambient: Quantity<Celsius>,
    /// Die temperature at which the hardware takes every clock to its lowest step.
    pub hardware_limit: Quantity<Celsius>,
    /// The vendor's table on the skin temperature; without one, only governors and hardware limit the clocks.
    pub throttling: Option<VendorThrottling>,
}

/// A table of skin temperatures and the limits that they bring.
#[derive(Debug, Clone, PartialEq)]
pub struct VendorThrottling {
    /// Time between readings.
    pub period: SimDuration,
    /// Rows by ascending trip.
    pub steps: Vec<VendorStep>,
    /// Where the table comes from.
    pub provenance: Provenance,
}

/// One row: in effect from `trip` until the skin is below `clear`.
#[derive(Debug, Clone, PartialEq)]
pub struct VendorStep {
    /// Skin temperature at which it takes effect.
    pub trip: Celsius,
    /// Skin temperature below which the row before it takes effect again, at most `trip`.
    pub clear: Celsius,
    /// Highest clocks by cluster or device.
    pub clocks: Vec<(String, Hertz)>,
    /// Cores taken offline by cluster.
    pub offline: Vec<(String, u32)>,
}

impl ThermalBody {
    /// Surface in m^2 of the cuboid.
    #[must_use]
    pub fn surface(&self) -> f64 {
        let [h, w, t] = [&self.size_mm[0], &self.size_mm[1], &self.size_mm[2]].map(|q| q.value * 1e-3);
        2.0 * (h * w + h * t + w * t)
    }
}
