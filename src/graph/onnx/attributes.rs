//! Operator attributes.

use super::messages::{AttributeProto, TensorProto};
use super::tensors::{content, element_type, stored_shape};
use crate::diagnostics::printable;
use crate::graph::error::GraphError;
use crate::graph::fact::Fact;
use crate::graph::model::{Attribute, ConstantData, ElementType};

/// An attribute with the shape and type of the tensor that it may hold.
pub(super) struct ReadAttribute {
    pub(super) value: Attribute,
    pub(super) tensor: Option<Fact>,
}

/// Converts an attribute of `operator`; sub-graphs are refused.
pub(super) fn read(attribute: &AttributeProto, operator: &str) -> Result<ReadAttribute, GraphError> {
    let plain = |value| Ok(ReadAttribute { value, tensor: None });
    if attribute.g.is_some() || !attribute.graphs.is_empty() || matches!(attribute.kind, 5 | 10) {
        return Err(GraphError::ControlFlow {
            operator: operator.to_owned(),
            what: format!("sub-graph `{}`", printable(&attribute.name)),
        });
    }
    if !attribute.ref_attr_name.is_empty() {
        return Err(GraphError::Malformed {
            reason: format!(
                "attribute `{}` of {operator} refers to an attribute of a function, outside of any function",
                printable(&attribute.name)
            ),
        });
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match kind(attribute) {
        1 => plain(Attribute::Float(f64::from(attribute.f.unwrap_or_default()))),
        2 => plain(Attribute::Int(attribute.i.unwrap_or_default())),
        3 => plain(Attribute::Text(text(attribute.s.as_deref().unwrap_or_default()))),
        4 => {
            let fact = stored(attribute.t.as_ref().unwrap_or(&TensorProto::default()))?;
            Ok(ReadAttribute { value: Attribute::Tensor(fact.data.clone()), tensor: Some(fact) })
        }
        6 => plain(Attribute::Floats(attribute.floats.iter().map(|&x| f64::from(x)).collect())),
        7 => plain(Attribute::Ints(attribute.ints.clone())),
        8 => plain(Attribute::Texts(attribute.strings.iter().map(|s| text(s)).collect())),
        9 => plain(Attribute::Other("tensors")),
        11 | 12 => plain(Attribute::Other("sparse tensor")),
        13 | 14 => plain(Attribute::Other("type")),
        _ => plain(Attribute::Other("unknown")),
    }
}

/// The kind as stated, or for files older than IR version 2 the field that is filled.
fn kind(attribute: &AttributeProto) -> i32 {
    match attribute {
        a if a.kind != 0 => a.kind,
        a if a.f.is_some() => 1,
        a if a.i.is_some() => 2,
        a if a.s.is_some() => 3,
        a if a.t.is_some() => 4,
        a if !a.floats.is_empty() => 6,
        a if !a.ints.is_empty() => 7,
        a if !a.strings.is_empty() => 8,
        _ => 0,
    }
}

/// Shape, type and small content of a stored tensor.
pub(super) fn stored(tensor: &TensorProto) -> Result<Fact, GraphError> {
    let element = element_type(&tensor.name, tensor.data_type)?;
    let shape = stored_shape(tensor)?;
    let data = content(tensor, element, &shape)?;
    Ok(Fact { shape, element, constant: true, data })
}

/// What a `Constant` operator holds, or `None` if it is of a kind without numbers.
pub(super) fn constant(attributes: &[(String, Attribute)], tensor: Option<&Fact>) -> Option<Fact> {
    let fact = |shape, element, data| Some(Fact { shape, element, constant: true, data: Some(data) });
    attributes.iter().find_map(|(name, value)| match (name.as_str(), value) {
        ("value", _) => tensor.cloned(),
        ("value_int", &Attribute::Int(x)) => fact(vec![], ElementType::I64, ConstantData::Integers(vec![x])),
        ("value_float", &Attribute::Float(x)) => {
            fact(vec![], ElementType::F32, ConstantData::Floats(vec![x]))
        }
        ("value_ints", Attribute::Ints(x)) => {
            fact(vec![x.len() as u64], ElementType::I64, ConstantData::Integers(x.clone()))
        }
        ("value_floats", Attribute::Floats(x)) => {
            fact(vec![x.len() as u64], ElementType::F32, ConstantData::Floats(x.clone()))
        }
        _ => None,
    })
}
