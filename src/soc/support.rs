//! Which operators a runtime can execute on a processor.

use std::collections::BTreeMap;

/// Operators that one runtime executes on one processor, by the runtime's own operator names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportTable {
    /// Kebab-case name, e.g. `tflite-gpu`.
    pub id: String,
    /// The runtime and processor for people.
    pub title: String,
    /// Where the facts come from, with the revision.
    pub source: String,
    /// The answer for each operator, names in lower case; one that is absent is unsupported.
    pub operators: BTreeMap<String, Support>,
}

impl SupportTable {
    /// The entry of an operator; letter case does not matter.
    #[must_use]
    pub fn get(&self, op_type: &str) -> Option<&Support> {
        self.operators.get(&op_type.to_ascii_lowercase())
    }
}

/// Whether an operator can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// Always.
    Yes,
    /// Never.
    No,
    /// When all conditions hold.
    When(Vec<Condition>),
}

/// What must hold of an operator, in terms that a lowered graph can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Every output has four dimensions.
    OutputRank4,
    /// Every output has two or four dimensions.
    OutputRank2Or4,
    /// Every input has four dimensions.
    InputRank4,
    /// Every input and output has three or four dimensions.
    Rank3Or4,
    /// The channels of every output are a multiple of 4.
    OutputChannelsMultipleOf4,
    /// The channels of every input are a multiple of 4, or there are at most two inputs.
    InputChannelsMultipleOf4OrAtMost2Inputs,
    /// At most two operands, constants included as far as the lowered graph shows them.
    AtMost2Inputs,
    /// Every floating-point input and output; integers are refused.
    FloatTensors,
    /// Every input and output has at most four dimensions.
    RankAtMost4,
    /// Depends on attributes that a lowered graph does not carry; taken to hold, and reported.
    UncheckedAttributes,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 10] = [
        Self::OutputRank4,
        Self::OutputRank2Or4,
        Self::InputRank4,
        Self::Rank3Or4,
        Self::OutputChannelsMultipleOf4,
        Self::InputChannelsMultipleOf4OrAtMost2Inputs,
        Self::AtMost2Inputs,
        Self::FloatTensors,
        Self::RankAtMost4,
        Self::UncheckedAttributes,
    ];

    /// The word used in support files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::OutputRank4 => "output-rank-4",
            Self::OutputRank2Or4 => "output-rank-2-or-4",
            Self::InputRank4 => "input-rank-4",
            Self::Rank3Or4 => "rank-3-or-4",
            Self::OutputChannelsMultipleOf4 => "output-channels-multiple-of-4",
            Self::InputChannelsMultipleOf4OrAtMost2Inputs => {
                "input-channels-multiple-of-4-or-at-most-2-inputs"
            }
            Self::AtMost2Inputs => "at-most-2-inputs",
            Self::FloatTensors => "float-tensors",
            Self::RankAtMost4 => "rank-at-most-4",
            Self::UncheckedAttributes => "unchecked-attributes",
        }
    }

    /// The condition behind a word, if it is one.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.id() == id)
    }
}
