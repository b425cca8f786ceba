//! Validated descriptions of the hardware: SoC, runtime and device profiles, and the platform of a run.

pub mod platform;

pub use platform::{
    Crossing, Dispersion, Executor, ExecutorId, Network, Platform, ProcessorKind, Resource, ResourceId,
};
