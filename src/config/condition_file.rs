//! Conditions: named states of the world that are laid over a scenario.
//!
//! A condition brings `[dynamics]` and `[[background]]` tables. They merge into those of the scenario key by key, competing work by
//! its name; the condition's values win. Every setting must have its reason, under its path in `[reasons]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::{Spanned, Value};

use super::check::{Checker, Rule};
use super::document::Document;
use super::read::{DEFAULT_SIZE_CAP, read_text};
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};

/// The conditions that ship with the simulator. They are this project's own; the published study does not define its five.
const CONDITIONS: &[(&str, &str)] = &[
    ("sigma0", include_str!("../../scenarios/conditions/sigma0.toml")),
    ("sigma1", include_str!("../../scenarios/conditions/sigma1.toml")),
    ("sigma2", include_str!("../../scenarios/conditions/sigma2.toml")),
    ("sigma3", include_str!("../../scenarios/conditions/sigma3.toml")),
    ("sigma4", include_str!("../../scenarios/conditions/sigma4.toml")),
];

/// What a condition brings to a scenario.
pub(super) const OVERLAID: [&str; 2] = ["dynamics", "background"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCondition {
    schema: Spanned<i64>,
    condition: RawHead,
    dynamics: Option<Value>,
    #[serde(default)]
    background: Vec<Value>,
    #[serde(default)]
    reasons: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHead {
    id: Spanned<String>,
    title: Spanned<String>,
    revision: Spanned<i64>,
    #[serde(default)]
    edit: Vec<Edit>,
}

/// A change of a condition after it was first used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The revision that it made.
    pub revision: u32,
    /// What was changed.
    pub change: String,
    /// Why.
    pub reason: String,
}

/// A setting of a condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionSetting {
    /// Path as `--set` takes it.
    pub path: String,
    /// Its value as TOML.
    pub value: String,
    /// Why it is so.
    pub reason: String,
}

/// A validated condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// Kebab-case id.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Raised with every edit.
    pub revision: u32,
    /// Edits since revision 1.
    pub edits: Vec<Edit>,
    /// Its settings, sorted by path.
    pub settings: Vec<ConditionSetting>,
}

/// Ids of the conditions that ship with the simulator.
#[must_use]
pub fn condition_ids() -> Vec<&'static str> {
    CONDITIONS.iter().map(|(id, _)| *id).collect()
}

/// The text of a condition by id, or from a path (anything with a `.toml` extension).
///
/// # Errors
/// An unknown id or an unreadable file.
pub(super) fn condition_text(name: &str) -> Result<Arc<SourceText>, InputError> {
    if Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        return read_text(Path::new(name), DEFAULT_SIZE_CAP);
    }
    let found = CONDITIONS.iter().find(|(id, _)| *id == name);
    found.map(|(id, text)| SourceText::new(format!("<built-in condition {id}>"), *text)).ok_or_else(|| {
        let near = nearest(name, condition_ids()).map(|near| format!("did you mean `{near}`? "));
        let help = format!(
            "{}known: {}; or give the path of a .toml file",
            near.unwrap_or_default(),
            condition_ids().join(", ")
        );
        Diagnostic::new("scenario::condition", format!("there is no condition `{}`", printable(name)))
            .help(help)
            .into()
    })
}

/// Loads a condition by id or path.
///
/// # Errors
/// An unknown id, an unreadable file, or its faults.
pub fn condition(name: &str) -> Result<Condition, InputError> {
    read_condition(&condition_text(name)?)
}

