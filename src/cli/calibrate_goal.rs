//! What `hetsoc calibrate` calibrates and starts from: the SoC of the rows, the base profile and its SoC.

use super::CliError;
use super::output::read_text;
use crate::calibration::adapted::adapted;
use crate::calibration::calibrate::FEWEST_NETWORKS;
use crate::calibration::executors::{kinds, resolve};
use crate::calibration::tables::groups;
use crate::calibration::{GroupKey, Measurement};
use crate::config::Library;
use crate::config::library::ProfileKind;
use crate::physics::Form;
use crate::soc::{RuntimeProfile, Soc};
use std::path::Path;

/// The SoC whose runtime profiles stand in for SoCs without one.
const STAND_IN: &str = "snapdragon-855";

/// What is calibrated, and from what.
pub(super) struct CalibrationGoal {
    /// The silicon.
    pub(super) soc: Soc,
    /// What the table calls it.
    pub(super) named: String,
    /// The profile to start from.
    pub(super) base: RuntimeProfile,
    /// Its SoC.
    pub(super) base_soc: Soc,
    /// Its name on the command line, or of the built-in profile that was found.
    reference: String,
}

/// Reads SoC and base, from the arguments or by what the rows say.
pub(super) fn goal(
    soc: Option<&str>,
    base: Option<&str>,
    rows: &[Measurement],
) -> Result<CalibrationGoal, CliError> {
    let keys: Vec<GroupKey> = groups(rows).into_iter().map(|(key, _)| key).collect();
    let given = soc.map(|name| Library.soc(name, &[])).transpose()?.map(|loaded| loaded.value);
    let named = soc_of_rows(given.as_ref(), &keys)?;
    let soc = match given {
        Some(soc) => soc,
        None => {
            let id = keys.iter().find(|key| key.soc == named).map_or_else(String::new, GroupKey::soc_id);
            Library.soc(&id, &[])?.value
        }
    };
    let reference = match base {
        Some(base) => base.to_owned(),
        None => found_base(&soc, &keys)?,
    };
    let of = base_soc_id(&reference, &soc)?;
    let base_soc = if of == soc.id { soc.clone() } else { Library.soc(&of, &[])?.value };
    let base = Library.runtime(&of, &reference, &[])?.value;
    Ok(CalibrationGoal { soc, named, base, base_soc, reference })
}

/// What the table calls the SoC: the rows whose name gives the profile's id; of a table of one SoC, that one whatever it is called.
pub(super) fn soc_of_rows(given: Option<&Soc>, keys: &[GroupKey]) -> Result<String, CliError> {
    let mut names: Vec<&GroupKey> = Vec::new();
    for key in keys {
        if !names.iter().any(|known| known.soc == key.soc) {
            names.push(key);
        }
    }
    let list = || names.iter().map(|key| key.soc_id()).collect::<Vec<_>>().join(", ");
    if let Some(soc) = given
        && let Some(key) = names.iter().find(|key| key.soc_id() == soc.id)
    {
        return Ok(key.soc.clone());
    }
    match (names.as_slice(), given) {
        ([], _) => Err(CliError::NothingMatched("no row of whole networks was asked for".to_owned())),
        ([one], _) => Ok(one.soc.clone()),
        (_, None) => Err(CliError::Usage(format!("the table has rows of {}; choose one with --soc", list()))),
        (_, Some(soc)) => Err(CliError::NothingMatched(format!(
            "the table has no rows of `{}`, but of {}; give the SoC profile one of these ids",
            soc.id,
            list()
        ))),
    }
}

/// The built-in profile of SoC and runtime of the rows, else that of another SoC.
fn found_base(soc: &Soc, keys: &[GroupKey]) -> Result<String, CliError> {
    let shipped = Library.ids(ProfileKind::Runtime);
    let mut runtimes: Vec<&str> = keys.iter().map(GroupKey::runtime_id).collect();
    runtimes.sort_unstable();
    runtimes.dedup();
    for id in [soc.id.as_str(), STAND_IN] {
        let mut bases: Vec<String> = runtimes.iter().map(|runtime| format!("{id}/{runtime}")).collect();
        bases.retain(|base| shipped.contains(&base.as_str()));
        match bases.as_slice() {
            [] => {}
            [one] => return Ok(one.clone()),
            several => {
                return Err(CliError::Usage(format!("choose one of {} with --base", several.join(", "))));
            }
        }
    }
    Err(CliError::NothingMatched(format!(
        "there is no built-in runtime profile of {} or {STAND_IN} for these rows ({}); name one with --base",
        soc.id,
        runtimes.join(", ")
    )))
}

/// The SoC of a profile: what stands before the slash, or what the file says.
fn base_soc_id(reference: &str, soc: &Soc) -> Result<String, CliError> {
    if !is_file(reference) {
        return Ok(reference.split_once('/').map_or_else(|| soc.id.clone(), |(id, _)| id.to_owned()));
    }
    Ok(key_of(reference, "soc")?.unwrap_or_else(|| soc.id.clone()))
}

fn is_file(reference: &str) -> bool {
    Path::new(reference).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// A text at the top of a profile; faults of the text are left to whoever reads it as a whole.
fn key_of(path: &str, key: &str) -> Result<Option<String>, CliError> {
    let text = read_text(Path::new(path))?;
    let table: Option<toml::Table> = text.text.parse().ok();
    Ok(table.and_then(|table| table.get(key)?.as_str().map(str::to_owned)))
}

impl CalibrationGoal {
    /// The profile to be extended: the base, or the built-in one that a base file extends.
    pub(super) fn extends(&self) -> Result<String, CliError> {
        if !is_file(&self.reference) {
            return Ok(if self.reference.contains('/') {
                self.reference.clone()
            } else {
                format!("{}/{}", self.base_soc.id, self.reference)
            });
        }
        key_of(&self.reference, "extends")?.ok_or_else(|| {
            CliError::Usage(format!(
                "`{}` extends no built-in profile; write only tables with --tables-only",
                self.reference
            ))
        })
    }

    /// The profile on the SoC, and whether its fitted models are where the calibration starts: those of another SoC are, those of the same one
    /// when too few networks were measured for anything else and the base was fitted.
    pub(super) fn start(&self, networks: usize, keys: &[GroupKey]) -> (RuntimeProfile, bool) {
        let own = |form| matches!(form, Some(Form::TfliteCpu | Form::TfliteGpu(_)));
        let fitted = self.base.fitted.iter().any(|model| own(Form::from_id(&model.form)));
        if self.base_soc.id == self.soc.id {
            return (self.base.clone(), fitted && networks < FEWEST_NETWORKS);
        }
        let mut sets: Vec<String> = Vec::new();
        for key in keys {
            let set = resolve(key, &self.soc).ok().map(|name| name.base());
            if let Some(set) = set.and_then(|name| name.strip_prefix("cpu-").map(str::to_owned))
                && !sets.contains(&set)
            {
                sets.push(set);
            }
        }
        if sets.is_empty() {
            sets.extend(kinds(&self.soc).first().map(|(kind, _)| format!("1{kind}")));
        }
        let source = crate::calibration::adapted::Source { soc: &self.base_soc, runtime: &self.base };
        (adapted(&source, &self.soc, sets), fitted)
    }
}
