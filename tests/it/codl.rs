//! CoDL and muLayer: searches, predictors, published plans, and the page about them.

use hetsoc::config::codl_artifact::artifact_network;
use hetsoc::experiment::reproduce::codl::{CodlReport, SEARCHED, bench, codl};
use hetsoc::experiment::reproduce::codl_ablations::hit_rates;
use hetsoc::experiment::reproduce::codl_page::codl_page;
use hetsoc::graph::partition::Dimension;
use hetsoc::graph::sequence::{Sequence, SequenceOperator, Sizes, sequence};
use hetsoc::strategy::co_execution::Chain;
use hetsoc::strategy::codl::{ChainSearch, Settings};
use hetsoc::strategy::{Codl, Mace, Prescribed};
use std::sync::LazyLock;

static ON_855: LazyLock<CodlReport> = LazyLock::new(|| codl("snapdragon-855", &[]).unwrap());

fn latency(report: &CodlReport, network: &str, strategy: &str, plan: &str) -> Option<f64> {
    let row = report.rows.iter().find(|r| (r.network, r.strategy, r.plan) == (network, strategy, plan));
    row.unwrap_or_else(|| panic!("{network} {strategy} {plan}")).latency_ms
}

const NETWORKS: [&str; 5] = ["yolov2", "vgg16", "posenet", "fast-style-transfer", "retinaface"];

#[test]
fn published_plans_come_within_ten_per_cent_on_images() {
    let errors: Vec<f64> = ON_855
        .rows
        .iter()
        .filter(|row| row.strategy == "codl-image" && row.plan == "published")
        .filter_map(|row| row.error_percent)
        .collect();
    assert_eq!(errors.len(), 4, "VGG-16 is not replayable");
    let mape = errors.iter().map(|e| e.abs()).sum::<f64>() / 4.0;
    assert!(mape < 10.0, "{mape} {errors:?}");
}

#[test]
fn strategies_are_ordered_as_measured() {
    for network in NETWORKS {
        let of = |strategy, plan| latency(&ON_855, network, strategy, plan);
        let single = of("mace-cpu", "none").unwrap().min(of("mace-gpu", "none").unwrap());
        assert!(of("mulayer", "none").unwrap() > of("mace-cpu", "none").unwrap(), "{network}");
        assert!(of("codl-image", "searched").unwrap() < single, "{network}");
        if let Some(published) = of("codl-image", "published") {
            assert!(published < single, "{network}");
            assert!(of("codl-image", "searched").unwrap() <= published, "{network}: ours is no worse");
            assert!(of("codl-buffer", "published").unwrap() > single, "{network}");
        }
    }
    let refused = ON_855.rows.iter().find(|r| r.network == "vgg16" && r.plan == "published").unwrap();
    assert!(refused.latency_ms.is_none() && refused.note.as_ref().unwrap().contains("not replayable"));
}

#[test]
fn chips_without_images_or_power_say_so() {
    let kirin = codl("kirin-990", &[]).unwrap();
    assert_eq!(kirin.rows.len(), 35);
    for row in &kirin.rows {
        assert_eq!(row.latency_ms.is_none(), row.strategy == "codl-image", "{row:?}");
        assert_eq!(row.power_w, None);
    }
    assert!(codl("snapdragon-845", &[]).unwrap_err().to_string().contains("did you mean `snapdragon-8"));
}

/// Convolutions of one after the other.
fn chain(operators: &[[u64; 5]]) -> Sequence {
    let of = |&[side, inputs, outputs, kernel, stride]: &[u64; 5]| {
        SequenceOperator::Convolution(Sizes {
            height: side,
            width: side,
            in_channels: inputs,
            out_channels: outputs,
            kernel_height: kernel,
            kernel_width: kernel,
            stride_height: stride,
            stride_width: stride,
        })
    };
    sequence("test", &operators.iter().map(of).collect::<Vec<_>>()).unwrap()
}

