//! `hetsoc` simulates heterogeneous systems-on-chip running deep-learning inference, event by event.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")
)]

pub mod calibration;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod diagnostics;
pub mod engine;
pub mod experiment;
pub mod export;
pub mod graph;
pub mod physics;
#[cfg(feature = "plots")]
pub mod plot;
pub mod predict;
pub mod random;
pub mod record;
pub mod simulation;
pub mod soc;
pub mod statistics;
pub mod strategy;
pub mod units;
