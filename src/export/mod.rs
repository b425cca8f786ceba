//! Files made from a run's record and summary: JSON, CSV and Perfetto traces. They hold no wall-clock
//! time and no path, so that equal runs give equal bytes.

pub mod csv;
pub mod files;
pub mod json;
pub mod perfetto;
mod protos;
#[cfg(test)]
mod tests;

pub use csv::{
    csv_label, write_comparison, write_decisions, write_operators, write_requests, write_resources,
};
pub use files::{FileError, OutputFolder, write_file};
pub use json::{to_json, write_json};
pub use perfetto::write_trace;
