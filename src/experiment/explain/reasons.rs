//! Why an operator ran where it did, and what bound it there.

use crate::config::Assembled;
use crate::diagnostics::printable;
use crate::graph::lowered::{LoweredGraph, LoweredOperator};
use crate::physics::support::Verdict;
use crate::physics::{Bound, Estimate};
use crate::simulation::memory::Residence;
use crate::soc::{ExecutorId, Platform};
use crate::strategy::Granularity;

/// Below this share of an operator's bytes, main memory is not what it streams from.
const CACHED: f64 = 0.05;

fn lowered(assembled: &Assembled, stream: u16, operator: u32) -> Option<(&LoweredGraph, &LoweredOperator)> {
    let graph = assembled.problem.streams.get(usize::from(stream))?.operators.as_ref()?;
    Some((graph, graph.operators.get(operator as usize)?))
}

fn estimate(assembled: &Assembled, stream: u16, operator: u32, executor: ExecutorId) -> Option<Estimate> {
    let (graph, operator) = lowered(assembled, stream, operator)?;
    assembled.machine.as_ref()?.estimate(graph, operator, executor)
}

/// Whether memory rather than arithmetic limits the execution; `otherwise` where no machine tells.
pub(super) fn memory_bound(
    assembled: &Assembled,
    stream: u16,
    operator: u32,
    executor: ExecutorId,
    otherwise: bool,
) -> bool {
    estimate(assembled, stream, operator, executor).map_or(otherwise, |e| {
        if e.cost.bound == Bound::Overhead {
            e.memory_seconds > e.compute_seconds
        } else {
            e.cost.bound == Bound::Memory
        }
    })
}

/// What bound an operator, in words.
pub(super) fn bound(assembled: &Assembled, stream: u16, operator: u32, executor: ExecutorId) -> String {
    let cost =
        assembled.problem.streams.get(usize::from(stream)).and_then(|s| s.costs.get(operator, executor));
    let Some(cost) = cost else { return "unknown".to_owned() };
    let level = lowered(assembled, stream, operator).map(|(graph, operator)| {
        let bytes = |ids: &[u32]| {
            ids.iter().filter_map(|&t| graph.tensors.get(t as usize)).map(|t| t.bytes()).sum::<u64>()
        };
        let touched = bytes(&operator.inputs) + bytes(&operator.outputs) + operator.weight_bytes_read;
        if cost.dram_bytes < CACHED * touched as f64 { "caches" } else { "main memory" }
    });
    match (cost.bound, level) {
        (Bound::Compute, _) => "compute".to_owned(),
        (Bound::Overhead, _) => "dispatch overhead".to_owned(),
        (Bound::Memory, Some(level)) => format!("memory: {level}"),
        (Bound::Memory, None) => "memory".to_owned(),
    }
}

/// Why an operator ran on `executor`.
pub(super) fn why(
    assembled: &Assembled,
    target: Option<ExecutorId>,
    stream: u16,
    operator: u32,
    executor: ExecutorId,
) -> String {
    let platform = &assembled.problem.platform;
    match target {
        Some(target) if target == executor => "the strategy's target".to_owned(),
        Some(target) => fell_back(assembled, platform, stream, operator, target),
        None => rank(assembled, platform, stream, operator, executor),
    }
}

/// Why the strategy's target did not take it.
fn fell_back(
    assembled: &Assembled,
    platform: &Platform,
    stream: u16,
    operator: u32,
    target: ExecutorId,
) -> String {
    let name = printable(&platform.executor(target).name);
    if kept_off(assembled, stream, operator, target) {
        return format!("memory: the limit of {name} does not hold its weights");
    }
    let verdict = lowered(assembled, stream, operator).and_then(|(graph, operator)| {
        Some((assembled.machine.as_ref()?.verdict(graph, operator, target), operator))
    });
    match verdict {
        Some((Verdict::NoKernel, op)) => {
            format!("fallback: {name} has no kernel for {}", printable(&op.op_type))
        }
        Some((Verdict::Fails(condition), op)) => {
            format!("fallback: {name} takes {} only with {}", printable(&op.op_type), condition.id())
        }
        Some(_) => format!("{name} could run it, but the strategy's partition left it out"),
        None => match assembled
            .problem
            .streams
            .get(usize::from(stream))
            .and_then(|s| s.costs.get(operator, target))
        {
            Some(_) => format!("{name} could run it, but the strategy's partition left it out"),
            None => format!("fallback: it cannot run on {name}"),
        },
    }
}

/// Whether the limit of an executor's memory keeps the operator off it.
fn kept_off(assembled: &Assembled, stream: u16, operator: u32, executor: ExecutorId) -> bool {
    let settled = || Residence::of(&assembled.problem).ok().flatten();
    assembled.problem.memory.is_some()
        && !assembled.strategy.prescribes()
        && settled().is_some_and(|residence| residence.is_off(stream, operator, executor))
}

/// How good a choice it was, for the operator alone.
fn rank(
    assembled: &Assembled,
    platform: &Platform,
    stream: u16,
    operator: u32,
    executor: ExecutorId,
) -> String {
    let Some(costs) = assembled.problem.streams.get(usize::from(stream)).map(|s| &s.costs) else {
        return "as planned".to_owned();
    };
    let time = |e: ExecutorId| costs.get(operator, e).map(|cost| cost.overhead + cost.alone);
    let able: Vec<(_, ExecutorId)> = (0..platform.executors.len() as u16)
        .filter_map(|e| Some((time(ExecutorId(e))?, ExecutorId(e))))
        .collect();
    let Some(own) = time(executor) else { return "as planned".to_owned() };
    let faster = able.iter().filter(|(other, _)| *other < own).count();
    let placed = match assembled.problem.granularity {
        Granularity::Operator => "the strategy's choice",
        Granularity::Task => "the strategy's choice for the whole model",
        _ => "the strategy's choice for its group",
    };
    match able.iter().min_by_key(|(time, e)| (*time, e.0)) {
        _ if able.len() == 1 => "the only executor that can run it".to_owned(),
        Some((best, other)) if faster > 0 && kept_off(assembled, stream, operator, *other) => format!(
            "{placed}; {} would take {best} instead of {own}, but its memory does not hold the weights",
            printable(&platform.executor(*other).name)
        ),
        Some((best, other)) if faster > 0 => format!(
            "{placed}; alone, {} would take {best} instead of {own}",
            printable(&platform.executor(*other).name)
        ),
        _ => format!("{placed}, the fastest of {} for it", able.len()),
    }
}
