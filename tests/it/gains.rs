//! Published gains: the page says what the program says, and claims that nobody made are refused.

use hetsoc::experiment::reproduce::gains::claims::Workload;
use hetsoc::experiment::reproduce::gains::table::CLAIMS;
use hetsoc::experiment::reproduce::gains::{GainsOptions, GainsReport, claim_section, gains, gains_page};

const PAGE: &str = "docs/REPRODUCE-GAINS.md";

fn page() -> String {
    std::fs::read_to_string(format!("{}/{PAGE}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default()
}

fn of(only: &[&str]) -> GainsReport {
    gains(&GainsOptions { only: only.iter().map(|name| (*name).to_owned()).collect(), jobs: 2 }, &|| ())
        .unwrap()
}

fn command(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Would catch a page that was written by hand or is out of date. Deadlines are played a thousand times and are left to the test below.
#[test]
fn the_page_about_gains_is_what_the_program_says() {
    let deadlines = |id: &str| {
        CLAIMS.iter().any(|claim| claim.id == id && matches!(claim.workload, Workload::Deadlines { .. }))
    };
    let quick: Vec<&str> = CLAIMS.iter().map(|claim| claim.id).filter(|id| !deadlines(id)).collect();
    let page = page();
    for claim in &of(&quick).claims {
        assert!(
            page.contains(&claim_section(claim, true)),
            "{PAGE} is out of date about {}; its first lines say how to renew it",
            claim.claim.id
        );
        let parts = claim.shares.busy + claim.shares.overhead + claim.shares.blocked + claim.shares.idle;
        assert!((parts - 1.0).abs() < 1e-6, "{}: {:?}", claim.claim.id, claim.shares);
    }
    assert!(CLAIMS.iter().all(|claim| page.contains(&format!("| [{0}](#{0}) |", claim.id))));
}

/// A minute of runs: `cargo test --test it gains -- --ignored`.
#[test]
#[ignore = "plays all claims, a minute and more"]
fn the_whole_page_is_what_the_program_says() {
    assert!(gains_page(2).unwrap() == page(), "{PAGE} is out of date");
}

/// A hand-over that only the CPU can do must not tie its branch to the CPU: the generic strategy is then as good as NN-Stretch's own. Would
/// catch branches that stay where their head is, and bounds that are none.
#[test]
fn branches_leave_the_processor_of_their_head() {
    let report = of(&["branches-stretched-cpu-dsp"]);
    for cell in &report.claims[0].cells {
        let [generic, own] = [0, 1].map(|number| cell.variants[number].gain);
        assert!(generic > 0.95 * own && generic > 1.3, "{cell:?}");
        assert!(generic <= cell.ceiling && own <= cell.ceiling, "{cell:?}");
    }
}

/// The ends of `pipe-it-like` on clusters that share memory: nothing is moved, so free transfers change nothing but invocations.
#[test]
fn a_claim_as_a_table() {
    let (code, text, error) = command(&["reproduce", "gains", "--only", "pipe-it-rk3588,pipe-it-rk3588"]);
    assert_eq!(code, Some(0), "{error}");
    insta::assert_snapshot!("reproduce_gains", text);
    let (code, text, _) = command(&["reproduce", "gains", "--only", "pipe-it-rk3588", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(0));
    let claim = &value["claims"][0];
    assert_eq!(claim["published"]["mean"], 1.39);
    assert_eq!(claim["verdict"], "shown");
    assert_eq!(claim["cells"].as_array().unwrap().len(), 5);
    assert_eq!(claim["shares"]["transfers"], 0.0);
}

#[test]
fn claims_that_nobody_made_are_refused() {
    let fault = |arguments: &[&str], words: &str| {
        let (code, _, error) = command(&[&["reproduce", "gains"], arguments].concat());
        assert!(code == Some(2) && error.contains(words), "{arguments:?}: {code:?} {error}");
    };
    fault(&["--only", "bandd"], "there is no claim `bandd`; systems are Band, Hetero2Pipe");
    fault(&["--only", ""], "there is no claim ``");
    fault(&["--format", "csv"], "prints table or json");
    fault(&["--only", "band", "--report", "page.md"], "cannot be used with");
    fault(&["--jobs", "many"], "invalid value 'many'");
}
