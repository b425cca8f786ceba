//! What a scenario asks for, as plain data: the hardware, the streams, the strategy, when to stop.

use std::path::PathBuf;

pub use super::scenario_background::{BackgroundKindSpec, BackgroundSpec};
pub use super::scenario_dynamics::{DynamicsSpec, GovernorSpec, SchedulerSpec, ThermalGovernor, ThermalSpec};
pub use super::scenario_memory::MemorySpec;
use crate::predict::PredictorSpec;
use crate::record::chains::ChainLabels;
use crate::simulation::{Arrivals, RequestQueue, Stage};
use crate::soc::ExecutorName;
use crate::strategy::{Granularity, ServiceTarget, StrategySpec, TransferStart};
use crate::units::{BytesPerSec, Hertz, SimDuration, SimTime};

/// A validated scenario. Names of hardware, models and strategies are not looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioSpec {
    /// Name, for people and outputs.
    pub name: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// What runs the streams.
    pub target: TargetSpec,
    /// Requests, in the order of the file, each stream followed by its stages; at least one.
    pub streams: Vec<StreamSpec>,
    /// Streams that count as one with their stages.
    pub chains: Vec<ChainLabels>,
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
    /// Limits of memory; `None` for none.
    pub memory: Option<MemorySpec>,
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
    /// Deadline and priority of its requests.
    pub service: ServiceTarget,
    /// Its part in a chain; where it runs and how its work grows are filled in when the run is put together.
    pub stage: Stage,
    /// Executor of processing of a given time; `None` takes the first that is made of cores.
    pub on: Option<String>,
    /// Number of the `[[stream]]` of the file that it belongs to.
    pub declared: usize,
}

/// What a request runs.
#[derive(Debug, Clone, PartialEq)]
pub enum GraphSource {
    /// A model of the library by id.
    Library(String),
    /// A model file, resolved against the scenario's folder.
    Model(PathBuf),
    /// A task-graph file, resolved against the scenario's folder.
    TaskGraph(PathBuf),
    /// Processing that takes this long on a CPU.
    CpuTime(SimDuration),
    /// Reading the weights of a stream's model from storage.
    Load {
        /// Rate of the storage.
        rate: BytesPerSec,
        /// The stream, by number.
        of: usize,
    },
    /// A pass through a transformer.
    Pass {
        /// Id, or resolved path of a `.toml` file.
        model: String,
        /// New tokens.
        rows: u32,
        /// Tokens in the key-value cache after the first pass.
        context: u32,
        /// The same after the last pass.
        last: u32,
        /// Bits of a weight instead of those of the description.
        weight_bits: Option<f64>,
    },
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
