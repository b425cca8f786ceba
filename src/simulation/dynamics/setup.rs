//! What the dynamics of a run are about: immutable inputs.

use super::caches::CacheSetup;
use super::idle_setup::IdleSetup;
use super::tasks::BackgroundSetup;
use crate::physics::dvfs::Governor;
use crate::physics::power::Leakage;
use crate::physics::scheduler::SliceRule;
use crate::physics::thermal::{AllocatorSettings, HardwareLimit, Network, StepWise, ThrottleTable};
use crate::physics::three_regions::ThreeRegions;
use crate::physics::{ClockRatios, ScalingTable};
use crate::soc::{ExecutorId, OppTable, PowerModel, ResourceId};
use crate::units::{BytesPerSec, Celsius, Hertz, SimDuration};

/// Everything that changes while a run goes on. Clock domains are numbered: the clusters of the SoC, then its devices.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicsSetup {
    /// Clock domains, at most 32.
    pub domains: Vec<DomainSetup>,
    /// The clock domain of each resource of the platform.
    pub domain_of: Vec<u16>,
    /// How main memory follows its clients.
    pub memory: MemorySetup,
    /// For each stream, how its costs scale with clocks.
    pub scalings: Vec<ScalingTable>,
    /// For each executor, how its other times scale.
    pub executors: Vec<ExecutorScaling>,
    /// Heat, and what is done about it; `None` keeps temperatures out of the run.
    pub thermal: Option<ThermalSetup>,
    /// Competing work.
    pub background: Vec<BackgroundSetup>,
    /// Caches that clients share; `None` gives every operator what it had alone.
    pub caches: Option<CacheSetup>,
    /// Idle states; `None` lets cores and devices wait for interrupts and wake at once.
    pub idle: Option<IdleSetup>,
    /// How the operating system shares cores among threads.
    pub scheduler: SliceRule,
    /// Whether the threads of a core set that wait for each other keep their cores busy, or sleep.
    pub spin: bool,
}

/// Heat of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ThermalSetup {
    /// Names of the nodes.
    pub nodes: Vec<String>,
    /// How they conduct.
    pub network: Network,
    /// Their temperatures at the start.
    pub initial: Vec<Celsius>,
    /// Temperature of the surroundings.
    pub ambient: Celsius,
    /// The node that each clock domain heats.
    pub domain_nodes: Vec<usize>,
    /// The node that main memory heats.
    pub memory_node: Option<usize>,
    /// The node that everything else heats, and the share of its power that does.
    pub base_node: Option<(usize, f64)>,
    /// Leakage of each domain.
    pub leakage: Vec<Leakage>,
    /// What limits temperatures.
    pub rules: Vec<RuleSetup>,
    /// Whether to keep books of the heat, which costs time.
    pub balance: bool,
}

/// A rule with its sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSetup {
    /// Node of the sensor.
    pub node: usize,
    /// How often it is read; above 0.
    pub period: SimDuration,
    /// Resolution in kelvin; 0 is exact.
    pub resolution: f64,
    /// What it does.
    pub kind: RuleKind,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// step_wise on each of some domains.
    StepWise {
        /// Domain and governor.
        trips: Vec<(usize, StepWise)>,
    },
    /// power_allocator over some domains.
    PowerAllocator {
        /// The domains.
        domains: Vec<usize>,
        /// Settings.
        settings: AllocatorSettings,
    },
    /// A vendor's table.
    Table {
        /// Which row applies.
        table: ThrottleTable,
        /// Limits of each row.
        rows: Vec<TableRow>,
    },
    /// Everything at its slowest step.
    HardwareLimit {
        /// When.
        limit: HardwareLimit,
    },
}

/// Limits of a row of a vendor's table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// Fastest step of each domain.
    pub caps: Vec<usize>,
    /// Cores offline in each domain.
    pub offline: Vec<u32>,
}

/// One clock domain.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainSetup {
    /// Id of its cluster or device.
    pub id: String,
    /// Whether it is a cluster of CPU cores.
    pub is_cpu: bool,
    /// Its steps.
    pub opps: OppTable,
    /// The clock at which costs were computed.
    pub reference: Hertz,
    /// Who chooses the clock.
    pub governor: Governor,
    /// Whether a strategy may choose it instead: the user has neither fixed it nor named this governor for this domain.
    pub settable: bool,
    /// Time that a change takes.
    pub transition: SimDuration,
    /// Slowest step that the user allows.
    pub lowest: usize,
    /// Fastest step that the user allows.
    pub highest: usize,
    /// What one core does at its fastest clock compared with the fastest core of the SoC, in [1, 1024].
    pub capacity: u64,
    /// Its power.
    pub power: PowerModel,
}

impl DomainSetup {
    /// Who chooses the clock when a strategy has set it to a step, or has not.
    #[must_use]
    pub fn governed(&self, step: Option<u16>) -> Governor {
        let opp = step.and_then(|step| self.opps.points.get(usize::from(step)));
        opp.and_then(|opp| Governor::named("userspace", Some(opp.clock)))
            .unwrap_or_else(|| self.governor.clone())
    }
}

/// Clock of main memory.
#[derive(Debug, Clone, PartialEq)]
pub struct MemorySetup {
    /// Rate at which costs were computed.
    pub reference: BytesPerSec,
    /// Rate while nobody votes.
    pub least: BytesPerSec,
    /// For each domain and step, the rate that it votes for while it is active. Empty: the rate stays at the reference.
    pub votes: Vec<Vec<BytesPerSec>>,
    /// Loss of rate for every further client; clients then share in proportion to their demands. `None`: max-min fair
    /// shares without loss.
    pub interference: Option<f64>,
    /// For each domain, how it slows down beside others' traffic before bandwidth is shared. Empty: no domain does.
    pub slowdowns: Vec<Option<ThreeRegions>>,
}

/// How what an executor pays besides its operators scales with clocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExecutorScaling {
    /// Domains that invocation and conversion follow, as bits.
    pub invocation_domains: u32,
    /// Memory rate at which its cost model holds / reference rate: models that were fitted to measurements hold at the
    /// rate that the executor alone votes for.
    pub memory_anchor: f64,
}

impl DynamicsSetup {
    /// Resources of a domain, in order.
    pub fn resources(&self, domain: usize) -> impl Iterator<Item = ResourceId> {
        let of = self.domain_of.iter().enumerate();
        of.filter(move |(_, of)| usize::from(**of) == domain).map(|(resource, _)| ResourceId(resource as u16))
    }

    /// How an executor's other times scale.
    #[must_use]
    pub fn executor(&self, id: ExecutorId) -> ExecutorScaling {
        self.executors[id.0 as usize]
    }

    /// All clocks at the reference.
    #[must_use]
    pub fn reference(&self) -> ClockRatios {
        ClockRatios::reference(self.domains.len())
    }
}

/// A part of the power of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerSource {
    /// What a core or device switches.
    Resource(ResourceId),
    /// What a cluster or device draws once anything in it is awake, and its leakage; by clock domain.
    Domain(u16),
    /// Main memory.
    Memory,
    /// Everything else.
    Base,
}
