//! Two processors on one piece of work: the shipped constants come from the committed tables, predictions are simulated
//! and blind to the joint runs, and beat the plain sums.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hetsoc::calibration::pair::branches::read_branches;
use hetsoc::calibration::pair::chain::{block_streams, read_chains};
use hetsoc::calibration::pair::coexec::read_split_layers;
use hetsoc::calibration::pair::fit::fit_pairs;
use hetsoc::calibration::pair::piece::Pair;
use hetsoc::calibration::pair::profile_text::read_streaming;
use hetsoc::calibration::pair::score::{PairScore, Predictor};
use hetsoc::config::model_file::load_model;
use hetsoc::diagnostics::SourceText;
use hetsoc::physics::co_execution::{Constants, cold_us};
use hetsoc::soc::{RuntimeProfile, Soc};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("soc-profiles/measurements/x86").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn source(name: &str) -> Arc<SourceText> {
    SourceText::new(name, text(name))
}

fn profiles() -> (Soc, RuntimeProfile) {
    Pair::profiles("x86-pair", "onnxruntime").unwrap_or_else(|e| panic!("{e}"))
}

fn split_layers(text: &str) -> PairScore {
    let (soc, runtime) = profiles();
    let predictor = Predictor::new(&soc, &runtime).unwrap();
    let rows = read_split_layers(&SourceText::new("coexec.csv", text), &predictor.syncs()).unwrap();
    predictor.split_layers(&rows, "spin").unwrap()
}

#[test]
fn the_shipped_constants_come_from_the_committed_tables() {
    let fits = fit_pairs(&read_split_layers(&source("coexec.csv"), &[]).unwrap());
    let curve = read_streaming(&source("membench.csv")).unwrap();
    let (_, runtime) = profiles();
    assert_eq!(fits.len(), runtime.co_execution.len());
    for (fit, shipped) in fits.iter().zip(&runtime.co_execution) {
        assert_eq!((fit.sync.as_str(), fit.rows as u32), (shipped.id.as_str(), shipped.rows));
        assert!((fit.unseen.mape - shipped.leave_layer_out).abs() < 0.006, "{:?}", fit.unseen);
        for (found, coefficient) in fit.values.iter().zip(&shipped.coefficients) {
            let off = found / coefficient.value - 1.0;
            assert!(off.abs() < 1e-3, "{} {}: {found}", fit.sync, coefficient.name);
        }
        assert_eq!(curve.len(), shipped.streaming.len());
        for (found, known) in curve.iter().zip(&shipped.streaming) {
            assert!(found.0 == known.0 && (found.1 / known.1 - 1.0).abs() < 1e-3, "{found:?} {known:?}");
        }
    }
}

#[test]
fn the_closed_form_of_the_fit_is_what_the_simulation_plays() {
    let (soc, runtime) = profiles();
    let rows = read_split_layers(&source("coexec.csv"), &[]).unwrap();
    for profile in &runtime.co_execution {
        let (pair, constants) =
            (Pair::new(&soc, &runtime, profile).unwrap(), Constants::of(profile).unwrap());
        for row in &rows {
            let (piece, there, back) = row.piece(&constants);
            let (played, closed) =
                (pair.play(&piece, &there, &back).unwrap(), row.closed_form_us(&constants));
            assert!((played - closed).abs() < 1e-4, "{} {:?}: {played} {closed}", row.name, row.channels);
        }
    }
}

#[test]
fn split_layers_are_predicted() {
    let score = split_layers(&text("coexec.csv"));
    println!(
        "{} {:?} {:?} {:?}",
        score.mape_percent, score.leave_layer_out_mape_percent, score.baselines, score.groups
    );
    assert_eq!((score.rows.len(), score.rows_scored), (284, 149));
    assert!(score.mape_percent < 8.5);
    assert!(score.leave_layer_out_mape_percent.unwrap() < 9.1);
    assert!(
        (score.baselines[0].mape_percent - 23.2).abs() < 0.1
            && (score.baselines[1].mape_percent - 18.3).abs() < 0.1
    );
    let pipe: Vec<_> = score.groups.iter().filter(|group| group.sync == "pipe").collect();
    assert_eq!(pipe.iter().map(|group| group.rows).sum::<usize>(), 78);
    assert!(pipe.iter().all(|group| group.mape_percent < 0.5 * group.baseline_mape_percent));
}

