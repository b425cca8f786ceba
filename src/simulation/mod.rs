//! One run: composes the engine, the platform, the physics and a strategy, and tells observers.
//!
//! [`simulate`] is the only way in. Rules that every run obeys:
//!
//! - A unit enters the queues of all resources of its executor at once, and each queue is first come, first served, or ordered by
//!   the keys of the plan ([`crate::strategy::QueueOrder`]); what has started is never interrupted. The unit at the head waits
//!   for its data and its partners even if a later one could start (head-of-line blocking).
//! - It runs its operators one after the other: dispatch overhead, then execution. Execution slows down when the
//!   memory bandwidth granted (max-min fair) is less than it demands; it is then still busy.
//! - At equal times: executions end, by request, then unit; then transfers; then arrivals.
//! - A request is complete when its outputs are where the application reads them.

mod arrivals;
mod beliefs;
mod chains;
mod dispatch;
pub mod dynamics;
mod execution;
pub mod observer;
mod play;
mod problem;
mod progress;
mod requests;
mod run;
mod slicing;
mod stages;
mod state;

pub use arrivals::{Arrivals, QueuePolicy, RequestQueue};
pub use play::{Prepared, play, prepare, prepare_with, simulate};
pub use problem::{
    CacheOutcome, DynamicsOutcome, Looks, Outcome, Problem, ProfilingOutcome, SimulationError, StreamOutcome,
    StreamProblem,
};
pub use slicing::{Sliced, slice};
pub use stages::{ChainOutcome, Count, MOST_ADMITTED, Spread, Stage, Trigger, Work};
