//! `hetsoc reproduce sustained` from outside.

use std::process::{Command, Output};

fn sustained(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(["reproduce", "sustained"])
        .args(arguments)
        .output()
        .unwrap()
}

fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let output = sustained(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
    assert!(output.stdout.is_empty());
}

/// The whole table of a short run: twenty seconds heat nothing yet, so that both keep what they had; what differs is the layout. Catches columns
/// that slip, draws that are not counted, and threads that change the order of the runs.
#[test]
fn the_table_of_a_short_run() {
    let short = ["--network", "vgg16", "--seconds", "20", "--draws", "2"];
    let output = sustained(&[&short[..], &["--jobs", "2"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!("sustained_short", String::from_utf8(output.stdout).unwrap());
}

#[test]
fn the_json_names_every_draw() {
    let arguments = [
        "--network",
        "vgg16",
        "--devices",
        "xperia-1",
        "--seconds",
        "20",
        "--draws",
        "3",
        "--format",
        "json",
    ];
    let output = sustained(&arguments);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = report["runs"].as_array().unwrap();
    // Two loads of one profile, seven priors at two ends, two corners, three draws.
    assert_eq!(runs.len(), 2 * (1 + 14 + 2 + 3));
    assert_eq!(runs.iter().filter(|run| run["draw"] == 2).count(), 2);
    let row = &report["rows"][0];
    let (low, high) = (row["central"][0].as_f64().unwrap(), row["central"][1].as_f64().unwrap());
    assert!(row["least"].as_f64().unwrap() <= low && low <= row["median"].as_f64().unwrap());
    assert!(high <= row["most"].as_f64().unwrap() && report["order"].as_array().unwrap().is_empty());
}

#[test]
fn wrong_inputs_are_explained() {
    let short = |more: &[&'static str]| [&["--seconds", "20", "--draws", "0", "--jobs", "1"], more].concat();
    refused(&short(&["--devices", "xperia-11"]), 4, &["xperia-11", "xperia-1"]);
    // Another chip: the cores of the load are not there.
    refused(&short(&["--devices", "raspberry-pi-5"]), 3, &["cpu-1large3med", "bcm2712"]);
    refused(&short(&["--network", "resnet5"]), 4, &["resnet5"]);
    refused(&["--seconds", "5"], 2, &["20..=36000", "5"]);
    refused(&["--draws", "-1"], 2, &["-1"]);
    refused(&["--devices", ""], 4, &["``"]);
    refused(&["--format", "xml"], 2, &["xml", "json"]);
}
