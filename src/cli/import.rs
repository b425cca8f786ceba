//! `hetsoc import`: models from one form to another, and graphs for Graphviz.

use super::CliError;
use super::output::print;
use super::target::parse_dim;
use crate::config::convert::{Conversion, Form, convert, form_of};
use crate::config::model_file::{ModelGraph, load_model};
use crate::export::write_file;
use crate::graph::dot::{dot, dot_lowered};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `hetsoc import`.
#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// A model of the library, or a model file (.onnx, .tflite, .json, a .toml graph, LIST.csv#NAME).
    #[arg(value_name = "MODEL|FILE")]
    model: String,
    /// File to write [default: standard output]. Its ending decides the form unless --to does.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form to write [default: that of --out, else toml].
    #[arg(long, value_enum)]
    to: Option<Form>,
    /// Write a graph for Graphviz instead of a model: the graph as read, or with --lowering as a runtime executes it.
    #[arg(long, conflicts_with_all = ["to", "family"])]
    dot: bool,
    /// Lowering rules, for --dot and for operator lists (`hetsoc list lowerings`) [default: none; tflite for lists].
    #[arg(long, value_name = "RUNTIME")]
    lowering: Option<String>,
    /// Architecture family to note in an operator list [default: the model's name].
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Fix a symbolic dimension of an ONNX file.
    #[arg(long = "dim", value_name = "NAME=SIZE", value_parser = parse_dim)]
    dims: Vec<(String, u64)>,
    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &ImportArguments) -> Result<(), CliError> {
    if let Some(path) =
        arguments.out.as_ref().filter(|path| !arguments.force && path.symlink_metadata().is_ok())
    {
        let message = format!(
            "`{}` exists already; choose another name or allow overwriting with --force",
            path.display()
        );
        return Err(CliError::Output(message));
    }
    let model = load_model(&arguments.model, &arguments.dims)?;
    let bytes = if arguments.dot {
        let text = match (&arguments.lowering, &model.graph) {
            (Some(lowering), _) => dot_lowered(&model.lowered(lowering)?),
            (None, ModelGraph::Graph(graph)) => dot(graph),
            (None, ModelGraph::List(list)) => dot_lowered(list),
        };
        text.into_bytes()
    } else {
        let form = match (arguments.to, &arguments.out) {
            (Some(form), _) => form,
            (None, Some(path)) => form_of(path).ok_or_else(|| {
                CliError::Usage(format!(
                    "the ending of `{}` names no form; end it in .toml, .json, .onnx or .csv, or give --to",
                    path.display()
                ))
            })?,
            (None, None) => Form::Toml,
        };
        if form != Form::Csv && (arguments.lowering.is_some() || arguments.family.is_some()) {
            return Err(CliError::Usage(
                "--lowering and --family are for --dot and operator lists; other forms keep the graph as read".to_owned(),
            ));
        }
        let conversion = Conversion {
            form,
            lowering: arguments.lowering.as_deref().unwrap_or("tflite"),
            family: arguments.family.as_deref(),
            source: &arguments.model,
        };
        convert(&model, &conversion)?
    };
    match &arguments.out {
        Some(path) => write_file(path, arguments.force, |to| to.write_all(&bytes))
            .map_err(|error| CliError::Output(error.to_string())),
        None => match String::from_utf8(bytes) {
            Ok(text) => print(&text),
            Err(_) => Err(CliError::Usage("ONNX is no text; name a file with --out".to_owned())),
        },
    }
}
