//! `hetsoc measurements`: profiles of tools to measurement tables.

use super::CliError;
use super::output::{print, print_warning, read_text};
use crate::calibration::profiler_files::{OperatorProfile, read_profile};
use crate::config::model_file::load_model;
use crate::graph::lowered::LoweredGraph;
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of `hetsoc measurements`.
#[derive(Debug, Args)]
pub(super) struct MeasurementsArguments {
    /// Profile of single operators: the CSV of TensorFlow Lite's benchmark_model (--enable_op_profiling=true --profiling_output_csv_file=FILE) or the
    /// JSON of ONNX Runtime (enable_profiling); which one, its content says.
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
    /// Name of the network, as operator lists or model files have it.
    #[arg(long)]
    model: String,
    /// Architecture family [default: the network's name].
    #[arg(long)]
    family: Option<String>,
    /// Chip, as its SoC profile is called or titled.
    #[arg(long)]
    soc: String,
    /// Product with the chip in it.
    #[arg(long, default_value = "")]
    device: String,
    /// Processor: cpu, gpu, npu.
    #[arg(long, default_value = "cpu")]
    processor: String,
    /// Core set that the threads were pinned to, such as 1large; CPUs need one.
    #[arg(long, default_value = "")]
    cores: String,
    /// Runtime and version, such as tflite-2.16.
    #[arg(long)]
    runtime: String,
    /// Precision: fp32, fp16, int8.
    #[arg(long)]
    precision: String,
    /// The model (library, file, LIST.csv#NAME) whose operators the profile is of: rows get the positions of its lowered operators. Without it they
    /// are numbered as in the model file (TensorFlow Lite) or in order of execution (ONNX Runtime).
    #[arg(long, value_name = "MODEL|FILE")]
    graph: Option<String>,
    /// Lowering rules for --graph (`hetsoc list lowerings`).
    #[arg(long, value_name = "RUNTIME", default_value = "tflite")]
    lowering: String,
    /// Table of operators to write [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the whole inference as a table of networks.
    #[arg(long, value_name = "FILE")]
    totals: Option<PathBuf>,
    /// Add rows to tables that exist.
    #[arg(long)]
    append: bool,
}

const OPERATORS: &str =
    "soc,device,processor,cores,runtime,precision,model,family,op_index,op,feature_json,kernel,latency_us\n";
const TOTALS: &str = "soc,device,processor,cores,runtime,precision,model,family,latency_ms,std_ms,note\n";

pub(super) fn run(arguments: &MeasurementsArguments) -> Result<(), CliError> {
    if arguments.processor == "cpu" && arguments.cores.is_empty() {
        return Err(CliError::Usage("name the cores with --cores, such as 1large or 4small".to_owned()));
    }
    let profile = read_profile(&read_text(&arguments.profile)?)?;
    let graph = match &arguments.graph {
        Some(name) => Some(load_model(name, &[])?.lowered(&arguments.lowering)?),
        None => None,
    };
    let rows = rows(arguments, &profile, graph.as_ref())?;
    match &arguments.out {
        Some(path) => write(path, arguments.append, OPERATORS, &rows)?,
        None => print(&format!("{OPERATORS}{rows}"))?,
    }
    let Some(path) = &arguments.totals else { return Ok(()) };
    let Some(inference) = profile.inference else {
        return Err(CliError::NothingMatched(
            "the profile does not say how long a whole inference took".to_owned(),
        ));
    };
    let deviation = profile.deviation.map_or_else(String::new, |us| (us * 1e-3).to_string());
    let row = line(
        arguments,
        &[&(inference * 1e-3).to_string(), &deviation, &format!("tool={}; profiled", profile.tool)],
    )?;
    write(path, arguments.append, TOTALS, &row)
}

/// The rows of operators; those that the graph does not have are counted in a warning.
fn rows(
    arguments: &MeasurementsArguments,
    profile: &OperatorProfile,
    graph: Option<&LoweredGraph>,
) -> Result<String, CliError> {
    let by_position = profile.tool.starts_with("benchmark_model");
    let mut found: Vec<(usize, String, String, f64)> = Vec::new();
    let mut lost = Vec::new();
    for operator in &profile.operators {
        let at = match graph {
            None => Some(operator.index),
            Some(graph) => graph.operators.iter().position(|lowered| {
                lowered.name == operator.name
                    || (by_position && lowered.sources.contains(&(operator.index as u32)))
            }),
        };
        let Some(at) = at else {
            lost.push(operator.name.as_str());
            continue;
        };
        let kernel = format!("{}:{}", operator.op, operator.name);
        // Several nodes of the file may be one operator of the lowered graph.
        match found.iter_mut().find(|(known, ..)| *known == at) {
            Some((_, _, _, us)) => *us += operator.microseconds,
            None => found.push((at, operator.op.clone(), kernel, operator.microseconds)),
        }
    }
    if !lost.is_empty() {
        print_warning(&format!(
            "{} of {} profiled operators are not in the graph, such as `{}`",
            lost.len(),
            profile.operators.len(),
            lost.first().unwrap_or(&"")
        ));
    }
    if found.is_empty() {
        return Err(CliError::NothingMatched("no profiled operator is in the graph".to_owned()));
    }
    let mut text = String::new();
    for (at, op, kernel, us) in found {
        text.push_str(&line(arguments, &[&at.to_string(), &op, "", &kernel, &us.to_string()])?);
    }
    Ok(text)
}

/// One row: what was measured, and the fields behind it.
fn line(arguments: &MeasurementsArguments, more: &[&str]) -> Result<String, CliError> {
    let fault = |error: &dyn std::fmt::Display| CliError::Output(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let family = arguments.family.as_deref().unwrap_or(&arguments.model);
    let cores = if arguments.processor == "cpu" { arguments.cores.as_str() } else { "" };
    let (soc, device, runtime) = (&arguments.soc, &arguments.device, &arguments.runtime);
    let own =
        [soc, device, &arguments.processor, cores, runtime, &arguments.precision, &arguments.model, family];
    writer.write_record(own.iter().chain(more)).map_err(|error| fault(&error))?;
    let bytes = writer.into_inner().map_err(|error| fault(&error))?;
    String::from_utf8(bytes).map_err(|error| fault(&error))
}

fn write(path: &Path, append: bool, head: &str, rows: &str) -> Result<(), CliError> {
    let exists = path.exists();
    if exists && !append {
        let message = format!("{} exists; --append adds rows to it", path.display());
        return Err(CliError::Output(message));
    }
    let mut text = if exists { read_text(path)?.text.clone() } else { head.to_owned() };
    if !text.starts_with(head.trim_end()) {
        return Err(CliError::Output(format!(
            "{} has other columns than {}",
            path.display(),
            head.trim_end()
        )));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(rows);
    crate::export::write_file(path, true, |to| std::io::Write::write_all(to, text.as_bytes()))
        .map_err(|error| CliError::Output(error.to_string()))
}
