//! SoC and device files as written, before any check.

use serde::Deserialize;
use toml::Spanned;

use super::check::Number;
use super::device_thermal::RawThermal;
use super::soc_idle::{RawDeviceIdle, RawIdleState, RawSharedIdle};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSoc {
    pub(super) schema: Spanned<i64>,
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    #[expect(dead_code, reason = "resolved before the document is read")]
    pub(super) extends: Option<String>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
    pub(super) memory: RawMemory,
    pub(super) cluster: Vec<RawCluster>,
    #[serde(default)]
    pub(super) device: Vec<RawAccelerator>,
    #[serde(default)]
    pub(super) cache: Vec<RawSharedCache>,
    #[serde(default)]
    pub(super) idle_state: Vec<RawSharedIdle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMemory {
    pub(super) title: String,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
    pub(super) peak_gb_per_s: Number,
    pub(super) achievable_gb_per_s: Number,
    pub(super) clocks: RawClocks,
    #[serde(default)]
    pub(super) vote: Vec<RawVote>,
    pub(super) interference: Option<Number>,
    #[serde(default)]
    pub(super) slowdown: Vec<super::soc_slowdown::RawSlowdown>,
    pub(super) dram_pj_per_byte: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClocks {
    pub(super) mhz: Spanned<Vec<Spanned<f64>>>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVote {
    pub(super) of: Spanned<String>,
    pub(super) at_mhz: Spanned<Vec<Spanned<f64>>>,
    pub(super) memory_mhz: Vec<Spanned<f64>>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRates {
    pub(super) fp32: Option<Number>,
    pub(super) fp16: Option<Number>,
    pub(super) int8: Option<Number>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOpps {
    pub(super) mhz: Spanned<Vec<Spanned<f64>>>,
    pub(super) volt: Spanned<Vec<Spanned<f64>>>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
    pub(super) volt_source: Option<Spanned<String>>,
    pub(super) volt_confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPower {
    pub(super) dynamic_uw_per_mhz_v2: Number,
    pub(super) awake_mw: Number,
    pub(super) idle_mw: Number,
    pub(super) blocked_activity: Number,
    pub(super) busy_activity: Option<Number>,
    pub(super) leakage_mw: Option<Number>,
    pub(super) leakage_per_k: Option<Number>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrivateCache {
    pub(super) size_kib: Number,
    pub(super) bytes_per_cycle: Number,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCluster {
    pub(super) id: Spanned<String>,
    pub(super) core_kind: Spanned<String>,
    pub(super) core_type: String,
    pub(super) cores: Spanned<i64>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
    pub(super) ops_per_cycle: RawRates,
    pub(super) opps: RawOpps,
    #[serde(default)]
    pub(super) private_cache: Vec<RawPrivateCache>,
    pub(super) core_gb_per_s: Number,
    pub(super) cluster_gb_per_s: Number,
    pub(super) power: RawPower,
    #[serde(default)]
    pub(super) idle_state: Vec<RawIdleState>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccelerator {
    pub(super) id: Spanned<String>,
    pub(super) kind: Spanned<String>,
    pub(super) title: String,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
    pub(super) ops_per_cycle: RawRates,
    pub(super) opps: RawOpps,
    #[serde(default)]
    pub(super) private_cache: Vec<RawPrivateCache>,
    pub(super) max_gb_per_s: Number,
    pub(super) compute_units: Number,
    pub(super) wave_width: Number,
    pub(super) max_workgroup: Number,
    pub(super) power: RawPower,
    #[serde(default)]
    pub(super) idle_state: Vec<RawDeviceIdle>,
    pub(super) cpu_exit_limit_us: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSharedCache {
    pub(super) id: Spanned<String>,
    pub(super) size_kib: Number,
    pub(super) max_gb_per_s: Number,
    pub(super) user: Vec<RawCacheUser>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCacheUser {
    pub(super) of: Spanned<String>,
    pub(super) most_kib: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDevice {
    pub(super) schema: Spanned<i64>,
    pub(super) id: Spanned<String>,
    pub(super) title: String,
    pub(super) soc: Spanned<String>,
    #[expect(dead_code, reason = "resolved before the document is read")]
    pub(super) extends: Option<String>,
    pub(super) source: Option<Spanned<String>>,
    pub(super) confidence: Option<Spanned<String>>,
    pub(super) base_power_mw: Number,
    pub(super) thermal: Option<RawThermal>,
}
