//! Strategies side by side: the same settings for all of them, the same random numbers, and what of the differences is real.

mod cases;
mod significance;
mod table;

pub use cases::{Case, CaseKey, Replicated, play_cases};
pub use significance::{PairedDifference, SettingComparison};
pub use table::{Comparison, ComparisonRow, Estimate, Standing, compare};
