//! Integration tests, one binary; a module for each promise.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common_benchmark;
mod graph_json;
mod lowering;
mod operator_lists;
mod shared;
