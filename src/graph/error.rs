//! Why a model file was refused.

/// A model file that cannot be read as an operator graph. Every message names the offending value, the
/// rule and a way out; names taken from the file are printed with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The bytes are not a file of the expected format.
    #[error("not a readable {format} file: {reason}; check that the file is complete and of this format")]
    Decode {
        /// Format expected.
        format: &'static str,
        /// What the decoder met.
        reason: String,
    },
    /// A limit against hostile or absurd files is exceeded.
    #[error("{what} is {value}, above the limit of {limit}; split or simplify the model")]
    Limit {
        /// What is too large.
        what: String,
        /// Its size.
        value: u64,
        /// Largest accepted size.
        limit: u64,
    },
    /// The file decodes, but its content contradicts the format.
    #[error("malformed model: {reason}; export the model again or check it with the format's own checker")]
    Malformed {
        /// What is wrong, naming the offending value.
        reason: String,
    },
    /// The operator-set version is outside the supported range.
    #[error(
        "operator set {version} is outside the supported range {lowest} to {highest}; convert the model with \
         onnx.version_converter.convert_version or export it again for one of these versions"
    )]
    Opset {
        /// Version found.
        version: i64,
        /// Lowest supported version.
        lowest: i64,
        /// Highest supported version.
        highest: i64,
    },
    /// Two producers write one tensor.
    #[error(
        "tensor `{tensor}` is produced twice, by {first} and by {second}; each tensor must have one producer, \
         so rename one of them"
    )]
    DuplicateProducer {
        /// Name of the tensor.
        tensor: String,
        /// First producer.
        first: String,
        /// Second producer.
        second: String,
    },
    /// A tensor is used and nobody produces it.
    #[error(
        "tensor `{tensor}` is used by {user} but no operator, graph input or initializer produces it; \
         the file is incomplete or the name is misspelt"
    )]
    Dangling {
        /// Name of the tensor.
        tensor: String,
        /// Who uses it.
        user: String,
    },
    /// The operators depend on each other in a circle.
    #[error("the graph has a cycle: {}; an operator graph must be acyclic", .operators.join(" -> "))]
    Cycle {
        /// One shortest cycle by operator, the first repeated at the end.
        operators: Vec<String>,
    },
    /// Control flow, sub-graphs or local functions, which have no fixed operator graph.
    #[error(
        "{operator} ({what}) is not supported, because its work is not fixed before the run; export the model \
         without control flow (trace it with example inputs) or inline it (onnx.inliner for local functions)"
    )]
    ControlFlow {
        /// The operator or function.
        operator: String,
        /// What it is.
        what: String,
    },
    /// A dimension of an input is symbolic and was not given.
    #[error("dimension `{dim}` of input `{tensor}` is symbolic; give its size with --dim {dim}=value")]
    SymbolicDim {
        /// Name of the dimension, or `input:position` when it has none.
        dim: String,
        /// The input.
        tensor: String,
    },
    /// A size was given for a dimension that the model does not have.
    #[error("--dim {dim}=... names no symbolic dimension of this model{}", known_dims(.known))]
    UnknownDim {
        /// The name given.
        dim: String,
        /// Names of the symbolic dimensions.
        known: Vec<String>,
    },
    /// An element type that the simulator does not know.
    #[error(
        "tensor `{tensor}` has element type {element}, which is not supported; convert it to a floating-point, \
         integer or boolean type"
    )]
    ElementType {
        /// Name of the tensor.
        tensor: String,
        /// The type as the file states it.
        element: String,
    },
    /// No rule infers the shapes of this operator and the file does not state them.
    #[error(
        "no shape rule for operator {op_type} ({operator}) and the file states no shape for its output; \
         add shapes to the file (onnx.shape_inference.infer_shapes, or onnxruntime's symbolic_shape_infer) \
         or replace the operator"
    )]
    NoRule {
        /// Domain and type.
        op_type: String,
        /// The operator.
        operator: String,
    },
    /// The shapes of an operator's inputs, or its attributes, contradict its definition.
    #[error("cannot infer the output shape of {operator} ({op_type}): {reason}")]
    Shape {
        /// The operator.
        operator: String,
        /// Its type.
        op_type: String,
        /// What contradicts, with a way out.
        reason: String,
    },
    /// The file states another shape or type than the operator gives.
    #[error(
        "the file states {stated} for tensor `{tensor}`, but {operator} gives {inferred}; \
         remove the stale value_info or export the model again"
    )]
    Conflict {
        /// Name of the tensor.
        tensor: String,
        /// As stated.
        stated: String,
        /// As inferred.
        inferred: String,
        /// Its producer.
        operator: String,
    },
}

fn known_dims(known: &[String]) -> String {
    if known.is_empty() {
        "; all its dimensions are fixed, so leave --dim out".to_owned()
    } else {
        format!("; it has {}", known.join(", "))
    }
}
