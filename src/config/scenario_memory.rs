//! The `[memory]` table of a scenario.

use super::check::Checker;
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::soc::{MemoryLimits, Platform};
use crate::units::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMemory {
    limit: Option<Spanned<String>>,
    #[serde(default)]
    executors: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// Limits of memory, by names that are not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemorySpec {
    /// Bytes of the application.
    pub limit: Option<u64>,
    /// Bytes of weights that executors keep, by name.
    pub executors: Vec<(String, u64)>,
}

/// Checks the table.
pub(super) fn memory(check: &mut Checker<'_>, raw: &Spanned<RawMemory>) -> MemorySpec {
    let table = raw.get_ref();
    if table.limit.is_none() && table.executors.is_empty() {
        let help = "write limit = \"512 MiB\" for the application, or executors = { gpu = \"64 MiB\" }";
        check.error("scenario::memory", &raw.span(), "the table limits nothing", help);
    }
    let limit = table.limit.as_ref().map(|text| size(check, text, "memory.limit"));
    let executors = table.executors.iter().map(|(name, text)| {
        let key = format!("memory.executors.{}", printable(name.get_ref()));
        (name.get_ref().clone(), size(check, text, &key))
    });
    MemorySpec { limit, executors: executors.collect() }
}

/// An amount of memory with its unit; none at all would hold nothing.
fn size(check: &mut Checker<'_>, text: &Spanned<String>, key: &str) -> u64 {
    match text.get_ref().parse::<Bytes>() {
        Ok(bytes) if bytes.0 >= 1.0 && bytes.0 <= 1e18 => bytes.0 as u64,
        Ok(_) => {
            let message = format!("{key}: `{}` is no amount of memory", printable(text.get_ref()));
            let help = "write an amount from 1 B to 10^18 B, or leave the key out for no limit";
            check.error("scenario::memory", &text.span(), message, help);
            1
        }
        Err(error) => {
            let message = format!("{key}: {}", printable(&error.to_string()));
            check.error(
                "scenario::unit",
                &text.span(),
                message,
                "write a number with its unit, like \"512 MiB\"",
            );
            1
        }
    }
}

/// Looks the executors up.
///
/// # Errors
/// An executor that takes no part in the run.
pub(super) fn limits(spec: &MemorySpec, platform: &Platform) -> Result<Box<MemoryLimits>, InputError> {
    let mut executors = Vec::with_capacity(spec.executors.len());
    for (name, bytes) in &spec.executors {
        let executor = platform.executor_named(name).ok_or_else(|| {
            let known: Vec<&str> = platform.executors.iter().map(|e| e.name.as_str()).collect();
            let message = format!("memory.executors: there is no executor `{}` in this run", printable(name));
            Diagnostic::new("scenario::memory", message).help(format!("executors are {}", known.join(", ")))
        })?;
        executors.push((executor, *bytes));
    }
    executors.sort_unstable_by_key(|&(executor, _)| executor);
    Ok(Box::new(MemoryLimits { total: spec.limit, executors, settled: None }))
}
