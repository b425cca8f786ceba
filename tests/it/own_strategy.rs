//! The example of a strategy of one's own, run as part of the tests.

#[path = "../../examples/own_strategy.rs"]
#[allow(dead_code, reason = "its main prints what is compared here")]
mod example;

const TEXT: &str = include_str!("../../examples/own_strategy.rs");

/// The whole example, imports and a run beside other strategies included, in under 60 lines of code. Would catch an interface that grows.
#[test]
fn it_is_short() {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let lines = TEXT.lines().filter(is_code).count();
    assert!(lines < 60, "{lines} lines of code");
}

/// Would catch a change of what strategies are told or of how plans are played.
#[test]
fn it_runs_beside_others() {
    insta::assert_snapshot!("own_strategy", example::table().unwrap());
}

/// The page on strategies points to it, and shows what it prints.
#[test]
fn it_is_documented() {
    let page = include_str!("../../docs/STRATEGIES.md");
    assert!(page.contains("cargo run --example own_strategy"));
    assert!(
        page.contains(&example::table().unwrap()),
        "the table of docs/STRATEGIES.md is not what the example prints"
    );
}
