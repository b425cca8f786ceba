//! Readers against damaged, spliced and made-up files: they answer, they do not fall over.
//!
//! Each test runs a few hundred cases; `HETSOC_FUZZ_SECONDS=600 cargo test --test it fuzz -- --test-threads 1 NAME`
//! runs one for that long. A failing case is shrunk and printed by proptest; put its file into `tests/data/fuzz/`.

mod changes;
mod made_up;

use std::path::Path;
use std::time::{Duration, Instant};

use hetsoc::calibration::tables::read_measurements;
use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::config::native_graph::read_native_graph;
use hetsoc::config::plan_file::read_plans;
use hetsoc::config::{Library, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::graph::costs::count_graph;
use hetsoc::graph::dot::{dot, dot_lowered};
use hetsoc::graph::model::Graph;
use hetsoc::graph::neutral_json::{read_neutral_json, write_neutral_json};
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::operator_list::read_operator_lists;
use hetsoc::graph::passes::{ALL, lower};
use hetsoc::graph::show::table;
use hetsoc::graph::tflite::read_tflite;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;

use changes::{apply, change};
use made_up::made_up;

/// No file of this size may take longer.
const SLOWEST: Duration = Duration::from_secs(10);

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz").join(kind);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runs cases until the time is up, at least some.
fn run<S: Strategy>(strategy: &S, mut case: impl FnMut(S::Value)) {
    let seconds = std::env::var("HETSOC_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let cell = std::cell::RefCell::new(&mut case);
    let mut cases = 0u64;
    loop {
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        let mut runner =
            if seconds == 0 { TestRunner::new_with_rng(config, fixed()) } else { TestRunner::new(config) };
        let done = runner.run(strategy, |value| {
            let start = Instant::now();
            (cell.borrow_mut())(value);
            prop_assert!(start.elapsed() < SLOWEST, "took {:?}", start.elapsed());
            Ok(())
        });
        if let Err(error) = done {
            panic!("{error}");
        }
        cases += 300;
        if Instant::now() >= end {
            break;
        }
    }
    println!("fuzz: {cases} cases in {seconds} s");
}

fn fixed() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

fn damaged(kind: &str, mut case: impl FnMut(&[u8])) {
    let corpus = corpus(kind);
    corpus.iter().for_each(|file| case(file));
    run(&(any::<usize>(), prop::collection::vec(change(), 1..12)), |(pick, changes)| {
        case(&apply(&corpus, pick, &changes));
    });
}

/// Whatever a reader lets through must be fit for everything behind it.
fn digest(graph: &Graph) {
    let _ = (count_graph(graph), table(graph), dot(graph));
    for rules in &ALL {
        if let Ok(lowered) = lower(graph, rules) {
            let _ = (lowered.dag(), dot_lowered(&lowered));
        }
    }
}

fn onnx(bytes: &[u8]) {
    let mut options = OnnxOptions::default();
    options.dims.insert("b".to_owned(), 2);
    for options in [OnnxOptions::default(), options] {
        if let Ok(graph) = read_onnx(bytes, "fuzz", &options) {
            digest(&graph);
            // What is read can be written, and is read again.
            let text = SourceText::new(
                "again.toml",
                hetsoc::config::native_graph::write_native_graph(&graph, "fuzz"),
            );
            if let Err(error) = read_native_graph(&text, "fuzz") {
                assert!(!error.to_string().contains("config::"), "{error}");
            }
            let json = write_neutral_json(&graph, "fuzz");
            if let Err(error) = read_neutral_json(&json) {
                assert!(!error.to_string().contains("not a readable"), "{error}");
            }
        }
    }
}

#[test]
fn onnx_files() {
    damaged("onnx", onnx);
}

#[test]
fn onnx_graphs_made_up() {
    run(&made_up(), |model| onnx(&model.encode_to_vec()));
}

#[test]
fn tflite_files() {
    damaged("tflite", |bytes| {
        if let Ok(graph) = read_tflite(bytes, "fuzz") {
            digest(&graph);
            let text = SourceText::new(
                "again.toml",
                hetsoc::config::native_graph::write_native_graph(&graph, "fuzz"),
            );
            if let Err(error) = read_native_graph(&text, "fuzz") {
                assert!(!error.to_string().contains("config::"), "{error}");
            }
        }
    });
}

#[test]
fn toml_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    damaged("toml", |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let source = SourceText::new("fuzz.toml", text);
        if let Ok(graph) = read_native_graph(&source, "fuzz") {
            digest(&graph);
        }
        let _ = scenario_text(&source, folder.path(), &[]).map_err(|error| error.to_string());
        std::fs::write(&path, bytes).unwrap();
        let name = path.to_str().unwrap();
        let overrides = ["memory.achievable_gb_per_s=2".to_owned()];
        let _ = Library.soc(name, &overrides).map_err(|error| error.to_string());
        let _ = Library.device(name, &[]).map_err(|error| error.to_string());
        let _ = Library.runtime("bcm2712", name, &[]).map_err(|error| error.to_string());
        let _ = Library.support(name).map_err(|error| error.to_string());
    });
}

#[test]
fn csv_files() {
    damaged("csv", |bytes| {
        let source = SourceText::new("fuzz.csv", String::from_utf8_lossy(bytes));
        if let Ok(lists) = read_operator_lists(&source) {
            for list in lists {
                let _ = (list.graph.dag(), dot_lowered(&list.graph));
            }
        }
        let _ = read_measurements(&source).map_err(|error| error.to_string());
    });
}

#[test]
fn json_files() {
    let graph = corpus("json");
    let dag = graph.iter().find(|file| file.starts_with(b"{\"name\":\"c\"")).unwrap();
    let dag = SourceText::new("dag.json", String::from_utf8_lossy(dag));
    let problem = read_dag(&dag, DagNetwork::ContentionFree).unwrap();
    damaged("json", |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if let Ok(graph) = read_neutral_json(&text) {
            digest(&graph);
        }
        let source = SourceText::new("fuzz.json", text);
        let _ = read_dag(&source, DagNetwork::SharedBus).map_err(|error| error.to_string());
        let _ = read_plans(&source, &problem.platform, &[2]).map_err(|error| error.to_string());
    });
}
