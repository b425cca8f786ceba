//! Arrival traces: a CSV file with a column `time_ms`, times not decreasing.

use std::path::Path;

use super::read::read_text;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::units::{SimDuration, SimTime};

/// Largest trace that is read.
const MAX_TRACE_BYTES: u64 = 256 * 1024 * 1024;

/// Latest arrival: about 115 days.
const LATEST_MS: f64 = 1e10;

/// Reads the arrivals of a trace. Other columns are allowed.
///
/// # Errors
/// Faults of the file, a missing column, values that are no times or go back, with line and column.
pub(super) fn trace(path: &Path) -> Result<Vec<SimTime>, InputError> {
    let source = read_text(path, MAX_TRACE_BYTES)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source.text.as_bytes());
    let broken = |error: csv::Error| {
        Diagnostic::new("scenario::trace", printable(&error.to_string())).at(&source, 0..0)
    };
    let header = reader.headers().map_err(broken)?.clone();
    let column = header.iter().position(|name| name == "time_ms").ok_or_else(|| {
        let hint = nearest("time_ms", header.iter())
            .map_or_else(String::new, |near| format!("is it `{}`? ", printable(near)));
        Diagnostic::new("scenario::trace", "column `time_ms` is missing")
            .at(&source, 0..0)
            .help(format!("{hint}the first line names the columns; times are in milliseconds"))
    })?;
    let mut times: Vec<SimTime> = Vec::new();
    let mut before = 0.0;
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let text = record.get(column).unwrap_or_default();
        let start = record.position().map_or(0, |p| p.byte() as usize).min(source.text.len());
        let end = source.text[start..].find('\n').map_or(source.text.len(), |length| start + length);
        let fault = |message: String, help: &str| {
            Diagnostic::new("scenario::trace", message).at(&source, start..end).help(help.to_owned())
        };
        let time: f64 =
            text.parse().ok().filter(|time| (0.0..=LATEST_MS).contains(time)).ok_or_else(|| {
                fault(format!("`{}` is no time", printable(text)), "write milliseconds from 0 to 1e10")
            })?;
        if time < before {
            return Err(fault(format!("{time} ms comes after {before} ms"), "sort the times upwards").into());
        }
        before = time;
        times.push(SimTime(SimDuration::from_seconds(time * 1e-3).0));
    }
    if times.is_empty() {
        return Err(Diagnostic::new("scenario::trace", "the trace has no rows")
            .at(&source, 0..0)
            .help("list at least one time")
            .into());
    }
    Ok(times)
}
