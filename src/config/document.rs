//! TOML documents with their origins: parsing, inheritance (`extends`), overrides (`--set`), and places.
//!
//! Several texts can contribute to one document (a profile, its base, overrides). Byte offsets are made
//! unique by placing the texts one behind the other; [`Origins`] finds the text of an offset again.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};

/// A parsed document whose values still know where they were written.
#[derive(Debug, Clone)]
pub struct Document<'t> {
    origins: Origins,
    root: DeTable<'t>,
}

/// The texts of a document, in the order of their offsets.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    texts: Vec<Origin>,
}

#[derive(Debug, Clone)]
struct Origin {
    start: usize,
    text: Arc<SourceText>,
    is_override: bool,
}

impl Origins {
    /// The text that an offset lies in, and the span within it.
    #[must_use]
    pub fn locate(&self, span: &Range<usize>) -> Option<(&Arc<SourceText>, Range<usize>)> {
        let origin = self.texts.iter().rev().find(|origin| origin.start <= span.start)?;
        let local = |offset: usize| (offset.saturating_sub(origin.start)).min(origin.text.text.len());
        Some((&origin.text, local(span.start)..local(span.end)))
    }

    /// Whether the value was given by an override.
    #[must_use]
    pub fn is_override(&self, span: &Range<usize>) -> bool {
        self.texts.iter().rev().find(|origin| origin.start <= span.start).is_some_and(|o| o.is_override)
    }

    /// Places a diagnostic.
    #[must_use]
    pub fn place(&self, diagnostic: Diagnostic, span: &Range<usize>) -> Diagnostic {
        match self.locate(span) {
            Some((text, local)) => diagnostic.at(text, local),
            None => diagnostic,
        }
    }

    fn end(&self) -> usize {
        // One more than the text, so that a position at its very end is still its own.
        self.texts.last().map_or(0, |origin| origin.start + origin.text.text.len() + 1)
    }
}

impl<'t> Document<'t> {
    /// Parses one text.
    ///
    /// # Errors
    /// `config::syntax` with the parser's message and place.
    pub fn parse(text: &'t Arc<SourceText>) -> Result<Self, InputError> {
        let origins =
            Origins { texts: vec![Origin { start: 0, text: Arc::clone(text), is_override: false }] };
        match DeTable::parse(&text.text) {
            Ok(table) => Ok(Self { origins, root: table.into_inner() }),
            Err(error) => Err(from_toml(&error, &origins).into()),
        }
    }

    /// The string at the top-level key `key`, if there is one.
    #[must_use]
    pub fn string(&self, key: &str) -> Option<(&str, Range<usize>)> {
        let value = self.root.get(key)?;
        Some((value.get_ref().as_str()?, value.span()))
    }

    /// Removes from a base what `heir` must not inherit of its `[[fitted]]` models: all when the base describes another SoC, those that
    /// the heir defines anew otherwise.
    pub fn keep_fitted_for(&mut self, heir: &Self) {
        let soc = |document: &Self| document.string("soc").map(|(soc, _)| soc.to_owned());
        if soc(heir).is_some_and(|own| soc(self).is_some_and(|base| base != own)) {
            self.root.remove("fitted");
            return;
        }
        let ids = |document: &Self| -> Vec<String> {
            let items = document.root.get("fitted").and_then(|value| value.get_ref().as_array());
            items.into_iter().flatten().filter_map(id_of).map(str::to_owned).collect()
        };
        let renewed = ids(heir);
        if let Some(slot) = self.root.get_mut("fitted")
            && let DeValue::Array(array) = slot.get_mut()
        {
            let items: Vec<_> = std::mem::replace(array, DeArray::new()).into_iter().collect();
            let kept =
                items.into_iter().filter(|i| id_of(i).is_none_or(|id| !renewed.iter().any(|r| r == id)));
            kept.for_each(|item| array.push(item));
        }
    }

