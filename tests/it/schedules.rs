//! Runs of strategies that decide while they run, saved and replayed by the commands; and schedules that do not fit.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const RUN: &[&str] = &["run", "squeezenet1-1", "--device", "xiaomi-9", "--runtime", "mace", "--executors"];

fn hetsoc(rest: &[&str], folder: &Path) -> Output {
    let arguments =
        [RUN, &["cpu-1large,gpu", "--period", "9ms", "--requests", "6", "--predictor", "kalman"], rest];
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments.concat())
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// All figures of a run, without who made it.
fn figures(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut all: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["setup", "input_hashes", "warnings", "adaptation"] {
        all.as_object_mut().unwrap().remove(key);
    }
    all
}

#[test]
fn runs_of_online_strategies_are_saved_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in ["eft", "band", "band[scheduler=lst]", "adaptive", "heft"] {
        let save = ["--strategy", strategy, "--save-plan", "p.json", "--force", "--format", "json"];
        let first = hetsoc(&save, folder.path());
        let plan: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.path().join("p.json")).unwrap()).unwrap();
        let schema = if strategy == "heft" { "hetsoc-plan/1" } else { "hetsoc-plan/2" };
        assert_eq!(plan["schema"], schema, "{strategy}");
        let replay = ["--strategy", "replay", "--plan", "p.json", "--format", "json"];
        let second = hetsoc(&replay, folder.path());
        assert_eq!(figures(&first), figures(&second), "{strategy}");
    }
}

#[test]
fn schedules_that_do_not_fit_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let save = ["--strategy", "adaptive", "--save-plan", "p.json"];
    assert!(hetsoc(&save, folder.path()).status.success());
    let text = std::fs::read_to_string(folder.path().join("p.json")).unwrap();
    let good: Value = serde_json::from_str(&text).unwrap();
    let refused = |change: &dyn Fn(&mut Value), what: &str| {
        let mut plan = good.clone();
        change(&mut plan);
        std::fs::write(folder.path().join("bad.json"), plan.to_string()).unwrap();
        let output = hetsoc(&["--strategy", "replay", "--plan", "bad.json"], folder.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(what), "{what}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    };
    refused(&|p| p["schema"] = json!("hetsoc-plan/1"), "has no executor");
    refused(&|p| p["schema"] = json!("hetsoc-plan/3"), "`hetsoc-plan/1` and `hetsoc-plan/2`");
    refused(&|p| p["dispatch"] = json!("in-order"), "dispatch at-ready");
    refused(&|p| p["streams"][0]["schedule"] = json!([]), "leaves decisions open");
    refused(&|p| p["streams"][0]["schedule"][0]["version"] = json!(9), "runs version 9");
    refused(&|p| p["streams"][0]["schedule"][0]["executors"] = json!(["gpu", "gpu", "gpu"]), "3 executors");
    refused(&|p| p["streams"][0]["schedule"][0]["executors"][0] = json!("npu"), "which this platform lacks");
    refused(&|p| p["streams"][0]["schedule"][0]["first_request"] = json!(-1), "first_request");
    let twice = |p: &mut Value| {
        let entry = p["streams"][0]["schedule"][0].clone();
        p["streams"][0]["schedule"].as_array_mut().unwrap().push(entry);
    };
    refused(&twice, "not behind the entry before");
    let later = |event: &str, unit: u64| json!([{"unit": unit, "event": event, "of": [0, 0, 0]}]);
    refused(&|p| p["streams"][0]["schedule"][0]["later"] = later("begun", 0), "`ready` and `finished`");
    refused(
        &|p| p["streams"][0]["schedule"][0]["later"] = later("ready", 4_000_000),
        "lets unit 4000000 wait",
    );
    // A unit that waits for a request that never comes: the run says that it stalls.
    let never = json!([{"unit": 0, "event": "finished", "of": [0, 4_000_000, 0]}]);
    refused(
        &|p| {
            let version = p["streams"][0]["schedule"][0]["version"].as_u64().unwrap_or(0);
            if version == 0 {
                p["streams"][0]["schedule"][0]["later"] = never.clone();
            } else {
                p["streams"][0]["schedule"] = json!([]);
            }
        },
        if good["streams"][0]["schedule"][0].get("version").is_none() {
            "left"
        } else {
            "leaves decisions open"
        },
    );
}
