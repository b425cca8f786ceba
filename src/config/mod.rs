//! The project's file formats: raw texts with places in, validated types or named faults out.

pub mod assemble;
pub mod check;
mod condition_file;
pub mod dag_file;
mod device_thermal;
pub mod document;
mod dynamics;
mod dynamics_background;
mod dynamics_thermal;
mod fitted_file;
pub mod hardware;
mod json;
pub mod library;
pub mod model_file;
pub mod plan_file;
pub mod read;
mod runtime_file;
pub mod scenario;
mod scenario_background;
mod scenario_dynamics;
mod scenario_file;
mod scenario_raw;
mod scenario_streams;
mod soc_file;
mod soc_raw;
mod support_file;

pub use assemble::{AssembleError, Assembled, assemble};
pub use condition_file::{Condition, ConditionSetting, Edit, condition, condition_ids};
pub use hardware::{Choice, Hardware, hardware};
pub use library::{Library, Loaded};
pub use scenario::ScenarioSpec;
pub use scenario_file::{profile_overrides, scenario, scenario_text};