    /// Whether the document has the top-level key `key`.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.root.contains_key(key)
    }

    /// Drops every top-level key but these.
    pub fn keep(&mut self, keys: &[&str]) {
        let all: Vec<_> = std::mem::take(&mut self.root).into_iter().collect();
        self.root.extend(all.into_iter().filter(|(key, _)| keys.contains(&key.get_ref().as_ref())));
    }

    /// The texts of the document.
    #[must_use]
    pub const fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Fills what this document leaves out from `base`: tables merge key by key, arrays of tables whose
    /// elements carry an `id` merge element by element, everything else of this document replaces.
    #[must_use]
    pub fn inherit(mut self, base: Self) -> Self {
        let shift = self.origins.end();
        let mut inherited = base.root;
        shift_table(&mut inherited, shift);
        for origin in base.origins.texts {
            self.origins.texts.push(Origin { start: origin.start + shift, ..origin });
        }
        merge_table(&mut inherited, std::mem::take(&mut self.root));
        self.root = inherited;
        self
    }

    /// Applies one override `path=value`, the whole text of `text`. The path is dotted; an element of an array of tables is named by
    /// its `id` or `name` or by its position from 0. The value is TOML; a bare word is taken as a string.
    ///
    /// # Errors
    /// `config::override` naming what is malformed, or the path that leads nowhere.
    pub fn set(&mut self, text: &'t Arc<SourceText>) -> Result<(), InputError> {
        let start = self.origins.end();
        let assignment: &'t str = &text.text;
        let fail = |message: String| -> InputError {
            Diagnostic::new("config::override", message)
                .at(text, 0..assignment.len())
                .help("write --set path.to.key=value, for example --set strategy.name=single")
                .into()
        };
        let (path, value) = assignment
            .split_once('=')
            .ok_or_else(|| fail(format!("override `{}` has no `=`", printable(assignment))))?;
        let keys: Vec<&str> = path.trim().split('.').map(str::trim).collect();
        let bare = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./@:".contains(c))
        };
        if let Some(key) = keys.iter().find(|key| !bare(key)) {
            return Err(fail(format!("`{}` is not a key", printable(key))));
        }
        let offset = start + path.len() + 1 + (value.len() - value.trim_start().len());
        let value = value.trim();
        let parsed = match DeValue::parse(value) {
            Ok(parsed) => {
                let mut inner = parsed.into_inner();
                shift_value(&mut inner, offset);
                inner
            }
            Err(_) if bare(value) => DeValue::String(Cow::Borrowed(value)),
            Err(error) => {
                return Err(fail(format!("`{}` is not a value: {}", printable(value), error.message())));
            }
        };
        let span = offset..offset + value.len().max(1);
        let key_span = start..start + path.len();
        assign(&mut self.root, &keys, Spanned::new(span, parsed), &key_span).map_err(fail)?;
        self.origins.texts.push(Origin { start, text: Arc::clone(text), is_override: true });
        Ok(())
    }

    /// Reads the document as `T`.
    ///
    /// # Errors
    /// `config::unknown-key` with the nearest known key, or `config::type` with the reader's message.
    pub fn read<T: DeserializeOwned>(self) -> Result<(T, Origins), InputError> {
        let span = 0..self.origins.texts.first().map_or(0, |origin| origin.text.text.len().min(1));
        let deserializer = toml::de::Deserializer::from(Spanned::new(span, self.root));
        match T::deserialize(deserializer) {
            Ok(value) => Ok((value, self.origins)),
            Err(error) => Err(from_toml(&error, &self.origins).into()),
        }
    }
}

/// Turns an error of the TOML reader into a diagnostic with a suggestion.
fn from_toml(error: &toml::de::Error, origins: &Origins) -> Diagnostic {
    let message = error.message().trim();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let diagnostic = if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let (word, known) = quoted.split_first().map_or(("", &[][..]), |(w, k)| (*w, k));
        let what = if message.starts_with("unknown field") { "key" } else { "value" };
        let code = if what == "key" { "config::unknown-key" } else { "config::unknown-value" };
        let mut help = format!("known: {}", known.join(", "));
        if let Some(near) = nearest(word, known.iter().copied()) {
            help = format!("did you mean `{near}`? {help}");
        }
        Diagnostic::new(code, format!("unknown {what} `{}`", printable(word))).help(help)
    } else if message.starts_with("missing field") {
        let field = quoted.first().copied().unwrap_or_default();
        Diagnostic::new("config::missing-key", format!("the key `{field}` is missing"))
            .help(format!("add `{field} = ...` to this table"))
    } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
        let message = message.replace("i64", "a whole number").replace("u64", "a whole number");
        let message = message.replace("f64", "a number").replace("a number, or {", "a number or {");
        Diagnostic::new("config::type", printable(&message))
            .help("whole numbers and numbers stand without quotes, texts in double quotes, lists in brackets")
    } else {
        Diagnostic::new("config::syntax", printable(message))
            .help("this must be TOML: `key = value` lines, texts in quotes, a point as decimal sign")
    };
    match error.span() {
        Some(span) => origins.place(diagnostic, &span),
        None => origins.place(diagnostic, &(0..0)),
    }
}

