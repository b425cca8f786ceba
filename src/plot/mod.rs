//! Figures of a run as SVG and PNG: a Gantt chart and the distribution of latencies.
//!
//! Figures are lists of shapes ([`Canvas`]) that plotters draws on its SVG backend, or on its bitmap backend for
//! a PNG of twice the size. plotters has whole coordinates only and draws pixels without smoothing, so that
//! figures are drawn larger than asked for: the view box of the SVG, and the mean of several pixels in the PNG,
//! undo that. Both use the same embedded font, so that they look alike on every machine. Equal runs give equal
//! bytes.

pub mod axis;
pub mod canvas;
pub mod comparison;
pub mod font;
pub mod gantt;
pub mod granularity;
pub mod latency;
pub mod palette;
mod png;
mod render;
mod svg;
#[cfg(test)]
mod tests;

pub use canvas::{Anchor, Canvas};
pub use comparison::comparison;
pub use gantt::{GanttOptions, gantt};
pub use granularity::granularity;
pub use latency::latency;
