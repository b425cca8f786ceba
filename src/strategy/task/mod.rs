//! Strategies whose unit is the whole model.

mod discipline;
mod fixed;
mod homes;

pub(super) use discipline::{Discipline, TaskLevel};
pub(super) use fixed::Fixed;
