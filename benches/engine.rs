//! Speed of the simulation: tasks per second beside a bare event loop, in one process.
//!
//! `cargo bench --bench engine`. Inputs are read before the clock starts; online EFT and the metrics of the
//! outcome are included, the full record is off. Figures are ratios to be compared within one run: machines drift.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark, not an interface")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::{Problem, simulate};
use hetsoc::strategy::{EarliestFinishTime, TransferStart};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

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
