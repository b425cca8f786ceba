//! Which class an operator belongs to, in the vocabularies of ONNX and TensorFlow Lite.

use super::lowered::OperatorClass;
use super::model::{Graph, Operator, Tensor};

/// The class of an operator. A matrix product with a constant operand is a fully connected layer; a
/// convolution is depthwise if every group reads one channel.
#[must_use]
pub fn operator_class(graph: &Graph, operator: &Operator) -> OperatorClass {
    let input = |i: usize| operator.inputs.get(i).copied().flatten().map(|id| graph.tensor(id));
    match operator.op_type.as_str() {
        "Conv" | "ConvInteger" | "FusedConv" => convolution(operator, input(1)),
        "QLinearConv" => convolution(operator, input(3)),
        "CONV_2D" => grouped_by_channels(input(0), input(1)),
        "MatMul" | "MatMulInteger" | "FusedMatMul" | "BATCH_MATMUL" => product(input(0), input(1)),
        "QLinearMatMul" => product(input(0), input(3)),
        op_type => by_type(op_type),
    }
}

fn convolution(operator: &Operator, weights: Option<&Tensor>) -> OperatorClass {
    let per_group = weights.and_then(|w| w.shape.get(1)).copied();
    match operator.int("group").unwrap_or(1) {
        ..=1 => OperatorClass::Convolution,
        _ if per_group == Some(1) => OperatorClass::DepthwiseConvolution,
        _ => OperatorClass::GroupedConvolution,
    }
}

/// TensorFlow Lite states groups only through the channels that the weights read.
fn grouped_by_channels(x: Option<&Tensor>, weights: Option<&Tensor>) -> OperatorClass {
    let channels = |t: Option<&Tensor>| t.and_then(|t| t.shape.last()).copied();
    if channels(x) == channels(weights) {
        OperatorClass::Convolution
    } else {
        OperatorClass::GroupedConvolution
    }
}

fn product(a: Option<&Tensor>, b: Option<&Tensor>) -> OperatorClass {
    if [a, b].into_iter().flatten().any(Tensor::is_constant) {
        OperatorClass::FullyConnected
    } else {
        OperatorClass::MatMul
    }
}

fn by_type(op_type: &str) -> OperatorClass {
    match op_type {
        "CONV_3D" => OperatorClass::Convolution,
        "DEPTHWISE_CONV_2D" => OperatorClass::DepthwiseConvolution,
        "ConvTranspose" | "TRANSPOSE_CONV" => OperatorClass::TransposedConvolution,
        "Gemm" | "FusedGemm" | "QGemm" | "FULLY_CONNECTED" => OperatorClass::FullyConnected,
        "Einsum" | "LSTM" | "GRU" | "RNN" => OperatorClass::MatMul,
        "MaxPool" | "AveragePool" | "LpPool" | "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool"
        | "MAX_POOL_2D" | "AVERAGE_POOL_2D" | "L2_POOL_2D" => OperatorClass::Pooling,
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" | "ArgMax" | "ArgMin" | "TopK"
        | "CumSum" | "MEAN" | "SUM" | "REDUCE_MAX" | "REDUCE_MIN" | "REDUCE_PROD" | "ARG_MAX" | "ARG_MIN"
        | "TOPK_V2" => OperatorClass::Reduction,
        "Add"
        | "Sub"
        | "Mul"
        | "Div"
        | "Mod"
        | "Pow"
        | "Max"
        | "Min"
        | "Sum"
        | "Mean"
        | "And"
        | "Or"
        | "Xor"
        | "Not"
        | "BitShift"
        | "Equal"
        | "Greater"
        | "GreaterOrEqual"
        | "Less"
        | "LessOrEqual"
        | "IsNaN"
        | "IsInf"
        | "Where"
        | "Cast"
        | "CastLike"
        | "QuantizeLinear"
        | "DequantizeLinear"
        | "DynamicQuantizeLinear"
        | "Sqrt"
        | "Reciprocal"
        | "Neg"
        | "Abs"
        | "Sign"
        | "Floor"
        | "Ceil"
        | "Round"
        | "Exp"
        | "Log"
        | "Sin"
        | "Cos"
        | "Tan"
        | "Dropout"
        | "ADD"
        | "SUB"
        | "MUL"
        | "DIV"
        | "POW"
        | "MAXIMUM"
        | "MINIMUM"
        | "ADD_N"
        | "SQRT"
        | "RSQRT"
        | "SQUARE"
        | "SQUARED_DIFFERENCE"
        | "NEG"
        | "ABS"
        | "EXP"
        | "LOG"
        | "SIN"
        | "COS"
        | "CAST"
        | "QUANTIZE"
        | "DEQUANTIZE"
        | "SELECT"
        | "SELECT_V2"
        | "EQUAL"
        | "GREATER"
        | "LESS"
        | "LOGICAL_AND"
        | "LOGICAL_OR"
        | "LOGICAL_NOT" => OperatorClass::Elementwise,
        "Relu" | "LeakyRelu" | "PRelu" | "Elu" | "Celu" | "Selu" | "ThresholdedRelu" | "Sigmoid"
        | "HardSigmoid" | "HardSwish" | "Mish" | "Softplus" | "Softsign" | "Tanh" | "Gelu" | "Erf"
        | "Clip" | "Shrink" | "RELU" | "RELU6" | "RELU_N1_TO_1" | "LEAKY_RELU" | "PRELU" | "ELU"
        | "LOGISTIC" | "TANH" | "HARD_SWISH" | "GELU" => OperatorClass::Activation,
        "BatchNormalization"
        | "InstanceNormalization"
        | "LayerNormalization"
        | "GroupNormalization"
        | "LRN"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "L2_NORMALIZATION"
        | "LOCAL_RESPONSE_NORMALIZATION" => OperatorClass::Normalization,
        "Softmax" | "LogSoftmax" | "Hardmax" | "SOFTMAX" | "LOG_SOFTMAX" => OperatorClass::Softmax,
        "Transpose"
        | "Slice"
        | "Split"
        | "Concat"
        | "Pad"
        | "Gather"
        | "GatherElements"
        | "GatherND"
        | "Scatter"
        | "ScatterElements"
        | "ScatterND"
        | "Expand"
        | "Tile"
        | "Resize"
        | "Upsample"
        | "DepthToSpace"
        | "SpaceToDepth"
        | "OneHot"
        | "Trilu"
        | "ReverseSequence"
        | "TRANSPOSE"
        | "SLICE"
        | "STRIDED_SLICE"
        | "SPLIT"
        | "SPLIT_V"
        | "CONCATENATION"
        | "PACK"
        | "UNPACK"
        | "PAD"
        | "PADV2"
        | "MIRROR_PAD"
        | "GATHER"
        | "GATHER_ND"
        | "EMBEDDING_LOOKUP"
        | "TILE"
        | "BROADCAST_TO"
        | "RESIZE_BILINEAR"
        | "RESIZE_NEAREST_NEIGHBOR"
        | "DEPTH_TO_SPACE"
        | "SPACE_TO_DEPTH"
        | "SPACE_TO_BATCH_ND"
        | "BATCH_TO_SPACE_ND"
        | "ONE_HOT" => OperatorClass::DataMovement,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "RESHAPE" | "SQUEEZE"
        | "EXPAND_DIMS" => OperatorClass::View,
        _ => OperatorClass::Other,
    }
}
