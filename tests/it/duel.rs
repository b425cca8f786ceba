//! `hetsoc explain` on two runs, `hetsoc compare`: as typed, with right input and wrong.

use std::path::Path;
use std::process::{Command, Output};

fn hetsoc(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(line.split_whitespace())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn table(line: &str) -> String {
    let output = hetsoc(line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const PHONE: &str =
    "squeezenet1-1 --device xiaomi-9 --runtime mace --executors cpu-1large3med,gpu --requests 4 --warmup 1";

/// Two of everything that people compare, each short to type. Would catch an option that does nothing: the heads must differ.
#[test]
fn what_two_runs_differ_in() {
    let mut page = String::new();
    for against in [
        "--against-strategy single[executor=cpu-1large3med]",
        "--against-runtime tflite",
        "--against-device pixel-4",
        "--against-soc snapdragon-888",
        "--against-granularity operator",
        "--against-executors cpu-1large,gpu",
        "--against-predictor ewma",
        "--against-set noise=false",
        "--against mobilenet-v2",
        "--against scenarios/quickstart.toml",
    ] {
        let text = table(&format!("explain {PHONE} {against} --rows 2"));
        page.push_str(&format!("# {against}\n{}\n", text.split("\nHow this").next().unwrap()));
    }
    insta::assert_snapshot!("two_runs", page);
    // A condition changes what a run costs, and nothing of what was decided.
    let json = table(&format!("explain {PHONE} --against-condition sigma3 --format json"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let slower = |cause: &str| {
        let causes = json["causes"].as_array().unwrap();
        causes.iter().any(|own| own["cause"] == cause && own["difference_ps"].as_i64().unwrap() < 0)
    };
    assert!(slower("bandwidth"), "memory pressure shows as memory traffic");
    // Both runs drew the same: what mechanisms took is all that differs, but for a picosecond of rounding here and there.
    let drawn = json["causes"].as_array().unwrap().iter().find(|own| own["cause"] == "variation").unwrap();
    assert!(drawn["difference_ps"].as_i64().unwrap().abs() < 10_000, "{drawn}");
    assert!(!slower("execution") && !slower("placement") && !slower("transfer"), "{}", json["causes"]);
}

/// A scenario against itself under another strategy, and what JSON holds.
#[test]
fn scenarios_take_other_strategies() {
    let line = "explain scenarios/two-networks.toml --against-strategy heft --format json";
    let json: serde_json::Value = serde_json::from_str(&table(line)).unwrap();
    assert_eq!(json["b"]["strategy"], "heft");
    assert_ne!(json["a"]["strategy"], json["b"]["strategy"]);
    let sum = |list: &str| -> i64 {
        json[list].as_array().unwrap().iter().map(|row| row["difference_ps"].as_i64().unwrap()).sum()
    };
    let whole = json["difference_ps"].as_i64().unwrap();
    assert_eq!((sum("causes"), sum("operators")), (whole, whole));
    assert_eq!(json["a"]["latency_ps"].as_i64().unwrap() - json["b"]["latency_ps"].as_i64().unwrap(), whole);
}

/// Stages of a given time are planned by nobody, and repeated runs have to know that. Clocks below the reference are told from the operator's own time.
#[test]
fn one_run_with_stages_or_with_a_condition() {
    for scenario in ["cascade", "cold-start"] {
        let text = table(&format!("explain scenarios/{scenario}.toml --what-if 0"));
        assert!(text.contains("where the time went"), "{scenario}");
    }
    let json = table(&format!("explain {PHONE} --condition sigma3 --what-if 0 --format json"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let parts = json["parts"].as_array().unwrap();
    let time = |name: &str| {
        parts.iter().find(|part| part["part"] == name).map_or(0, |part| part["time_ps"].as_i64().unwrap())
    };
    assert_eq!(
        parts.iter().map(|part| part["time_ps"].as_i64().unwrap()).sum::<i64>(),
        json["latency_ps"].as_i64().unwrap()
    );
    assert!(time("bandwidth-share") > 0 && time("clocks") != 0, "{parts:?}");
}

fn told(line: &str) -> String {
    let output = hetsoc(line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.stdout.is_empty(), "{line}");
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("warning")).collect();
    format!("# {line}\nexit {}\n{}\n\n", output.status.code().unwrap(), lines.join("\n"))
}

#[test]
fn wrong_pairs_are_explained() {
    let mut page = String::new();
    for wrong in [
        "--against-strategy fastest",
        "--against-strategy eft --against-granularity task",
        "--against nowhere.toml",
        "--against-device moon",
        "--against-device pixel-4 --against-soc snapdragon-888",
        "--against-runtime ncnnn",
        "--against-condition sigma9",
        "--against-executors tpu",
        "--against-plan nowhere.json",
        "--against-strategy single --against-plan nowhere.json",
        "--against-set stop.requests",
        "--against-strategy eft --request 9",
        "--against-strategy eft --stream camera",
        "--against-strategy eft --what-if 3",
        "--against-strategy eft --format csv",
        "--rows 3",
    ] {
        page.push_str(&told(&format!("explain {PHONE} {wrong}")));
    }
    insta::assert_snapshot!("wrong_pairs", page);
}

const COMPARED: &str =
    "compare mobilenet-v2 squeezenet1-1 --runtime tflite --requests 8 --replications 2 --seed 3";

/// Three strategies, two networks, two devices, two conditions, two granularities: the table, and every column of it in CSV and JSON.
#[test]
fn strategies_side_by_side() {
    let dimensions = "--device xiaomi-9,galaxy-s10 --condition sigma0,sigma4 --granularity operator,task --strategy single --strategy heft \
                      --strategy met --period 30ms --deadline 20ms";
    let text = table(&format!("{COMPARED} {dimensions}"));
    // The settings without competing work, and the shape of the rest.
    let blocks: Vec<&str> = text
        .split("\n\n")
        .filter(|block| !block.contains("sigma4") && !block.starts_with("over all"))
        .collect();
    insta::assert_snapshot!("side_by_side", blocks.join("\n\n"));
    assert_eq!(text.lines().filter(|line| line.contains(" @ ") && line.contains(" (8) ")).count(), 48);
    let csv = table(&format!("{COMPARED} {dimensions} --format csv"));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3 * 2 * 2 * 2 * 2);
    let cell = |row: &csv::StringRecord, name: &str| {
        row[headers.iter().position(|header| header == name).unwrap()].to_owned()
    };
    for row in &rows {
        let number =
            |name: &str| cell(row, name).parse::<f64>().unwrap_or_else(|_| panic!("{name}: {row:?}"));
        let product = number("latency_ms") * number("energy_per_inference_mj");
        assert!((number("energy_delay_mj_ms") / product - 1.0).abs() < 1e-9);
        assert_eq!(number("deadline_judged"), 8.0);
        assert!((number("deadline_miss_ratio") - number("deadline_missed") / 8.0).abs() < 1e-12);
        // What takes longer than the deadline even in the mean cannot have met it always.
        assert!(number("latency_ms") < 20.0 || number("deadline_missed") > 0.0);
        for name in [
            "latency_half_width_ms",
            "p99_ms",
            "speedup_over_single",
            "dropped",
            "peak_memory_bytes",
            "prediction_error_percent",
            "rank",
        ] {
            assert!(number(name) >= 0.0, "{name}");
        }
        assert_eq!(cell(row, "frames_missed").is_empty(), cell(row, "condition") == "sigma0");
    }
    // Equal points stand on the front together.
    let front = |strategy: &str| {
        rows.iter()
            .filter(|row| {
                cell(row, "strategy") == strategy
                    && cell(row, "granularity") == "task"
                    && cell(row, "pareto") == "true"
            })
            .count()
    };
    assert_eq!(front("single"), front("met"));
}

#[test]
fn wrong_comparisons_are_explained() {
    let mut page = String::new();
    for wrong in [
        "--device xiaomi-9 --strategy fastest --strategy single",
        "--device xiaomi-9,moon --strategy single",
        "--soc moon --strategy single",
        "--device xiaomi-9 --runtime tflight --strategy single",
        "--device xiaomi-9 --strategy single --deadline 20",
        "--device xiaomi-9 --strategy single --deadline 0ms",
        "--device xiaomi-9 --strategy single --strategy single",
        "--device xiaomi-9 --strategy single --granularity fine",
        "--device xiaomi-9 --strategy single --condition sigma9",
        "--device xiaomi-9 --strategy single --plot figure.jpg",
        "--strategy single",
    ] {
        page.push_str(&told(&format!("{COMPARED} {wrong}")));
    }
    page.push_str(&told("compare scenarios/quickstart.toml --deadline 20ms"));
    insta::assert_snapshot!("wrong_comparisons", page);
}

/// A name stands once over the columns that share it. Would catch headers that leave it to the reader to guess what an empty one means.
#[cfg(feature = "plots")]
#[test]
fn the_figure_groups_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figure.svg");
    let line = format!(
        "{COMPARED} --device xiaomi-9,galaxy-s10 --condition sigma0,sigma4 --strategy single --strategy met --deadline 20ms --plot {}",
        path.display()
    );
    table(&line);
    let svg = std::fs::read_to_string(Path::new(&path)).unwrap();
    let count = |text: &str| svg.matches(&format!(">{text}<")).count();
    assert_eq!((count("mobilenet-v2"), count("sigma0"), count("xiaomi-9")), (1, 2, 4));
    assert!(svg.contains(">E 1.00, late 0 %<"), "energy and deadlines of the fastest");
}
