//! Results that follow from a formula or from an independent tool, reproduced by running the engine or
//! the simulation. The numbers are in `tests/data/oracles`; its README names their origin.

pub mod customers;
mod energy;
mod exact;
mod lists;
mod optima;
mod peer;
mod published;
mod queues;
mod requests;
mod sharing;
pub mod stations;
pub mod statistics;
mod tasks;

use hetsoc::strategy::{EarliestFinishTime, TransferStart};
use serde_json::Value;

/// Reads one file of oracles.
pub fn oracle(name: &str) -> Value {
    let path = format!("{}/tests/data/oracles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[track_caller]
pub fn close(got: f64, expected: f64, tolerance: f64, what: &str) {
    let scale = expected.abs().max(1e-30);
    assert!((got - expected).abs() <= tolerance * scale, "{what}: {got} instead of {expected}");
}

/// The online scheduler under either rule for the start of transfers.
pub fn eft(start: TransferStart) -> EarliestFinishTime {
    EarliestFinishTime::new(start)
}

/// Every task takes the same on all of so many processors.
pub fn identical(times: &[f64], processors: usize) -> Vec<Vec<Option<f64>>> {
    times.iter().map(|&time| vec![Some(time); processors]).collect()
}
