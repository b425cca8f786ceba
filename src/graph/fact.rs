//! What is known about a tensor while a graph is being built.

use super::model::{ConstantData, ElementType};

/// Shape, element type and possibly the content of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    pub(crate) shape: Vec<u64>,
    pub(crate) element: ElementType,
    /// Whether the content does not depend on the model's inputs.
    pub(crate) constant: bool,
    /// The content, if it is constant, small and known.
    pub(crate) data: Option<ConstantData>,
}

impl Fact {
    /// A tensor whose content depends on the inputs.
    pub(crate) const fn activation(shape: Vec<u64>, element: ElementType) -> Self {
        Self { shape, element, constant: false, data: None }
    }

    /// Number of elements, saturating.
    pub(crate) fn elements(&self) -> u64 {
        self.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d))
    }

    /// The content as integers, if it is known and of an integer type.
    pub(crate) fn integers(&self) -> Option<&[i64]> {
        match &self.data {
            Some(ConstantData::Integers(values)) => Some(values),
            _ => None,
        }
    }

    /// The content as floating-point numbers, if it is known.
    pub(crate) fn floats(&self) -> Option<Vec<f64>> {
        match self.data.as_ref()? {
            ConstantData::Floats(values) => Some(values.clone()),
            ConstantData::Integers(values) => Some(values.iter().map(|&x| x as f64).collect()),
        }
    }
}
