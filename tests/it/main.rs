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
mod bad_contention;
mod bad_dynamics;
mod bad_input;
mod bad_plans;
mod bad_profiles;
mod build;
mod caches;
mod calibration;
mod chains;
mod clock_scaling;
mod codl;
mod common_benchmark;
mod compare;
mod contention;
mod coverage;
mod duel;
mod dynamics;
mod dynamics_limits;
mod dynamics_properties;
mod engine_errors;
mod few_shot;
mod fluid_reference;
mod fuzz;
mod gains;
mod generation;
mod graph_json;
mod haxconn;
mod hostile;
mod import;
mod layering;
mod lowering;
mod lowering_runtimes;
mod mace;
mod naive_benchmark;
mod nnapi;
mod one_switch;
mod onnx_garbage;
mod operator_lists;
mod oracles;
mod own_strategy;
mod padding;
mod pair;
mod physics_profiles;
mod planners;
mod predictors;
mod profiles;
mod properties;
mod readme;
mod roofline;
mod schemas;
mod shared;
mod shipped;
mod signs;
mod slices;
mod sustained;
mod tour;
mod validate_all;
