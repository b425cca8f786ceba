use super::what_if::replay;
use super::*;
use crate::config::{assemble, scenario_text};
use crate::diagnostics::SourceText;
use std::path::Path;

/// A task graph with its strategy, ready to run.
pub(super) fn task_graph(dag: &str, strategy: &str) -> Assembled {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("g.json"), dag).unwrap();
    let text = format!(
        "schema = 1\n[scenario]\nname = \"t\"\n[[stream]]\nname = \"s\"\ndag = \"g.json\"\narrivals = {{ kind = \"single\" }}\n[strategy]\nname = \"{strategy}\"\n"
    );
    let spec = scenario_text(&SourceText::new("t.toml", text), folder.path(), &[]).unwrap().value;
    assemble(&spec, &[], &[], None).unwrap()
}

fn explained(assembled: &mut Assembled) -> Explanation {
    explain(assembled, &ExplainOptions { operators: 10, ..ExplainOptions::default() }).unwrap()
}

fn bound(explanation: &Explanation, change: &str) -> u64 {
    let found = explanation.what_if.iter().find(|w| w.change.contains(change));
    found.unwrap_or_else(|| panic!("{change}: {:?}", explanation.what_if)).latency_ps.unwrap() / 1_000_000
}

fn part(explanation: &Explanation, part: Part) -> i128 {
    explanation.parts.iter().filter(|p| p.part == part).map(|p| p.time_ps).sum::<i128>() / 1_000_000
}

/// 10 us on a, then 100 bytes at 10 bytes/us + 2 us, then 20 us on b: 42 us.
pub(super) const CHAIN: &str = r#"{"name":"c","platform":{"pes":[{"id":0,"name":"a"},{"id":1,"name":"b"}],"latency_us":2,"bandwidth_bytes_per_us":10},
    "tasks":[{"id":0,"cost":[10,null]},{"id":1,"cost":[null,20]}],"edges":[[0,1,100]]}"#;

#[test]
fn a_chain_over_two_processors_adds_up() {
    let e = explained(&mut task_graph(CHAIN, "eft"));
    assert_eq!(e.latency_ps, 42_000_000);
    assert_eq!((part(&e, Part::Compute), part(&e, Part::Transfer)), (30, 12));
    assert_eq!(e.path.len(), 3);
    assert_eq!(e.path[0].why.as_deref(), Some("the only executor that can run it"));
    assert_eq!(bound(&e, "transfers"), 30);
    assert_eq!(bound(&e, "operator 0"), 32);
    assert_eq!(bound(&e, "operator 1"), 22);
}

/// A fork: 1 takes 30 on one processor, 2 takes 5 on the other; only the long arm is critical.
pub(super) const FORK: &str = r#"{"name":"f","platform":{"pes":[{"id":0,"name":"a"},{"id":1,"name":"b"}],"latency_us":0,"bandwidth_bytes_per_us":1000},
    "tasks":[{"id":0,"cost":[10,null]},{"id":1,"cost":[30,null]},{"id":2,"cost":[null,5]},{"id":3,"cost":[10,null]}],
    "edges":[[0,1,0],[0,2,0],[1,3,0],[2,3,0]]}"#;

#[test]
fn what_is_not_critical_saves_nothing() {
    let e = explained(&mut task_graph(FORK, "eft"));
    assert_eq!(e.latency_ps, 50_000_000);
    let names: Vec<&str> = e.path.iter().map(|s| s.what.as_str()).collect();
    assert!(!names.iter().any(|n| n.contains("operator 2")), "{names:?}");
    // Without the long arm, the short one decides: 10 + 5 + 10.
    assert_eq!(bound(&e, "operator 1"), 25);
    assert_eq!(bound(&e, "transfers"), 50);
}

#[test]
fn queueing_is_counted_from_arrival() {
    let dag = CHAIN.replace("\"edges\"", "\"arrivals_us\":[0,1],\"edges\"");
    let mut assembled = task_graph(&dag, "eft");
    let e =
        explain(&mut assembled, &ExplainOptions { request: Some(1), ..ExplainOptions::default() }).unwrap();
    let total: i128 = e.parts.iter().map(|p| p.time_ps).sum();
    assert_eq!(total, i128::from(e.latency_ps));
    assert!(e.latency_ps > 42_000_000);
    let none = explain(&mut assembled, &ExplainOptions { request: Some(9), ..ExplainOptions::default() });
    assert_eq!(none.unwrap_err().to_string(), "there is no request 9; the stream has 2");
}

#[test]
fn networks_add_up_with_noise_contention_and_fallback() {
    for (model, strategy) in [
        ("mobilenet-v3-small", "delegate"),
        ("squeezenet1-1", "single"),
        ("mobilenet-v3-small", "eft"),
        ("resnet18", "mace"),
    ] {
        let text = format!(
            "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\n[scenario]\nname = \"t\"\n[[stream]]\nname = \"a\"\nmodel = \"{model}\"\n\
             arrivals = {{ kind = \"periodic\", period = \"20ms\", count = 3 }}\n[[stream]]\nname = \"b\"\nmodel = \"squeezenet1-1\"\n\
             arrivals = {{ kind = \"periodic\", period = \"15ms\", count = 3 }}\n[strategy]\nname = \"{strategy}\"\n"
        );
        let spec = scenario_text(&SourceText::new("t.toml", text), Path::new(""), &[]).unwrap().value;
        let mut assembled = assemble(&spec, &[], &[], None).unwrap();
        for request in 0..3 {
            let options =
                ExplainOptions { request: Some(request), operators: 2, ..ExplainOptions::default() };
            let e = explain(&mut assembled, &options).unwrap();
            assert_eq!(
                e.parts.iter().map(|p| p.time_ps).sum::<i128>(),
                i128::from(e.latency_ps),
                "{model} {strategy} {request}"
            );
            assert_eq!(e.path.iter().map(|p| p.time_ps).sum::<u64>(), e.latency_ps);
        }
    }
}

#[test]
fn playing_the_same_again_changes_nothing() {
    let mut assembled = task_graph(FORK, "eft");
    let mut played = Played::new(&mut assembled).unwrap();
    let again = replay(&assembled.problem, &mut played.frozen, &assembled.labels).unwrap();
    assert_eq!(again.requests, played.record.requests);
}
