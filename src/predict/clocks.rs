//! What is believed of clocks: how times scale with them, and what they cost in power.

use crate::physics::ClockRatios;
use crate::soc::{ExecutorId, OppTable, PowerModel, ResourceId};
use crate::units::SimDuration;
use std::fmt::Debug;

/// A clock domain as strategies see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockDomain {
    /// Id of its cluster or device.
    pub id: String,
    /// Cores in it; 1 for a device.
    pub cores: u32,
    /// Whether a strategy may set its clock: the scenario neither fixes it nor names a governor for it.
    pub settable: bool,
    /// Slowest step allowed.
    pub lowest: usize,
    /// Fastest step allowed.
    pub highest: usize,
    /// Step at which it is believed to run when nobody sets it: that of its governor where it stands still, else the fastest.
    pub unset: usize,
    /// Its steps.
    pub opps: OppTable,
    /// Its power.
    pub power: PowerModel,
}

/// What the requests of a stream ask for, as part of the chain that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Number of the stream where requests arrive: itself, unless it is a stage behind others.
    pub root: u16,
    /// How often a request of the root runs it, on average.
    pub visits: f64,
    /// Mean time between requests of the root; `None` for a single one, or when the next waits for the one before.
    pub period: Option<SimDuration>,
    /// Time from the root's nominal arrival within which all stages should be complete.
    pub deadline: Option<SimDuration>,
}

/// How the times of one stream depend on clocks, and what the hardware draws. Exact as far as the simulation goes: a runtime would
/// have to measure these tables once for each device.
pub trait ClockBeliefs: Debug {
    /// Clock domains in order of their numbers.
    fn domains(&self) -> &[ClockDomain];

    /// The domain of a resource.
    fn domain_of(&self, resource: ResourceId) -> usize;

    /// How much slower than at the reference an executor's processors and memory are when every domain is at its step of `steps`
    /// and nobody else is awake: main memory follows the votes of the executor's own domains.
    fn ratios(&self, executor: ExecutorId, steps: &[usize]) -> ClockRatios;

    /// `estimate`, the believed time of an operator at the reference, at other clocks.
    fn operator(
        &self,
        operator: u32,
        executor: ExecutorId,
        estimate: SimDuration,
        ratios: &ClockRatios,
    ) -> SimDuration;

    /// Time of invocation or conversion on an executor, at other clocks.
    fn setup(&self, executor: ExecutorId, time: SimDuration, ratios: &ClockRatios) -> SimDuration;

    /// Bytes of main memory that an operator moves on an executor.
    fn dram_bytes(&self, operator: u32, executor: ExecutorId) -> f64;

    /// What stages of its chain whose place is given take for a request, when every domain is at its step of `steps`.
    fn fixed(&self, steps: &[usize]) -> SimDuration;

    /// What the stream's requests ask for.
    fn demand(&self) -> Demand;
}
