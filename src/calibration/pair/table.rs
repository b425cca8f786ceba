//! Comma-separated tables with a place for every fault.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};

/// Largest number of faults reported at once.
const MAX_FAULTS: usize = 20;

/// A table of which the wanted columns are known to exist.
pub(super) struct Table {
    source: Arc<SourceText>,
    names: Vec<String>,
    records: Vec<csv::StringRecord>,
}

/// One row of a [`Table`].
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    record: &'a csv::StringRecord,
}

impl Table {
    /// Reads a table and makes sure that it has `columns`, each once.
    pub(super) fn read(source: &Arc<SourceText>, columns: &[&str]) -> Result<Self, InputError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
        let fault = |code, message: String| Diagnostic::new(code, message).at(source, 0..0);
        let csv_fault = |error: csv::Error| fault("measurements::csv", printable(&error.to_string()));
        let names: Vec<String> =
            reader.headers().map_err(csv_fault)?.iter().map(|name| name.trim().to_owned()).collect();
        for wanted in columns {
            let message = match names.iter().filter(|name| name == wanted).count() {
                1 => continue,
                0 => format!("column `{wanted}` is missing"),
                _ => format!("column `{wanted}` stands twice"),
            };
            let hint = nearest(wanted, names.iter().map(String::as_str))
                .filter(|near| near != wanted)
                .map_or_else(String::new, |near| format!("is it `{}`? ", printable(near)));
            return Err(fault("measurements::column", message)
                .help(format!("{hint}the table needs {}", columns.join(", ")))
                .into());
        }
        let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(csv_fault)?;
        if records.is_empty() {
            return Err(fault("measurements::empty", "the table has no rows".to_owned()).into());
        }
        Ok(Self { source: Arc::clone(source), names, records })
    }

    /// Makes something of every row.
    ///
    /// # Errors
    /// The faults of all rows, at most 20.
    pub(super) fn rows<T>(
        &self,
        of: impl Fn(&Row<'_>) -> Result<T, Diagnostic>,
    ) -> Result<Vec<T>, InputError> {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for record in &self.records {
            let row = Row { table: self, record };
            match row.complete().and_then(|()| of(&row)) {
                Ok(value) => found.push(value),
                Err(fault) => faults.push(fault),
            }
            if faults.len() == MAX_FAULTS {
                break;
            }
        }
        if faults.is_empty() { Ok(found) } else { Err(InputError { diagnostics: faults }) }
    }
}

impl Row<'_> {
    fn complete(&self) -> Result<(), Diagnostic> {
        if self.record.len() == self.table.names.len() {
            return Ok(());
        }
        let message =
            format!("{} fields in a table of {} columns", self.record.len(), self.table.names.len());
        let span = self.span(None);
        Err(Diagnostic::new("measurements::csv", message)
            .at(&self.table.source, span)
            .help("quote fields that hold commas"))
    }

    /// The bytes of a field, or of the row.
    fn span(&self, field: Option<usize>) -> Range<usize> {
        let text = &self.table.source.text;
        let start = self.record.position().map_or(0, |p| p.byte() as usize).min(text.len());
        // The reader may report the line break of the record before.
        let rest = text.get(start..).unwrap_or_default();
        let start = start + rest.bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let rest = text.get(start..).unwrap_or_default();
        let line = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let Some(field) = field else { return start..start + line };
        let (mut at, mut quoted, mut passed) = (0, false, 0);
        for (i, byte) in rest.bytes().enumerate() {
            if passed == field {
                break;
            }
            quoted ^= byte == b'"';
            if byte == b',' && !quoted {
                passed += 1;
                at = i + 1;
            }
        }
        let length = self.record.get(field).map_or(0, str::len);
        start + at..(start + at + length).min(text.len())
    }

    fn position(&self, column: &str) -> Option<usize> {
        self.table.names.iter().position(|name| name == column)
    }

    /// A fault of a field.
    pub(super) fn fault(&self, column: &str, rule: &str) -> Diagnostic {
        let position = self.position(column);
        let text = position.and_then(|i| self.record.get(i)).unwrap_or_default();
        let message = format!("column `{column}`: `{}` {rule}", printable(text));
        Diagnostic::new("measurements::field", message).at(&self.table.source, self.span(position))
    }

    /// A field that is not empty.
    pub(super) fn text(&self, column: &str) -> Result<&str, Diagnostic> {
        let text = self.position(column).and_then(|i| self.record.get(i)).unwrap_or_default().trim();
        if text.is_empty() { Err(self.fault(column, "is empty")) } else { Ok(text) }
    }

    /// One of some words; any if there are none.
    pub(super) fn word(&self, column: &str, known: &[&str]) -> Result<&str, Diagnostic> {
        let text = self.text(column)?;
        if known.is_empty() || known.contains(&text) {
            return Ok(text);
        }
        let help = format!("the profile knows {}", known.join(", "));
        Err(self.fault(column, "has no constants in the profile").help(help))
    }

    /// A number not below 0.
    pub(super) fn number(&self, column: &str) -> Result<f64, Diagnostic> {
        let number = self.text(column)?.parse::<f64>().ok().filter(|x| x.is_finite() && *x >= 0.0);
        number.ok_or_else(|| {
            self.fault(column, "is not a number of at least 0")
                .help("write a decimal point, no unit and no thousands separator")
        })
    }

    /// A number above 0.
    pub(super) fn positive(&self, column: &str) -> Result<f64, Diagnostic> {
        let number = self.number(column)?;
        if number > 0.0 { Ok(number) } else { Err(self.fault(column, "is not above 0")) }
    }

    /// A whole number not below 0.
    pub(super) fn count(&self, column: &str) -> Result<u64, Diagnostic> {
        let parsed = self.text(column)?.parse::<u64>();
        parsed.map_err(|_| self.fault(column, "is not a whole number of at least 0"))
    }
}
