//! Which request is explained.

use super::{ExplainError, ExplainOptions};
use crate::record::RunRecord;
use crate::simulation::Problem;
use crate::simulation::observer::RequestId;

/// The number of a stream; the first one without a name.
pub(super) fn stream_named(problem: &Problem, name: Option<&str>) -> Result<u16, ExplainError> {
    let Some(name) = name else { return Ok(0) };
    let position = problem.streams.iter().position(|stream| stream.name == *name);
    position.and_then(|i| u16::try_from(i).ok()).ok_or_else(|| {
        let known: Vec<&str> = problem.streams.iter().map(|stream| stream.name.as_str()).collect();
        ExplainError::Nothing(format!(
            "there is no stream `{}`; there are {}",
            crate::diagnostics::printable(name),
            known.join(", ")
        ))
    })
}

/// The request asked for, or the slowest finished one that counts.
pub(super) fn choose(
    record: &RunRecord,
    problem: &Problem,
    options: &ExplainOptions,
) -> Result<RequestId, ExplainError> {
    let stream = stream_named(problem, options.stream.as_deref())?;
    let of_stream = || record.requests.iter().filter(|request| request.id.stream == stream);
    if let Some(number) = options.request {
        let id = RequestId { stream, number };
        return match record.request(id) {
            Some(request) if request.finished.is_some() => Ok(id),
            Some(request) if request.dropped.is_some() => Err(ExplainError::Nothing(format!(
                "request {number} was dropped from its queue; explain one that finished"
            ))),
            Some(_) => {
                Err(ExplainError::Nothing(format!("request {number} did not finish before the run ended")))
            }
            None => Err(ExplainError::Nothing(format!(
                "there is no request {number}; the stream has {}",
                of_stream().count()
            ))),
        };
    }
    let finished = || of_stream().filter_map(|request| Some((request.latency()?, request)));
    let counted = finished()
        .filter(|(_, request)| !request.warm_up)
        .max_by_key(|(latency, r)| (*latency, std::cmp::Reverse(r.id)));
    counted
        .or_else(|| finished().max_by_key(|(latency, r)| (*latency, std::cmp::Reverse(r.id))))
        .map(|(_, request)| request.id)
        .ok_or_else(|| ExplainError::Nothing("no request of this stream finished".to_owned()))
}
