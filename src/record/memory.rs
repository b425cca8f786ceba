//! Peak of the memory that tensors need.

use std::collections::{BTreeMap, VecDeque};

use crate::graph::lowered::LoweredGraph;
use crate::simulation::memory::stored_bytes;
use crate::simulation::observer::{Observer, PlacedUnit, RequestId, TransferRecord};
use crate::soc::Platform;
use crate::units::SimTime;

/// What the peak counts, for outputs.
pub const DEFINITION: &str = "weights of all streams at the source model's precision, resident all the time (a key-value cache as at the last token; passes of \
     one generation count once), plus \
     the activations of all requests in flight (an operator's outputs from its start until the last \
     operator that reads them ends, inputs from admission, model outputs until the request ends, at the \
     precision of the executor that writes them), plus a second copy from arrival on of each tensor that \
     crossed without zero-copy sharing; no arena fragmentation, no scratch buffers";

/// An observer that finds the peak of memory, see [`DEFINITION`].
///
/// Operators are reported when they end but hold their outputs from their start. Changes are therefore
/// kept until no running unit can still report an earlier one; that is a handful of entries.
#[derive(Debug, Clone)]
pub struct MemoryPeak {
    streams: Vec<Table>,
    executors: usize,
    /// Per executor.
    scales: Vec<f64>,
    /// Per pair of executors, then per executor from the host: whether a crossing makes a second copy.
    copies: Vec<bool>,
    host_copies: Vec<bool>,
    open: BTreeMap<RequestId, Live>,
    spare: Vec<Live>,
    /// Units that run, with the time before which they report nothing any more.
    running: Vec<(RequestId, u32, SimTime)>,
    /// Changes not yet applied, ascending in time.
    pub(super) changes: VecDeque<(SimTime, i64)>,
    applied: SimTime,
    pub(super) current: i64,
    peak: i64,
}

/// Sizes and uses of one stream's tensors.
#[derive(Debug, Clone)]
struct Table {
    bytes: Vec<u64>,
    is_float: Vec<bool>,
    /// Number of operators that read each tensor; one more for model outputs, which nobody frees.
    uses: Vec<u32>,
    /// Per operator, each tensor once.
    reads: Vec<Vec<u32>>,
    writes: Vec<Vec<u32>>,
    inputs: Vec<u32>,
}

/// Tensors of one request: readers still to come and bytes held.
#[derive(Debug, Clone, Default)]
struct Live {
    uses: Vec<u32>,
    held: Vec<u64>,
}

impl MemoryPeak {
    /// An observer for streams that run `graphs` on `platform`.
    #[must_use]
    pub fn new(platform: &Platform, graphs: &[&LoweredGraph]) -> Self {
        let weights: u64 = graphs.iter().flat_map(|g| &g.operators).map(|o| o.weight_bytes).sum();
        Self {
            streams: graphs.iter().map(|graph| Table::new(graph)).collect(),
            executors: platform.executors.len(),
            scales: platform.executors.iter().map(|e| e.tensor_scale).collect(),
            copies: platform.crossings.iter().map(crate::soc::Crossing::makes_copy).collect(),
            host_copies: platform.host_in.iter().map(crate::soc::Crossing::makes_copy).collect(),
            open: BTreeMap::new(),
            spare: Vec::new(),
            running: Vec::new(),
            changes: VecDeque::new(),
            applied: SimTime::ZERO,
            current: weights as i64,
            peak: weights as i64,
        }
    }

    /// Counts so many bytes of weights instead of the sum over all streams: where streams share some
    /// ([`crate::simulation::memory::resident_weights`]). Before the run.
    pub fn set_weights(&mut self, bytes: u64) {
        (self.current, self.peak) = (bytes as i64, bytes as i64);
    }

    /// The peak so far; complete after [`Observer::ended`].
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let mut current = self.current;
        let mut peak = self.peak;
        let mut rest = self.changes.iter().peekable();
        while let Some(&(time, change)) = rest.next() {
            current += change;
            if rest.peek().is_none_or(|&&(next, _)| next > time) {
                peak = peak.max(current);
            }
        }
        peak.max(0) as u64
    }

    fn change(&mut self, time: SimTime, bytes: i64) {
        if bytes == 0 {
            return;
        }
        let time = time.max(self.applied);
        let position = self.changes.partition_point(|&(at, _)| at <= time);
        self.changes.insert(position, (time, bytes));
    }

    /// Applies all changes before the earliest time that anybody can still report.
    fn apply(&mut self, now: SimTime) {
        let safe = self.running.iter().map(|&(_, _, from)| from).min().map_or(now, |from| from.min(now));
        while let Some(&(time, _)) = self.changes.front() {
            if time >= safe {
                break;
            }
            // All changes of one instant count together: what is freed makes room for what is written.
            while let Some(&(at, bytes)) = self.changes.front()
                && at == time
            {
                self.current += bytes;
                self.changes.pop_front();
            }
            self.peak = self.peak.max(self.current);
        }
        self.applied = self.applied.max(safe);
    }
}

