//! Measurement tables (Format B): one row for each measured network on one executor.

use std::sync::Arc;

use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use crate::soc::Precision;

/// Columns that a table must have.
pub const REQUIRED: [&str; 6] = ["soc", "processor", "runtime", "precision", "model", "latency_ms"];

/// Largest number of faults reported at once.
const MAX_FAULTS: usize = 20;

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// What was measured on, and how.
    pub group: GroupKey,
    /// Product that the chip was in, if stated.
    pub device: String,
    /// Name of the network, `#component` behind it where the source measured parts, `#sparse` where its note says that the weights are sparse.
    pub model: String,
    /// Architecture family, if stated.
    pub family: Option<String>,
    /// Central value in milliseconds, above 0: the `median_ms` of the note where there is one, else `latency_ms`.
    pub latency_ms: f64,
    /// Standard deviation over runs in milliseconds, if known.
    pub std_ms: Option<f64>,
    /// Largest / smallest value of several releases, if stated.
    pub spread: Option<f64>,
}

/// What rows share that one profile predicts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Chip as named by the source.
    pub soc: String,
    /// Processor as named by the source.
    pub processor: String,
    /// Core set; empty for devices.
    pub cores: String,
    /// Runtime and version.
    pub runtime: String,
    /// Precision as named by the source.
    pub precision: String,
}

impl GroupKey {
    /// Name of the executor without precision: `cpu-1large`, `gpu`.
    #[must_use]
    pub fn executor(&self) -> String {
        if self.cores.is_empty() {
            self.processor.clone()
        } else {
            format!("{}-{}", self.processor, self.cores)
        }
    }

    /// Id that a SoC profile has: lower-case words joined by hyphens; a plus is a word.
    #[must_use]
    pub fn soc_id(&self) -> String {
        let spelt = self.soc.replace('+', " plus ");
        let words = spelt.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-").to_lowercase()
    }

    /// Id that a runtime profile has: the name without the version and what follows it (`paddle-lite-2.11-armv8` is `paddle-lite`), and without the
    /// packaging that follows an underscore (`qnn_dlc` and `qnn_context_binary` are both `qnn`).
    #[must_use]
    pub fn runtime_id(&self) -> &str {
        let version = self
            .runtime
            .match_indices('-')
            .find(|(at, _)| self.runtime[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        let name = version.map_or(self.runtime.as_str(), |(at, _)| &self.runtime[..at]);
        name.split_once('_').map_or(name, |(name, _)| name)
    }

    /// Whether a profile that was measured with `runtime` speaks for this group: the same version, in whatever packaging.
    #[must_use]
    pub fn is_of(&self, runtime: &str) -> bool {
        self.runtime == runtime || self.runtime.split_once('_').is_some_and(|(name, _)| name == runtime)
    }

    /// The precision in the words of profiles: `w8a8` is `int8`.
    #[must_use]
    pub fn own_precision(&self) -> Option<Precision> {
        match self.precision.as_str() {
            "w8a8" => Some(Precision::Int8),
            other => Precision::from_id(other),
        }
    }
}

impl std::fmt::Display for GroupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.soc, self.processor)?;
        if !self.cores.is_empty() {
            write!(f, " {}", self.cores)?;
        }
        write!(f, " {} {}", self.runtime, self.precision)
    }
}

/// Reads a table, rows in their order. Columns beyond the known ones carry provenance and are allowed.
///
/// # Errors
/// `measurements::...` with row and column of each fault, at most 20: a missing or repeated column, a row of another
/// width, an empty required field, a latency that is not a positive number.
pub fn read_measurements(source: &Arc<SourceText>) -> Result<Vec<Measurement>, InputError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text.as_bytes());
    let header = reader
        .headers()
        .map_err(|e| Diagnostic::new("measurements::csv", printable(&e.to_string())).at(source, 0..0))?
        .clone();
    let names: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    for (position, name) in names.iter().enumerate() {
        if names[..position].contains(name) {
            let message = format!("column `{}` stands twice", printable(name));
            return Err(Diagnostic::new("measurements::column", message).at(source, 0..0).into());
        }
    }
    if let Some(missing) = REQUIRED.iter().find(|column| !names.contains(column)) {
        let hint = nearest(missing, names.iter().copied())
            .map_or_else(String::new, |near| format!("is it `{}`? ", printable(near)));
        return Err(Diagnostic::new("measurements::column", format!("column `{missing}` is missing"))
            .at(source, 0..0)
            .help(format!("{hint}a table needs {}", REQUIRED.join(", ")))
            .into());
    }
    let at = |name: &str| names.iter().position(|known| *known == name);
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    for record in reader.records() {
        match record
            .map_err(|e| Diagnostic::new("measurements::csv", printable(&e.to_string())))
            .and_then(|record| row(source, &names, &record, &at))
        {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push(fault),
        }
        if faults.len() == MAX_FAULTS {
            break;
        }
    }
    if faults.is_empty() && rows.is_empty() {
        faults.push(
            Diagnostic::new("measurements::empty", "the table has no rows")
                .at(source, 0..0)
                .help("add one row for each measurement"),
        );
    }
    if faults.is_empty() { Ok(rows) } else { Err(InputError { diagnostics: faults }) }
}