#[test]
fn worked_examples_of_the_paper() {
    let bench = bench("snapdragon-855", "image", &[]).unwrap().unwrap();
    let half = |operators: &Sequence, dimension| {
        let all = Chain { operators: operators.positions.clone(), dimension, share: 0.5 };
        bench.run(operators, Box::new(Prescribed::new(bench.pair, vec![vec![all]]))).unwrap()
    };
    // Fig. 3: 0.05 + 0.07 + 0.85 + max(1.89, 1.95) + 0.06 + 0.05 ms.
    let third = half(&chain(&[[114, 32, 64, 3, 1]]), Dimension::Height);
    assert!((third.sharing_ms - 1.13).abs() < 0.12, "{third:?}");
    // Computing comes out at 3.7 ms: totals of networks say little about few channels.
    assert!((1.95..2.0 * 1.95).contains(&(third.latency_ms - third.sharing_ms)), "{third:?}");
    // Fig. 4: sharing eats what working together gains.
    let fourth = chain(&[[52, 256, 128, 1, 1]]);
    let alone = bench.run(&fourth, Box::new(Mace::new(bench.pair.gpu, bench.pair.cpu))).unwrap();
    let both = half(&fourth, Dimension::Height);
    assert!((both.sharing_ms / 1.074 - 1.0).abs() < 0.25, "{both:?}");
    assert!(both.latency_ms > alone.latency_ms);
    // Fig. 5: the best share for a strided convolution is 0.9, far from what operations say.
    let fifth = chain(&[[482, 64, 128, 3, 2]]);
    let shares: Vec<f64> = (1..10)
        .map(|n| {
            let all = Chain {
                operators: fifth.positions.clone(),
                dimension: Dimension::Height,
                share: f64::from(n) / 10.0,
            };
            bench.run(&fifth, Box::new(Prescribed::new(bench.pair, vec![vec![all]]))).unwrap().latency_ms
        })
        .collect();
    let best = (0..9).min_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap() + 1;
    assert!((7..=9).contains(&best), "{shares:?}");
}

/// Fig. 6: times rise in steps of channels on the GPU: within a step nothing changes.
#[test]
fn channels_come_in_steps_on_the_gpu() {
    let bench = bench("snapdragon-855", "image", &[]).unwrap().unwrap();
    let time = |channels| {
        let one = chain(&[[114, 64, channels, 3, 1]]);
        bench.run(&one, Box::new(Mace::new(bench.pair.gpu, bench.pair.cpu))).unwrap().latency_ms
    };
    let close = |a: f64, b: f64| (a / b - 1.0).abs() < 0.05;
    assert!(close(time(19), time(25)) && close(time(38), time(44)) && close(time(51), time(64)));
    assert!(time(38) > 1.15 * time(32) && time(51) > 1.1 * time(44));
}

#[test]
fn searches_differ_and_chains_pay() {
    let bench = bench("snapdragon-855", "image", &[]).unwrap().unwrap();
    let network = artifact_network("Yolov2").unwrap();
    let run = |settings| bench.run(&network.sequence, Box::new(Codl::new(bench.pair, settings))).unwrap();
    let search = |search| run(Settings { search, ..SEARCHED });
    let (serial, heuristic) = (search(ChainSearch::Serial), search(ChainSearch::Heuristic));
    let (greedy, artifact) = (search(ChainSearch::Greedy), search(ChainSearch::GreedyArtifact));
    assert!(greedy.latency_ms < serial.latency_ms && greedy.splits < serial.splits);
    assert!(heuristic.splits <= serial.splits && artifact.latency_ms < serial.latency_ms);
    let either = run(Settings { search: ChainSearch::Serial, ..SEARCHED }).latency_ms;
    for dimension in [&[Dimension::Height][..], &[Dimension::OutputChannels]] {
        let dimensions: &'static [Dimension] = if dimension[0] == Dimension::Height {
            &[Dimension::Height]
        } else {
            &[Dimension::OutputChannels]
        };
        let one = run(Settings { search: ChainSearch::Serial, dimensions, ..SEARCHED }).latency_ms;
        assert!(either <= one * 1.001, "{dimension:?} {either} {one}");
    }
    // Believing that chains share for nothing makes them longer, not faster.
    let bug = run(Settings { faithful_bug: true, ..SEARCHED });
    assert!(bug.latency_ms >= greedy.latency_ms * 0.999 && bug.splits != greedy.splits);
}

#[test]
fn the_tiled_predictor_is_right_far_more_often_than_the_linear_one() {
    let rates = hit_rates().unwrap();
    let of = |predictor: &str| {
        let mean: Vec<f64> =
            rates.iter().filter(|r| r.predictor == predictor).filter_map(|r| r.within_10_percent).collect();
        mean.iter().sum::<f64>() / mean.len() as f64
    };
    assert!(of("tiled") > 84.0, "{rates:?}");
    assert!(of("linear") < 40.0, "{rates:?}");
}

