//! Cutting operators into slices that several executors compute at the same time.
//!
//! [`mod@slice`] says what a slice of one operator computes, reads and writes; [`mod@rewrite`] replaces operators of a graph
//! by their slices, with the steps that hand tensors over between the executors. The result is an ordinary lowered
//! graph: cost models, strategies, the simulation and the records need no notion of slices.

pub mod rewrite;
pub mod slice;

pub use rewrite::{PartitionError, Partitioned, Role, Split, partition};
pub use slice::{Dimension, Slice, SlicedOperator, extent, sliced};
