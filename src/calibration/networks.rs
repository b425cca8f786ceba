//! The networks that measurements refer to: an operator list, or a folder of model files.

use std::path::Path;
use std::sync::Arc;

use super::families::family;
use crate::config::model_file::{load_model, renamed};
use crate::config::read::read_text;
use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};
use crate::graph::library::MODELS;
use crate::graph::lowered::LoweredGraph;
use crate::graph::operator_list::read_operator_lists;
use crate::graph::passes::{Vocabulary, rules};

/// Largest operator list that is read.
const MAX_LIST_BYTES: u64 = 512 * 1024 * 1024;

/// A network as the measured runtime executes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The name that measurement tables use.
    pub name: String,
    /// Its family; its own name when nothing else is known.
    pub family: String,
    /// The operators.
    pub graph: LoweredGraph,
}

/// The networks of an operator list, in the words of `lowering`.
///
/// # Errors
/// Whatever is wrong with the list.
pub fn listed_networks(text: &Arc<SourceText>, lowering: &str) -> Result<Vec<Network>, InputError> {
    let vocabulary = rules(lowering).map_or(Vocabulary::AsWritten, |rules| rules.vocabulary);
    Ok(read_operator_lists(text)?
        .into_iter()
        .map(|list| Network {
            name: list.graph.name.clone(),
            family: family(&list.family).to_owned(),
            graph: renamed(list.graph, vocabulary),
        })
        .collect())
}

/// The embedded models, lowered by `lowering`, each a family of its own.
///
/// # Errors
/// None for the models that ship; whatever lowering refuses.
pub fn library_networks(lowering: &str) -> Result<Vec<Network>, InputError> {
    MODELS
        .iter()
        .map(|model| {
            let graph = load_model(model.id, &[])?.lowered(lowering)?;
            Ok(Network { family: model.id.to_owned(), name: model.id.to_owned(), graph })
        })
        .collect()
}

/// Reads an operator list (`.csv`), or every model file of a folder, lowered by `lowering` and named after its file.
///
/// # Errors
/// Whatever is wrong with the files; a folder without any model.
pub fn load_networks(path: &Path, lowering: &str) -> Result<Vec<Network>, InputError> {
    if !path.is_dir() {
        return listed_networks(&read_text(path, MAX_LIST_BYTES)?, lowering);
    }
    let shown = printable(&path.display().to_string());
    let mut files: Vec<_> = std::fs::read_dir(path)
        .map_err(|error| Diagnostic::new("file::unreadable", format!("`{shown}` cannot be read: {error}")))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|file| {
            // A folder may hold other things, such as a notice.
            let extension = file.extension().and_then(|e| e.to_str());
            file.is_file() && extension.is_some_and(|e| ["onnx", "tflite", "json"].contains(&e))
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Diagnostic::new("model::missing", format!("`{shown}` has no model files"))
            .help("put .onnx, .tflite or .json files there, or give an operator list (.csv)")
            .into());
    }
    files
        .iter()
        .map(|file| {
            let model = load_model(&file.to_string_lossy(), &[])?;
            let graph = model.lowered(lowering)?;
            Ok(Network { family: model.name.clone(), name: model.name, graph })
        })
        .collect()
}
