//! Meaning and sizes of operators in the vocabulary of TFLite (channels last).

use super::super::lowered::{Geometry, Window};
use super::super::model::{Attribute, Operator};
use super::draft::{Draft, Node};
use super::import::from_end;
use super::kind::Kind;

/// Fills in kind, geometry, padding and permutation of `node`.
pub(crate) fn describe(draft: &Draft, node: &mut Node, operator: &Operator) {
    node.kind = kind(&operator.op_type);
    if let Some(Attribute::Text(activation)) = operator.attribute("fused_activation_function")
        && activation != "NONE"
    {
        node.fused.push(activation.clone());
    }
    match node.kind {
        Kind::Convolution | Kind::DepthwiseConvolution | Kind::TransposedConvolution => {
            convolution(draft, node, operator);
        }
        Kind::MaxPool | Kind::AveragePool => pool(draft, node, operator),
        Kind::Dense => dense(draft, node),
        Kind::MatMul => batch_matmul(draft, node, operator),
        Kind::Transpose => {
            let rank = node.operand(0).map_or(0, |v| draft.values[v].shape.len());
            let axes = node.operand(1).and_then(|v| draft.values[v].integers());
            node.permutation = axes.and_then(|axes| super::layout::permutation(axes, rank));
        }
        _ => {}
    }
}

fn kind(op_type: &str) -> Kind {
    match op_type {
        "CONV_2D" => Kind::Convolution,
        "DEPTHWISE_CONV_2D" => Kind::DepthwiseConvolution,
        "TRANSPOSE_CONV" => Kind::TransposedConvolution,
        "FULLY_CONNECTED" => Kind::Dense,
        "BATCH_MATMUL" => Kind::MatMul,
        "MAX_POOL_2D" => Kind::MaxPool,
        "AVERAGE_POOL_2D" => Kind::AveragePool,
        "MEAN" => Kind::Mean,
        "REDUCE_MAX" => Kind::ReduceMax,
        "SUM" => Kind::ReduceSum,
        "REDUCE_MIN" | "REDUCE_PROD" | "REDUCE_ANY" | "REDUCE_ALL" | "ARG_MAX" | "ARG_MIN" => Kind::Reduce,
        "ADD" | "ADD_N" => Kind::Add,
        "SUB" => Kind::Sub,
        "MUL" => Kind::Mul,
        "DIV" => Kind::Div,
        "POW" => Kind::Pow,
        "SQRT" => Kind::Sqrt,
        "RSQRT" => Kind::Rsqrt,
        "NEG" => Kind::Neg,
        "EXP" => Kind::Exp,
        "MINIMUM" => Kind::Minimum,
        "MAXIMUM" => Kind::Maximum,
        "EQUAL" | "NOT_EQUAL" | "GREATER" | "GREATER_EQUAL" | "LESS" | "LESS_EQUAL" => Kind::Compare,
        "SELECT" | "SELECT_V2" | "WHERE" => Kind::Select,
        "ABS" | "CEIL" | "FLOOR" | "ROUND" | "LOG" | "SIN" | "COS" | "SQUARE" | "SQUARED_DIFFERENCE"
        | "FLOOR_DIV" | "FLOOR_MOD" | "SIGN" | "LOGICAL_AND" | "LOGICAL_OR" | "LOGICAL_NOT" => {
            Kind::OtherElementwise
        }
        "RELU" => Kind::Relu,
        "RELU6" => Kind::Relu6,
        "RELU_N1_TO_1" => Kind::ReluN1To1,
        "RELU_0_TO_1" => Kind::Clip,
        "LEAKY_RELU" => Kind::LeakyRelu,
        "PRELU" => Kind::PRelu,
        "LOGISTIC" => Kind::Sigmoid,
        "HARD_SWISH" => Kind::HardSwish,
        "GELU" => Kind::Gelu,
        "TANH" => Kind::Tanh,
        "ELU" => Kind::OtherActivation,
        "SOFTMAX" | "LOG_SOFTMAX" => Kind::Softmax,
        "L2_NORMALIZATION" | "LOCAL_RESPONSE_NORMALIZATION" => Kind::OtherNorm,
        "CONCATENATION" | "PACK" => Kind::Concat,
        "SPLIT" | "SPLIT_V" | "UNPACK" => Kind::Split,
        "SLICE" | "STRIDED_SLICE" => Kind::Slice,
        "PAD" | "PADV2" | "MIRROR_PAD" => Kind::Pad,
        "TRANSPOSE" => Kind::Transpose,
        "GATHER" | "GATHER_ND" | "EMBEDDING_LOOKUP" => Kind::Gather,
        "RESIZE_NEAREST_NEIGHBOR" => Kind::ResizeNearest,
        "RESIZE_BILINEAR" => Kind::Resize,
        "BROADCAST_TO" | "TILE" => Kind::Expand,
        "CAST" => Kind::Cast,
        "DEPTH_TO_SPACE" | "SPACE_TO_DEPTH" | "BATCH_TO_SPACE_ND" | "SPACE_TO_BATCH_ND" | "REVERSE_V2" => {
            Kind::OtherMovement
        }
        "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => Kind::Reshape,
        "QUANTIZE" => Kind::Quantize,
        "DEQUANTIZE" => Kind::Dequantize,
        _ => Kind::Other,
    }
}

