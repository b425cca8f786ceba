//! MACE: shipped profiles against the published totals, calibration from scratch, blocks and waves of slices.

use std::path::PathBuf;
use std::sync::Arc;

use hetsoc::calibration::calibrate::{Calibration, Start};
use hetsoc::calibration::{Measurement, Network, calibrate, load_networks, read_measurements, validate};
use hetsoc::config::Library;
use hetsoc::diagnostics::SourceText;
use hetsoc::graph::lowered::LoweredGraph;
use hetsoc::graph::operator_list::read_operator_lists;
use hetsoc::physics::{Clocks, Machine, Parts, compile};
use hetsoc::soc::{ExecutorId, RuntimeProfile, Soc};

const SOCS: [&str; 4] = ["snapdragon-855", "snapdragon-865", "snapdragon-888", "kirin-990"];

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn networks() -> Vec<Network> {
    load_networks(&root("workloads/lists/codl.csv"), "mace").unwrap_or_else(|e| panic!("{e}"))
}

fn rows() -> Vec<Measurement> {
    let text = std::fs::read_to_string(root("soc-profiles/measurements/codl_mace.csv")).unwrap();
    read_measurements(&SourceText::new("codl_mace.csv", text)).unwrap_or_else(|e| panic!("{e}"))
}

fn profiles(soc: &str) -> (Soc, RuntimeProfile) {
    (Library.soc(soc, &[]).unwrap().value, Library.runtime(soc, "mace", &[]).unwrap().value)
}

/// Calibrates every group of a SoC.
fn calibrated(soc: &str, rows: &[Measurement]) -> Vec<Calibration> {
    let (soc, runtime) = profiles(soc);
    let networks = networks();
    let start = Start {
        soc: &soc,
        runtime: &runtime,
        networks: &networks,
        rows,
        operators: &[],
        from: None,
        source: "test",
        iterations: 25,
    };
    let mut keys: Vec<_> = rows.iter().map(|row| row.group.clone()).collect();
    keys.dedup();
    keys.retain(|key| key.soc_id() == soc.id);
    keys.iter().map(|key| calibrate(&start, key).unwrap_or_else(|e| panic!("{e}"))).collect()
}

#[test]
fn shipped_profiles_are_what_calibration_writes() {
    for soc in SOCS {
        let (_, runtime) = profiles(soc);
        for calibration in calibrated(soc, &rows()) {
            let shipped =
                runtime.fitted_for(&calibration.group.executor(), calibration.model.precision).unwrap();
            let fitted = calibration.model.coefficients.iter().filter(|c| c.width > 0.0).count();
            assert!(fitted <= 3, "{fitted} coefficients for five networks");
            for (new, old) in calibration.model.coefficients.iter().zip(&shipped.coefficients) {
                assert_eq!(new.name, old.name);
                assert!((new.value / old.value - 1.0).abs() < 1e-3, "{soc} {}: {new:?} {old:?}", shipped.id);
            }
            assert!((calibration.model.leave_family_out - shipped.leave_family_out).abs() < 0.1);
        }
    }
}

#[test]
fn published_totals_are_predicted() {
    let find = |key: &hetsoc::calibration::GroupKey| Ok(profiles(&key.soc_id()));
    let validation = validate(&networks(), &rows(), &find).unwrap();
    assert_eq!((validation.groups.len(), validation.rows_compared), (8, 40));
    for group in &validation.groups {
        // The GPU of the Kirin has one network that the form does not explain.
        let limit = if group.soc == "Kirin 990" && group.processor == "gpu" { 8.0 } else { 5.0 };
        assert!(group.calibrated && group.mape_percent < limit, "{group:?}");
    }
}

#[test]
fn shuffled_totals_destroy_the_skill() {
    let mut shuffled = rows();
    let times: Vec<f64> = shuffled.iter().map(|row| row.latency_ms).collect();
    for (i, row) in shuffled.iter_mut().enumerate() {
        row.latency_ms = times[i / 5 * 5 + (i + 2) % 5];
    }
    for (honest, mixed) in
        calibrated("snapdragon-855", &rows()).iter().zip(calibrated("snapdragon-855", &shuffled))
    {
        assert!(mixed.unseen_errors.mape > 5.0 * honest.unseen_errors.mape, "{:?}", mixed.unseen_errors);
    }
}

