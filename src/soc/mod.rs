//! Validated descriptions of the hardware: SoC, runtime and device profiles, and the platform of a run.

pub mod platform;

pub use platform::{Crossing, Executor, ExecutorId, Network, Platform, ProcessorKind, Resource, ResourceId};
