//! What a type reads, found by letting it read.
//!
//! A probe stands in for a file and answers whatever the type's own `Deserialize` asks for. Each run looks at one
//! place (the focus) and notes what was asked there; places below it are looked at in later runs. So a schema
//! cannot drift from the reader: there is no second description of the formats.

mod probe;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, DeserializeOwned, Expected, Unexpected};

use probe::Probe;

/// One step from a place to one below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The value of a key.
    Field(String),
    /// Any element of a list, or any value of a free table.
    Item,
    /// One way to write a value that has several.
    Way(Way),
    /// A variant of an enumeration.
    Variant(&'static str),
}

/// Ways in which a value that is not fixed may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Flag,
    Whole,
    Number,
    Text,
    List,
    Table,
}

impl Way {
    pub(super) const ALL: [Self; 6] =
        [Self::Flag, Self::Whole, Self::Number, Self::Text, Self::List, Self::Table];
}

/// What is read at a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Flag,
    Whole { negative: bool },
    Number,
    Text,
    List { length: Option<usize> },
    FreeTable,
    Table(Vec<String>),
    Variants(&'static [&'static str]),
    Unit,
    Ways,
    Anything,
}

pub(super) type Place = Vec<Step>;

/// Everything found out about a type.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kinds: BTreeMap<Place, Kind>,
    pub(super) required: BTreeSet<(Place, String)>,
    pub(super) optional: BTreeSet<Place>,
    pub(super) accepted: BTreeSet<Place>,
    rejected: BTreeSet<Place>,
}

/// How deep a type may be; what recurses is cut off there.
const DEEPEST: usize = 14;
/// Ways within ways before a recursive value counts as anything.
const MOST_WAYS: usize = 2;

/// Traces `T`.
pub(super) fn trace<T: DeserializeOwned>() -> Findings {
    let state = RefCell::new(Findings::default());
    let mut open = vec![Place::new()];
    let mut seen: BTreeSet<Place> = BTreeSet::new();
    while let Some(focus) = open.pop() {
        if focus.len() > DEEPEST || !seen.insert(focus.clone()) {
            continue;
        }
        // Each run may find one more key that must be there, or one way that is not open.
        for _ in 0..400 {
            let probe = Probe { state: &state, focus: &focus, place: Place::new() };
            if !matches!(T::deserialize(probe), Err(Fault::Again)) {
                break;
            }
        }
        let below = |step: Step| [focus.clone(), vec![step]].concat();
        let findings = state.borrow();
        match findings.kinds.get(&focus) {
            Some(Kind::List { .. } | Kind::FreeTable) => open.push(below(Step::Item)),
            Some(Kind::Table(fields)) => open.extend(fields.iter().map(|f| below(Step::Field(f.clone())))),
            Some(Kind::Variants(names)) => open.extend(names.iter().map(|n| below(Step::Variant(n)))),
            Some(Kind::Ways) if focus.iter().filter(|s| matches!(s, Step::Way(_))).count() < MOST_WAYS => {
                open.extend(Way::ALL.map(|way| below(Step::Way(way))));
            }
            _ => {}
        }
    }
    state.into_inner()
}

/// Why a run ended early.
#[derive(Debug)]
enum Fault {
    /// Something was learnt; run again.
    Again,
    Missing(&'static str),
    Unknown(&'static [&'static str]),
    Type,
    Other,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }
    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Type
    }
    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(expected)
    }
}