fn row(
    source: &Arc<SourceText>,
    names: &[&str],
    record: &csv::StringRecord,
    at: &dyn Fn(&str) -> Option<usize>,
) -> Result<Measurement, Diagnostic> {
    let start = record.position().map_or(0, |p| p.byte() as usize).min(source.text.len());
    // The reader may report the line break of the record before.
    let start = start + source.text[start..].bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let end = source.text[start..].find('\n').map_or(source.text.len(), |length| start + length);
    let fault = |code, message: String| Diagnostic::new(code, message).at(source, start..end);
    if record.len() != names.len() {
        let message = format!("{} fields in a table of {} columns", record.len(), names.len());
        return Err(fault("measurements::csv", message).help("quote fields that hold commas"));
    }
    let field = |name: &str| at(name).and_then(|i| record.get(i)).map_or("", str::trim);
    if let Some(empty) = REQUIRED.iter().find(|name| field(name).is_empty()) {
        return Err(fault("measurements::field", format!("column `{empty}` is empty"))
            .help(format!("every row needs {}", REQUIRED.join(", "))));
    }
    let number = |name: &str| -> Result<Option<f64>, Diagnostic> {
        match field(name) {
            "" => Ok(None),
            text => text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Some).ok_or_else(|| {
                fault(
                    "measurements::number",
                    format!("column `{name}`: `{}` is not a number", printable(text)),
                )
                .help("write a decimal point, no unit and no thousands separator")
            }),
        }
    };
    let latency_ms = number("latency_ms")?.unwrap_or(0.0);
    if latency_ms <= 0.0 {
        return Err(fault(
            "measurements::number",
            format!("column `latency_ms`: {latency_ms} is not above 0"),
        )
        .help("leave out rows that failed"));
    }
    let std_ms = number("std_ms")?;
    if std_ms.is_some_and(|std| std < 0.0) {
        return Err(fault("measurements::number", "column `std_ms` is negative".to_owned())
            .help("leave the field empty if it is unknown"));
    }
    let processor = field("processor");
    if processor == "cpu" && at("cores").is_some() && field("cores").is_empty() {
        return Err(fault("measurements::field", "a CPU row without a core set".to_owned())
            .help("name the cores in column `cores`, such as 1large or 4small"));
    }
    let note = |key: &str| {
        field("note").split(';').find_map(|pair| pair.trim().strip_prefix(key)?.strip_prefix('='))
    };
    let letters =
        |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    // A component that is called like the model is the whole model.
    let component = note("component").filter(|part| letters(part) != letters(field("model")));
    // Sparse weights make another network of it.
    let sparse = field("note").split(';').any(|word| word.trim().eq_ignore_ascii_case("sparse"));
    let component = component.or_else(|| sparse.then_some("sparse"));
    let positive =
        |key: &str| note(key).and_then(|text| text.parse::<f64>().ok()).filter(|value| *value > 0.0);
    Ok(Measurement {
        group: GroupKey {
            soc: field("soc").to_owned(),
            processor: processor.to_owned(),
            cores: if processor == "cpu" { field("cores").to_owned() } else { String::new() },
            runtime: field("runtime").to_owned(),
            precision: field("precision").to_owned(),
        },
        device: field("device").to_owned(),
        model: component
            .map_or_else(|| field("model").to_owned(), |part| format!("{}#{part}", field("model"))),
        family: Some(field("family")).filter(|family| !family.is_empty()).map(str::to_owned),
        latency_ms: positive("median_ms").unwrap_or(latency_ms),
        std_ms,
        spread: positive("spread"),
    })
}

