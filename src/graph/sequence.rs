//! Operators that run one after the other, given by their sizes alone, as a lowered graph.
//!
//! Lists of operators state no edges. Here each operator reads what the one before wrote; where the sizes say that it cannot be just that (another
//! result was concatenated, added or resized in between, which such lists leave out), a step without cost makes the one tensor out of the other.

use super::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass, Window};

/// `op_type` of the steps without cost between operators whose sizes do not follow from one another.
pub const LINK: &str = "Link";

/// Bytes of an element: lists are of single-precision models.
const ELEMENT_BYTES: f64 = 4.0;

/// An operator of a sequence; the sides of inputs include explicit padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceOperator {
    /// A dense convolution.
    Convolution(Sizes),
    /// A maximum over a window; as many channels out as in.
    Pooling(Sizes),
    /// A product of one row with a constant matrix.
    FullyConnected {
        /// Inputs.
        inputs: u64,
        /// Outputs.
        outputs: u64,
    },
}

/// Sizes of a window operator; all at least 1, the window within the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's; sizes in elements")]
pub struct Sizes {
    pub height: u64,
    pub width: u64,
    pub in_channels: u64,
    pub out_channels: u64,
    pub kernel_height: u64,
    pub kernel_width: u64,
    pub stride_height: u64,
    pub stride_width: u64,
}

/// The graph of a sequence, and where its operators are in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// The graph; operators bear MACE's names.
    pub graph: LoweredGraph,
    /// For each operator of the sequence its position in the graph.
    pub positions: Vec<u32>,
}

type Map = [u64; 3];

/// Builds the graph of a sequence.
///
/// ```
/// use hetsoc::graph::sequence::{SequenceOperator, Sizes, sequence};
/// let sizes = Sizes { height: 34, width: 34, in_channels: 3, out_channels: 8, kernel_height: 3, kernel_width: 3,
///     stride_height: 1, stride_width: 1 };
/// let two = [SequenceOperator::Convolution(sizes), SequenceOperator::Convolution(Sizes { in_channels: 8, ..sizes })];
/// let built = sequence("two", &two).unwrap();
/// assert_eq!(built.positions, [0, 1]);
/// assert_eq!(built.graph.operators[1].macs, 32 * 32 * 8 * 8 * 9);
/// ```
///
/// # Errors
/// The position of an operator whose sizes are zero, larger than 2^20, or whose window is larger than its input.
pub fn sequence(name: &str, operators: &[SequenceOperator]) -> Result<Sequence, usize> {
    let mut graph = LoweredGraph { name: name.to_owned(), ..LoweredGraph::default() };
    let mut positions = Vec::with_capacity(operators.len());
    let mut previous: Option<(u32, Map)> = None;
    for (number, operator) in operators.iter().enumerate() {
        let kernel = kernel(operator).ok_or(number)?;
        let input = match previous {
            Some((tensor, map)) if map == kernel.input => tensor,
            Some((tensor, map)) => {
                let linked = push_tensor(&mut graph, format!("link {number}"), kernel.input);
                let elements = |map: Map| map.iter().product::<u64>();
                graph.operators.push(LoweredOperator {
                    name: format!("link {number}"),
                    op_type: LINK.to_owned(),
                    class: OperatorClass::View,
                    geometry: Geometry::Elements { read: elements(map), written: elements(kernel.input) },
                    macs: 0,
                    weight_bytes_read: 0,
                    weight_bytes: 0,
                    inputs: vec![tensor],
                    outputs: vec![linked],
                    fused: Vec::new(),
                    sources: Vec::new(),
                });
                linked
            }
            None => {
                let input = push_tensor(&mut graph, "input".to_owned(), kernel.input);
                graph.inputs.push(input);
                input
            }
        };
        let output = push_tensor(&mut graph, format!("result {number}"), kernel.output);
        let weight_bytes = kernel.weights * ELEMENT_BYTES as u64;
        positions.push(graph.operators.len() as u32);
        graph.operators.push(LoweredOperator {
            name: format!("{} {number}", kernel.op_type),
            op_type: kernel.op_type.to_owned(),
            class: kernel.class,
            geometry: kernel.geometry,
            macs: kernel.macs,
            weight_bytes_read: weight_bytes,
            weight_bytes,
            inputs: vec![input],
            outputs: vec![output],
            fused: Vec::new(),
            sources: vec![number as u32],
        });
        previous = Some((output, kernel.output));
    }
    graph.outputs = previous.map(|(tensor, _)| tensor).into_iter().collect();
    Ok(Sequence { graph, positions })
}

