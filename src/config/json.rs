//! Syntax errors of JSON files as diagnostics.

use crate::diagnostics::{Diagnostic, SourceText, printable};
use std::sync::Arc;

/// Turns an error of the JSON reader into a diagnostic with its place; `section` of docs/FORMATS.md describes the format.
pub(super) fn syntax(
    code: &'static str,
    source: &Arc<SourceText>,
    error: &serde_json::Error,
    section: &str,
) -> Diagnostic {
    let before: usize =
        source.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (before + error.column().saturating_sub(1)).min(source.text.len());
    while !source.text.is_char_boundary(at) {
        at -= 1;
    }
    // The message of the JSON reader ends with the position, which the location carries already.
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
    Diagnostic::new(code, printable(message))
        .at(source, at..at)
        .help(format!("the format is described in docs/FORMATS.md, section `{section}`"))
}
