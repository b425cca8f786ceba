//! Rows of the CSV with the place of each field.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};

/// The columns, in the order of [`Row::spans`].
const COLUMNS: [&str; 5] = ["model", "family", "op_index", "op", "feature_json"];

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) model: String,
    pub(super) family: String,
    pub(super) index: u64,
    pub(super) op: String,
    pub(super) features: String,
    /// Byte range of each column's field.
    pub(super) spans: [Range<usize>; 5],
}

/// Parses the header, then every row.
pub(super) fn rows(
    source: &Arc<SourceText>,
) -> Result<impl Iterator<Item = Result<Row, Diagnostic>> + use<>, InputError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
    let header = reader.headers().map_err(|e| Diagnostic::new("operator-list::csv", e.to_string()))?.clone();
    let mut order = [None; 5];
    let line = field_spans(&source.text, 0);
    for (position, name) in header.iter().enumerate() {
        // A byte-order mark is no part of the first name.
        let name = name.trim_start_matches('\u{feff}');
        let Some(column) = COLUMNS.iter().position(|c| *c == name) else {
            let help = match nearest(name, COLUMNS) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("the columns are {}", COLUMNS.join(", ")),
            };
            let span = line.get(position).cloned().unwrap_or(0..0);
            return Err(Diagnostic::new(
                "operator-list::column",
                format!("unknown column `{}`", printable(name)),
            )
            .at(source, span)
            .help(help)
            .into());
        };
        order[column] = Some(position);
    }
    if let Some(missing) = order.iter().position(Option::is_none) {
        let message = format!("column {} is missing", COLUMNS[missing]);
        return Err(Diagnostic::new("operator-list::column", message)
            .at(source, 0..0)
            .help(format!("the header line is {}", COLUMNS.join(",")))
            .into());
    }
    let order: Vec<usize> = order.into_iter().flatten().collect();
    let records: Vec<_> = reader.into_records().collect();
    let source = Arc::clone(source);
    let width = header.len();
    Ok(records.into_iter().map(move |record| {
        let record = record.map_err(|e| {
            let at = e.position().map_or(0, |p| p.byte() as usize);
            Diagnostic::new("operator-list::csv", e.to_string()).at(&source, at..at)
        })?;
        let start = record.position().map_or(0, |p| p.byte() as usize);
        let places = field_spans(&source.text, start);
        if record.len() != width {
            let message = format!("{} fields in a table of {width} columns", record.len());
            return Err(Diagnostic::new("operator-list::csv", message)
                .at(&source, start..start)
                .help("quote fields that hold commas and double the quotes inside"));
        }
        let spans: [Range<usize>; 5] =
            std::array::from_fn(|c| places.get(order[c]).cloned().unwrap_or(start..start));
        let field = |c: usize| record.get(order[c]).unwrap_or_default();
        if let Some(empty) = (0..5).find(|&c| field(c).is_empty()) {
            let message = format!("{} is empty", COLUMNS[empty]);
            return Err(Diagnostic::new("operator-list::csv", message)
                .at(&source, spans[empty].clone())
                .help("every column needs a value"));
        }
        let index = field(2).parse().map_err(|_| {
            Diagnostic::new("operator-list::index", format!("op_index is `{}`", printable(field(2))))
                .at(&source, spans[2].clone())
                .help("use a whole number from 0")
        })?;
        Ok(Row {
            model: field(0).to_owned(),
            family: field(1).to_owned(),
            index,
            op: field(3).to_owned(),
            features: field(4).to_owned(),
            spans,
        })
    }))
}

/// Byte ranges of the fields of the record that starts at `start`, quotes included.
fn field_spans(text: &str, start: usize) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    // The reader may report the line break of the record before.
    let skip = bytes.iter().skip(start).take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let (mut spans, mut begin, mut quoted) = (Vec::new(), start + skip, false);
    for (at, &byte) in bytes.iter().enumerate().skip(begin) {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                spans.push(begin..at);
                begin = at + 1;
            }
            b'\r' | b'\n' if !quoted => {
                spans.push(begin..at);
                return spans;
            }
            _ => {}
        }
    }
    spans.push(begin.min(bytes.len())..bytes.len());
    spans
}
