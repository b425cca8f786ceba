//! Wrong slow-downs in SoC profiles, wrong memory and crossings in plain task graphs, and what a person is told.

use hetsoc::config::Library;
use hetsoc::config::dag_file::{DagNetwork, read_dag};
use hetsoc::config::library::ProfileKind;
use hetsoc::diagnostics::SourceText;

const SLOWDOWN: &str = "[[memory.slowdown]]
of = \"gpu\"
normal_from_gb_per_s = 38.1
intensive_from_gb_per_s = 96.2
minor_loss_percent = 4.9
normal_percent_per_gb_per_s = 0.6
intensive_percent_per_gb_per_s = 1.1
onset_gb_per_s = 60
balance_gb_per_s = 110
source = \"invented for a test\"
confidence = \"assumed\"

[[cache]]
id = \"l3-0\"";

/// What is said about Orin with this table in which `old` was replaced by `new`.
fn soc(old: &str, new: &str) -> String {
    let text = Library.text(ProfileKind::Soc, "jetson-agx-orin").unwrap();
    let table = SLOWDOWN.replacen(old, new, 1);
    assert!(old.is_empty() || table != SLOWDOWN, "{old}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, text.replacen("[[cache]]\nid = \"l3-0\"", &table, 1)).unwrap();
    match Library.soc(path.to_str().unwrap(), &[]) {
        Ok(loaded) => format!("{:?}", loaded.value.memory.slowdowns.len()),
        Err(error) => error.to_string(),
    }
}

fn says(said: &str, words: &[&str]) {
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
}

#[test]
fn slow_downs_are_checked() {
    assert_eq!(soc("", ""), "1");
    says(&soc("of = \"gpu\"", "of = \"gpv\""), &["soc::unknown-reference", "gpv", "gpu", "bad.toml"]);
    says(&soc("= 96.2", "= 30"), &["soc::out-of-range", "30", "38.1", "minor, normal, intensive"]);
    says(&soc("intensive_from_gb_per_s = 96.2\n", ""), &["config::missing-key", "or neither"]);
    says(&soc("balance_gb_per_s = 110", "balance_gb_per_s = 50"), &["soc::out-of-range", "50", "60"]);
    says(&soc("minor_loss_percent = 4.9", "minor_loss_percent = 120"), &["soc::out-of-range", "120"]);
    says(&soc("onset_gb_per_s = 60\n", ""), &["onset_gb_per_s"]);
    says(&soc("onset_gb_per_s", "onset"), &["config::unknown-key", "onset"]);
    says(&soc("= 0.6", "= -0.6"), &["soc::out-of-range", "-0.6"]);
    says(&soc("onset_gb_per_s = 60", "onset_gb_per_s = nan"), &["soc::not-finite"]);
    // Two numbers fewer: the intensive region is optional as a whole.
    let two = "intensive_from_gb_per_s = 96.2\nminor_loss_percent = 4.9\nnormal_percent_per_gb_per_s = 0.6\nintensive_percent_per_gb_per_s = 1.1\n";
    assert_eq!(soc(two, "minor_loss_percent = 4.9\nnormal_percent_per_gb_per_s = 0.6\n"), "1");
}

const DAG: &str = r#"{"platform":{"pes":[{"id":0,"name":"gpu"},{"id":1,"name":"dla"}],"latency_us":0,"bandwidth_bytes_per_us":1,"memory_bytes_per_us":100},
"tasks":[{"id":0,"cost":[10,20],"dram_bytes":1000},{"id":1,"cost":[10,20]}],"edges":[[0,1,0]],"crossings":[[0,0,1,3.5]]}"#;

fn dag(old: &str, new: &str, network: DagNetwork) -> String {
    let text = DAG.replacen(old, new, 1);
    assert!(old.is_empty() || text != DAG, "{old}");
    match read_dag(&SourceText::new("bad.json", text), network) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn memory_and_crossings_of_task_graphs_are_checked() {
    let free = |old: &str, new: &str| dag(old, new, DagNetwork::ContentionFree);
    assert_eq!(free("", ""), "fine");
    says(&free("[0,0,1,3.5]", "[1,0,1,3.5]"), &["dag::crossing", "bad.json", "crossings[0]", "edge 1 of 1"]);
    says(&free("[0,0,1,3.5]", "[0,0,2,3.5]"), &["processor 2 of 2"]);
    says(&free("[0,0,1,3.5]", "[0,1,1,3.5]"), &["from processor 1 to itself"]);
    says(&free("[0,0,1,3.5]", "[0,0,1,-1]"), &["-1 us"]);
    says(&free("[0,0,1,3.5]", "[0,0,1,3.5],[0,0,1,4]"), &["crossings[1]", "repeats"]);
    says(&free("[0,0,1,3.5]", "[0,0,1]"), &["dag::syntax"]);
    says(&free(",\"memory_bytes_per_us\":100", ""), &["dag::bytes", "memory_bytes_per_us"]);
    says(&free("\"memory_bytes_per_us\":100", "\"memory_bytes_per_us\":0"), &["dag::bandwidth", "0"]);
    says(&free("1000}", "1001}"), &["dag::bytes", "1001", "10 us", "time alone"]);
    says(&free("1000}", "-5}"), &["dag::bytes", "-5"]);
    says(&dag("", "", DagNetwork::SharedBus), &["dag::crossing", "shared bus"]);
}
