//! Per-operator measurement tables: one row for each operator of a network on one device.

use std::sync::Arc;

use super::tables::GroupKey;
use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};

/// Columns that a table must have.
const REQUIRED: [&str; 6] = ["soc", "runtime", "precision", "model", "op_index", "latency_us"];

/// Largest number of faults reported at once.
const MAX_FAULTS: usize = 20;

/// One measured operator.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorMeasurement {
    /// What was measured on, and how; a table without a column `processor` is of a GPU.
    pub group: GroupKey,
    /// Network.
    pub model: String,
    /// Position in the operator list of the network.
    pub index: usize,
    /// The kernel that the runtime chose, as it names it; never an input of a prediction.
    pub kernel: String,
    /// Microseconds, above 0.
    pub latency_us: f64,
}

/// Whether a table is one of operators rather than of whole networks.
#[must_use]
pub fn is_operator_table(source: &SourceText) -> bool {
    let header = source.text.lines().next().unwrap_or_default();
    header.split(',').any(|name| name.trim() == "latency_us")
}

/// Reads a table.
///
/// # Errors
/// `measurements::...` with the line of each fault, at most 20.
pub fn read_operator_measurements(source: &Arc<SourceText>) -> Result<Vec<OperatorMeasurement>, InputError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(source.text.as_bytes());
    let header = reader
        .headers()
        .map_err(|e| Diagnostic::new("measurements::csv", printable(&e.to_string())).at(source, 0..0))?
        .clone();
    let at = |name: &str| header.iter().position(|known| known.trim_start_matches('\u{feff}') == name);
    if let Some(missing) = REQUIRED.iter().find(|name| at(name).is_none()) {
        return Err(Diagnostic::new("measurements::column", format!("column `{missing}` is missing"))
            .at(source, 0..0)
            .help(format!("a table of operators needs {}", REQUIRED.join(", ")))
            .into());
    }
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let row = record
            .map_err(|e| Diagnostic::new("measurements::csv", printable(&e.to_string())))
            .and_then(|record| {
                let start = record.position().map_or(0, |p| p.byte() as usize).min(source.text.len());
                let field = |name: &str| at(name).and_then(|i| record.get(i)).map_or("", str::trim);
                let fault = |column: &str, rule: &str| {
                    Diagnostic::new(
                        "measurements::number",
                        format!("column `{column}`: `{}` {rule}", printable(field(column))),
                    )
                    .at(source, start..start)
                };
                let latency_us =
                    field("latency_us").parse::<f64>().ok().filter(|us| us.is_finite() && *us > 0.0);
                let processor = Some(field("processor")).filter(|name| !name.is_empty()).unwrap_or("gpu");
                let cores = if processor == "cpu" { field("cores") } else { "" };
                if processor == "cpu" && cores.is_empty() {
                    return Err(fault("cores", "names no core set, which rows of a CPU need"));
                }
                Ok(OperatorMeasurement {
                    group: GroupKey {
                        soc: field("soc").to_owned(),
                        processor: processor.to_owned(),
                        cores: cores.to_owned(),
                        runtime: field("runtime").to_owned(),
                        precision: field("precision").to_owned(),
                    },
                    model: field("model").to_owned(),
                    index: field("op_index")
                        .parse()
                        .map_err(|_| fault("op_index", "is not a whole number"))?,
                    kernel: field("kernel").to_owned(),
                    latency_us: latency_us.ok_or_else(|| fault("latency_us", "is not above 0"))?,
                })
            });
        match row {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push(fault),
        }
        if faults.len() == MAX_FAULTS {
            break;
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(InputError { diagnostics: faults }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operator_rows_are_read_and_faults_placed() {
        let text = "soc,runtime,precision,model,op_index,kernel,latency_us\na,r-1,fp16,m,0,winograd,3.5\n";
        let source = SourceText::new("ops.csv", text);
        assert!(is_operator_table(&source));
        let rows = read_operator_measurements(&source).unwrap();
        assert_eq!((rows[0].index, rows[0].latency_us), (0, 3.5));
        let bad = |text: &str| {
            read_operator_measurements(&SourceText::new("ops.csv", text)).unwrap_err().to_string()
        };
        assert!(bad(&text.replace("3.5", "0")).contains("ops.csv:2:1"));
        assert!(bad(&text.replace("fp16,m,0", "fp16,m,x")).contains("`op_index`: `x` is not a whole number"));
        assert!(bad(&text.replace("op_index", "index")).contains("`op_index` is missing"));
    }
}
