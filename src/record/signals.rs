//! Clocks, temperatures and powers over a run, and their summary.

use super::labels::RunLabels;
use crate::engine::Integral;
use crate::simulation::dynamics::PowerSource;
use crate::simulation::observer::Observer;
use crate::simulation::{CacheOutcome, DynamicsOutcome};
use crate::units::{Celsius, Hertz, SimTime};
use serde::Serialize;

/// A quantity that changes in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Clock of a domain in MHz.
    Clock(u16),
    /// Temperature of a thermal node in degrees Celsius.
    Temperature(u16),
    /// Power of a part of the hardware in W.
    Power(PowerSource),
    /// Missed refreshes of a render load, counted.
    Missed(u16),
    /// KiB of a shared cache that a client holds; streams first, then competing work.
    Cache(u16, u16),
}

/// A signal from a time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignalSample {
    /// From when.
    pub time: SimTime,
    /// What.
    pub signal: Signal,
    /// Its value.
    pub value: f64,
}

impl Signal {
    /// Name and unit for people.
    #[must_use]
    pub fn name(&self, labels: &RunLabels) -> (String, &'static str) {
        let of = |names: &[String], number: u16| {
            names.get(usize::from(number)).cloned().unwrap_or_else(|| format!("{number}"))
        };
        match self {
            Self::Clock(domain) => (format!("clock of {}", of(&labels.domains, *domain)), "MHz"),
            Self::Temperature(node) => (format!("temperature of {}", of(&labels.nodes, *node)), "degC"),
            Self::Power(PowerSource::Resource(resource)) => {
                let name = labels.resources.get(usize::from(resource.0)).map_or("?", |r| r.name.as_str());
                (format!("power of {name}"), "W")
            }
            Self::Power(PowerSource::Domain(domain)) => {
                (format!("power of {}, shared", of(&labels.domains, *domain)), "W")
            }
            Self::Power(PowerSource::Memory) => ("power of memory".to_owned(), "W"),
            Self::Power(PowerSource::Base) => ("power of the rest".to_owned(), "W"),
            Self::Cache(cache, client) => {
                (format!("{} held by {}", of(&labels.caches, *cache), labels.client(*client)), "KiB")
            }
            Self::Missed(source) => {
                (format!("missed refreshes of {}", of(&labels.background, *source)), "frames")
            }
        }
    }
}

/// What the dynamics of a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DynamicsSummary {
    /// Clocks of clusters and devices.
    pub clocks: Vec<ClockSummary>,
    /// Temperatures; empty without heat.
    pub temperatures: Vec<TemperatureSummary>,
    /// Competing work.
    pub background: Vec<BackgroundSummary>,
    /// Where the bytes of operators came from; without simulated caches nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caches: Option<CacheSummary>,
    /// Energy charged to units while they held cores and devices, in mJ; the rest was idle, shared or competing.
    pub charged_energy_mj: f64,
    /// What clusters and devices draw once awake, and their leakage, in mJ.
    pub shared_energy_mj: f64,
}

/// A clock domain over a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClockSummary {
    pub name: String,
    pub mean_mhz: f64,
    pub least_mhz: f64,
    pub most_mhz: f64,
    pub changes: u64,
}

/// A thermal node over a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TemperatureSummary {
    pub name: String,
    pub highest_read_celsius: f64,
    pub end_celsius: f64,
}

/// A source of competing work over a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BackgroundSummary {
    pub name: String,
    pub busy_ms: f64,
    /// Bursts or frames.
    pub completed: u64,
    /// Refreshes of the display without a new frame.
    pub missed: u64,
    /// Whether it draws for a display.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub draws: bool,
    pub bytes: f64,
}

/// Shared caches over a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CacheSummary {
    /// Hit rates of each resource that touched memory; what a set of cores does counts for its first core.
    pub resources: Vec<HitRates>,
    /// Bytes from main memory that shared caches would have served without competition.
    pub extra_bytes: f64,
}

