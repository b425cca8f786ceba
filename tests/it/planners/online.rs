//! A process that decides during the run: what it hears, what it may answer, and all the ways in which it can fail.

use super::external::{problem, process};
use crate::build::watch;
use hetsoc::simulation::simulate;
use std::process::{Command, Output};

/// A policy that answers every line by its kind.
fn policy(hello: &str, ready: &str, finished: &str) -> String {
    format!(
        "read -r line\necho '{hello}'\nwhile read -r line; do case \"$line\" in *'\"occasion\":\"ready\"'*) {ready};; *) {finished};; esac; done\n"
    )
}

const HELLO: &str = r#"{"schema":"hetsoc-online/1"}"#;
const WAIT: &str = r#"echo '{"wait":true}'"#;

/// Would catch a line that lacks an executor, queues that do not count, completed requests that are told twice or never.
#[cfg(unix)]
#[test]
fn the_whole_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("lines");
    let ready = format!(r#"echo "$line" >> {0}; echo '{{"executor":"p0"}}'"#, kept.display());
    let finished = format!(r#"echo "$line" >> {0}; echo '{{"place":[]}}'"#, kept.display());
    let mut problem = problem();
    problem.streams[0].arrivals = hetsoc::simulation::Arrivals::BackToBack { count: Some(2) };
    let (outcome, _) = watch(&problem, &mut process(folder.path(), &policy(HELLO, &ready, &finished), "20"));
    assert_eq!(outcome.makespan.seconds(), 14.0);
    insta::assert_snapshot!("online_conversation", std::fs::read_to_string(kept).unwrap());
}

/// Task 2 waits until task 1, the only one for p0, has finished: 1 + 4, then 1 + 1 across, then 1.
#[cfg(unix)]
#[test]
fn waiting_postpones_a_placement() {
    let ready = r#"case "$line" in *'"unit":2}') ;; esac
        case "$line" in *'"time_ps":0,"unit":0'*) echo '{"executor":0}';; *'"time_ps":1000000000000,"unit":1'*) echo '{"executor":0}';; *) echo '{"wait":true}';; esac"#;
    let finished = r#"case "$line" in *'"time_ps":5000000000000'*) echo '{"place":[{"stream":0,"request":0,"unit":2,"executor":1}]}';; *) echo '{"wait":true}';; esac"#;
    let folder = tempfile::tempdir().unwrap();
    let (outcome, _) = watch(&problem(), &mut process(folder.path(), &policy(HELLO, ready, finished), "20"));
    assert_eq!(outcome.makespan.seconds(), 8.0);
}

/// Units of its own choice, and no word about finished ones: the two tasks of the unit follow each other.
#[cfg(unix)]
#[test]
fn units_are_the_processes_choice() {
    let hello = r#"{"schema":"hetsoc-online/1","units":[[[0,1],[2]]],"finished":false,"transfer_start":"producer-finish"}"#;
    let ready = r#"case "$line" in *'"unit":0}') echo '{"executor":0}';; *) echo '{"executor":1}';; esac"#;
    let folder = tempfile::tempdir().unwrap();
    let script = policy(hello, ready, "exit 7");
    let (outcome, _) = watch(&problem(), &mut process(folder.path(), &script, "20"));
    assert_eq!((outcome.makespan.seconds(), outcome.units), (8.0, 2));
}

fn refusal(script: &str, timeout: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let told =
        simulate(&problem(), &mut process(folder.path(), script, timeout), &mut ()).unwrap_err().to_string();
    told.replace(&folder.path().display().to_string(), "FOLDER")
}

