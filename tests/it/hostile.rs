//! Labels that would act on a terminal, a spreadsheet, a browser or Graphviz come out harmless everywhere.

use std::path::Path;
use std::process::Command;

/// Escape sequences, formulas, markup, quotes, line breaks, bidirectional overrides.
const NAMES: [&str; 6] = [
    "=cmd|' /C calc'!A0",
    "\u{1b}[31mred\u{7}",
    "<script>alert(1)</script>",
    "a\"]; evil [label=\"x",
    "two\nlines\r\tand tab",
    "\u{202e}gnp.exe",
];

/// A chain of convolutions whose names are hostile, as a native graph.
fn model() -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = String::from(
        "schema = 1\nname = \"<b>=1+1\\u001b[0m\"\ninputs = [{ name = \"<x>\", shape = [1, 8, 16, 16] }]\n",
    );
    text.push_str("constants = [{ name = \"=w\", shape = [8, 8, 3, 3] }]\n");
    text.push_str(&format!("outputs = [{}]\n", quoted(&format!("t{}", NAMES[NAMES.len() - 1]))));
    let mut last = "<x>".to_owned();
    for name in NAMES {
        let out = format!("t{name}");
        text.push_str(&format!(
            "[[operator]]\ntype = \"Conv\"\nname = {}\ninputs = [{}, \"=w\"]\noutputs = [{}]\nattributes = {{ pads = [1, 1, 1, 1] }}\n",
            quoted(name),
            quoted(&last),
            quoted(&out)
        ));
        last = out;
    }
    text
}

fn harmless(text: &str, whence: &str) {
    for c in text.chars() {
        let control = c.is_control() && !matches!(c, '\n' | '\r');
        assert!(!control && c != '\u{202e}', "{whence} holds {c:?}: {text}");
    }
}

fn run(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    harmless(&errors, "standard error");
    let text = String::from_utf8(output.stdout).unwrap();
    harmless(&text, &arguments.join(" "));
    text
}

fn cells(text: &str, whence: &str) {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    for record in reader.records() {
        for cell in record.unwrap().iter() {
            // Numbers may be negative; nothing else may begin like a formula.
            assert!(
                cell.parse::<f64>().is_ok() || !cell.trim_start().starts_with(['=', '+', '-', '@']),
                "{whence}: {cell}"
            );
        }
    }
}

#[test]
fn hostile_labels_are_harmless_in_every_output() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("m.toml"), model()).unwrap();
    let target = ["m.toml", "--device", "xiaomi-9", "--runtime", "mace", "--requests", "2"];
    run(&["show", "m.toml"], at);
    run(&["show", "m.toml", "--lowering", "mace"], at);
    for arguments in [
        vec!["show", "m.toml", "--format", "csv"],
        vec!["show", "m.toml", "--lowering", "mace", "--format", "csv"],
    ] {
        cells(&run(&arguments, at), "show");
    }
    for arguments in [vec!["show", "m.toml", "--format", "json"], vec!["import", "m.toml", "--to", "json"]] {
        serde_json::from_str::<serde_json::Value>(&run(&arguments, at)).unwrap();
    }
    let again = run(&["import", "m.toml"], at);
    toml::from_str::<toml::Table>(&again).unwrap();
    for arguments in
        [vec!["import", "m.toml", "--dot"], vec!["import", "m.toml", "--dot", "--lowering", "mace"]]
    {
        let text = run(&arguments, at);
        // Outside of quotes, only the language's own words are left.
        let outside: String = text.replace("\\\\", "").replace("\\\"", "").split('"').step_by(2).collect();
        assert!(!outside.contains("evil") && !outside.contains("script"), "{outside}");
    }
    run(&[&["explain"], &target[..]].concat(), at);
    let json = run(&[&["explain"], &target[..], &["--format", "json"]].concat(), at);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    run(&[&["run"], &target[..], &["--out", "o"]].concat(), at);
    for name in ["requests.csv", "operators.csv", "resources.csv"] {
        let text = std::fs::read_to_string(at.join("o").join(name)).unwrap();
        harmless(&text, name);
        cells(&text, name);
    }
    let summary = std::fs::read_to_string(at.join("o/summary.json")).unwrap();
    harmless(&summary, "summary.json");
    serde_json::from_str::<serde_json::Value>(&summary).unwrap();
    for name in ["gantt.svg", "latency.svg"] {
        let text = std::fs::read_to_string(at.join("o").join(name)).unwrap();
        harmless(&text, name);
        assert!(!text.contains("<script") && !text.contains("<b>"), "{name}");
    }
}

#[test]
fn hostile_names_are_harmless_in_messages() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let fails = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hetsoc"))
            .args(arguments)
            .current_dir(at)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.is_empty());
        harmless(&text, &arguments.join(" "));
    };
    let evil = "\u{1b}[31mx\u{7}\u{202e}";
    for command in ["run", "check", "show", "import", "explain"] {
        fails(&[command, evil]);
        fails(&[command, &format!("{evil}.onnx")]);
    }
    fails(&["run", "resnet18", "--device", evil, "--runtime", "mace"]);
    fails(&["run", "resnet18", "--device", "xiaomi-9", "--runtime", evil]);
    fails(&["run", "resnet18", "--device", "xiaomi-9", "--runtime", "mace", "--strategy", evil]);
    fails(&["schema", evil]);
    std::fs::write(at.join("m.toml"), model().replacen("\"Conv\"", "\"\\u001b[31mX\"", 1)).unwrap();
    fails(&["show", "m.toml"]);
}
