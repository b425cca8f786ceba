//! Models by name or path, whatever their format.

use super::library::Loaded;
use super::native_graph::{MAX_GRAPH_BYTES, read_native_graph};
use super::read::read_text;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::graph::library;
use crate::graph::lowered::LoweredGraph;
use crate::graph::model::Graph;
use crate::graph::neutral_json::read_neutral_json;
use crate::graph::onnx::{OnnxOptions, read_onnx};
use crate::graph::operator_list::read_operator_lists;
use crate::graph::passes::{ALL, Vocabulary, lower, rules};
use crate::graph::tflite::read_tflite;
use std::io::Read;
use std::path::Path;

/// Largest model file that is read; the weights of such files are not needed.
const MAX_MODEL_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A model as it was read.
#[derive(Debug, Clone)]
pub struct ModelInput {
    /// Name, for people.
    pub name: String,
    /// The graph, or the operators that a list names.
    pub graph: ModelGraph,
    /// The bytes that decide what the model is, for hashes.
    pub bytes: Vec<u8>,
}

/// A graph as read, or a list of lowered operators.
#[derive(Debug, Clone)]
pub enum ModelGraph {
    /// Operators and tensors of a model file.
    Graph(Graph),
    /// Heavy kernels of a lowered network, from an operator-list CSV.
    List(LoweredGraph),
}

/// Whether a text names a file rather than a model of the library.
#[must_use]
pub fn is_model_path(reference: &str) -> bool {
    let file = reference.split('#').next().unwrap_or(reference);
    let known = ["onnx", "tflite", "json", "csv", "toml"];
    file.contains(std::path::is_separator)
        || Path::new(file).extension().and_then(|e| e.to_str()).is_some_and(|e| known.contains(&e))
}

/// Reads a model: an id of the library (`resnet50`), or a path to an ONNX (`.onnx`), TFLite (`.tflite`) or neutral JSON
/// (`.json`) file, a native graph (`.toml`), or `LIST.csv#NAME` for one network of an operator-list CSV. `dims` fixes symbolic dimensions of ONNX files.
///
/// # Errors
/// Unknown names with the nearest known one; everything that is wrong with the file.
pub fn load_model(reference: &str, dims: &[(String, u64)]) -> Result<ModelInput, InputError> {
    if !is_model_path(reference) {
        let entry = library::find(reference).map_err(|unknown| {
            Diagnostic::new("model::unknown", unknown.to_string()).help(
                "`hetsoc list models` prints all; a path ends in .onnx, .tflite, .json, .toml or .csv#NAME",
            )
        })?;
        let graph = entry.graph().map_err(|error| Diagnostic::new("model::graph", error.to_string()))?;
        return Ok(ModelInput {
            name: entry.id.to_owned(),
            graph: ModelGraph::Graph(graph),
            bytes: entry.bytes.to_vec(),
        });
    }
    let (file, member) =
        reference.split_once('#').map_or((reference, None), |(file, name)| (file, Some(name)));
    let path = Path::new(file);
    let stem = path.file_stem().map_or_else(String::new, |stem| printable(&stem.to_string_lossy()));
    let fault = |error: String| {
        InputError::from(Diagnostic::new("model::graph", format!("`{}`: {error}", printable(file))))
    };
    let graph = match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => return operator_list(path, member),
        Some("onnx") => {
            let bytes = read_bytes(path)?;
            let mut options = OnnxOptions::default();
            options.dims.extend(dims.iter().map(|(name, value)| (name.clone(), *value)));
            (read_onnx(&bytes, &stem, &options).map_err(|error| fault(error.to_string()))?, bytes)
        }
        Some("tflite") => {
            let bytes = read_bytes(path)?;
            (read_tflite(&bytes, &stem).map_err(|error| fault(error.to_string()))?, bytes)
        }
        Some("json") => {
            let text = read_text(path, 256 * 1024 * 1024)?;
            (
                read_neutral_json(&text.text).map_err(|error| fault(error.to_string()))?,
                text.text.clone().into_bytes(),
            )
        }
        Some("toml") => {
            let text = read_text(path, MAX_GRAPH_BYTES)?;
            (read_native_graph(&text, &stem)?, text.text.clone().into_bytes())
        }
        _ => {
            return Err(Diagnostic::new(
                "model::format",
                format!("`{}` is of no known format", printable(file)),
            )
            .help("model files end in .onnx, .tflite, .json, .toml or .csv")
            .into());
        }
    };
    if !dims.is_empty() && path.extension().is_none_or(|e| e != "onnx") {
        return Err(
            Diagnostic::new("model::dim", "--dim is for ONNX files; this format has fixed shapes").into()
        );
    }
    Ok(ModelInput { name: stem, graph: ModelGraph::Graph(graph.0), bytes: graph.1 })
}

