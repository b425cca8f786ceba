//! Meaning and sizes of operators in the vocabulary of ONNX (default domain, channels before the plane).

use super::super::lowered::{Geometry, Window};
use super::super::model::{Attribute, Operator};
use super::draft::{Draft, Node};
use super::import::from_end;
use super::kind::Kind;

/// Fills in kind, geometry, padding and permutation of `node`.
pub(crate) fn describe(draft: &Draft, node: &mut Node, operator: &Operator) {
    node.kind = kind(&operator.op_type);
    match node.kind {
        Kind::Convolution | Kind::TransposedConvolution => convolution(draft, node, operator),
        Kind::MaxPool | Kind::AveragePool => pool(draft, node, operator),
        Kind::Dense | Kind::MatMul => product(draft, node, operator),
        Kind::Clip => clip(draft, node, operator),
        Kind::Resize => {
            let linear =
                matches!(operator.attribute("mode"), Some(Attribute::Text(mode)) if mode != "nearest");
            node.kind = if linear { Kind::Resize } else { Kind::ResizeNearest };
        }
        Kind::Transpose => {
            let rank = node.operand(0).map_or(0, |v| draft.values[v].shape.len());
            let given = operator.ints("perm").map(<[i64]>::to_vec);
            let given = given.unwrap_or_else(|| (0..rank as i64).rev().collect());
            node.permutation = super::layout::permutation(&given, rank);
        }
        _ => {}
    }
}

fn kind(op_type: &str) -> Kind {
    match op_type {
        "Conv" | "ConvInteger" | "QLinearConv" | "FusedConv" => Kind::Convolution,
        "ConvTranspose" => Kind::TransposedConvolution,
        "Gemm" | "FusedGemm" | "QGemm" => Kind::Dense,
        "MatMul" | "MatMulInteger" | "QLinearMatMul" | "FusedMatMul" => Kind::MatMul,
        "MaxPool" => Kind::MaxPool,
        "AveragePool" => Kind::AveragePool,
        "GlobalMaxPool" => Kind::GlobalMaxPool,
        "GlobalAveragePool" => Kind::GlobalAveragePool,
        "ReduceMean" => Kind::Mean,
        "ReduceMax" => Kind::ReduceMax,
        "ReduceSum" => Kind::ReduceSum,
        "Add" | "Sum" => Kind::Add,
        "Sub" => Kind::Sub,
        "Mul" => Kind::Mul,
        "Div" => Kind::Div,
        "Pow" => Kind::Pow,
        "Sqrt" => Kind::Sqrt,
        "Reciprocal" => Kind::Reciprocal,
        "Neg" => Kind::Neg,
        "Exp" => Kind::Exp,
        "Erf" => Kind::Erf,
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => Kind::Compare,
        "Where" => Kind::Select,
        "Abs" | "Ceil" | "Floor" | "Round" | "Log" | "Sin" | "Cos" | "Sign" | "Mod" | "And" | "Or"
        | "Not" | "Xor" | "Mean" | "IsNaN" => Kind::OtherElementwise,
        "Min" => Kind::Minimum,
        "Max" => Kind::Maximum,
        "Relu" => Kind::Relu,
        "Clip" => Kind::Clip,
        "LeakyRelu" => Kind::LeakyRelu,
        "PRelu" => Kind::PRelu,
        "Sigmoid" => Kind::Sigmoid,
        "HardSigmoid" => Kind::HardSigmoid,
        "HardSwish" => Kind::HardSwish,
        "Swish" | "Silu" | "QuickGelu" => Kind::Silu,
        "Gelu" | "FastGelu" | "BiasGelu" => Kind::Gelu,
        "Tanh" => Kind::Tanh,
        "Elu" | "Selu" | "Celu" | "Mish" | "Softplus" | "Softsign" | "ThresholdedRelu" => {
            Kind::OtherActivation
        }
        "Softmax" | "LogSoftmax" => Kind::Softmax,
        "BatchNormalization" => Kind::BatchNorm,
        "InstanceNormalization" => Kind::InstanceNorm,
        "LayerNormalization" => Kind::LayerNorm,
        "SkipLayerNormalization" => Kind::SkipLayerNorm,
        "RMSNormalization" | "SimplifiedLayerNormalization" => Kind::RmsNorm,
        "GroupNormalization" | "LRN" | "LpNormalization" | "MeanVarianceNormalization" => Kind::OtherNorm,
        "Concat" => Kind::Concat,
        "Split" => Kind::Split,
        "Slice" => Kind::Slice,
        "Pad" => Kind::Pad,
        "Transpose" => Kind::Transpose,
        "Gather" | "GatherElements" | "GatherND" => Kind::Gather,
        "Resize" | "Upsample" => Kind::Resize,
        "Expand" | "Tile" => Kind::Expand,
        "Cast" => Kind::Cast,
        "DepthToSpace" | "SpaceToDepth" | "ScatterND" | "ScatterElements" => Kind::OtherMovement,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Kind::Reshape,
        "Identity" | "Dropout" => Kind::Identity,
        "Constant" | "ConstantOfShape" => Kind::Constant,
        "QuantizeLinear" | "DynamicQuantizeLinear" => Kind::Quantize,
        "DequantizeLinear" => Kind::Dequantize,
        op if op.starts_with("Reduce") => Kind::Reduce,
        _ => Kind::Other,
    }
}

