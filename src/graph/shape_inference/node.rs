//! What a rule sees of an operator, and how it fails.

use crate::graph::fact::Fact;
use crate::graph::model::{Attribute, ElementType, Operator};

/// What a rule gives: one fact per output, trailing ones may be missing.
pub(super) type Facts = Result<Vec<Fact>, RuleError>;

/// Why a rule gives nothing.
#[derive(Debug)]
pub(crate) enum RuleError {
    /// A content that the shape depends on is not known; a stated shape may still serve.
    Unknown(String),
    /// Inputs or attributes contradict the operator's definition.
    Invalid(String),
}

/// [`RuleError::Invalid`] with a reason.
pub(super) fn invalid<T>(reason: impl Into<String>) -> Result<T, RuleError> {
    Err(RuleError::Invalid(reason.into()))
}

/// An operator with what is known about its inputs.
pub(super) struct Node<'a> {
    pub(super) operator: &'a Operator,
    pub(super) tensor: Option<&'a Fact>,
    pub(super) inputs: &'a [Option<&'a Fact>],
    pub(super) opset: i64,
}

impl<'a> Node<'a> {
    /// The input at `position`.
    pub(super) fn input(&self, position: usize) -> Result<&'a Fact, RuleError> {
        self.optional(position).map_or_else(|| invalid(format!("input {position} is absent")), Ok)
    }

    /// The input at `position` if it is given.
    pub(super) fn optional(&self, position: usize) -> Option<&'a Fact> {
        self.inputs.get(position).copied().flatten()
    }

    /// The content of the integer input at `position`, if the input is given.
    pub(super) fn optional_integers(&self, position: usize) -> Result<Option<&'a [i64]>, RuleError> {
        let Some(fact) = self.optional(position) else { return Ok(None) };
        fact.integers().map(Some).ok_or_else(|| unknown_content(position))
    }

    /// The content of the integer input at `position`.
    pub(super) fn integers(&self, position: usize) -> Result<&'a [i64], RuleError> {
        self.input(position)?.integers().ok_or_else(|| unknown_content(position))
    }

    /// The content of the floating-point input at `position`, if the input is given and not empty.
    pub(super) fn optional_floats(&self, position: usize) -> Result<Option<Vec<f64>>, RuleError> {
        match self.optional(position) {
            Some(fact) if fact.elements() > 0 => {
                fact.floats().map(Some).ok_or_else(|| unknown_content(position))
            }
            _ => Ok(None),
        }
    }

    /// A parameter that moved from an attribute to an input in the course of operator-set versions.
    pub(super) fn attribute_or_input(
        &self,
        attribute: &str,
        position: usize,
    ) -> Result<Option<&'a [i64]>, RuleError> {
        match self.operator.ints(attribute) {
            Some(values) => Ok(Some(values)),
            None => self.optional_integers(position),
        }
    }

    /// An integer attribute with its default.
    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.operator.int(name).unwrap_or(default)
    }

    /// A text attribute with its default.
    pub(super) fn text(&self, name: &str, default: &'a str) -> &'a str {
        match self.operator.attribute(name) {
            Some(Attribute::Text(text)) => text,
            _ => default,
        }
    }
}

fn unknown_content(position: usize) -> RuleError {
    RuleError::Unknown(format!(
        "the content of input {position} is needed and is not in the file or depends on the data; \
         add shapes to the file (onnx.shape_inference.infer_shapes with data_prop) or fold its constants"
    ))
}

/// An axis counted from either end, as an index below `rank`.
pub(super) fn axis(value: i64, rank: usize) -> Result<usize, RuleError> {
    let rank = rank as i64;
    let index = if value < 0 { value.saturating_add(rank) } else { value };
    if (0..rank).contains(&index) {
        Ok(index as usize)
    } else {
        invalid(format!("axis {value} is outside a tensor of {rank} dimensions"))
    }
}

/// Each axis of `values` as an index, sorted, each at most once.
pub(super) fn axes(values: &[i64], rank: usize) -> Result<Vec<usize>, RuleError> {
    let mut axes = values.iter().map(|&v| axis(v, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    if axes.windows(2).any(|w| w[0] == w[1]) {
        return invalid(format!("the axes {values:?} name one dimension twice"));
    }
    Ok(axes)
}

/// A size from a file's integer.
pub(super) fn size(value: i64, what: &str) -> Result<u64, RuleError> {
    u64::try_from(value).map_or_else(|_| invalid(format!("{what} is {value}, below zero")), Ok)
}

/// The shape that `a` and `b` broadcast to.
pub(super) fn broadcast(a: &[u64], b: &[u64]) -> Result<Vec<u64>, RuleError> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[u64], i: usize| {
        (i + shape.len()).checked_sub(rank).and_then(|i| shape.get(i)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => invalid(format!("shapes {a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

/// The element type with number `value` of `TensorProto.DataType`, for attributes that name a type.
pub(super) fn named_type(value: i64) -> Result<ElementType, RuleError> {
    i32::try_from(value)
        .ok()
        .and_then(|v| crate::graph::onnx::tensors::element_type("", v).ok())
        .map_or_else(|| invalid(format!("element type {value} is not supported")), Ok)
}
