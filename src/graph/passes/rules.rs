//! What each inference runtime does to a graph before it executes it, as data.

use super::kind::Kind;
use super::vocabulary::Vocabulary;

/// Kinds that a runtime fuses into the operator before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fusion {
    /// Operators that take something in.
    pub into: &'static [Kind],
    /// What they take in, when it is the only use of their result.
    pub what: &'static [Kind],
}

/// What a batch normalisation becomes that no convolution before it can absorb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchNormForm {
    /// One kernel.
    Kernel,
    /// A multiplication and an addition by constants.
    MulAdd,
}

/// The rules of one runtime; `source` names where they come from.
///
/// How well they are known: `tflite` is held against six converted files and five measured operator lists,
/// `onnxruntime` against the profile of eight networks, the convolutions of `mace` against a published operator
/// table; MACE's activation folding, ncnn's list of optimisations and the element-wise merging of TFLite's GPU delegate
/// were read in their sources. Assumed: what MACE drops as no-operation, how TFLite writes out layer
/// normalisation (nine operators, PyTorch's decomposition), pnnx's patterns. Not modelled: cropping around TFLite's
/// transposed convolutions, and copies of views in runtimes that cannot alias one.
///
/// A rule never looks at a model's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoweringRules {
    /// Name of the rule set: `tflite`, `tflite-gpu`, `mace`, `ncnn`, `onnxruntime`, `none`.
    pub id: &'static str,
    /// Where the rules come from.
    pub source: &'static str,
    /// How this runtime names operators.
    pub vocabulary: Vocabulary,
    /// Whether activations that a TFLite file has fused already are taken apart first, so that this runtime's own
    /// rules decide. Off only for `none`.
    pub unbundle: bool,
    /// Whether operators with constant inputs only are computed at conversion. All converters do.
    pub fold_constants: bool,
    /// Whether quantise/dequantise pairs around an operator are folded into an 8-bit operator.
    /// ONNX Runtime: QDQ transformer; TFLite: the quantised file has no such pairs; MACE and ncnn: quantised
    /// models carry scales per tensor.
    pub fold_quantization: bool,
    /// Whether reshape, flatten, squeeze, unsqueeze and identity become aliases of their input.
    /// TFLite keeps `RESHAPE` in its file, in place since 2.16; MACE reuses the buffer
    /// (`mace/ops/reshape.cc`); ncnn reshapes the header when the channel step allows; ONNX Runtime marks the
    /// kernel in place. The rare copies are neglected.
    pub alias_views: bool,
    /// Whether exact no-operations go: pooling over 1x1 windows, identity transpositions, casts to the same type,
    /// products with one and sums with zero. ncnn: `eliminate_pooling1x1`, `eliminate_noop`; ONNX Runtime:
    /// identity, no-op cast and transpose elimination; TFLite: canonicalisation of the converter; MACE: assumed.
    pub drop_no_ops: bool,
    /// Operators that absorb a batch normalisation by a change of weights. All converters.
    pub batch_norm_into: &'static [Kind],
    /// What any other batch normalisation becomes.
    pub batch_norm: BatchNormForm,
    /// Operators that absorb the addition of a constant with one number per output channel as bias.
    pub bias_into: &'static [Kind],
    /// Activations that are fused into the operator before.
    pub activations: &'static [Fusion],
    /// Operators that absorb the addition of another tensor of the same size (residual connections), with
    /// the activation after it where `activations` allows that for the absorbing operator.
    pub sum_into: &'static [Kind],
    /// Whether a chain of element-wise operators is linked into the kernel before it (TFLite's GPU delegate).
    pub link_elementwise: bool,
    /// Whether a matrix product with a constant right side is executed as a fully connected layer.
    pub dense_from_matmul: bool,
    /// Whether a 1x1 convolution on a 1x1 plane after global pooling or a fully connected layer is executed as one.
    pub dense_from_convolution: bool,
    /// Whether scaling by a number and transposing the last two dimensions of an input are folded into a
    /// matrix product of two activations (ONNX Runtime's `FusedMatMul`).
    pub fused_matmul: bool,
    /// Whether global pooling is executed as a reduction over the plane.
    pub global_pool_as_reduction: bool,
    /// Whether a mean over the whole plane is executed as global pooling (ncnn: `replace_reduction_with_global_pooling`).
    pub plane_mean_as_global_pool: bool,
    /// Whether hard-sigmoid and hard-swish written out by an exporter are recognised (and then executed as the
    /// next fields say).
    pub gates: bool,
    /// Whether `x * sigmoid(x)` is one kernel; otherwise it stays a sigmoid and a product.
    pub silu: bool,
    /// Whether hard-swish is one kernel; otherwise it is an addition with ReLU6 and two products.
    pub hard_swish: bool,
    /// Whether hard-sigmoid is one kernel; otherwise it is an addition with ReLU6 and a product.
    pub hard_sigmoid: bool,
    /// Whether a GELU written out is recognised as one kernel.
    pub gelu: bool,
    /// Whether layer normalisation is one kernel; otherwise it is written out.
    pub layer_norm: bool,
    /// Whether instance normalisation is one kernel; otherwise it is written out.
    pub instance_norm: bool,
    /// Whether a root-mean-square normalisation written out is recognised as one kernel.
    pub rms_norm: bool,
    /// Whether an addition before a layer normalisation is fused into it.
    pub skip_layer_norm: bool,
    /// Whether product, scaling, mask, softmax, product is recognised as one attention kernel.
    pub attention: bool,
    /// Whether padding that is neither absent nor "same" becomes an operator of its own.
    pub explicit_pad: bool,
    /// Whether the runtime stores channels innermost, so that transpositions to that order are views and
    /// reshapes across the plane need a transposition.
    pub channels_last: bool,
}