/// Height and width of a plane: everything before the last dimension counts as height.
fn plane(sizes: &[u64]) -> (u64, u64) {
    match sizes.split_last() {
        None => (1, 1),
        Some((&width, before)) => (before.iter().fold(1, |n: u64, &d| n.saturating_mul(d)), width),
    }
}

fn sizes(operator: &Operator, name: &str, rank: usize) -> Vec<u64> {
    let given = operator.ints(name).unwrap_or_default();
    (0..rank).map(|i| given.get(i).map_or(1, |&v| v.max(0) as u64)).collect()
}

/// Padding of the last two spatial dimensions, whether written out or as `auto_pad`.
fn pads(operator: &Operator, window: &Window, rank: usize) -> [u64; 4] {
    let total = |size: u64, out: u64, kernel: u64, stride: u64, dilation: u64| {
        let reach = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        out.saturating_sub(1).saturating_mul(stride).saturating_add(reach).saturating_sub(size)
    };
    let auto = match operator.attribute("auto_pad") {
        Some(Attribute::Text(text)) => text.as_str(),
        _ => "NOTSET",
    };
    if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
        let w = window;
        let v = total(w.in_height, w.out_height, w.kernel_height, w.stride_height, w.dilation_height);
        let h = total(w.in_width, w.out_width, w.kernel_width, w.stride_width, w.dilation_width);
        let (top, left) = if auto == "SAME_UPPER" { (v / 2, h / 2) } else { (v - v / 2, h - h / 2) };
        return [top, left, v - top, h - left];
    }
    let given = operator.ints("pads").unwrap_or_default();
    let at = |i: usize| given.get(i).map_or(0, |&v| v.max(0) as u64);
    match rank {
        0 => [0; 4],
        1 => [0, at(0), 0, at(1)],
        _ => [at(rank - 2), at(rank - 1), at(2 * rank - 2), at(2 * rank - 1)],
    }
}

fn window(operator: &Operator, input: &[u64], output: &[u64], kernel: &[u64], groups: u64) -> Window {
    let spatial = |shape: &[u64]| plane(shape.get(2..).unwrap_or_default());
    let rank = input.len().saturating_sub(2);
    let (in_height, in_width) = spatial(input);
    let (out_height, out_width) = spatial(output);
    let (kernel_height, kernel_width) = plane(kernel);
    let (stride_height, stride_width) = plane(&sizes(operator, "strides", rank));
    let (dilation_height, dilation_width) = plane(&sizes(operator, "dilations", rank));
    Window {
        in_height,
        in_width,
        in_channels: input.get(1).copied().unwrap_or(1),
        out_height,
        out_width,
        out_channels: output.get(1).copied().unwrap_or(1),
        kernel_height,
        kernel_width,
        stride_height,
        stride_width,
        dilation_height,
        dilation_width,
        groups,
    }
}

