//! What strategies believe: estimates of costs, never the ground truth itself.

mod estimates;

pub use estimates::Estimates;
