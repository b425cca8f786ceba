//! Fallback ratios of a model under several definitions.
//!
//! Published studies report "fallback" without saying what is counted. The share depends on the definition, and on the
//! lowering, far more than on the device; so this module prints all definitions that can be computed side by side
//! and picks none.

use crate::graph::costs::count_operator;
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass};
use crate::graph::model::Graph;
use crate::physics::support::verdict;
use crate::soc::SupportTable;
use serde::Serialize;

/// One definition and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FallbackRow {
    /// What is counted.
    pub definition: String,
    /// How many operators fall back by it; `None` when the definition does not count operators.
    pub operators: Option<u64>,
    /// Of how many.
    pub of: Option<u64>,
    /// The ratio, 0 to 1.
    pub ratio: f64,
    /// The same by multiply-accumulates; `None` where the definition counts something else.
    pub ratio_macs: Option<f64>,
}

/// Whether a strategy that splits operators over CPU and GPU has a kernel for this one (CoDL: convolution,
/// deconvolution, fully connected, matrix product, pooling).
fn is_cooperative(class: OperatorClass, pooling: bool) -> bool {
    use OperatorClass::{
        Convolution, DepthwiseConvolution, FullyConnected, GroupedConvolution, MatMul, Pooling,
        TransposedConvolution,
    };
    match class {
        Convolution
        | DepthwiseConvolution
        | GroupedConvolution
        | TransposedConvolution
        | FullyConnected
        | MatMul => true,
        Pooling => pooling,
        _ => false,
    }
}

/// Computes every definition. `lowered` is the graph as the runtime executes it, `gpu` the runtime's GPU support table.
#[must_use]
pub fn fallback_rows(
    graph: &Graph,
    lowered: &LoweredGraph,
    runtime: &str,
    gpu: Option<&SupportTable>,
) -> Vec<FallbackRow> {
    let counts: Vec<_> = graph.operators.iter().map(|op| count_operator(graph, op)).collect();
    let read: Vec<(bool, bool, u64)> = counts
        .iter()
        .map(|c| (!is_cooperative(c.class, true), !is_cooperative(c.class, false), c.macs))
        .collect();
    let pooled = |op: &LoweredOperator| is_cooperative(op.class, true) || is_global_pooling(op);
    let mut rows = vec![
        share(
            "graph as read: no cooperative CPU+GPU kernel",
            read.iter().map(|&(away, _, macs)| (away, macs)),
        ),
        share(
            "graph as read: no cooperative kernel, pooling has none either",
            read.iter().map(|&(_, away, macs)| (away, macs)),
        ),
        share(
            &format!("lowered by {runtime}: no cooperative CPU+GPU kernel"),
            lowered.operators.iter().map(|op| (!pooled(op), op.macs)),
        ),
        share(
            &format!("lowered by {runtime}: no cooperative kernel, pooling has none either"),
            lowered.operators.iter().map(|op| (!is_cooperative(op.class, false), op.macs)),
        ),
    ];
    if let Some(table) = gpu {
        rows.push(share(
            &format!("lowered by {runtime}: no GPU kernel in the runtime's table"),
            lowered.operators.iter().map(|op| (!verdict(table, lowered, op).is_supported(), op.macs)),
        ));
    }
    let traffic = |wanted: &dyn Fn(OperatorClass) -> bool| {
        counts
            .iter()
            .filter(|c| wanted(c.class))
            .map(|c| (c.input_bytes + c.output_bytes + c.weight_bytes_read) as f64)
            .sum::<f64>()
    };
    let light = |class| !is_cooperative(class, false);
    let all = traffic(&|_| true);
    rows.push(FallbackRow {
        definition: "graph as read: bytes moved by operators other than convolutions and matrix products / bytes moved".to_owned(),
        operators: None,
        of: None,
        ratio: if all > 0.0 { traffic(&light) / all } else { 0.0 },
        ratio_macs: None,
    });
    rows.push(share(
        &format!("lowered by {runtime}: 1x1 convolutions (a coincidence for ResNet-50; no meaning known)"),
        lowered.operators.iter().map(|op| (kernel(op) == Some((1, 1)), op.macs)),
    ));
    rows.push(share(
        &format!("lowered by {runtime}: convolutions larger than 1x1 (likewise)"),
        lowered.operators.iter().map(|op| (kernel(op).is_some_and(|k| k != (1, 1)), op.macs)),
    ));
    rows
}

fn share(definition: &str, operators: impl Iterator<Item = (bool, u64)>) -> FallbackRow {
    let (mut away, mut all, mut macs_away, mut macs) = (0u64, 0u64, 0u128, 0u128);
    for (falls_back, cost) in operators {
        all += 1;
        macs += u128::from(cost);
        if falls_back {
            away += 1;
            macs_away += u128::from(cost);
        }
    }
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    FallbackRow {
        definition: definition.to_owned(),
        operators: Some(away),
        of: Some(all),
        ratio: ratio(away as f64, all as f64),
        ratio_macs: Some(ratio(macs_away as f64, macs as f64)),
    }
}

/// Global pooling that a runtime calls a mean is pooling all the same.
fn is_global_pooling(op: &LoweredOperator) -> bool {
    op.class == OperatorClass::Reduction && matches!(op.geometry, Geometry::Window(_))
}

fn kernel(op: &LoweredOperator) -> Option<(u64, u64)> {
    match (op.class, op.geometry) {
        (
            OperatorClass::Convolution
            | OperatorClass::GroupedConvolution
            | OperatorClass::DepthwiseConvolution,
            Geometry::Window(window),
        ) => Some((window.kernel_height, window.kernel_width)),
        _ => None,
    }
}
