//! The schedules of `hetsoc-plan/2`: what was decided while a run lasted.

use super::plan_file::executor_named;
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::soc::Platform;
use crate::strategy::{Entry, Later, RequestId, Trigger};
use crate::units::SimDuration;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntry {
    first_request: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    version: u16,
    #[serde(default, skip_serializing_if = "is_nothing")]
    overhead_ps: u64,
    executors: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later: Vec<RawLater>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLater {
    unit: u32,
    event: String,
    of: (u16, u32, u32),
    #[serde(default, skip_serializing_if = "is_first")]
    turn: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(version: &u16) -> bool {
    *version == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_nothing(time: &u64) -> bool {
    *time == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_first(turn: &u32) -> bool {
    *turn == 0
}

/// Reads the entries of a stream, found at `at`, whose versions have so many units.
pub(super) fn entries(
    raw: &[RawEntry],
    units: &[usize],
    platform: &Platform,
    at: &str,
) -> Result<Vec<Entry>, InputError> {
    let refuse = |number: usize, what: String, way: &str| {
        Err(Diagnostic::new("plan::schedule", format!("{at}[{number}] {what}")).help(way).into())
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
    for (number, entry) in raw.iter().enumerate() {
        if entries.last().is_some_and(|last| last.first_request >= entry.first_request) {
            let what = format!("begins at request {}, not behind the entry before", entry.first_request);
            return refuse(number, what, "entries go by increasing first_request");
        }
        let version = usize::from(entry.version);
        let Some(&own) = units.get(version) else {
            let what = format!("runs version {version}, but there are {}", units.len());
            return refuse(number, what, "version 0 is `units`, then come versions[]");
        };
        if entry.executors.len() != own {
            let what =
                format!("has {} executors for the {own} units of version {version}", entry.executors.len());
            return refuse(number, what, "name one for each unit, or null");
        }
        let executors = entry.executors.iter().enumerate().map(|(unit, name)| {
            let named =
                |name: &String| executor_named(name, platform, &format!("{at}[{number}].executors[{unit}]"));
            name.as_ref().map(named).transpose()
        });
        let executors = executors.collect::<Result<Vec<_>, _>>()?;
        let first: usize = units.iter().take(version).sum();
        let mut later = Vec::with_capacity(entry.later.len());
        for own_unit in &entry.later {
            if !(first..first + own).contains(&(own_unit.unit as usize)) {
                let what = format!("lets unit {} wait, which version {version} lacks", own_unit.unit);
                return refuse(number, what, "units count on through the versions");
            }
            let finished = match own_unit.event.as_str() {
                "ready" => false,
                "finished" => true,
                other => {
                    let what = format!("waits for event `{}`", printable(other));
                    return refuse(number, what, "events are `ready` and `finished`");
                }
            };
            let (stream, request, unit) = own_unit.of;
            let after = Trigger { request: RequestId { stream, number: request }, unit, finished };
            later.push(Later { after, turn: own_unit.turn, unit: own_unit.unit });
        }
        entries.push(Entry {
            first_request: entry.first_request,
            version: entry.version,
            overhead: SimDuration(entry.overhead_ps),
            executors,
            later,
        });
    }
    Ok(entries)
}

/// Writes entries.
pub(super) fn raw_entries(entries: &[Entry], platform: &Platform) -> Vec<RawEntry> {
    let name = |executor| platform.executor(executor).name.clone();
    let later = |later: &Later| RawLater {
        unit: later.unit,
        event: if later.after.finished { "finished" } else { "ready" }.to_owned(),
        of: (later.after.request.stream, later.after.request.number, later.after.unit),
        turn: later.turn,
    };
    entries
        .iter()
        .map(|entry| RawEntry {
            first_request: entry.first_request,
            version: entry.version,
            overhead_ps: entry.overhead.0,
            executors: entry.executors.iter().map(|executor| executor.map(name)).collect(),
            later: entry.later.iter().map(later).collect(),
        })
        .collect()
}