const CONVOLUTIONS: &[Kind] =
    &[Kind::Convolution, Kind::DepthwiseConvolution, Kind::GroupedConvolution, Kind::TransposedConvolution];
const HEAVY: &[Kind] = &[
    Kind::Convolution,
    Kind::DepthwiseConvolution,
    Kind::GroupedConvolution,
    Kind::TransposedConvolution,
    Kind::Dense,
];

/// The graph as read: one kernel for each operator, in the file's own vocabulary.
pub const NONE: LoweringRules = LoweringRules {
    id: "none",
    source: "the file itself",
    vocabulary: Vocabulary::AsWritten,
    unbundle: false,
    fold_constants: false,
    fold_quantization: false,
    alias_views: false,
    drop_no_ops: false,
    batch_norm_into: &[],
    batch_norm: BatchNormForm::Kernel,
    bias_into: &[],
    activations: &[],
    sum_into: &[],
    link_elementwise: false,
    dense_from_matmul: false,
    dense_from_convolution: false,
    fused_matmul: false,
    global_pool_as_reduction: false,
    plane_mean_as_global_pool: false,
    gates: false,
    silu: false,
    hard_swish: true,
    hard_sigmoid: true,
    gelu: false,
    layer_norm: true,
    instance_norm: true,
    rms_norm: false,
    skip_layer_norm: false,
    attention: false,
    explicit_pad: false,
    channels_last: false,
};

