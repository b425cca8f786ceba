//! What idle states are about: immutable inputs.

use crate::physics::dvfs::IdleState;
use crate::units::SimDuration;

/// Idle states of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct IdleSetup {
    /// For each clock domain, the states of one core, shallow to deep, or of the device, in the order in which it enters them.
    pub states: Vec<Vec<NamedIdleState>>,
    /// States of several clusters.
    pub shared: Vec<SharedIdleSetup>,
    /// For each clock domain of a device, the longest exit latency that cores may have while it is awake.
    pub exit_limits: Vec<Option<SimDuration>>,
}

/// An idle state with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedIdleState {
    /// Name, for reports.
    pub name: String,
    /// Its numbers; for devices the residency is the time that the driver waits.
    pub state: IdleState,
}

/// An idle state of several clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedIdleSetup {
    /// The state.
    pub state: NamedIdleState,
    /// Clock domains of the clusters, as bits; every one of them has states of its own.
    pub domains: u32,
}
