//! A strategy in another process: its answers, and all the ways in which it can fail.

use crate::build::{tasks, watch};
use hetsoc::config::ExternalProcess;
use hetsoc::simulation::{Problem, prepare};
use hetsoc::strategy::StrategySpec;
use std::path::Path;

/// A fork: 0 feeds 1, which only p0 can run, and 2.
pub fn problem() -> Problem {
    tasks(
        &[vec![Some(1.0), Some(3.0)], vec![Some(4.0), None], vec![Some(2.0), Some(1.0)]],
        &[(0, 1, 1.0), (0, 2, 1.0)],
        1.0,
        1.0,
    )
}

/// A shell script, and the strategy that runs it.
pub fn process(folder: &Path, script: &str, timeout: &str) -> ExternalProcess {
    let path = folder.join("policy.sh");
    std::fs::write(&path, script).unwrap();
    let mut spec = StrategySpec { name: "external".to_owned(), ..StrategySpec::default() };
    spec.parameters.insert("command".to_owned(), format!("sh {}", path.display()));
    spec.parameters.insert("timeout-seconds".to_owned(), timeout.to_owned());
    ExternalProcess::new(&spec).unwrap()
}

fn refusal(script: &str, timeout: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    prepare(&problem(), &mut process(folder.path(), script, timeout)).unwrap_err().to_string()
}

#[cfg(unix)]
#[test]
fn answers_are_plans() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("question.json");
    let script = format!(
        "read -r line\nprintf '%s' \"$line\" > {}\necho '{}'\n",
        kept.display(),
        r#"{"schema":"hetsoc-plan/1","dispatch":"in-order","transfer_start":"producer-finish","streams":[{"operators":3,"units":[{"operators":[0,1],"executor":"p0"},{"operators":[2],"executor":"p1"}]}]}"#
    );
    let (outcome, _) = watch(&problem(), &mut process(folder.path(), &script, "20"));
    // Operator 2 gets its data when the unit ends, at 5, takes 2 to cross, and 1 to run.
    assert_eq!(outcome.makespan.seconds(), 8.0);
    let question: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(question["schema"], "hetsoc-view/1");
    assert_eq!(
        question["streams"][0]["operators"][1]["time_ps"],
        serde_json::json!([4_000_000_000_000_u64, null])
    );
    assert_eq!(question["streams"][0]["edges"], serde_json::json!([[0, 1, 1.0], [0, 2, 1.0]]));
}

#[cfg(unix)]
#[test]
fn failures_are_told() {
    let says = |script: &str, timeout: &str, part: &str| {
        let message = refusal(script, timeout);
        assert!(message.contains(part), "{message}");
    };
    says("exit 3", "20", "ended without an answer");
    says("read -r line; sleep 20", "0.3", "did not answer within 0.3 s");
    says("echo garbage", "20", "no usable plan");
    says("echo '{\"error\": \"too large\"}'", "20", "the process refuses: too large");
    let wrong = r#"echo '{"schema":"hetsoc-plan/1","dispatch":"at-ready","transfer_start":"producer-finish","streams":[{"operators":3,"units":[{"operators":[0,1,2],"executor":"p9"}]}]}'"#;
    says(wrong, "20", "`p9`, which this platform lacks");
    let incomplete = wrong.replace("[0,1,2]", "[0,1]").replace("p9", "p0");
    says(&incomplete, "20", "operator 2 is in no unit");
}

#[test]
fn parameters_are_checked() {
    let build = |text: &str| ExternalProcess::new(&text.parse().unwrap()).unwrap_err().to_string();
    assert!(build("external").contains("needs command"));
    assert!(build("external[command=a,timeout-seconds=0]").contains("above 0"));
    assert!(build("external[command=a,seconds=1]").contains("unknown parameter `seconds`"));
    let mut none = ExternalProcess::new(&"external[command=/nowhere/policy]".parse().unwrap()).unwrap();
    assert!(prepare(&problem(), &mut none).unwrap_err().to_string().contains("cannot start"));
}
