//! Costs as a function of the clocks, relative to the reference clocks at which a machine was compiled.
//!
//! Equation, with `r = f_ref / f` of the slowest clock that drives a worker and `m = memory_ref / memory`:
//! ```text
//! t(r, m)    = max over workers of combine(compute(r, m), traffic(r, m), p) + rest(r, m)
//! part(r, m) = core x r + memory x h(m) + constant
//! h(m)       = min(1, H) / min(1, H / m),   H = share of the memory supply / own limit, at the reference
//! ```
//! `h` says that a worker which cannot use all of its share of the memory supply does not notice a slower memory until
//! the share falls below its own limit. Source of the split: the same equations that give the cost at one clock
//! ([`super::latency`], [`super::tflite_cpu`], [`super::tflite_gpu`]); a test compares with machines compiled at other
//! clocks. Validity: caches behind the last private one keep their speed (their clock is not modelled), and traffic
//! does not change with the clock.

use super::latency::combine;
use crate::soc::ExecutorId;

/// Seconds at the reference clocks, by what they scale with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mix {
    /// Scales with the clock of the processor.
    pub core: f64,
    /// Scales with the rate of main memory.
    pub memory: f64,
    /// Does not change.
    pub constant: f64,
}

impl Mix {
    /// A part that scales with the processor's clock alone.
    #[must_use]
    pub const fn core(seconds: f64) -> Self {
        Self { core: seconds, memory: 0.0, constant: 0.0 }
    }

    /// A part that scales with main memory alone.
    #[must_use]
    pub const fn memory(seconds: f64) -> Self {
        Self { core: 0.0, memory: seconds, constant: 0.0 }
    }

    /// Its seconds when the processor is `core` times slower and memory `memory` times.
    #[must_use]
    pub fn at(&self, core: f64, memory: f64) -> f64 {
        self.core * core + self.memory * memory + self.constant
    }

    /// The same with the present state of the clocks as the new reference.
    #[must_use]
    pub const fn scaled(self, core: f64, memory: f64) -> Self {
        Self { core: self.core * core, memory: self.memory * memory, constant: self.constant }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: &Self) -> Self {
        Self {
            core: self.core + other.core,
            memory: self.memory + other.memory,
            constant: self.constant + other.constant,
        }
    }

    /// All seconds multiplied.
    #[must_use]
    pub const fn times(self, factor: f64) -> Self {
        Self { core: self.core * factor, memory: self.memory * factor, constant: self.constant * factor }
    }
}

/// Execution of an operator on one worker of a set, or on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Straggler {
    /// Bit for each clock domain that drives it; the slowest counts.
    pub domains: u32,
    /// Arithmetic.
    pub compute: Mix,
    /// Data movement that overlaps with the arithmetic.
    pub traffic: Mix,
    /// Exponent that combines both.
    pub exponent: f64,
    /// What comes on top.
    pub rest: Mix,
    /// Its share of the memory supply / what it can draw at most, at the reference; 0 when it takes any share.
    pub headroom: f64,
    /// For sets that deal work out as their cores become free: the share of the set's rate at the reference that each of its
    /// domains has, in the order of the bits; the set is then as fast as all together. All 0: the slowest counts.
    pub shares: [f64; 4],
}

impl Straggler {
    /// A worker whose time does not depend on any clock.
    pub const FIXED: Self = Self {
        domains: 0,
        compute: Mix { core: 0.0, memory: 0.0, constant: 0.0 },
        traffic: Mix { core: 0.0, memory: 0.0, constant: 0.0 },
        exponent: f64::INFINITY,
        rest: Mix { core: 0.0, memory: 0.0, constant: 0.0 },
        headroom: 0.0,
        shares: [0.0; 4],
    };

    /// Seconds with these clocks.
    #[must_use]
    pub fn seconds(&self, clocks: &ClockRatios) -> f64 {
        self.at(self.ratio(clocks), clocks.memory)
    }

    /// How much slower than at the reference its processors are.
    #[must_use]
    pub fn ratio(&self, clocks: &ClockRatios) -> f64 {
        if self.shares[0] == 0.0 {
            return clocks.slowest(self.domains);
        }
        let (mut left, mut rate) = (self.domains, 0.0);
        for share in self.shares {
            if left != 0 {
                rate += share / clocks.processors[left.trailing_zeros() as usize];
                left &= left - 1;
            }
        }
        1.0 / rate
    }

