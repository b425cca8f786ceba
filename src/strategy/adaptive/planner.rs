//! Plans for given beliefs: which level each stream has, and where its units run.

use super::super::UnitGraph;
use super::super::list::{CommunicationMean, Heft, JointGraph, ListScheduler, Schedule};
use super::Objective;
use crate::soc::{ExecutorId, Platform};
use crate::units::SimDuration;

/// What the planner knows of one stream.
pub(super) struct Candidate<'a> {
    /// The cut.
    pub graph: &'a UnitGraph,
    /// Where its units run; `None` leaves that to the planner.
    pub places: Option<&'a [ExecutorId]>,
    /// Logarithm of observed / believed for this level.
    pub bias: f64,
    /// Time within which requests should be complete.
    pub deadline: Option<SimDuration>,
    /// Requests per second, or 1 for all when that of one is unknown.
    pub rate: f64,
}

/// A believed schedule.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Believed {
    /// Of each stream, where its units run.
    pub places: Vec<Vec<ExecutorId>>,
    /// Of each stream, when its request is done, without bias; picoseconds.
    pub done: Vec<f64>,
    /// What the objective compares: streams that miss, then a figure.
    pub cost: (usize, f64),
}

impl Believed {
    /// Whether this is better than another by a share.
    pub(super) fn beats(&self, other: &Self, margin: f64) -> bool {
        self.cost.0 < other.cost.0
            || self.cost.0 == other.cost.0 && self.cost.1 < other.cost.1 * (1.0 - margin)
    }
}

/// Schedules one request of each stream, all at once: by upward rank, each unit where it is done first or where it is told.
pub(super) fn schedule(
    platform: &Platform,
    objective: Objective,
    streams: &[Candidate<'_>],
    work: &dyn Fn(usize, u32, ExecutorId) -> Option<SimDuration>,
) -> Believed {
    let joint = JointGraph::of_graphs(platform, streams.iter().map(|s| s.graph).collect(), work);
    let schedule = if streams.iter().all(|s| s.places.is_none()) {
        Heft { mean: CommunicationMean::Pairs, insertion: true }.schedule(&joint)
    } else {
        Heft::placed(&joint, &|task| {
            let (stream, unit) = joint.unit(task);
            streams.get(stream).and_then(|s| s.places).and_then(|places| places.get(unit as usize).copied())
        })
    };
    read(platform, objective, streams, &joint, &schedule)
}

fn read(
    platform: &Platform,
    objective: Objective,
    streams: &[Candidate<'_>],
    joint: &JointGraph<'_>,
    schedule: &Schedule<'_>,
) -> Believed {
    let mut places: Vec<Vec<ExecutorId>> =
        streams.iter().map(|s| vec![ExecutorId(0); s.graph.len()]).collect();
    let mut done = vec![0.0_f64; streams.len()];
    let mut held = vec![0.0_f64; platform.resources.len()];
    for task in joint.tasks() {
        let Some(slot) = schedule.slot(task) else { continue };
        let (stream, unit) = joint.unit(task);
        places[stream][unit as usize] = slot.executor;
        done[stream] = done[stream].max(slot.done as f64);
        for resource in &platform.executor(slot.executor).resources {
            held[resource.0 as usize] += (slot.finish - slot.start) as f64 * streams[stream].rate;
        }
    }
    let biased = |(s, done): (&Candidate<'_>, &f64)| done * s.bias.exp();
    // A product, so that a per cent of a short stream counts like one of a long stream.
    let all: f64 = streams.iter().zip(&done).map(biased).map(|time| time.max(1.0) * 1e-12).product();
    let cost = match objective {
        Objective::Latency => (0, all),
        Objective::Throughput => (0, held.iter().copied().fold(0.0, f64::max)),
        Objective::Deadline => {
            // A tenth of the deadline is left for what varies.
            let late =
                |s: &Candidate<'_>, done: f64| s.deadline.is_some_and(|limit| done > 0.9 * limit.0 as f64);
            let misses = streams.iter().zip(&done).filter(|(s, done)| late(s, biased((s, done)))).count();
            let open = streams.iter().any(|s| s.deadline.is_none());
            (misses, if misses > 0 || open { all } else { held.iter().sum() })
        }
    };
    Believed { places, done, cost }
}