#[test]
fn predictions_never_read_the_joint_runs() {
    let original = text("coexec.csv");
    let header: Vec<&str> = original.lines().next().unwrap().split(',').collect();
    let joint = |name: &str| {
        ["total_", "A_run_", "B_start_", "B_copyin_", "B_run_", "B_copyout_", "A_wait_", "merge_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    let mut garbled = format!("{}\n", header.join(","));
    for line in original.lines().skip(1) {
        let fields = line.split(',').zip(&header).map(|(field, name)| if joint(name) { "7" } else { field });
        garbled.push_str(&fields.collect::<Vec<_>>().join(","));
        garbled.push('\n');
    }
    let predictions =
        |text: &str| -> Vec<f64> { split_layers(text).rows.iter().map(|row| row.predicted_us).collect() };
    assert_eq!(predictions(&original), predictions(&garbled));
}

#[test]
fn branches_and_chains_beat_the_plain_maximum_and_sum() {
    let (soc, runtime) = profiles();
    let predictor = Predictor::new(&soc, &runtime).unwrap();
    let branches = read_branches(&source("branch_placement.csv"), &predictor.syncs()).unwrap();
    let score = predictor.branches(&branches).unwrap();
    println!("branches {} {:?} {:?}", score.mape_percent, score.baselines, score.groups);
    assert_eq!(score.rows_scored, 62);
    assert!(score.mape_percent < 8.0);
    assert!(
        (score.baselines[0].mape_percent - 21.4).abs() < 0.1
            && (score.baselines[1].mape_percent - 16.4).abs() < 0.1
    );

    let chains = read_chains(&source("fallback_chain.csv"), &predictor.syncs()).unwrap();
    let warm = predictor.chains(&chains, None).unwrap();
    let graph = load_model("mobilenet_v2", &[]).unwrap().lowered(&runtime.lowering).unwrap();
    let streams = block_streams(&graph);
    let score = predictor.chains(&chains, Some(&streams)).unwrap();
    println!(
        "chains {} warm {} {:?} {:?} {streams:?} {:?}",
        score.mape_percent, warm.mape_percent, score.baselines, score.groups, score.cold_us
    );
    assert_eq!(score.rows_scored, 22);
    assert!(score.mape_percent < 10.5 && warm.mape_percent < 14.5);
    assert!(
        (score.baselines[0].mape_percent - 27.2).abs() < 0.1
            && (score.baselines[1].mape_percent - 22.7).abs() < 0.1
    );
    assert_eq!(score.cold_us, Some(cold_us(&runtime.co_execution[0].streaming, &streams, 17)));
}

#[test]
fn faults_of_tables_name_line_and_column() {
    let message = |from: &str, to: &str| {
        let text = text("coexec.csv");
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        read_split_layers(&SourceText::new("t.csv", changed), &["spin", "pipe"]).unwrap_err().to_string()
    };
    assert!(
        message("A_alone_p10_us", "A_alone_p10")
            .contains("t.csv:1:1: error[measurements::column]: column `A_alone_p10_us` is missing")
    );
    assert!(
        message("\nhom,conv3x3_32_14,", "\nhom,conv3_32_14,")
            .contains("t.csv:2:5: error[measurements::field]: column `layer`: `conv3_32_14` is no layer")
    );
    assert!(
        message(",0.25,24,8,spin,", ",0.25,24,8,spun,")
            .contains("t.csv:3:29: error[measurements::field]: column `sync`: `spun` has no constants")
    );
    assert!(
        message(",0.25,24,8,spin,", ",0.35,24,8,spin,").contains("`r_B`: `0.35` is not co_B / (co_A + co_B)")
    );
    assert!(message(",0.25,24,8,spin,", ",0.25,24,-8,spin,").contains("`co_B`: `-8` is not a whole number"));
    assert!(message(",44.08,", ",fast,").contains("column `A_alone_p10_us`: `fast` is not a number"));
    assert!(message(",0.25,24,8,spin,", ",0.25,24,8,").contains("fields in a table of"));
    let chain = text("fallback_chain.csv").replacen("all,none,0,0,", "all,none,0,3,", 1);
    let chain = read_chains(&SourceText::new("c.csv", chain), &[]).unwrap_err().to_string();
    assert!(chain.contains("c.csv:2:12") && chain.contains("`n_switch`: `3` does not fit"), "{chain}");
    let branch = text("branch_placement.csv").replacen(",4c,1,", ",4c,0,", 1);
    let branch = read_branches(&SourceText::new("b.csv", branch), &[]).unwrap_err().to_string();
    assert!(branch.contains("b.csv:3:") && branch.contains("does not fit `placement`"), "{branch}");
}

fn hetsoc(arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[test]
fn the_command_line_scores_and_calibrates() {
    let (coexec, branches) = (path("coexec.csv"), path("branch_placement.csv"));
    let (fallback, membench) = (path("fallback_chain.csv"), path("membench.csv"));
    let [coexec, branches, fallback, membench] =
        [&coexec, &branches, &fallback, &membench].map(|path| path.to_str().unwrap());
    let (code, out, _) = hetsoc(&["validate", "--coexec", coexec, "--fail-if", "mape_percent > 9"]);
    insta::assert_snapshot!("validate_coexec", out);
    assert_eq!(code, 0);
    let (code, out, _) = hetsoc(&["validate", "--branches", branches]);
    insta::assert_snapshot!("validate_branches", out);
    assert_eq!(code, 0);
    let (code, out, _) = hetsoc(&["validate", "--fallback", fallback]);
    insta::assert_snapshot!("validate_fallback", out);
    assert_eq!(code, 0);
    let (code, out, error) =
        hetsoc(&["validate", "--fallback", fallback, "--format", "json", "--fail-if", "mape_percent > 5"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, json["rows"].as_array().unwrap().len()), (11, 22), "{error}");
    let row = &json["rows"][1];
    for key in
        ["pair", "pattern", "n_on_B", "n_switch", "sync", "predicted_us", "measured_us", "error_percent"]
    {
        assert!(!row[key].is_null(), "{key}: {row}");
    }
    for wrong in [
        &["validate", "--coexec", coexec, "--branches", branches][..],
        &["validate", "--coexec", coexec, "--sync", "nod"],
        &["validate", "--coexec", coexec, "--network", "resnet18"],
        &["validate"],
        &["calibrate", "--out", "x.toml"],
    ] {
        let (code, _, error) = hetsoc(wrong);
        assert_eq!(code, 2, "{wrong:?}: {error}");
    }
    assert_eq!(hetsoc(&["validate", "--coexec", membench]).0, 3);
    assert_eq!(
        hetsoc(&["validate", "--coexec", coexec, "--soc", "snapdragon-855", "--profile", "tflite"]).0,
        4
    );

    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    let own = own.to_str().unwrap();
    let (code, _, error) = hetsoc(&["calibrate", "--coexec", coexec, "--streaming", membench, "--out", own]);
    assert_eq!(code, 0, "{error}");
    let (_, with_own, _) =
        hetsoc(&["validate", "--branches", branches, "--profile", own, "--format", "json"]);
    let (_, shipped, _) = hetsoc(&["validate", "--branches", branches, "--format", "json"]);
    assert_eq!(with_own, shipped);
}

#[test]
fn whole_networks_follow_from_single_operators() {
    use hetsoc::calibration::simulated::inference_ms;
    use hetsoc::physics::{Clocks, Parts, compile};
    let (soc, runtime) = profiles();
    let (executors, clocks) = (["cpu-1large".parse().unwrap()], Clocks::default());
    let parts = Parts { soc: &soc, device: None, runtime: &runtime, executors: &executors, clocks: &clocks };
    let machine = compile(&parts).unwrap();
    let table = text("whole_rep0.csv");
    let mut errors = Vec::new();
    for row in table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
        if row[1] != "1" {
            continue;
        }
        let graph = load_model(row[0], &[]).unwrap().lowered(&runtime.lowering).unwrap();
        let measured = 1e3 * row[5].parse::<f64>().unwrap();
        let error = inference_ms(&machine, hetsoc::soc::ExecutorId(0), &graph).unwrap() / measured - 1.0;
        println!("{}: {:+.1} %", row[0], 100.0 * error);
        errors.push(error.abs());
    }
    assert_eq!(errors.len(), 8);
    assert!(errors.iter().sum::<f64>() / 8.0 < 0.065, "{errors:?}");
}
