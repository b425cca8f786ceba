//! What an operator does, whatever vocabulary names it.

use super::super::lowered::OperatorClass;

/// The meaning of an operator: what ONNX calls `Gemm`, TFLite `FULLY_CONNECTED` and ncnn `InnerProduct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the field's")]
pub enum Kind {
    Convolution,
    DepthwiseConvolution,
    GroupedConvolution,
    TransposedConvolution,
    Dense,
    MatMul,
    MaxPool,
    AveragePool,
    GlobalMaxPool,
    GlobalAveragePool,
    Mean,
    ReduceMax,
    ReduceSum,
    Reduce,
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Neg,
    Exp,
    Erf,
    Minimum,
    Maximum,
    Compare,
    Select,
    OtherElementwise,
    Relu,
    Relu6,
    /// ReLU clipped to -1..1.
    ReluN1To1,
    Clip,
    LeakyRelu,
    PRelu,
    Sigmoid,
    HardSigmoid,
    HardSwish,
    Silu,
    Gelu,
    Tanh,
    OtherActivation,
    Softmax,
    BatchNorm,
    InstanceNorm,
    LayerNorm,
    /// Layer normalisation of the sum of two inputs.
    SkipLayerNorm,
    RmsNorm,
    OtherNorm,
    Attention,
    Concat,
    Split,
    Slice,
    Pad,
    Transpose,
    Gather,
    ResizeNearest,
    Resize,
    Expand,
    Cast,
    OtherMovement,
    /// Reshape, flatten, squeeze, unsqueeze: the same bytes under another shape.
    Reshape,
    /// Identity and inference-time dropout.
    Identity,
    Constant,
    Quantize,
    Dequantize,
    Other,
}

impl Kind {
    /// The class for cost models.
    #[must_use]
    pub const fn class(self) -> OperatorClass {
        match self {
            Self::Convolution => OperatorClass::Convolution,
            Self::DepthwiseConvolution => OperatorClass::DepthwiseConvolution,
            Self::GroupedConvolution => OperatorClass::GroupedConvolution,
            Self::TransposedConvolution => OperatorClass::TransposedConvolution,
            Self::Dense => OperatorClass::FullyConnected,
            Self::MatMul | Self::Attention => OperatorClass::MatMul,
            Self::MaxPool | Self::AveragePool | Self::GlobalMaxPool | Self::GlobalAveragePool => {
                OperatorClass::Pooling
            }
            Self::Mean | Self::ReduceMax | Self::ReduceSum | Self::Reduce => OperatorClass::Reduction,
            Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Pow
            | Self::Sqrt
            | Self::Rsqrt
            | Self::Reciprocal
            | Self::Neg
            | Self::Exp
            | Self::Erf
            | Self::Minimum
            | Self::Maximum
            | Self::Compare
            | Self::Select
            | Self::OtherElementwise
            | Self::Quantize
            | Self::Dequantize
            | Self::Cast => OperatorClass::Elementwise,
            Self::Relu
            | Self::Relu6
            | Self::ReluN1To1
            | Self::Clip
            | Self::LeakyRelu
            | Self::PRelu
            | Self::Sigmoid
            | Self::HardSigmoid
            | Self::HardSwish
            | Self::Silu
            | Self::Gelu
            | Self::Tanh
            | Self::OtherActivation => OperatorClass::Activation,
            Self::Softmax => OperatorClass::Softmax,
            Self::BatchNorm
            | Self::InstanceNorm
            | Self::LayerNorm
            | Self::SkipLayerNorm
            | Self::RmsNorm
            | Self::OtherNorm => OperatorClass::Normalization,
            Self::Concat
            | Self::Split
            | Self::Slice
            | Self::Pad
            | Self::Transpose
            | Self::Gather
            | Self::ResizeNearest
            | Self::Resize
            | Self::Expand
            | Self::OtherMovement => OperatorClass::DataMovement,
            Self::Reshape | Self::Identity => OperatorClass::View,
            Self::Constant | Self::Other => OperatorClass::Other,
        }
    }

    /// Whether multiply-accumulates are counted for it.
    #[must_use]
    pub const fn is_heavy(self) -> bool {
        matches!(
            self,
            Self::Convolution
                | Self::DepthwiseConvolution
                | Self::GroupedConvolution
                | Self::TransposedConvolution
                | Self::Dense
                | Self::MatMul
                | Self::Attention
        )
    }

    /// Whether it is a convolution over a window, transposed ones included.
    #[must_use]
    pub const fn is_convolution(self) -> bool {
        matches!(
            self,
            Self::Convolution
                | Self::DepthwiseConvolution
                | Self::GroupedConvolution
                | Self::TransposedConvolution
        )
    }
}
