//! The silicon: clusters of cores, accelerators, caches and memory of one SoC.

use std::collections::BTreeMap;

use super::idle::{IdleStateProfile, SharedIdleState};
use super::platform::ProcessorKind;
use super::quantity::{Precision, Provenance, Quantity};
use super::thermal::ThermalBody;
use crate::units::{Bytes, BytesPerSec, Celsius, Hertz, SimDuration, Watts};

/// A system-on-chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Soc {
    /// Kebab-case name, e.g. `snapdragon-855`.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// CPU clusters, in the order in which the operating system numbers their cores.
    pub clusters: Vec<Cluster>,
    /// GPU, DSP and NPU.
    pub devices: Vec<Accelerator>,
    /// Caches shared by several processors.
    pub caches: Vec<SharedCache>,
    /// Idle states of several clusters together.
    pub idle_states: Vec<SharedIdleState>,
    /// Main memory.
    pub memory: Memory,
}

/// CPU cores that share a clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Name within the SoC, e.g. `gold`.
    pub id: String,
    /// The word by which core sets name these cores (`large`, `med`, `small`); clusters may share one.
    pub core_kind: String,
    /// Micro-architecture, e.g. `Cortex-A76`.
    pub core_type: String,
    /// Number of cores, at least 1.
    pub cores: u32,
    /// Arithmetic operations (a multiply-accumulate counts two) per core and cycle at peak.
    pub ops_per_cycle: BTreeMap<Precision, Quantity>,
    /// Clock steps with their voltages.
    pub opps: OppTable,
    /// Level 1 data cache and level 2 cache of one core, nearest first.
    pub private_caches: Vec<PrivateCache>,
    /// Largest rate at which one core can stream from beyond its private caches.
    pub core_bandwidth: Quantity<BytesPerSec>,
    /// Largest rate at which all cores of the cluster together can.
    pub cluster_bandwidth: Quantity<BytesPerSec>,
    /// Power of its cores.
    pub power: PowerModel,
    /// Idle states of one core, shallow to deep; a core that waits for interrupts without any is not among them.
    pub idle_states: Vec<IdleStateProfile>,
}

/// A cache of one core.
#[derive(Debug, Clone, PartialEq)]
pub struct PrivateCache {
    /// Size.
    pub size: Quantity<Bytes>,
    /// Bytes that the core can load from it per cycle.
    pub bytes_per_cycle: Quantity,
}

/// A GPU, DSP or NPU with one queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Accelerator {
    /// Name within the SoC and of its executor, e.g. `gpu`.
    pub id: String,
    /// Its class.
    pub kind: ProcessorKind,
    /// Name for people, e.g. `Adreno 640`.
    pub title: String,
    /// Arithmetic operations per cycle of the whole device at peak.
    pub ops_per_cycle: BTreeMap<Precision, Quantity>,
    /// Clock steps with their voltages.
    pub opps: OppTable,
    /// Caches of its own, nearest first; the rate is for the whole device.
    pub private_caches: Vec<PrivateCache>,
    /// Largest rate at which it streams from beyond its own caches.
    pub bandwidth: Quantity<BytesPerSec>,
    /// Shader cores or the like that work-groups are spread over, at least 1.
    pub compute_units: Quantity,
    /// Work items that execute in lockstep, at least 1.
    pub wave_width: Quantity,
    /// Largest work-group in work items.
    pub max_workgroup: Quantity,
    /// Power of the device.
    pub power: PowerModel,
    /// Its idle states, in the order in which its driver enters them.
    pub idle_states: Vec<IdleStateProfile>,
    /// Longest exit latency that its driver lets cores have while the device is awake (PM QoS); `None`: any.
    pub cpu_exit_limit: Option<Quantity<SimDuration>>,
}

/// Operating performance points, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct OppTable {
    /// The points, at least one, ascending clocks without repetition.
    pub points: Vec<Opp>,
    /// Where the clocks come from.
    pub clocks: Provenance,
    /// Where the voltages come from.
    pub voltages: Provenance,
}

/// One operating performance point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opp {
    /// Clock.
    pub clock: Hertz,
    /// Supply voltage in volts.
    pub voltage: f64,
}

impl OppTable {
    /// The fastest point.
    #[must_use]
    pub fn highest(&self) -> Opp {
        self.points.last().copied().unwrap_or(Opp { clock: Hertz(0.0), voltage: 0.0 })
    }

    /// The slowest point at or above `clock`, or the fastest one.
    #[must_use]
    pub fn at_least(&self, clock: Hertz) -> Opp {
        // Half a kilohertz of slack: tables print clocks rounded to 0.1 MHz or 1 kHz.
        self.points.iter().copied().find(|opp| opp.clock.0 + 500.0 >= clock.0).unwrap_or(self.highest())
    }
}