/// TFLite (LiteRT) on the CPU: the operators of the converted file.
pub const TFLITE: LoweringRules = LoweringRules {
    id: "tflite",
    source: "TFLite converter: tensorflow/compiler/mlir/lite/transforms/optimize.cc, optimize_patterns.td \
             (ReLU, ReLU6 and ReLU-1..1 fuse into convolution, fully connected, arithmetic and pooling; \
             LOGISTIC and HARD_SWISH do not), prepare_tf.cc (batch norm), schema.fbs (operator set)",
    vocabulary: Vocabulary::Tflite,
    unbundle: true,
    fold_constants: true,
    fold_quantization: true,
    alias_views: true,
    drop_no_ops: true,
    batch_norm_into: HEAVY,
    batch_norm: BatchNormForm::MulAdd,
    bias_into: HEAVY,
    activations: &[Fusion {
        into: &[
            Kind::Convolution,
            Kind::DepthwiseConvolution,
            Kind::GroupedConvolution,
            Kind::Dense,
            Kind::Add,
            Kind::Sub,
            Kind::Mul,
            Kind::Div,
            Kind::MaxPool,
            Kind::AveragePool,
        ],
        what: &[Kind::Relu, Kind::Relu6, Kind::ReluN1To1],
    }],
    sum_into: &[],
    link_elementwise: false,
    dense_from_matmul: true,
    dense_from_convolution: false,
    fused_matmul: false,
    global_pool_as_reduction: true,
    plane_mean_as_global_pool: false,
    gates: true,
    silu: false,
    hard_swish: true,
    hard_sigmoid: false,
    gelu: true,
    layer_norm: false,
    instance_norm: false,
    rms_norm: false,
    skip_layer_norm: false,
    attention: false,
    explicit_pad: true,
    channels_last: true,
};

/// TFLite's GPU delegate: the same file, element-wise operators linked into the kernel before them.
pub const TFLITE_GPU: LoweringRules = LoweringRules {
    id: "tflite-gpu",
    source: "as tflite, then tensorflow/lite/delegates/gpu/common/gpu_model.cc (MergeElementwiseNodes, MergeNodes: \
             a linkable operator joins the kernel that makes its input when that input has no other use)",
    link_elementwise: true,
    ..TFLITE
};

/// MACE: the model as its Python converter leaves it.
pub const MACE: LoweringRules = LoweringRules {
    id: "mace",
    source: "XiaoMi/mace tools/python/transform/transformer.py (fold_activation: every activation but PReLU into \
             Conv2D, Deconv2D, DepthwiseConv2d, FullyConnected, BatchNorm; fold_batchnorm, fold_biasadd, \
             fold_conv_and_bn, transform_global_pooling, fold_fc_reshape); additions are not fused",
    vocabulary: Vocabulary::Mace,
    unbundle: true,
    fold_constants: true,
    fold_quantization: true,
    alias_views: true,
    drop_no_ops: true,
    batch_norm_into: HEAVY,
    batch_norm: BatchNormForm::Kernel,
    bias_into: HEAVY,
    activations: &[Fusion {
        into: &[
            Kind::Convolution,
            Kind::DepthwiseConvolution,
            Kind::GroupedConvolution,
            Kind::TransposedConvolution,
            Kind::Dense,
            Kind::BatchNorm,
        ],
        what: &[
            Kind::Relu,
            Kind::Relu6,
            Kind::ReluN1To1,
            Kind::Clip,
            Kind::LeakyRelu,
            Kind::Sigmoid,
            Kind::Tanh,
        ],
    }],
    sum_into: &[],
    link_elementwise: false,
    dense_from_matmul: false,
    dense_from_convolution: false,
    fused_matmul: false,
    global_pool_as_reduction: false,
    plane_mean_as_global_pool: false,
    gates: true,
    silu: false,
    hard_swish: false,
    hard_sigmoid: false,
    gelu: false,
    layer_norm: false,
    instance_norm: true,
    rms_norm: false,
    skip_layer_norm: false,
    attention: false,
    explicit_pad: false,
    channels_last: false,
};

