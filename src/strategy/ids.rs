//! Names of requests and placed units.

use crate::soc::ExecutorId;

/// A request of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// Index of the stream in the scenario.
    pub stream: u16,
    /// Position among the stream's arrivals, from 0.
    pub number: u32,
}

/// One unit of one request, placed on an executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlacedUnit {
    /// The request.
    pub request: RequestId,
    /// Index of the unit in the stream's plan.
    pub unit: u32,
    /// Where it was placed.
    pub executor: ExecutorId,
}
