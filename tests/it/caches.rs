//! Shared caches in a run.

use crate::dynamics::{on_device, play_all};
use hetsoc::config::{assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::simulation::{CacheOutcome, Outcome};
use std::path::Path;

const FAST: &str = "[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\nmemory_clock = \"fixed\"\n";

fn stream(name: &str, model: &str) -> String {
    format!(
        "[[stream]]\nname = \"{name}\"\nmodel = \"{model}\"\narrivals = {{ kind = \"back-to-back\", count = 20 }}\n"
    )
}

fn caches(outcome: &Outcome) -> &CacheOutcome {
    outcome.dynamics.as_ref().unwrap().caches.as_ref().unwrap()
}

fn mean(outcome: &Outcome, stream: usize) -> f64 {
    let all = &outcome.streams[stream].latencies;
    all.iter().map(|l| l.1.millis()).sum::<f64>() / all.len() as f64
}

#[test]
fn alone_every_operator_costs_what_it_did() {
    for (model, executor) in
        [("mobilenet_v2", "cpu-1large"), ("resnet50", "cpu-1large3med"), ("mobilenet_v1", "gpu")]
    {
        let text = format!(
            "{}[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n{FAST}",
            stream("one", model)
        );
        let (off, before, _) = play_all(on_device("xiaomi-9", &text));
        let (on, after, _) = play_all(on_device("xiaomi-9", &format!("{text}caches = true\n")));
        assert_eq!(before.operators, after.operators, "{executor}");
        assert_eq!(before.intervals, after.intervals);
        assert_eq!(off.dram_bytes.to_bits(), on.dram_bytes.to_bits());
        assert!(off.dynamics.unwrap().caches.is_none());
        let books = caches(&on);
        assert_eq!(books.extra_bytes, 0.0);
        let touched: f64 = books.bytes.iter().flatten().sum();
        println!("{executor}: {:?} of {touched}", books.bytes.iter().find(|b| b.iter().sum::<f64>() > 0.0));
        assert!(touched > 0.0);
    }
}

/// Two networks on two executors, each with a core or more of its own.
fn pair(on: bool, models: [&str; 2]) -> Outcome {
    let switch = if on { "caches = true\n" } else { "" };
    let text = format!(
        "{}{}[strategy]\nname = \"fixed\"\nparameters = {{ executors = \"cpu-1large+cpu-3med\" }}\n{FAST}{switch}",
        stream("a", models[0]),
        stream("b", models[1])
    );
    let (outcome, log, _) = play_all(on_device("xiaomi-9", &text));
    // Bytes moved are bytes served.
    let mut served = 0.0;
    for (i, (time, rate)) in log.bandwidth.iter().enumerate() {
        let until = log.bandwidth.get(i + 1).map_or(outcome.end, |next| next.0);
        served += rate * until.since(*time).seconds();
    }
    let moved = outcome.dynamics.as_ref().unwrap().served_bytes;
    assert!((served / moved - 1.0).abs() < 1e-6, "{served} {moved}");
    outcome
}

#[test]
fn two_sharers_lose_hits() {
    let models = ["mobilenet_v2", "resnet50"];
    let (off, on) = (pair(false, models), pair(true, models));
    let books = caches(&on);
    println!("{books:?}\n{} {} ms, {} {} ms", mean(&off, 0), mean(&on, 0), mean(&off, 1), mean(&on, 1));
    assert!(books.extra_bytes > 0.0);
    assert!(mean(&on, 0) >= mean(&off, 0) && mean(&on, 1) >= mean(&off, 1));
    // More reaches memory, by what was lost.
    let more = on.dram_bytes - off.dram_bytes;
    assert!((more / books.extra_bytes - 1.0).abs() < 0.02, "{more} {}", books.extra_bytes);
}

#[test]
fn a_memory_hog_costs_hits_and_a_smaller_one_fewer() {
    let lost = |rate: f64| {
        let text = format!(
            "{}[strategy]\nname = \"single\"\nparameters = {{ executor = \"cpu-1large\" }}\n{FAST}caches = true\n[[background]]\nname = \"hog\"\nkind = \"thread\"\non = \"cpu5\"\ngb_per_s = {rate}\n",
            stream("one", "mobilenet_v2")
        );
        let (outcome, _, _) = play_all(on_device("xiaomi-9", &text));
        (caches(&outcome).extra_bytes, mean(&outcome, 0))
    };
    let found: Vec<(f64, f64)> = [0.01, 0.5, 4.0].map(lost).to_vec();
    println!("{found:?}");
    assert!(found[0].0 < found[1].0 && found[1].0 < found[2].0);
    assert!(found[2].1 >= found[0].1);
}

#[test]
fn stages_and_generation_run_under_all_dynamics() {
    for name in ["cascade", "generate"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.toml"));
        let mut text = std::fs::read_to_string(path).unwrap();
        // The generator's SoC has neither [[cache]] tables nor a body.
        let more = if name == "cascade" { "caches = true\n[dynamics.thermal]\n" } else { "" };
        text += &format!(
            "\n[dynamics]\n{more}[[background]]\nname = \"app\"\nkind = \"thread\"\nbursts = {{ gap = {{ mean = \"20ms\" }}, length = {{ mean = \"4ms\" }} }}\ngb_per_s = 1\n"
        );
        let spec = scenario_text(&SourceText::new("test", text.as_str()), Path::new(""), &[])
            .unwrap_or_else(|e| panic!("{e}"))
            .value;
        let assembled = assemble(&spec, &[], &[], None).unwrap_or_else(|e| panic!("{e}"));
        let (outcome, _, told) = play_all(assembled);
        let chain = &outcome.chains[0];
        println!("{name}: {} of {} served, {} events", chain.latencies.len(), chain.offered, outcome.events);
        assert_eq!(chain.latencies.len() as u64, chain.offered);
        assert!(!told.frequencies.is_empty() && outcome.operators > 0);
        assert_eq!(outcome.streams.iter().map(|s| s.unfinished).sum::<u64>(), 0);
    }
}
