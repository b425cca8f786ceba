//! The `hetsoc` command.
#![forbid(unsafe_code)]

fn main() {}
