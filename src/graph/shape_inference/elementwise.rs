//! Operators that keep or broadcast shapes: element-wise, normalisation, casts, quantisation.

use super::node::{Facts, Node, axis, broadcast as broadcast_shapes, invalid, named_type};
use crate::graph::fact::Fact;
use crate::graph::model::ElementType;

fn one(shape: Vec<u64>, element: ElementType) -> Facts {
    Ok(vec![Fact::activation(shape, element)])
}

/// Shape and type of the first input.
pub(super) fn like_first(node: &Node) -> Facts {
    let x = node.input(0)?;
    one(x.shape.clone(), x.element)
}

/// Numpy broadcasting over all inputs, type of the first.
pub(super) fn broadcast(node: &Node) -> Facts {
    let first = node.input(0)?;
    let mut shape = first.shape.clone();
    for fact in node.inputs.iter().skip(1).flatten() {
        shape = broadcast_shapes(&shape, &fact.shape)?;
    }
    one(shape, first.element)
}

/// Broadcasting to booleans.
pub(super) fn comparison(node: &Node) -> Facts {
    one(broadcast_shapes(&node.input(0)?.shape, &node.input(1)?.shape)?, ElementType::Bool)
}

/// Booleans in the shape of the input.
pub(super) fn predicate(node: &Node) -> Facts {
    one(node.input(0)?.shape.clone(), ElementType::Bool)
}

/// `Where`: all three inputs broadcast.
pub(super) fn select(node: &Node) -> Facts {
    let (condition, x, y) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let shape = broadcast_shapes(&broadcast_shapes(&condition.shape, &x.shape)?, &y.shape)?;
    one(shape, x.element)
}

/// `Cast`.
pub(super) fn cast(node: &Node) -> Facts {
    let Some(to) = node.operator.int("to") else { return invalid("attribute `to` is missing") };
    one(node.input(0)?.shape.clone(), named_type(to)?)
}

/// `CastLike`.
pub(super) fn cast_like(node: &Node) -> Facts {
    one(node.input(0)?.shape.clone(), node.input(1)?.element)
}

/// `Dropout`: values and mask (before operator set 10 the mask has the type of the values).
pub(super) fn dropout(node: &Node) -> Facts {
    let x = node.input(0)?;
    let mask = if node.opset < 10 { x.element } else { ElementType::Bool };
    Ok(vec![Fact::activation(x.shape.clone(), x.element), Fact::activation(x.shape.clone(), mask)])
}

/// `BatchNormalization`: values, then statistics per channel.
pub(super) fn batch_normalization(node: &Node) -> Facts {
    let x = node.input(0)?;
    let channels = x.shape.get(1).copied().unwrap_or(1);
    let scale = node.input(1)?;
    if scale.shape != [channels] {
        return invalid(format!("scale has shape {:?} for {channels} channels", scale.shape));
    }
    let mut facts = vec![Fact::activation(x.shape.clone(), x.element)];
    facts.extend((0..4).map(|_| Fact::activation(vec![channels], scale.element)));
    Ok(facts)
}

/// `LayerNormalization`: values, then mean and inverse deviation over the trailing dimensions.
pub(super) fn layer_normalization(node: &Node) -> Facts {
    let x = node.input(0)?;
    let from = axis(node.int("axis", -1), x.shape.len())?;
    let stash = named_type(node.int("stash_type", 1))?;
    let statistics: Vec<u64> =
        x.shape.iter().enumerate().map(|(i, &d)| if i < from { d } else { 1 }).collect();
    Ok(vec![
        Fact::activation(x.shape.clone(), x.element),
        Fact::activation(statistics.clone(), stash),
        Fact::activation(statistics, stash),
    ])
}

/// `QuantizeLinear`: type of the zero point, else of `output_dtype`, else unsigned bytes.
pub(super) fn quantize(node: &Node) -> Facts {
    let element = match (node.optional(2), node.int("output_dtype", 0)) {
        (Some(zero), _) => zero.element,
        (None, 0) => ElementType::U8,
        (None, named) => named_type(named)?,
    };
    one(node.input(0)?.shape.clone(), element)
}

/// `DequantizeLinear`: type of the scale.
pub(super) fn dequantize(node: &Node) -> Facts {
    one(node.input(0)?.shape.clone(), node.input(1)?.element)
}

/// `DynamicQuantizeLinear`: bytes, scale, zero point.
pub(super) fn dynamic_quantize(node: &Node) -> Facts {
    Ok(vec![
        Fact::activation(node.input(0)?.shape.clone(), ElementType::U8),
        Fact::activation(vec![], ElementType::F32),
        Fact::activation(vec![], ElementType::U8),
    ])
}
