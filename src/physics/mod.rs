//! Physical models, one file each: state in, rates and times out; no I/O, no clock, no threads.

pub mod adreno_blocks;
pub mod cache;
pub mod compile;
pub mod contention;
pub mod core_set;
pub mod cost_table;
pub mod dvfs;
pub mod fitted;
pub mod gpu_blocks;
pub mod gpu_coefficients;
pub mod gpu_kernels;
pub mod latency;
pub mod mace_cpu;
pub mod mace_gpu;
pub mod machine;
pub mod numbers;
pub mod power;
pub mod scheduler;
pub mod shape;
pub mod slices;
pub mod support;
pub mod tflite_cpu;
pub mod tflite_gpu;
pub mod thermal;
pub mod unlisted;

pub use compile::compile;
pub use cost_table::{Bound, CostTable, OperatorCost};
pub use fitted::{CoefficientInfo, FittedCost, FittedTime, Form, Role};
pub use machine::{Clocks, Estimate, Machine, Parts};
pub use numbers::Numbers;
pub use slices::SliceCosts;
