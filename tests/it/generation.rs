//! Scenarios with stages, cold starts, generation and traces, from their text to their summary.

use std::path::Path;

use crate::shared::shared;
use hetsoc::config::transformer_file::{TRANSFORMERS, load_transformer};
use hetsoc::config::{Library, assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::{RunOptions, run_scenario};
use hetsoc::record::summary::RunSummary;

fn run(text: &str) -> RunSummary {
    let text = SourceText::new("scenario.toml", text);
    let spec = scenario_text(&text, Path::new("."), &[]).unwrap_or_else(|e| panic!("{e}")).value;
    let mut assembled = assemble(&spec, &[], &[], None).unwrap_or_else(|e| panic!("{e}"));
    run_scenario(&mut assembled, RunOptions { record: false, baseline: false }, &mut |_| {}).unwrap().summary
}

fn fault(text: &str) -> String {
    let text = SourceText::new("scenario.toml", text);
    let error = match scenario_text(&text, Path::new("."), &[]) {
        Err(error) => error.to_string(),
        Ok(loaded) => assemble(&loaded.value, &[], &[], None).map(|_| ()).unwrap_err().to_string(),
    };
    println!("{error}");
    error
}

fn generation(soc: &str, executor: &str, stream: &str) -> String {
    format!(
        "schema = 1\nsoc = \"{soc}\"\nruntime = \"llama-cpp\"\nexecutors = [\"{executor}\"]\nnoise = false\n\
         [scenario]\nname = \"test\"\n[[stream]]\nname = \"chat\"\n{stream}\n[strategy]\nname = \"single\"\n"
    )
}

fn generate(soc: &str, executor: &str, model: &str, bits: f64, prompt: u32, tokens: u32) -> RunSummary {
    run(&generation(
        soc,
        executor,
        &format!(
            "generate = {{ model = \"{model}\", prompt = {prompt}, tokens = {tokens}, weight_bits = {bits} }}\n\
             arrivals = {{ kind = \"single\" }}"
        ),
    ))
}

const XIAOMI: &str = "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"tflite\"\nexecutors = [\"cpu-1large\", \"gpu\"]\n\
                      noise = false\n[scenario]\nname = \"test\"\n[strategy]\nname = \"delegate\"\nparameters = { target = \"gpu\" }\n";

#[test]
fn a_token_takes_its_bytes_at_the_rate_of_the_profile_and_the_overhead_of_a_pass() {
    // The shares and the overhead as the profile states them; a little vector work comes on top.
    let runtime = Library.runtime("snapdragon-x-elite", "llama-cpp", &[]).unwrap().value;
    let performance = &runtime.performances[0];
    let rate = 116e9 * performance.bandwidth_share.value;
    let (model, _) = load_transformer("qwen3-4b").unwrap();
    let summary = generate("snapdragon-x-elite", "gpu", "qwen3-4b", 5.0, 100, 21);
    let generation = summary.chains[0].generation.as_ref().unwrap();
    let tokens = generation.time_per_token_ms.as_ref().unwrap();
    assert_eq!((tokens.count, generation.generated_tokens), (20, 21));
    let seconds = |cached: f64| {
        let bytes = model.product_weights() as f64 * 5.0 / 8.0 + cached * model.cache_bytes_per_token();
        bytes / rate + performance.invocation.value.seconds()
    };
    for (measured, cached) in [(tokens.min, 101.0), (tokens.max, 120.0)] {
        let expected = 1e3 * seconds(cached);
        assert!((measured / expected - 1.0).abs() < 0.02, "{measured} ms, {expected} ms expected");
    }
    // The cache grows by the same amount with every token.
    // Each of the 32 query heads of 36 layers also writes a score of four bytes, which softmax reads and writes and the
    // weighted sum reads.
    let growth = 19.0 * (model.cache_bytes_per_token() + 36.0 * 32.0 * 16.0) / rate * 1e3;
    assert!(((tokens.max - tokens.min) / growth - 1.0).abs() < 0.01, "{} {growth}", tokens.max - tokens.min);
    let end_to_end = summary.chains[0].latency_ms.as_ref().unwrap().mean;
    let first = generation.time_to_first_token_ms.as_ref().unwrap().mean;
    assert!((end_to_end - first - 20.0 * tokens.mean).abs() < 1e-6 * end_to_end);
    assert!((generation.tokens_per_s.unwrap() * tokens.mean - 1e3).abs() < 1e-6);
}

#[test]
fn prompts_cost_arithmetic_and_grow_with_their_length() {
    let first = |prompt| {
        let summary = generate("snapdragon-x-elite", "gpu", "qwen3-0-6b", 5.0, prompt, 1);
        assert_eq!(summary.chains[0].generation.as_ref().unwrap().time_per_token_ms, None);
        summary.latency_ms.unwrap().mean
    };
    let (short, long) = (first(200), first(400));
    assert!(long / short > 1.9 && long / short < 2.3, "{short} {long}");
}

#[test]
fn every_transformer_generates() {
    for (id, _) in TRANSFORMERS {
        let summary = generate("bcm2712", "cpu-4large", id, 4.0, 8, 3);
        assert_eq!(summary.requests.completed, 1, "{id}");
        assert_eq!(summary.streams[1].requests.completed, 2, "{id}");
    }
}

#[test]
fn a_cold_start_is_apart_from_the_steady_state() {
    let text = format!(
        "{XIAOMI}[[stream]]\nname = \"classifier\"\nmodel = \"mobilenet-v2\"\narrivals = {{ kind = \"periodic\", period = \"50ms\", count = 20 }}\n\
         deadline = \"50ms\"\ncold_start = {{ storage_gb_per_s = 1.0, compile = \"120ms\", first_inference_factor = 2.0, on = \"cpu-1large\" }}\n"
    );
    let summary = run(&text);
    let chain = &summary.chains[0];
    let cold = chain.cold_start.as_ref().unwrap();
    // 3,487,816 parameters (with batch norms folded) of four bytes at 1 GB/s.
    let (load, compile) = (cold.stages_ms[0].1, cold.stages_ms[1].1);
    assert!((13.5..14.5).contains(&load), "{load}");
    assert_eq!(compile, 120.0);
    let first = cold.first_inference_ms.unwrap();
    assert!((load + compile + first - cold.total_ms.unwrap()).abs() < 1e-6);
    let steady = chain.latency_ms.as_ref().unwrap();
    // Requests that came before the first one was over do not count; but for one that finds these in the queue, the others take
    // the same time each.
    assert_eq!(chain.warm_up_latency_ms.as_ref().unwrap().count + steady.count, 20);
    assert!(steady.median - steady.min < 1e-6 && first > 1.5 * steady.median, "{first} {steady:?}");
    // The first three requests come while it loads and compiles, and are late.
    let deadline = chain.deadline.as_ref().unwrap();
    assert_eq!(deadline.judged, 20);
    assert_eq!(deadline.missed, 3, "{deadline:?}");
}

#[test]
fn processing_before_and_after_adds_up() {
    let text = format!(
        "{XIAOMI}[[stream]]\nname = \"scale\"\ncpu_time = {{ mean = \"3ms\" }}\narrivals = {{ kind = \"single\" }}\ndeadline = \"1ms\"\n\
         [[stream.stage]]\nname = \"net\"\nmodel = \"mobilenet-v2\"\n[[stream.stage]]\nname = \"sort\"\ncpu_time = {{ mean = \"2ms\" }}\n"
    );
    let summary = run(&text);
    let stage = |i: usize| summary.streams[i].latency_ms.as_ref().unwrap().mean;
    assert_eq!((stage(0), stage(2)), (3.0, 2.0));
    let total = summary.chains[0].latency_ms.as_ref().unwrap().mean;
    assert!((total - stage(0) - stage(1) - stage(2)).abs() < 1e-9);
    assert_eq!(summary.chains[0].deadline.as_ref().unwrap().missed, 1);
    // One request, whatever its stages.
    assert_eq!(summary.requests.completed, 1);
}

#[test]
fn wrong_stages_are_told_what_is_wrong() {
    let stream = |rest: &str| {
        format!(
            "{XIAOMI}[[stream]]\nname = \"a\"\nmodel = \"mobilenet-v2\"\narrivals = {{ kind = \"single\" }}\n{rest}"
        )
    };
    for (text, expected) in [
        (stream("[[stream.stage]]\nname = \"b\"\n"), "a stage runs one thing"),
        (stream("[[stream.stage]]\nname = \"a\"\nmodel = \"mobilenet-v2\"\n"), "are called `a`"),
        (stream("[[stream.stage]]\nname = \"b\"\ncpu_time = { mean = \"2\" }\n"), "unknown unit"),
        (
            stream("[[stream.stage]]\nname = \"b\"\ncpu_time = { mean = \"2ms\", variation = 0.1 }\n"),
            "uniform and log-normal",
        ),
        (
            stream(
                "[[stream.stage]]\nname = \"b\"\ncpu_time = { mean = \"2ms\", spread = \"uniform\", variation = 3.0 }\n",
            ),
            "variation",
        ),
        (
            stream("[[stream.stage]]\nname = \"b\"\ncpu_time = { mean = \"2ms\" }\non = \"cpu-9large\"\n"),
            "which is no executor here",
        ),
        (
            stream("[[stream.stage]]\nname = \"b\"\nmodel = \"resnet18\"\non = \"gpu\"\n"),
            "the strategy places models",
        ),
        (
            stream("[[stream.stage]]\nname = \"b\"\nmodel = \"resnet18\"\nqueue = { depth = 2 }\n"),
            "cannot hold back",
        ),
        (
            stream("[[stream.stage]]\nname = \"b\"\nmodel = \"resnet18\"\ncount = { kind = \"poisson\" }\n"),
            "needs `mean`",
        ),
        (
            stream(
                "[[stream.stage]]\nname = \"b\"\nmodel = \"resnet18\"\ncount = { kind = \"fixed\", count = -1 }\n",
            ),
            "count = -1",
        ),
        (
            stream(
                "[[stream.stage]]\nname = \"b\"\nmodel = \"resnet18\"\ncount = { kind = \"weighted\", counts = [1], weights = [0.0] }\n",
            ),
            "some above 0",
        ),
        (
            stream(
                "[[stream.stage]]\nname = \"b\"\nmodel = \"resnet18\"\njoin = true\ncount = { kind = \"fixed\", count = 2 }\n",
            ),
            "remove count or join",
        ),
        (stream("cold_start = { first_inference_factor = 2.0 }\n"), "neither loads nor compiles"),
        (stream("deadline = \"soon\"\n"), "deadline"),
        (
            stream("generate = { model = \"llama-3-2-1b\", prompt = 8, tokens = 2 }\n"),
            "one of model, dag, cpu_time and generate",
        ),
        (
            generation(
                "bcm2712",
                "cpu-4large",
                "generate = { model = \"llama-3\", prompt = 8, tokens = 2 }\narrivals = { kind = \"single\" }",
            ),
            "no transformer `llama-3`",
        ),
        (
            generation(
                "bcm2712",
                "cpu-4large",
                "generate = { model = \"llama-3-2-1b\", prompt = 0, tokens = 2 }\narrivals = { kind = \"single\" }",
            ),
            "prompt = 0",
        ),
        (
            stream("").replace("{ kind = \"single\" }", "{ kind = \"trace\", file = \"../x.csv\" }"),
            "leaves the folder",
        ),
        (
            stream("").replace("{ kind = \"single\" }", "{ kind = \"trace\", file = \"none.csv\" }"),
            "does not exist",
        ),
    ] {
        let error = fault(&text);
        assert!(error.contains(expected), "{error}\nlacks: {expected}");
    }
}

#[test]
fn traces_are_read_and_their_faults_placed() {
    let folder = tempfile::tempdir().unwrap();
    let play = |trace: &str| {
        std::fs::write(folder.path().join("t.csv"), trace).unwrap();
        let text = SourceText::new(
            "scenario.toml",
            format!(
                "{XIAOMI}[[stream]]\nname = \"a\"\nmodel = \"mobilenet-v2\"\narrivals = {{ kind = \"trace\", file = \"t.csv\" }}\n"
            ),
        );
        scenario_text(&text, folder.path(), &[]).map(|loaded| loaded.value.streams[0].arrivals.clone())
    };
    let arrivals = play("who,time_ms\na,0\nb,1.5\nb,1.5\n").unwrap();
    assert_eq!(arrivals.count(), Some(3));
    for (trace, expected) in [
        ("time\n1\n", "`time_ms` is missing"),
        ("time_ms\n", "no rows"),
        ("time_ms\n1\nx\n", "`x` is no time"),
        ("time_ms\n5\n4\n", "comes after"),
        ("time_ms\n-1\n", "is no time"),
        ("time_ms\nNaN\n", "is no time"),
    ] {
        let error = play(trace).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Predicted tokens per second against the public table, for the rows whose model, quantisation and executor are described.
#[test]
fn language_models_are_near_their_measurements() {
    let Some(path) = shared("data/llm_throughput.csv") else { return };
    let mut table = csv::Reader::from_path(path).unwrap();
    let rows: Vec<std::collections::BTreeMap<String, String>> =
        table.deserialize().collect::<Result<_, _>>().unwrap();
    let models = [
        ("Llama-3.2-1B", "llama-3-2-1b"),
        ("Llama-3.2-3B", "llama-3-2-3b"),
        ("Llama 3.2:3b", "llama-3-2-3b"),
        ("DeepSeek R1 14b", "deepseek-r1-distill-qwen-14b"),
        ("Qwen3-0.6B", "qwen3-0-6b"),
        ("Qwen3-4B", "qwen3-4b"),
    ];
    let places = [
        ("Snapdragon X Elite", "snapdragon-x-elite", "gpu"),
        ("Snapdragon 8 Elite (v79)", "snapdragon-8-elite", "npu"),
        ("BCM2712", "bcm2712", "cpu-4large"),
    ];
    let mut errors = Vec::new();
    for row in &rows {
        let Some((_, soc, executor)) = places.iter().find(|(name, _, _)| row["soc"] == *name) else {
            continue;
        };
        let Some((_, model)) = models.iter().find(|(name, _)| row["model"] == *name) else { continue };
        // Ollama's default is Q4_K_M.
        let bits = match row["quant"].as_str() {
            "Q4_0" => 4.5,
            "Q4_1" => 5.0,
            "" => 4.85,
            _ => continue,
        };
        let measured: f64 = row["tokens_per_s"].parse().unwrap();
        let number = |prefix: &str| row["test"].strip_prefix(prefix).and_then(|n| n.parse::<u32>().ok());
        let is_prompt = number("pp").or(number("prompt"));
        let (prompt, tokens) = match (is_prompt, number("tg"), number("decode")) {
            (Some(prompt), ..) => (prompt, 1),
            (_, Some(tokens), _) => (1, tokens + 1),
            (.., Some(tokens)) => (235, tokens + 1),
            _ => (30, 201),
        };
        let summary = generate(soc, executor, model, bits, prompt, tokens);
        let generation = summary.chains[0].generation.clone().unwrap();
        let predicted =
            if is_prompt.is_some() { generation.prompt_tokens_per_s } else { generation.tokens_per_s }
                .unwrap();
        let error = 100.0 * (predicted / measured - 1.0);
        println!(
            "{soc} {model} {}: {predicted:.2} tokens/s, measured {measured}, {error:+.1} %",
            row["test"]
        );
        errors.push(error.abs());
    }
    assert!(errors.len() >= 12, "{}", errors.len());
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    println!("{} rows, mean absolute error {mean:.1} %", errors.len());
    assert!(mean < 8.0, "{mean}");
}
