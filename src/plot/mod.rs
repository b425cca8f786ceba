//! Figures of a run as SVG and PNG: a Gantt chart and the distribution of latencies.
//!
//! Figures are lists of shapes ([`Canvas`]) that are written as SVG, or drawn into a PNG at twice the size.
//! Both use the same embedded font, so that they look alike on every machine. Equal runs give equal bytes.

pub mod axis;
pub mod canvas;
pub mod font;
pub mod gantt;
pub mod latency;
pub mod palette;
mod png;
mod render;
mod svg;
#[cfg(test)]
mod tests;

pub use canvas::{Anchor, Canvas};
pub use gantt::{GanttOptions, gantt};
pub use latency::latency;
