//! The catalogue of bad input (docs/BAD-INPUT.md), row by row, through the program itself: non-zero exit, a message that
//! names the place, the value and the rule, nothing on standard output, no panic, no partial file.

use std::path::Path;
use std::process::{Command, Output};

const SCENARIO: &str = "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"mace\"\n[scenario]\nname = \"s\"\n[[stream]]\nname = \"a\"\nmodel = \"squeezenet1-1\"\n\
arrivals = { kind = \"periodic\", period = \"33.3ms\", count = 3 }\n[strategy]\nname = \"single\"\n";

const GRAPH: &str = "schema = 1\ninputs = [{ name = \"x\", shape = [1, 8] }]\noutputs = [\"c\"]\n[[operator]]\ntype = \"Relu\"\nname = \"a\"\ninputs = [\"x\"]\n\
[[operator]]\ntype = \"Sigmoid\"\nname = \"b\"\ninputs = [\"a\"]\n[[operator]]\ntype = \"Tanh\"\nname = \"c\"\ninputs = [\"b\"]\n";

const DAG: &str = "{\"name\":\"d\",\"platform\":{\"pes\":[{\"id\":0,\"name\":\"a\"}],\"latency_us\":1,\"bandwidth_bytes_per_us\":1},\
\"tasks\":[{\"id\":0,\"cost\":[1]},{\"id\":1,\"cost\":[1]}],\"edges\":[[0,1,1]],\"arrivals_us\":[0,5]}";

