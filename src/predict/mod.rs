//! What strategies believe: estimates of costs, never the ground truth itself.

mod estimates;
mod regression;
mod samples;
mod slices;
mod tiles;
mod trained;

pub use estimates::Estimates;
pub use slices::SliceEstimates;
pub use trained::{SlicePredictor, Trained};
