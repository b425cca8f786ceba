//! Idle states of processors, as profiles give them.

use super::quantity::Quantity;
use crate::units::SimDuration;

/// A state of less power that a core or device may enter when it has nothing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct IdleStateProfile {
    /// Name within its list, kebab-case, e.g. `rail-power-collapse`.
    pub name: String,
    /// Time to enter it (`entry-latency-us` of device trees).
    pub entry: Quantity<SimDuration>,
    /// Time to leave it (`exit-latency-us`).
    pub exit: Quantity<SimDuration>,
    /// Cores: shortest span that is worth it (`min-residency-us`). Devices: how long their driver waits before it enters it.
    pub residency: Quantity<SimDuration>,
    /// Power in it as a share of the idle power of the cluster or device, in [0, 1].
    pub power_share: Quantity,
}

/// A state of several clusters, entered when each of their cores is in its deepest own state.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedIdleState {
    /// Its numbers; the exit is that of the first core that wakes, its own exit included.
    pub state: IdleStateProfile,
    /// Ids of the clusters, at least one; no cluster is in two.
    pub of: Vec<String>,
}
