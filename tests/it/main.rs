//! Integration tests, one binary; a module for each promise.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod build;
mod common_benchmark;
mod engine_errors;
mod fluid_reference;
mod naive_benchmark;
mod oracles;
mod properties;
mod shared;
