//! Model inputs and outputs: tensors that cross between the host and an executor.

use super::PlanningView;
use crate::graph::lowered::LoweredTensor;
use crate::soc::{Crossing, ExecutorId};
use crate::units::SimDuration;
use std::collections::BTreeSet;

/// Bytes of a tensor: a part that an executor's precision changes, and one that it does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    /// Bytes of what is not floating point.
    pub fixed: f64,
    /// Bytes of the floating-point elements at four each.
    pub float32: f64,
    /// Whether it lies where every executor sees it.
    pub shared: bool,
}

impl Size {
    /// The size of a tensor.
    pub(super) fn of(tensor: &LoweredTensor) -> Self {
        let shared = tensor.shared;
        if tensor.is_float {
            Self { fixed: 0.0, float32: 4.0 * tensor.elements as f64, shared }
        } else {
            Self { fixed: tensor.bytes() as f64, float32: 0.0, shared }
        }
    }

    /// Bytes where floating-point elements take `scale` times four bytes.
    pub(super) fn at(self, scale: f64) -> f64 {
        self.fixed + self.float32 * scale
    }
}

/// One tensor on its way between the host and an executor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostTransfer {
    /// Tensor number in the lowered graph.
    pub tensor: u32,
    /// Bytes that move.
    pub bytes: f64,
    /// Time under way.
    pub transfer: SimDuration,
    /// Time of rewriting into the reader's layout.
    pub conversion: SimDuration,
}

/// The host tensors of every unit with their costs on every executor.
#[derive(Debug, Clone, Default)]
pub(super) struct HostTensors {
    executors: usize,
    start: Vec<u32>,
    /// Row-major, tensors x executors; `None` where nothing has to cross.
    transfers: Vec<Option<HostTransfer>>,
}

impl HostTensors {
    /// Model inputs by the units that read them, as the application hands them over.
    pub(super) fn inputs(view: &PlanningView<'_>, unit_of: &[u32], units: usize) -> Self {
        let Some(graph) = view.operators else { return Self::default() };
        let mut read = vec![BTreeSet::new(); units];
        for (op, operator) in graph.operators.iter().enumerate() {
            read[unit_of[op] as usize].extend(operator.inputs.iter().filter(|t| graph.inputs.contains(t)));
        }
        Self::new(view, &read, &view.platform.host_in, |tensor, _| tensor.bytes() as f64)
    }

    /// Model outputs by the units that write them, at the precision of the executor.
    pub(super) fn outputs(view: &PlanningView<'_>, unit_of: &[u32], units: usize) -> Self {
        let Some(graph) = view.operators else { return Self::default() };
        let mut written = vec![BTreeSet::new(); units];
        for (op, operator) in graph.operators.iter().enumerate() {
            written[unit_of[op] as usize]
                .extend(operator.outputs.iter().filter(|t| graph.outputs.contains(t)));
        }
        Self::new(view, &written, &view.platform.host_out, |tensor, scale| Size::of(tensor).at(scale))
    }

    fn new(
        view: &PlanningView<'_>,
        tensors: &[BTreeSet<&u32>],
        crossings: &[Crossing],
        bytes: impl Fn(&LoweredTensor, f64) -> f64,
    ) -> Self {
        let Some(graph) = view.operators else { return Self::default() };
        let mut host = Self { executors: crossings.len(), start: vec![0], transfers: Vec::new() };
        for unit in tensors {
            for &&tensor in unit {
                for (crossing, executor) in crossings.iter().zip(&view.platform.executors) {
                    let bytes = bytes(&graph.tensors[tensor as usize], executor.tensor_scale);
                    host.transfers.push((*crossing != Crossing::NONE).then(|| HostTransfer {
                        tensor,
                        bytes,
                        transfer: crossing.transfer_time(bytes),
                        conversion: crossing.conversion_time(bytes),
                    }));
                }
            }
            host.start.push((host.transfers.len() / host.executors.max(1)) as u32);
        }
        host
    }

    /// Continues the units of this one by those of another.
    pub(super) fn append(&mut self, other: &Self) {
        let end = self.start.last().copied().unwrap_or(0);
        self.start.extend(other.start.iter().skip(1).map(|start| start + end));
        self.transfers.extend_from_slice(&other.transfers);
    }

    /// What has to cross for a unit on an executor.
    #[inline]
    pub(super) fn of(&self, unit: u32, executor: ExecutorId) -> impl Iterator<Item = HostTransfer> + '_ {
        let row = |unit: usize| self.start.get(unit).map_or(0, |&row| row as usize);
        let (from, to) =
            if self.start.is_empty() { (0, 0) } else { (row(unit as usize), row(unit as usize + 1)) };
        (from..to).filter_map(move |tensor| self.transfers[tensor * self.executors + executor.0 as usize])
    }
}
