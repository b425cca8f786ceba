//! Dynamic voltage and frequency scaling: governors as the Linux sources define them, the signals they read, clock
//! domains, the memory clock, and idle states. Time comes in; steps of the clock table come out.

mod adreno_tz;
mod domain;
mod frequencies;
mod governor;
mod idle;
mod interactive;
mod load_governors;
mod memory_clock;
mod pelt;
mod sample;
mod schedutil;
mod simple_ondemand;
mod tick_skip;

pub use adreno_tz::AdrenoTz;
pub use domain::ClockDomain;
pub use frequencies::Frequencies;
pub use governor::Governor;
pub use idle::{IdleHistory, IdleState, LONG_IDLE, deepest_fitting};
pub use interactive::{Interactive, InteractiveSettings};
pub use load_governors::{Conservative, Ondemand};
pub use memory_clock::voted_memory_clock;
pub use pelt::{CoreSignal, FULL};
pub use sample::{Sample, Trigger};
pub use schedutil::Schedutil;
pub use simple_ondemand::SimpleOndemand;
pub use tick_skip::QuietDomain;
