//! What CoDL believes a chain to take.

use crate::graph::lowered::LoweredGraph;
use crate::graph::partition::{Dimension, Slice, Split, extent, sliced};
use crate::soc::ExecutorId;
use crate::strategy::SlicingView;
use crate::strategy::co_execution::{Arrangement, Chain, Pair};
use crate::units::SimDuration;
use std::cell::RefCell;
use std::collections::HashMap;

type Key = (u32, Dimension, u64, u64, ExecutorId);

/// `T = sharing + max(CPU, GPU)` of chains, with every slice estimated once.
pub(super) struct Objective<'a> {
    view: &'a SlicingView<'a>,
    graph: &'a LoweredGraph,
    pair: Pair,
    /// Sharing of chains of several operators counts as nothing, as in the artifact, whose predictor resets it in its loop over the chain.
    faithful_bug: bool,
    /// Only looked up, never walked: its order decides nothing.
    known: RefCell<HashMap<Key, Option<SimDuration>>>,
}

impl<'a> Objective<'a> {
    pub(super) fn new(
        view: &'a SlicingView<'a>,
        graph: &'a LoweredGraph,
        pair: Pair,
        faithful_bug: bool,
    ) -> Self {
        Self { view, graph, pair, faithful_bug, known: RefCell::new(HashMap::new()) }
    }

    fn slice(&self, operator: u32, slice: Slice, executor: ExecutorId) -> Option<SimDuration> {
        let key = (operator, slice.dimension, slice.start, slice.end, executor);
        if let Some(&known) = self.known.borrow().get(&key) {
            return known;
        }
        let time = self.view.slices.slice(operator, slice, executor);
        self.known.borrow_mut().insert(key, time);
        time
    }

    /// A whole operator, by the same predictor as slices where it can be cut.
    fn whole(&self, operator: u32, executor: ExecutorId) -> Option<SimDuration> {
        let profiled = self.view.whole.estimates.execution(operator, executor)?;
        let found = self.graph.operators.get(operator as usize)?;
        let cut = Dimension::ALL.into_iter().find_map(|d| Some((d, extent(self.graph, found, d)?)));
        let believed = cut
            .and_then(|(dimension, end)| self.slice(operator, Slice { dimension, start: 0, end }, executor));
        Some(believed.unwrap_or(profiled))
    }

    fn elements(&self, tensors: &[u32]) -> u64 {
        tensors.iter().filter_map(|&t| self.graph.tensors.get(t as usize)).map(|t| t.elements).sum()
    }

    /// Time of a chain; `None` when an executor that would have to cannot compute a part of it.
    pub(super) fn time(&self, chain: &Chain) -> Option<SimDuration> {
        let total = |executor| -> Option<SimDuration> {
            let mut sum = SimDuration::ZERO;
            for &operator in &chain.operators {
                sum += self.whole(operator, executor)?;
            }
            Some(sum)
        };
        match chain.arrange(self.graph, self.pair) {
            Arrangement::Whole(executor) if executor == self.pair.gpu => total(executor),
            Arrangement::Whole(executor) => {
                // The GPU keeps the tensors.
                let head = self.graph.operators.get(*chain.operators.first()? as usize)?;
                let tail = self.graph.operators.get(*chain.operators.last()? as usize)?;
                let sharing = self.sharing(self.elements(&head.inputs), self.elements(&tail.outputs))?;
                Some(total(executor)? + sharing)
            }
            Arrangement::Cut(split) => self.cut(&split),
        }
    }

    fn sharing(&self, read: u64, written: u64) -> Option<SimDuration> {
        let (share, join) =
            (self.view.slices.share(read, self.pair.gpu)?, self.view.slices.join(written, self.pair.gpu)?);
        Some(share + join)
    }

    fn cut(&self, split: &Split) -> Option<SimDuration> {
        let last = self.graph.operators.get(*split.operators.last()? as usize)?;
        let (cut, end) = (*split.cuts.first()?, extent(self.graph, last, split.dimension)?);
        let (cpu, read, written) = self.part(split, 0, cut, self.pair.cpu)?;
        let (gpu, _, _) = self.part(split, cut, end, self.pair.gpu)?;
        let bug = self.faithful_bug && split.operators.len() > 1;
        let sharing = if bug { SimDuration::ZERO } else { self.sharing(read, written)? };
        Some(cpu.max(gpu) + sharing)
    }

    /// Time of one part of all operators of a chain, and the elements that it reads at the head and writes at the tail.
    fn part(
        &self,
        split: &Split,
        start: u64,
        end: u64,
        executor: ExecutorId,
    ) -> Option<(SimDuration, u64, u64)> {
        let mut slice = Slice { dimension: split.dimension, start, end };
        let mut time = SimDuration::ZERO;
        let (mut read, mut written) = (0, None);
        for &operator in split.operators.iter().rev() {
            time += self.slice(operator, slice, executor)?;
            let part = sliced(self.graph, self.graph.operators.get(operator as usize)?, slice)?;
            read = part.inputs.iter().map(|t| t.elements).sum();
            written = written.or_else(|| Some(part.outputs.iter().map(|t| t.elements).sum()));
            slice = Slice { start: part.input_rows.0, end: part.input_rows.1, ..slice };
        }
        Some((time, read, written?))
    }
}