impl Table {
    fn new(graph: &LoweredGraph) -> Self {
        let once = |tensors: &[u32]| {
            let mut sorted = tensors.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            sorted
        };
        let reads: Vec<Vec<u32>> = graph.operators.iter().map(|o| once(&o.inputs)).collect();
        let mut uses = vec![0u32; graph.tensors.len()];
        for &tensor in reads.iter().flatten().chain(&graph.outputs) {
            if let Some(count) = uses.get_mut(tensor as usize) {
                *count += 1;
            }
        }
        Self {
            bytes: graph.tensors.iter().map(crate::graph::lowered::LoweredTensor::bytes).collect(),
            is_float: graph.tensors.iter().map(|t| t.is_float).collect(),
            uses,
            reads,
            writes: graph.operators.iter().map(|o| once(&o.outputs)).collect(),
            // An input that nobody reads occupies nothing.
            inputs: once(&graph.inputs),
        }
    }

    /// Bytes of a tensor at `scale` times the source precision; 0 for one that nobody reads.
    fn size(&self, tensor: u32, scale: f64) -> u64 {
        let index = tensor as usize;
        let (bytes, is_float) = (self.bytes.get(index), self.is_float.get(index));
        bytes.zip(is_float).map_or(0, |(&bytes, &is_float)| stored_bytes(bytes, is_float, scale))
    }
}

impl Observer for MemoryPeak {
    fn admitted(&mut self, now: SimTime, request: RequestId) {
        let Some(table) = self.streams.get(usize::from(request.stream)) else { return };
        let mut live = self.spare.pop().unwrap_or_default();
        live.uses.clone_from(&table.uses);
        live.held.clear();
        live.held.resize(table.bytes.len(), 0);
        let mut total = 0;
        for &tensor in &table.inputs {
            let index = tensor as usize;
            if live.uses.get(index).is_some_and(|&uses| uses > 0)
                && let Some(held) = live.held.get_mut(index)
            {
                *held = table.size(tensor, 1.0);
                total += *held;
            }
        }
        self.open.insert(request, live);
        self.change(now, total as i64);
        self.apply(now);
    }

    fn finished(&mut self, now: SimTime, request: RequestId) {
        if let Some(live) = self.open.remove(&request) {
            self.change(now, -(live.held.iter().sum::<u64>() as i64));
            self.spare.push(live);
        }
        self.apply(now);
    }

    fn unit_started(&mut self, now: SimTime, unit: PlacedUnit) {
        self.running.push((unit.request, unit.unit, now));
    }

    fn unit_finished(&mut self, now: SimTime, unit: PlacedUnit) {
        self.running.retain(|&(request, number, _)| (request, number) != (unit.request, unit.unit));
        self.apply(now);
    }

    fn operator_finished(&mut self, now: SimTime, start: SimTime, unit: PlacedUnit, operator: u32) {
        let Some(table) = self.streams.get(usize::from(unit.request.stream)) else { return };
        let Some(live) = self.open.get_mut(&unit.request) else { return };
        let scale = self.scales.get(usize::from(unit.executor.0)).copied().unwrap_or(1.0);
        let (mut written, mut freed) = (0, 0);
        for &tensor in table.writes.get(operator as usize).map_or(&[][..], Vec::as_slice) {
            let size = table.size(tensor, scale);
            if let Some(held) = live.held.get_mut(tensor as usize) {
                *held += size;
                written += size;
                if live.uses.get(tensor as usize) == Some(&0) {
                    freed += std::mem::take(held);
                }
            }
        }
        for &tensor in table.reads.get(operator as usize).map_or(&[][..], Vec::as_slice) {
            let index = tensor as usize;
            if let (Some(uses), Some(held)) = (live.uses.get_mut(index), live.held.get_mut(index)) {
                *uses = uses.saturating_sub(1);
                if *uses == 0 {
                    freed += std::mem::take(held);
                }
            }
        }
        self.change(start, written as i64);
        self.change(now, -(freed as i64));
        for entry in &mut self.running {
            if (entry.0, entry.1) == (unit.request, unit.unit) {
                entry.2 = now;
            }
        }
        self.apply(now);
    }

    fn transferred(&mut self, transfer: TransferRecord) {
        let Some((_, to)) = transfer.to else { return };
        let copied = match transfer.from {
            Some((_, from)) => {
                self.copies.get(usize::from(from.0) * self.executors + usize::from(to.0)).copied()
            }
            None => self.host_copies.get(usize::from(to.0)).copied(),
        };
        if copied != Some(true) {
            return;
        }
        let bytes = transfer.bytes.ceil() as u64;
        if let Some(held) =
            self.open.get_mut(&transfer.request).and_then(|live| live.held.get_mut(transfer.tensor as usize))
        {
            *held += bytes;
            self.change(transfer.end, bytes as i64);
        }
    }

    fn ended(&mut self, now: SimTime) {
        self.running.clear();
        self.apply(now.saturating_add(crate::units::SimDuration(1)));
    }
}
