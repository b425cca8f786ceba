//! Strategies side by side: the same whatever the number of threads, and honest about what differs.

use hetsoc::config::scenario_text;
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::compare::{Case, CaseKey, Comparison, compare, play_cases};
use std::path::Path;

fn case(network: &str, strategy: &str, noise: bool) -> Case {
    let text = format!(
        "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\nexecutors = [\"cpu-1large3med\", \"gpu\"]\nnoise = {noise}\n\
         [scenario]\nname = \"{network}\"\n[[stream]]\nname = \"{network}\"\nmodel = \"{network}\"\n\
         arrivals = {{ kind = \"back-to-back\", count = 6 }}\n[strategy]\nname = \"single\"\n[stop]\nwarmup = 1\n"
    );
    let mut spec = scenario_text(&SourceText::new("test", text), Path::new(""), &[]).unwrap().value;
    spec.strategy = strategy.parse().unwrap();
    let key = CaseKey {
        network: network.to_owned(),
        device: "xiaomi-9".to_owned(),
        runtime: "mace".to_owned(),
        condition: String::new(),
        strategy: strategy.to_owned(),
        granularity: String::new(),
    };
    Case { key, spec, overrides: Vec::new(), dims: Vec::new() }
}

fn played(cases: &[Case], replications: u32, jobs: usize) -> Comparison {
    compare(cases, &play_cases(cases, replications, jobs, &|| ()), 0, replications)
}

#[test]
fn the_number_of_threads_does_not_show() {
    let cases: Vec<Case> = ["mobilenet-v2", "vgg16"]
        .iter()
        .flat_map(|network| {
            ["single", "eft", "mulayer-like[fallback=cpu-1large3med]"].map(|s| case(network, s, true))
        })
        .collect();
    let alone = played(&cases, 3, 1);
    assert_eq!(alone, played(&cases, 3, 4));
    assert_eq!(alone.settings.len(), 2);
    for setting in &alone.settings {
        let first =
            alone.rows.iter().find(|row| row.key.network == setting.network && row.rank == Some(1)).unwrap();
        assert_eq!(first.key.alternative(), setting.order[0]);
        assert!(first.winner && first.latency_ms.unwrap().half_width.unwrap() > 0.0);
        // Three alternatives make three pairs; eft is 1.5 times slower here, which three replications show.
        assert_eq!(setting.pairs.len(), 3);
        assert!(setting.pairs.iter().any(|pair| pair.differs));
    }
}

#[test]
fn the_same_plan_by_two_names_cannot_be_told_apart() {
    let cases = ["single", "single[executor=gpu]", "single[executor=cpu-1large3med]"]
        .map(|s| case("posenet-codl-256", s, true));
    let found = played(&cases, 4, 2);
    let setting = &found.settings[0];
    assert_eq!(setting.winners, ["single", "single[executor=gpu]"]);
    let slow = found.rows.iter().find(|row| row.key.strategy.contains("cpu")).unwrap();
    assert!(!slow.winner && slow.rank == Some(3) && slow.speedup_over_single.unwrap() < 1.0);
}

#[test]
fn a_case_that_cannot_be_played_says_why_and_spoils_nothing() {
    let cases = ["single", "single[executor=npu]"].map(|s| case("vgg16", s, false));
    let found = played(&cases, 1, 1);
    assert!(found.rows[1].failure.as_deref().unwrap().contains("npu"));
    assert_eq!((found.rows[0].rank, found.rows[1].rank), (Some(1), None));
    assert_eq!(found.settings[0].order, ["single"]);
}
