//! Limits of memory in the summary of a run: what they are, what is needed, what was reached.

use crate::record::summary::{ExecutorMemory, MemorySummary, StreamMemory};
use crate::simulation::{Outcome, Prepared, Problem};

/// What the summary says of limits; `None` when there are none. `peak` is the highest amount that the run reached.
pub(super) fn memory_summary(
    problem: &Problem,
    prepared: &Prepared,
    outcome: &Outcome,
    peak: Option<u64>,
) -> Option<MemorySummary> {
    let footprint = prepared.memory.as_deref()?;
    let executors = footprint.executors.iter().map(|own| ExecutorMemory {
        name: problem.platform.executor(own.executor).name.clone(),
        limit_bytes: own.limit,
        weights_bytes: own.weights,
        kept_off_operators: own.kept_off,
    });
    let streams = problem.streams.iter().zip(&outcome.streams).enumerate();
    let streams = streams.map(|(number, (stream, outcome))| StreamMemory {
        name: stream.name.clone(),
        request_bytes: footprint.requests.get(number).copied(),
        waits: outcome.memory_waits,
        waited_ms: outcome.waited_for_memory.millis(),
    });
    Some(MemorySummary {
        limit_bytes: footprint.limit,
        weights_bytes: footprint.weights,
        reserved_bytes: outcome.reserved_bytes,
        reached_bytes: peak,
        executors: executors.collect(),
        streams: streams.collect(),
        definition: DEFINITION,
    })
}

const DEFINITION: &str = "limit, reserved and reached: as peak_memory_definition; reserved are the weights and, for each request in flight, the most \
     that it can hold whatever the order of its operators; a request waits until that fits. Of an executor: weights, at its precision, of all \
     operators that the plans may place there; kept off are those that it could run beyond its limit. Waiting: time for which a request of the \
     stream waited for memory alone";