/// Each fault with the message that a person gets. Would catch a fault that is swallowed, and one that stops without saying what.
#[cfg(unix)]
#[test]
fn faults_are_told_with_line_and_text() {
    let ready = |answer: &str| policy(HELLO, &format!("echo '{answer}'"), WAIT);
    let hello = |answer: &str| policy(answer, WAIT, WAIT);
    let second = r#"case "$line" in *'"unit":0}') echo '{"executor":0}';; *) echo 'what?';; esac"#;
    let cases = [
        ("no JSON", ready("go")),
        ("no JSON, later", policy(HELLO, second, WAIT)),
        ("long", ready(&"x".repeat(400))),
        ("unknown key", ready(r#"{"executer":0}"#)),
        ("two forms at once", ready(r#"{"executor":0,"wait":true}"#)),
        ("nothing", ready("{}")),
        ("no such executor", ready(r#"{"executor":2}"#)),
        ("negative executor", ready(r#"{"executor":-1}"#)),
        ("no such name", ready(r#"{"executor":"gpu"}"#)),
        ("no such unit", ready(r#"{"place":[{"stream":0,"request":0,"unit":9,"executor":0}]}"#)),
        ("no such stream", ready(r#"{"place":[{"stream":3,"request":0,"unit":0,"executor":0}]}"#)),
        (
            "placed twice",
            ready(
                r#"{"place":[{"stream":0,"request":0,"unit":0,"executor":0},{"stream":0,"request":0,"unit":0,"executor":1}]}"#,
            ),
        ),
        ("not there", policy(HELLO, r#"echo '{"executor":1}'"#, WAIT)),
        ("which one", policy(HELLO, r#"echo '{"executor":0}'"#, r#"echo '{"executor":0}'"#)),
        ("refuses", ready(r#"{"error":"too hot"}"#)),
        ("ends", policy(HELLO, "exit 3", WAIT)),
        ("empty line", policy(HELLO, "echo", WAIT)),
        ("escapes", ready("\\033[31m")),
        ("unknown key at first", hello(r#"{"schema":"hetsoc-online/1","unit":[]}"#)),
        ("too few streams", hello(r#"{"schema":"hetsoc-online/1","units":[]}"#)),
        ("lost operator", hello(r#"{"schema":"hetsoc-online/1","units":[[[0],[1]]]}"#)),
        ("operator from nowhere", hello(r#"{"schema":"hetsoc-online/1","units":[[[0],[1],[2],[3]]]}"#)),
        ("unit of nothing", hello(r#"{"schema":"hetsoc-online/1","units":[[[0],[1],[2],[]]]}"#)),
        ("wrong start", hello(r#"{"schema":"hetsoc-online/1","transfer_start":"now"}"#)),
        ("waits for ever", hello(HELLO)),
    ];
    let mut page = String::new();
    for (name, script) in cases {
        page.push_str(&format!("# {name}\n{}\n\n", refusal(&script, "20")));
    }
    page.push_str(&format!("# sleeps\n{}\n", refusal(&policy(HELLO, "sleep 20", WAIT), "0.3")));
    insta::assert_snapshot!("online_faults", page);
}

/// After the run its input ends, and it has time to write down what it has learnt.
#[cfg(unix)]
#[test]
fn the_end_of_the_input_is_the_end_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("policy.weights");
    let script = format!(
        "{}sleep 0.2\necho learnt > {}\n",
        policy(HELLO, r#"echo '{"executor":0}'"#, WAIT),
        kept.display()
    );
    let mut strategy = process(folder.path(), &script, "20");
    simulate(&problem(), &mut strategy, &mut ()).unwrap();
    drop(strategy);
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "learnt\n");
}

fn hetsoc(strategy: &str, rest: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc"))
        .args(["run", "squeezenet1-1", "--device", "xiaomi-9", "--runtime", "mace", "--warmup", "5"])
        .args(["--executors", "cpu-1large3med,gpu", "--strategy", strategy])
        .args(rest)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

/// A run that a process breaks off leaves no files and prints no result.
#[cfg(unix)]
#[test]
fn a_fault_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.sh");
    std::fs::write(
        &path,
        policy(HELLO, r#"case "$line" in *'"request":5'*) exit 1;; *) echo '{"executor":1}';; esac"#, WAIT),
    )
    .unwrap();
    let out = folder.path().join("out");
    let strategy = format!("external[command=sh {}]", path.display());
    let run = hetsoc(&strategy, &["--requests", "8", "--out", out.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(3));
    assert!(run.stdout.is_empty() && std::fs::read_dir(out).unwrap().next().is_none());
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains("ended after line") && said.contains("while the run went on"), "{said}");
}

/// The example of the documentation: it runs, learns, decides the same every time, and stays short.
#[test]
fn the_python_example_runs_and_repeats_itself() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/epsilon_greedy.py")).unwrap();
    assert!(text.lines().count() < 60, "{} lines", text.lines().count());
    if !Command::new("python3").arg("--version").output().is_ok_and(|python| python.status.success()) {
        println!("skipped: no python3");
        return;
    }
    let strategy = "external[command=python3 examples/epsilon_greedy.py]";
    let run = |strategy: &str| {
        let output = hetsoc(strategy, &["--format", "json", "--requests", "30"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let (first, second) = (run(strategy), run(strategy));
    assert!(first == second, "two runs of one policy differ");
    let latency = |bytes: &[u8], key: &str| -> f64 {
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap()[key]["mean"].as_f64().unwrap()
    };
    // Exploring costs at first; then it does about as well as a strategy that believes the right numbers.
    let (counted, warm_up) = (latency(&first, "latency_ms"), latency(&first, "warm_up_latency_ms"));
    assert!(counted < warm_up, "{counted} after {warm_up}");
    let eft = latency(&run("eft"), "latency_ms");
    assert!(counted < 1.1 * eft, "{counted} against {eft}");
}
