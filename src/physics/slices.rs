//! Costs of slices of operators, and of handing tensors over between the executors that compute them.

use super::cost_table::OperatorCost;
use super::machine::{Machine, Surroundings};
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass};
use crate::graph::partition::{Slice, sliced};
use crate::soc::{ExecutorId, Sharing};

/// What slices of one graph's operators cost on a machine: the same cost models as for whole operators, applied to the
/// sizes of the slice, so that the blocks, tiles and waves of a kernel are filled as the slice fills them.
#[derive(Debug)]
pub struct SliceCosts<'a> {
    machine: &'a Machine,
    graph: &'a LoweredGraph,
    surroundings: Surroundings,
}

impl<'a> SliceCosts<'a> {
    /// For the operators of `graph`.
    #[must_use]
    pub fn new(machine: &'a Machine, graph: &'a LoweredGraph) -> Self {
        Self { machine, graph, surroundings: Surroundings::of(machine, graph) }
    }

    /// The cost of a slice; `None` when the operator cannot be cut so, or not run there.
    #[must_use]
    pub fn slice(&self, operator: u32, slice: Slice, executor: ExecutorId) -> Option<OperatorCost> {
        let part = sliced(self.graph, self.graph.operators.get(operator as usize)?, slice)?;
        let inputs = (0..part.inputs.len() as u32).collect();
        let outputs = (part.inputs.len() as u32..(part.inputs.len() + part.outputs.len()) as u32).collect();
        let alone = LoweredGraph {
            operators: vec![LoweredOperator { inputs, outputs, ..part.operator }],
            tensors: part.inputs.into_iter().chain(part.outputs).collect(),
            ..LoweredGraph::default()
        };
        let surroundings = self.surroundings.around(&alone);
        Some(self.machine.estimate_within(&alone, 0, executor, &surroundings)?.cost)
    }

    /// Time in seconds for which the owner is occupied with letting other executors see `elements` elements; `None` when its
    /// runtime cannot.
    #[must_use]
    pub fn share(&self, elements: u64, owner: ExecutorId) -> Option<f64> {
        Some(self.machine.sharing(owner)?.share_seconds(elements as f64))
    }

    /// Time in seconds for which the owner is occupied with taking back `elements` elements that others have written.
    #[must_use]
    pub fn join(&self, elements: u64, owner: ExecutorId) -> Option<f64> {
        Some(self.machine.sharing(owner)?.join_seconds(elements as f64))
    }
}

/// Time of a step of handing over.
pub(super) fn hand_over(operator: &LoweredOperator, sharing: &Sharing) -> Option<f64> {
    let Geometry::Elements { read, .. } = operator.geometry else { return None };
    debug_assert_eq!(operator.class, OperatorClass::Sharing, "only these steps hand over");
    match operator.op_type.as_str() {
        "Join" => Some(sharing.join_seconds(read as f64)),
        "Enqueue" => sharing.enqueue_seconds(),
        _ => Some(sharing.share_seconds(read as f64)),
    }
}
