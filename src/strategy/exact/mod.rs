//! Schedules that are proved to be the shortest, and search that shortens any.

mod bound;
mod chain;
mod decode;
mod local;
mod local_search;
mod moves;
mod search;
mod strategy;
mod tabu;
mod timing;

pub(super) use local_search::LocalSearch;
pub(super) use strategy::Exact;
