//! What strategies believe: estimates of costs, never the ground truth itself.

mod estimates;
mod slices;

pub use estimates::Estimates;
pub use slices::SliceEstimates;
