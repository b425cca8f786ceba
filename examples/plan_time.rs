//! Planning time against the size of the graph: `cargo run --release --example plan_time`.
//!
//! Layered random graphs of 10 to 10,000 operators on four processors, each operator with about two producers; the best of three.

use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::prepare;
use hetsoc::strategy::StrategySpec;
use std::fmt::Write;
use std::time::Instant;

const STRATEGIES: &[&str] = &[
    "single",
    "heft",
    "cpop",
    "peft",
    "lookahead-heft",
    "dls",
    "etf",
    "mct",
    "met",
    "olb",
    "min-min",
    "max-min",
    "sufferage",
    "edf",
    "band",
    "branch-parallel",
    "pipe-it-like",
    "hetero2pipe-like",
    "haxconn-like",
    "exact",
    "local-search",
];

/// The text of a task graph; the same for the same size.
fn graph(operators: u32) -> String {
    let mut state = u64::from(operators);
    let mut below = move |n: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % n.max(1)
    };
    let (mut tasks, mut edges) = (String::new(), String::new());
    for id in 0..operators {
        let costs: Vec<String> = (0..4).map(|_| (10 + below(90)).to_string()).collect();
        let _ =
            write!(tasks, "{}{{\"id\":{id},\"cost\":[{}]}}", if id > 0 { "," } else { "" }, costs.join(","));
        let mut producers: Vec<u32> = (0..2).filter(|_| id > 0).map(|_| id - 1 - below(id.min(20))).collect();
        producers.dedup();
        for producer in producers {
            let _ = write!(
                edges,
                "{}[{producer},{id},{}]",
                if edges.is_empty() { "" } else { "," },
                1000 + below(9000)
            );
        }
    }
    let pes: Vec<String> = (0..4).map(|p| format!("{{\"id\":{p},\"name\":\"p{p}\"}}")).collect();
    format!(
        "{{\"platform\":{{\"pes\":[{}],\"latency_us\":5,\"bandwidth_bytes_per_us\":1000}},\"tasks\":[{tasks}],\"edges\":[{edges}]}}",
        pes.join(",")
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("| strategy | 10 | 100 | 1,000 | 10,000 |\n|---|---|---|---|---|");
    let problems: Vec<_> = [10, 100, 1000, 10_000]
        .into_iter()
        .map(|size| read_dag(&SourceText::new("graph", graph(size)), DagNetwork::ContentionFree))
        .collect::<Result<_, _>>()?;
    for spec in STRATEGIES {
        let mut row = format!("| `{spec}` |");
        for problem in &problems {
            let mut problem = problem.clone();
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                let mut strategy = spec.parse::<StrategySpec>()?.build(&problem.platform)?;
                problem.granularity = strategy.default_granularity();
                let begin = Instant::now();
                prepare(&problem, &mut *strategy)?;
                best = best.min(begin.elapsed().as_secs_f64());
                if best > 2.0 {
                    break;
                }
            }
            let _ = write!(row, " {:.3} ms |", best * 1e3);
        }
        println!("{row}");
    }
    Ok(())
}
