//! What the dynamics of a run cost: each model off and on, and all of them, beside the bare event loop of the same run.
//!
//! `cargo bench --bench dynamics`. Items are operators that were finished; planning and the figures of the outcome are included, no
//! observer listens. `bare` pushes and pops as many events per operator through `std`'s binary heap as the run beside it had, and
//! does nothing else: the ratio of the two is what the models themselves cost, and does not depend on what else a machine does.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark, not an interface")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hetsoc::config::{assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::{Outcome, Problem, simulate};
use hetsoc::strategy::{Strategy, StrategySpec};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

fn main() {
    println!(
        "events per operator: all (of them looks of clocks, caches, heat, competing work); times that rates were solved"
    );
    for run in Run::ALL {
        for name in MODELS {
            println!("{}", Bench::new(run, name).describe(name));
        }
    }
    divan::main();
}

/// Each model alone on clocks that stay where they are, and all together. `all` is schedutil at 1 ms, heat each 100 ms, shared bandwidth,
/// memory votes, power, caches and frames at 60 Hz; `all+thread` adds a thread that competes for a core.
const MODELS: [&str; 10] =
    ["off", "power", "schedutil", "votes", "heat", "caches", "render", "thread", "all", "all+thread"];

/// What runs.
#[derive(Debug, Clone, Copy)]
enum Run {
    /// ResNet-50 on the GPU at 30 frames per second, latest frame only.
    Gpu,
    /// ResNet-50 on four cores of two clusters, latest frame only.
    Cpu,
    /// ResNet-50 on four cores and MobileNetV2 on the GPU at the same time.
    Two,
}

impl Run {
    const ALL: [Self; 3] = [Self::Gpu, Self::Cpu, Self::Two];

    const fn id(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Cpu => "cpu",
            Self::Two => "two networks",
        }
    }

    fn streams(self) -> String {
        let stream = |model: &str| {
            format!(
                "[[stream]]\nmodel = \"{model}\"\nqueue = {{ policy = \"latest-only\" }}\narrivals = {{ kind = \"periodic\", period = \"33.333ms\", count = 1000 }}\n"
            )
        };
        match self {
            Self::Gpu | Self::Cpu => stream("resnet50"),
            Self::Two => stream("resnet50") + &stream("mobilenet-v2"),
        }
    }

    fn strategy(self, problem: &Problem) -> Box<dyn Strategy> {
        let executors = match self {
            Self::Gpu => "gpu",
            Self::Cpu => "cpu-1large3med",
            Self::Two => "cpu-1large3med+gpu",
        };
        let spec: StrategySpec = format!("fixed[executors={executors}]").parse().unwrap();
        spec.build(&problem.platform).unwrap()
    }
}

fn tables(name: &str) -> String {
    const FIXED: &str = "[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\n";
    const STILL: &str = "memory_clock = \"fixed\"\n";
    const HEAT: &str = "[dynamics.thermal]\nperiod = \"100ms\"\n";
    const RENDER: &str = "[[background]]\nname = \"ui\"\nkind = \"render\"\non = \"gpu\"\nhz = 60\nframe = { constant = \"4ms\" }\ngb_per_s = 3\n";
    const THREAD: &str = "[[background]]\nname = \"app\"\nkind = \"thread\"\nbursts = { gap = { mean = \"40ms\" }, length = { constant = \"8ms\" } }\ngb_per_s = 1\n";
    let all = format!("[dynamics]\ncaches = true\n{HEAT}{RENDER}");
    match name {
        "off" => String::new(),
        "power" => format!("{FIXED}{STILL}"),
        "schedutil" => format!("[dynamics]\n{STILL}"),
        "votes" => FIXED.to_owned(),
        "heat" => format!("{FIXED}{STILL}{HEAT}"),
        "caches" => format!("{FIXED}{STILL}caches = true\n"),
        "render" => format!("{FIXED}{STILL}{RENDER}"),
        "thread" => format!("{FIXED}{STILL}{THREAD}"),
        "all" => all,
        _ => format!("{all}{THREAD}"),
    }
}

struct Bench {
    run: Run,
    problem: Problem,
    outcome: Outcome,
}

impl Bench {
    fn new(run: Run, name: &str) -> Self {
        let text = format!(
            "schema = 1\ndevice = \"xperia-1\"\nruntime = \"tflite\"\nexecutors = [\"cpu-1large3med\", \"gpu\"]\nnoise = false\n[scenario]\nname = \"bench\"\n{}[strategy]\nname = \"fixed\"\n{}",
            run.streams(),
            tables(name)
        );
        let spec = scenario_text(&SourceText::new("bench", text), Path::new(""), &[]).unwrap().value;
        let problem = assemble(&spec, &[], &[], None).unwrap().problem;
        let outcome = simulate(&problem, &mut *run.strategy(&problem), &mut ()).unwrap();
        Self { run, problem, outcome }
    }

    fn describe(&self, name: &str) -> String {
        let outcome = &self.outcome;
        let per = |count: u64| count as f64 / outcome.operators as f64;
        let looks = outcome.dynamics.as_ref().map(|dynamics| dynamics.looks).unwrap_or_default();
        format!(
            "{:<13} {name:<11} {:.2} ({:.3}, {:.3}, {:.3}, {:.3}); {:.2}",
            self.run.id(),
            per(outcome.events),
            per(looks.clocks),
            per(looks.caches),
            per(looks.heat),
            per(looks.competing),
            per(looks.solved),
        )
    }

    fn play(&self, bencher: Bencher<'_, '_>) {
        bencher.counter(ItemsCount::new(self.outcome.operators)).bench_local(|| {
            simulate(black_box(&self.problem), &mut *self.run.strategy(&self.problem), &mut ()).unwrap()
        });
    }

    /// The hold model: pop the next event, push one later; as many as the run had, over as many pending ones as it has at most.
    fn bare(&self, bencher: Bencher<'_, '_>) {
        let events = self.outcome.events;
        let pending = 16;
        bencher.counter(ItemsCount::new(self.outcome.operators)).bench_local(|| {
            let mut state = 1u64;
            let mut random = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 40
            };
            let mut heap: BinaryHeap<Reverse<(u64, u64, u64)>> =
                (0..pending).map(|sequence| Reverse((random(), sequence, 0))).collect();
            for sequence in 0..events {
                if let Some(Reverse((time, _, payload))) = heap.pop() {
                    heap.push(Reverse((time + random(), pending + sequence, payload + 1)));
                }
            }
            black_box(heap.len())
        });
    }
}

#[divan::bench(args = MODELS, sample_count = 20, sample_size = 1)]
fn gpu(bencher: Bencher<'_, '_>, name: &str) {
    Bench::new(Run::Gpu, name).play(bencher);
}

#[divan::bench(args = MODELS, sample_count = 20, sample_size = 1)]
fn cpu(bencher: Bencher<'_, '_>, name: &str) {
    Bench::new(Run::Cpu, name).play(bencher);
}

#[divan::bench(args = ["off", "all", "all+thread"], sample_count = 20, sample_size = 1)]
fn two_networks(bencher: Bencher<'_, '_>, name: &str) {
    Bench::new(Run::Two, name).play(bencher);
}

#[divan::bench(args = ["gpu", "cpu", "two networks"], sample_count = 20, sample_size = 1)]
fn bare_all(bencher: Bencher<'_, '_>, name: &str) {
    let run = Run::ALL.into_iter().find(|run| run.id() == name).unwrap();
    Bench::new(run, "all").bare(bencher);
}
