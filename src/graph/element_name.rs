//! Names of element types in texts: those of numpy.

use super::model::ElementType;

const NAMES: [(ElementType, &str); 15] = [
    (ElementType::F64, "float64"),
    (ElementType::F32, "float32"),
    (ElementType::F16, "float16"),
    (ElementType::BF16, "bfloat16"),
    (ElementType::I64, "int64"),
    (ElementType::I32, "int32"),
    (ElementType::I16, "int16"),
    (ElementType::I8, "int8"),
    (ElementType::U64, "uint64"),
    (ElementType::U32, "uint32"),
    (ElementType::U16, "uint16"),
    (ElementType::U8, "uint8"),
    (ElementType::I4, "int4"),
    (ElementType::U4, "uint4"),
    (ElementType::Bool, "bool"),
];

impl ElementType {
    /// The type's name in neutral JSON and native TOML graphs.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(element, _)| *element == self).map_or("float32", |(_, name)| name)
    }

    /// The type called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(element, _)| *element)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }
}
