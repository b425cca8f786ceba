//! Explicit padding that a window takes over.
//!
//! The fitted forms were measured on conversions in which a dense window (convolution, grouped convolution, pooling)
//! carries its padding itself when the output has the size that "same" padding gives: all 181 strided dense
//! convolutions of the post-activation networks in the operator lists, ResNet-18 among them. A PyTorch graph pads the
//! same window evenly, and its faithful conversion pads beforehand: one pixel is shifted, nothing is computed more.
//! Depthwise windows keep their padding: the lists state it before every one of 138. So padding costs the same
//! whether a network comes as a graph or as a list.

use super::shape::{Shape, ShapeKind};
use crate::graph::lowered::{Geometry, LoweredGraph, OperatorClass, Window};

/// Marks padding operators that all their readers take over as [`ShapeKind::FoldedPadding`].
pub(super) fn fold(graph: &LoweredGraph, shapes: &mut [Option<Shape>]) {
    for (position, shape) in shapes.iter_mut().enumerate() {
        let Some(shape) = shape.as_mut().filter(|shape| shape.kind == ShapeKind::Padding) else { continue };
        if taken_over(graph, position) == Some(true) {
            shape.kind = ShapeKind::FoldedPadding;
        }
    }
}

/// Whether every reader is a dense window of "same" size; `None` when the graph does not tell.
fn taken_over(graph: &LoweredGraph, position: usize) -> Option<bool> {
    let operator = graph.operators.get(position)?;
    let source = graph.tensors.get(*operator.inputs.first()? as usize)?;
    let &[_, _, height, width] = source.shape.as_slice() else { return None };
    let &[result] = operator.outputs.as_slice() else { return None };
    if graph.outputs.contains(&result) {
        return Some(false);
    }
    let mut readers =
        graph.operators.iter().skip(position + 1).filter(|reader| reader.inputs.contains(&result)).peekable();
    readers.peek()?;
    Some(readers.all(|reader| {
        let dense = matches!(
            reader.class,
            OperatorClass::Convolution | OperatorClass::GroupedConvolution | OperatorClass::Pooling
        );
        match reader.geometry {
            Geometry::Window(window) => dense && is_same(&window, height, width),
            _ => false,
        }
    }))
}

/// Whether "same" padding of a `height` x `width` input gives the window's output.
fn is_same(window: &Window, height: u64, width: u64) -> bool {
    let side = |size: u64, stride: u64, out: u64| stride > 0 && size.div_ceil(stride) == out;
    side(height, window.stride_height, window.out_height)
        && side(width, window.stride_width, window.out_width)
}

#[cfg(test)]
mod tests {
    use super::super::shape::shapes;
    use super::*;
    use crate::graph::lowered::{LoweredOperator, LoweredTensor};

    fn graph(class: OperatorClass, out: u64) -> LoweredGraph {
        let tensor = |name: &str, side: u64| LoweredTensor {
            name: name.to_owned(),
            shape: vec![1, 8, side, side],
            elements: 8 * side * side,
            element_bytes: 4.0,
            is_float: true,
            shared: false,
        };
        let operator = |op_type: &str, class, geometry, input, output| LoweredOperator {
            name: op_type.to_owned(),
            op_type: op_type.to_owned(),
            class,
            geometry,
            macs: 0,
            weight_bytes_read: 0,
            weight_bytes: 0,
            inputs: vec![input],
            outputs: vec![output],
            fused: Vec::new(),
            sources: Vec::new(),
        };
        let window = Window {
            in_height: 58,
            in_width: 58,
            in_channels: 8,
            out_height: out,
            out_width: out,
            out_channels: 8,
            kernel_height: 3,
            kernel_width: 3,
            stride_height: 2,
            stride_width: 2,
            dilation_height: 1,
            dilation_width: 1,
            groups: 1,
        };
        let moved = Geometry::Elements { read: 8 * 56 * 56, written: 8 * 58 * 58 };
        LoweredGraph {
            operators: vec![
                operator("PAD", OperatorClass::DataMovement, moved, 0, 1),
                operator("CONV_2D", class, Geometry::Window(window), 1, 2),
            ],
            tensors: vec![tensor("in", 56), tensor("padded", 58), tensor("out", out)],
            inputs: vec![0],
            outputs: vec![2],
            ..LoweredGraph::default()
        }
    }

    fn kind(graph: &LoweredGraph) -> ShapeKind {
        shapes(graph)[0].unwrap().kind
    }

    #[test]
    fn dense_windows_of_same_size_take_padding_over() {
        assert_eq!(kind(&graph(OperatorClass::Convolution, 28)), ShapeKind::FoldedPadding);
        assert_eq!(kind(&graph(OperatorClass::Pooling, 28)), ShapeKind::FoldedPadding);
        assert_eq!(kind(&graph(OperatorClass::DepthwiseConvolution, 28)), ShapeKind::Padding);
        assert_eq!(kind(&graph(OperatorClass::Convolution, 29)), ShapeKind::Padding);
        let mut handed_out = graph(OperatorClass::Convolution, 28);
        handed_out.outputs.push(1);
        assert_eq!(kind(&handed_out), ShapeKind::Padding);
        let mut unread = graph(OperatorClass::Convolution, 28);
        unread.operators.pop();
        assert_eq!(kind(&unread), ShapeKind::Padding);
    }
}
