//! The answer of one run, as it is printed and written to JSON. Units are in the key names.

use std::collections::BTreeMap;

use serde::Serialize;

/// Version of the JSON layout of [`RunSummary`]; raised when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// The answer of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// The scenario's name.
    pub scenario: String,
    /// The SoC's name.
    pub soc: String,
    /// What was run; filled in by who knows.
    pub setup: Option<RunSetup>,
    /// What changed during the run; absent when nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamics: Option<super::signals::DynamicsSummary>,
    /// The seed.
    pub seed: u64,
    /// FNV-1a 64 of each input in hexadecimal, by the input's role (`scenario`, `model ...`, `soc`, ...): of the bytes of models
    /// and plans, and of what was understood of profiles and scenarios, so that comments do not matter. Comparable within
    /// one version of the tool.
    pub input_hashes: BTreeMap<String, String>,
    /// Length of the run in simulated time.
    pub simulated_ms: f64,
    /// Latency (arrival to finish) of completed requests after the warm-up; `None` when there is none.
    pub latency_ms: Option<LatencySummary>,
    /// The same of warm-up requests.
    pub warm_up_latency_ms: Option<LatencySummary>,
    /// Completed requests, warm-up included, divided by the length of the run.
    pub throughput_per_s: Option<f64>,
    /// Filled in by who also ran the alternatives.
    pub speedup_over_best_single: Option<Speedup>,
    /// Energy of the whole run, warm-up included.
    pub energy_mj: f64,
    /// The energy divided by all completed requests, warm-up included.
    pub energy_per_inference_mj: Option<f64>,
    /// The energy divided by the length of the run.
    pub average_power_w: f64,
    /// How far the executors' cost models were off on networks that they had not seen, for those that were used;
    /// executors that are not listed run on assumed numbers and are not validated.
    pub model_error: Vec<ModelError>,
    /// Where the energy went besides `resources`.
    pub energy_rest_mj: EnergyRest,
    /// One per resource.
    pub resources: Vec<ResourceSummary>,
    /// Filled in by who knows the plan and the support table.
    pub fallback: Option<Fallback>,
    /// Tensors that crossed between executors or from and to the host.
    pub transfers: TransferSummary,
    /// Requests of all streams, warm-up included.
    pub requests: RequestCounts,
    /// One per stream; stages of chains are streams too.
    pub streams: Vec<StreamSummary>,
    /// One per chain: cascades, deadlines, cold starts, generation. Their requests count as one each in the figures of the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<super::chains::ChainSummary>,
    /// Highest amount of memory for weights, live activations and crossed copies, if tensors are known.
    pub peak_memory_bytes: Option<u64>,
    /// What `peak_memory_bytes` counts.
    pub peak_memory_definition: &'static str,
    /// Limits of memory, what was reserved and what was reached; absent without limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySummary>,
    /// DRAM traffic.
    pub bandwidth: BandwidthSummary,
    /// Believed against actual execution times, when a strategy believed anything.
    pub prediction_error: Option<PredictionSummary>,
    /// What the predictor's knowledge cost, when it costs anything.
    pub profiling: Option<ProfilingSummary>,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// The measured error of one executor's cost model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelError {
    /// The executor.
    pub executor: String,
    /// Mean absolute error in per cent on whole networks of families that the fit had not seen.
    pub mape_percent: f64,
    /// Measured / predicted stays above this for all but 5 % of such networks.
    pub interval_low: f64,
    /// Measured / predicted stays below this for all but 5 % of such networks.
    pub interval_high: f64,
    /// Networks that it was fitted to.
    pub networks: u32,
    /// Runtime and version that was measured.
    pub measured_with: String,
}

/// The choices behind a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RunSetup {
    /// Id of the device, if one was given.
    pub device: Option<String>,
    /// Id of the runtime; `None` for plain task graphs.
    pub runtime: Option<String>,
    /// The strategy with its parameters.
    pub strategy: String,
    /// The unit that it places.
    pub granularity: String,
    /// When data begins to move.
    pub transfer_start: String,
    /// Executors that it could use.
    pub executors: Vec<String>,
    /// Id of the condition that it ran under, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The predictor with its parameters.
    pub predictor: String,
    /// Clocks that the scenario fixes; everything else ran at its highest.
    pub fixed_clocks: Vec<String>,
    /// Whether execution times varied from run to run; if not, percentiles show waiting and contention only.
    pub noise: bool,
}

/// A latency distribution. Quantiles are order statistics number `ceil(n p)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the field's; all in milliseconds but `count`")]
pub struct LatencySummary {
    pub count: usize,
    pub mean: f64,
    pub median: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub min: f64,
    pub max: f64,
    pub std: f64,
    /// Half-width of the 95 % interval of the mean; `None` for fewer than two requests and for several
    /// streams together.
    pub ci95_half_width: Option<f64>,
    /// How it was found: `batch-means` (40 requests or more, correlation allowed for) or
    /// `student-t` (fewer; takes requests as independent).
    pub ci95_method: Option<&'static str>,
}

