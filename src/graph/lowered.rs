//! The lowered graph: what one inference runtime really executes, in the form that cost models, strategies
//! and the simulation read. An ONNX file after lowering and an operator list both end here, so that
//! the same network predicts the same from either.

use super::dag::Dag;

/// What one runtime executes for one model, batch 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoweredGraph {
    /// The model's name.
    pub name: String,
    /// Operators in execution order, which is a topological order.
    pub operators: Vec<LoweredOperator>,
    /// Tensors that flow between operators, and the model's inputs and outputs.
    pub tensors: Vec<LoweredTensor>,
    /// Indices into `tensors` of what is fed from outside.
    pub inputs: Vec<u32>,
    /// Indices into `tensors` of what is handed out.
    pub outputs: Vec<u32>,
    /// Whether element-wise operators and the like are missing because the source is a list of the
    /// heavy kernels only (Format A); a calibrated profile then adds its unlisted part.
    pub listed_kernels_only: bool,
}

/// An activation tensor of a [`LoweredGraph`].
#[derive(Debug, Clone, PartialEq)]
pub struct LoweredTensor {
    /// Name, for people.
    pub name: String,
    /// Size of each dimension, outermost first, images as batch, channels, height, width whatever the
    /// source's order; empty when the source does not tell. Support rules read it.
    pub shape: Vec<u64>,
    /// Number of elements.
    pub elements: u64,
    /// Bytes per element as stored by the source model; executors of another precision rescale.
    pub element_bytes: f64,
    /// Whether the elements are floating-point numbers (only these change with precision).
    pub is_float: bool,
    /// Whether it lies in memory that every executor sees, so that no crossing moves it: tensors between the slices of an
    /// operator and the steps that share and join them.
    pub shared: bool,
}

impl LoweredTensor {
    /// Size in bytes at the source model's precision.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.elements as f64 * self.element_bytes).ceil() as u64
    }
}

/// One kernel that the runtime dispatches.
#[derive(Debug, Clone, PartialEq)]
pub struct LoweredOperator {
    /// Name of the operator that it came from (the heaviest, if several were fused).
    pub name: String,
    /// Operator type in the runtime's own vocabulary (`CONV_2D`, `Conv2D`, `Convolution`).
    pub op_type: String,
    /// Class for cost models and reports.
    pub class: OperatorClass,
    /// Sizes that decide its cost.
    pub geometry: Geometry,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Constant bytes that are really read in one run (rows of an embedding table, not the table),
    /// at the source model's precision.
    pub weight_bytes_read: u64,
    /// Constant bytes that must be resident in memory.
    pub weight_bytes: u64,
    /// Tensors read, as indices into [`LoweredGraph::tensors`]; one entry per use.
    pub inputs: Vec<u32>,
    /// Tensors written.
    pub outputs: Vec<u32>,
    /// What was fused into it, outermost last, in the vocabulary of the source (`Relu`, `Add`).
    pub fused: Vec<String>,
    /// Ids (positions) of all source operators that it stands for.
    pub sources: Vec<u32>,
}

/// Classes of operators that behave alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the field's")]
pub enum OperatorClass {
    Convolution,
    DepthwiseConvolution,
    GroupedConvolution,
    TransposedConvolution,
    FullyConnected,
    MatMul,
    Pooling,
    Reduction,
    Elementwise,
    Activation,
    Normalization,
    Softmax,
    /// Moves data without arithmetic: transpose, slice, concatenation, padding, gather, resize.
    DataMovement,
    /// Costs nothing by itself: reshape and the like, when the runtime aliases them.
    View,
    /// Hands tensors over between executors that compute slices of one operator.
    Sharing,
    /// Control, shape arithmetic and everything else.
    Other,
}

impl OperatorClass {
    /// All classes, in order.
    pub const ALL: [Self; 16] = [
        Self::Convolution,
        Self::DepthwiseConvolution,
        Self::GroupedConvolution,
        Self::TransposedConvolution,
        Self::FullyConnected,
        Self::MatMul,
        Self::Pooling,
        Self::Reduction,
        Self::Elementwise,
        Self::Activation,
        Self::Normalization,
        Self::Softmax,
        Self::DataMovement,
        Self::View,
        Self::Sharing,
        Self::Other,
    ];

    /// The name used in files and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::DepthwiseConvolution => "depthwise-convolution",
            Self::GroupedConvolution => "grouped-convolution",
            Self::TransposedConvolution => "transposed-convolution",
            Self::FullyConnected => "fully-connected",
            Self::MatMul => "matmul",
            Self::Pooling => "pooling",
            Self::Reduction => "reduction",
            Self::Elementwise => "elementwise",
            Self::Activation => "activation",
            Self::Normalization => "normalization",
            Self::Softmax => "softmax",
            Self::DataMovement => "data-movement",
            Self::View => "view",
            Self::Sharing => "sharing",
            Self::Other => "other",
        }
    }
}

/// Sizes that decide the cost of an operator, batch 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Geometry {
    /// Any convolution over a window, transposed ones included (`out` is then the larger side).
    Window(Window),
    /// `batch` products of an `m x k` by a `k x n` matrix. A fully connected layer has `batch` 1 and
    /// `n` outputs; `m` is the number of rows (tokens).
    MatMul {
        /// Number of independent products.
        batch: u64,
        /// Rows of the result.
        m: u64,
        /// Columns of the result.
        n: u64,
        /// Summed dimension.
        k: u64,
    },
    /// Everything that touches each element a constant number of times.
    Elements {
        /// Elements read, constants excluded.
        read: u64,
        /// Elements written.
        written: u64,
    },
}

/// Convolution or pooling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's; sizes in elements")]
pub struct Window {
    pub in_height: u64,
    pub in_width: u64,
    pub in_channels: u64,
    pub out_height: u64,
    pub out_width: u64,
    pub out_channels: u64,
    pub kernel_height: u64,
    pub kernel_width: u64,
    pub stride_height: u64,
    pub stride_width: u64,
    pub dilation_height: u64,
    pub dilation_width: u64,
    pub groups: u64,
}

impl LoweredGraph {
    /// Bytes of an operator's weights as an executor keeps them that stores a floating-point element in `scale` times four bytes:
    /// constants are stored like the floating-point tensors beside them, and as the source stores them where there are none.
    #[must_use]
    pub fn weight_bytes_at(&self, operator: &LoweredOperator, scale: f64) -> u64 {
        let mut tensors =
            operator.inputs.iter().chain(&operator.outputs).filter_map(|&t| self.tensors.get(t as usize));
        let factor = tensors.find(|t| t.is_float).map_or(1.0, |t| 4.0 * scale / t.element_bytes.max(0.125));
        (operator.weight_bytes as f64 * factor).ceil() as u64
    }

    /// The task graph of these operators: one node each, one edge per use of a tensor that another
    /// operator produced, carrying the tensor's bytes.
    #[must_use]
    pub fn dag(&self) -> Dag {
        let mut producer = vec![None; self.tensors.len()];
        for (op, operator) in self.operators.iter().enumerate() {
            for &tensor in &operator.outputs {
                producer[tensor as usize] = Some(op as u32);
            }
        }
        let mut edges = Vec::new();
        for (op, operator) in self.operators.iter().enumerate() {
            for &tensor in &operator.inputs {
                if let Some(source) = producer[tensor as usize] {
                    edges.push((source, op as u32, self.tensors[tensor as usize].bytes(), tensor));
                }
            }
        }
        Dag::from_sorted(self.operators.len(), &edges)
    }
}
