//! Integration tests, one binary; a module for each promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod common_benchmark;
mod shared;
