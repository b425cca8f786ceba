//! What a scenario asks for, as plain data: the hardware, the streams, the strategy, when to stop.

use std::path::PathBuf;

pub use super::scenario_background::{BackgroundKindSpec, BackgroundSpec};
pub use super::scenario_dynamics::{DynamicsSpec, GovernorSpec, SchedulerSpec, ThermalGovernor, ThermalSpec};
use crate::predict::PredictorSpec;
use crate::simulation::{Arrivals, RequestQueue};
use crate::soc::ExecutorName;
use crate::strategy::{Granularity, StrategySpec, TransferStart};
use crate::units::{BytesPerSec, Hertz, SimTime};

/// A validated scenario. Names of hardware, models and strategies are not looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioSpec {
    /// Name, for people and outputs.
    pub name: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// What runs the streams.
    pub target: TargetSpec,
    /// Requests, in the order of the file; at least one.
    pub streams: Vec<StreamSpec>,
    /// Who decides.
    pub strategy: StrategySpec,
    /// The unit that the strategy places; `None` takes the strategy's own.
    pub granularity: Option<Granularity>,
    /// How transfers share the way.
    pub network: NetworkSpec,
    /// When transfers start; `None` takes the strategy's own default.
    pub transfer_start: Option<TransferStart>,
    /// Whether run-to-run variation is drawn.
    pub noise: bool,
    /// Id of the condition that was laid over it, if any.
    pub condition: Option<String>,
    /// What the strategy believes.
    pub predictor: PredictorSpec,
    /// What changes during the run; `None` keeps all clocks where they are.
    pub dynamics: Option<DynamicsSpec>,
    /// When the run ends.
    pub stop: StopSpec,
}

/// The hardware that a scenario runs on.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetSpec {
    /// Profiles, for operator graphs.
    Profiles {
        /// Id or path of a device profile.
        device: Option<String>,
        /// Id or path of a SoC profile, when there is no device; beside one, the file that describes its SoC.
        soc: Option<String>,
        /// Id or path of a runtime profile.
        runtime: String,
        /// Executors wanted; empty takes all that the runtime offers.
        executors: Vec<ExecutorName>,
        /// Fixed clocks by cluster or device id, or `memory`.
        clocks: Vec<(String, Hertz)>,
    },
    /// The processors of plain task-graph files.
    TaskGraph,
}

/// A stream of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSpec {
    /// Unique name.
    pub name: String,
    /// What each request runs.
    pub graph: GraphSource,
    /// When requests arrive.
    pub arrivals: Arrivals,
    /// What happens to those that cannot start at once.
    pub queue: RequestQueue,
}

/// What a request runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphSource {
    /// A model of the library by id.
    Library(String),
    /// A model file, resolved against the scenario's folder.
    Model(PathBuf),
    /// A task-graph file, resolved against the scenario's folder.
    TaskGraph(PathBuf),
}

/// How transfers share the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NetworkSpec {
    /// Every transfer has its crossing to itself.
    ContentionFree,
    /// All transfers share one bus of this rate, or of the file's own rate.
    SharedBus(Option<BytesPerSec>),
}

/// When a run ends, and what of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StopSpec {
    /// After this many requests are done, over all streams.
    pub requests: Option<u64>,
    /// Requests at the start of each stream that do not count.
    pub warmup: u64,
    /// At this time.
    pub until: Option<SimTime>,
}
