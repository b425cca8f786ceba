//! Numbers for the states of the clocks, so that what was computed for one is known when it comes again.

use crate::physics::ClockRatios;

/// States that are remembered. A run visits some dozens.
const SEEN: usize = 64;

/// The last states of the clocks, with a number each.
#[derive(Debug)]
pub(super) struct RatioNumbers {
    /// Ratios of processors, then memory, as bits, one state behind the other.
    seen: Vec<u64>,
    numbers: Vec<u64>,
    /// The latest number.
    latest: u64,
}

impl RatioNumbers {
    pub(super) fn new(domains: usize) -> Self {
        Self { seen: Vec::with_capacity(SEEN * (domains + 1)), numbers: Vec::with_capacity(SEEN), latest: 0 }
    }

    /// The number of these ratios, above 0: the same as the last time, or one that no others ever had.
    pub(super) fn of(&mut self, ratios: &ClockRatios) -> u64 {
        let bits = || ratios.processors.iter().chain([&ratios.memory]).map(|ratio| ratio.to_bits());
        let width = ratios.processors.len() + 1;
        if let Some(at) = self.seen.chunks_exact(width).position(|seen| seen.iter().copied().eq(bits())) {
            return self.numbers[at];
        }
        self.latest += 1;
        if self.numbers.len() < SEEN {
            self.seen.extend(bits());
            self.numbers.push(self.latest);
        } else {
            // The oldest makes room.
            let at = self.latest as usize % SEEN;
            self.numbers[at] = self.latest;
            self.seen[at * width..(at + 1) * width].iter_mut().zip(bits()).for_each(|(old, new)| *old = new);
        }
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_keep_their_numbers_and_share_none() {
        let mut numbers = RatioNumbers::new(2);
        let state = |i: u32| ClockRatios { processors: vec![f64::from(i), 1.0], memory: f64::from(i % 3) };
        let first: Vec<u64> = (0..60).map(|i| numbers.of(&state(i))).collect();
        let again: Vec<u64> = (0..60).map(|i| numbers.of(&state(i))).collect();
        assert_eq!(first, again);
        // Many more than are remembered: whatever is forgotten comes back under a new number.
        let mut all: Vec<u64> = (0..300).map(|i| numbers.of(&state(i))).collect();
        assert_eq!(all[..60], first[..]);
        all.extend((0..60).map(|i| numbers.of(&state(i))));
        let distinct: std::collections::BTreeSet<u64> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(!distinct.contains(&0));
    }
}
