//! Names and arguments of slices.

use crate::diagnostics::printable;
use crate::export::protos::DebugAnnotation;
use crate::record::RunRecord;
use crate::simulation::observer::{Activity, Interval};

/// What a slice of a resource is called.
pub(super) fn slice_name(record: &RunRecord, span: &Interval) -> String {
    let operator = span
        .operator
        .map(|operator| printable(&record.labels.operator_name(span.work.request.stream, operator)));
    match (operator, span.activity) {
        (Some(name), Activity::Busy) => name,
        (Some(name), activity) => format!("{name} ({})", activity.id()),
        (None, Activity::Busy) => format!("unit {}", span.work.unit),
        (None, Activity::Overhead) => format!("unit {} (invocation, conversion)", span.work.unit),
        (None, activity) => format!("unit {} ({})", span.work.unit, activity.id()),
    }
}

/// What the UI shows beside a slice of a resource.
pub(super) fn arguments(record: &RunRecord, span: &Interval) -> Vec<DebugAnnotation> {
    let request = span.work.request;
    let mut arguments = vec![
        DebugAnnotation::text("stream", printable(&record.labels.stream(request.stream))),
        DebugAnnotation::number("request", u64::from(request.number)),
        DebugAnnotation::number("unit", u64::from(span.work.unit)),
        DebugAnnotation::text("executor", printable(&record.labels.executor_name(span.work.executor))),
    ];
    if let Some(operator) = span.operator
        && let Some(label) = record.labels.operator(request.stream, operator)
    {
        arguments.push(DebugAnnotation::text("class", label.class.id()));
        arguments.push(DebugAnnotation::text("op_type", printable(&label.op_type)));
        arguments.push(DebugAnnotation::number("macs", label.macs));
    }
    arguments
}
