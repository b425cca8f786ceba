//! Errors about inputs, with the place in the source text, the rule broken and a way out.
//!
//! Rendering with carets is the command line's job; this module only carries the facts.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text that was read, kept so that a diagnostic can quote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The name to print: the path as the user gave it, or `<embedded:...>`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceText {
    /// Wraps a text read from `name`.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// Line and column, both from 1, of a byte offset (columns count characters).
    #[must_use]
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Where in which text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Arc<SourceText>,
    /// Byte range in it.
    pub span: Range<usize>,
}

/// One fault of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable code such as `soc::opp-order`: the area, then the rule.
    pub code: &'static str,
    /// What is wrong, naming the offending value; lower case, no full stop.
    pub message: String,
    /// Where, if it is known.
    pub location: Option<Location>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a place or a hint yet.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), location: None, help: None }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, source: &Arc<SourceText>, span: Range<usize>) -> Self {
        self.location = Some(Location { source: Arc::clone(source), span });
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Diagnostic {
    /// The text of a diagnostic that does not stop anything.
    #[must_use]
    pub fn as_warning(&self) -> String {
        self.to_string().replacen("error[", "[", 1)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            let (line, column) = location.source.line_column(location.span.start);
            write!(f, "{}:{line}:{column}: ", location.source.name)?;
        }
        write!(f, "error[{}]: {}", self.code, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// One or more faults of the inputs; nothing has been run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    /// The faults, in the order of the text. Never empty.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl From<Diagnostic> for InputError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

/// The candidate nearest to `word` by edit distance, if one is near enough to be a likely misspelling
/// (at most a third of the letters differ).
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance * 3 <= word.chars().count().max(candidate.chars().count()))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Makes a label from a file safe to print: control characters, among them ANSI escapes and newlines, and
/// characters that change the direction of what follows become visible escapes.
#[must_use]
pub fn printable(label: &str) -> String {
    label
        .chars()
        .flat_map(|c| {
            if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// Makes the text of a JSON document safe to print: what [`printable`] escapes and JSON itself does not becomes `\uXXXX`, which means
/// the same to every reader, because such characters stand in strings only.
#[must_use]
pub fn json_safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c >= '\u{7f}' && printable(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one() {
        let source = SourceText::new("x.toml", "a = 1\nbé = 2\n");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(6), (2, 1));
        assert_eq!(source.line_column(9), (2, 3));
        assert_eq!(source.line_column(999), (3, 1));
    }

    #[test]
    fn a_misspelling_finds_its_neighbour() {
        assert_eq!(nearest("frequncy", ["frequency", "voltage"]), Some("frequency"));
        assert_eq!(nearest("zzz", ["frequency", "voltage"]), None);
    }

    #[test]
    fn json_stays_the_same_without_what_acts() {
        let text = "{\"a\":\"x\u{202e}\u{9b}y\"}";
        let safe = json_safe(text);
        assert_eq!(safe, "{\"a\":\"x\\u202e\\u009by\"}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(text), read(&safe));
    }

    #[test]
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
    }
}
