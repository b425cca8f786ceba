//! Everything that ships loads and runs.

use hetsoc::config::library::ProfileKind;
use hetsoc::config::{Library, assemble, scenario};
use hetsoc::experiment::{RunOptions, run_scenario};
use hetsoc::graph::library::MODELS;
use std::path::{Path, PathBuf};
use std::process::Command;

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_runs_and_is_deterministic() {
    let files = scenarios();
    assert!(files.len() >= 6);
    for file in files {
        let summary = || {
            let spec = scenario(&file, &[]).unwrap().value;
            let mut assembled = assemble(&spec, &[], &[], None).unwrap();
            let result =
                run_scenario(&mut assembled, RunOptions { record: false, baseline: true }, &mut |_| {})
                    .unwrap();
            serde_json::to_string(&result.summary).unwrap()
        };
        let first = summary();
        assert_eq!(first, summary(), "{}", file.display());
        assert!(first.contains("\"completed\":"), "{}", file.display());
    }
}

#[test]
fn a_task_graph_as_a_scenario_equals_the_dag_command() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hetsoc = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("run");
    hetsoc(&["run", "scenarios/task-graph.toml", "--out", path.to_str().unwrap()]);
    let dag: serde_json::Value = serde_json::from_slice(&hetsoc(&[
        "dag",
        "scenarios/task-graphs/stream_50x20_rel.json",
        "--placements",
        "--format",
        "json",
    ]))
    .unwrap();
    let mut rows = csv::Reader::from_path(path.join("operators.csv")).unwrap();
    let headers = rows.headers().unwrap().clone();
    let column = |name: &str| {
        headers.iter().position(|h| h == name).unwrap_or_else(|| panic!("{name} in {headers:?}"))
    };
    let (request, operator, end) = (column("request"), column("operator"), column("end_ms"));
    let mut finishes: Vec<(u32, u32, f64)> = rows
        .records()
        .map(|row| {
            let row = row.unwrap();
            (row[request].parse().unwrap(), row[operator].parse().unwrap(), row[end].parse().unwrap())
        })
        .collect();
    finishes.sort_by_key(|f| (f.0, f.1));
    let placements = dag["placements"].as_array().unwrap();
    assert_eq!(finishes.len(), placements.len());
    for (finish, placement) in finishes.iter().zip(placements) {
        assert_eq!(u64::from(finish.0), placement["instance"].as_u64().unwrap());
        assert_eq!(u64::from(finish.1), placement["task"].as_u64().unwrap());
        let difference = (finish.2 * 1e3 - placement["finish_us"].as_f64().unwrap()).abs();
        assert!(difference < 1e-6, "task {} of {}: {difference} us apart", finish.1, finish.0);
    }
}

#[test]
fn every_device_runs_a_network_with_every_runtime() {
    let mut runs = 0;
    for device in Library.ids(ProfileKind::Device) {
        let soc = Library.device(device, &[]).unwrap().value.soc;
        for runtime in Library.ids(ProfileKind::Runtime) {
            let Some(name) = runtime.strip_prefix(&format!("{soc}/")) else { continue };
            if name == "llama-cpp" {
                // It runs generated transformers only.
                continue;
            }
            let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
                .args([
                    "run",
                    "mobilenet-v1",
                    "--device",
                    device,
                    "--runtime",
                    name,
                    "--requests",
                    "2",
                    "--format",
                    "json",
                ])
                .output()
                .unwrap();
            assert!(output.status.success(), "{device} {name}: {}", String::from_utf8_lossy(&output.stderr));
            let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let mean = summary["latency_ms"]["mean"].as_f64().unwrap();
            assert!(mean > 0.5 && mean < 1000.0, "{device} {name}: {mean} ms");
            runs += 1;
        }
    }
    assert!(runs >= 9, "{runs}");
}

#[test]
fn every_model_can_be_shown_lowered() {
    for model in &MODELS {
        let input = hetsoc::config::model_file::load_model(model.id, &[]).unwrap();
        for rules in hetsoc::graph::passes::ALL {
            let lowered = input.lowered(rules.id).unwrap();
            assert!(!lowered.operators.is_empty(), "{} {}", model.id, rules.id);
        }
    }
}

#[test]
fn reference_figures_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let fresh = out.path().join("two-networks.svg");
    let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(["plot", "scenarios/two-networks.toml", "--output", fresh.to_str().unwrap()])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (is, said) =
        (std::fs::read(fresh).unwrap(), std::fs::read(folder.join("plots/two-networks.svg")).unwrap());
    assert!(is == said, "plots/two-networks.svg is out of date; plots/README.md says how to draw it");
}

#[test]
fn a_saved_plan_replays_the_run_that_it_came_from() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let plan = out.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    let play = |more: &[&str]| {
        let mut arguments =
            vec!["dag", "tests/data/bench/rand_1k_unrel.json", "--placements", "--format", "csv"];
        arguments.extend(more);
        let output =
            Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    for network in ["contention-free", "shared-bus"] {
        let _ = std::fs::remove_file(plan);
        let first = play(&["--network", network, "--save-plan", plan]);
        assert_eq!(first, play(&["--network", network, "--strategy", "replay", "--plan", plan]), "{network}");
    }
}
