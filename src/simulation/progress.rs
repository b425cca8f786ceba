//! What strategies may know of the run so far.

use super::problem::StreamOutcome;
use super::state::{ResourceState, StreamState};
use crate::soc::ResourceId;
use crate::strategy::{Progress, ReadyUnit};
use crate::units::{SimDuration, SimTime};

/// A look at the state of a run.
pub(super) struct Seen<'a> {
    pub(super) streams: &'a [StreamState],
    pub(super) outcomes: &'a [StreamOutcome],
    pub(super) resources: &'a [ResourceState],
}

impl Progress for Seen<'_> {
    fn arrived(&self, unit: ReadyUnit) -> SimTime {
        let stream = self.streams.get(usize::from(unit.request.stream));
        stream
            .and_then(|stream| stream.slots.get(unit.slot as usize))
            .map_or(SimTime::ZERO, |slot| slot.nominal)
    }

    fn completed(&self, stream: u16) -> &[(u32, SimDuration)] {
        self.outcomes.get(usize::from(stream)).map_or(&[], |outcome| &outcome.latencies)
    }

    fn dropped(&self, stream: u16) -> u64 {
        self.outcomes.get(usize::from(stream)).map_or(0, |outcome| outcome.dropped)
    }

    fn queued(&self, resource: ResourceId) -> usize {
        self.resources.get(usize::from(resource.0)).map_or(0, |resource| resource.queue.len())
    }
}
