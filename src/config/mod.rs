//! Files of the user and of the project, read into validated types.

pub mod dag_file;
