//! The named checks that stand between raw TOML and the validated types.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::document::Origins;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::soc::{Confidence, Provenance, Quantity};

/// Every check of profiles and scenarios: its code, and the rule that it holds.
pub const CHECKS: &[(&str, &str)] = &[
    ("config::syntax", "the text is TOML"),
    ("config::type", "a key holds the kind of value that it is meant for"),
    ("config::unknown-key", "every key is known"),
    ("config::unknown-value", "a word is one of the known ones"),
    ("config::missing-key", "keys without a default are given"),
    ("config::override", "an override is path=value and leads to an existing table"),
    ("config::extends", "a profile extends a known profile of the same kind, without a circle"),
    ("soc::schema", "the schema number is one that this version reads"),
    ("soc::id", "ids are kebab-case: lower-case letters, digits and single hyphens"),
    ("soc::duplicate-id", "no two entries of a list share an id"),
    ("soc::unknown-reference", "a name that refers to something refers to something that exists"),
    ("soc::not-finite", "numbers are finite (where infinity has a meaning the key says so)"),
    ("soc::out-of-range", "numbers lie in the range of their key"),
    ("soc::implausible", "numbers lie where real hardware does (a warning)"),
    ("soc::source", "every number names its source and its confidence, itself or by the table around it"),
    ("soc::opp-length", "as many voltages as clocks, at least one"),
    ("soc::opp-order", "clocks ascend without repetition"),
    ("soc::opp-power", "voltage does not fall while the clock rises (a warning)"),
    ("soc::throttle-order", "rows of a throttling table ascend and are left at or below their trip"),
    ("soc::clock-order", "memory clocks and votes ascend without repetition"),
    ("soc::memory-rate", "the achievable memory rate does not exceed the peak"),
    ("soc::executor-name", "executors are cpu-<count><kind>... or a device, with an optional @precision"),
    ("soc::core-set", "a core set asks for cores that the SoC has"),
    ("soc::missing-rate", "a precision that a runtime uses has a peak rate on that processor"),
    (
        "soc::missing-coefficient",
        "a fitted model has every coefficient of its form, a set of cores those of sets too",
    ),
    ("soc::no-fallback", "the last kernel of a performance takes any operator"),
    ("soc::no-crossing", "every pair of processors that a runtime uses has a crossing"),
    ("soc::support", "an operator is listed once, with known conditions"),
    ("scenario::target", "a scenario names a device or a SoC, and a runtime; a task graph brings its own"),
    ("scenario::condition", "a condition exists, and every setting of one has its reason"),
    ("scenario::predictor", "a predictor exists and takes its parameters"),
    ("scenario::graph", "a stream names exactly one of a model and a task-graph file"),
    ("scenario::arrivals", "the keys of an arrival process are those of its kind"),
    ("scenario::unit", "a duration or rate carries a known unit"),
    ("scenario::queue", "queue depth and requests in flight are at least 1"),
    ("scenario::stop", "a run can end: arrivals are finite, or a stop rule is given"),
    ("scenario::background", "competing work has the keys of its kind"),
    ("scenario::dynamics", "governors, limits and competing work fit the hardware"),
    ("scenario::path", "a path stays inside the folder of its scenario"),
];

/// A number as written: plain, or a table with its own source and confidence.
#[derive(Debug, Clone)]
pub(crate) struct RawQuantity {
    pub(crate) value: f64,
    pub(crate) source: Option<String>,
    pub(crate) confidence: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for RawQuantity {
    // By hand, because an untagged enum would lose the place and the reason of an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            value: f64,
            source: Option<String>,
            confidence: Option<Spanned<String>>,
        }
        struct NumberOrTable;
        impl<'de> Visitor<'de> for NumberOrTable {
            type Value = RawQuantity;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or { value, source, confidence }")
            }
            fn visit_f64<E>(self, value: f64) -> Result<RawQuantity, E> {
                Ok(RawQuantity { value, source: None, confidence: None })
            }
            fn visit_i64<E>(self, value: i64) -> Result<RawQuantity, E> {
                Ok(RawQuantity { value: value as f64, source: None, confidence: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawQuantity, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawQuantity { value: table.value, source: table.source, confidence: table.confidence })
            }
        }
        deserializer.deserialize_any(NumberOrTable)
    }
}

/// A number with its place.
pub(crate) type Number = Spanned<RawQuantity>;

/// Source and confidence that a table gives to the numbers in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inherited {
    source: Option<Arc<str>>,
    confidence: Option<Confidence>,
}

/// No number of a profile is larger.
const LARGEST: f64 = 1e18;

