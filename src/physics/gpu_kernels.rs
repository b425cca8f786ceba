//! Which kernel the GPU delegate of TensorFlow Lite picks for a shape, by family of GPU.
//!
//! Source: the public delegate (`operation_selector.cc`, `conv_constants.cc`); rules restated.

use super::fitted::CoefficientInfo;
use super::gpu_coefficients::{COEFFICIENTS, OTHER_COEFFICIENTS};
use super::shape::{Shape, ShapeKind};

/// Families of GPUs with rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gpu {
    Adreno,
    Mali,
    Apple,
}

impl Gpu {
    /// The family of a GPU by the beginning of its product name.
    #[must_use]
    pub fn of_title(title: &str) -> Option<Self> {
        [("Adreno", Self::Adreno), ("Mali", Self::Mali), ("Apple", Self::Apple)]
            .into_iter()
            .find_map(|(name, gpu)| title.starts_with(name).then_some(gpu))
    }

    /// Its coefficients, class by class.
    #[must_use]
    pub const fn coefficients(self) -> &'static [CoefficientInfo; 60] {
        match self {
            Self::Adreno => &COEFFICIENTS,
            Self::Mali | Self::Apple => &OTHER_COEFFICIENTS,
        }
    }

    /// Where the coefficients of a class lie.
    #[must_use]
    pub const fn range(self, class: Class) -> std::ops::Range<usize> {
        let own = class.coefficients();
        match (self, class) {
            (Self::Adreno, _) => own,
            (_, Class::Convolution) => 32..47,
            (_, Class::Winograd) => 47..52,
            (_, Class::Depthwise3Stride2) => 52..56,
            // Constant-memory kernels are those of Adreno alone.
            (_, Class::Constant) => 0..0,
            _ => own.start - 6..own.end - 6,
        }
    }
}

/// The kernel that the delegate picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Class {
    Constant,
    Depthwise,
    Depthwise3,
    Depthwise3Stride2,
    FullyConnected,
    Mean,
    Pooling,
    Concatenation,
    Grouped,
    Convolution,
    Winograd,
}

impl Class {
    /// Classes that have coefficients of their own, in the order of [`COEFFICIENTS`].
    pub const FITTED: [Self; 11] = [
        Self::Constant,
        Self::Depthwise,
        Self::Depthwise3,
        Self::FullyConnected,
        Self::Mean,
        Self::Pooling,
        Self::Concatenation,
        Self::Grouped,
        Self::Convolution,
        Self::Winograd,
        Self::Depthwise3Stride2,
    ];

    /// The class of a shape; `None` for operators whose time is in the unlisted part.
    #[must_use]
    pub fn of(shape: &Shape, gpu: Gpu) -> Option<Self> {
        let (si, so) = slices(shape);
        let (deep, many) = if gpu == Gpu::Adreno { (32.0, 128.0) } else { (16.0, 32.0) };
        Some(match shape.kind {
            ShapeKind::FullyConnected => Self::FullyConnected,
            ShapeKind::Convolution => {
                let tiles = (shape.out_height / 4.0).ceil() * (shape.out_width / 4.0).ceil();
                let three = shape.kernel_height == 3.0 && shape.kernel_width == 3.0 && shape.stride == 1.0;
                if three && si >= deep && so >= deep && tiles >= many {
                    Self::Winograd
                } else if gpu == Gpu::Adreno
                    && so <= 8.0
                    && shape.in_channels * so * 4.0 * shape.window() * 2.0 <= 3584.0
                {
                    Self::Constant
                } else {
                    Self::Convolution
                }
            }
            ShapeKind::Grouped => Self::Grouped,
            ShapeKind::Depthwise if shape.window() == 9.0 && shape.stride == 1.0 => Self::Depthwise3,
            ShapeKind::Depthwise if gpu == Gpu::Apple && shape.window() == 9.0 && shape.stride == 2.0 => {
                Self::Depthwise3Stride2
            }
            ShapeKind::Depthwise => Self::Depthwise,
            ShapeKind::Mean => Self::Mean,
            ShapeKind::Pooling if shape.out_pixels() <= 1.0 => Self::Mean,
            ShapeKind::Pooling => Self::Pooling,
            ShapeKind::Concatenation => Self::Concatenation,
            ShapeKind::Multiply | ShapeKind::Elementwise | ShapeKind::Padding | ShapeKind::FoldedPadding => {
                return None;
            }
        })
    }

    /// Its number in the anchors of residuals.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Name of the kernel in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Constant => "constant-convolution",
            Self::Depthwise => "depthwise",
            Self::Depthwise3 => "depthwise-3x3",
            Self::Depthwise3Stride2 => "depthwise-3x3-stride-2",
            Self::FullyConnected => "fully-connected",
            Self::Mean => "mean",
            Self::Pooling => "pooling",
            Self::Concatenation => "concatenation",
            Self::Grouped => "grouped",
            Self::Convolution => "convolution",
            Self::Winograd => "winograd",
        }
    }

    /// Where its coefficients lie in [`COEFFICIENTS`].
    const fn coefficients(self) -> std::ops::Range<usize> {
        match self {
            Self::Constant => 0..6,
            Self::Depthwise | Self::Depthwise3Stride2 => 6..12,
            Self::Depthwise3 => 12..16,
            Self::FullyConnected => 16..21,
            Self::Mean => 21..25,
            Self::Pooling => 25..28,
            Self::Concatenation => 28..33,
            Self::Grouped => 33..38,
            Self::Convolution | Self::Winograd => 38..55,
        }
    }
}

/// Input and output channels in slices of 4.
pub(super) fn slices(shape: &Shape) -> (f64, f64) {
    ((shape.in_channels / 4.0).ceil(), (shape.out_channels / 4.0).ceil())
}
