//! Printing results and errors.

use super::CliError;
use crate::diagnostics::{Diagnostic, SourceText, json_safe, printable};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Largest file that is read as text.
const MAX_TEXT_BYTES: u64 = 512 * 1024 * 1024;

/// Prints text to standard output; a reader that has gone away is no error of ours.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Output(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a serialisable value as indented JSON.
pub(super) fn print_json<T: serde::Serialize>(value: &T) -> Result<(), CliError> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| CliError::Output(error.to_string()))?;
    text.push('\n');
    print(&json_safe(&text))
}

/// Prints an error with its place in the text, if it has one.
pub(super) fn print_error(error: &CliError) {
    let text = match error {
        CliError::Input(input) => input.diagnostics.iter().map(render).collect::<Vec<_>>().join("\n"),
        other => visible(&format!("error: {other}")),
    };
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The last net: whatever a message quotes, only its line breaks reach a terminal.
fn visible(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Prints a warning.
pub(super) fn print_warning(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {}", visible(text));
}

/// A diagnostic with the lines that it is about.
pub(super) fn render(diagnostic: &Diagnostic) -> String {
    use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
    let Some(location) = &diagnostic.location else { return diagnostic.to_string() };
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    // One enormous line would be printed whole.
    let source = &location.source;
    let longest = source.text.lines().map(str::len).max().unwrap_or(0);
    if longest > 4000 {
        return diagnostic.to_string();
    }
    let end = location.span.end.max(location.span.start).min(source.text.len());
    let start = location.span.start.min(end);
    let mut report = vec![
        Level::ERROR.primary_title(diagnostic.message.as_str()).id(diagnostic.code).element(
            Snippet::source(source.text.as_str())
                .path(source.name.as_str())
                .annotation(AnnotationKind::Primary.span(start..end)),
        ),
    ];
    if let Some(help) = &diagnostic.help {
        report.push(annotate_snippets::Group::with_title(Level::HELP.secondary_title(help.as_str())));
    }
    renderer.render(&report).to_string()
}

/// Reads a text file; a byte-order mark is skipped.
pub(super) fn read_text(path: &Path) -> Result<Arc<SourceText>, CliError> {
    Ok(crate::config::read::read_text(path, MAX_TEXT_BYTES)?)
}
