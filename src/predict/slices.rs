//! Estimated times of slices of operators.

use crate::graph::partition::Slice;
use crate::physics::SliceCosts;
use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// What a strategy that cuts operators consults: how long a slice takes, and how long handing tensors over.
pub trait SliceEstimates {
    /// Time of a slice, dispatch overhead included; `None` when the operator cannot be cut so, or not run there.
    fn slice(&self, operator: u32, slice: Slice, executor: ExecutorId) -> Option<SimDuration>;

    /// Time for which the owner lets others see `elements` elements; `None` when its runtime cannot.
    fn share(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration>;

    /// Time for which the owner takes back `elements` elements; `None` when its runtime cannot.
    fn join(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration>;
}

/// The oracle: the cost models themselves.
impl SliceEstimates for SliceCosts<'_> {
    fn slice(&self, operator: u32, slice: Slice, executor: ExecutorId) -> Option<SimDuration> {
        SliceCosts::slice(self, operator, slice, executor).map(|cost| cost.overhead + cost.alone)
    }

    fn share(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration> {
        SimDuration::try_from_seconds(SliceCosts::share(self, elements, owner)?).ok()
    }

    fn join(&self, elements: u64, owner: ExecutorId) -> Option<SimDuration> {
        SimDuration::try_from_seconds(SliceCosts::join(self, elements, owner)?).ok()
    }
}
