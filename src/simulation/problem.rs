//! What one run is about: immutable inputs and the figures that come out.

use super::arrivals::{Arrivals, RequestQueue};
use super::dynamics::{BackgroundOutcome, DynamicsSetup, Energy, HeatBalance};
use super::stages::{ChainOutcome, Stage};
use crate::engine::{EngineError, Limits};
use crate::graph::dag::Dag;
use crate::graph::lowered::LoweredGraph;
use crate::graph::partition::Role;
use crate::physics::CostTable;
use crate::soc::Platform;
use crate::strategy::{Granularity, ServiceTarget, StrategyError, TransferStart};
use crate::units::{Celsius, SimDuration, SimTime};

/// A run before it starts: hardware, request streams, and the rules.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Resources, executors, crossings.
    pub platform: Platform,
    /// Request streams; at least one.
    pub streams: Vec<StreamProblem>,
    /// What the strategy places.
    pub granularity: Granularity,
    /// When data begins to move; `None` takes what each plan says.
    pub transfer_start: Option<TransferStart>,
    /// Root of every random stream.
    pub seed: u64,
    /// Whether execution times vary as the executors' dispersion says.
    pub noise: bool,
    /// End the run when so many requests, over all streams, are complete; a chain counts as one request.
    pub stop_after: Option<u64>,
    /// When to give up.
    pub limits: Limits,
    /// Clocks, power, heat and competing work that change during the run; without them all costs are those of the table.
    pub dynamics: Option<Box<DynamicsSetup>>,
}

/// One model and its requests.
#[derive(Debug, Clone)]
pub struct StreamProblem {
    /// Name for reports.
    pub name: String,
    /// The task graph.
    pub dag: Dag,
    /// The operators behind its nodes; `None` for plain task graphs.
    pub operators: Option<LoweredGraph>,
    /// Where each operator comes from, when a strategy has cut some into slices; empty otherwise.
    pub roles: Vec<Role>,
    /// What each operator really costs.
    pub costs: CostTable,
    /// When requests arrive.
    pub arrivals: Arrivals,
    /// What happens to those that cannot start at once.
    pub queue: RequestQueue,
    /// Deadline and priority of its requests.
    pub service: ServiceTarget,
    /// Its part in a chain; the default is a stream of its own.
    pub stage: Stage,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The engine could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The strategy could not plan.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// A strategy took a decision that cannot be applied.
    #[error("{strategy} took an impossible decision: {what}")]
    Decision {
        /// The strategy.
        strategy: &'static str,
        /// What was wrong with it.
        what: String,
    },
    /// The predictor does not exist or refuses its parameters.
    #[error(transparent)]
    Predictor(#[from] crate::predict::PredictorError),
    /// Simulated time ran past its range of 213 days.
    #[error("simulated time ran past its range (213 days)")]
    TimeOverflow,
}

/// What a run came to. Details are the observers' business.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Time of the last event, or the time limit.
    pub end: SimTime,
    /// Engine events handled.
    pub events: u64,
    /// Whether a limit ended the run.
    pub truncated: bool,
    /// Per resource: busy, overhead, blocked, suspended. The rest of the time it was idle.
    pub resources: Vec<[SimDuration; 4]>,
    /// Per stream.
    pub streams: Vec<StreamOutcome>,
    /// Per chain, in the order of their roots.
    pub chains: Vec<ChainOutcome>,
    /// Units finished.
    pub units: u64,
    /// Operators finished.
    pub operators: u64,
    /// Tensors that crossed between executors.
    pub remote_transfers: u64,
    /// Bytes that crossed between executors.
    pub transferred_bytes: f64,
    /// Bytes of DRAM traffic of finished operators.
    pub dram_bytes: f64,
    /// Sum over all units of their finish times in picoseconds.
    pub finish_sum_ps: u128,
    /// Time of the last finish of a unit.
    pub makespan: SimTime,
    /// What the predictor's knowledge cost.
    pub profiling: ProfilingOutcome,
    /// What the dynamics of the run came to, if there were any.
    pub dynamics: Option<Box<DynamicsOutcome>>,
}

/// What the knowledge of a predictor cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProfilingOutcome {
    /// Before the run, not part of it.
    pub offline: SimDuration,
    /// Operators observed during the run.
    pub observations: u64,
    /// Time for which executors were held by observations, at the laboratory's clocks.
    pub overhead: SimDuration,
}

/// What the dynamics of a run came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DynamicsOutcome {
    /// Energy by where it went.
    pub energy: Energy,
    /// Joules charged to units that held a core or device.
    pub charged_joules: f64,
    /// Bytes that main memory moved for operators, as the integral of its rate.
    pub served_bytes: f64,
    /// Temperature of each thermal node at the end, and where the heat went.
    pub temperatures: Vec<Celsius>,
    /// Where the heat went, if the setup asks for it.
    pub heat: HeatBalance,
    /// What each source of competing work came to.
    pub background: Vec<BackgroundOutcome>,
    /// Where the bytes of operators came from, if caches are simulated.
    pub caches: Option<CacheOutcome>,
    /// How often its parts had to look by themselves.
    pub looks: Looks,
}

/// Events of a run that are none of operators or requests: how often parts of the dynamics had something of their own to do. One
/// event counts for each part that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looks {
    /// Clocks: governors' samples and changes that were under way.
    pub clocks: u64,
    /// Occupancies of caches that move.
    pub caches: u64,
    /// Readings of temperature sensors.
    pub heat: u64,
    /// Competing work: bursts, frames, slices. Its ends are events of activities and not counted here.
    pub competing: u64,
    /// How often the rates of what runs were solved, in whatever event.
    pub solved: u64,
}

/// Where the bytes of operators came from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CacheOutcome {
    /// For each resource: bytes from its private caches, from each shared cache, from main memory. What a set of cores does
    /// counts for its first core.
    pub bytes: Vec<Vec<f64>>,
    /// Bytes from main memory that shared caches would have served without competition.
    pub extra_bytes: f64,
}

/// What one stream came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamOutcome {
    /// Requests that arrived.
    pub offered: u64,
    /// Requests dropped by the queue's policy.
    pub dropped: u64,
    /// Requests still waiting or in flight at the end.
    pub unfinished: u64,
    /// Latency of every completed request, nominal arrival to completion, in order of completion, with
    /// the request's number.
    pub latencies: Vec<(u32, SimDuration)>,
}
