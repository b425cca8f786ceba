//! `hetsoc show`: a model as read, or as a runtime executes it; a profile as written.

use super::output::{print, print_json};
use super::target::parse_dim;
use super::{CliError, Format};
use crate::config::Library;
use crate::config::library::ProfileKind;
use crate::config::model_file::{ModelGraph, load_model};
use crate::graph::show::{ShownGraph, show, table};
use crate::graph::show_lowered::LoweredView;
use clap::Args;

/// Arguments of `hetsoc show`.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// A model of the library or a model file; or an embedded profile as `soc:ID`, `device:ID` or `runtime:SOC/ID`.
    #[arg(value_name = "MODEL|FILE|PROFILE")]
    model: String,
    /// Show what this runtime executes (`hetsoc list lowerings`).
    #[arg(long, value_name = "RUNTIME")]
    lowering: Option<String>,
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
        writer.write_record(&row).map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|error| CliError::Output(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