/// A convolution of a list on one executor, in microseconds.
fn micros(machine: &Machine, features: &str) -> f64 {
    let quoted = features.replace('"', "\"\"");
    let text = format!("model,family,op_index,op,feature_json\nm,f,0,CONV_2D,\"{quoted}\"\n");
    let source: Arc<SourceText> = SourceText::new("list.csv", text);
    let graph: LoweredGraph = read_operator_lists(&source).unwrap_or_else(|e| panic!("{e}")).remove(0).graph;
    let mut graph = graph;
    graph.operators[0].op_type = "Conv2D".to_owned();
    let cost = machine.estimate(&graph, &graph.operators[0], ExecutorId(0)).unwrap().cost;
    cost.alone.micros()
}

fn machine(soc: &str, executor: &str) -> Machine {
    let (soc, runtime) = profiles(soc);
    let executors = [executor.parse().unwrap()];
    let clocks = Clocks::default();
    compile(&Parts { soc: &soc, device: None, runtime: &runtime, executors: &executors, clocks: &clocks })
        .unwrap()
}

#[test]
fn slices_cost_whole_blocks() {
    let features = |kernel: u64, height: u64, channels: u64| {
        format!(
            r#"{{"input_shape":{},"input_width":{},"input_channel":32,"output_shape":{height},"output_width":120,"stride":1,"kernel":{kernel},"filter":{channels},"group":1}}"#,
            height + kernel - 1,
            120 + kernel - 1
        )
    };
    let gpu = machine("snapdragon-855", "gpu");
    let on_gpu = |channels| micros(&gpu, &features(3, 120, channels));
    // Steps of 16 output channels (figure 6 of the paper); the traffic of a step grows a little.
    assert!(on_gpu(32) / on_gpu(20) < 1.05 && on_gpu(33) / on_gpu(32) > 1.3);
    let cpu = machine("snapdragon-855", "cpu-1large3med");
    let on_cpu = |channels| micros(&cpu, &features(9, 120, channels));
    // Up to four output channels run on one core, sixteen on four.
    assert!(on_cpu(16) < 1.6 * on_cpu(4), "{} {}", on_cpu(16), on_cpu(4));
    // A Winograd tile of six rows is computed whole.
    let rows = |height| micros(&cpu, &features(3, height, 64));
    assert!(rows(30) / rows(25) < 1.1 && rows(31) / rows(30) > 1.1, "{} {} {}", rows(25), rows(30), rows(31));
    // The law belongs to cores, so that sets without a fit of their own follow: one core is slower than four.
    let one = machine("snapdragon-855", "cpu-1large");
    assert!(one.is_fitted(ExecutorId(0)));
    assert!(micros(&one, &features(3, 120, 64)) > 2.5 * rows(120));
}

#[test]
fn a_kernel_list_without_a_square_keeps_its_width() {
    let list = networks().into_iter().find(|n| n.name == "codl-fast-style-transfer").unwrap();
    let macs: u64 = list.graph.operators.iter().map(|o| o.macs).sum();
    // The paper's operator table has 35.920 GMAC.
    assert_eq!(macs, 35_920_281_600);
    assert!(list.graph.operators.iter().all(|o| o.op_type == "Conv2D"));
    let bad = "model,family,op_index,op,feature_json\nm,f,0,CONV_2D,\"{\"\"input_shape\"\":8,\"\"input_width\"\":0,\"\"input_channel\"\":4,\"\"output_shape\"\":8,\"\"stride\"\":1,\"\"kernel\"\":1,\"\"filter\"\":4,\"\"group\"\":1}\"\n";
    let error = read_operator_lists(&SourceText::new("bad.csv", bad)).unwrap_err().to_string();
    assert!(error.contains("input_width"), "{error}");
}