    /// Its time, in the unit of its parts, when the processor is `core` times slower and memory `memory` times.
    #[must_use]
    pub fn at(&self, core: f64, memory: f64) -> f64 {
        let memory = if self.headroom > 0.0 {
            self.headroom.min(1.0) / (self.headroom / memory).min(1.0)
        } else {
            memory
        };
        combine(self.compute.at(core, memory), self.traffic.at(core, memory), self.exponent)
            + self.rest.at(core, memory)
    }

    /// The same with the present state of the clocks as the new reference.
    #[must_use]
    pub const fn scaled(self, core: f64, memory: f64) -> Self {
        Self {
            compute: self.compute.scaled(core, memory),
            traffic: self.traffic.scaled(core, memory),
            rest: self.rest.scaled(core, memory),
            ..self
        }
    }

    /// All times multiplied.
    #[must_use]
    pub const fn times(self, factor: f64) -> Self {
        Self {
            compute: self.compute.times(factor),
            traffic: self.traffic.times(factor),
            rest: self.rest.times(factor),
            ..self
        }
    }
}

/// How much slower than at the reference every clock is.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockRatios {
    /// Reference clock / present clock, by clock domain.
    pub processors: Vec<f64>,
    /// Rate of main memory at the reference / present rate.
    pub memory: f64,
}

impl ClockRatios {
    /// All clocks at their reference.
    #[must_use]
    pub fn reference(domains: usize) -> Self {
        Self { processors: vec![1.0; domains], memory: 1.0 }
    }

    /// The ratio of the slowest of some domains; 1 for none.
    #[must_use]
    pub fn slowest(&self, domains: u32) -> f64 {
        let mut left = domains;
        let mut slowest = 0.0f64;
        while left != 0 {
            slowest = slowest.max(self.processors[left.trailing_zeros() as usize]);
            left &= left - 1;
        }
        if domains == 0 { 1.0 } else { slowest }
    }
}

/// How the cost of one operator on one executor scales.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scaling {
    /// Dispatch overhead, in any unit: only the proportions count.
    pub overhead: Mix,
    /// Domains whose clock the overhead follows.
    pub overhead_domains: u32,
    /// The workers; one for each group of equal workers. None: the execution does not depend on clocks.
    pub workers: Vec<Straggler>,
}

/// How all operators of a graph scale on all executors.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingTable {
    executors: usize,
    entries: Vec<Entry>,
    workers: Vec<Straggler>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    first: u32,
    count: u32,
    /// Seconds at the reference.
    reference: f64,
    overhead: Mix,
    overhead_domains: u32,
}

impl ScalingTable {
    /// Builds the table by calling `scaling(operator, executor)`; `None` means unsupported, or without clocks.
    #[must_use]
    pub fn new(
        operators: usize,
        executors: usize,
        domains: usize,
        mut scaling: impl FnMut(usize, ExecutorId) -> Option<Scaling>,
    ) -> Self {
        let reference = ClockRatios::reference(domains);
        let mut table = Self { executors, entries: Vec::new(), workers: Vec::new() };
        for operator in 0..operators {
            for executor in 0..executors {
                let own = scaling(operator, ExecutorId(executor as u16)).unwrap_or_default();
                let first = table.workers.len() as u32;
                table.workers.extend_from_slice(&own.workers);
                let total = own.overhead.at(1.0, 1.0);
                table.entries.push(Entry {
                    first,
                    count: own.workers.len() as u32,
                    reference: own.workers.iter().map(|w| w.seconds(&reference)).fold(0.0, f64::max),
                    overhead: if total > 0.0 { own.overhead.times(1.0 / total) } else { Mix::default() },
                    overhead_domains: own.overhead_domains,
                });
            }
        }
        table
    }

