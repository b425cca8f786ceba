//! When a claim counts as shown. Committed with the claims, before the first run.

use super::claims::Gain;
use serde::Serialize;

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The gain lies in the expected range.
    Shown,
    /// There is a gain of at least 2 %, outside of the range.
    DirectionOnly,
    /// There is none.
    NotShown,
}

/// A gain below this is none.
pub const LEAST: f64 = 1.02;

impl Verdict {
    /// The verdict on a simulated gain; without one, nothing is shown.
    #[must_use]
    pub fn of(published: Gain, simulated: Option<f64>) -> Self {
        let [low, high] = published.expected();
        match simulated {
            Some(gain) if (low..=high).contains(&gain) => Self::Shown,
            Some(gain) if gain >= LEAST => Self::DirectionOnly,
            _ => Self::NotShown,
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::DirectionOnly => "direction only",
            Self::NotShown => "not shown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would catch a verdict that is kinder than its rule, at both ends of the range and below it.
    #[test]
    fn verdicts_follow_the_range() {
        let of = |gain: Option<f64>| Verdict::of(Gain::Mean(1.4), gain);
        assert_eq!([of(Some(1.19)), of(Some(1.81))], [Verdict::DirectionOnly; 2]);
        assert_eq!([of(Some(1.2)), of(Some(1.5)), of(Some(1.799))], [Verdict::Shown; 3]);
        assert_eq!([of(Some(1.019)), of(Some(0.5)), of(None)], [Verdict::NotShown; 3]);
    }
}
