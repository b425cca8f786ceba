//! Speed of the simulation: tasks per second beside a bare event loop, in one process.
//!
//! `cargo bench --bench engine`. Inputs are read before the clock starts; online EFT and the metrics of the
//! outcome are included, the full record is off. Figures are ratios to be compared within one run: machines drift.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark, not an interface")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::config::{assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::record::Recorder;
use hetsoc::record::labels::{RunLabels, StreamLabels};
use hetsoc::record::summarizer::Summarizer;
use hetsoc::simulation::{Problem, simulate};
use hetsoc::strategy::{EarliestFinishTime, Strategy, StrategySpec, TransferStart};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

fn main() {
    divan::main();
}

fn problem(name: &str, network: DagNetwork) -> Problem {
    let path = format!("{}/tests/data/bench/{name}.json", env!("CARGO_MANIFEST_DIR"));
    read_dag(&SourceText::new(name, std::fs::read_to_string(path).unwrap()), network).unwrap()
}

fn tasks(problem: &Problem) -> u64 {
    let stream = &problem.streams[0];
    stream.dag.len() as u64 * stream.arrivals.count().unwrap()
}

fn play(bencher: Bencher<'_, '_>, name: &str, network: DagNetwork) {
    let problem = problem(name, network);
    bencher.counter(ItemsCount::new(tasks(&problem))).bench_local(|| {
        simulate(black_box(&problem), &mut EarliestFinishTime::new(TransferStart::Assignment), &mut ())
            .unwrap()
    });
}

#[divan::bench(args = ["rand_1k_rel", "rand_10k_rel", "stream_5000x20_unrel"])]
fn contention_free(bencher: Bencher<'_, '_>, name: &str) {
    play(bencher, name, DagNetwork::ContentionFree);
}

#[divan::bench(args = ["rand_1k_rel", "rand_10k_rel", "stream_5000x20_unrel"])]
fn shared_bus(bencher: Bencher<'_, '_>, name: &str) {
    play(bencher, name, DagNetwork::SharedBus);
}

/// Scenarios of networks on a Xiaomi 9, memory bandwidth shared; operators per second.
fn network(name: &str) -> Problem {
    let stream = |name: &str, model: &str, period: &str| {
        format!(
            "[[stream]]\nname = \"{name}\"\nmodel = \"{model}\"\narrivals = {{ kind = \"periodic\", period = \"{period}\", count = 1000 }}\n"
        )
    };
    let (streams, strategy) = match name {
        "resnet50_30fps_gpu" => (stream("camera", "resnet50", "33.3ms"), "name = \"delegate\""),
        "resnet50_30fps_noise" => (stream("camera", "resnet50", "33.3ms"), "name = \"delegate\""),
        _ => {
            let both = stream("a", "resnet50", "150ms") + &stream("b", "mobilenet-v2", "150ms");
            (both, "name = \"eft\"\ngranularity = \"operator\"")
        }
    };
    let noise = name == "resnet50_30fps_noise";
    let text = format!(
        "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"tflite\"\nexecutors = [\"cpu-1large\", \"cpu-3med\", \"gpu\"]\nnoise = {noise}\n[scenario]\nname = \"bench\"\n{streams}[strategy]\n{strategy}\n"
    );
    let spec = scenario_text(&SourceText::new("bench", text), Path::new(""), &[]).unwrap().value;
    assemble(&spec, &[], &[], None).unwrap().problem
}

#[divan::bench(args = ["resnet50_30fps_gpu", "resnet50_30fps_noise", "two_networks_eft"])]
fn networks(bencher: Bencher<'_, '_>, name: &str) {
    let problem = network(name);
    let strategy = || -> Box<dyn Strategy> {
        let spec = if name == "two_networks_eft" { "eft" } else { "delegate" };
        spec.parse::<StrategySpec>().unwrap().build(&problem.platform).unwrap()
    };
    let operators: u64 =
        problem.streams.iter().map(|s| s.dag.len() as u64 * s.arrivals.count().unwrap()).sum();
    bencher
        .counter(ItemsCount::new(operators))
        .bench_local(|| simulate(black_box(&problem), &mut *strategy(), &mut ()).unwrap());
}

/// The same stream with everything that a summary needs listening, and with the full record.
#[divan::bench(args = ["summary", "record"])]
fn observers(bencher: Bencher<'_, '_>, what: &str) {
    let problem = network("resnet50_30fps_gpu");
    let graph = problem.streams[0].operators.as_ref().unwrap();
    let labels =
        RunLabels::new("bench", "", 0, &problem.platform, vec![StreamLabels::of_graph("camera", graph, 0)]);
    let operators = problem.streams[0].dag.len() as u64 * 1000;
    bencher.counter(ItemsCount::new(operators)).bench_local(|| {
        let mut strategy = "delegate".parse::<StrategySpec>().unwrap().build(&problem.platform).unwrap();
        let mut summary = Summarizer::new(labels.clone(), &problem.platform, &[graph]);
        if what == "record" {
            let mut both = (Recorder::new(labels.clone(), Recorder::DEFAULT_CAP), summary);
            simulate(black_box(&problem), &mut *strategy, &mut both).unwrap()
        } else {
            simulate(black_box(&problem), &mut *strategy, &mut summary).unwrap()
        }
    });
}

/// The hold model on `std`'s binary heap: pop the next event, push one later. Nothing but the queue.
#[divan::bench(args = [8, 64, 1000])]
fn bare_event_loop(bencher: Bencher<'_, '_>, pending: u64) {
    const EVENTS: u64 = 100_000;
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let mut state = 1u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 40
        };
        let mut heap: BinaryHeap<Reverse<(u64, u64, u64)>> =
            (0..pending).map(|sequence| Reverse((random(), sequence, 0))).collect();
        for sequence in 0..EVENTS {
            if let Some(Reverse((time, _, payload))) = heap.pop() {
                heap.push(Reverse((time + random(), pending + sequence, payload + 1)));
            }
        }
        black_box(heap.len())
    });
}
