//! Files of the user and of the project, read into validated types.

pub mod dag_file;
mod json;
pub mod plan_file;
