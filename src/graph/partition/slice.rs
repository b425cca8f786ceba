//! A slice of an operator: what it computes, and which part of its inputs it reads.

use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass, Window};
use crate::graph::sequence::LINK;

/// Along which dimension of its output an operator is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Rows of the image, or rows of a matrix. Slices of a window overlap in the input rows that both read (halo).
    Height,
    /// Output channels, or columns of a matrix. Every slice reads the whole input of a convolution.
    OutputChannels,
}

impl Dimension {
    /// Both, in the order in which searches try them.
    pub const ALL: [Self; 2] = [Self::Height, Self::OutputChannels];

    /// Kebab-case name used in files and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Height => "height",
            Self::OutputChannels => "output-channels",
        }
    }

    /// The dimension with this name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.id() == id)
    }
}

/// Part of an operator's output: `start..end` along a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The dimension cut.
    pub dimension: Dimension,
    /// First row or channel of the output.
    pub start: u64,
    /// One past the last; greater than `start`, at most the operator's [`extent`].
    pub end: u64,
}

/// A slice with the tensors that it really touches.
#[derive(Debug, Clone, PartialEq)]
pub struct SlicedOperator {
    /// The operator with the slice's sizes; its `inputs` and `outputs` still name the tensors of the whole graph.
    pub operator: LoweredOperator,
    /// For each input, the part that is read.
    pub inputs: Vec<LoweredTensor>,
    /// For each output, the part that is written.
    pub outputs: Vec<LoweredTensor>,
    /// Rows `start..end` of the first input that are read.
    pub input_rows: (u64, u64),
}

/// Size of an operator's output along a dimension; `None` when it cannot be cut along it.
///
/// Windows and constant matrix products can be cut along both; grouped convolutions along the height only (a cut through a
/// group changes the kernel); transposed ones along both. Element-wise operators and activations need a four-dimensional output.
#[must_use]
pub fn extent(graph: &LoweredGraph, operator: &LoweredOperator, dimension: Dimension) -> Option<u64> {
    use OperatorClass as Class;
    let size = match (operator.geometry, dimension) {
        (Geometry::Window(w), Dimension::Height) => w.out_height,
        (Geometry::Window(w), Dimension::OutputChannels) if operator.class != Class::GroupedConvolution => {
            w.out_channels
        }
        (Geometry::MatMul { batch: 1, m, n, .. }, _) if operator.class == Class::FullyConnected => {
            if dimension == Dimension::Height {
                m
            } else {
                n
            }
        }
        // A link between operators of a sequence keeps the rows, if there are as many.
        (Geometry::Elements { .. }, Dimension::Height) if operator.op_type == LINK => {
            let height =
                |t: Option<&u32>| graph.tensors.get(*t? as usize).and_then(|t| t.shape.get(2).copied());
            let height = (height(operator.inputs.first()), height(operator.outputs.first()));
            let (Some(read), Some(written)) = height else { return None };
            if read != written {
                return None;
            }
            written
        }
        (Geometry::Elements { .. }, _)
            if matches!(operator.class, Class::Elementwise | Class::Activation) =>
        {
            let output = operator.outputs.first().and_then(|&t| graph.tensors.get(t as usize))?;
            let &[1, channels, height, _] = output.shape.as_slice() else { return None };
            if dimension == Dimension::Height { height } else { channels }
        }
        _ => return None,
    };
    (size > 0 && operator.outputs.len() == 1).then_some(size)
}

