//! Names of executors: `cpu-1large3med`, `cpu-4small@int8`, `gpu`.

use std::fmt;
use std::str::FromStr;

use super::quantity::Precision;

/// Which cores or device, and at which precision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutorName {
    /// The cores or the device.
    pub target: Target,
    /// Asked-for precision; `None` takes the runtime's first one for that processor.
    pub precision: Option<Precision>,
}

/// Cores or device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Numbers of cores by core kind, one thread per core.
    Cores(Vec<(u32, String)>),
    /// Id of an accelerator.
    Device(String),
}

/// Why a text does not name an executor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` does not name an executor: write cpu-<count><kind>... (cpu-1large3med) or a device (gpu), optionally with @<precision>"
)]
pub struct ExecutorNameError {
    /// The offending text.
    pub text: String,
}

impl ExecutorName {
    /// The name without the precision, e.g. `cpu-1large3med`.
    #[must_use]
    pub fn base(&self) -> String {
        match &self.target {
            Target::Cores(groups) => {
                let set: String = groups.iter().map(|(count, kind)| format!("{count}{kind}")).collect();
                format!("cpu-{set}")
            }
            Target::Device(id) => id.clone(),
        }
    }
}

impl fmt::Display for ExecutorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base())?;
        self.precision.map_or(Ok(()), |precision| write!(f, "@{}", precision.id()))
    }
}

impl FromStr for ExecutorName {
    type Err = ExecutorNameError;

    fn from_str(text: &str) -> Result<Self, ExecutorNameError> {
        let error = || ExecutorNameError { text: text.to_owned() };
        let (base, precision) = match text.split_once('@') {
            Some((base, word)) => (base, Some(Precision::from_id(word).ok_or_else(error)?)),
            None => (text, None),
        };
        let target = match base.strip_prefix("cpu-") {
            Some(set) => Target::Cores(core_set(set).ok_or_else(error)?),
            None if base.starts_with(|c: char| c.is_ascii_lowercase())
                && base != "cpu"
                && base.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') =>
            {
                Target::Device(base.to_owned())
            }
            None => return Err(error()),
        };
        Ok(Self { target, precision })
    }
}

/// Splits `1large3med` into counts and kinds; each kind once, counts above 0.
fn core_set(text: &str) -> Option<Vec<(u32, String)>> {
    let mut groups: Vec<(u32, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(tail.len());
        let (kind, tail) = tail.split_at(letters);
        let count: u32 = count.parse().ok().filter(|&n| n > 0)?;
        if kind.is_empty() || groups.iter().any(|(_, known)| known == kind) {
            return None;
        }
        groups.push((count, kind.to_owned()));
        rest = tail;
    }
    (!groups.is_empty()).then_some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed_back() {
        for name in ["cpu-1large3med", "cpu-4small@int8", "gpu", "gpu@fp16", "cpu-1large"] {
            assert_eq!(name.parse::<ExecutorName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for name in
            ["", "cpu", "cpu-", "cpu-large", "cpu-0large", "cpu-1large1large", "gpu@fp8", "GPU", "@fp16"]
        {
            assert!(name.parse::<ExecutorName>().is_err(), "{name}");
        }
    }
}
