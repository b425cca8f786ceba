//! Requests that wait for memory during a run.
//!
//! A request reserves, from admission to completion, the most that it can need. Whoever does not fit waits, and nobody overtakes the
//! oldest that waits for memory alone, over all streams: first come, first served. A request in flight waits for nobody's admission (stages of
//! chains hold memory only while they run themselves), and each fits alone; so everybody is admitted in the end.

use super::memory::Footprint;
use super::observer::Observer;
use super::problem::{Outcome, SimulationError};
use super::run::Simulation;
use crate::strategy::RequestId;
use crate::units::SimTime;

/// What is reserved.
#[derive(Debug)]
pub(super) struct Gate {
    limit: u64,
    reserved: u64,
    most: u64,
    requests: Vec<u64>,
    /// For each stream since when its next request waits for memory alone.
    since: Vec<Option<SimTime>>,
}

impl Gate {
    /// `None` where the application has no limit.
    pub(super) fn new(footprint: &Footprint) -> Option<Self> {
        let (reserved, requests) = (footprint.weights, footprint.requests.clone());
        let since = vec![None; requests.len()];
        Some(Self { limit: footprint.limit?, reserved, most: reserved, requests, since })
    }

    fn of(&self, stream: u16) -> u64 {
        self.requests.get(usize::from(stream)).copied().unwrap_or(0)
    }

    fn fits(&self, stream: u16) -> bool {
        self.reserved.saturating_add(self.of(stream)) <= self.limit
    }

    /// A request in flight is complete.
    pub(super) fn release(&mut self, stream: u16) {
        self.reserved = self.reserved.saturating_sub(self.of(stream));
    }

    fn reserve(&mut self, stream: u16) {
        self.reserved = self.reserved.saturating_add(self.of(stream));
        self.most = self.most.max(self.reserved);
    }

    /// Puts what was reserved and waited for into the outcome.
    pub(super) fn close(&self, end: SimTime, outcome: &mut Outcome) {
        outcome.reserved_bytes = Some(self.most);
        for (stream, since) in outcome.streams.iter_mut().zip(&self.since) {
            if let Some(since) = since {
                stream.waited_for_memory += end.since(*since);
            }
        }
    }
}

impl<O: Observer> Simulation<'_, O> {
    /// The next request of a stream that waits for memory alone: number and nominal arrival.
    fn waits_for_memory(&self, stream: usize) -> Option<(u32, SimTime)> {
        let state = &self.streams[stream];
        let next = state.queue.front().copied().or(state.held_back);
        next.filter(|_| state.in_flight < self.problem.streams[stream].queue.max_in_flight)
    }

    /// Whether a request that has just arrived can start at once, and its memory is then reserved.
    pub(super) fn has_memory(&mut self, stream: u16) -> bool {
        if self.memory.is_none() {
            return true;
        }
        let nobody_waits = (0..self.streams.len()).all(|other| self.waits_for_memory(other).is_none());
        match &mut self.memory {
            Some(gate) if nobody_waits && gate.fits(stream) => {
                gate.reserve(stream);
                true
            }
            _ => false,
        }
    }

    /// Notes which streams wait for memory, after something has changed.
    pub(super) fn note_memory_waits(&mut self, now: SimTime) {
        let Some(mut gate) = self.memory.take() else { return };
        for stream in 0..self.streams.len() {
            let waits = self.waits_for_memory(stream).is_some();
            let Some(since) = gate.since.get_mut(stream) else { continue };
            match *since {
                None if waits => *since = Some(now),
                Some(began) if !waits => {
                    self.outcome.streams[stream].waited_for_memory += now.since(began);
                    *since = None;
                }
                _ => {}
            }
        }
        self.memory = Some(gate);
    }

    /// Admits those that wait for memory, the oldest first, as long as the oldest fits.
    pub(super) fn admit_waiting(&mut self, now: SimTime) -> Result<(), SimulationError> {
        loop {
            let waiting = (0..self.streams.len()).filter_map(|stream| {
                self.waits_for_memory(stream).map(|(number, nominal)| (nominal, stream as u16, number))
            });
            let Some((nominal, stream, number)) = waiting.min() else { break };
            let Some(gate) = self.memory.as_mut().filter(|gate| gate.fits(stream)) else { break };
            gate.reserve(stream);
            let waited =
                gate.since.get(usize::from(stream)).is_some_and(|since| since.is_some_and(|t| t < now));
            self.outcome.streams[usize::from(stream)].memory_waits += u64::from(waited);
            let state = &mut self.streams[usize::from(stream)];
            let from_queue = state.queue.pop_front().is_some();
            let held = if from_queue { None } else { state.held_back.take() };
            self.admit(now, RequestId { stream, number }, nominal)?;
            if from_queue {
                self.release_held_back(now, stream)?;
            } else if held.is_some() && !self.sources[usize::from(stream)].is_closed() {
                self.schedule_arrival(stream, now);
            }
            // The next one of this stream begins to wait now.
            self.note_memory_waits(now);
        }
        self.note_memory_waits(now);
        Ok(())
    }
}
