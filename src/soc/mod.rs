//! Validated descriptions of the hardware: SoC, runtime and device profiles, and the platform of a run.

pub mod co_execution;
pub mod executor_name;
pub mod fitted;
pub mod hardware;
pub mod idle;
mod memory_limits;
pub mod platform;
pub mod quantity;
pub mod runtime;
pub mod support;
pub mod thermal;

pub use co_execution::CoExecution;
pub use executor_name::{ExecutorName, ExecutorNameError, Target};
pub use fitted::{Anchor, Coefficient, FittedModel};
pub use hardware::{
    Accelerator, Cluster, Device, Memory, Opp, OppTable, PowerModel, PrivateCache, SharedCache, Slowdown,
    Soc, Vote,
};
pub use idle::{IdleStateProfile, SharedIdleState};
pub use memory_limits::{MemoryLimits, mebibytes};
pub use platform::{
    Crossing, Dispersion, Executor, ExecutorId, Network, Platform, ProcessorKind, Resource, ResourceId,
};
pub use quantity::{Confidence, Precision, Provenance, Quantity};
pub use runtime::{Accepts, Kernel, Performance, RuntimeCrossing, RuntimeProfile, Sharing, Split};
pub use support::{Condition, Support, SupportTable};
pub use thermal::{ThermalBody, VendorStep, VendorThrottling};
