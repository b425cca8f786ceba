//! Models from one form to another; what would be lost is refused.

use std::path::Path;
use std::sync::Arc;

use super::model_file::{ModelGraph, ModelInput};
use super::native_graph::{read_native_graph, write_native_graph};
use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};
use crate::graph::description::difference;
use crate::graph::model::Graph;
use crate::graph::neutral_json::{read_neutral_json, write_neutral_json};
use crate::graph::onnx::{OnnxOptions, read_onnx, write_onnx};
use crate::graph::operator_list::{read_operator_lists, write_operator_list};

/// Forms of models that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Form {
    /// Native TOML graph: lossless.
    Toml,
    /// Neutral JSON, schema 2: lossless.
    Json,
    /// ONNX without weights; not for graphs that came from TensorFlow Lite.
    Onnx,
    /// Operator list: heavy kernels of square feature maps only, refused where more would be lost.
    Csv,
    /// Not written; named so that the refusal can say why.
    #[cfg_attr(feature = "cli", value(hide = true))]
    Tflite,
}

/// The form that a file's ending names.
#[must_use]
pub fn form_of(path: &Path) -> Option<Form> {
    Some(match path.extension()?.to_str()? {
        "toml" => Form::Toml,
        "json" => Form::Json,
        "onnx" => Form::Onnx,
        "csv" => Form::Csv,
        "tflite" => Form::Tflite,
        _ => return None,
    })
}

/// What to write.
#[derive(Debug, Clone, Copy)]
pub struct Conversion<'a> {
    /// The form.
    pub form: Form,
    /// Lowering rules for operator lists.
    pub lowering: &'a str,
    /// Family noted in operator lists; absent: the model's name.
    pub family: Option<&'a str>,
    /// Where the model came from, for a comment.
    pub source: &'a str,
}

/// Writes a model in another form, reads the result back and compares it with the model.
///
/// # Errors
/// `model::conversion` with the reason when the form cannot hold the model; `model::lowering` for unknown rules.
pub fn convert(model: &ModelInput, to: &Conversion<'_>) -> Result<Vec<u8>, InputError> {
    let refuse = |reason: String, help: &str| -> InputError {
        let name = printable(&model.name);
        Diagnostic::new("model::conversion", format!("`{name}` cannot be written in this form: {reason}"))
            .help(help)
            .into()
    };
    let graph = match (&model.graph, to.form) {
        (_, Form::Tflite) => {
            return Err(refuse(
                "TensorFlow Lite files are read, not written".to_owned(),
                "write toml or json, which hold everything that the simulator reads of such a file",
            ));
        }
        (ModelGraph::List(_), _) => {
            return Err(refuse(
                "an operator list has no edges, no element-wise operators and no shapes of batches"
                    .to_owned(),
                "use the list itself, as FILE.csv#NAME, wherever a model is named",
            ));
        }
        (ModelGraph::Graph(_), Form::Csv) => return list(model, to, &refuse),
        (ModelGraph::Graph(graph), _) => graph,
    };
    let bytes = match to.form {
        Form::Json => write_neutral_json(graph, to.source).into_bytes(),
        Form::Onnx => {
            write_onnx(graph).map_err(|error| refuse(error.to_string(), "toml and json hold every graph"))?
        }
        _ => write_native_graph(graph, to.source).into_bytes(),
    };
    let again = read_back(&bytes, to.form, &graph.name)
        .map_err(|reason| refuse(reason, "please report this model"))?;
    // Contents that ONNX packs in other ways are left out there; shapes and costs do not depend on them.
    match if to.form == Form::Onnx { None } else { difference(graph, &again) } {
        Some(difference) => {
            Err(refuse(format!("reading it back gives other {difference}"), "please report this model"))
        }
        None => Ok(bytes),
    }
}

fn read_back(bytes: &[u8], form: Form, name: &str) -> Result<Graph, String> {
    let text = || std::str::from_utf8(bytes).map_err(|error| error.to_string());
    match form {
        Form::Json => read_neutral_json(text()?).map_err(|error| error.to_string()),
        Form::Onnx => read_onnx(bytes, name, &OnnxOptions::default()).map_err(|error| error.to_string()),
        _ => {
            read_native_graph(&SourceText::new("<written>", text()?), name).map_err(|error| error.to_string())
        }
    }
}

fn list(
    model: &ModelInput,
    to: &Conversion<'_>,
    refuse: &dyn Fn(String, &str) -> InputError,
) -> Result<Vec<u8>, InputError> {
    let help = "toml and json hold every graph";
    let lowered = model.lowered(to.lowering)?;
    let family = to.family.unwrap_or(&model.name);
    let text = write_operator_list(&lowered, family).map_err(|reason| refuse(reason, help))?;
    let source: Arc<SourceText> = SourceText::new("<written>", text.clone());
    let lists = read_operator_lists(&source)
        .map_err(|error| refuse(format!("an operator list cannot state it: {error}"), help))?;
    let macs = |operators: &[crate::graph::lowered::LoweredOperator]| -> u128 {
        operators.iter().map(|operator| u128::from(operator.macs)).sum()
    };
    let (before, after) =
        (macs(&lowered.operators), lists.iter().map(|l| macs(&l.graph.operators)).sum::<u128>());
    if before != after {
        let reason = format!("the list has {after} multiply-accumulates, the graph {before}");
        return Err(refuse(reason, help));
    }
    Ok(text.into_bytes())
}
