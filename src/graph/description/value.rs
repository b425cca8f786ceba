//! Values of attributes and constants as texts carry them, the same in TOML and JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::graph::model::{Attribute, ConstantData, ElementType};

/// A value as written. Numbers that JSON lacks are the texts `inf`, `-inf` and `nan`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Value {
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    /// A kind of value that plain writing cannot tell apart: `floats`, `texts`, `tensor`, `other`.
    Tagged(String, Box<Value>),
}

/// Kinds of attributes that a graph keeps by name only.
const OTHERS: [&str; 6] = ["tensors", "sparse tensor", "type", "unknown", "list", "tensor"];
const TAGS: [&str; 4] = ["floats", "texts", "tensor", "other"];
/// Lists within lists do not occur; a bound keeps hostile files from the stack's end.
const DEEPEST: usize = 4;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, a number, a text, a list of these, or { floats | texts | tensor | other = ... }")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Int(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
                i64::try_from(value)
                    .map(Value::Int)
                    .map_err(|_| E::custom(format!("{value} is above 2^63 - 1")))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                let value = Value::List(list);
                if value.depth() > DEEPEST {
                    return Err(A::Error::custom("lists are nested too deeply"));
                }
                Ok(value)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let Some(tag) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("this table is empty"));
                };
                if !TAGS.contains(&tag.as_str()) {
                    return Err(A::Error::unknown_field(&tag, &TAGS));
                }
                let value = map.next_value()?;
                match map.next_key::<String>()? {
                    Some(_) => Err(A::Error::custom("this table has one key")),
                    None => Ok(Value::Tagged(tag, Box::new(value))),
                }
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Value {
    fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Tagged(_, value) => 1 + value.depth(),
            _ => 0,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Int(x) => Some(*x as f64),
            Self::Float(x) => Some(*x),
            Self::Text(text) => match text.as_str() {
                "inf" => Some(f64::INFINITY),
                "-inf" => Some(f64::NEG_INFINITY),
                "nan" => Some(f64::NAN),
                _ => None,
            },
            _ => None,
        }
    }

    fn list<T>(&self, item: impl Fn(&Self) -> Option<T>) -> Option<Vec<T>> {
        match self {
            Self::List(items) => items.iter().map(item).collect(),
            _ => None,
        }
    }

    fn int(&self) -> Option<i64> {
        match self {
            Self::Int(x) => Some(*x),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// As an attribute; `None` for what no attribute can be.
    #[must_use]
    pub fn attribute(&self) -> Option<Attribute> {
        Some(match self {
            Self::Int(x) => Attribute::Int(*x),
            Self::Float(x) => Attribute::Float(*x),
            Self::Text(text) => Attribute::Text(text.clone()),
            Self::List(_) => {
                let ints = self.list(Self::int).map(Attribute::Ints);
                ints.or_else(|| self.list(Self::number).map(Attribute::Floats))
                    .or_else(|| self.list(Self::text).map(Attribute::Texts))?
            }
            Self::Tagged(tag, value) => match (tag.as_str(), value.as_ref()) {
                ("floats", list) => match list {
                    Self::List(_) => Attribute::Floats(list.list(Self::float)?),
                    single => Attribute::Float(single.float()?),
                },
                ("texts", list) => Attribute::Texts(list.list(Self::text)?),
                ("tensor", list) => Attribute::Tensor(Some(match list.list(Self::int) {
                    Some(ints) => ConstantData::Integers(ints),
                    None => ConstantData::Floats(list.list(Self::float)?),
                })),
                ("other", Self::Text(kind)) => match OTHERS.iter().find(|known| *known == kind)? {
                    &"tensor" => Attribute::Tensor(None),
                    kind => Attribute::Other(kind),
                },
                _ => return None,
            },
        })
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(_) | Self::Float(_) => self.float(),
            _ => None,
        }
    }

    /// An attribute as a value.
    #[must_use]
    pub fn of_attribute(attribute: &Attribute) -> Self {
        let tagged = |tag: &str, value| Self::Tagged(tag.to_owned(), Box::new(value));
        let floats = |values: &[f64]| Self::List(values.iter().map(|&x| Self::Float(x)).collect());
        let ints = |values: &[i64]| Self::List(values.iter().map(|&x| Self::Int(x)).collect());
        let finite = |values: &[f64]| values.iter().all(|x| x.is_finite());
        match attribute {
            Attribute::Int(x) => Self::Int(*x),
            Attribute::Float(x) if x.is_finite() => Self::Float(*x),
            Attribute::Float(x) => tagged("floats", Self::Float(*x)),
            Attribute::Text(text) => Self::Text(text.clone()),
            Attribute::Ints(values) => ints(values),
            Attribute::Floats(values) if !values.is_empty() && finite(values) => floats(values),
            Attribute::Floats(values) => tagged("floats", floats(values)),
            Attribute::Texts(values) => {
                let list = Self::List(values.iter().cloned().map(Self::Text).collect());
                if values.is_empty() { tagged("texts", list) } else { list }
            }
            Attribute::Tensor(Some(ConstantData::Integers(values))) => tagged("tensor", ints(values)),
            Attribute::Tensor(Some(ConstantData::Floats(values))) => tagged("tensor", floats(values)),
            Attribute::Tensor(None) => tagged("other", Self::Text("tensor".to_owned())),
            Attribute::Other(kind) => tagged("other", Self::Text((*kind).to_owned())),
        }
    }

    /// A list of numbers as the content of a constant of this element type.
    #[must_use]
    pub fn content(values: &[Self], element: ElementType) -> Option<ConstantData> {
        if element.is_float() {
            values.iter().map(Self::float).collect::<Option<_>>().map(ConstantData::Floats)
        } else {
            values.iter().map(Self::int).collect::<Option<_>>().map(ConstantData::Integers)
        }
    }

    /// The content of a constant as a list of values.
    #[must_use]
    pub fn of_content(data: &ConstantData) -> Vec<Self> {
        match data {
            ConstantData::Integers(values) => values.iter().map(|&x| Self::Int(x)).collect(),
            ConstantData::Floats(values) => values.iter().map(|&x| Self::Float(x)).collect(),
        }
    }
}
