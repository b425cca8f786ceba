//! Integration tests, one binary; a module for each promise.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod bad_input;
mod bad_profiles;
mod build;
mod calibration;
mod common_benchmark;
mod coverage;
mod engine_errors;
mod fluid_reference;
mod fuzz;
mod graph_json;
mod hostile;
mod import;
mod layering;
mod lowering;
mod lowering_runtimes;
mod naive_benchmark;
mod onnx_garbage;
mod operator_lists;
mod oracles;
mod profiles;
mod properties;
mod readme;
mod roofline;
mod schemas;
mod shared;
mod shipped;
