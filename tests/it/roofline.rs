//! The roofline oracles, through a machine built from profile texts and the cost table that runs use.

use hetsoc::config::Library;
use hetsoc::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass};
use hetsoc::physics::{Bound, Clocks, OperatorCost, Parts, compile};
use hetsoc::soc::ExecutorId;

use crate::shared::shared;

/// One core at 1 GHz with no cache in front of memory.
fn soc_text(peak: f64, bandwidth: f64, cores: u32) -> String {
    format!(
        r#"schema = 1
id = "test"
title = "Test"
source = "oracle"
confidence = "assumed"
[memory]
title = "memory"
peak_gb_per_s = {gb:?}
achievable_gb_per_s = {gb:?}
dram_pj_per_byte = 0
clocks = {{ mhz = [1000] }}
[[cluster]]
id = "only"
core_kind = "large"
core_type = "core"
cores = {cores}
ops_per_cycle = {{ fp32 = {per_cycle:?} }}
opps = {{ mhz = [1000], volt = [1.0] }}
core_gb_per_s = {gb:?}
cluster_gb_per_s = {gb:?}
power = {{ dynamic_uw_per_mhz_v2 = 0, awake_mw = 0, idle_mw = 0, blocked_activity = 0 }}
"#,
        gb = bandwidth / 1e9,
        per_cycle = peak / 1e9,
    )
}

/// A runtime without overheads that reaches the peaks.
fn runtime_text(exponent: &str, kernel: &str) -> String {
    format!(
        r#"schema = 1
id = "ideal"
soc = "test"
title = "Ideal"
lowering = "tflite"
source = "oracle"
confidence = "assumed"
core_sets = ["1large"]
[[performance]]
id = "all"
on = ["large"]
precision = "fp32"
support = "tflite-cpu"
invocation_us = 0
kernel_overhead_us = 0
combination_exponent = {exponent}
bandwidth_share = 1
inference_variation = 0
operator_variation = 0
kernel = [{{ id = "all", classes = ["any"], {kernel} }}]
"#
    )
}

/// A product of matrices with the given multiply-accumulates, and exactly `bytes` of tensors.
fn product(flop: f64, bytes: f64) -> LoweredGraph {
    let tensor = |elements: u64| LoweredTensor {
        name: String::new(),
        shape: vec![],
        elements,
        element_bytes: 4.0,
        is_float: true,
        shared: false,
    };
    let elements = (bytes / 4.0) as u64;
    let macs = (flop / 2.0) as u64;
    LoweredGraph {
        name: "oracle".into(),
        operators: vec![LoweredOperator {
            name: "product".into(),
            op_type: "FULLY_CONNECTED".into(),
            class: OperatorClass::FullyConnected,
            geometry: Geometry::MatMul { batch: 1, m: 1, n: 1000, k: macs / 1000 },
            macs,
            weight_bytes_read: 0,
            weight_bytes: 0,
            inputs: vec![0],
            outputs: vec![1],
            fused: vec![],
            sources: vec![0],
        }],
        tensors: vec![tensor(elements / 2), tensor(elements - elements / 2)],
        inputs: vec![0],
        outputs: vec![1],
        listed_kernels_only: false,
    }
}

fn cost(soc: &str, runtime: &str, executor: &str, graph: &LoweredGraph) -> OperatorCost {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let soc = Library.soc(&write("soc.toml", soc), &[]).unwrap_or_else(|e| panic!("{e}")).value;
    let runtime =
        Library.runtime("test", &write("runtime.toml", runtime), &[]).unwrap_or_else(|e| panic!("{e}")).value;
    let executors = [executor.parse().unwrap()];
    let clocks = Clocks::default();
    let parts = Parts { soc: &soc, device: None, runtime: &runtime, executors: &executors, clocks: &clocks };
    *compile(&parts).unwrap().cost_table(graph).unwrap().get(0, ExecutorId(0)).unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} is not {b}");
}

#[test]
fn analytic_cases() {
    let Some(path) = shared("oracles/analytic.json") else { return };
    let oracle: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = oracle["roofline"].as_array().unwrap();
    assert!(cases.len() >= 3);
    for case in cases {
        let number = |key: &str| case[key].as_f64().unwrap();
        let soc = soc_text(number("peak"), number("bw"), 1);
        let cost = cost(
            &soc,
            &runtime_text("inf", "efficiency = 1"),
            "cpu-1large",
            &product(number("flop"), number("bytes")),
        );
        close(cost.alone.seconds(), number("time"));
        assert_eq!(cost.bound.id(), case["bound"].as_str().unwrap());
        close(cost.dram_bytes, number("bytes"));
    }
}

#[test]
fn physics_cases() {
    let Some(path) = shared("oracles/physics.json") else { return };
    let oracle: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (key, gb_per_s) in [("B=30GB/s", 30e9), ("B=15GB/s", 15e9), ("B=1GB/s", 1e9)] {
        let graph = product(2e9, 40e6);
        let cost =
            cost(&soc_text(100e9, gb_per_s, 1), &runtime_text("inf", "efficiency = 1"), "cpu-1large", &graph);
        close(cost.alone.millis(), oracle["roofline_ms"][key].as_f64().unwrap());
    }
}

#[test]
fn combination_efficiency_and_cores_enter_as_documented() {
    let graph = product(2e9, 40e6);
    let alone = |exponent: &str, kernel: &str, cores: u32, executor: &str| {
        cost(&soc_text(100e9, 1e9, cores), &runtime_text(exponent, kernel), executor, &graph).alone.millis()
    };
    // Compute 20 ms, memory 40 ms.
    close(alone("1", "efficiency = 1", 1, "cpu-1large"), 60.0);
    close(alone("2", "efficiency = 1", 1, "cpu-1large"), (20.0f64.powi(2) + 40.0f64.powi(2)).sqrt());
    close(alone("inf", "efficiency = 0.25", 1, "cpu-1large"), 80.0);
    // Four cores compute in 5 ms; the memory is the same.
    close(alone("1", "efficiency = 1", 4, "cpu-4large"), 45.0);
    // 1000 columns in blocks of 300 are computed as 1200.
    close(alone("inf", "efficiency = 0.25, channel_block = 300", 1, "cpu-1large"), 96.0);
    // Four blocks on three cores: one core computes two of them.
    close(
        alone("inf", "efficiency = 0.1, channel_block = 300, split = \"channels\"", 3, "cpu-3large"),
        120.0,
    );
    // A sum as long as its half length runs at half speed.
    close(alone("inf", "efficiency = 0.25, depth_half = 1000000", 1, "cpu-1large"), 160.0);
    close(alone("inf", "efficiency = 0.25, arithmetic_saving = 2", 1, "cpu-1large"), 40.0);
}

#[test]
fn caches_hold_what_fits() {
    // 1 GB/s of memory, 10 GB/s of cache for working sets up to 64 KiB.
    let cached =
        format!("{}[[cluster.private_cache]]\nsize_kib = 64\nbytes_per_cycle = 10\n", soc_text(1e15, 1e9, 1));
    let time = |bytes: f64| {
        let cost =
            cost(&cached, &runtime_text("inf", "efficiency = 1"), "cpu-1large", &product(2000.0, bytes));
        (cost.alone.micros(), cost.dram_bytes, cost.bound)
    };
    let (hot, cold) = (time(40_000.0), time(400_000.0));
    close(hot.0, 4.0);
    assert_eq!((hot.1, hot.2), (0.0, Bound::Memory));
    close(cold.0, 400.0);
    close(cold.1, 400_000.0);
}
