//! A sequence of placements as a schedule.

use super::super::list::{JointGraph, Schedule};
use crate::soc::ExecutorId;

/// Tasks in an order in which no reader precedes a producer, and where each runs.
pub(crate) type Sequence = Vec<(u32, ExecutorId)>;

/// The schedule in which every task starts as early as it can behind what precedes it in the sequence.
pub(crate) fn decode<'a>(joint: &'a JointGraph<'a>, sequence: &[(u32, ExecutorId)]) -> Schedule<'a> {
    let mut schedule = Schedule::new(joint, false);
    for &(task, executor) in sequence {
        let slot = schedule.trial(task, executor, joint.work(task, executor));
        schedule.place(task, slot);
    }
    schedule
}

/// The sequence of a schedule, in order of starts.
pub(crate) fn sequence_of(schedule: &Schedule<'_>) -> Sequence {
    schedule.by_start().into_iter().map(|(task, slot)| (task, slot.executor)).collect()
}