fn merge_table<'t>(base: &mut DeTable<'t>, over: DeTable<'t>) {
    for (key, value) in over {
        match base.get_mut(key.get_ref().as_ref()) {
            Some(slot) => merge_value(slot, value),
            None => {
                base.insert(key, value);
            }
        }
    }
}

fn merge_value<'t>(slot: &mut Spanned<DeValue<'t>>, over: Spanned<DeValue<'t>>) {
    let span = over.span();
    match (slot.get_mut(), over.into_inner()) {
        (DeValue::Table(base), DeValue::Table(table)) => merge_table(base, table),
        (DeValue::Array(base), DeValue::Array(array))
            if !array.is_empty() && array.iter().all(|item| id_of(item).is_some()) =>
        {
            let mut base_items: Vec<_> = std::mem::replace(base, DeArray::new()).into_iter().collect();
            for item in array {
                let id = id_of(&item).map(str::to_owned);
                match base_items.iter().position(|known| id_of(known) == id.as_deref()) {
                    Some(known) => merge_value(&mut base_items[known], item),
                    None => base_items.push(item),
                }
            }
            base_items.into_iter().for_each(|item| base.push(item));
        }
        (_, value) => *slot = Spanned::new(span, value),
    }
}

fn id_of<'a>(item: &'a Spanned<DeValue<'_>>) -> Option<&'a str> {
    let table = item.get_ref().as_table()?;
    table.get("id").or_else(|| table.get("name"))?.get_ref().as_str()
}

fn assign<'t>(
    table: &mut DeTable<'t>,
    keys: &[&str],
    value: Spanned<DeValue<'t>>,
    key_span: &Range<usize>,
) -> Result<(), String> {
    let Some((first, rest)) = keys.split_first() else {
        return Err("the path is empty".to_owned());
    };
    if rest.is_empty() {
        // A changed key keeps no trace of the old one, so that its place is the override's.
        table.remove(*first);
        table.insert(Spanned::new(key_span.clone(), Cow::Owned((*first).to_owned())), value);
        return Ok(());
    }
    let slot = table
        .entry(Spanned::new(key_span.clone(), Cow::Owned((*first).to_owned())))
        .or_insert_with(|| Spanned::new(key_span.clone(), DeValue::Table(DeTable::new())));
    match slot.get_mut() {
        DeValue::Table(inner) => assign(inner, rest, value, key_span),
        DeValue::Array(items) => {
            let selector = rest[0];
            let ids: Vec<String> = items.iter().filter_map(id_of).map(str::to_owned).collect();
            let count = items.len();
            let found = items
                .iter()
                .position(|item| id_of(item) == Some(selector))
                .or_else(|| selector.parse::<usize>().ok().filter(|&i| i < count));
            let Some(position) = found else {
                let known = if ids.is_empty() {
                    format!("the positions 0 to {}", count.saturating_sub(1))
                } else {
                    ids.join(", ")
                };
                return Err(format!("`{first}` has no element `{selector}`; it has {known}"));
            };
            match items.get_mut(position) {
                Some(item) if rest.len() == 1 => {
                    *item = value;
                    Ok(())
                }
                Some(item) => match item.get_mut() {
                    DeValue::Table(inner) => assign(inner, &rest[1..], value, key_span),
                    _ => Err(format!("`{first}.{selector}` is not a table")),
                },
                None => Err(format!("`{first}` has no element `{selector}`")),
            }
        }
        _ => Err(format!("`{first}` is a plain value and has no `{}`", rest[0])),
    }
}

/// Moves all places of a table by `shift` bytes.
fn shift_table<'t>(table: &mut DeTable<'t>, shift: usize) {
    let items: Vec<_> = std::mem::take(table).into_iter().collect();
    for (key, mut value) in items {
        shift_spanned(&mut value, shift);
        let span = key.span();
        table.insert(Spanned::new(span.start + shift..span.end + shift, key.into_inner()), value);
    }
}

fn shift_spanned<'t>(value: &mut Spanned<DeValue<'t>>, shift: usize) {
    let span = value.span();
    let mut inner = std::mem::replace(value, Spanned::new(0..0, DeValue::Boolean(false))).into_inner();
    shift_value(&mut inner, shift);
    *value = Spanned::new(span.start + shift..span.end + shift, inner);
}

fn shift_value<'t>(value: &mut DeValue<'t>, shift: usize) {
    match value {
        DeValue::Table(table) => shift_table(table, shift),
        DeValue::Array(items) => items.iter_mut().for_each(|item| shift_spanned(item, shift)),
        _ => {}
    }
}
