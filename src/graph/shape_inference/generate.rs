//! Operators that make tensors from shapes and scalars.

use super::node::{Facts, Node, RuleError, invalid, named_type, size};
use crate::graph::fact::Fact;
use crate::graph::model::{ConstantData, ElementType};
use crate::graph::onnx::tensors::KEPT_ELEMENTS;

/// `Shape`, which is known because all shapes are static.
pub(super) fn shape(node: &Node) -> Facts {
    let dims = &node.input(0)?.shape;
    let rank = dims.len() as i64;
    let clip = |v: i64| if v < 0 { v.saturating_add(rank) } else { v }.clamp(0, rank);
    let (start, end) = (clip(node.int("start", 0)), clip(node.int("end", rank)));
    let values: Vec<i64> = dims
        .get(start as usize..end.max(start) as usize)
        .unwrap_or_default()
        .iter()
        .map(|&d| d as i64)
        .collect();
    let mut fact = Fact::activation(vec![values.len() as u64], ElementType::I64);
    fact.data = Some(ConstantData::Integers(values));
    Ok(vec![fact])
}

/// `Size`, known likewise.
pub(super) fn size_of(node: &Node) -> Facts {
    let mut fact = Fact::activation(vec![], ElementType::I64);
    fact.data = Some(ConstantData::Integers(vec![node.input(0)?.elements() as i64]));
    Ok(vec![fact])
}

/// `ConstantOfShape`: a single-precision 0 unless an attribute says otherwise.
pub(super) fn constant_of_shape(node: &Node) -> Facts {
    let dims = node.integers(0)?.iter().map(|&d| size(d, "a dimension")).collect::<Result<Vec<_>, _>>()?;
    let element = node.tensor.map_or(ElementType::F32, |t| t.element);
    let mut fact = Fact::activation(dims, element);
    let count = fact.elements();
    if count <= KEPT_ELEMENTS {
        fact.data = match node.tensor.map(|t| t.data.as_ref()) {
            None => Some(ConstantData::Floats(vec![0.0; count as usize])),
            Some(Some(ConstantData::Floats(v))) => {
                v.first().map(|&x| ConstantData::Floats(vec![x; count as usize]))
            }
            Some(Some(ConstantData::Integers(v))) => {
                v.first().map(|&x| ConstantData::Integers(vec![x; count as usize]))
            }
            Some(None) => None,
        };
    }
    Ok(vec![fact])
}

/// `Range`.
pub(super) fn range(node: &Node) -> Facts {
    let element = node.input(0)?.element;
    let scalar = |i: usize| -> Result<f64, RuleError> {
        let values = node.optional_floats(i)?;
        values.and_then(|v| v.first().copied()).map_or_else(|| invalid(format!("input {i} is absent")), Ok)
    };
    let (start, limit, delta) = (scalar(0)?, scalar(1)?, scalar(2)?);
    let count = ((limit - start) / delta).ceil().max(0.0);
    if delta == 0.0 || !count.is_finite() || count > 9e15 {
        return invalid(format!("a range from {start} to {limit} in steps of {delta}"));
    }
    let mut fact = Fact::activation(vec![count as u64], element);
    if count as u64 <= KEPT_ELEMENTS {
        let values = (0..count as u64).map(|i| start + i as f64 * delta);
        fact.data = Some(if element.is_float() {
            ConstantData::Floats(values.collect())
        } else {
            ConstantData::Integers(values.map(|v| v as i64).collect())
        });
    }
    Ok(vec![fact])
}

/// `EyeLike`.
pub(super) fn eye_like(node: &Node) -> Facts {
    let x = node.input(0)?;
    let element = node.operator.int("dtype").map_or(Ok(x.element), named_type)?;
    Ok(vec![Fact::activation(x.shape.clone(), element)])
}

/// `RandomNormal`, `RandomUniform`.
pub(super) fn random(node: &Node) -> Facts {
    let Some(dims) = node.operator.ints("shape") else { return invalid("attribute `shape` is missing") };
    let dims = dims.iter().map(|&d| size(d, "a dimension")).collect::<Result<_, _>>()?;
    Ok(vec![Fact::activation(dims, named_type(node.int("dtype", 1))?)])
}

/// `RandomNormalLike`, `RandomUniformLike`.
pub(super) fn random_like(node: &Node) -> Facts {
    eye_like(node)
}
