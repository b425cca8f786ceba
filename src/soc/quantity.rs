//! Numbers of a profile, each with where it comes from and how far it can be trusted.

use std::sync::Arc;

/// How far a number of a profile can be trusted; ordered from the most to the least trustworthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Measured on the named hardware by the named source.
    Measured,
    /// Fitted to measurements of the named hardware.
    Fitted,
    /// Taken from a vendor's document, a kernel table or a specification.
    Datasheet,
    /// An engineering prior, or a value of other hardware.
    Assumed,
}

impl Confidence {
    /// All levels, from the most to the least trustworthy.
    pub const ALL: [Self; 4] = [Self::Measured, Self::Fitted, Self::Datasheet, Self::Assumed];

    /// The word used in profiles and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Fitted => "fitted",
            Self::Datasheet => "datasheet",
            Self::Assumed => "assumed",
        }
    }

    /// The level behind a word, if it is one.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.id() == id)
    }
}

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Publication, file with revision, or the reasoning behind an assumption.
    pub source: Arc<str>,
    /// How far it can be trusted.
    pub confidence: Confidence,
}

/// A number of a profile in the unit of its type, with its provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity<T = f64> {
    /// The number.
    pub value: T,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl<T> Quantity<T> {
    /// Wraps a value.
    #[must_use]
    pub const fn new(value: T, provenance: Provenance) -> Self {
        Self { value, provenance }
    }

    /// Changes the value (a unit conversion) and keeps the provenance.
    #[must_use]
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Quantity<U> {
        Quantity { value: f(self.value), provenance: self.provenance }
    }
}

impl Quantity {
    /// A number that stands for the absence of an effect (a factor 1, an overhead 0). It claims nothing, so
    /// it is not counted among the numbers that a run leans on.
    #[must_use]
    pub fn neutral(value: f64) -> Self {
        let provenance = Provenance { source: Arc::from(NEUTRAL_SOURCE), confidence: Confidence::Datasheet };
        Self { value, provenance }
    }
}

/// The source that [`Quantity::neutral`] names.
pub const NEUTRAL_SOURCE: &str = "effect not modelled";

/// Element type in which arithmetic is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Precision {
    Fp32,
    Fp16,
    Int8,
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 3] = [Self::Fp32, Self::Fp16, Self::Int8];

    /// The word used in profiles, executor names and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
        }
    }

    /// The precision behind a word, if it is one.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.id() == id)
    }

    /// Bytes per element.
    #[must_use]
    pub const fn bytes(self) -> f64 {
        match self {
            Self::Fp32 => 4.0,
            Self::Fp16 => 2.0,
            Self::Int8 => 1.0,
        }
    }
}
