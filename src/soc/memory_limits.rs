//! How much memory an application may use, and how much its executors.

use super::ExecutorId;

/// Limits of memory for a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemoryLimits {
    /// Bytes of the application: weights of all streams, activations of the requests in flight, copies.
    pub total: Option<u64>,
    /// Bytes of weights that an executor can keep, in order of the executors and each at most once.
    pub executors: Vec<(ExecutorId, u64)>,
    /// For each stream the pairs of operator and executor that the limits keep apart, where that has been settled already: a graph of
    /// slices takes it over from the graph of whole operators.
    pub settled: Option<Vec<Vec<(u32, ExecutorId)>>>,
}

impl MemoryLimits {
    /// The limit of an executor's weights.
    #[must_use]
    pub fn of(&self, executor: ExecutorId) -> Option<u64> {
        self.executors.iter().find(|(limited, _)| *limited == executor).map(|&(_, bytes)| bytes)
    }
}

/// Bytes in words for people, with enough digits to compare sizes that are close.
#[must_use]
pub fn mebibytes(bytes: u64) -> String {
    if bytes < 1 << 20 {
        format!("{bytes} B")
    } else {
        format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20))
    }
}
