//! `hetsoc validate --all` and `hetsoc measurements`, as a person would use them.

use std::process::{Command, Output};

fn hetsoc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).env_remove("HETSOC_SHARED").output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn all_tables_that_ship_are_scored_without_any_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (report, figure) = (path("report.md"), path("figure.svg"));
    let found = hetsoc(&["validate", "--all", "--report", &report, "--plot", &figure]);
    assert!(found.status.success(), "{}", told(&found));
    let screen = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(screen.contains("snapdragon-855/mace") && screen.contains("fallback-chain"), "{screen}");
    assert!(told(&found).contains("--data"));
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("| x86-pair/onnxruntime |") && report.contains("not validated"));
    assert!(report.contains("40 of 40 compared"));
    let figure = std::fs::read_to_string(path("figure-snapdragon-855-mace.svg")).unwrap();
    assert!(figure.contains("codl-yolov2"), "a point names its network");
    // A limit applies to every table.
    assert_eq!(hetsoc(&["validate", "--all", "--fail-if", "mape_percent > 5"]).status.code(), Some(11));
    let empty = folder.path().to_str().unwrap();
    assert!(told(&hetsoc(&["validate", "--all", "--data", empty])).contains("none of the tables"));
    assert_eq!(hetsoc(&["validate", "--all", "--soc", "snapdragon-855"]).status.code(), Some(2));
    assert_eq!(hetsoc(&["validate", "--data", empty]).status.code(), Some(2));
}

#[test]
fn a_profile_becomes_tables_that_validate_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (list, operators, totals) = (path("list.csv"), path("operators.csv"), path("totals.csv"));
    let rows = [
        (
            "CONV_2D",
            r#"{"input_shape":112,"input_channel":3,"output_shape":56,"stride":2,"kernel":3,"filter":16,"group":1}"#,
        ),
        (
            "DEPTHWISE_CONV_2D",
            r#"{"input_shape":56,"input_channel":16,"output_shape":56,"stride":1,"kernel":3,"filter":1,"group":16}"#,
        ),
        ("MEAN", r#"{"input_shape":56,"input_channel":16,"output_shape":16,"kernel":0}"#),
        ("FULLY_CONNECTED", r#"{"input_channel":16,"filter":10}"#),
    ];
    let mut text = "model,family,op_index,op,feature_json\n".to_owned();
    for (i, (op, features)) in rows.iter().enumerate() {
        text.push_str(&format!("tiny,tiny,{i},{op},\"{}\"\n", features.replace('"', "\"\"")));
    }
    std::fs::write(&list, text).unwrap();
    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tflite_op_profile.csv");
    let common =
        ["--model", "tiny", "--soc", "Snapdragon 855", "--runtime", "tflite-2.10", "--precision", "fp32"];
    let graph = format!("{list}#tiny");
    let mut arguments = vec!["measurements", profile, "--cores", "1large", "--graph", &graph];
    arguments.extend(common);
    arguments.extend(["--out", &operators, "--totals", &totals]);
    let made = hetsoc(&arguments);
    assert!(told(&made).is_empty() || made.status.success(), "{}", told(&made));
    for (table, of, count) in [(&operators, "operators", 4), (&totals, "networks", 1)] {
        let scored = hetsoc(&["validate", "--operators", &list, "--measurements", table, "--format", "json"]);
        assert!(scored.status.success(), "{}", told(&scored));
        let json: serde_json::Value = serde_json::from_slice(&scored.stdout).unwrap();
        let group = &json["groups"][0];
        assert_eq!((group["of"].as_str(), group["rows"].as_u64()), (Some(of), Some(count)), "{json}");
    }
    // Tables that exist are kept, or get more rows.
    assert_eq!(hetsoc(&arguments).status.code(), Some(13));
    arguments.push("--append");
    assert!(hetsoc(&arguments).status.success());
    assert_eq!(std::fs::read_to_string(&operators).unwrap().lines().count(), 9);
    let mut without_cores = vec!["measurements", profile];
    without_cores.extend(common);
    assert!(told(&hetsoc(&without_cores)).contains("--cores"));
    let mut wrong = vec!["measurements", &list, "--cores", "1large"];
    wrong.extend(common);
    let wrong = hetsoc(&wrong);
    assert!(wrong.status.code() == Some(3) && told(&wrong).contains("neither"), "{}", told(&wrong));
}
