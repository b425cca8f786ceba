//! The `[dynamics]` table of a scenario.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Rule};
use super::dynamics_thermal::TRIP;
use super::scenario_background::BackgroundSpec;
use super::scenario_file::duration;
use crate::diagnostics::{nearest, printable};
use crate::physics::dvfs::Governor;
use crate::units::{Celsius, Hertz, SimDuration, Watts};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDynamics {
    cpu_governor: Option<Spanned<String>>,
    device_governor: Option<Spanned<String>>,
    #[serde(default)]
    governor: Vec<RawGovernor>,
    memory_clock: Option<RawMemoryClock>,
    thermal: Option<RawThermalSpec>,
    barrier: Option<RawBarrier>,
    scheduler: Option<RawScheduler>,
    caches: Option<bool>,
    idle_states: Option<bool>,
    system_cache_share: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScheduler {
    latency: Option<Spanned<String>>,
    granularity: Option<Spanned<String>>,
    wakeup: Option<Spanned<String>>,
    tick: Option<Spanned<String>>,
    migration_cost: Option<Spanned<String>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawBarrier {
    Block,
    Spin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThermalSpec {
    ambient_celsius: Option<Spanned<f64>>,
    start_celsius: Option<Spanned<f64>>,
    governor: Option<Spanned<RawThermalGovernor>>,
    trip_celsius: Option<Spanned<f64>>,
    hysteresis_kelvin: Option<Spanned<f64>>,
    sustainable_mw: Option<Spanned<f64>>,
    switch_on_celsius: Option<Spanned<f64>>,
    control_celsius: Option<Spanned<f64>>,
    period: Option<Spanned<String>>,
    vendor_table: Option<bool>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawThermalGovernor {
    StepWise,
    PowerAllocator,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGovernor {
    of: Spanned<String>,
    name: Option<Spanned<String>>,
    mhz: Option<Spanned<f64>>,
    min_mhz: Option<Spanned<f64>>,
    max_mhz: Option<Spanned<f64>>,
    transition: Option<Spanned<String>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawMemoryClock {
    Votes,
    Fixed,
}

/// What changes during a run.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicsSpec {
    /// Id of the governor of every cluster that has none of its own.
    pub cpu_governor: String,
    /// Id of the governor of every device that has none of its own; `None` takes the one of its family.
    pub device_governor: Option<String>,
    /// Clusters and devices with settings of their own.
    pub governors: Vec<GovernorSpec>,
    /// Whether the clock of main memory follows the votes of its clients; else it stays at the highest vote.
    pub memory_follows_votes: bool,
    /// Heat; `None` leaves it out.
    pub thermal: Option<ThermalSpec>,
    /// Whether threads of a core set that wait for each other spin; else they sleep.
    pub spin: bool,
    /// Whether clients push each other out of shared caches.
    pub caches: bool,
    /// Share of the largest shared cache that camera, display and other parts leave, in [0, 1].
    pub system_cache_share: f64,
    /// Whether cores and devices without work sleep, and need time to wake.
    pub idle_states: bool,
    /// How the operating system shares cores.
    pub scheduler: SchedulerSpec,
    /// Competing work.
    pub background: Vec<BackgroundSpec>,
}

/// Settings of the fair scheduler; `None` takes the kernel's default for the number of cores.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SchedulerSpec {
    /// Span in which every thread shall run once.
    pub latency: Option<SimDuration>,
    /// Shortest slice.
    pub granularity: Option<SimDuration>,
    /// Lead that a woken thread needs to preempt.
    pub wakeup: Option<SimDuration>,
    /// Distance of the ticks at which threads are preempted.
    pub tick: Option<SimDuration>,
    /// Span after which a thread that waits may move to another core.
    pub migration_cost: Option<SimDuration>,
}

/// Heat of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThermalSpec {
    /// Temperature of the surroundings; `None` takes the device's.
    pub ambient: Option<Celsius>,
    /// Temperature of every node at the start; `None` is that of the surroundings.
    pub start: Option<Celsius>,
    /// The kernel's governor of the die.
    pub governor: Option<ThermalGovernor>,
    /// How often it reads the die; `None` takes the default.
    pub period: Option<SimDuration>,
    /// Whether the vendor's table of the device acts.
    pub vendor_table: bool,
}

/// The kernel's thermal governor, over all clusters and devices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ThermalGovernor {
    /// One step slower at each reading above the trip.
    StepWise {
        /// Trip.
        trip: Celsius,
        /// Hysteresis in kelvin.
        hysteresis: f64,
    },
    /// A controlled power budget.
    PowerAllocator {
        /// Power that can be dissipated for ever.
        sustainable: Watts,
        /// Temperature below which nothing is limited.
        switch_on: Celsius,
        /// Temperature to hold.
        control: Celsius,
    },
}

/// Settings of one clock domain.
#[derive(Debug, Clone, PartialEq)]
pub struct GovernorSpec {
    /// Cluster or device.
    pub of: String,
    /// Governor; `None` takes the default.
    pub name: Option<String>,
    /// Clock of `userspace`.
    pub clock: Option<Hertz>,
    /// Slowest clock allowed.
    pub lowest: Option<Hertz>,
    /// Fastest clock allowed.
    pub highest: Option<Hertz>,
    /// Time that a change takes; `None` takes the default.
    pub transition: Option<SimDuration>,
}

impl Default for DynamicsSpec {
    fn default() -> Self {
        Self {
            cpu_governor: "schedutil".to_owned(),
            device_governor: None,
            governors: Vec::new(),
            memory_follows_votes: true,
            thermal: None,
            spin: false,
            caches: false,
            system_cache_share: 1.0,
            idle_states: false,
            scheduler: SchedulerSpec::default(),
            background: Vec::new(),
        }
    }
}

/// Checks the table.
pub(super) fn dynamics(check: &mut Checker<'_>, raw: &RawDynamics) -> DynamicsSpec {
    check.unique("governor", raw.governor.iter().map(|governor| &governor.of));
    let cpu_governor = raw.cpu_governor.as_ref().map(|id| governor_id(check, id));
    let device_governor = raw.device_governor.as_ref().map(|id| governor_id(check, id));
    for (key, id) in [("cpu_governor", &raw.cpu_governor), ("device_governor", &raw.device_governor)] {
        if let Some(id) = id.as_ref().filter(|id| id.get_ref() == "userspace") {
            let help = "name it in [[dynamics.governor]] with `of` and `mhz`";
            check.error(
                "scenario::dynamics",
                &id.span(),
                format!("{key} = \"userspace\" has no clock"),
                help,
            );
        }
    }
    let governors = raw.governor.iter().map(|governor| own(check, governor)).collect();
    DynamicsSpec {
        cpu_governor: cpu_governor.unwrap_or_else(|| "schedutil".to_owned()),
        device_governor,
        governors,
        memory_follows_votes: raw.memory_clock != Some(RawMemoryClock::Fixed),
        thermal: raw.thermal.as_ref().map(|raw| thermal(check, raw)),
        spin: raw.barrier == Some(RawBarrier::Spin),
        caches: raw.caches == Some(true),
        system_cache_share: raw
            .system_cache_share
            .as_ref()
            .map_or(1.0, |share| cache_share(check, raw, share)),
        idle_states: raw.idle_states == Some(true),
        scheduler: raw.scheduler.as_ref().map_or_else(SchedulerSpec::default, |raw| scheduler(check, raw)),
        background: Vec::new(),
    }
}

fn own(check: &mut Checker<'_>, raw: &RawGovernor) -> GovernorSpec {
    let mut clock = |value: &Option<Spanned<f64>>, key| {
        let value = value.as_ref()?;
        let rule = Rule::positive(key).plausible(1.0, 10_000.0);
        Some(Hertz(check.value(*value.get_ref(), &value.span(), rule) * 1e6))
    };
    let (mhz, lowest, highest) =
        (clock(&raw.mhz, "mhz"), clock(&raw.min_mhz, "min_mhz"), clock(&raw.max_mhz, "max_mhz"));
    if let (Some(low), Some(high), Some(place)) = (lowest, highest, &raw.min_mhz)
        && low.0 > high.0
    {
        let message = format!("min_mhz = {} exceeds max_mhz = {}", low.0 / 1e6, high.0 / 1e6);
        check.error("scenario::dynamics", &place.span(), message, "exchange the two");
    }
    let name = raw.name.as_ref().map(|id| governor_id(check, id));
    let fixed = name.as_deref() == Some("userspace");
    if fixed != mhz.is_some() {
        let message = if fixed {
            "`userspace` needs the clock that it sets"
        } else {
            "mhz is the clock of `userspace`"
        };
        let place = raw.mhz.as_ref().map_or(raw.of.span(), Spanned::span);
        check.error("scenario::dynamics", &place, message, "write name = \"userspace\", mhz = ...");
    }
    GovernorSpec {
        of: raw.of.get_ref().clone(),
        name,
        clock: mhz,
        lowest,
        highest,
        transition: raw.transition.as_ref().map(|text| duration(check, text, "transition")),
    }
}

fn cache_share(check: &mut Checker<'_>, raw: &RawDynamics, share: &Spanned<f64>) -> f64 {
    if raw.caches != Some(true) {
        let message = "system_cache_share says nothing without caches";
        check.error("scenario::dynamics", &share.span(), message, "add caches = true");
    }
    check.value(*share.get_ref(), &share.span(), Rule::within("system_cache_share", 0.0, 1.0))
}

fn scheduler(check: &mut Checker<'_>, raw: &RawScheduler) -> SchedulerSpec {
    let mut span = |text: &Option<Spanned<String>>, key| {
        let text = text.as_ref()?;
        let span = duration(check, text, key);
        if span < SimDuration(1_000_000) {
            check.error("scenario::dynamics", &text.span(), format!("{key} is below 1 us"), "write \"4ms\"");
        }
        Some(span)
    };
    SchedulerSpec {
        latency: span(&raw.latency, "latency"),
        granularity: span(&raw.granularity, "granularity"),
        wakeup: span(&raw.wakeup, "wakeup"),
        tick: span(&raw.tick, "tick"),
        migration_cost: span(&raw.migration_cost, "migration_cost"),
    }
}

fn thermal(check: &mut Checker<'_>, raw: &RawThermalSpec) -> ThermalSpec {
    let kind = raw.governor.as_ref().map_or(RawThermalGovernor::StepWise, |kind| *kind.get_ref());
    let (step_wise, allocator) =
        (kind == RawThermalGovernor::StepWise, kind == RawThermalGovernor::PowerAllocator);
    // Keys that a governor does not read are errors, like unknown ones.
    for (key, value, read) in [
        ("trip_celsius", &raw.trip_celsius, step_wise),
        ("hysteresis_kelvin", &raw.hysteresis_kelvin, step_wise),
        ("sustainable_mw", &raw.sustainable_mw, allocator),
        ("switch_on_celsius", &raw.switch_on_celsius, allocator),
        ("control_celsius", &raw.control_celsius, allocator),
    ] {
        if let Some(value) = value.as_ref().filter(|_| !read) {
            let message = format!("this thermal governor does not read `{key}`");
            check.error("scenario::dynamics", &value.span(), message, format!("remove {key}"));
        }
    }
    let mut celsius = |value: &Option<Spanned<f64>>, key| {
        let value = value.as_ref()?;
        let rule = Rule::within(key, -50.0, 150.0).plausible(-20.0, 110.0);
        Some(Celsius(check.value(*value.get_ref(), &value.span(), rule)))
    };
    let (ambient, start) =
        (celsius(&raw.ambient_celsius, "ambient_celsius"), celsius(&raw.start_celsius, "start_celsius"));
    let trip = celsius(&raw.trip_celsius, "trip_celsius").unwrap_or(TRIP);
    let switch_on = celsius(&raw.switch_on_celsius, "switch_on_celsius");
    let control = celsius(&raw.control_celsius, "control_celsius");
    let mut number = |value: &Option<Spanned<f64>>, rule| {
        let value = value.as_ref()?;
        Some(check.value(*value.get_ref(), &value.span(), rule))
    };
    let hysteresis = number(&raw.hysteresis_kelvin, Rule::within("hysteresis_kelvin", 0.0, 50.0));
    let sustainable =
        number(&raw.sustainable_mw, Rule::positive("sustainable_mw").plausible(100.0, 100_000.0));
    let governor = match kind {
        RawThermalGovernor::StepWise => {
            Some(ThermalGovernor::StepWise { trip, hysteresis: hysteresis.unwrap_or(2.0) })
        }
        RawThermalGovernor::PowerAllocator => match (sustainable, switch_on, control) {
            (Some(mw), Some(switch_on), Some(control)) if control.0 > switch_on.0 => {
                Some(ThermalGovernor::PowerAllocator { sustainable: Watts(mw * 1e-3), switch_on, control })
            }
            _ => {
                let span = raw.governor.as_ref().map_or(0..0, Spanned::span);
                let message =
                    "power-allocator needs sustainable_mw, and switch_on_celsius below control_celsius";
                check.error("scenario::dynamics", &span, message, "give all three");
                None
            }
        },
        RawThermalGovernor::None => None,
    };
    let period = raw.period.as_ref().map(|text| {
        let period = duration(check, text, "period");
        if period == SimDuration::ZERO {
            check.error(
                "scenario::dynamics",
                &text.span(),
                "a sensor cannot be read all the time",
                "give a period",
            );
        }
        period
    });
    ThermalSpec { ambient, start, governor, period, vendor_table: raw.vendor_table.unwrap_or(true) }
}

fn governor_id(check: &mut Checker<'_>, id: &Spanned<String>) -> String {
    let text = id.get_ref();
    if !Governor::IDS.contains(&text.as_str()) {
        let help = match nearest(text, Governor::IDS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? known: {}", Governor::IDS.join(", ")),
            None => format!("known: {}", Governor::IDS.join(", ")),
        };
        check.error(
            "config::unknown-value",
            &id.span(),
            format!("there is no governor `{}`", printable(text)),
            help,
        );
    }
    text.clone()
}
