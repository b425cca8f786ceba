//! Integration tests, one binary; a module for each promise.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod bad_profiles;
mod calibration;
mod common_benchmark;
mod coverage;
mod graph_json;
mod layering;
mod lowering;
mod lowering_runtimes;
mod onnx_garbage;
mod operator_lists;
mod profiles;
mod roofline;
mod shared;
