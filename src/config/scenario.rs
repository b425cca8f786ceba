//! What a scenario asks for, as plain data: the hardware, the streams, the strategy, when to stop.

use std::path::PathBuf;

use crate::soc::ExecutorName;
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
    /// Requests, in the order of the file; at least one.
    pub streams: Vec<StreamSpec>,
    /// Who decides.
    pub strategy: StrategySpec,
    /// How transfers share the way.
    pub network: NetworkSpec,
    /// When transfers start; `None` takes the strategy's own default.
    pub transfer_start: Option<TransferStart>,
    /// Whether run-to-run variation is drawn.
    pub noise: bool,
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
    pub arrivals: ArrivalSpec,
    /// How many requests may wait; `None` is no limit.
    pub queue_depth: Option<u32>,
    /// What happens to a request that finds the queue full.
    pub policy: QueuePolicy,
    /// How many requests of this stream may be under way at once.
    pub max_in_flight: u32,
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

/// When requests arrive.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrivalSpec {
    /// One request at time 0.
    Single,
    /// The next when one is done.
    BackToBack {
        /// How many; `None` until the stop rule ends the run.
        count: Option<u64>,
    },
    /// At fixed distances from time 0.
    Periodic {
        /// Distance.
        period: SimDuration,
        /// How many; `None` until the stop rule ends the run.
        count: Option<u64>,
    },
    /// With exponential distances.
    Poisson {
        /// Mean arrivals per second.
        rate_per_second: f64,
        /// How many; `None` until the stop rule ends the run.
        count: Option<u64>,
    },
    /// At listed times, ascending.
    Trace {
        /// The times.
        times: Vec<SimTime>,
    },
}

impl ArrivalSpec {
    /// Whether arrivals end by themselves.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        match self {
            Self::Single | Self::Trace { .. } => true,
            Self::BackToBack { count } | Self::Periodic { count, .. } | Self::Poisson { count, .. } => {
                count.is_some()
            }
        }
    }
}

/// What happens to a request that finds the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueuePolicy {
    /// The source waits.
    Block,
    /// The oldest waiting request is dropped.
    DropOldest,
    /// The arriving request is dropped.
    DropNewest,
    /// Every waiting request is dropped, the newest stays.
    LatestOnly,
}

/// Who decides.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategySpec {
    /// Name of the strategy.
    pub name: String,
    /// Its parameters in the order of the file; the strategy checks their names and values.
    pub parameters: Vec<(String, ParameterValue)>,
    /// The unit that it places; `None` takes the strategy's own.
    pub granularity: Option<GranularitySpec>,
}

/// The value of a strategy's parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// true or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A word, a name or a path.
    Text(String),
}

/// The unit that a strategy places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GranularitySpec {
    /// A whole model.
    Task,
    /// A connected part of a model.
    Subgraph,
    /// One operator.
    Operator,
}

/// How transfers share the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NetworkSpec {
    /// Every transfer has its crossing to itself.
    ContentionFree,
    /// All transfers share one bus of this rate, or of the file's own rate.
    SharedBus(Option<BytesPerSec>),
}

/// When the transfer of a tensor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferStart {
    /// When its consumer has been assigned.
    Assignment,
    /// When its producer has finished.
    ProducerFinish,
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
