//! The `[dynamics]` table of a scenario.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Rule};
use super::scenario_file::duration;
use crate::diagnostics::{nearest, printable};
use crate::physics::dvfs::Governor;
use crate::units::{Celsius, Hertz, SimDuration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDynamics {
    cpu_governor: Option<Spanned<String>>,
    device_governor: Option<Spanned<String>>,
    #[serde(default)]
    governor: Vec<RawGovernor>,
    memory_clock: Option<RawMemoryClock>,
    thermal: Option<RawThermalSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThermalSpec {
    ambient_celsius: Option<Spanned<f64>>,
    start_celsius: Option<Spanned<f64>>,
    throttling: Option<bool>,
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
}

/// Heat of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThermalSpec {
    /// Temperature of the surroundings.
    pub ambient: Celsius,
    /// Temperature of every node at the start; `None` is that of the surroundings.
    pub start: Option<Celsius>,
    /// Whether the rules of the device act.
    pub throttling: bool,
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
        thermal: raw.thermal.as_ref().map(|raw| {
            let mut celsius = |value: &Option<Spanned<f64>>, key| {
                let value = value.as_ref()?;
                let rule = Rule::within(key, -50.0, 120.0).plausible(-20.0, 60.0);
                Some(Celsius(check.value(*value.get_ref(), &value.span(), rule)))
            };
            ThermalSpec {
                ambient: celsius(&raw.ambient_celsius, "ambient_celsius").unwrap_or(Celsius(25.0)),
                start: celsius(&raw.start_celsius, "start_celsius"),
                throttling: raw.throttling.unwrap_or(true),
            }
        }),
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
