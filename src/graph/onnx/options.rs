//! What a caller may choose about an import, and the limits of one.

use std::collections::BTreeMap;

/// Lowest supported version of the default operator set.
pub const LOWEST_OPSET: i64 = 9;
/// Highest supported version of the default operator set.
pub const HIGHEST_OPSET: i64 = 21;
/// Largest file in bytes, the limit of the protobuf format.
pub const MAX_FILE_BYTES: u64 = 2 << 30;
/// Largest number of nodes.
pub const MAX_NODES: u64 = 1_000_000;
/// Largest number of dimensions of a tensor.
pub const MAX_RANK: usize = 32;
/// Largest number of elements of a tensor.
pub const MAX_ELEMENTS: u64 = 1 << 40;

/// Choices for one import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnnxOptions {
    /// Sizes of symbolic dimensions by name (`--dim batch=1`); a dimension without a name is called
    /// `input:position`, such as `pixels:0`.
    pub dims: BTreeMap<String, u64>,
}
