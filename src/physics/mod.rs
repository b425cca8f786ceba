//! Physical models, one file each: state in, rates and times out; no I/O, no clock, no threads.

pub mod cost_table;

pub use cost_table::{Bound, CostTable, OperatorCost};
