//! Tracks for spans that may overlap.

use crate::units::SimTime;

/// Tracks on which spans that overlap lie side by side.
pub(super) struct Lanes {
    first: u64,
    /// When each track is free again.
    free: Vec<SimTime>,
}

impl Lanes {
    pub(super) const fn new(first: u64) -> Self {
        Self { first, free: Vec::new() }
    }

    /// A track that is free from `start` on. Spans must come in order of their starts.
    pub(super) fn take(&mut self, start: SimTime, end: SimTime) -> u64 {
        let lane = self.free.iter().position(|&free| free <= start).unwrap_or_else(|| {
            self.free.push(SimTime::ZERO);
            self.free.len() - 1
        });
        if let Some(free) = self.free.get_mut(lane) {
            *free = end;
        }
        self.first + lane as u64
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = u64> {
        self.first..self.next()
    }

    pub(super) const fn next(&self) -> u64 {
        self.first + self.free.len() as u64
    }
}
