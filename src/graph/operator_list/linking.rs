//! Which earlier result an operator reads: found by side and channels, since lists state no edges.

use super::features::{Kernel, Map};
use crate::graph::lowered::{LoweredGraph, LoweredOperator, LoweredTensor};

/// Lists are of single-precision models.
const ELEMENT_BYTES: u64 = 4;

/// Steps after which the search for the operands of a concatenation gives up.
const SEARCH_STEPS: usize = 10_000;

/// The results of the operators so far.
#[derive(Debug, Default)]
pub(super) struct Linker {
    results: Vec<Source>,
    /// Tensor that hands the order on, of the latest operator.
    order: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    map: Map,
    tensor: u32,
    read: bool,
}

impl Linker {
    /// Shapes of all results so far.
    pub(super) fn sides(&self) -> Vec<Map> {
        self.results.iter().map(|r| r.map).collect()
    }

    /// Appends a kernel to the graph.
    pub(super) fn add(&mut self, graph: &mut LoweredGraph, kernel: Kernel) {
        let position = graph.operators.len() as u32;
        let sources = self.sources(&kernel);
        let mut inputs: Vec<u32> = sources.iter().map(|&i| self.results[i].tensor).collect();
        for i in sources {
            self.results[i].read = true;
        }
        if position == 0 {
            let input = tensor(graph, "input".to_owned(), kernel.input.elements(), shape(kernel.input));
            graph.inputs.push(input);
            inputs.push(input);
        }
        // The order is kept by the data where an operator reads its predecessor's result.
        let previous = self.results.last().map(|r| r.tensor);
        if let (Some(previous), Some(order)) = (previous, self.order)
            && !inputs.contains(&previous)
        {
            inputs.push(order);
        }
        let output =
            tensor(graph, format!("result {position}"), kernel.output.elements(), shape(kernel.output));
        let order = tensor(graph, format!("order {position}"), 0, Vec::new());
        let weight_bytes = kernel.weights.saturating_mul(ELEMENT_BYTES);
        graph.operators.push(LoweredOperator {
            name: format!("{} {position}", kernel.op_type),
            op_type: kernel.op_type.to_owned(),
            class: kernel.class,
            geometry: kernel.geometry,
            macs: kernel.macs,
            weight_bytes_read: weight_bytes,
            weight_bytes,
            inputs,
            outputs: vec![output, order],
            fused: Vec::new(),
            sources: vec![position],
        });
        self.results.push(Source { map: kernel.output, tensor: output, read: false });
        self.order = Some(order);
    }

    /// The positions in `results` that a kernel reads; empty if none fits, which keeps only the order.
    fn sources(&self, kernel: &Kernel) -> Vec<usize> {
        if kernel.inputs > 1 {
            return self.operands(kernel).unwrap_or_default();
        }
        let exact = self.results.iter().rposition(|r| r.map == kernel.input);
        // A fully connected layer reads a feature map flattened.
        let flat = || self.results.iter().rposition(|r| r.map.elements() == kernel.input.elements());
        exact.or_else(flat).into_iter().collect()
    }

    /// Results of one side whose channels add up: the latest unread ones first.
    fn operands(&self, kernel: &Kernel) -> Option<Vec<usize>> {
        let mut candidates: Vec<usize> =
            (0..self.results.len()).filter(|&i| self.results[i].map.same_plane(kernel.output)).collect();
        candidates.sort_by_key(|&i| (self.results[i].read, std::cmp::Reverse(i)));
        let wanted = usize::try_from(kernel.inputs).ok().filter(|&n| n <= candidates.len())?;
        let channels: Vec<u64> = candidates.iter().map(|&i| self.results[i].map.channels).collect();
        let mut chosen = Vec::with_capacity(wanted);
        let mut steps = SEARCH_STEPS;
        search(&channels, 0, wanted, kernel.output.channels, &mut chosen, &mut steps).then(|| {
            let mut found: Vec<usize> = chosen.into_iter().map(|c| candidates[c]).collect();
            found.sort_unstable();
            found
        })
    }

    /// Names the last result the graph's output.
    pub(super) fn finish(self, graph: &mut LoweredGraph) {
        graph.outputs = self.results.last().map(|r| r.tensor).into_iter().collect();
    }
}

/// Depth-first: `wanted` entries of `channels` from `from` on that sum to `total`, earliest entries first.
fn search(
    channels: &[u64],
    from: usize,
    wanted: usize,
    total: u64,
    chosen: &mut Vec<usize>,
    steps: &mut usize,
) -> bool {
    if wanted == 0 {
        return total == 0;
    }
    for i in from..channels.len() {
        if *steps == 0 || wanted > 64 {
            return false;
        }
        *steps -= 1;
        if let Some(rest) = total.checked_sub(channels[i]) {
            chosen.push(i);
            if search(channels, i + 1, wanted - 1, rest, chosen, steps) {
                return true;
            }
            chosen.pop();
        }
    }
    false
}

fn shape(map: Map) -> Vec<u64> {
    vec![1, map.channels, map.side, map.width]
}

fn tensor(graph: &mut LoweredGraph, name: String, elements: u64, shape: Vec<u64>) -> u32 {
    graph.tensors.push(LoweredTensor {
        name,
        shape,
        elements,
        element_bytes: ELEMENT_BYTES as f64,
        is_float: true,
        shared: false,
    });
    graph.tensors.len() as u32 - 1
}
