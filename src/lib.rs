//! `hetsoc` simulates heterogeneous systems-on-chip running deep-learning inference, event by event.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")
)]

pub mod config;
pub mod diagnostics;
pub mod graph;
pub mod physics;
pub mod random;
pub mod simulation;
pub mod soc;
pub mod units;