/// Where the bytes of one resource came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HitRates {
    /// The resource.
    pub name: String,
    /// Bytes that it touched.
    pub bytes: f64,
    /// Level (`private`, the shared caches, `memory`) and its share of the bytes; they add up to 1.
    pub shares: Vec<(String, f64)>,
}

fn hit_rates(labels: &RunLabels, outcome: &CacheOutcome) -> CacheSummary {
    let names = std::iter::once("private").chain(labels.caches.iter().map(String::as_str)).chain(["memory"]);
    let names: Vec<&str> = names.collect();
    let of = |(resource, bytes): (&super::labels::ResourceLabel, &Vec<f64>)| {
        let total: f64 = bytes.iter().sum();
        let share = |(name, bytes): (&&str, &f64)| ((*name).to_owned(), bytes / total);
        (total > 0.0).then(|| HitRates {
            name: resource.name.clone(),
            bytes: total,
            shares: names.iter().zip(bytes).map(share).collect(),
        })
    };
    CacheSummary {
        resources: labels.resources.iter().zip(&outcome.bytes).filter_map(of).collect(),
        extra_bytes: outcome.extra_bytes,
    }
}

/// An observer that keeps means and extremes of clocks and temperatures.
#[derive(Debug, Clone, Default)]
pub struct DynamicsWatch {
    clocks: Vec<Option<Watched>>,
    highest: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Watched {
    mean: Integral,
    least: f64,
    most: f64,
    changes: u64,
}

impl DynamicsWatch {
    /// The summary of a run that came to `outcome`.
    #[must_use]
    pub fn summary(&self, labels: &RunLabels, outcome: &DynamicsOutcome, end: SimTime) -> DynamicsSummary {
        let seconds = end.seconds();
        let clocks = labels.domains.iter().zip(&self.clocks).filter_map(|(name, clock)| {
            let clock = clock.as_ref()?;
            let mean = if seconds > 0.0 { clock.mean.until(end) / seconds } else { clock.mean.value() };
            Some(ClockSummary {
                name: name.clone(),
                mean_mhz: mean,
                least_mhz: clock.least,
                most_mhz: clock.most,
                changes: clock.changes,
            })
        });
        let temperatures = labels.nodes.iter().zip(&outcome.temperatures).enumerate();
        DynamicsSummary {
            clocks: clocks.collect(),
            temperatures: temperatures
                .map(|(node, (name, end))| TemperatureSummary {
                    name: name.clone(),
                    highest_read_celsius: self.highest.get(node).copied().unwrap_or(end.0),
                    end_celsius: end.0,
                })
                .collect(),
            background: outcome
                .background
                .iter()
                .map(|source| BackgroundSummary {
                    name: source.name.clone(),
                    busy_ms: source.busy.millis(),
                    completed: source.completed,
                    missed: source.missed,
                    draws: source.draws,
                    bytes: source.bytes,
                })
                .collect(),
            caches: outcome.caches.as_ref().map(|caches| hit_rates(labels, caches)),
            charged_energy_mj: outcome.charged_joules * 1e3,
            shared_energy_mj: outcome.energy.domains.iter().sum::<f64>() * 1e3,
        }
    }
}

impl Observer for DynamicsWatch {
    fn frequency(&mut self, now: SimTime, domain: u16, clock: Hertz) {
        let (at, mhz) = (usize::from(domain), clock.0 / 1e6);
        if at >= self.clocks.len() {
            self.clocks.resize(at + 1, None);
        }
        match &mut self.clocks[at] {
            Some(known) => {
                known.mean.set(now, mhz);
                known.least = known.least.min(mhz);
                known.most = known.most.max(mhz);
                known.changes += 1;
            }
            slot => {
                let mean = Integral::new(now, mhz);
                *slot = Some(Watched { mean, least: mhz, most: mhz, changes: 0 });
            }
        }
    }

    fn temperature(&mut self, _now: SimTime, node: u16, temperature: Celsius) {
        let at = usize::from(node);
        if at >= self.highest.len() {
            self.highest.resize(at + 1, f64::NEG_INFINITY);
        }
        self.highest[at] = self.highest[at].max(temperature.0);
    }
}
