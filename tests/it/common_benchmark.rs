//! The common benchmark: results on which several independent simulators agree.

use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::{Outcome, Problem, simulate};
use hetsoc::strategy::{EarliestFinishTime, TransferStart};
use serde_json::Value;

pub fn bench_problem(name: &str, network: DagNetwork) -> Problem {
    let path = format!("{}/tests/data/bench/{name}.json", env!("CARGO_MANIFEST_DIR"));
    read_dag(&SourceText::new(name, std::fs::read_to_string(path).unwrap()), network).unwrap()
}

fn play(problem: &Problem) -> Outcome {
    simulate(problem, &mut EarliestFinishTime::new(TransferStart::Assignment), &mut ()).unwrap()
}

fn close(got: f64, expected: f64, tolerance: f64, what: &str) {
    let relative = (got - expected).abs() / expected.abs();
    assert!(relative <= tolerance, "{what}: {got} instead of {expected}, {relative:e} off");
}

fn check(section: &str, network: DagNetwork, tolerance: f64) {
    let path = format!("{}/tests/data/bench/expected.json", env!("CARGO_MANIFEST_DIR"));
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let files = expected[section]["files"].as_object().unwrap();
    assert_eq!(files.len(), 6);
    for (name, expected) in files {
        let outcome = play(&bench_problem(name, network));
        let number = |key: &str| expected[key].as_f64().unwrap();
        close(outcome.makespan.micros(), number("makespan_us"), tolerance, &format!("{name}: makespan"));
        close(
            outcome.finish_sum_ps as f64 / 1e6,
            number("sum_of_finish_times_us"),
            tolerance,
            &format!("{name}: sum"),
        );
        assert_eq!(
            outcome.remote_transfers,
            expected["remote_transfers"].as_u64().unwrap(),
            "{name}: transfers"
        );
        if let Some(mean) = expected["mean_latency_us"].as_f64() {
            let latencies = &outcome.streams[0].latencies;
            let sum: f64 = latencies.iter().map(|(_, latency)| latency.micros()).sum();
            close(sum / latencies.len() as f64, mean, tolerance, &format!("{name}: mean latency"));
        }
    }
}

#[test]
fn contention_free() {
    check("contention_free", DagNetwork::ContentionFree, 1e-9);
}

#[test]
fn shared_bus() {
    check("shared_bus", DagNetwork::SharedBus, 1e-6);
}