    /// Number of the entry of an operator on an executor, below [`ScalingTable::len`].
    #[must_use]
    pub fn index(&self, operator: u32, executor: ExecutorId) -> usize {
        operator as usize * self.executors + executor.0 as usize
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

    fn entry(&self, operator: u32, executor: ExecutorId) -> &Entry {
        &self.entries[self.index(operator, executor)]
    }

    /// Execution time with these clocks, and memory slower by another factor `memory`, / at the reference clocks; exactly
    /// 1 at the reference.
    #[must_use]
    pub fn execution(&self, operator: u32, executor: ExecutorId, clocks: &ClockRatios, memory: f64) -> f64 {
        self.execution_beside(operator, executor, clocks, memory, 0.0)
    }

    /// The same when data movement takes longer by `extra`, a share of the execution time at the reference, at least 0:
    /// what arithmetic hides of it costs nothing.
    #[must_use]
    pub fn execution_beside(
        &self,
        operator: u32,
        executor: ExecutorId,
        clocks: &ClockRatios,
        memory: f64,
        extra: f64,
    ) -> f64 {
        let entry = self.entry(operator, executor);
        let workers = &self.workers[entry.first as usize..(entry.first + entry.count) as usize];
        if entry.reference <= 0.0 {
            return 1.0 + extra * clocks.memory * memory;
        }
        let mut seconds = 0.0f64;
        for worker in workers {
            let mut worker = *worker;
            if extra > 0.0 {
                worker.traffic.memory += extra * entry.reference;
            }
            seconds = seconds.max(worker.at(worker.ratio(clocks), clocks.memory * memory));
        }
        seconds / entry.reference
    }

    /// Dispatch overhead with these clocks / at the reference clocks; exactly 1 at the reference.
    #[must_use]
    pub fn overhead(&self, operator: u32, executor: ExecutorId, clocks: &ClockRatios) -> f64 {
        let entry = self.entry(operator, executor);
        if entry.overhead_domains == 0 || entry.overhead.core == 0.0 {
            return 1.0;
        }
        // Proportions add up to 1 but for rounding; the form keeps the reference exact.
        1.0 + entry.overhead.core * (clocks.slowest(entry.overhead_domains) - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Straggler {
        Straggler {
            domains: 0b11,
            compute: Mix::core(3.0),
            traffic: Mix { core: 1.0, memory: 3.0, constant: 0.0 },
            exponent: 2.0,
            rest: Mix { core: 0.0, memory: 0.0, constant: 0.5 },
            headroom: 0.0,
            shares: [0.0; 4],
        }
    }

    #[test]
    fn parts_scale_with_their_clocks() {
        let mut clocks = ClockRatios::reference(2);
        assert_eq!(pair().seconds(&clocks), 5.5);
        // The slower of two domains counts: compute 6, traffic 2 + 6.
        clocks = ClockRatios { processors: vec![1.0, 2.0], memory: 2.0 };
        assert_eq!(pair().seconds(&clocks), 10.5);
    }

    #[test]
    fn sets_that_deal_out_tiles_are_as_fast_as_their_cores_together() {
        let set = Straggler {
            domains: 0b101,
            compute: Mix::core(6.0),
            shares: [0.25, 0.75, 0.0, 0.0],
            ..Straggler::FIXED
        };
        let clocks = ClockRatios { processors: vec![1.0, 9.0, 3.0], memory: 1.0 };
        assert_eq!(set.seconds(&clocks), 12.0);
    }

    #[test]
    fn slower_memory_is_not_felt_below_the_own_limit() {
        let reader = Straggler { domains: 1, traffic: Mix::memory(4.0), headroom: 2.0, ..Straggler::FIXED };
        let at = |memory| reader.seconds(&ClockRatios { processors: vec![1.0], memory });
        assert_eq!([at(1.0), at(2.0), at(4.0)], [4.0, 4.0, 8.0]);
        // It had less than its limit at the reference: a faster memory helps up to the limit.
        let starved = Straggler { headroom: 0.5, ..reader };
        let at = |memory| starved.seconds(&ClockRatios { processors: vec![1.0], memory });
        assert_eq!([at(1.0), at(0.5), at(0.1), at(2.0)], [4.0, 2.0, 2.0, 8.0]);
    }

    #[test]
    fn the_reference_is_exact() {
        let table = ScalingTable::new(1, 1, 2, |_, _| {
            Some(Scaling {
                overhead: Mix { core: 0.1, memory: 0.0, constant: 0.2 },
                overhead_domains: 1,
                workers: vec![pair(), Straggler { rest: Mix::core(0.3), ..Straggler::FIXED }],
            })
        });
        let clocks = ClockRatios::reference(2);
        assert_eq!(table.execution(0, ExecutorId(0), &clocks, 1.0), 1.0);
        assert_eq!(table.overhead(0, ExecutorId(0), &clocks), 1.0);
        let slow = ClockRatios { processors: vec![4.0, 4.0], memory: 1.0 };
        assert!((table.overhead(0, ExecutorId(0), &slow) - 2.0).abs() < 1e-12);
    }
}
