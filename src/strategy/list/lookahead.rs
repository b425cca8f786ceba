//! HEFT that looks one step ahead.

use super::joint::JointGraph;
use super::planner::ListScheduler;
use super::ranks::{CommunicationMean, Means, by_upward_rank};
use super::schedule::{Schedule, Slot};

/// Takes units in the order of HEFT and places each where the readers of its data would finish first.
///
/// Source: Bittencourt, Sakellariou, Madeira, "DAG scheduling using a lookahead variant of the heterogeneous earliest finish time
/// algorithm", PDP 2010. For every executor the unit is placed tentatively, then all its readers by
/// finish time in order of rank, counting only producers that are placed; the executor with the smallest largest finish of a reader wins
/// (its own finish for a unit without readers). With insertion; ties to the smaller executor.
///
/// Granularity: operator, sub-graph or task. Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O(edges x executors^2 x producers of a reader), plus the search for gaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookahead {
    pub insertion: bool,
}

impl ListScheduler for Lookahead {
    fn name(&self) -> &'static str {
        "lookahead-heft"
    }

    fn schedule<'a>(&self, joint: &'a JointGraph<'a>) -> Schedule<'a> {
        let means = Means::new(joint, CommunicationMean::Pairs);
        let order = by_upward_rank(joint, &means);
        let mut turn = vec![0u32; joint.len()];
        for (number, &task) in (0u32..).zip(&order) {
            turn[task as usize] = number;
        }
        let mut schedule = Schedule::new(joint, self.insertion);
        let mut readers: Vec<u32> = Vec::new();
        for task in order {
            readers.clear();
            readers.extend(joint.successors(task).map(|(reader, _)| reader));
            readers.sort_unstable_by_key(|&reader| turn[reader as usize]);
            readers.dedup();
            let mut best: Option<(u64, Slot)> = None;
            for (executor, work) in joint.choices(task) {
                let slot = schedule.trial(task, executor, work);
                let value = outlook(&mut schedule, task, slot, &readers);
                if best.is_none_or(|(least, _)| value < least) {
                    best = Some((value, slot));
                }
            }
            if let Some((_, slot)) = best {
                schedule.place(task, slot);
            }
        }
        schedule
    }
}

/// The latest finish among the readers of a task that was placed in a slot; the schedule is left as it was.
fn outlook(schedule: &mut Schedule<'_>, task: u32, slot: Slot, readers: &[u32]) -> u64 {
    schedule.place(task, slot);
    let mut latest = None;
    for &reader in readers {
        if let Some(next) = schedule.first_done(reader) {
            schedule.place(reader, next);
            latest = latest.max(Some(next.done));
        }
    }
    readers.iter().for_each(|&reader| schedule.remove(reader));
    schedule.remove(task);
    latest.unwrap_or(slot.done)
}
