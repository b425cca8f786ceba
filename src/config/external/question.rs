//! The first line: everything that a strategy sees before the run.

use crate::soc::{Crossing, ExecutorId, Platform};
use crate::strategy::PlanningView;
use crate::units::BytesPerSec;
use serde_json::{Value, json};

fn rate(rate: BytesPerSec) -> Value {
    if rate.0.is_finite() { json!(rate.0) } else { Value::Null }
}

/// The line as JSON.
pub(super) fn view(streams: &[PlanningView<'_>], platform: &Platform) -> Value {
    let granularity = streams.first().map(|view| view.granularity.id());
    let executors: Vec<Value> = platform
        .executors
        .iter()
        .map(|e| {
            json!({
                "name": e.name,
                "kind": e.kind.id(),
                "resources": e.resources.iter().map(|r| r.0).collect::<Vec<_>>(),
                "invocation_ps": e.invocation.0,
            })
        })
        .collect();
    let count = platform.executors.len() as u16;
    let mut crossings = Vec::new();
    for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
        let crossing = platform.crossing(ExecutorId(from), ExecutorId(to));
        if *crossing != Crossing::NONE {
            crossings.push(json!({
                "from": from,
                "to": to,
                "latency_ps": crossing.latency.0,
                "bytes_per_second": rate(crossing.bandwidth),
                "conversion_bytes_per_second": rate(crossing.conversion),
            }));
        }
    }
    let streams: Vec<Value> = streams
        .iter()
        .map(|view| {
            let time = |op, e| view.estimates.execution(op, ExecutorId(e)).map(|time| time.0);
            let operator = |op| {
                let times: Vec<Option<u64>> = (0..count).map(|e| time(op, e)).collect();
                json!({ "name": view.operator_name(op), "time_ps": times })
            };
            let edges: Vec<Value> = (0..view.dag.len() as u32)
                .flat_map(|op| {
                    view.dag.successors(op).iter().map(move |link| json!([op, link.node, link.bytes]))
                })
                .collect();
            json!({
                "operators": (0..view.dag.len() as u32).map(operator).collect::<Vec<_>>(),
                "edges": edges,
                "deadline_ps": view.service.deadline.map(|deadline| deadline.0),
                "priority": view.service.priority,
                "period_ps": view.period.map(|period| period.0),
            })
        })
        .collect();
    json!({
        "schema": "hetsoc-view/1",
        "granularity": granularity,
        "executors": executors,
        "crossings": crossings,
        "streams": streams,
    })
}
