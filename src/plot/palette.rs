//! Colours that people with any colour vision can tell apart.
//!
//! Operator classes use the palette of Okabe and Ito (2008), one hue per family of classes; what is not
//! computing is grey, so that colour always means useful work.

use crate::graph::lowered::OperatorClass;
use crate::simulation::observer::Activity;

/// A colour with its opacity in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Color {
    pub rgb: [u8; 3],
    pub opacity: f64,
}

impl Color {
    /// An opaque colour from `0xrrggbb`.
    #[must_use]
    pub const fn new(hex: u32) -> Self {
        Self { rgb: [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8], opacity: 1.0 }
    }

    /// The same with another opacity.
    #[must_use]
    pub const fn with_opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// Black or white, whichever is easier to read on this colour (relative luminance of WCAG 2).
    #[must_use]
    pub fn ink(self) -> Self {
        let linear = self.rgb.map(|c| (f64::from(c) / 255.0).powf(2.2));
        let luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        if luminance > 0.18 { INK } else { WHITE }
    }
}

/// Text and axes.
pub const INK: Color = Color::new(0x1a1a1a);
/// Secondary text.
pub const MUTED: Color = Color::new(0x5a5a5a);
/// Grid lines.
pub const GRID: Color = Color::new(0xd9d9d9);
/// Rows in which nothing happens.
pub const IDLE: Color = Color::new(0xf3f3f3);
/// Paper.
pub const WHITE: Color = Color::new(0xffffff);
/// Requests in service.
pub const REQUEST: Color = Color::new(0xbfd3e6);
/// Requests that wait in a queue.
pub const QUEUED: Color = Color::new(0xe8e8e8);
/// Work whose class is unknown, and utilisation by work of all classes.
pub const BUSY: Color = Color::new(0x0072b2);

/// A family of operator classes that share a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Family {
    Convolution,
    Depthwise,
    Matrix,
    Pooling,
    Elementwise,
    Normalization,
    Movement,
    Other,
}

impl Family {
    /// All families in the order of legends.
    pub const ALL: [Self; 8] = [
        Self::Convolution,
        Self::Depthwise,
        Self::Matrix,
        Self::Pooling,
        Self::Elementwise,
        Self::Normalization,
        Self::Movement,
        Self::Other,
    ];

    /// The family of a class.
    #[must_use]
    pub const fn of(class: OperatorClass) -> Self {
        use OperatorClass as C;
        match class {
            C::Convolution | C::GroupedConvolution | C::TransposedConvolution => Self::Convolution,
            C::DepthwiseConvolution => Self::Depthwise,
            C::FullyConnected | C::MatMul => Self::Matrix,
            C::Pooling | C::Reduction => Self::Pooling,
            C::Elementwise | C::Activation => Self::Elementwise,
            C::Normalization | C::Softmax => Self::Normalization,
            C::DataMovement | C::View | C::Sharing => Self::Movement,
            C::Other => Self::Other,
        }
    }

    /// Its name in legends.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::Depthwise => "depthwise convolution",
            Self::Matrix => "matrix product",
            Self::Pooling => "pooling, reduction",
            Self::Elementwise => "element-wise, activation",
            Self::Normalization => "normalisation, softmax",
            Self::Movement => "data movement",
            Self::Other => "other work",
        }
    }

    /// Its colour.
    #[must_use]
    pub const fn color(self) -> Color {
        Color::new(match self {
            Self::Convolution => 0x0072b2,
            Self::Depthwise => 0x56b4e9,
            Self::Matrix => 0xd55e00,
            Self::Pooling => 0xf0e442,
            Self::Elementwise => 0x009e73,
            Self::Normalization => 0xcc79a7,
            Self::Movement => 0xe69f00,
            Self::Other => 0x6a51a3,
        })
    }
}

/// The colour of an activity; busy time of no particular class is [`BUSY`].
#[must_use]
pub const fn activity(activity: Activity) -> Color {
    match activity {
        Activity::Busy => BUSY,
        Activity::Overhead => Color::new(0x404040),
        Activity::Blocked => Color::new(0xbdbdbd),
        Activity::Suspended => Color::new(0x8a8a8a),
    }
}