fn push_tensor(graph: &mut LoweredGraph, name: String, map: Map) -> u32 {
    let [channels, height, width] = map;
    graph.tensors.push(LoweredTensor {
        name,
        shape: vec![1, channels, height, width],
        elements: channels * height * width,
        element_bytes: ELEMENT_BYTES,
        is_float: true,
        shared: false,
    });
    graph.tensors.len() as u32 - 1
}

struct Kernel {
    op_type: &'static str,
    class: OperatorClass,
    geometry: Geometry,
    macs: u64,
    weights: u64,
    input: Map,
    output: Map,
}

fn kernel(operator: &SequenceOperator) -> Option<Kernel> {
    let fits = |size: u64| (1..=1 << 20).contains(&size);
    let (sizes, pooling) = match *operator {
        SequenceOperator::Convolution(sizes) => (sizes, false),
        SequenceOperator::Pooling(sizes) => (sizes, true),
        SequenceOperator::FullyConnected { inputs, outputs } => {
            return (fits(inputs) && fits(outputs)).then(|| Kernel {
                op_type: "FullyConnected",
                class: OperatorClass::FullyConnected,
                geometry: Geometry::MatMul { batch: 1, m: 1, n: outputs, k: inputs },
                macs: inputs * outputs,
                weights: inputs * outputs + outputs,
                input: [inputs, 1, 1],
                output: [outputs, 1, 1],
            });
        }
    };
    let all = [
        sizes.height,
        sizes.width,
        sizes.in_channels,
        sizes.out_channels,
        sizes.kernel_height,
        sizes.kernel_width,
        sizes.stride_height,
        sizes.stride_width,
    ];
    let side = |padded: u64, window: u64, stride: u64| Some((padded.checked_sub(window)?) / stride + 1);
    if !all.into_iter().all(fits) || (pooling && sizes.in_channels != sizes.out_channels) {
        return None;
    }
    let out_height = side(sizes.height, sizes.kernel_height, sizes.stride_height)?;
    let out_width = side(sizes.width, sizes.kernel_width, sizes.stride_width)?;
    // Without the padding, as in `SAME`: what lies outside of output side x stride is padding.
    let (in_height, in_width) =
        (sizes.height.min(out_height * sizes.stride_height), sizes.width.min(out_width * sizes.stride_width));
    let window = sizes.kernel_height * sizes.kernel_width;
    let weights = if pooling { 0 } else { window * sizes.in_channels * sizes.out_channels };
    Some(Kernel {
        op_type: if pooling { "Pooling" } else { "Conv2D" },
        class: if pooling { OperatorClass::Pooling } else { OperatorClass::Convolution },
        geometry: Geometry::Window(Window {
            in_height,
            in_width,
            in_channels: sizes.in_channels,
            out_height,
            out_width,
            out_channels: sizes.out_channels,
            kernel_height: sizes.kernel_height,
            kernel_width: sizes.kernel_width,
            stride_height: sizes.stride_height,
            stride_width: sizes.stride_width,
            dilation_height: 1,
            dilation_width: 1,
            groups: 1,
        }),
        macs: out_height * out_width * weights,
        weights: if pooling { 0 } else { weights + sizes.out_channels },
        input: [sizes.in_channels, in_height, in_width],
        output: [sizes.out_channels, out_height, out_width],
    })
}
