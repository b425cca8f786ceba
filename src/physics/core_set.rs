//! The law of a set of cores that share an operator.
//!
//! Equation: the work is dealt out evenly in advance, so every core gets the share `s` of the most loaded one
//! ([`super::latency::largest_share`]) and the set waits for its slowest core:
//! ```text
//! t = max over cores i of combine(s x operations / rate_i, s x bytes / bandwidth_i)
//! ```
//! Source: MACE and TFLite split statically over threads; measured on Exynos 9820, two large and two medium
//! cores are slower than the two large ones alone. Validity: one thread per core, pinned; runtimes that let
//! fast cores steal work are underestimated.

use super::latency::{Level, combine, source_level};

/// One core of a set, or a whole device, at its clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// Peak arithmetic operations per second.
    pub peak: f64,
    /// Memory levels that it sees, nearest first, main memory last; at least one.
    pub levels: Vec<Level>,
}

/// What one worker is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Operations of the whole operator, at full efficiency.
    pub operations: f64,
    /// Share of it that the most loaded worker gets.
    pub share: f64,
    /// Bytes of activations of the whole operator.
    pub activation_bytes: f64,
    /// Bytes of constants of the whole operator.
    pub weight_bytes: f64,
    /// Bytes in use while the operator runs.
    pub working_set: f64,
    /// Bytes that pass between two uses of the same constants: the whole model.
    pub model_footprint: f64,
    /// Exponent of the combination.
    pub exponent: f64,
}

/// Time of a set, and what limits it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetTime {
    /// Seconds until the slowest worker is done.
    pub seconds: f64,
    /// The compute term of that worker in seconds.
    pub compute: f64,
    /// Its memory term in seconds.
    pub memory: f64,
    /// Bytes of the whole operator that come from or go to main memory.
    pub dram_bytes: f64,
}

/// Time of the operator on the set.
#[must_use]
pub fn time(workers: &[Worker], load: &Load) -> SetTime {
    let mut slowest = SetTime { seconds: 0.0, compute: 0.0, memory: 0.0, dram_bytes: 0.0 };
    for worker in workers {
        let compute = load.share * load.operations / worker.peak;
        let mut memory = 0.0;
        let mut dram_bytes = 0.0;
        let streams = [
            (load.activation_bytes, source_level(&worker.levels, load.working_set, load.share)),
            (load.weight_bytes, source_level(&worker.levels, load.model_footprint, 1.0)),
        ];
        for (bytes, level) in streams {
            if let Some(level) = level
                && bytes > 0.0
            {
                memory += load.share * bytes / level.rate;
                dram_bytes += if level.is_dram { bytes } else { 0.0 };
            }
        }
        let seconds = combine(compute, memory, load.exponent);
        let most_dram = slowest.dram_bytes.max(dram_bytes);
        if seconds > slowest.seconds {
            slowest = SetTime { seconds, compute, memory, dram_bytes: most_dram };
        } else {
            slowest.dram_bytes = most_dram;
        }
    }
    slowest
}

/// For each worker the share of the set's time during which it computes, the slowest 1, when the work is
/// compute-bound: the ratio of the slowest rate to its own.
#[must_use]
pub fn busy_shares(rates: &[f64]) -> Vec<f64> {
    let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    rates.iter().map(|rate| slowest / rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(peak: f64, bandwidth: f64) -> Worker {
        let dram = Level { capacity: f64::INFINITY, rate: bandwidth, private: false, is_dram: true };
        Worker { peak, levels: vec![dram] }
    }

    fn load(operations: f64, bytes: f64, share: f64) -> Load {
        Load {
            operations,
            share,
            activation_bytes: bytes,
            weight_bytes: 0.0,
            working_set: bytes,
            model_footprint: 0.0,
            exponent: f64::INFINITY,
        }
    }

    #[test]
    fn a_set_waits_for_its_slowest_core() {
        let pair = [worker(4.0, 1.0), worker(1.0, 1.0)];
        // Half of the work on a core of a quarter of the speed: slower than the fast core alone.
        assert_eq!(time(&pair, &load(8.0, 0.0, 0.5)).seconds, 4.0);
        assert_eq!(time(&pair[..1], &load(8.0, 0.0, 1.0)).seconds, 2.0);
        assert_eq!(busy_shares(&[4.0, 1.0]), [0.25, 1.0]);
    }

    #[test]
    fn equal_cores_divide_the_time() {
        let four: Vec<Worker> = (0..4).map(|_| worker(2.0, 1.0)).collect();
        assert_eq!(time(&four, &load(16.0, 4.0, 0.25)).seconds, 2.0);
        assert_eq!(time(&four, &load(16.0, 4.0, 0.25)).dram_bytes, 4.0);
    }
}