/// Where a number may lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    key: &'static str,
    low: f64,
    low_excluded: bool,
    high: f64,
    plausible: Option<(f64, f64)>,
    infinite: bool,
}

impl Rule {
    /// At least zero.
    pub(crate) const fn not_negative(key: &'static str) -> Self {
        Self { key, low: 0.0, low_excluded: false, high: LARGEST, plausible: None, infinite: false }
    }
    /// Above zero.
    pub(crate) const fn positive(key: &'static str) -> Self {
        Self { low_excluded: true, ..Self::not_negative(key) }
    }
    /// Between two bounds, both included.
    pub(crate) const fn within(key: &'static str, low: f64, high: f64) -> Self {
        Self { low, high, ..Self::not_negative(key) }
    }
    /// Outside of this window, real hardware has not been seen.
    pub(crate) const fn plausible(self, low: f64, high: f64) -> Self {
        Self { plausible: Some((low, high)), ..self }
    }
    /// The same rule for another key.
    pub(crate) const fn named(self, key: &'static str) -> Self {
        Self { key, ..self }
    }
    /// Infinity has a meaning here.
    pub(crate) const fn or_infinite(self) -> Self {
        Self { infinite: true, ..self }
    }
}

/// Collects faults while a document is turned into validated types.
pub(crate) struct Checker<'a> {
    pub(crate) origins: &'a Origins,
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    pub(crate) const fn new(origins: &'a Origins) -> Self {
        Self { origins, errors: Vec::new(), warnings: Vec::new() }
    }

    /// Notes an error.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::new(code, message).help(help);
        self.errors.push(self.origins.place(diagnostic, span));
    }

    /// Notes a warning.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::new(code, message).help(help);
        self.warnings.push(self.origins.place(diagnostic, span));
    }

    /// The value if nothing was wrong, with its warnings.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<(T, Vec<Diagnostic>), InputError> {
        if self.errors.is_empty() {
            return Ok((value, self.warnings));
        }
        self.errors.sort_by_key(|d| d.location.as_ref().map_or(usize::MAX, |l| l.span.start));
        Err(InputError { diagnostics: self.errors })
    }

    /// The schema number must be 1.
    pub(crate) fn schema(&mut self, schema: &Spanned<i64>) {
        if *schema.get_ref() != 1 {
            let message = format!("schema {} is not known", schema.get_ref());
            self.error("soc::schema", &schema.span(), message, "this version reads schema = 1");
        }
    }

    /// An id in kebab-case.
    pub(crate) fn id(&mut self, id: &Spanned<String>) -> String {
        let text = id.get_ref();
        let fine = !text.is_empty()
            && text.len() <= 64
            && text.split('-').all(|part| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            });
        if !fine {
            let message = format!("`{}` is not an id", printable(text));
            self.error("soc::id", &id.span(), message, "write lower-case letters, digits and single hyphens");
        }
        text.clone()
    }

    /// No id twice; `what` names the list.
    pub(crate) fn unique<'s>(&mut self, what: &str, ids: impl IntoIterator<Item = &'s Spanned<String>>) {
        let mut seen: Vec<&Spanned<String>> = Vec::new();
        for id in ids {
            if let Some(first) = seen.iter().find(|known| known.get_ref() == id.get_ref()) {
                let line = self
                    .origins
                    .locate(&first.span())
                    .map_or(0, |(text, span)| text.line_column(span.start).0);
                let message =
                    format!("{what} `{}` is already defined in line {line}", printable(id.get_ref()));
                self.error("soc::duplicate-id", &id.span(), message, "rename or remove one of the two");
            }
            seen.push(id);
        }
    }

    /// A reference to one of `known`.
    pub(crate) fn reference(&mut self, what: &str, name: &Spanned<String>, known: &[&str]) -> bool {
        let found = known.contains(&name.get_ref().as_str());
        if !found {
            let help = match nearest(name.get_ref(), known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? known: {}", known.join(", ")),
                None => format!("known: {}", known.join(", ")),
            };
            let message = format!("there is no {what} `{}`", printable(name.get_ref()));
            self.error("soc::unknown-reference", &name.span(), message, help);
        }
        found
    }

    /// What a table hands down, falling back on the table around it.
    pub(crate) fn inherit(
        &mut self,
        outer: &Inherited,
        source: Option<&Spanned<String>>,
        confidence: Option<&Spanned<String>>,
    ) -> Inherited {
        let confidence = match confidence {
            Some(word) => self.confidence(word),
            // A source of its own without a confidence says nothing about how good it is.
            None => outer.confidence,
        };
        Inherited {
            source: source.map(|s| Arc::from(s.get_ref().as_str())).or_else(|| outer.source.clone()),
            confidence,
        }
    }

    fn confidence(&mut self, word: &Spanned<String>) -> Option<Confidence> {
        let level = Confidence::from_id(word.get_ref());
        if level.is_none() {
            let known = Confidence::ALL.map(Confidence::id);
            let message = format!("`{}` is not a confidence", printable(word.get_ref()));
            self.error("soc::source", &word.span(), message, format!("write one of {}", known.join(", ")));
        }
        // One fault is enough: the numbers below it count as assumed.
        level.or(Some(Confidence::Assumed))
    }

    /// The provenance of numbers in a table.
    pub(crate) fn provenance(&mut self, inherited: &Inherited, span: &Range<usize>) -> Provenance {
        if self.origins.is_override(span) {
            return Provenance { source: Arc::from("override"), confidence: Confidence::Assumed };
        }
        match (&inherited.source, inherited.confidence) {
            (Some(source), Some(confidence)) if !source.trim().is_empty() => {
                Provenance { source: Arc::clone(source), confidence }
            }
            _ => {
                self.error(
                    "soc::source",
                    span,
                    "this number has no source or no confidence",
                    "write { value = ..., source = \"...\", confidence = \"...\" }, or give both to the table around it",
                );
                Provenance { source: Arc::from(""), confidence: Confidence::Assumed }
            }
        }
    }

    /// A number that obeys `rule`, with its provenance; 0 after an error.
    pub(crate) fn quantity(&mut self, number: &Number, inherited: &Inherited, rule: Rule) -> Quantity {
        let raw = number.get_ref();
        let own = Inherited {
            source: raw.source.as_deref().map(Arc::from).or_else(|| inherited.source.clone()),
            confidence: match &raw.confidence {
                Some(word) => self.confidence(word),
                None => inherited.confidence,
            },
        };
        let provenance = self.provenance(&own, &number.span());
        Quantity::new(self.value(raw.value, &number.span(), rule), provenance)
    }

    /// A plain number that obeys `rule`; the lower bound after an error.
    pub(crate) fn value(&mut self, value: f64, span: &Range<usize>, rule: Rule) -> f64 {
        let key = rule.key;
        if value.is_infinite() && value > 0.0 && rule.infinite {
            return value;
        }
        if !value.is_finite() {
            self.error(
                "soc::not-finite",
                span,
                format!("{key} = {value} is not a finite number"),
                "write a number",
            );
            return rule.low;
        }
        let too_low = if rule.low_excluded { value <= rule.low } else { value < rule.low };
        if too_low || value > rule.high || value.is_subnormal() {
            let low = if rule.low_excluded { "above" } else { "at least" };
            let mut help = format!("{key} is {low} {}", rule.low);
            if rule.high < LARGEST {
                help.push_str(&format!(" and at most {}", rule.high));
            }
            self.error("soc::out-of-range", span, format!("{key} = {value} is out of range"), help);
            return rule.low;
        }
        if let Some((low, high)) = rule.plausible
            && !(low..=high).contains(&value)
        {
            let factor =
                [1e3, 1e6, 1e-3, 1e-6].into_iter().find(|factor| (low..=high).contains(&(value / factor)));
            let help = match factor {
                Some(factor) => format!(
                    "{key} is usually {low} to {high}; is the value {factor:e} times too large (a wrong unit)?"
                ),
                None => format!("{key} is usually {low} to {high}"),
            };
            self.warning("soc::implausible", span, format!("{key} = {value} is unusual"), help);
        }
        // Adding zero turns -0 into 0.
        value + 0.0
    }

    /// Strictly ascending positive numbers.
    pub(crate) fn ascending(&mut self, code: &'static str, values: &[Spanned<f64>], rule: Rule) {
        for pair in values.windows(2) {
            let (a, b) = (pair[0].get_ref(), pair[1].get_ref());
            if a >= b {
                let what = if a == b { "repeats" } else { "is below" };
                let message = format!("{} {b} {what} {a} before it", rule.key);
                self.error(code, &pair[1].span(), message, "sort the list upwards, each value once");
            }
        }
        for value in values {
            self.value(*value.get_ref(), &value.span(), rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        for (i, (code, rule)) in CHECKS.iter().enumerate() {
            assert!(code.contains("::") && !rule.is_empty());
            assert!(CHECKS[..i].iter().all(|(other, _)| other != code), "{code}");
        }
    }
}
