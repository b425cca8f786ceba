//! The platform of one run: resources, executors and the crossings between executors, stripped of
//! everything that does not change what the simulation does.
//!
//! Profiles ([`crate::soc`]) and plain task-graph files both end here.

use crate::units::{BytesPerSec, SimDuration, Watts};

/// Index of a resource in [`Platform::resources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub u16);

/// Index of an executor in [`Platform::executors`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutorId(pub u16);

/// The class of processor that a person speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ProcessorKind {
    Cpu,
    Gpu,
    Dsp,
    Npu,
}

impl ProcessorKind {
    /// Lower-case name used in files and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Dsp => "dsp",
            Self::Npu => "npu",
        }
    }
}

/// One core, or one queue of a GPU, DSP or NPU: executes one piece of work at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Unique name, e.g. `cpu7` or `gpu`.
    pub name: String,
    /// Its class.
    pub kind: ProcessorKind,
    /// Name of the cluster it belongs to; devices are a cluster of their own.
    pub cluster: String,
    /// Power while it has nothing to do.
    pub idle_power: Watts,
    /// Power while it is busy or runs overhead.
    pub busy_power: Watts,
    /// Power while it holds work that waits.
    pub blocked_power: Watts,
}

/// What a strategy places work on: a set of cores, or a device queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Executor {
    /// Unique name, e.g. `cpu-1large3med` or `gpu`.
    pub name: String,
    /// Class of its resources.
    pub kind: ProcessorKind,
    /// The resources that it occupies, all at once; at least one.
    pub resources: Vec<ResourceId>,
    /// For each resource, the share of an operator's execution time during which it computes; the rest it
    /// waits for the slowest (a static split over unequal cores). In (0, 1], 1 for the slowest.
    pub busy_shares: Vec<f64>,
    /// Overhead paid once for each unit that runs here (invoking a delegate, flushing a queue).
    pub invocation: SimDuration,
    /// Executors in the same domain read each other's tensors without any crossing.
    pub domain: u16,
    /// Run-to-run variation of its execution times.
    pub dispersion: Dispersion,
    /// Bytes per floating-point element here divided by bytes per element of the source model (0.5 for
    /// fp16 against fp32): scales every tensor that crosses.
    pub tensor_scale: f64,
}

/// Run-to-run variation: execution times are multiplied by log-normal factors of mean 1, one for the whole
/// inference and one for each operator.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dispersion {
    /// Standard deviation of the logarithm of the factor of an inference; 0 for none.
    pub inference: f64,
    /// Standard deviation of the logarithm of the factor of an operator; 0 for none.
    pub operator: f64,
}

/// What it costs to make a tensor that lies in one executor's domain readable in another's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Fixed time per tensor before any byte moves: synchronisation, cache maintenance, mapping, RPC.
    pub latency: SimDuration,
    /// Rate at which bytes move; infinite for zero-copy sharing.
    pub bandwidth: BytesPerSec,
    /// Rate at which the consumer rewrites the tensor into its own layout, which occupies the consumer;
    /// infinite when layouts agree.
    pub conversion: BytesPerSec,
}

impl Crossing {
    /// Free: same domain.
    pub const NONE: Self = Self {
        latency: SimDuration::ZERO,
        bandwidth: BytesPerSec(f64::INFINITY),
        conversion: BytesPerSec(f64::INFINITY),
    };

    /// Whether the tensor lies in memory twice afterwards: neither zero-copy sharing nor the same domain.
    #[must_use]
    pub fn makes_copy(&self) -> bool {
        self.bandwidth.0.is_finite() || self.conversion.0.is_finite()
    }

    /// Time until `bytes` have arrived: latency plus transfer, without conversion.
    #[must_use]
    pub fn transfer_time(&self, bytes: f64) -> SimDuration {
        self.latency + SimDuration::from_seconds(bytes / self.bandwidth.0)
    }

    /// Time for which the consumer is occupied rewriting `bytes`.
    #[must_use]
    pub fn conversion_time(&self, bytes: f64) -> SimDuration {
        SimDuration::from_seconds(bytes / self.conversion.0)
    }
}

/// How transfers between executors share the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Network {
    /// Every transfer has its crossing to itself.
    ContentionFree,
    /// After its latency, every transfer shares one bus of this rate equally with all others.
    SharedBus(BytesPerSec),
}

/// All that a run can use.
#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// Cores and device queues.
    pub resources: Vec<Resource>,
    /// What strategies place work on.
    pub executors: Vec<Executor>,
    /// Row-major `executors x executors` matrix of crossings, from row to column.
    pub crossings: Vec<Crossing>,
    /// Bringing a model's input to each executor, and its output back.
    pub host_in: Vec<Crossing>,
    /// See `host_in`.
    pub host_out: Vec<Crossing>,
    /// How transfers share the way.
    pub network: Network,
    /// Memory bandwidth that all executors share by max-min fairness; `None`: not modelled.
    pub memory_bandwidth: Option<BytesPerSec>,
    /// Power of everything that is not a resource, always on.
    pub base_power: Watts,
    /// Energy per byte of DRAM traffic, in joules.
    pub dram_joules_per_byte: f64,
}

impl Platform {
    /// The executor behind an id taken from this platform.
    #[must_use]
    pub fn executor(&self, id: ExecutorId) -> &Executor {
        &self.executors[id.0 as usize]
    }

    /// The crossing between two executors of this platform.
    #[must_use]
    pub fn crossing(&self, from: ExecutorId, to: ExecutorId) -> &Crossing {
        &self.crossings[from.0 as usize * self.executors.len() + to.0 as usize]
    }

    /// Finds an executor by name.
    #[must_use]
    pub fn executor_named(&self, name: &str) -> Option<ExecutorId> {
        self.executors.iter().position(|e| e.name == name).map(|i| ExecutorId(i as u16))
    }
}
