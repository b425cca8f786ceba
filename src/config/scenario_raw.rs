//! The scenario file as written, before any check.

use super::scenario_background::RawBackground;
use super::scenario_dynamics::RawDynamics;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use toml::Spanned;

use super::scenario_draws::RawCpuTime;
use super::scenario_stages::{RawColdStart, RawGenerate, RawStage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) schema: Spanned<i64>,
    pub(super) scenario: RawScenario,
    pub(super) device: Option<Spanned<String>>,
    pub(super) soc: Option<Spanned<String>>,
    pub(super) runtime: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) executors: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) clock: Vec<RawClock>,
    pub(super) stream: Spanned<Vec<RawStream>>,
    pub(super) strategy: RawStrategy,
    pub(super) network: Option<RawNetwork>,
    pub(super) transfer_start: Option<RawTransferStart>,
    pub(super) noise: Option<bool>,
    pub(super) dynamics: Option<Spanned<RawDynamics>>,
    #[serde(default)]
    pub(super) background: Vec<RawBackground>,
    pub(super) condition: Option<Spanned<String>>,
    pub(super) predictor: Option<RawPredictor>,
    #[serde(default)]
    pub(super) stop: RawStop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPredictor {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) parameters: std::collections::BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    pub(super) of: Spanned<String>,
    pub(super) mhz: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStream {
    pub(super) name: Option<Spanned<String>>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) dag: Option<Spanned<String>>,
    pub(super) arrivals: Spanned<RawArrivals>,
    #[serde(default)]
    pub(super) queue: RawQueue,
    pub(super) max_in_flight: Option<Spanned<i64>>,
    pub(super) cpu_time: Option<Spanned<RawCpuTime>>,
    pub(super) on: Option<Spanned<String>>,
    pub(super) generate: Option<Spanned<RawGenerate>>,
    pub(super) deadline: Option<Spanned<String>>,
    pub(super) priority: Option<Spanned<i64>>,
    pub(super) cold_start: Option<Spanned<RawColdStart>>,
    #[serde(default)]
    pub(super) stage: Vec<RawStage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArrivals {
    pub(super) kind: RawArrivalKind,
    pub(super) period: Option<Spanned<String>>,
    pub(super) rate_per_second: Option<Spanned<f64>>,
    pub(super) count: Option<Spanned<i64>>,
    pub(super) times_ms: Option<Spanned<Vec<Spanned<f64>>>>,
    pub(super) file: Option<Spanned<String>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawArrivalKind {
    Single,
    BackToBack,
    Periodic,
    Poisson,
    Trace,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQueue {
    pub(super) depth: Option<Spanned<i64>>,
    pub(super) policy: Option<Spanned<RawPolicy>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawPolicy {
    Block,
    DropOldest,
    DropNewest,
    LatestOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStrategy {
    pub(super) name: Spanned<String>,
    pub(super) granularity: Option<RawGranularity>,
    #[serde(default)]
    pub(super) parameters: std::collections::BTreeMap<String, Value>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawGranularity {
    Task,
    #[serde(rename = "sub-graph")]
    Subgraph,
    Operator,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) kind: RawNetworkKind,
    pub(super) bus_gb_per_s: Option<Spanned<f64>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawNetworkKind {
    ContentionFree,
    SharedBus,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawTransferStart {
    Assignment,
    ProducerFinish,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStop {
    pub(super) requests: Option<Spanned<i64>>,
    pub(super) warmup: Option<Spanned<i64>>,
    pub(super) until: Option<Spanned<String>>,
}

/// A strategy parameter: flag, number or text.
pub(super) struct Value(pub(super) String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = String;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a flag, a number or a text")
            }
            fn visit_bool<E>(self, value: bool) -> Result<String, E> {
                Ok(value.to_string())
            }
            fn visit_i64<E>(self, value: i64) -> Result<String, E> {
                Ok(value.to_string())
            }
            fn visit_f64<E>(self, value: f64) -> Result<String, E> {
                Ok(value.to_string())
            }
            fn visit_str<E>(self, value: &str) -> Result<String, E> {
                Ok(value.to_owned())
            }
        }
        deserializer.deserialize_any(Scalar).map(Self)
    }
}
