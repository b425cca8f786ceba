//! Limits of memory as lines of the table for people.

use crate::record::summary::MemorySummary;
use crate::soc::mebibytes;

/// One line for the application, one for each executor with a limit, one for each stream that waited.
pub(super) fn lines(memory: &MemorySummary, line: &mut impl FnMut(&str, String)) {
    if let Some(limit) = memory.limit_bytes {
        let or_none = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), mebibytes);
        line(
            "memory limit",
            format!(
                "{}; weights {}, reserved at most {}, reached {}",
                mebibytes(limit),
                mebibytes(memory.weights_bytes),
                or_none(memory.reserved_bytes),
                or_none(memory.reached_bytes)
            ),
        );
    }
    for executor in &memory.executors {
        line(
            &format!("memory limit of {}", executor.name),
            format!(
                "{}; weights {}, {} operators kept off",
                mebibytes(executor.limit_bytes),
                mebibytes(executor.weights_bytes),
                executor.kept_off_operators
            ),
        );
    }
    for stream in memory.streams.iter().filter(|stream| stream.waits > 0) {
        let words = format!("{} requests, {:.3} ms in all", stream.waits, stream.waited_ms);
        line(&format!("{} waited for memory", stream.name), words);
    }
}
