//! All integration tests, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic"
)]

mod graph_json;
mod lowering;
mod lowering_runtimes;
mod onnx_garbage;
mod operator_lists;
mod shared;
