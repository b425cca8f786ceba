//! Operator-support tables: TOML to validated types.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::check::Checker;
use super::document::Document;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::soc::{Condition, Support, SupportTable};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSupport {
    schema: Spanned<i64>,
    id: Spanned<String>,
    title: String,
    source: String,
    yes: Vec<Spanned<String>>,
    #[serde(default)]
    no: Vec<Spanned<String>>,
    #[serde(default)]
    conditional: Vec<RawConditional>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConditional {
    op: Spanned<String>,
    when: Spanned<Vec<Spanned<String>>>,
}

/// Reads an operator-support table.
///
/// # Errors
/// All faults found, in the order of the text.
pub(super) fn support(document: Document<'_>) -> Result<(SupportTable, Vec<Diagnostic>), InputError> {
    let (raw, origins) = document.read::<RawSupport>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    let id = check.id(&raw.id);
    let mut operators = BTreeMap::new();
    let mut add = |check: &mut Checker<'_>, op: &Spanned<String>, support: Support| {
        if operators.insert(op.get_ref().to_ascii_lowercase(), support).is_some() {
            let message = format!("operator `{}` is listed twice", printable(op.get_ref()));
            check.error("soc::support", &op.span(), message, "keep one of the two entries");
        }
    };
    raw.yes.iter().for_each(|op| add(&mut check, op, Support::Yes));
    raw.no.iter().for_each(|op| add(&mut check, op, Support::No));
    for entry in &raw.conditional {
        let conditions =
            entry.when.get_ref().iter().filter_map(|word| condition(&mut check, word)).collect::<Vec<_>>();
        if entry.when.get_ref().is_empty() {
            let message = format!("`{}` is conditional without a condition", printable(entry.op.get_ref()));
            check.error(
                "soc::support",
                &entry.when.span(),
                message,
                "move it to `yes`, or name its conditions",
            );
        }
        add(&mut check, &entry.op, Support::When(conditions));
    }
    check.finish(SupportTable { id, title: raw.title, source: raw.source, operators })
}

fn condition(check: &mut Checker<'_>, word: &Spanned<String>) -> Option<Condition> {
    let found = Condition::from_id(word.get_ref());
    if found.is_none() {
        let known = Condition::ALL.map(Condition::id);
        let mut help = format!("known: {}", known.join(", "));
        if let Some(near) = nearest(word.get_ref(), known) {
            help = format!("did you mean `{near}`? {help}");
        }
        let message = format!("there is no condition `{}`", printable(word.get_ref()));
        check.error("soc::support", &word.span(), message, help);
    }
    found
}
