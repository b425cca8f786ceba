//! Files of the user and of the project, read into validated types.

pub mod dag_file;
mod json;
pub mod plan_file;
//! The project's TOML formats: raw texts with places in, validated types or named faults out.
pub mod check;
pub mod document;
pub mod library;
pub mod read;
mod runtime_file;
mod soc_file;
mod support_file;
pub use library::{Library, Loaded};
