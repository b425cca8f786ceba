//! The project's file formats: raw texts with places in, validated types or named faults out.

pub mod check;
pub mod dag_file;
pub mod document;
mod json;
pub mod library;
pub mod plan_file;
pub mod read;
mod runtime_file;
mod soc_file;
mod support_file;

pub use library::{Library, Loaded};
