//! Sizes of an operator in the terms of fitted cost models, from a lowered graph of whatever source.

use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass};

/// What kind of kernel an operator needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeKind {
    /// Dense convolution, or a product with several rows.
    Convolution,
    /// Depthwise convolution.
    Depthwise,
    /// Grouped convolution.
    Grouped,
    /// Product of one row with a constant matrix; also a 1x1 convolution of a single pixel.
    FullyConnected,
    /// Pooling over a window.
    Pooling,
    /// Global average.
    Mean,
    /// Concatenation of channels.
    Concatenation,
    /// Element-wise product.
    Multiply,
    /// Any other element-wise operator or activation.
    Elementwise,
    /// Explicit padding.
    Padding,
    /// Explicit padding that the window behind it takes over; it costs nothing.
    FoldedPadding,
}

/// Sizes of an operator. Sides are in elements; a matrix product counts as a 1x1 convolution of its rows.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are the field's")]
pub struct Shape {
    pub kind: ShapeKind,
    /// Input pixels as stated, explicit padding included.
    pub in_pixels: f64,
    /// Input pixels without what lies outside of output side x stride.
    pub used_pixels: f64,
    pub in_channels: f64,
    pub out_height: f64,
    pub out_width: f64,
    pub out_channels: f64,
    pub kernel_height: f64,
    pub kernel_width: f64,
    pub stride: f64,
    pub groups: f64,
    /// Tensors that are joined by a concatenation.
    pub operands: f64,
    /// Elements written by an element-wise operator, a padding or a concatenation.
    pub elements: f64,
    /// Elements read by a global average.
    pub read: f64,
    /// Whether the input carries explicit padding.
    pub padded: bool,
    /// Whether it is a global average in the middle of a network: the squeeze of a squeeze-and-excite branch.
    pub squeeze: bool,
}

/// The shapes of all operators of a graph, with what only the graph tells.
#[must_use]
pub fn shapes(graph: &LoweredGraph) -> Vec<Option<Shape>> {
    let mut shapes: Vec<Option<Shape>> = graph.operators.iter().map(Shape::of).collect();
    let last_spatial = shapes.iter().rposition(|s| s.is_some_and(|s| s.is_heavy() && s.out_pixels() > 1.0));
    for (i, (operator, shape)) in graph.operators.iter().zip(&mut shapes).enumerate() {
        let Some(shape) = shape else { continue };
        shape.squeeze = shape.kind == ShapeKind::Mean && last_spatial.is_some_and(|last| i < last);
        if shape.kind == ShapeKind::Concatenation {
            let tensor = |t: &u32| graph.tensors.get(*t as usize);
            let data = operator.inputs.iter().filter_map(tensor).filter(|t| t.elements > 0).count();
            shape.operands = data.max(2) as f64;
            let channels = operator.outputs.first().and_then(tensor).and_then(|t| t.shape.get(1)).copied();
            if let Some(channels) = channels.filter(|&c| c > 0) {
                shape.out_channels = channels as f64;
                shape.out_width = (shape.elements / shape.out_channels).sqrt();
                shape.out_height = shape.out_width;
            }
        }
    }
    super::padding::fold(graph, &mut shapes);
    shapes
}

impl Shape {
    /// The shape of an operator; `None` for operators that fitted models do not know.
    #[must_use]
    pub fn of(operator: &LoweredOperator) -> Option<Self> {
        use OperatorClass as Class;
        let mut shape = Self {
            kind: ShapeKind::Elementwise,
            in_pixels: 1.0,
            used_pixels: 1.0,
            in_channels: 1.0,
            out_height: 1.0,
            out_width: 1.0,
            out_channels: 1.0,
            kernel_height: 1.0,
            kernel_width: 1.0,
            stride: 1.0,
            groups: 1.0,
            operands: operator.inputs.len() as f64,
            elements: 0.0,
            read: 0.0,
            padded: false,
            squeeze: false,
        };
        match operator.geometry {
            Geometry::Window(w) => {
                shape.kind = match operator.class {
                    Class::Convolution => ShapeKind::Convolution,
                    Class::DepthwiseConvolution => ShapeKind::Depthwise,
                    Class::GroupedConvolution => ShapeKind::Grouped,
                    Class::Pooling => ShapeKind::Pooling,
                    _ => return None,
                };
                let (used_height, used_width) = (
                    w.in_height.min(w.out_height.saturating_mul(w.stride_height)),
                    w.in_width.min(w.out_width.saturating_mul(w.stride_width)),
                );
                shape.in_pixels = w.in_height as f64 * w.in_width as f64;
                shape.used_pixels = used_height as f64 * used_width as f64;
                shape.in_channels = w.in_channels as f64;
                (shape.out_height, shape.out_width) = (w.out_height as f64, w.out_width as f64);
                shape.out_channels = w.out_channels as f64;
                (shape.kernel_height, shape.kernel_width) = (w.kernel_height as f64, w.kernel_width as f64);
                shape.stride = w.stride_height.max(w.stride_width) as f64;
                shape.groups = w.groups.max(1) as f64;
                shape.padded = shape.window() > 1.0
                    && w.out_height > 1
                    && (w.in_height > used_height || w.in_width > used_width);
                if shape.kind == ShapeKind::Convolution && shape.window() <= 1.0 && shape.out_pixels() <= 1.0
                {
                    shape.kind = ShapeKind::FullyConnected;
                }
            }
            Geometry::MatMul { batch, m, n, k } => {
                let rows = batch.max(1) as f64 * m as f64;
                shape.kind = if rows <= 1.0 { ShapeKind::FullyConnected } else { ShapeKind::Convolution };
                (shape.in_pixels, shape.used_pixels, shape.out_height) = (rows, rows, rows);
                (shape.in_channels, shape.out_channels) = (k as f64, n as f64);
            }
            Geometry::Elements { read, written } => {
                shape.elements = written as f64;
                shape.read = read as f64;
                shape.out_channels = written as f64;
                // A product by one factor for each channel reads fewer elements than a sum of two tensors.
                let broadcast = operator.inputs.len() > 1 && (read as f64) < 1.5 * written as f64;
                shape.kind = match (operator.class, operator.op_type.as_str()) {
                    (Class::Reduction | Class::Pooling, "MEAN" | "Pooling" | "Reduction") => ShapeKind::Mean,
                    (Class::Elementwise, "BinaryOp") if broadcast => ShapeKind::Multiply,
                    (Class::Elementwise, "MUL") => ShapeKind::Multiply,
                    (Class::Elementwise | Class::Activation, _) => ShapeKind::Elementwise,
                    (_, "PAD" | "PADV2" | "Padding") => ShapeKind::Padding,
                    (_, "CONCATENATION" | "Concat") => ShapeKind::Concatenation,
                    _ => return None,
                };
            }
        }
        Some(shape)
    }

    /// Output pixels.
    #[must_use]
    pub fn out_pixels(&self) -> f64 {
        self.out_height * self.out_width
    }

    /// Elements of the window.
    #[must_use]
    pub fn window(&self) -> f64 {
        self.kernel_height * self.kernel_width
    }

    /// Whether it computes a convolution other than a single product.
    #[must_use]
    pub const fn is_heavy(&self) -> bool {
        matches!(self.kind, ShapeKind::Convolution | ShapeKind::Depthwise | ShapeKind::Grouped)
    }
}
