//! Integration tests, one binary; a module for each promise.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod background;
mod bad_profiles;
mod build;
mod calibration;
mod clock_scaling;
mod common_benchmark;
mod compare;
mod coverage;
mod dynamics;
mod dynamics_properties;
mod engine_errors;
mod fluid_reference;
mod graph_json;
mod layering;
mod lowering;
mod lowering_runtimes;
mod mace;
mod naive_benchmark;
mod one_switch;
mod onnx_garbage;
mod operator_lists;
mod oracles;
mod physics_profiles;
mod predictors;
mod profiles;
mod properties;
mod readme;
mod roofline;
mod shared;
mod shipped;
mod slices;
