//! Tables as CSV by RFC 4180 (CRLF, quotes doubled). Times are exact decimal milliseconds.
//!
//! Labels come from files of strangers. Control characters become visible escapes, and a label that a
//! spreadsheet would take for a formula (`=`, `+`, `-`, `@` in front) gets an apostrophe, as OWASP advises.

use std::io::{self, Write};

use csv::{Terminator, Writer, WriterBuilder};

use crate::diagnostics::printable;
use crate::experiment::compare::Comparison;
use crate::record::{RunRecord, RunSummary};
use crate::units::SimTime;

fn table<W: Write>(to: W) -> Writer<W> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(to)
}

/// Picoseconds as decimal milliseconds, without rounding.
fn ms(ps: u64) -> String {
    format!("{}.{:09}", ps / 1_000_000_000, ps % 1_000_000_000)
}

fn optional_ms(time: Option<SimTime>) -> String {
    time.map(|t| ms(t.0)).unwrap_or_default()
}

/// A label that neither terminals nor spreadsheets act on.
#[must_use]
pub fn csv_label(text: &str) -> String {
    let text = printable(text);
    if text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) {
        format!("'{text}")
    } else {
        text
    }
}

/// One row per case of a comparison; figures are empty where a case could not be played.
///
/// # Errors
/// When the destination fails.
pub fn write_comparison(comparison: &Comparison, to: impl Write) -> io::Result<()> {
    let mut rows = table(to);
    rows.write_record([
        "network",
        "device",
        "runtime",
        "condition",
        "strategy",
        "granularity",
        "failure",
        "rank",
        "winner",
        "pareto",
        "latency_ms",
        "latency_half_width_ms",
        "p99_ms",
        "speedup_over_single",
        "energy_per_inference_mj",
        "energy_delay_mj_ms",
        "dropped",
        "peak_memory_bytes",
        "prediction_error_percent",
        "deadline_missed",
        "deadline_judged",
        "deadline_miss_ratio",
        "frames_missed",
    ])?;
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    for row in &comparison.rows {
        rows.write_record([
            csv_label(&row.key.network),
            csv_label(&row.key.device),
            csv_label(&row.key.runtime),
            csv_label(&row.key.condition),
            csv_label(&row.key.strategy),
            csv_label(&row.key.granularity),
            csv_label(row.failure.as_deref().unwrap_or_default()),
            row.rank.map_or_else(String::new, |rank| rank.to_string()),
            row.winner.to_string(),
            row.pareto.to_string(),
            number(row.latency_ms.map(|l| l.mean)),
            number(row.latency_ms.and_then(|l| l.half_width)),
            number(row.p99_ms.map(|l| l.mean)),
            number(row.speedup_over_single),
            number(row.energy_per_inference_mj.map(|e| e.mean)),
            number(row.energy_delay_mj_ms),
            number(row.dropped),
            row.peak_memory_bytes.map_or_else(String::new, |bytes| bytes.to_string()),
            number(row.prediction_error_percent),
            number(row.deadline_missed),
            number(row.deadline_judged),
            number(row.deadline_miss_ratio),
            number(row.frames_missed),
        ])?;
    }
    rows.flush()
}

/// One row per request: times are empty when they did not come to pass.
///
/// # Errors
/// When the destination fails.
pub fn write_requests(record: &RunRecord, to: impl Write) -> io::Result<()> {
    let mut rows = table(to);
    rows.write_record([
        "stream",
        "request",
        "warm_up",
        "arrived_ms",
        "admitted_ms",
        "finished_ms",
        "dropped_ms",
        "latency_ms",
    ])?;
    for request in &record.requests {
        rows.write_record([
            csv_label(&record.labels.stream(request.id.stream)),
            request.id.number.to_string(),
            request.warm_up.to_string(),
            ms(request.arrived.0),
            optional_ms(request.admitted),
            optional_ms(request.finished),
            optional_ms(request.dropped),
            request.latency().map(|l| ms(l.0)).unwrap_or_default(),
        ])?;
    }
    rows.flush()
}

/// One row per operator that ended, dispatch overhead included in its span.
///
/// # Errors
/// When the destination fails.
pub fn write_operators(record: &RunRecord, to: impl Write) -> io::Result<()> {
    let mut rows = table(to);
    rows.write_record([
        "stream",
        "request",
        "unit",
        "operator",
        "name",
        "op_type",
        "class",
        "macs",
        "executor",
        "start_ms",
        "end_ms",
        "duration_ms",
    ])?;
    for operator in &record.operators {
        let request = operator.unit.request;
        let words = record.labels.operator(request.stream, operator.operator);
        rows.write_record([
            csv_label(&record.labels.stream(request.stream)),
            request.number.to_string(),
            operator.unit.unit.to_string(),
            operator.operator.to_string(),
            csv_label(&record.labels.operator_name(request.stream, operator.operator)),
            words.map(|w| csv_label(&w.op_type)).unwrap_or_default(),
            words.map(|w| w.class.id().to_owned()).unwrap_or_default(),
            words.map(|w| w.macs.to_string()).unwrap_or_default(),
            csv_label(&record.labels.executor_name(operator.unit.executor)),
            ms(operator.start.0),
            ms(operator.end.0),
            ms(operator.end.since(operator.start).0),
        ])?;
    }
    rows.flush()
}

/// One row per resource.
///
/// # Errors
/// When the destination fails.
pub fn write_resources(summary: &RunSummary, to: impl Write) -> io::Result<()> {
    let mut rows = table(to);
    rows.write_record([
        "resource",
        "busy_ms",
        "overhead_ms",
        "blocked_ms",
        "suspended_ms",
        "idle_ms",
        "utilization",
        "energy_mj",
    ])?;
    for r in &summary.resources {
        let mut row = vec![csv_label(&r.name)];
        let numbers =
            [r.busy_ms, r.overhead_ms, r.blocked_ms, r.suspended_ms, r.idle_ms, r.utilization, r.energy_mj];
        row.extend(numbers.iter().map(f64::to_string));
        rows.write_record(row)?;
    }
    rows.flush()
}
