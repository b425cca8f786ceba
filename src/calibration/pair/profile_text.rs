//! The `[[co_execution]]` tables of a profile as text.

use std::fmt::Write;
use std::sync::Arc;

use super::super::profile_text::significant;
use super::fit::PairFit;
use super::table::Table;
use crate::diagnostics::{Diagnostic, InputError, SourceText};
use crate::physics::co_execution::NAMES;

/// Reads the rate of a streaming loop (triad, one thread, median) by working set from a memory benchmark in the columns
/// of `soc-profiles/measurements/x86/README.md`.
///
/// # Errors
/// `measurements::...` with line and column; a table without such rows.
pub fn read_streaming(source: &Arc<SourceText>) -> Result<Vec<(f64, f64)>, InputError> {
    let table = Table::read(source, &["kind", "threads", "wss_bytes_per_thread", "GBps_total_med"])?;
    let rows = table.rows(|row| {
        let wanted = row.text("kind")? == "triad" && row.count("threads")? == 1;
        if !wanted {
            return Ok(None);
        }
        Ok(Some((row.positive("wss_bytes_per_thread")?, row.positive("GBps_total_med")?)))
    })?;
    let mut curve: Vec<(f64, f64)> = rows.into_iter().flatten().collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    curve.dedup_by(|a, b| a.0 == b.0);
    if curve.is_empty() {
        let message = "the table has no row of `triad` with 1 thread";
        return Err(Diagnostic::new("measurements::empty", message).at(source, 0..0).into());
    }
    Ok(curve)
}

/// The tables of a profile, numbers rounded to five significant digits.
#[must_use]
pub fn co_execution_tables(
    fits: &[PairFit],
    executors: (&str, &str),
    streaming: &[(f64, f64)],
    measured_with: &str,
    source: &str,
) -> String {
    let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
    let curve: Vec<String> =
        streaming.iter().map(|(bytes, rate)| format!("[{bytes:.1}, {}]", significant(*rate, 4))).collect();
    let mut text = String::new();
    for fit in fits {
        let _ = write!(
            text,
            "\n[[co_execution]]\nid = {}\nfirst = {}\nsecond = {}\nmeasured_with = {}\nlayers = {}\nrows = {}\n\
             leave_layer_out_percent = {:.2}\nsource = {}\nconfidence = \"fitted\"\n# Bytes, gigabytes per second.\n\
             streaming = [{}]\n\n# Value, standard deviation of its logarithm.\n[co_execution.coefficients]\n",
            quoted(&fit.sync),
            quoted(executors.0),
            quoted(executors.1),
            quoted(measured_with),
            fit.layers,
            fit.rows,
            fit.unseen.mape,
            quoted(source),
            curve.join(", "),
        );
        for ((name, value), width) in NAMES.iter().zip(&fit.values).zip(&fit.widths) {
            let _ = writeln!(text, "{name} = [{}, {}]", significant(*value, 5), significant(*width, 2));
        }
    }
    text
}