fn number(operator: &Operator, name: &str) -> u64 {
    operator.int(name).map_or(1, |v| v.max(0) as u64)
}

fn at(shape: &[u64], axis: usize) -> u64 {
    shape.get(axis).copied().unwrap_or(1)
}

/// Zero padding of "same", the odd one after; none for "valid".
fn pads(operator: &Operator, w: &Window) -> [u64; 4] {
    if !matches!(operator.attribute("padding"), Some(Attribute::Text(p)) if p == "SAME") {
        return [0; 4];
    }
    let side = |size: u64, out: u64, kernel: u64, stride: u64, dilation: u64| {
        let reach = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        let total = out.saturating_sub(1).saturating_mul(stride).saturating_add(reach).saturating_sub(size);
        (total / 2, total - total / 2)
    };
    let (top, bottom) = side(w.in_height, w.out_height, w.kernel_height, w.stride_height, w.dilation_height);
    let (left, right) = side(w.in_width, w.out_width, w.kernel_width, w.stride_width, w.dilation_width);
    [top, left, bottom, right]
}

fn convolution(draft: &Draft, node: &mut Node, operator: &Operator) {
    // A transposed convolution reads the result's shape first, then weights, then data.
    let (input_at, weight_at) = if node.kind == Kind::TransposedConvolution { (2, 1) } else { (0, 1) };
    let (Some(input), Some(weight), Some(output)) =
        (node.operand(input_at), node.operand(weight_at), node.results.first().copied().flatten())
    else {
        return;
    };
    let (input, weight, output) =
        (&draft.values[input].shape, &draft.values[weight].shape, &draft.values[output].shape);
    let (in_channels, out_channels) = (at(input, 3), at(output, 3));
    // Grouped convolutions are written as CONV_2D whose weights have fewer channels than the input.
    let groups = match node.kind {
        Kind::DepthwiseConvolution => in_channels,
        Kind::Convolution => in_channels / at(weight, 3).max(1),
        _ => 1,
    };
    if node.kind == Kind::Convolution && groups > 1 {
        node.kind = if groups == in_channels { Kind::DepthwiseConvolution } else { Kind::GroupedConvolution };
    }
    let window = Window {
        in_height: at(input, 1),
        in_width: at(input, 2),
        in_channels,
        out_height: at(output, 1),
        out_width: at(output, 2),
        out_channels,
        kernel_height: at(weight, 1),
        kernel_width: at(weight, 2),
        stride_height: number(operator, "stride_h"),
        stride_width: number(operator, "stride_w"),
        dilation_height: number(operator, "dilation_h_factor"),
        dilation_width: number(operator, "dilation_w_factor"),
        groups: groups.max(1),
    };
    if node.kind == Kind::TransposedConvolution {
        // The shape operand is no data; data first is what the other passes expect.
        node.operands.swap(0, 2);
    } else {
        node.pads = pads(operator, &window);
    }
    node.geometry = Some(Geometry::Window(window));
}

fn pool(draft: &Draft, node: &mut Node, operator: &Operator) {
    let (Some(input), Some(output)) = (node.operand(0), node.results.first().copied().flatten()) else {
        return;
    };
    let (input, output) = (&draft.values[input].shape, &draft.values[output].shape);
    let window = Window {
        in_height: at(input, 1),
        in_width: at(input, 2),
        in_channels: at(input, 3),
        out_height: at(output, 1),
        out_width: at(output, 2),
        out_channels: at(output, 3),
        kernel_height: number(operator, "filter_height"),
        kernel_width: number(operator, "filter_width"),
        stride_height: number(operator, "stride_h"),
        stride_width: number(operator, "stride_w"),
        dilation_height: 1,
        dilation_width: 1,
        groups: 1,
    };
    node.pads = pads(operator, &window);
    node.geometry = Some(Geometry::Window(window));
}

fn dense(draft: &Draft, node: &mut Node) {
    let (Some(weight), Some(output)) = (node.operand(1), node.results.first().copied().flatten()) else {
        return;
    };
    // Weights are stored as outputs x inputs.
    let k = from_end(&draft.values[weight].shape, 0);
    let n = from_end(&draft.values[weight].shape, 1);
    let m = draft.values[output].elements().checked_div(n).unwrap_or(0);
    node.geometry = Some(Geometry::MatMul { batch: 1, m, n, k });
}

fn batch_matmul(draft: &Draft, node: &mut Node, operator: &Operator) {
    let (Some(a), Some(output)) = (node.operand(0), node.results.first().copied().flatten()) else { return };
    let transposed = operator.int("adj_x") == Some(1);
    let k = from_end(&draft.values[a].shape, usize::from(transposed));
    let output = &draft.values[output];
    let (m, n) = (from_end(&output.shape, 1), from_end(&output.shape, 0));
    let batch = match m.saturating_mul(n) {
        0 => 0,
        plane => output.elements() / plane,
    };
    node.geometry = Some(Geometry::MatMul { batch, m, n, k });
}
