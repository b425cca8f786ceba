//! The discrete-event kernel and fluid activities. Knows no SoC: time, events, rates and nothing else.
//!
//! A [`Model`] says what happens next and makes it happen; [`run`] drives it, keeps time from running
//! backwards, and ends a stalled run or a livelock with an error that names the culprits. The parts a model is made of:
//!
//! - [`EventQueue`]: exogenous events in order of time, then phase, then insertion.
//! - [`ActivityTable`]: few activities that progress at rates which are constant between events.
//! - [`EqualShare`]: any number of activities that share one capacity equally, in virtual time.
//! - [`water_fill`] and [`FlowNetwork`]: weighted max-min fairness over one capacity or a network of them.
//! - [`Integral`]: the exact time integral of a piecewise constant quantity (power, queue length).

mod activities;
mod equal_share;
mod events;
mod integral;
mod kernel;
mod max_min;

pub use activities::ActivityTable;
pub use equal_share::EqualShare;
pub use events::{EventQueue, Phase};
pub use integral::Integral;
pub use kernel::{EngineError, Limits, Model, RunEnd, run};
pub use max_min::{FlowId, FlowNetwork, water_fill};