/// ncnn: the model after pnnx or ncnnoptimize.
pub const NCNN: LoweringRules = LoweringRules {
    id: "ncnn",
    source: "Tencent/ncnn tools/ncnnoptimize.cpp (fuse_convolution_activation and its sisters, \
             fuse_*_batchnorm, fuse_*_add, eliminate_pooling1x1, replace_reduction_with_global_pooling, \
             replace_convolution_with_innerproduct_after_global_pooling), tools/pnnx pass_level2 and pass_ncnn \
             (GELU, SiLU as Swish, HardSwish, HardSigmoid, LayerNorm, RMSNorm, SDPA)",
    vocabulary: Vocabulary::Ncnn,
    unbundle: true,
    fold_constants: true,
    fold_quantization: true,
    alias_views: true,
    drop_no_ops: true,
    batch_norm_into: HEAVY,
    batch_norm: BatchNormForm::Kernel,
    bias_into: HEAVY,
    activations: &[
        Fusion {
            into: &[Kind::Convolution, Kind::DepthwiseConvolution, Kind::GroupedConvolution],
            what: &[
                Kind::Relu,
                Kind::Relu6,
                Kind::ReluN1To1,
                Kind::Clip,
                Kind::LeakyRelu,
                Kind::Sigmoid,
                Kind::HardSwish,
            ],
        },
        Fusion {
            into: &[Kind::TransposedConvolution, Kind::Dense],
            what: &[Kind::Relu, Kind::Relu6, Kind::ReluN1To1, Kind::Clip, Kind::LeakyRelu, Kind::Sigmoid],
        },
    ],
    sum_into: &[],
    link_elementwise: false,
    dense_from_matmul: true,
    dense_from_convolution: true,
    fused_matmul: false,
    global_pool_as_reduction: false,
    plane_mean_as_global_pool: true,
    gates: true,
    silu: true,
    hard_swish: true,
    hard_sigmoid: true,
    gelu: true,
    layer_norm: true,
    instance_norm: true,
    rms_norm: true,
    skip_layer_norm: false,
    attention: true,
    explicit_pad: false,
    channels_last: false,
};

/// ONNX Runtime, CPU provider, all optimisations.
pub const ONNXRUNTIME: LoweringRules = LoweringRules {
    id: "onnxruntime",
    source: "microsoft/onnxruntime core/optimizer: conv_activation_fusion.cc (Relu, Sigmoid, Tanh, HardSigmoid, \
             LeakyRelu, Clip), conv_add_act_fusion.cc (addition of an equal tensor), conv_bn_fusion.cc, \
             gemm_activation_fusion.cc, matmul_add_fusion.cc, gelu_fusion.cc, quick_gelu_fusion.cc, \
             layer_norm_fusion.cc, skip_layer_norm_fusion.cc, qdq_transformer/",
    vocabulary: Vocabulary::OnnxRuntime,
    unbundle: true,
    fold_constants: true,
    fold_quantization: true,
    alias_views: true,
    drop_no_ops: true,
    batch_norm_into: CONVOLUTIONS,
    batch_norm: BatchNormForm::Kernel,
    bias_into: HEAVY,
    activations: &[
        Fusion {
            into: &[Kind::Convolution, Kind::DepthwiseConvolution, Kind::GroupedConvolution],
            what: &[
                Kind::Relu,
                Kind::Relu6,
                Kind::ReluN1To1,
                Kind::Clip,
                Kind::LeakyRelu,
                Kind::Sigmoid,
                Kind::Tanh,
                Kind::HardSigmoid,
            ],
        },
        Fusion { into: &[Kind::Dense], what: &[Kind::Relu, Kind::LeakyRelu, Kind::Sigmoid, Kind::Tanh] },
    ],
    sum_into: &[Kind::Convolution, Kind::DepthwiseConvolution, Kind::GroupedConvolution],
    link_elementwise: false,
    dense_from_matmul: true,
    dense_from_convolution: false,
    fused_matmul: true,
    global_pool_as_reduction: false,
    plane_mean_as_global_pool: false,
    gates: true,
    silu: true,
    hard_swish: true,
    hard_sigmoid: true,
    gelu: true,
    layer_norm: true,
    instance_norm: true,
    rms_norm: true,
    skip_layer_norm: true,
    attention: false,
    explicit_pad: false,
    channels_last: false,
};

/// All rule sets, in alphabetical order of their ids.
pub const ALL: [&LoweringRules; 6] = [&MACE, &NCNN, &NONE, &ONNXRUNTIME, &TFLITE, &TFLITE_GPU];

/// The rule set called `id`.
#[must_use]
pub fn rules(id: &str) -> Option<&'static LoweringRules> {
    ALL.into_iter().find(|rules| rules.id == id)
}
