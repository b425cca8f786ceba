//! What stages run: processing of a given time, loading, passes through a transformer.

use super::scenario::{GraphSource, StreamSpec};
use super::transformer_file::load_transformer;
use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass};
use crate::physics::{Bound, CostTable, Machine, OperatorCost};
use crate::simulation::Work;
use crate::soc::{ExecutorId, Platform, ProcessorKind};
use crate::units::SimDuration;
use std::sync::Arc;

/// A graph with what it costs, and how the work of single requests differs.
pub(super) struct StageGraph {
    pub(super) graph: LoweredGraph,
    pub(super) costs: CostTable,
    pub(super) work: Work,
    pub(super) fixed: Option<ExecutorId>,
}

/// Where processing of a given time runs.
pub(super) fn host(stream: &StreamSpec, platform: &Platform) -> Result<ExecutorId, InputError> {
    let base = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let found = match &stream.on {
        Some(on) => platform.executors.iter().position(|e| e.name == *on || base(&e.name) == *on),
        None => platform.executors.iter().position(|e| e.kind == ProcessorKind::Cpu),
    };
    found.map(|i| ExecutorId(i as u16)).ok_or_else(|| {
        let known: Vec<&str> = platform.executors.iter().map(|e| e.name.as_str()).collect();
        let message = match &stream.on {
            Some(on) => format!("`{}` runs on `{}`, which is no executor here", stream.name, printable(on)),
            None => format!("`{}` needs a CPU, but the scenario has no CPU executor", stream.name),
        };
        Diagnostic::new("scenario::stage", message)
            .help(format!("executors are {}; add one to `executors`", known.join(", ")))
            .into()
    })
}

/// Processing of a given time on one executor.
pub(super) fn processing(name: &str, time: SimDuration, host: ExecutorId, platform: &Platform) -> StageGraph {
    let operator = LoweredOperator {
        name: name.to_owned(),
        op_type: "processing".to_owned(),
        class: OperatorClass::Other,
        geometry: Geometry::Elements { read: 0, written: 0 },
        macs: 0,
        weight_bytes_read: 0,
        weight_bytes: 0,
        inputs: Vec::new(),
        outputs: Vec::new(),
        fused: Vec::new(),
        sources: Vec::new(),
    };
    let graph = LoweredGraph { name: name.to_owned(), operators: vec![operator], ..LoweredGraph::default() };
    let costs = CostTable::new(1, platform.executors.len(), |_, executor| {
        (executor == host).then_some(OperatorCost {
            overhead: SimDuration::ZERO,
            alone: time,
            dram_bytes: 0.0,
            bound: Bound::Compute,
        })
    });
    StageGraph { graph, costs, work: Work::Plain, fixed: Some(host) }
}

/// A pass through a transformer; the text of its description names the input. Between the first and the last repetition
/// times are interpolated: scores and values grow in proportion to the cache.
pub(super) fn pass(
    source: &GraphSource,
    stage: &Work,
    machine: &Machine,
) -> Result<Option<(StageGraph, Arc<SourceText>)>, InputError> {
    let GraphSource::Pass { model, rows, context, last, weight_bits } = source else { return Ok(None) };
    let (mut transformer, text) = load_transformer(model)?;
    if let Some(bits) = weight_bits {
        transformer.weight_bits = *bits;
    }
    let mut graph = transformer.pass(u64::from(*rows), u64::from(*context));
    let costs = machine.cost_table(&graph)?;
    let work = match stage {
        Work::Growing(_) => {
            let at_end = transformer.pass(u64::from(*rows), u64::from(*last));
            let end = machine.cost_table(&at_end)?;
            // Memory is set aside for the cache as it is at the last token.
            for (own, last) in graph.operators.iter_mut().zip(&at_end.operators) {
                own.weight_bytes = last.weight_bytes;
            }
            let steps = f64::from(last.saturating_sub(*context));
            let total = |table: &CostTable, executor: ExecutorId| {
                let each = (0..table.operators() as u32).filter_map(|op| table.get(op, executor));
                each.map(|cost| cost.alone.seconds()).sum::<f64>()
            };
            let slope = |executor: ExecutorId| {
                let first = total(&costs, executor);
                if steps > 0.0 && first > 0.0 { (total(&end, executor) / first - 1.0) / steps } else { 0.0 }
            };
            Work::Growing(
                (0..machine.platform.executors.len() as u16).map(|e| slope(ExecutorId(e))).collect(),
            )
        }
        other => other.clone(),
    };
    Ok(Some((StageGraph { graph, costs, work, fixed: None }, text)))
}