#[test]
fn the_page_is_what_the_program_says() {
    let page = codl_page().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/REPRODUCE-CODL.md");
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == stored, "docs/REPRODUCE-CODL.md is out of date; its first lines say how to renew it");
}

/// Combined latencies were not used for any fit.
#[test]
fn stretched_networks_are_ordered_as_measured() {
    let report = hetsoc::experiment::reproduce::nn_stretch::nn_stretch().unwrap();
    assert_eq!(report.rows.len(), 4 * 7 + 2 * 6);
    let of = |network: &str, processors: &str| {
        let row = report.rows.iter().find(|r| (r.network, r.processors) == (network, processors)).unwrap();
        (row.latency_ms, row.error_percent)
    };
    let page = include_str!("../../docs/REPRODUCE-NN-STRETCH.md");
    for row in &report.rows {
        let line = format!("| {} | {} | {:.1} |", row.network, row.processors, row.latency_ms);
        assert!(page.contains(&line), "docs/REPRODUCE-NN-STRETCH.md lacks {line}");
    }
    let mut errors = Vec::new();
    for network in ["ResNet-34", "RX-1.6", "RX-4", "EN-L4", "ResNet-50", "EN-B5"] {
        let [cpu, gpu, both, with_dsp] = ["C", "G", "C+G", "C+D"].map(|processors| of(network, processors));
        assert!(with_dsp.0 < both.0 && both.0 < cpu.0 && cpu.0 < gpu.0, "{network}");
        errors.extend([both.1, with_dsp.1].into_iter().flatten());
    }
    assert_eq!(errors.len(), 8);
    assert!(errors.iter().map(|e| e.abs()).sum::<f64>() / 8.0 < 10.0, "{errors:?}");
}

/// A plan that cuts operators, written and read back, plays the same; one that does not fit is refused.
#[test]
fn plans_with_cuts_are_stored_and_replayed() {
    let folder = std::env::temp_dir().join(format!("hetsoc-cuts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let plan = folder.join("plan.json");
    let run = |model: &str, more: &[&str]| {
        let fixed =
            ["run", model, "--device", "xiaomi-9", "--runtime", "mace", "--executors", "cpu-1large3med,gpu"];
        std::process::Command::new(env!("CARGO_BIN_EXE_hetsoc"))
            .args(fixed)
            .args(["--requests", "2", "--warmup", "1", "--format", "json"])
            .args(more)
            .output()
            .unwrap()
    };
    let path = plan.to_str().unwrap();
    let first = run("yolov2-voc-416", &["--strategy", "codl[predictor=oracle]", "--save-plan", path]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let replayed = run("yolov2-voc-416", &["--strategy", "replay", "--plan", path]);
    let figures = |output: &std::process::Output| {
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (
            value["latency_ms"].clone(),
            value["energy_mj"].clone(),
            value["resources"].clone(),
            value["transfers"].clone(),
        )
    };
    assert_eq!(figures(&first), figures(&replayed));
    let other = run("vgg16", &["--strategy", "replay", "--plan", path]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("not replayable"));
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replacen("\"cuts\": [", "\"cuts\": [99999, ", 1)).unwrap();
    let broken = run("yolov2-voc-416", &["--strategy", "replay", "--plan", path]);
    assert!(String::from_utf8_lossy(&broken.stderr).contains("must increase strictly"));
    std::fs::write(&plan, text.replacen("\"height\"", "\"depth\"", 1)).unwrap();
    let word = run("yolov2-voc-416", &["--strategy", "replay", "--plan", path]);
    assert!(String::from_utf8_lossy(&word.stderr).contains("height, output-channels"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn wrong_words_are_refused_with_a_way_out() {
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_hetsoc")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let with =
        |strategy| run(&["run", "vgg16", "--soc", "kirin-990", "--runtime", "mace", "--strategy", strategy]);
    assert!(with("codl[memory=image]").contains("leave `memory` out"));
    assert!(with("codl[memory=paper]").contains("memory is `image` or `buffer`"));
    assert!(with("codl[predictor=guess]").contains("tiled, linear, oracle"));
    assert!(with("codl[target=dsp]").contains("there is no executor `dsp`"));
    assert!(run(&["reproduce", "codl", "--soc", "exynos"]).contains("there are snapdragon-855"));
    assert!(run(&["reproduce", "codl", "--soc", "855", "--format", "csv"]).contains("table or json"));
}