/// Reads a condition. Whether its settings make sense is checked where they are laid over a scenario.
///
/// # Errors
/// Unknown keys, settings without a reason, reasons without a setting.
pub(super) fn read_condition(text: &Arc<SourceText>) -> Result<Condition, InputError> {
    let (raw, origins) = Document::parse(text)?.read::<RawCondition>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let id = check.id(&raw.condition.id);
    let place = raw.condition.id.span();
    let revision = &raw.condition.revision;
    let rule = Rule::within("revision", 1.0, 1e6);
    let revision = check.value(*revision.get_ref() as f64, &revision.span(), rule) as u32;
    let edits = raw.condition.edit;
    let listed: Vec<u32> = edits.iter().map(|edit| edit.revision).collect();
    if listed != (2..=revision).collect::<Vec<_>>() {
        let message = format!("revision {revision} needs an edit for each revision from 2 on, in order");
        check.error(
            "scenario::condition",
            &place,
            message,
            "add [[condition.edit]] with revision, change, reason",
        );
    }
    let mut found = BTreeMap::new();
    if let Some(dynamics) = &raw.dynamics {
        leaves("dynamics", dynamics, &mut found);
    }
    for (number, background) in raw.background.iter().enumerate() {
        let name = background.get("name").and_then(Value::as_str);
        let path = format!("background.{}", name.map_or_else(|| number.to_string(), str::to_owned));
        leaves(&path, background, &mut found);
        // Name and kind say what the setting is about.
        found.remove(&format!("{path}.name"));
        found.remove(&format!("{path}.kind"));
    }
    let mut reasons = BTreeMap::new();
    for (path, reason) in &raw.reasons {
        if !found.contains_key(path.get_ref()) {
            let message = format!("there is a reason for `{}`, which is not set", printable(path.get_ref()));
            check.error("scenario::condition", &path.span(), message, "remove it, or correct the path");
        }
        if reason.get_ref().trim().is_empty() {
            check.error("scenario::condition", &reason.span(), "the reason is empty", "say why it is so");
        }
        reasons.insert(path.get_ref().as_str(), reason.get_ref());
    }
    let without: BTreeSet<&String> =
        found.keys().filter(|path| !reasons.contains_key(path.as_str())).collect();
    for path in without {
        let message = format!("`{}` has no reason", printable(path));
        check.error("scenario::condition", &place, message, format!("add \"{path}\" = \"...\" to [reasons]"));
    }
    let setting = |(path, value): (&String, &String)| ConditionSetting {
        path: path.clone(),
        value: value.clone(),
        reason: reasons.get(path.as_str()).map_or_else(String::new, |reason| (*reason).clone()),
    };
    let settings = found.iter().map(setting).collect();
    let title = raw.condition.title.into_inner();
    Ok(check.finish(Condition { id, title, revision, edits, settings })?.0)
}

/// Collects what is not a table, by path.
fn leaves(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                leaves(&format!("{path}.{key}"), inner, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (number, inner) in items.iter().enumerate() {
                leaves(&format!("{path}.{number}"), inner, found);
            }
        }
        other => {
            found.insert(path.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_condition_is_valid_and_gives_its_reasons() {
        for id in condition_ids() {
            let found = condition(id).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found.id, id);
            assert!(!found.settings.is_empty());
        }
    }

    #[test]
    fn settings_and_reasons_must_match() {
        let of = |text: &str| {
            let head = "schema = 1\n[condition]\nid = \"x\"\ntitle = \"x\"\nrevision = 1\n";
            read_condition(&SourceText::new("test", format!("{head}{text}")))
        };
        let error = of("[dynamics]\ncpu_governor = \"performance\"\n").unwrap_err().to_string();
        assert!(error.contains("`dynamics.cpu_governor` has no reason"), "{error}");
        let error = of("[reasons]\n\"dynamics.gpu\" = \"why\"\n").unwrap_err().to_string();
        assert!(error.contains("which is not set"), "{error}");
        let error = of("[stop]\nrequests = 3\n").unwrap_err().to_string();
        assert!(error.contains("unknown key `stop`"), "{error}");
        let revised = "schema = 1\n[condition]\nid = \"x\"\ntitle = \"x\"\nrevision = 2\n";
        let error = read_condition(&SourceText::new("test", revised)).unwrap_err().to_string();
        assert!(error.contains("needs an edit"), "{error}");
    }
}
