//! Wrong values of what orders queues and judges requests: `deadline` and `priority` of streams, `queue_order` and `key_ps` of plans. And what
//! `hetsoc list strategies` says.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

const SCENARIO: &str = "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\nexecutors = [\"cpu-1large\", \"gpu\"]\n[scenario]\nname = \"s\"\n\
[[stream]]\nname = \"a\"\nmodel = \"squeezenet1-1\"\narrivals = { kind = \"periodic\", period = \"33.3ms\", count = 3 }\ndeadline = \"33ms\"\npriority = 2\n\
[strategy]\nname = \"single\"\n";

fn hetsoc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// What is said about it: exit code and the errors, without warnings.
fn told(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("warning")).collect();
    format!("exit {}\n{}", output.status.code().unwrap(), lines.join("\n"))
}

#[test]
fn wrong_deadlines_and_priorities_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    std::fs::write(&file, SCENARIO).unwrap();
    assert!(hetsoc(&["run", "s.toml"], folder.path()).status.success());
    let mut page = String::new();
    for (old, new) in [
        ("deadline = \"33ms\"", "deadline = \"0ms\""),
        ("deadline = \"33ms\"", "deadline = \"-1ms\""),
        ("deadline = \"33ms\"", "deadline = \"33\""),
        ("deadline = \"33ms\"", "deadline = 33"),
        ("deadline = \"33ms\"", "deadline = \"1e300s\""),
        ("deadline = \"33ms\"", "deadline = \"nanms\""),
        ("deadline = \"33ms\"", "dedline = \"33ms\""),
        ("priority = 2", "priority = -1"),
        ("priority = 2", "priority = 2.5"),
        ("priority = 2", "priority = 4294967296"),
        ("priority = 2", "priority = \"high\""),
        ("priority = 2", "priority = 2\npriority = 3"),
    ] {
        assert!(SCENARIO.contains(old));
        std::fs::write(&file, SCENARIO.replacen(old, new, 1)).unwrap();
        page.push_str(&format!(
            "# {}\n{}\n\n",
            new.replace('\n', "; "),
            told(&hetsoc(&["run", "s.toml"], folder.path()))
        ));
    }
    insta::assert_snapshot!("bad_deadlines_and_priorities", page);
}

/// A plan with keys, as the simulator saves it.
fn plan(folder: &Path) -> Value {
    let run = ["run", "squeezenet1-1", "--device", "xiaomi-9", "--runtime", "mace"];
    let rest = ["--executors", "cpu-1large,gpu", "--strategy", "priority", "--save-plan", "plan.json"];
    assert!(hetsoc(&[&run[..], &rest[..]].concat(), folder).status.success());
    serde_json::from_str(&std::fs::read_to_string(folder.join("plan.json")).unwrap()).unwrap()
}

fn replayed(folder: &Path, plan: &Value) -> Output {
    std::fs::write(folder.join("bad.json"), serde_json::to_string(plan).unwrap()).unwrap();
    let run = ["run", "squeezenet1-1", "--device", "xiaomi-9", "--runtime", "mace"];
    let rest = ["--executors", "cpu-1large,gpu", "--strategy", "replay", "--plan", "bad.json"];
    hetsoc(&[&run[..], &rest[..]].concat(), folder)
}

#[test]
fn wrong_orders_and_keys_of_plans_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let good = plan(folder.path());
    assert_eq!(good["queue_order"], "by-key");
    assert!(replayed(folder.path(), &good).status.success());

    let order = |value: Value| {
        let mut plan = good.clone();
        plan["queue_order"] = value;
        plan
    };
    let key = |value: Value| {
        let mut plan = good.clone();
        plan["streams"][0]["units"][3]["key_ps"] = value;
        plan
    };
    let without = |pointer: &str, name: &str| {
        let mut plan = good.clone();
        plan.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        plan
    };
    let mut misspelt = without("/streams/0/units/3", "key_ps");
    misspelt["streams"][0]["units"][3]["key_us"] = json!(1);
    let mut page = String::new();
    for (what, plan) in [
        ("queue_order is by_key", order(json!("by_key"))),
        ("queue_order is 3", order(json!(3))),
        ("queue_order is fifo, units have keys", order(json!("fifo"))),
        ("no queue_order, units have keys", without("", "queue_order")),
        ("one unit without key_ps", without("/streams/0/units/3", "key_ps")),
        ("key_ps is 1.5", key(json!(1.5))),
        ("key_ps is a text", key(json!("1"))),
        ("key_ps is 2^63", key(json!(9_223_372_036_854_775_808_u64))),
        ("key_us", misspelt),
    ] {
        page.push_str(&format!("# {what}\n{}\n\n", told(&replayed(folder.path(), &plan))));
    }
    insta::assert_snapshot!("bad_keys", page);

    // Any whole number is a key, the extremes too, also where arrivals are added to it.
    for order in ["by-key", "by-key-from-arrival"] {
        for extreme in [i64::MIN, -1, i64::MAX] {
            let mut plan = key(json!(extreme));
            plan["queue_order"] = json!(order);
            let output = replayed(folder.path(), &plan);
            assert!(
                output.status.success(),
                "{order} {extreme}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn strategies_are_listed() {
    let output = hetsoc(&["list", "strategies"], Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    insta::assert_snapshot!("list_strategies", lines.join("\n"));
}

#[test]
fn comparisons_of_scenarios_refuse_what_is_for_models() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = hetsoc(&["compare", "scenarios/cascade.toml", "--device", "pixel-4"], root);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--device is for models; a scenario file says it itself"), "{said}");
}
