//! Shape and type inference for the operators of ONNX operator sets 9 to 21, with the evaluation of
//! constants that shapes depend on.
//!
//! Rules follow the operator definitions at <https://onnx.ai/onnx/operators/>. All input shapes are
//! static here, so that every rule gives static shapes too.

mod contrib;
mod elementwise;
mod evaluate;
mod generate;
mod indexing;
mod layout;
mod linear;
mod node;
mod reduction;
mod resample;
mod resize;
mod slicing;
mod window;

pub(crate) use linear::contraction;
pub(crate) use node::RuleError;
use node::{Facts, Node};

use super::fact::Fact;
use super::model::Operator;

/// What `operator` produces, or `None` if there is no rule for it.
///
/// `tensor` is the tensor that one of the operator's attributes holds.
pub(crate) fn infer(
    operator: &Operator,
    tensor: Option<&Fact>,
    inputs: &[Option<&Fact>],
    opset: i64,
) -> Option<Result<Vec<Fact>, RuleError>> {
    let node = Node { operator, tensor, inputs, opset };
    if operator.domain == "com.microsoft" {
        return contrib::rule(&operator.op_type).map(|rule| rule(&node));
    }
    if !operator.domain.is_empty() {
        return None;
    }
    let rule = rule(&operator.op_type)?;
    Some(rule(&node).map(|mut facts| {
        evaluate::evaluate(&node, &mut facts);
        facts
    }))
}

/// The rule for an operator type.
fn rule(op_type: &str) -> Option<fn(&Node) -> Facts> {
    Some(match op_type {
        "Relu"
        | "LeakyRelu"
        | "Elu"
        | "Celu"
        | "Selu"
        | "ThresholdedRelu"
        | "Sigmoid"
        | "HardSigmoid"
        | "HardSwish"
        | "Mish"
        | "Softplus"
        | "Softsign"
        | "Tanh"
        | "Gelu"
        | "Erf"
        | "Exp"
        | "Log"
        | "Sqrt"
        | "Reciprocal"
        | "Neg"
        | "Abs"
        | "Sign"
        | "Floor"
        | "Ceil"
        | "Round"
        | "Sin"
        | "Cos"
        | "Tan"
        | "Asin"
        | "Acos"
        | "Atan"
        | "Sinh"
        | "Cosh"
        | "Asinh"
        | "Acosh"
        | "Atanh"
        | "Not"
        | "BitwiseNot"
        | "Clip"
        | "Shrink"
        | "Softmax"
        | "LogSoftmax"
        | "Hardmax"
        | "CumSum"
        | "LRN"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "Identity"
        | "PRelu"
        | "Trilu"
        | "ScatterElements"
        | "ScatterND"
        | "Scatter"
        | "ReverseSequence" => elementwise::like_first,
        "Dropout" => elementwise::dropout,
        "BatchNormalization" => elementwise::batch_normalization,
        "LayerNormalization" => elementwise::layer_normalization,
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Max" | "Min" | "Sum" | "Mean" | "And" | "Or"
        | "Xor" | "BitShift" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" => elementwise::broadcast,
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => elementwise::comparison,
        "IsNaN" | "IsInf" => elementwise::predicate,
        "Where" => elementwise::select,
        "Cast" => elementwise::cast,
        "CastLike" => elementwise::cast_like,
        "QuantizeLinear" => elementwise::quantize,
        "DequantizeLinear" => elementwise::dequantize,
        "DynamicQuantizeLinear" => elementwise::dynamic_quantize,
        "Conv" | "ConvInteger" | "QLinearConv" => window::convolution,
        "ConvTranspose" => window::transposed_convolution,
        "MaxPool" | "AveragePool" | "LpPool" => window::pool,
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => window::global_pool,
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => linear::matmul,
        "Gemm" => linear::gemm,
        "Einsum" => linear::einsum,
        "LSTM" | "GRU" | "RNN" => linear::recurrent,
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" => reduction::reduce,
        "ArgMax" | "ArgMin" => reduction::arg,
        "TopK" => reduction::top_k,
        "Reshape" => layout::reshape,
        "Flatten" => layout::flatten,
        "Squeeze" => layout::squeeze,
        "Unsqueeze" => layout::unsqueeze,
        "Transpose" => layout::transpose,
        "Expand" => layout::expand,
        "Tile" => layout::tile,
        "Concat" => layout::concat,
        "Pad" => layout::pad,
        "DepthToSpace" => layout::depth_to_space,
        "SpaceToDepth" => layout::space_to_depth,
        "Split" => slicing::split,
        "Slice" => slicing::slice,
        "Gather" => slicing::gather,
        "GatherElements" => slicing::gather_elements,
        "GatherND" => slicing::gather_nd,
        "OneHot" => slicing::one_hot,
        "GridSample" => resample::grid_sample,
        "RoiAlign" => resample::roi_align,
        "DeformConv" => resample::deformable_convolution,
        "Col2Im" => resample::columns_to_image,
        "STFT" => resample::short_time_fourier,
        "Resize" => resize::resize,
        "Upsample" => resize::upsample,
        "Shape" => generate::shape,
        "Size" => generate::size_of,
        "ConstantOfShape" => generate::constant_of_shape,
        "Range" => generate::range,
        "EyeLike" => generate::eye_like,
        "RandomNormal" | "RandomUniform" => generate::random,
        "RandomNormalLike" | "RandomUniformLike" => generate::random_like,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
