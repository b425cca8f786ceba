//! NNAPI: what the delegate's own checks hand over, and the two networks that were measured.

use std::process::Command;

use hetsoc::config::model_file::load_model;
use hetsoc::physics::{Clocks, Machine, Parts, compile};

fn machine() -> Machine {
    let library = hetsoc::config::Library;
    let soc = library.soc("snapdragon-865", &[]).unwrap().value;
    let runtime = library.runtime("snapdragon-865", "nnapi", &[]).unwrap().value;
    let clocks = Clocks::default();
    let parts = Parts { soc: &soc, device: None, runtime: &runtime, executors: &[], clocks: &clocks };
    compile(&parts).unwrap()
}

/// Types of operators of a model that the delegate keeps.
fn kept(machine: &Machine, model: &str) -> Vec<String> {
    let lowered = load_model(model, &[]).unwrap().lowered("tflite").unwrap();
    let gpu = machine.platform.executor_named("gpu").unwrap();
    let refused = |o: &&_| !machine.verdict(&lowered, o, gpu).is_supported();
    let mut types: Vec<String> =
        lowered.operators.iter().filter(refused).map(|o| o.op_type.clone()).collect();
    types.sort();
    types.dedup();
    types
}

#[test]
fn the_delegate_keeps_what_its_table_lacks_and_tensors_of_five_dimensions() {
    let machine = machine();
    assert!(kept(&machine, "resnet50").is_empty());
    assert!(kept(&machine, "mobilenet-v1").is_empty());
    // No GELU at all, batched products from feature level 6.
    let bert = kept(&machine, "bert-base-128");
    assert!(bert.contains(&"BATCH_MATMUL".to_owned()), "{bert:?}");
    // The same sum with a dimension more.
    let mut lowered = load_model("resnet18", &[]).unwrap().lowered("tflite").unwrap();
    let gpu = machine.platform.executor_named("gpu").unwrap();
    let sum = lowered.operators.iter().find(|o| o.op_type == "ADD").unwrap().clone();
    assert!(machine.verdict(&lowered, &sum, gpu).is_supported());
    lowered.tensors[sum.inputs[0] as usize].shape.insert(0, 1);
    assert!(!machine.verdict(&lowered, &sum, gpu).is_supported());
}

/// Single numbers, from PaddlePaddle/Paddle-Lite docs/demo_guides/android_nnapi.md@3d329c954c. Two constants were set to them: this holds that the
/// profile still says what its first lines say, it is no validation.
#[test]
fn the_two_measured_networks_take_their_times() {
    for (model, measured) in [("mobilenet-v1", 12.25), ("resnet50", 44.903)] {
        let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
            .args(["run", model, "--soc", "snapdragon-865", "--runtime", "nnapi", "--executors", "gpu"])
            .args(["--strategy", "single", "--noise", "off", "--requests", "1", "--format", "json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let predicted = summary["latency_ms"]["mean"].as_f64().unwrap();
        assert!((predicted / measured - 1.0).abs() < 0.02, "{model}: {predicted} ms, measured {measured}");
        assert!(summary["model_error"].as_array().is_none_or(Vec::is_empty), "nothing was left out");
    }
}
