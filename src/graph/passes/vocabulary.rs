//! What each runtime calls the operators.

use super::kind::Kind;

/// The names of one runtime's operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// As in the file that was read.
    AsWritten,
    /// TFLite's builtin operators (`schema.fbs`).
    Tflite,
    /// MACE's operators (`mace/ops`).
    Mace,
    /// ncnn's layers (`src/layer`).
    Ncnn,
    /// ONNX operators with ONNX Runtime's contributed fused ones.
    OnnxRuntime,
}

/// Kind and its names in TFLite, MACE, ncnn and ONNX Runtime.
const NAMES: &[(Kind, &str, &str, &str, &str)] = &[
    (Kind::Convolution, "CONV_2D", "Conv2D", "Convolution", "Conv"),
    (Kind::DepthwiseConvolution, "DEPTHWISE_CONV_2D", "DepthwiseConv2d", "ConvolutionDepthWise", "Conv"),
    (Kind::GroupedConvolution, "CONV_2D", "Conv2D", "ConvolutionDepthWise", "Conv"),
    (Kind::TransposedConvolution, "TRANSPOSE_CONV", "Deconv2D", "Deconvolution", "ConvTranspose"),
    (Kind::Dense, "FULLY_CONNECTED", "FullyConnected", "InnerProduct", "Gemm"),
    (Kind::MatMul, "BATCH_MATMUL", "MatMul", "MatMul", "MatMul"),
    (Kind::MaxPool, "MAX_POOL_2D", "Pooling", "Pooling", "MaxPool"),
    (Kind::AveragePool, "AVERAGE_POOL_2D", "Pooling", "Pooling", "AveragePool"),
    (Kind::GlobalMaxPool, "REDUCE_MAX", "Pooling", "Pooling", "GlobalMaxPool"),
    (Kind::GlobalAveragePool, "MEAN", "Pooling", "Pooling", "GlobalAveragePool"),
    (Kind::Mean, "MEAN", "Reduce", "Reduction", "ReduceMean"),
    (Kind::ReduceMax, "REDUCE_MAX", "Reduce", "Reduction", "ReduceMax"),
    (Kind::ReduceSum, "SUM", "Reduce", "Reduction", "ReduceSum"),
    (Kind::Add, "ADD", "Eltwise", "BinaryOp", "Add"),
    (Kind::Sub, "SUB", "Eltwise", "BinaryOp", "Sub"),
    (Kind::Mul, "MUL", "Eltwise", "BinaryOp", "Mul"),
    (Kind::Div, "DIV", "Eltwise", "BinaryOp", "Div"),
    (Kind::Pow, "POW", "Eltwise", "BinaryOp", "Pow"),
    (Kind::Sqrt, "SQRT", "Eltwise", "UnaryOp", "Sqrt"),
    (Kind::Rsqrt, "RSQRT", "Eltwise", "UnaryOp", "Rsqrt"),
    (Kind::Reciprocal, "DIV", "Eltwise", "UnaryOp", "Reciprocal"),
    (Kind::Neg, "NEG", "Eltwise", "UnaryOp", "Neg"),
    (Kind::Exp, "EXP", "Eltwise", "UnaryOp", "Exp"),
    (Kind::Minimum, "MINIMUM", "Eltwise", "BinaryOp", "Min"),
    (Kind::Maximum, "MAXIMUM", "Eltwise", "BinaryOp", "Max"),
    (Kind::Select, "SELECT_V2", "Where", "Where", "Where"),
    (Kind::Relu, "RELU", "Activation", "ReLU", "Relu"),
    (Kind::Relu6, "RELU6", "Activation", "Clip", "Clip"),
    (Kind::ReluN1To1, "RELU_N1_TO_1", "Activation", "Clip", "Clip"),
    (Kind::Clip, "CLIP", "Activation", "Clip", "Clip"),
    (Kind::LeakyRelu, "LEAKY_RELU", "Activation", "ReLU", "LeakyRelu"),
    (Kind::PRelu, "PRELU", "Activation", "PReLU", "PRelu"),
    (Kind::Sigmoid, "LOGISTIC", "Activation", "Sigmoid", "Sigmoid"),
    (Kind::HardSigmoid, "HARD_SIGMOID", "Activation", "HardSigmoid", "HardSigmoid"),
    (Kind::HardSwish, "HARD_SWISH", "Activation", "HardSwish", "HardSwish"),
    (Kind::Silu, "SILU", "Activation", "Swish", "QuickGelu"),
    (Kind::Gelu, "GELU", "Gelu", "GELU", "Gelu"),
    (Kind::Tanh, "TANH", "Activation", "TanH", "Tanh"),
    (Kind::Softmax, "SOFTMAX", "Softmax", "Softmax", "Softmax"),
    (Kind::BatchNorm, "BATCH_NORM", "BatchNorm", "BatchNorm", "BatchNormalization"),
    (Kind::InstanceNorm, "INSTANCE_NORM", "InstanceNorm", "InstanceNorm", "InstanceNormalization"),
    (Kind::LayerNorm, "LAYER_NORM", "LayerNorm", "LayerNorm", "LayerNormalization"),
    (Kind::SkipLayerNorm, "LAYER_NORM", "LayerNorm", "LayerNorm", "SkipLayerNormalization"),
    (Kind::RmsNorm, "RMS_NORM", "RMSNorm", "RMSNorm", "SimplifiedLayerNormalization"),
    (Kind::Attention, "SDPA", "Attention", "SDPA", "Attention"),
    (Kind::Concat, "CONCATENATION", "Concat", "Concat", "Concat"),
    (Kind::Split, "SPLIT", "Split", "Slice", "Split"),
    (Kind::Slice, "STRIDED_SLICE", "StridedSlice", "Crop", "Slice"),
    (Kind::Pad, "PAD", "Pad", "Padding", "Pad"),
    (Kind::Transpose, "TRANSPOSE", "Transpose", "Permute", "Transpose"),
    (Kind::Gather, "GATHER", "Gather", "Embed", "Gather"),
    (Kind::ResizeNearest, "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor", "Interp", "Resize"),
    (Kind::Resize, "RESIZE_BILINEAR", "ResizeBilinear", "Interp", "Resize"),
    (Kind::Expand, "BROADCAST_TO", "Tile", "Tile", "Expand"),
    (Kind::Cast, "CAST", "Cast", "Cast", "Cast"),
    (Kind::Reshape, "RESHAPE", "Reshape", "Reshape", "Reshape"),
    (Kind::Identity, "IDENTITY", "Identity", "Noop", "Identity"),
    (Kind::Quantize, "QUANTIZE", "Quantize", "Quantize", "QuantizeLinear"),
    (Kind::Dequantize, "DEQUANTIZE", "Dequantize", "Dequantize", "DequantizeLinear"),
];

impl Vocabulary {
    /// This runtime's name of an operator that an operator list names as TFLite does; unknown names stay.
    #[must_use]
    pub fn of_tflite(self, name: &str) -> String {
        NAMES.iter().find(|row| row.1 == name).map_or_else(|| name.to_owned(), |row| self.name(row.0, name))
    }

    /// The name of an operator of `kind` that its file writes as `written`; the latter where this
    /// runtime has no word of its own, which a support table then refuses.
    #[must_use]
    pub fn name(self, kind: Kind, written: &str) -> String {
        let row = NAMES.iter().find(|row| row.0 == kind);
        match (self, row) {
            (Self::AsWritten, _) | (_, None) => written,
            (Self::Tflite, Some(row)) => row.1,
            (Self::Mace, Some(row)) => row.2,
            (Self::Ncnn, Some(row)) => row.3,
            (Self::OnnxRuntime, Some(row)) => row.4,
        }
        .to_owned()
    }
}