fn operator_list(path: &Path, member: Option<&str>) -> Result<ModelInput, InputError> {
    let text = read_text(path, 256 * 1024 * 1024)?;
    let lists = read_operator_lists(&text)?;
    let names: Vec<&str> = lists.iter().map(|list| list.graph.name.as_str()).collect();
    let index = match member {
        Some(name) => names.iter().position(|known| *known == name),
        None if lists.len() == 1 => Some(0),
        None => None,
    };
    let Some(index) = index else {
        let wanted = member.unwrap_or_default();
        let hint = nearest(wanted, names.iter().copied())
            .map(|n| format!("did you mean `#{n}`? "))
            .unwrap_or_default();
        let shown = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
        let message = match member {
            Some(name) => format!("the list has no network `{}`", printable(name)),
            None => format!("the list has {} networks; say which with {}#NAME", names.len(), text.name),
        };
        return Err(Diagnostic::new("model::unknown", message)
            .help(format!("{hint}it has {shown}, ..."))
            .into());
    };
    let graph = lists.into_iter().nth(index).map(|list| list.graph).unwrap_or_default();
    let bytes = format!("{}#{}", text.text, graph.name).into_bytes();
    Ok(ModelInput { name: graph.name.clone(), graph: ModelGraph::List(graph), bytes })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let name = printable(&path.display().to_string());
    let fault =
        |what: String| InputError::from(Diagnostic::new("file::unreadable", format!("`{name}` {what}")));
    let metadata = std::fs::metadata(path).map_err(|error| fault(format!("cannot be read: {error}")))?;
    if !metadata.is_file() {
        return Err(fault("is not a regular file".to_owned()));
    }
    if metadata.len() > MAX_MODEL_BYTES {
        return Err(fault(format!("has {} bytes, the limit is {MAX_MODEL_BYTES}", metadata.len())));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_MODEL_BYTES).read_to_end(&mut bytes))
        .map_err(|error| fault(format!("cannot be read: {error}")))?;
    Ok(bytes)
}

impl ModelInput {
    /// What a runtime executes for this model. A list stands for itself: it was lowered already, only its operators take the runtime's names.
    ///
    /// # Errors
    /// An unknown set of lowering rules, with the known ones.
    pub fn lowered(&self, lowering: &str) -> Result<LoweredGraph, InputError> {
        let rules = rules(lowering).ok_or_else(|| {
            let known: Vec<&str> = ALL.iter().map(|rules| rules.id).collect();
            Diagnostic::new(
                "model::lowering",
                format!("there are no lowering rules `{}`", printable(lowering)),
            )
            .help(format!("known are {}", known.join(", ")))
        })?;
        match &self.graph {
            ModelGraph::List(list) => Ok(renamed(list.clone(), rules.vocabulary)),
            ModelGraph::Graph(graph) => lower(graph, rules)
                .map_err(|error| Diagnostic::new("model::lowering", error.to_string()).into()),
        }
    }
}

/// A list whose operators bear the names of a runtime, which its support tables know.
pub(crate) fn renamed(mut list: LoweredGraph, vocabulary: Vocabulary) -> LoweredGraph {
    for operator in &mut list.operators {
        operator.op_type = vocabulary.of_tflite(&operator.op_type);
    }
    list
}

/// Drops the warnings of a loaded profile into a list.
pub(super) fn unwrap_loaded<T>(loaded: Loaded<T>, warnings: &mut Vec<String>) -> T {
    warnings.extend(loaded.warnings.iter().map(Diagnostic::as_warning));
    loaded.value
}
