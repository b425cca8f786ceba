//! The operator graph as read from a file: operators, tensors with shape and element type.

/// Index of a tensor in [`Graph::tensors`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub u32);

/// A deep-learning model as a directed acyclic graph of operators, batch and shapes fixed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    /// The ONNX operator-set version of the default domain, or 0 when the format has none.
    pub opset: i64,
    /// Tensors fed from outside, in order.
    pub inputs: Vec<TensorId>,
    /// Tensors handed out, in order.
    pub outputs: Vec<TensorId>,
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// Operators in listed order, which is a topological order.
    pub operators: Vec<Operator>,
}

/// A tensor of a [`Graph`].
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name in the file.
    pub name: String,
    /// Size of each dimension, outermost first; empty for a scalar.
    pub shape: Vec<u64>,
    /// Element type.
    pub element: ElementType,
    /// Where its content comes from.
    pub role: TensorRole,
    /// Affine quantisation, when the file states one.
    pub quantization: Option<Quantization>,
}

/// Where the content of a tensor comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorRole {
    /// Produced by an operator or fed from outside.
    Activation,
    /// Stored in the model. Small integer and float contents are kept, because shapes depend on them;
    /// large and external ones are not.
    Constant(Option<ConstantData>),
}

/// The kept content of a small constant.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstantData {
    /// Integers of any width, and booleans as 0 and 1.
    Integers(Vec<i64>),
    /// Floating-point numbers of any width.
    Floats(Vec<f64>),
}

/// Affine quantisation `real = scale x (quantised - zero_point)`, per tensor or per slice of `axis`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantization {
    /// Scales, one, or one per slice.
    pub scales: Vec<f32>,
    /// Zero points, as many as scales.
    pub zero_points: Vec<i64>,
    /// The sliced dimension when there are several scales.
    pub axis: usize,
}

/// Element types; the width in bits decides sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ElementType {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    I4,
    U4,
    Bool,
}

impl ElementType {
    /// Width of one element in bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 64,
            Self::F32 | Self::I32 | Self::U32 => 32,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 16,
            Self::I8 | Self::U8 | Self::Bool => 8,
            Self::I4 | Self::U4 => 4,
        }
    }

    /// Whether the type holds floating-point numbers.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }
}

impl Tensor {
    /// Number of elements (1 for a scalar), saturating.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d))
    }

    /// Size in bytes, sub-byte types rounded up for the whole tensor.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.elements().saturating_mul(self.element.bits()).div_ceil(8)
    }

    /// Whether the tensor is stored in the model.
    #[must_use]
    pub const fn is_constant(&self) -> bool {
        matches!(self.role, TensorRole::Constant(_))
    }
}

/// A node of a [`Graph`].
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// Name in the file; may be empty.
    pub name: String,
    /// Operator type in the vocabulary of the file's format (`Conv`, `CONV_2D`).
    pub op_type: String,
    /// Operator-set domain; empty for the default one.
    pub domain: String,
    /// Attributes in the file's order.
    pub attributes: Vec<(String, Attribute)>,
    /// Inputs by position; `None` is an absent optional input.
    pub inputs: Vec<Option<TensorId>>,
    /// Outputs by position; `None` is an output that nobody asked for.
    pub outputs: Vec<Option<TensorId>>,
}

/// The value of an operator attribute.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Attribute {
    Int(i64),
    Float(f64),
    Text(String),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
    /// A tensor; its content if it is small.
    Tensor(Option<ConstantData>),
    /// A kind that the simulator has no use for, by name.
    Other(&'static str),
}

impl Graph {
    /// The tensor behind an id.
    ///
    /// # Panics
    /// Never for ids taken from the same graph: readers check every reference.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0 as usize]
    }
}

impl Operator {
    /// The attribute called `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The integer attribute called `name`.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attribute(name) {
            Some(&Attribute::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The integer-list attribute called `name`.
    #[must_use]
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attribute(name) {
            Some(Attribute::Ints(values)) => Some(values),
            _ => None,
        }
    }
}