fn hetsoc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Writes one file, runs a command on it, and expects to be refused with all of `told`.
fn refused(file: &str, content: impl AsRef<[u8]>, command: &[&str], told: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    if !file.is_empty() {
        std::fs::write(folder.path().join(file), content).unwrap();
    }
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let output = hetsoc(command, folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code().is_some_and(|code| code != 0 && code != 1 && code != 101),
        "{command:?}: {:?} {said}",
        output.status
    );
    for text in told {
        assert!(said.contains(text), "{command:?} lacks `{text}`: {said}");
    }
    assert!(output.stdout.is_empty(), "{command:?}: {}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "{command:?} left something");
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn scenario(from: &str, to: &str, told: &[&str]) {
    refused("s.toml", changed(SCENARIO, from, to), &["run", "s.toml"], told);
}

fn graph(from: &str, to: &str, told: &[&str]) {
    refused("g.toml", changed(GRAPH, from, to), &["show", "g.toml"], told);
}

fn dag(from: &str, to: &str, told: &[&str]) {
    refused("d.json", changed(DAG, from, to), &["dag", "d.json"], told);
}

#[test]
fn what_the_cases_start_from_is_good() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, command) in
        [("s.toml", SCENARIO, "run"), ("g.toml", GRAPH, "show"), ("d.json", DAG, "dag")]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
        let output = hetsoc(&[command, name], folder.path());
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn cycles_and_self_loops() {
    dag("[[0,1,1]]", "[[0,1,1],[1,0,1]]", &["has a cycle: 1 -> 0 -> 1"]);
    dag("[[0,1,1]]", "[[1,1,1]]", &["1 -> 1"]);
    graph(
        "inputs = [\"x\"]",
        "inputs = [\"c\"]",
        &["g.toml:14:8", "Relu `a`", "Sigmoid `b`", "Tanh `c`", "must be acyclic"],
    );
    graph("inputs = [\"x\"]", "inputs = [\"a\"]", &["Relu `a` -> Relu `a`"]);
}

#[test]
fn dangling_and_duplicate_names() {
    dag("[[0,1,1]]", "[[0,7,1]]", &["7"]);
    graph("inputs = [\"b\"]", "inputs = [\"bb\"]", &["g.toml:14:8", "`bb`", "Tanh `c`", "no operator"]);
    graph("name = \"b\"", "name = \"a\"", &["`a` is produced twice", "Relu `a`", "Sigmoid `a`"]);
    dag("{\"id\":1,\"cost\":[1]}", "{\"id\":0,\"cost\":[1]}", &["0"]);
    scenario(
        "[strategy]",
        "[[stream]]\nname = \"a\"\nmodel = \"resnet18\"\narrivals = { kind = \"single\" }\n[strategy]",
        &["s.toml", "`a`", "already"],
    );
}

#[test]
fn numbers_that_are_none() {
    dag("\"cost\":[1]}", "\"cost\":[-5]}", &["task 0", "-5"]);
    dag("\"cost\":[1]}", "\"cost\":[1e19]}", &["task 0"]);
    dag("\"cost\":[1]}", "\"cost\":[1e400]}", &["d.json:1", "out of range"]);
    dag("\"cost\":[1]}", "\"cost\":[NaN]}", &["d.json:1"]);
    dag("[[0,1,1]]", "[[0,1,-1]]", &["-1"]);
    for (value, told) in [
        ("nan", "not a finite"),
        ("inf", "not a finite"),
        ("-1.0", "out of range"),
        ("1e300", "out of range"),
        ("1e-310", "out of range"),
    ] {
        let (arrivals, told) = (
            format!("{{ kind = \"poisson\", rate_per_second = {value}, count = 3 }}"),
            [told, "rate_per_second", "s.toml:9:"],
        );
        scenario("{ kind = \"periodic\", period = \"33.3ms\", count = 3 }", &arrivals, &told);
    }
    // Minus zero is zero.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("d.json"), changed(DAG, "\"cost\":[1]}", "\"cost\":[-0.0]}")).unwrap();
    assert!(hetsoc(&["dag", "d.json"], folder.path()).status.success());
}

#[test]
fn units() {
    for period in ["33.3", "33.3 msec", "33,3ms", "0ms", "-1ms", "nan ms", "1e30s"] {
        scenario("33.3ms", period, &["s.toml:9:", "period"]);
    }
    // A clock in the wrong unit is suspected, with the factor.
    let folder = tempfile::tempdir().unwrap();
    let text = "schema = 1\nid = \"xiaomi-9\"\nextends = \"xiaomi-9\"\nbase_power_mw = { value = 1.3, source = \"t\", confidence = \"assumed\" }\n";
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    let output =
        hetsoc(&["check", "squeezenet1-1", "--device", "p.toml", "--runtime", "mace"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn misspelt_keys() {
    scenario("period =", "perod =", &["s.toml:9:", "unknown key `perod`", "did you mean `period`"]);
    graph("outputs =", "output =", &["unknown key `output`", "did you mean `outputs`"]);
    dag("\"edges\"", "\"edgs\"", &["unknown field `edgs`", "d.json:1:"]);
}

#[test]
fn files_that_are_none() {
    for name in ["no.toml", "no.onnx", "no.tflite", "no.json", "no.csv"] {
        refused("", "", &["show", name], &[name]);
    }
    for name in ["e.toml", "e.onnx", "e.tflite", "e.json", "e.csv"] {
        refused(name, "", &["show", name], &["error"]);
    }
    for name in ["b.toml", "b.json", "b.csv"] {
        refused(name, b"schema = 1\n\xff\xfe", &["show", name], &["not UTF-8"]);
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["d.toml", "d.onnx", "d.json"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        let output = hetsoc(&["show", name], folder.path());
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        // A sparse file takes no space.
        let big = folder.path().join(format!("big{name}"));
        std::fs::File::create(&big).unwrap().set_len(3 << 30).unwrap();
        let output = hetsoc(&["show", big.to_str().unwrap()], folder.path());
        assert!(String::from_utf8_lossy(&output.stderr).contains("limit is"), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["p.toml", "p.onnx", "p.json"] {
        let made = Command::new("mkfifo").arg(folder.path().join(name)).status().unwrap();
        assert!(made.success());
        let output = hetsoc(&["show", name], folder.path());
        assert!(String::from_utf8_lossy(&output.stderr).contains("not a regular file"), "{name}");
    }
}

#[test]
fn byte_order_marks_and_carriage_returns() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, command) in
        [("s.toml", SCENARIO, "run"), ("g.toml", GRAPH, "show"), ("d.json", DAG, "dag")]
    {
        std::fs::write(folder.path().join(name), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        let output = hetsoc(&[command, name], folder.path());
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn nesting_huge_numbers_repeated_keys() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    scenario("\"single\"", &deep("[", "]"), &["s.toml:"]);
    scenario("\"single\"", &deep("{ a = ", " }"), &["s.toml:"]);
    graph("\"Relu\"", &deep("[", "]"), &["g.toml:"]);
    graph(
        "inputs = [\"x\"]",
        &format!("inputs = [\"x\"]\nattributes = {{ axis = {} }}", deep("[", "]")),
        &["g.toml:"],
    );
    dag("[1]", &deep("[", "]"), &["d.json:1:"]);
    refused("n.json", deep("{\"a\":", "}"), &["show", "n.json"], &["n.json"]);
    refused(
        "l.csv",
        format!("model,family,op_index,op,feature_json\nm,f,0,MEAN,\"{}\"\n", deep("[", "]")),
        &["show", "l.csv"],
        &["l.csv:2:"],
    );
    scenario("count = 3", "count = 99999999999999999999", &["s.toml:9:"]);
    dag("\"id\":1,", "\"id\":99999999999999999999,", &["d.json:1:"]);
    scenario("schema = 1", "schema = 1\nschema = 1", &["s.toml:2:", "duplicate key"]);
    dag("\"name\":\"d\"", "\"name\":\"d\",\"name\":\"e\"", &["duplicate field `name`"]);
}

#[cfg(unix)]
#[test]
fn paths_that_leave() {
    scenario("\"squeezenet1-1\"", "\"../m.onnx\"", &["s.toml:8:", "leaves the folder"]);
    scenario("\"squeezenet1-1\"", "\"/etc/m.onnx\"", &["s.toml:8:", "is absolute"]);
    scenario("\"squeezenet1-1\"", "\"m\\u0000.onnx\"", &["NUL"]);
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(outside.path().join("m.toml"), GRAPH).unwrap();
    std::os::unix::fs::symlink(outside.path().join("m.toml"), folder.path().join("m.toml")).unwrap();
    std::fs::write(folder.path().join("s.toml"), changed(SCENARIO, "squeezenet1-1", "m.toml")).unwrap();
    let output = hetsoc(&["run", "s.toml"], folder.path());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("leads out of the folder"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn operators_that_nothing_runs() {
    let target = ["--device", "xiaomi-9", "--runtime", "mace", "--executors", "gpu"];
    refused(
        "",
        "",
        &[&["run", "gpt2-small-decode-kv128"], &target[..]].concat(),
        &["no executor can run", "Gather"],
    );
    dag("\"cost\":[1]}", "\"cost\":[null]}", &["task 0 can run on no processor"]);
}

#[test]
fn runs_without_end() {
    scenario(", count = 3", "", &["s.toml:9:", "never ends"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.toml"), changed(SCENARIO, "count = 3", "count = 1000000")).unwrap();
    let output = hetsoc(&["run", "s.toml", "--max-events", "20000", "--format", "json"], folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("the limit of events ended the run"), "{said}");
}

#[test]
fn more_load_than_capacity() {
    let folder = tempfile::tempdir().unwrap();
    let text = changed(
        &changed(SCENARIO, "33.3ms", "1ms"),
        "count = 3 }",
        "count = 200 }\nqueue = { depth = 1000, policy = \"block\" }",
    );
    std::fs::write(folder.path().join("s.toml"), format!("{text}[stop]\nuntil = \"150ms\"\n")).unwrap();
    let output = hetsoc(&["run", "s.toml"], folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("unstable"), "{said}");
}

#[test]
fn seeds_are_chosen_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.toml"), SCENARIO).unwrap();
    let output = hetsoc(&["run", "s.toml", "--format", "json"], folder.path());
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["seed"], 0);
    let shown = String::from_utf8(hetsoc(&["run", "s.toml"], folder.path()).stdout).unwrap();
    assert!(shown.contains("seed 0"));
}

#[test]
fn outputs_that_exist_or_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("o")).unwrap();
    std::fs::write(folder.path().join("o/summary.json"), "mine").unwrap();
    std::fs::write(folder.path().join("f"), "file").unwrap();
    for out in ["o", "f", "f/deeper"] {
        let command = [
            "run",
            "squeezenet1-1",
            "--device",
            "xiaomi-9",
            "--runtime",
            "mace",
            "--requests",
            "1",
            "--out",
            out,
        ];
        let output = hetsoc(&command, folder.path());
        assert_eq!(output.status.code(), Some(13), "{out}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty(), "it is noticed before the simulation");
    }
    assert_eq!(std::fs::read(folder.path().join("o/summary.json")).unwrap(), b"mine");
}

#[test]
fn profiles_without_the_point() {
    refused(
        "",
        "",
        &["run", "resnet18", "--device", "xiaomi-9", "--runtime", "mace", "--executors", "cpu-9large"],
        &["9 large cores", "has 1"],
    );
    refused(
        "",
        "",
        &["run", "resnet18", "--device", "xiaomi-9", "--runtime", "mace", "--executors", "npu"],
        &["npu"],
    );
    let folder = tempfile::tempdir().unwrap();
    let output = hetsoc(
        &[
            "check",
            "bert-base-128",
            "--device",
            "xiaomi-9",
            "--runtime",
            "tflite",
            "--executors",
            "cpu-1large",
        ],
        folder.path(),
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("measured error does not speak for it"), "extrapolation is flagged: {said}");
}

#[test]
fn traces_out_of_order() {
    let arrivals = "{ kind = \"trace\", times_ms = [1.0, 0.5] }";
    scenario("{ kind = \"periodic\", period = \"33.3ms\", count = 3 }", arrivals, &["s.toml:9:", "0.5"]);
    dag("[0,5]", "[5,0]", &["arriv"]);
}

#[test]
fn numbers_in_other_notations() {
    dag("\"cost\":[1]}", "\"cost\":[1,5]}", &["task 0"]);
    dag("\"cost\":[1]}", "\"cost\":[0x10]}", &["d.json:1:"]);
    scenario("count = 3", "count = 1,5", &["s.toml:9:"]);
    scenario("count = 3", "count = 1e400", &["s.toml:9:"]);
    let target = ["--device", "xiaomi-9", "--runtime", "mace"];
    refused("", "", &[&["run", "resnet18", "--requests", "0x10"], &target[..]].concat(), &["0x10"]);
    refused("", "", &[&["run", "resnet18", "--fail-if", "p99_ms>1,5"], &target[..]].concat(), &["1,5"]);
    refused("", "", &[&["run", "resnet18", "--fail-if", "p99_ms>nan"], &target[..]].concat(), &["nan"]);
}
