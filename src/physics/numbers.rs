//! Which numbers of the profiles a run leans on, and how far they can be trusted.

use std::collections::BTreeMap;

use crate::soc::quantity::NEUTRAL_SOURCE;
use crate::soc::{Confidence, Provenance, Quantity};

/// The numbers read while a machine was built, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    entries: BTreeMap<String, Provenance>,
}

impl Numbers {
    /// Takes a value and notes that it was used.
    pub(crate) fn take<T: Copy>(&mut self, name: impl Into<String>, quantity: &Quantity<T>) -> T {
        self.note(name, &quantity.provenance);
        quantity.value
    }

    /// Notes that a number or table of numbers was used.
    pub(crate) fn note(&mut self, name: impl Into<String>, provenance: &Provenance) {
        if provenance.source.as_ref() != NEUTRAL_SOURCE {
            self.entries.insert(name.into(), provenance.clone());
        }
    }

    /// The numbers with their provenance, sorted by name. A table (OPPs, votes) counts as one.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Provenance)> {
        self.entries.iter().map(|(name, provenance)| (name.as_str(), provenance))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no number was used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many have this confidence.
    #[must_use]
    pub fn count(&self, confidence: Confidence) -> usize {
        self.entries.values().filter(|p| p.confidence == confidence).count()
    }

    /// The sentence for a run that leans on assumptions; `None` when it does not.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let assumed = self.count(Confidence::Assumed);
        (assumed > 0).then(|| {
            format!(
                "leans on {assumed} assumed numbers of {} (profiles name each with its source)",
                self.len()
            )
        })
    }
}