/// The slice of an operator; `None` when it cannot be cut so.
///
/// ```
/// use hetsoc::graph::partition::{Dimension, Slice, sliced};
/// # use hetsoc::graph::lowered::*;
/// # let tensor = |c, h, w| LoweredTensor { name: "t".into(), shape: vec![1, c, h, w], elements: c * h * w,
/// #     element_bytes: 4.0, is_float: true, shared: false };
/// # let window = Window { in_height: 8, in_width: 8, in_channels: 4, out_height: 8, out_width: 8, out_channels: 16,
/// #     kernel_height: 3, kernel_width: 3, stride_height: 1, stride_width: 1, dilation_height: 1, dilation_width: 1, groups: 1 };
/// # let operator = LoweredOperator { name: "conv".into(), op_type: "Conv2D".into(), class: OperatorClass::Convolution,
/// #     geometry: Geometry::Window(window), macs: 8 * 8 * 16 * 4 * 9, weight_bytes_read: 2304, weight_bytes: 2304,
/// #     inputs: vec![0], outputs: vec![1], fused: vec![], sources: vec![0] };
/// # let graph = LoweredGraph { tensors: vec![tensor(4, 8, 8), tensor(16, 8, 8)], operators: vec![operator], ..Default::default() };
/// // The lower half of a 3x3 convolution over 8 rows reads one row of the upper half.
/// let half = Slice { dimension: Dimension::Height, start: 4, end: 8 };
/// let half = sliced(&graph, &graph.operators[0], half).unwrap();
/// assert_eq!(half.input_rows, (3, 8));
/// assert_eq!(half.operator.macs * 2, graph.operators[0].macs);
/// ```
#[must_use]
pub fn sliced(graph: &LoweredGraph, operator: &LoweredOperator, slice: Slice) -> Option<SlicedOperator> {
    let whole = extent(graph, operator, slice.dimension)?;
    if slice.start >= slice.end || slice.end > whole {
        return None;
    }
    let size = slice.end - slice.start;
    let share = |amount: u64| (u128::from(amount) * u128::from(size)).div_ceil(u128::from(whole)) as u64;
    let mut part = operator.clone();
    part.macs = share(operator.macs);
    let by_channels = slice.dimension == Dimension::OutputChannels;
    if by_channels {
        part.weight_bytes = share(operator.weight_bytes);
        part.weight_bytes_read = share(operator.weight_bytes_read);
    }
    let mut rows = (slice.start, slice.end);
    // Whether a channel of the output needs that channel of the input only.
    let mut channelwise = true;
    part.geometry = match operator.geometry {
        Geometry::Window(w) => {
            channelwise =
                matches!(operator.class, OperatorClass::DepthwiseConvolution | OperatorClass::Pooling);
            let mut window = w;
            if by_channels {
                rows = (0, w.in_height);
                window.out_channels = size;
                if channelwise {
                    window.in_channels = share(w.in_channels);
                    window.groups = share(w.groups).max(1);
                }
            } else {
                rows = input_rows(&w, operator.class, slice.start, slice.end);
                window.out_height = size;
                window.in_height = rows.1 - rows.0;
            }
            Geometry::Window(window)
        }
        Geometry::MatMul { batch, m, n, k } => {
            channelwise = false;
            if by_channels {
                rows = (0, m);
                Geometry::MatMul { batch, m, n: size, k }
            } else {
                Geometry::MatMul { batch, m: size, n, k }
            }
        }
        Geometry::Elements { read, written } => {
            Geometry::Elements { read: share(read), written: share(written) }
        }
    };
    let tensor = |t: &u32| graph.tensors.get(*t as usize);
    let output = operator.outputs.first().and_then(tensor)?;
    let mut inputs = Vec::with_capacity(operator.inputs.len());
    for (position, t) in operator.inputs.iter().enumerate() {
        let input = tensor(t)?;
        let (length, start, end) = if by_channels {
            // A sum fused into a convolution reads the channels that are written.
            let own = channelwise || position > 0;
            if own { (whole, slice.start, slice.end) } else { (0, 0, 0) }
        } else if position == 0 {
            (rows_of(operator, whole), rows.0, rows.1)
        } else {
            (whole, slice.start, slice.end)
        };
        inputs.push(cut(input, slice.dimension, length, start, end));
    }
    let outputs = vec![cut(output, slice.dimension, whole, slice.start, slice.end)];
    Some(SlicedOperator { operator: part, inputs, outputs, input_rows: rows })
}

/// Rows of the first input.
fn rows_of(operator: &LoweredOperator, whole: u64) -> u64 {
    if let Geometry::Window(w) = operator.geometry { w.in_height } else { whole }
}

/// Input rows that output rows `start..end` of a window need. Padding is what the sizes imply, the smaller half on top, as
/// in `SAME` padding.
fn input_rows(w: &Window, class: OperatorClass, start: u64, end: u64) -> (u64, u64) {
    let reach = (w.kernel_height.max(1) - 1).saturating_mul(w.dilation_height.max(1)) + 1;
    let stride = w.stride_height.max(1);
    if class == OperatorClass::TransposedConvolution {
        // Input row i writes output rows i*stride - pad .. i*stride - pad + reach.
        let pad = ((w.in_height.max(1) - 1) * stride + reach).saturating_sub(w.out_height) / 2;
        let first = (start + pad).saturating_sub(reach - 1).div_ceil(stride);
        let last = (end - 1 + pad) / stride + 1;
        let last = last.clamp(1, w.in_height.max(1));
        return (first.min(last - 1), last);
    }
    let padding = ((w.out_height.max(1) - 1) * stride + reach).saturating_sub(w.in_height);
    let top = padding / 2;
    let last = ((end - 1) * stride + reach).saturating_sub(top).clamp(1, w.in_height.max(1));
    let first = (start * stride).saturating_sub(top).min(last - 1);
    (first, last)
}

/// `start..end` of a tensor whose dimension has `length`; the whole tensor when it is not of that length.
fn cut(tensor: &LoweredTensor, dimension: Dimension, length: u64, start: u64, end: u64) -> LoweredTensor {
    let axis = match (tensor.shape.len(), dimension) {
        (4, Dimension::Height) => Some(2),
        (4, Dimension::OutputChannels) => Some(1),
        (2.., Dimension::Height) => Some(tensor.shape.len() - 2),
        (1.., Dimension::OutputChannels) => Some(tensor.shape.len() - 1),
        _ => None,
    };
    let mut part = tensor.clone();
    if let Some(axis) = axis.filter(|&axis| length > 0 && tensor.shape[axis] == length) {
        part.shape[axis] = end - start;
        part.elements = (u128::from(tensor.elements) * u128::from(end - start) / u128::from(length)) as u64;
    }
    part
}