fn convolution(draft: &Draft, node: &mut Node, operator: &Operator) {
    // QLinearConv puts scale and zero point between input and weight.
    let weight_at = if operator.op_type == "QLinearConv" { 3 } else { 1 };
    let (Some(input), Some(weight), Some(output)) =
        (node.operand(0), node.operand(weight_at), node.results.first().copied().flatten())
    else {
        return;
    };
    let (input, weight, output) =
        (&draft.values[input].shape, &draft.values[weight].shape, &draft.values[output].shape);
    let groups = operator.int("group").map_or(1, |g| g.max(1) as u64);
    let kernel = match operator.ints("kernel_shape") {
        Some(kernel) => kernel.iter().map(|&k| k.max(0) as u64).collect(),
        None => weight.get(2..).unwrap_or_default().to_vec(),
    };
    let window = window(operator, input, output, &kernel, groups);
    node.pads = pads(operator, &window, input.len().saturating_sub(2));
    if node.kind == Kind::Convolution && groups > 1 {
        node.kind =
            if groups == window.in_channels { Kind::DepthwiseConvolution } else { Kind::GroupedConvolution };
    }
    node.geometry = Some(Geometry::Window(window));
}

fn pool(draft: &Draft, node: &mut Node, operator: &Operator) {
    let (Some(input), Some(output)) = (node.operand(0), node.results.first().copied().flatten()) else {
        return;
    };
    let (input, output) = (&draft.values[input].shape, &draft.values[output].shape);
    let kernel = sizes(operator, "kernel_shape", input.len().saturating_sub(2));
    let window = window(operator, input, output, &kernel, 1);
    node.pads = pads(operator, &window, input.len().saturating_sub(2));
    node.pads_count = operator.int("count_include_pad") == Some(1);
    node.geometry = Some(Geometry::Window(window));
}

fn product(draft: &Draft, node: &mut Node, operator: &Operator) {
    let rhs_at = if matches!(operator.op_type.as_str(), "QLinearMatMul" | "QGemm") { 3 } else { 1 };
    let (Some(a), Some(b), Some(output)) =
        (node.operand(0), node.operand(rhs_at), node.results.first().copied().flatten())
    else {
        return;
    };
    let k = if operator.int("transA") == Some(1) {
        from_end(&draft.values[a].shape, 1)
    } else {
        from_end(&draft.values[a].shape, 0)
    };
    let output = &draft.values[output].shape;
    let constant_rhs = draft.is_constant(b);
    // A vector operand drops a dimension of the result.
    let n = match draft.values[b].shape.len() {
        0 | 1 => 1,
        _ => from_end(output, 0),
    };
    let elements = output.iter().fold(1u64, |e, &d| e.saturating_mul(d));
    let rhs_rank = draft.values[b].shape.len();
    let m = if n == 0 {
        0
    } else if rhs_rank <= 2 {
        elements / n
    } else if draft.values[a].shape.len() < 2 {
        1
    } else {
        from_end(output, 1)
    };
    let batch = match n.saturating_mul(m) {
        0 => 0,
        per => elements / per,
    };
    if node.kind == Kind::Dense && !constant_rhs {
        node.kind = Kind::MatMul;
    }
    node.geometry = Some(Geometry::MatMul { batch, m, n, k });
}

fn clip(draft: &Draft, node: &mut Node, operator: &Operator) {
    let bound = |position: usize, name: &str| match (node.operand(position), operator.attribute(name)) {
        (Some(value), _) => draft.values[value].uniform(),
        (None, Some(&Attribute::Float(value))) => Some(value),
        (None, _) => None,
    };
    node.kind = match (bound(1, "min"), bound(2, "max")) {
        (Some(0.0), Some(6.0)) => Kind::Relu6,
        (Some(-1.0), Some(1.0)) => Kind::ReluN1To1,
        (Some(0.0), None) if node.operand(2).is_none() && operator.attribute("max").is_none() => Kind::Relu,
        _ => Kind::Clip,
    };
}
