//! Calibration from few networks, on the command line as a person would use it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hetsoc::calibration::simulated::inference_ms;
use hetsoc::config::Library;
use hetsoc::config::library::ProfileKind;
use hetsoc::config::model_file::load_model;
use hetsoc::graph::library::MODELS;
use hetsoc::physics::{Clocks, Parts, compile};
use hetsoc::soc::ExecutorId;

use crate::shared::shared;

fn hetsoc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", told(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Operator list and table of whole networks.
fn tables() -> Option<(PathBuf, PathBuf)> {
    Some((shared("data/cnn_operator_lists.csv")?, shared("data/cnn_vit_end_to_end.csv")?))
}

/// One network of each of ten families.
const TEN: &str = "resnet16,mobilenet_wd2,mobilenetv3_small_w1,squeezenet_v1_1,bninception,ghostnet,hrnet_w18_small_v1,\
                   efficientnet_edge_small_b,resnext14_16x4d,mnasnet_b1";

#[test]
fn draws_of_ten_networks_beat_one_factor_and_repeat() {
    let Some((operators, table)) = tables() else { return };
    let run = |seed: &str| {
        let output = hetsoc(&[
            "calibrate",
            "--operators",
            text(&operators),
            "--measurements",
            text(&table),
            "--base",
            "snapdragon-855/tflite",
            "--soc",
            "exynos-9820",
            "--executors",
            "cpu-1large,gpu",
            "--precisions",
            "fp32,fp16",
            "--draws",
            "2",
            "--seed",
            seed,
            "--format",
            "json",
        ]);
        json(&output)
    };
    let scores = run("3");
    let scores = scores.as_array().unwrap();
    assert_eq!(scores.len(), 2);
    for score in scores {
        let values = |key: &str| -> Vec<f64> {
            score[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let (one, few) = (values("one_factor_mape_percent"), values("mape_percent"));
        println!("{} {one:?} {few:?}", score["executor"]);
        assert_eq!((one.len(), score["scored"].as_u64()), (2, Some(67)));
        assert!(one.iter().zip(&few).all(|(one, few)| few < one && *few < 12.0));
    }
    assert_eq!(run("3").as_array().unwrap(), scores);
    assert_ne!(run("4").as_array().unwrap(), scores);
}

/// A SoC that no profile knows, with other words for its cores and a GPU of another family.
#[test]
fn a_new_device_is_calibrated_from_ten_networks_and_its_facts() {
    let Some((operators, table)) = tables() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let facts = Library.text(ProfileKind::Soc, "exynos-9820").unwrap();
    let facts = facts
        .replace("id = \"exynos-9820\"", "id = \"mystery\"")
        .replace("core_kind = \"large\"", "core_kind = \"gold\"")
        .replace("core_kind = \"small\"", "core_kind = \"silver\"")
        .replace("Mali-G76 MP12", "PowerVR GE8320");
    let soc = file("mystery.toml", &facts);
    let source = std::fs::read_to_string(&table).unwrap();
    let rows = |keep: &dyn Fn(&str) -> bool| -> String {
        let mut lines = source.lines();
        let head = lines.next().unwrap();
        let kept =
            lines.filter(|line| line.contains("Exynos 9820") && line.contains("tflite-2.10") && keep(line));
        [head].into_iter().chain(kept).collect::<Vec<_>>().join("\n").replace("Exynos 9820", "Helio Z")
    };
    let all = file("all.csv", &rows(&|_| true));
    let out = folder.path().join("few.toml");
    let made = json(&hetsoc(&[
        "calibrate",
        "--operators",
        text(&operators),
        "--measurements",
        text(&all),
        "--base",
        "snapdragon-855/tflite",
        "--soc",
        text(&soc),
        "--networks",
        TEN,
        "--executors",
        "cpu-1large,cpu-4small,cpu-1med,gpu",
        "--out",
        text(&out),
        "--format",
        "json",
    ]));
    let forms: Vec<(&str, &str)> = made["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["executor"].as_str().unwrap(), row["form"].as_str().unwrap()))
        .collect();
    assert!(forms.contains(&("cpu-1gold", "tflite-cpu")), "{forms:?}");
    assert!(forms.contains(&("cpu-4silver", "tflite-cpu")), "{forms:?}");
    assert!(forms.contains(&("gpu", "adreno-to-mali")), "{forms:?}");
    let scored = json(&hetsoc(&[
        "validate",
        "--operators",
        text(&operators),
        "--measurements",
        text(&all),
        "--soc",
        text(&soc),
        "--profile",
        text(&out),
        "--format",
        "json",
    ]));
    let groups = scored["groups"].as_array().unwrap();
    for (processor, cores, precision, most) in
        [("cpu", "1large", "fp32", 4.0), ("cpu", "4small", "fp32", 12.0), ("gpu", "", "fp16", 9.0)]
    {
        let group = groups
            .iter()
            .find(|g| g["processor"] == processor && g["cores"] == cores && g["precision"] == precision)
            .unwrap();
        assert_eq!(group["calibrated"], true, "{group}");
        assert!(group["mape_percent"].as_f64().unwrap() < most, "{group}");
    }
    // Nothing of the base's own fits is left: sets without rows are first estimates.
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(
        written.contains("extends = \"snapdragon-855/tflite\"") && !written.contains("cpu-3med"),
        "{written}"
    );
    let loaded = Library.runtime("mystery", text(&out), &[]).unwrap_or_else(|e| panic!("{e}")).value;
    assert_eq!(loaded.fitted.len(), made["groups"].as_array().unwrap().len());
    assert!(loaded.fitted.iter().all(|model| model.provenance.source.contains("leaving one network out")));
}

/// The library's convolutional networks on a planted machine with three factors.
#[test]
fn three_planted_factors_are_recovered_from_eight_networks() {
    let loaded = Library.runtime("rk3588", "ncnn", &[]).unwrap_or_else(|e| panic!("{e}")).value;
    let soc = Library.soc("rk3588", &[]).unwrap().value;
    let mut runtime = loaded;
    let planted = [("scaled_time", 0.4), ("scaled_window_3", 0.8), ("scaled_light", 1.2)];
    let model = runtime.fitted.iter_mut().find(|model| model.id == "cpu-1large-fp16").unwrap();
    for (name, value) in planted {
        model.coefficients.iter_mut().find(|c| c.name == name).unwrap().value = value;
    }
    let executors = ["cpu-1large@fp16".parse().unwrap()];
    let clocks = Clocks::default();
    let machine = compile(&Parts {
        soc: &soc,
        device: None,
        runtime: &runtime,
        executors: &executors,
        clocks: &clocks,
    })
    .unwrap();
    let mut table = "soc,processor,cores,runtime,precision,model,latency_ms\n".to_owned();
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    std::fs::write(models.join("NOTICE.md"), "not a model").unwrap();
    // `resnet50_v1` is what ncnn's benchmark calls ResNet-50.
    for (id, name) in [
        ("resnet18", "resnet18"),
        ("resnet50", "resnet50_v1"),
        ("vgg16", "vgg16"),
        ("mobilenet-v1", "mobilenet_v1"),
        ("mobilenet-v2", "mobilenet-v2"),
        ("squeezenet1-1", "squeezenet_1.1"),
        ("mnasnet1-0", "mnasnet"),
        ("regnet-x-400mf", "regnet-x-400mf"),
    ] {
        let entry = MODELS.iter().find(|model| model.id == id).unwrap();
        std::fs::write(models.join(format!("{id}.onnx")), entry.bytes).unwrap();
        let graph = load_model(id, &[]).unwrap().lowered("ncnn").unwrap();
        let ms = inference_ms(&machine, ExecutorId(0), &graph).unwrap();
        table.push_str(&format!("RK3588,cpu,1t/big,ncnn,default(fp16 if supported),{name},{ms}\n"));
    }
    let rows = folder.path().join("rows.csv");
    std::fs::write(&rows, table).unwrap();
    let out = folder.path().join("three.toml");
    let residuals = folder.path().join("residuals.csv");
    let made = json(&hetsoc(&[
        "calibrate",
        "--operators",
        text(&models),
        "--measurements",
        text(&rows),
        "--soc",
        "rk3588",
        "--out",
        text(&out),
        "--residuals",
        text(&residuals),
        "--format",
        "json",
    ]));
    let row = &made["groups"][0];
    assert_eq!((row["form"].as_str(), row["networks"].as_u64()), (Some("scaled-cpu"), Some(8)), "{row}");
    assert_eq!(
        (row["fitted_coefficients"].as_u64(), row["left_out"].as_str()),
        (Some(3), Some("network")),
        "{row}"
    );
    assert!(row["leave_family_out_mape_percent"].as_f64().unwrap() < 4.0, "{row}");
    let found = Library.runtime("rk3588", text(&out), &[]).unwrap_or_else(|e| panic!("{e}")).value;
    let found = found.fitted.iter().find(|model| model.id == "cpu-1large-fp16").unwrap();
    for (name, value) in planted {
        let fitted = found.coefficients.iter().find(|c| c.name == name).unwrap().value;
        // The priors pull a little.
        assert!((fitted / value - 1.0).abs() < 0.1, "{name}: {fitted} against {value}");
    }
    assert_eq!(std::fs::read_to_string(&residuals).unwrap().lines().count(), 9);
}

#[test]
fn wrong_input_is_told_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let model = MODELS.iter().find(|model| model.id == "resnet18").unwrap();
    std::fs::write(folder.path().join("resnet18.onnx"), model.bytes).unwrap();
    let table = folder.path().join("t.csv");
    let head = "soc,processor,cores,runtime,precision,model,latency_ms\n";
    std::fs::write(&table, format!("{head}Mystery,cpu,1large,tflite-2.10,fp32,resnet18,50\n")).unwrap();
    let out = folder.path().join("o.toml");
    let run = |more: &[&str]| {
        let mut arguments =
            vec!["calibrate", "--operators", text(folder.path()), "--measurements", text(&table)];
        arguments.extend_from_slice(more);
        told(&hetsoc(&arguments))
    };
    let out = text(&out);
    assert!(run(&["--out", out]).contains("there is no SoC `mystery`"));
    assert!(run(&["--soc", "a12-bionic", "--out", out]).contains("only 1 networks have operators and a row"));
    assert!(
        run(&["--soc", "a12-bionic", "--out", out, "--networks", "resnet81"]).contains("is it `resnet18`?")
    );
    assert!(run(&["--soc", "a12-bionic"]).contains("--out"));
    let draws = ["--soc", "a12-bionic", "--base", "snapdragon-855/tflite", "--draws", "2"];
    assert!(run(&draws).contains("a draw takes 10"));
    assert!(run(&["--soc", "a12-bionic", "--out", out, "--seed", "1"]).contains("--draws"));
    std::fs::write(&table, format!("{head}Mystery,cpu,9huge,tflite-2.10,fp32,resnet18,50\n")).unwrap();
    let unknown = run(&["--soc", "a12-bionic", "--out", out]);
    assert!(unknown.contains("names no kind of core") && unknown.contains("2 large, 4 small"), "{unknown}");
}

#[test]
fn rows_of_ncnn_are_scored_on_the_graphs_that_they_mean() {
    let Some(table) = shared("data/ncnn_end_to_end.csv") else { return };
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/workloads/models");
    let scored = json(&hetsoc(&[
        "validate",
        "--operators",
        models,
        "--measurements",
        text(&table),
        "--format",
        "json",
    ]));
    let skipped: u64 =
        scored["skipped"].as_array().unwrap().iter().map(|s| s["rows"].as_u64().unwrap()).sum();
    assert_eq!(scored["rows_compared"].as_u64().unwrap() + skipped, scored["rows"].as_u64().unwrap());
    let names = scored["names"].as_array().unwrap();
    assert!(
        names
            .iter()
            .any(|n| n["name"] == "resnet50_v1" && n["network"] == "resnet50" && n["match"] == "approximate")
    );
    let groups = scored["groups"].as_array().unwrap();
    for (soc, cores, most) in [
        ("Snapdragon 855+", "4t/big", 12.0),
        ("Jetson AGX Orin", "4t/all", 12.0),
        ("Snapdragon 8 Gen 2", "1t/big", 16.0),
    ] {
        let group = groups
            .iter()
            .find(|g| g["soc"] == soc && g["cores"] == cores && g["calibrated"] == true)
            .unwrap();
        assert!(group["mape_percent"].as_f64().unwrap() < most, "{group}");
    }
    let reasons: Vec<&str> =
        scored["skipped"].as_array().unwrap().iter().map(|s| s["reason"].as_str().unwrap()).collect();
    assert!(reasons.iter().any(|r| r.contains("`googlenet` is another network there")), "{reasons:?}");
    assert!(
        reasons.iter().any(|r| r.contains("no operators of") && r.contains("efficientnetv2_b0")),
        "{reasons:?}"
    );
}
