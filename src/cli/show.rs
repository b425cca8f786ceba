//! `hetsoc show`: a model as read, or as a runtime executes it; a profile as written.

use super::output::{print, print_json};
use super::target::parse_dim;
use super::{CliError, Format};
use crate::config::Library;
use crate::config::library::ProfileKind;
use crate::config::model_file::{ModelGraph, ModelInput, load_model};
use crate::experiment::fallback_rows;
use crate::export::csv_label;
use crate::graph::show::{ShownGraph, show, table};
use crate::graph::show_lowered::LoweredView;
use clap::Args;
use std::fmt::Write;

/// Arguments of `hetsoc show`.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// A model of the library or a model file; or an embedded profile as `soc:ID`, `device:ID` or `runtime:SOC/ID`.
    #[arg(value_name = "MODEL|FILE|PROFILE")]
    model: String,
    /// Show what this runtime executes (`hetsoc list lowerings`).
    #[arg(long, value_name = "RUNTIME")]
    lowering: Option<String>,
    /// Show the share of operators that fall back by every definition (with --lowering, default mace): published figures rarely
    /// say which one they use.
    #[arg(long)]
    fallback: bool,
    /// Fix a symbolic dimension of an ONNX file.
    #[arg(long = "dim", value_name = "NAME=SIZE", value_parser = parse_dim)]
    dims: Vec<(String, u64)>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(arguments: &ShowArguments) -> Result<(), CliError> {
    if let Some((kind, id)) = profile(&arguments.model) {
        let known = Library.ids(kind);
        return match Library.text(kind, id) {
            Some(text) => print(text),
            None => Err(CliError::NothingMatched(format!(
                "there is no profile `{id}`; there are {}",
                known.join(", ")
            ))),
        };
    }
    let model = load_model(&arguments.model, &arguments.dims)?;
    if arguments.fallback {
        return fallback(arguments, &model);
    }
    match (&arguments.lowering, &model.graph) {
        (Some(lowering), _) => {
            lowered(&LoweredView::new(&model.lowered(lowering)?, lowering), arguments.format)
        }
        (None, ModelGraph::List(list)) => lowered(&LoweredView::new(list, "as listed"), arguments.format),
        (None, ModelGraph::Graph(graph)) => match arguments.format {
            Format::Json => print_json(&show(graph)),
            Format::Csv => print(&graph_csv(&show(graph))?),
            Format::Table => print(&table(graph)),
        },
    }
}

fn fallback(arguments: &ShowArguments, model: &ModelInput) -> Result<(), CliError> {
    let ModelGraph::Graph(graph) = &model.graph else {
        return Err(CliError::Usage(
            "--fallback needs a graph; operator lists leave light operators out".to_owned(),
        ));
    };
    let runtime = arguments.lowering.as_deref().unwrap_or("mace");
    let lowered = model.lowered(runtime)?;
    let table = format!("{runtime}-gpu");
    let gpu = Library
        .ids(ProfileKind::Support)
        .contains(&table.as_str())
        .then(|| Library.support(&table))
        .transpose()?;
    let rows = fallback_rows(graph, &lowered, runtime, gpu.as_ref().map(|loaded| &loaded.value));
    if arguments.format == Format::Json {
        return print_json(&rows);
    }
    let percent =
        |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |r| format!("{:.1} %", 100.0 * r));
    let mut text = format!("{:<96} {:>9} {:>9} {:>8}\n", "definition", "operators", "ratio", "MACs");
    for row in &rows {
        let count = row.operators.zip(row.of).map_or_else(|| "-".to_owned(), |(n, of)| format!("{n}/{of}"));
        let _ = writeln!(
            text,
            "{:<96} {count:>9} {:>9} {:>8}",
            row.definition,
            percent(Some(row.ratio)),
            percent(row.ratio_macs)
        );
    }
    print(&text)
}

fn profile(text: &str) -> Option<(ProfileKind, &str)> {
    let (kind, id) = text.split_once(':')?;
    let kind = match kind {
        "soc" => ProfileKind::Soc,
        "device" => ProfileKind::Device,
        "runtime" => ProfileKind::Runtime,
        "support" => ProfileKind::Support,
        _ => return None,
    };
    Some((kind, id))
}

fn lowered(view: &LoweredView, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => print_json(view),
        Format::Table => print(&view.to_string()),
        Format::Csv => {
            let rows = view.operators.iter().map(|op| {
                vec![
                    op.id.to_string(),
                    op.name.clone(),
                    op.op_type.clone(),
                    op.class.to_owned(),
                    op.macs.to_string(),
                    op.fused.join("+"),
                    op.input_bytes.to_string(),
                    op.output_bytes.to_string(),
                    op.weight_bytes.to_string(),
                ]
            });
            print(&csv_text(
                &[
                    "id",
                    "name",
                    "op_type",
                    "class",
                    "macs",
                    "fused",
                    "input_bytes",
                    "output_bytes",
                    "weight_bytes",
                ],
                rows,
            )?)
        }
    }
}

fn graph_csv(graph: &ShownGraph) -> Result<String, CliError> {
    let rows = graph.operators.iter().map(|op| {
        vec![
            op.id.to_string(),
            op.name.clone(),
            op.op_type.clone(),
            op.class.to_string(),
            op.macs.to_string(),
            op.input_bytes.to_string(),
            op.output_bytes.to_string(),
            op.weight_bytes.to_string(),
        ]
    });
    csv_text(&["id", "name", "op_type", "class", "macs", "input_bytes", "output_bytes", "weight_bytes"], rows)
}

fn csv_text(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<String, CliError> {
    let fail = |error: csv::Error| CliError::Output(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(fail)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| csv_label(cell))).map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|error| CliError::Output(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
