//! Heat: linear RC networks advanced exactly, sensors, and the governors that keep temperatures down.

mod body;
mod eigen;
mod limits;
mod modal;
mod network;
mod power_allocator;
mod step_wise;

pub use body::{CASE, DIE, SKIN, network, throttle_table};
pub use limits::{Caps, HardwareLimit, ThrottleStep, ThrottleTable, millidegrees, reading};
pub use modal::ModalState;
pub use network::{Link, Network, NetworkError, Node};
pub use power_allocator::{Actor, AllocatorSettings, PowerAllocator, divide, divide_into, fitting_step};
pub use step_wise::StepWise;