/// Power of one core or device: `P = static + C f V^2 x activity`.
///
/// The form and the coefficients of CPU clusters follow fits to the freqbench measurements (one active core,
/// idle base subtracted; mean error 2 to 7 % on Snapdragon 855 and 865).
#[derive(Debug, Clone, PartialEq)]
pub struct PowerModel {
    /// `C` of one core (or the whole device) in W / (Hz V^2).
    pub dynamic: Quantity,
    /// Power of the cluster or device once anything in it is awake.
    pub awake: Quantity<Watts>,
    /// Power of one core (or the device) with nothing to do.
    pub idle: Quantity<Watts>,
    /// Activity in [0, 1] while work that it holds waits: 1 when threads spin, 0 when they sleep.
    pub blocked_activity: Quantity,
    /// Switching activity while it runs inference kernels, relative to the load that `dynamic` was fitted on; above 1
    /// where dense vector arithmetic switches more than that load.
    pub busy_activity: Quantity,
    /// Leakage at [`PowerModel::LEAKAGE_REFERENCE`], contained in `awake`.
    pub leakage: Quantity<Watts>,
    /// Relative growth of the leakage per kelvin.
    pub leakage_per_kelvin: Quantity,
}

impl PowerModel {
    /// Die temperature at which `awake` is taken to have been measured: a phone in a room with one busy core.
    pub const LEAKAGE_REFERENCE: Celsius = Celsius(35.0);

    /// Power of one core at `opp` with the given `activity` (at least 0), carrying `awake_share` of the
    /// cluster's awake power (1 / cores until the cluster's sleep states are simulated).
    #[must_use]
    pub fn at(&self, opp: Opp, activity: f64, awake_share: f64) -> Watts {
        let dynamic = self.dynamic.value * opp.clock.0 * opp.voltage * opp.voltage * activity;
        Watts((self.awake.value.0 * awake_share + dynamic).max(self.idle.value.0))
    }
}

/// A cache that several processors share.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedCache {
    /// Name within the SoC, e.g. `l3`.
    pub id: String,
    /// Size.
    pub size: Quantity<Bytes>,
    /// Largest rate that it delivers to all its users together.
    pub bandwidth: Quantity<BytesPerSec>,
    /// Ids of the clusters and devices that use it, each with the most that it may occupy.
    pub users: Vec<(String, Quantity<Bytes>)>,
}

/// Main memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Technology, e.g. `LPDDR4X`.
    pub title: String,
    /// Rate of the interface at the highest clock.
    pub peak: Quantity<BytesPerSec>,
    /// Rate that has been seen to arrive, at the highest clock; at most `peak`.
    pub achievable: Quantity<BytesPerSec>,
    /// Clock steps, ascending; the rate is proportional to the clock.
    pub clocks: Vec<Hertz>,
    /// Where the clocks come from.
    pub clock_provenance: Provenance,
    /// Memory clocks that processors ask for at their own clocks.
    pub votes: Vec<Vote>,
    /// Loss of rate for every further client, where it is known: its clients then share in proportion to their demands
    /// instead of fairly. Part of the dynamics of a run.
    pub interference: Option<Quantity>,
    /// Processors whose slow-down beside others is known in three regions. Part of the dynamics of a run.
    pub slowdowns: Vec<Slowdown>,
    /// Energy per byte moved, in joules.
    pub joules_per_byte: Quantity,
}

impl Memory {
    /// Achievable rate at a memory clock: proportional to the clock, as the interface is.
    #[must_use]
    pub fn bandwidth(&self, clock: Hertz) -> BytesPerSec {
        let highest = self.clocks.last().map_or(clock.0, |c| c.0);
        BytesPerSec(self.achievable.value.0 * if highest > 0.0 { clock.0 / highest } else { 1.0 })
    }
}

/// How much of its speed one cluster or device loses to the memory traffic of others, in three regions of its own demand
/// (`physics::three_regions` has the equations). The published names stand in brackets.
#[derive(Debug, Clone, PartialEq)]
pub struct Slowdown {
    /// Id of the cluster or device.
    pub of: String,
    /// Own demand from which the normal region begins.
    pub normal_from: Quantity<BytesPerSec>,
    /// Own demand from which the intensive region begins, and its loss per byte per second (rateI); `None`: no such region.
    pub intensive: Option<(Quantity<BytesPerSec>, Quantity)>,
    /// Largest loss in the minor region, in [0, 1) (MRMC).
    pub minor_loss: Quantity,
    /// Loss per byte per second in the normal region (rateN).
    pub normal_rate: Quantity,
    /// Total demand that costs nothing (TBWDC).
    pub onset: Quantity<BytesPerSec>,
    /// Total demand beyond which the loss stays (CBP), at least `onset`.
    pub balance: Quantity<BytesPerSec>,
}

/// The memory clock that one cluster or device asks for, by its own clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    /// Id of the cluster or device.
    pub of: String,
    /// (own clock, memory clock), ascending in the first.
    pub steps: Vec<(Hertz, Hertz)>,
    /// Where the table comes from.
    pub provenance: Provenance,
}

impl Vote {
    /// The memory clock asked for at the processor's own `clock`.
    #[must_use]
    pub fn memory_clock(&self, clock: Hertz) -> Option<Hertz> {
        let step = self.steps.iter().find(|(own, _)| own.0 + 500.0 >= clock.0).or(self.steps.last())?;
        Some(step.1)
    }
}

/// The body around the silicon.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Kebab-case name, e.g. `xiaomi-9`.
    pub id: String,
    /// Id of its SoC.
    pub soc: String,
    /// Name for people.
    pub title: String,
    /// Power of everything that is not a processor or memory traffic: display, radios, regulators.
    pub base_power: Quantity<Watts>,
    /// Its thermal side, if known.
    pub thermal: Option<ThermalBody>,
}