/// The groups of a table in order, each with one value for each network: repeated keys are repeated measurements,
/// of which the median counts.
#[must_use]
pub fn groups(rows: &[Measurement]) -> Vec<(GroupKey, Vec<(String, f64)>)> {
    let mut found: std::collections::BTreeMap<&GroupKey, Vec<(&str, Vec<f64>)>> =
        std::collections::BTreeMap::new();
    for row in rows {
        let models = found.entry(&row.group).or_default();
        match models.iter_mut().find(|(model, _)| *model == row.model) {
            Some((_, values)) => values.push(row.latency_ms),
            None => models.push((&row.model, vec![row.latency_ms])),
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len().is_multiple_of(2) {
            0.5 * (values[middle - 1] + values[middle])
        } else {
            values[middle]
        }
    };
    found
        .into_iter()
        .map(|(key, models)| {
            (
                key.clone(),
                models.into_iter().map(|(model, values)| (model.to_owned(), median(values))).collect(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Measurement>, InputError> {
        read_measurements(&SourceText::new("table.csv", text))
    }

    const HEAD: &str = "soc,processor,cores,runtime,precision,model,latency_ms,std_ms,extra\n";

    #[test]
    fn rows_group_and_repeated_keys_are_repeated_measurements() {
        let text = format!(
            "{HEAD}A12 Bionic,cpu,1large,tflite-2.10,fp32,net,3,0.1,x\nA12 Bionic,cpu,1large,tflite-2.10,fp32,net,5,,\n\
             A12 Bionic,gpu,ignored,tflite-2.10,fp16,net,1,,\n"
        );
        let rows = read(&text).unwrap();
        let groups = groups(&rows);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].1, [("net".to_owned(), 4.0)]);
        assert_eq!(
            (groups[0].0.executor(), groups[0].0.soc_id()),
            ("cpu-1large".into(), "a12-bionic".into())
        );
        assert_eq!((groups[1].0.executor(), groups[1].0.runtime_id()), ("gpu".into(), "tflite"));
    }

    #[test]
    fn a_version_may_be_followed_by_the_build_and_sparse_weights_are_another_network() {
        let text = "soc,processor,cores,runtime,precision,model,latency_ms,note\n\
            A,cpu,1big,paddle-lite-2.11-armv8,fp32,net,3,repeats=600\n\
            A,cpu,1big,paddle-lite-2.11-armv8,fp32,net,2,repeats=600;SPARSE\n";
        let rows = read(text).unwrap();
        assert_eq!(rows[0].group.runtime_id(), "paddle-lite");
        assert_eq!((rows[0].model.as_str(), rows[1].model.as_str()), ("net", "net#sparse"));
    }

    #[test]
    fn faults_name_row_and_column() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert!(
            message("soc,processor,runtime,precision,model,latency\nx,gpu,r,fp16,m,1\n")
                .contains("is it `latency`?")
        );
        let bad = message(&format!("{HEAD}a,gpu,,r-1,fp16,m,1,,\na,gpu,,r-1,fp16,m,1 ms,,\n"));
        assert!(
            bad.contains("table.csv:3:1") && bad.contains("`latency_ms`: `1 ms` is not a number"),
            "{bad}"
        );
        assert!(message(&format!("{HEAD}a,gpu,,r-1,fp16,m,-1,,\n")).contains("-1 is not above 0"));
        assert!(message(&format!("{HEAD}a,gpu,,r-1,fp16,m,inf,,\n")).contains("not a number"));
        assert!(message(&format!("{HEAD}a,gpu,,r-1,,m,1,,\n")).contains("`precision` is empty"));
        assert!(message(&format!("{HEAD}a,cpu,,r-1,fp32,m,1,,\n")).contains("without a core set"));
        assert!(
            message(&format!("{HEAD}a,gpu,,r-1,fp16,m,1\n")).contains("7 fields in a table of 9 columns")
        );
        assert!(message(&format!("{HEAD}a,gpu,,r-1,fp16,m,1,-2,\n")).contains("`std_ms` is negative"));
        assert!(message(HEAD).contains("no rows"));
        assert!(message("").contains("`soc` is missing"));
        assert!(message("soc,soc\n").contains("stands twice"));
    }
}
