//! Reading texts from files, with the checks that keep a wrong path from doing harm.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};

/// Largest text that is read unless the caller says otherwise: 16 MiB.
pub const DEFAULT_SIZE_CAP: u64 = 16 * 1024 * 1024;

/// Reads a UTF-8 text of at most `cap` bytes; a byte-order mark is dropped.
///
/// # Errors
/// `file::missing`, `file::not-a-file` (directories, pipes), `file::too-large`, `file::unreadable`,
/// `file::not-utf8` with the offset of the first bad byte.
pub fn read_text(path: &Path, cap: u64) -> Result<Arc<SourceText>, InputError> {
    let name = printable(&path.display().to_string());
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Diagnostic::new("file::missing", format!("`{name}` does not exist"))
            .help("check the path; ids of built-in profiles are printed by `hetsoc list`"),
        kind => Diagnostic::new("file::unreadable", format!("`{name}` cannot be read: {kind}")),
    })?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return Err(Diagnostic::new("file::not-a-file", format!("`{name}` is {what}"))
            .help("give the path of a text file")
            .into());
    }
    let too_large = |size: u64| {
        Diagnostic::new("file::too-large", format!("`{name}` has {size} bytes or more, the limit is {cap}"))
            .help("profiles and scenarios are small texts; is this the right file?")
    };
    if metadata.len() > cap {
        return Err(too_large(metadata.len()).into());
    }
    let mut bytes = Vec::new();
    let unreadable = |error: std::io::Error| {
        Diagnostic::new("file::unreadable", format!("`{name}` cannot be read: {}", error.kind()))
    };
    // The file may grow while it is read.
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > cap {
        return Err(too_large(bytes.len() as u64).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::new("file::not-utf8", format!("`{name}` is not UTF-8: bad byte at offset {at}"))
            .help("save the file as UTF-8 text")
    })?;
    Ok(SourceText::new(name, text.strip_prefix('\u{feff}').unwrap_or(&text)))
}
