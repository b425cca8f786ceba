//! Profiles of single operators as tools write them: the CSV of TensorFlow Lite's `benchmark_model`, the JSON of ONNX Runtime.
//!
//! Formats: `tensorflow/core/util/stats_calculator.cc` (section `Run Order`; newer versions have no column `start`; the inference itself stands
//! in the line `Timings (microseconds)`), and the trace events of ONNX Runtime's own profiler (`cat` Node, name `..._kernel_time`, `dur` in
//! microseconds; `model_run` is an inference). Which one a text is, its content says.

use std::sync::Arc;

use serde::Deserialize;

use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};
use crate::statistics::quantile;

/// An operator as a profiler saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfiledOperator {
    /// Position in the model file, where the profiler tells it; else position in the profile.
    pub index: usize,
    /// Name of the node; of TensorFlow Lite its output tensors.
    pub name: String,
    /// Operator type in the runtime's words.
    pub op: String,
    /// Mean (TensorFlow Lite) or median (ONNX Runtime, first inference left out) in microseconds, above 0.
    pub microseconds: f64,
}

/// What a profile holds.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorProfile {
    /// The tool, in words.
    pub tool: &'static str,
    /// Operators in the order of execution.
    pub operators: Vec<ProfiledOperator>,
    /// Microseconds of a whole inference, with profiling on; absent if the file does not say.
    pub inference: Option<f64>,
    /// Standard deviation of that.
    pub deviation: Option<f64>,
}

/// Reads a profile of either tool.
///
/// # Errors
/// `profile::...`: neither format, no operators, times that are no numbers.
pub fn read_profile(source: &Arc<SourceText>) -> Result<OperatorProfile, InputError> {
    let text = source.text.trim_start();
    let found = if text.starts_with('[') || text.starts_with('{') {
        onnx_runtime(source)?
    } else if text.contains("node type,") {
        tflite(source)?
    } else {
        let message = "this is neither the profiling CSV of benchmark_model nor a profile of ONNX Runtime";
        return Err(Diagnostic::new("profile::format", message)
            .at(source, 0..0)
            .help(
                "benchmark_model writes one with --enable_op_profiling=true --profiling_output_csv_file=FILE, \
                 ONNX Runtime with its option enable_profiling",
            )
            .into());
    };
    if found.operators.is_empty() {
        return Err(Diagnostic::new("profile::empty", "the profile holds no operator that took time")
            .at(source, 0..0)
            .help("profile at least one inference after warming up")
            .into());
    }
    Ok(found)
}

/// The operators of the last section `Run Order`: sections before it are about initialisation.
fn tflite(source: &Arc<SourceText>) -> Result<OperatorProfile, InputError> {
    let mut found = OperatorProfile {
        tool: "benchmark_model of TensorFlow Lite",
        operators: Vec::new(),
        inference: None,
        deviation: None,
    };
    let mut columns: Option<Vec<&str>> = None;
    let mut offset = 0;
    let mut in_run_order = false;
    for line in source.text.split_inclusive('\n') {
        let span = offset..offset + line.trim_end().len();
        offset += line.len();
        let line = line.trim();
        let fault = |message: String| {
            Diagnostic::new("profile::row", message)
                .at(source, span.clone())
                .help("keep the lines as benchmark_model writes them")
        };
        if line.starts_with("====") {
            in_run_order = line.contains("Run Order");
            columns = None;
            if in_run_order {
                found.operators.clear();
            }
        } else if line.starts_with("node type,") {
            columns = Some(line.split(',').map(str::trim).collect());
        } else if let Some(timings) = line.strip_prefix("Timings (microseconds):") {
            let value = |key: &str| {
                timings.split_whitespace().find_map(|pair| pair.strip_prefix(key)?.parse::<f64>().ok())
            };
            found.inference = value("avg=").or_else(|| value("curr=")).filter(|us| *us > 0.0);
            found.deviation = value("std=").filter(|us| *us >= 0.0);
        } else if line.is_empty() {
            columns = None;
        } else if let Some(names) = columns.as_ref().filter(|_| in_run_order) {
            // The name comes last and may hold commas.
            let fields: Vec<&str> = line.splitn(names.len(), ',').map(str::trim).collect();
            let at = |name: &str| Some(*fields.get(names.iter().position(|known| *known == name)?)?);
            let (Some(name), Some(time), Some(op)) = (at("name"), at("avg_ms"), at("node type")) else {
                return Err(fault(
                    "the row has too few fields, or the columns name, avg_ms are missing".to_owned(),
                )
                .into());
            };
            let ms: f64 = time
                .parse()
                .ok()
                .filter(|ms: &f64| ms.is_finite() && *ms >= 0.0)
                .ok_or_else(|| fault(format!("`{}` is not a time in ms", printable(time))))?;
            let told = name.rsplit_once(':').and_then(|(name, index)| Some((name, index.parse().ok()?)));
            let (name, index) = told.unwrap_or((name, found.operators.len()));
            if ms > 0.0 {
                found.operators.push(ProfiledOperator {
                    index,
                    name: name.trim_start_matches('[').trim_end_matches(']').to_owned(),
                    op: op.to_owned(),
                    microseconds: ms * 1e3,
                });
            }
        }
    }
    Ok(found)
}