/// Speed-up of a strategy over the best single executor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speedup {
    /// Mean latency of the best single executor divided by that of this run.
    pub ratio: f64,
    /// That executor.
    pub executor: String,
    /// Its mean latency.
    pub single_latency_ms: f64,
    /// What is compared.
    pub definition: String,
}

/// Energy that belongs to no resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnergyRest {
    /// Base power times the length of the run.
    pub base: f64,
    /// DRAM traffic times energy per byte.
    pub dram: f64,
}

/// Time and energy of a resource; busy + overhead + blocked + suspended + idle = length of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the field's")]
pub struct ResourceSummary {
    pub name: String,
    pub busy_ms: f64,
    pub overhead_ms: f64,
    pub blocked_ms: f64,
    pub suspended_ms: f64,
    pub idle_ms: f64,
    /// (busy + overhead) / time, from 0 to 1.
    pub utilization: f64,
    pub energy_mj: f64,
}

/// How much of the network the accelerator could not take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fallback {
    /// By number of operators.
    pub ratio_operators: f64,
    /// By multiply-accumulates.
    pub ratio_macs: f64,
    /// Operators that the accelerator could run and its memory keeps off: no fallbacks, and counted in neither ratio. Absent when
    /// there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_off_by_memory: Option<u64>,
    /// What exactly is counted.
    pub definition: String,
}

/// Limits of memory and what came of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemorySummary {
    /// Limit of the application.
    pub limit_bytes: Option<u64>,
    /// Weights of all streams.
    pub weights_bytes: u64,
    /// Most that was reserved at a time; `None` when the application has no limit.
    pub reserved_bytes: Option<u64>,
    /// Most that was used at a time, which is `peak_memory_bytes`.
    pub reached_bytes: Option<u64>,
    /// Executors with a limit.
    pub executors: Vec<ExecutorMemory>,
    /// One per stream.
    pub streams: Vec<StreamMemory>,
    /// What is counted.
    pub definition: &'static str,
}

/// Weights that an executor with a limit keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "as `MemorySummary::definition` says")]
pub struct ExecutorMemory {
    pub name: String,
    pub limit_bytes: u64,
    pub weights_bytes: u64,
    pub kept_off_operators: u64,
}

/// What a stream needs and how long it waited for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamMemory {
    /// Its name.
    pub name: String,
    /// Most that a request can hold; `None` when the application has no limit.
    pub request_bytes: Option<u64>,
    /// Requests that waited for memory alone.
    pub waits: u64,
    /// Time for which one of them waited for memory alone.
    pub waited_ms: f64,
}

/// Totals of transfers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransferSummary {
    /// Tensors moved, host inputs and outputs included.
    pub count: u64,
    /// Bytes moved.
    pub bytes: f64,
    /// Sum of the durations of all transfers, conversion excluded.
    pub time_ms: f64,
    /// Bytes whose layout consumers rewrote.
    pub converted_bytes: f64,
    /// Sum of the times in which consumers rewrote layouts.
    pub conversion_ms: f64,
}

/// Counts of requests: arrived = completed + dropped + in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RequestCounts {
    pub arrived: u64,
    pub completed: u64,
    pub dropped: u64,
    pub in_flight: u64,
}

/// One stream's part of the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as in `RunSummary`")]
pub struct StreamSummary {
    pub name: String,
    pub latency_ms: Option<LatencySummary>,
    pub warm_up_latency_ms: Option<LatencySummary>,
    pub throughput_per_s: Option<f64>,
    pub requests: RequestCounts,
}

/// DRAM traffic in 10^9 bytes per second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BandwidthSummary {
    /// Bytes of the whole run divided by its length.
    pub average_gb_per_s: f64,
    /// Highest rate that held for any time.
    pub peak_gb_per_s: f64,
}

/// Believed against actual execution time of units, in per cent of the actual time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictionSummary {
    /// Units compared.
    pub units: u64,
    /// Mean absolute error.
    pub mape_percent: f64,
    /// Mean absolute error in per cent of the belief: 100 when work takes twice as long as believed.
    pub of_belief_percent: f64,
    /// Mean signed error; negative when beliefs were too short.
    pub bias_percent: f64,
    /// Share of units within 10 %.
    pub within_10_percent: f64,
    /// Largest absolute error.
    pub worst_percent: f64,
}

/// What a predictor's knowledge costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProfilingSummary {
    /// Before the run and not part of it: every operator on every executor that can run it, several times.
    pub offline_ms: f64,
    /// Operators observed during the run.
    pub observations: u64,
    /// Time for which executors were held by observations (overhead, at the laboratory's clocks).
    pub overhead_ms: f64,
}

/// FNV-1a 64 of an input in hexadecimal: names an input, does not protect it.
#[must_use]
pub fn input_hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, &byte| {
        (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn fnv_1a_test_vectors() {
        // Vectors of the FNV draft (Fowler, Noll, Vo, Eastlake).
        assert_eq!(super::input_hash(b""), "cbf29ce484222325");
        assert_eq!(super::input_hash(b"a"), "af63dc4c8601ec8c");
        assert_eq!(super::input_hash(b"foobar"), "85944171f73967e8");
    }
}
