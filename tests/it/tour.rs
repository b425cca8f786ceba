//! The tour of docs/TOUR.md held to more than its wording: everything completes on five devices, with numbers that make sense.

use std::process::Command;

use crate::shared::shared;

const DEVICES: [&str; 5] = ["xiaomi-9", "pixel-4", "galaxy-s10", "iphone-xs", "raspberry-pi-5"];
const NETWORKS: [&str; 10] = [
    "alexnet",
    "mobilenet-v1",
    "mobilenet-v2",
    "mobilenet-v3-large",
    "squeezenet1-1",
    "efficientnet-b0",
    "resnet18",
    "resnet50",
    "yolov3-tiny-416",
    "bert-base-128",
];

fn hetsoc(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Latency of each network on each device with TensorFlow Lite, milliseconds: rows as the networks, columns as [`DEVICES`].
fn latencies(networks: &[&str]) -> Vec<Vec<f64>> {
    let devices = DEVICES.join(",");
    let target = ["--device", &devices, "--runtime", "tflite", "--strategy", "single", "--requests", "2"];
    let rest = ["--replications", "1", "--format", "csv"];
    let text = hetsoc(&[&["compare"], networks, &target, &rest].concat());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|h| h == name).unwrap();
    let (failure, latency) = (column("failure"), column("latency_ms"));
    let all: Vec<f64> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            assert_eq!(&row[failure], "", "{row:?}");
            row[latency].parse().unwrap()
        })
        .collect();
    assert_eq!(all.len(), networks.len() * DEVICES.len());
    all.chunks(DEVICES.len()).map(<[f64]>::to_vec).collect()
}

#[test]
fn ten_networks_run_on_five_devices() {
    for (network, row) in NETWORKS.iter().zip(latencies(&NETWORKS)) {
        assert!(row.iter().all(|ms| (0.5..2000.0).contains(ms)), "{network}: {row:?}");
        // One SoC, one runtime: bodies make no difference before heat does.
        assert_eq!(row[0].to_bits(), row[1].to_bits(), "{network}");
        assert!(row[3] < row[0] && row[3] < row[2], "{network}: the A12 is the fastest, {row:?}");
    }
}

#[test]
fn tflite_files_run_on_five_devices() {
    let own = ["workloads/tflite/mobilenet_v2_fp32.tflite", "workloads/tflite/resnet50_v2_keras_fp32.tflite"];
    let rows = latencies(&[own[0], own[1], "mobilenet-v2", "resnet50"]);
    for device in 0..DEVICES.len() {
        // The same network from another framework: Keras pads and orders otherwise, but not by a third.
        let ratio = rows[0][device] / rows[2][device];
        assert!((0.75..1.33).contains(&ratio), "{}: {ratio}", DEVICES[device]);
        assert!(rows[1][device] > rows[0][device]);
    }
    let Some(folder) = shared("models/tflite") else { return };
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| path.ends_with(".tflite"))
        .collect();
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert!(latencies(&files).iter().flatten().all(|ms| (0.5..5000.0).contains(ms)));
}

/// The summary of a scenario on a device.
fn summary(scenario: &str, device: &str, more: &[&str]) -> serde_json::Value {
    let place = format!("device={device}");
    let text = hetsoc(&[&["run", scenario, "--set", &place, "--format", "json"], more].concat());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_language_model_and_a_cascade_run_on_five_devices() {
    for device in DEVICES {
        let more: &[&str] = if device == "raspberry-pi-5" { &["--set", "runtime=llama-cpp"] } else { &[] };
        let chat = summary("scenarios/tour-chat.toml", device, more);
        let generation = &chat["chains"][0]["generation"];
        let [first, each] =
            ["time_to_first_token_ms", "time_per_token_ms"].map(|key| generation[key]["mean"].as_f64());
        let (first, each) = (first.expect("time to first token"), each.expect("time per token"));
        assert!(first > each && each > 1.0, "{device}: {first} {each}");
        let warned = chat["warnings"].to_string().contains("matrix products");
        assert_eq!(warned, device != "raspberry-pi-5", "{device}: {}", chat["warnings"]);

        let cascade = summary("scenarios/tour-cascade.toml", device, &[]);
        let chain = &cascade["chains"][0];
        assert_eq!(chain["requests"]["completed"], 10, "{device}: {chain}");
    }
}