/// A trace event; keys beyond these do not matter here.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    args: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Trace {
    Plain(Vec<Event>),
    Wrapped {
        #[serde(rename = "traceEvents")]
        events: Vec<Event>,
    },
}

/// What the name of the event of a kernel ends in.
const KERNEL: &str = "_kernel_time";

fn onnx_runtime(source: &Arc<SourceText>) -> Result<OperatorProfile, InputError> {
    let trace: Trace = serde_json::from_str(&source.text).map_err(|error| {
        Diagnostic::new(
            "profile::json",
            format!("not a list of trace events: {}", printable(&error.to_string())),
        )
        .at(source, 0..0)
        .help("end the profiling before copying the file, so that it is complete")
    })?;
    let (Trace::Plain(mut events) | Trace::Wrapped { mut events }) = trace;
    events.sort_by(|a, b| a.ts.total_cmp(&b.ts));
    let mut nodes: Vec<(String, String, Vec<f64>)> = Vec::new();
    let mut runs: Vec<f64> = Vec::new();
    for event in &events {
        if event.cat == "Session" && event.name == "model_run" {
            runs.push(event.dur);
        }
        let Some(name) = event.name.strip_suffix(KERNEL).filter(|_| event.cat == "Node") else { continue };
        if name.is_empty() {
            return Err(Diagnostic::new("profile::names", "the nodes of this profile have no names")
                .at(source, 0..0)
                .help("name the nodes of the model, or profile with ONNX Runtime 1.2 or newer")
                .into());
        }
        match nodes.iter_mut().find(|(known, _, _)| known == name) {
            Some((_, _, times)) => times.push(event.dur),
            None => {
                let op = event.args.get("op_name").and_then(|op| op.as_str()).unwrap_or_default();
                nodes.push((name.to_owned(), op.to_owned(), vec![event.dur]));
            }
        }
    }
    let steady = |mut times: Vec<f64>| {
        if times.len() > 1 {
            times.remove(0);
        }
        times.sort_unstable_by(f64::total_cmp);
        quantile(&times, 0.5).filter(|us| us.is_finite() && *us > 0.0)
    };
    let operators = nodes.into_iter().enumerate().filter_map(|(index, (name, op, times))| {
        Some(ProfiledOperator { index, name, op, microseconds: steady(times)? })
    });
    Ok(OperatorProfile {
        tool: "profiler of ONNX Runtime",
        operators: operators.collect(),
        inference: steady(runs),
        deviation: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OperatorProfile, InputError> {
        read_profile(&SourceText::new("profile", text))
    }

    #[test]
    fn both_versions_of_the_csv_are_read() {
        let old = include_str!("../../tests/data/tflite_op_profile.csv");
        let found = read(old).unwrap();
        assert_eq!(found.operators.len(), 4);
        let second = &found.operators[1];
        assert_eq!(
            (second.index, second.name.as_str(), second.op.as_str()),
            (1, "body/dw;body/relu, folded", "DEPTHWISE_CONV_2D")
        );
        assert!((second.microseconds - 84.25).abs() < 1e-9 && found.inference == Some(662.4));
        assert_eq!(found.deviation, Some(7.0));
        // Newer versions leave the column `start` out.
        let new = "===== Run Order =====\nnode type, first, avg_ms, %, cdf%, mem KB, times called, name\nCONV_2D, 0.5, 0.25, 100%, 100%, 0, 1, [a]:3\n";
        assert_eq!(
            (read(new).unwrap().operators[0].index, read(new).unwrap().operators[0].microseconds),
            (3, 250.0)
        );
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert!(message(&new.replace("0.25", "fast")).contains("profile:3:1"));
        assert!(message("a,b\n1,2\n").contains("neither"));
        assert!(message("===== Run Order =====\nnode type, avg_ms, name\n").contains("no operator"));
    }

    #[test]
    fn the_first_inference_does_not_count() {
        let found = read(include_str!("../../tests/data/onnxruntime_profile.json")).unwrap();
        let ops: Vec<(&str, f64)> = found.operators.iter().map(|o| (o.op.as_str(), o.microseconds)).collect();
        assert_eq!(ops, [("Conv", 118.0), ("Relu", 9.0), ("Gemm", 31.0)]);
        assert_eq!((found.operators[2].name.as_str(), found.inference), ("fc", Some(188.0)));
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert!(message("[{\"cat\":\"Node\",\"name\":\"_kernel_time\",\"dur\":3}]").contains("no names"));
        assert!(message("[{\"cat\":").contains("not a list of trace events"));
        assert!(message("[]").contains("no operator"));
    }
}
