//! JSON of summaries and anything else that is serialisable.

use std::io::{self, Write};

use serde::Serialize;

/// Writes `value` as indented JSON with a final newline. Keys are in the order of the fields.
///
/// # Errors
/// When the destination fails, or the value cannot be JSON (a map with keys that are not texts). Numbers
/// that are not finite become `null`.
pub fn write_json<T: Serialize>(value: &T, mut to: impl Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    to.write_all(crate::diagnostics::json_safe(&text).as_bytes())?;
    to.write_all(b"\n")
}

/// As [`write_json`], into a text.
///
/// # Errors
/// As [`write_json`].
pub fn to_json<T: Serialize>(value: &T) -> io::Result<String> {
    let mut bytes = Vec::new();
    write_json(value, &mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
