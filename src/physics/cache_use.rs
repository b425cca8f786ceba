//! What each operator takes from the caches, for runs in which clients share them.
//!
//! The cost models say from which level each stream of an operator comes when it runs alone ([`super::latency::source_level`]).
//! Bytes from a shared cache are the ones that it can lose: with `s` bytes of the cache instead of all that it had alone,
//! [`super::cache::MissCurve::misses`] of them come from main memory, at the rate of main memory instead of the cache's.
//! A model fitted to measurements counts its own memory traffic; what it does not count and what no private cache holds is
//! then what shared caches serve. Validity: a fitted model that counts every byte as memory traffic has nothing to lose.

use super::arrangement::Arrangement;
use super::latency::{Work, source_level};
use super::machine::{Machine, Surroundings, weight_scale};
use crate::graph::lowered::{LoweredGraph, OperatorClass};
use crate::soc::ExecutorId;

/// Bytes of one execution of an operator by the level that serves them when it runs alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CacheUse {
    /// From private caches.
    pub private: f64,
    /// From shared caches.
    pub shared: f64,
    /// From or to main memory.
    pub memory: f64,
    /// Bytes that must stay in a shared cache for that.
    pub working_set: f64,
}

/// [`CacheUse`] of all operators of a graph on all executors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CacheUseTable {
    executors: usize,
    entries: Vec<CacheUse>,
}

impl CacheUseTable {
    /// Builds the table by calling `entry(operator, executor)`.
    #[must_use]
    pub fn new(
        operators: usize,
        executors: usize,
        mut entry: impl FnMut(usize, ExecutorId) -> CacheUse,
    ) -> Self {
        let pairs = (0..operators).flat_map(|o| (0..executors).map(move |e| (o, e)));
        let entries = pairs.map(|(o, e)| entry(o, ExecutorId(e as u16))).collect();
        Self { executors, entries }
    }

    /// The entry of an operator on an executor; nothing for operators that the table does not have.
    #[must_use]
    pub fn get(&self, operator: u32, executor: ExecutorId) -> CacheUse {
        self.find(operator, executor).1
    }

    /// The same with its number among the entries, which is below [`CacheUseTable::len`] for operators that the table has.
    #[must_use]
    pub fn find(&self, operator: u32, executor: ExecutorId) -> (usize, CacheUse) {
        let at = operator as usize * self.executors + usize::from(executor.0);
        (at, self.entries.get(at).copied().unwrap_or_default())
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Machine {
    /// What all operators of a graph take from the caches on all executors.
    #[must_use]
    pub fn cache_table(&self, graph: &LoweredGraph) -> CacheUseTable {
        let surroundings = Surroundings::of(self, graph);
        CacheUseTable::new(graph.operators.len(), self.models.len(), |position, executor| {
            self.cache_use(graph, position, executor, &surroundings).unwrap_or_default()
        })
    }

    /// Seconds by which a byte from main memory takes an executor longer than one from the nearest shared cache, at the
    /// machine's clocks; 0 without a shared cache.
    #[must_use]
    pub fn miss_seconds_per_byte(&self, executor: ExecutorId) -> f64 {
        let arrangement = self.models.get(usize::from(executor.0)).and_then(|m| m.arrangements.first());
        let Some(arrangement) = arrangement else { return 0.0 };
        let rate = |find: fn(&super::latency::Level) -> bool| {
            let workers = arrangement.workers.iter();
            let own = workers.filter_map(|(worker, _)| worker.levels.iter().find(|level| find(level)));
            own.map(|level| level.rate).sum::<f64>()
        };
        let cache = rate(|level| !level.private && !level.is_dram);
        let memory = rate(|level| level.is_dram);
        if cache > 0.0 && memory > 0.0 { (1.0 / memory - 1.0 / cache).max(0.0) } else { 0.0 }
    }

    fn cache_use(
        &self,
        graph: &LoweredGraph,
        position: usize,
        executor: ExecutorId,
        surroundings: &Surroundings,
    ) -> Option<CacheUse> {
        let operator = graph.operators.get(position)?;
        if matches!(operator.class, OperatorClass::View | OperatorClass::Sharing) {
            return None;
        }
        let memory = self.estimate_within(graph, position, executor, surroundings)?.cost.dram_bytes;
        let arrangement = self.arrangement(graph, operator, executor)?;
        let work = Work::of(graph, operator, arrangement.precision);
        let weights = surroundings.weights * weight_scale(&work, operator);
        Some(arrangement.cache_use(&work, weights, memory))
    }
}

impl Arrangement {
    /// The levels of the worker that sees the fewest, which a set waits for.
    fn cache_use(&self, work: &Work, model_weights: f64, memory: f64) -> CacheUse {
        let working_set = work.activation_bytes + work.weight_bytes;
        let footprint = model_weights + work.activation_bytes;
        let share = 1.0 / self.workers.len().max(1) as f64;
        let mut found = CacheUse { memory, ..CacheUse::default() };
        let Some((worker, _)) = self.workers.first() else { return found };
        let mut beyond = 0.0;
        for (bytes, needs, share) in
            [(work.activation_bytes, working_set, share), (work.weight_bytes, footprint, 1.0)]
        {
            match source_level(&worker.levels, needs, share) {
                Some(level) if level.private => found.private += bytes,
                Some(level) if !level.is_dram && bytes > 0.0 => {
                    found.shared += bytes;
                    found.working_set = found.working_set.max(needs);
                }
                _ => beyond += bytes,
            }
        }
        // Fitted models count their traffic themselves: what they count is not served by a shared cache as well.
        found.shared = found.shared.min((found.shared + beyond - memory).max(0.0));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_answers_for_what_it_has() {
        let table = CacheUseTable::new(2, 2, |o, e| CacheUse {
            shared: (o * 10 + usize::from(e.0)) as f64,
            ..CacheUse::default()
        });
        assert_eq!(table.get(1, ExecutorId(1)).shared, 11.0);
        assert_eq!(table.get(2, ExecutorId(0)), CacheUse::default());
    }
}
