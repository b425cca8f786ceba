//! The loop of schedulers that compare all ready units with each other.

use super::joint::JointGraph;
use super::ranks::Ready;
use super::schedule::{Schedule, Slot};

/// A ready unit on one executor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub task: u32,
    pub slot: Slot,
}

/// When ready units are compared again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Batch {
    /// After every placement.
    #[default]
    Rescan,
    /// The present ready units are all placed before new ones are admitted (SAGA's Min-Min and Max-Min).
    Level,
}

/// Places ready units one after the other, without insertion. `choose` gets all candidates, the rows of a unit
/// together, units and executors by number, and names the one to be placed.
pub(super) fn schedule_ready<'a>(
    joint: &'a JointGraph<'a>,
    batch: Batch,
    mut choose: impl FnMut(&[Candidate]) -> Option<Candidate>,
) -> Schedule<'a> {
    let mut schedule = Schedule::new(joint, false);
    let (mut frontier, first) = Ready::new(joint);
    // What a ready unit needs does not change any more; only the executors' ends do.
    let mut ready: Vec<Waiting> = first.iter().map(|&task| Waiting::new(&schedule, joint, task)).collect();
    let (mut fresh, mut later) = (Vec::new(), Vec::new());
    let mut candidates = Vec::new();
    while !ready.is_empty() {
        let ends: Vec<u64> = joint.executors().iter().map(|&e| schedule.available(e)).collect();
        candidates.clear();
        for waiting in &ready {
            candidates.extend(waiting.choices.iter().map(|choice| choice.at(waiting.task, &ends)));
        }
        let Some(chosen) = choose(&candidates) else { break };
        schedule.place(chosen.task, chosen.slot);
        ready.retain(|waiting| waiting.task != chosen.task);
        frontier.schedule(joint, chosen.task, &mut fresh);
        later.extend(fresh.drain(..).map(|task| Waiting::new(&schedule, joint, task)));
        if batch == Batch::Rescan || ready.is_empty() {
            ready.append(&mut later);
            ready.sort_unstable_by_key(|waiting| waiting.task);
        }
    }
    schedule
}

struct Waiting {
    task: u32,
    choices: Vec<Choice>,
}

struct Choice {
    slot: Slot,
    ready: u64,
}

impl Waiting {
    fn new(schedule: &Schedule<'_>, joint: &JointGraph<'_>, task: u32) -> Self {
        let choice = |(executor, work): (_, u64)| {
            let (ready, conversion) = schedule.data_ready(task, executor);
            let length = work.saturating_add(conversion);
            // Start at zero: finish is the length, and done the length with the way out.
            let done = length.saturating_add(joint.output(task, executor));
            Choice { slot: Slot { executor, start: 0, finish: length, done }, ready }
        };
        Self { task, choices: joint.choices(task).map(choice).collect() }
    }
}

impl Choice {
    fn at(&self, task: u32, ends: &[u64]) -> Candidate {
        let start = self.ready.max(ends[self.slot.executor.0 as usize]);
        let Slot { executor, finish, done, .. } = self.slot;
        let slot =
            Slot { executor, start, finish: start.saturating_add(finish), done: start.saturating_add(done) };
        Candidate { task, slot }
    }
}

/// The first candidate with the smallest key.
pub(super) fn least<K: Ord>(candidates: &[Candidate], key: impl Fn(&Candidate) -> K) -> Option<Candidate> {
    candidates.iter().min_by_key(|candidate| key(candidate)).copied()
}

/// Best and second best completion of every ready unit; the second is `None` where one executor supports it.
pub(super) fn best_of_each(candidates: &[Candidate]) -> impl Iterator<Item = (Candidate, Option<u64>)> + '_ {
    candidates.chunk_by(|a, b| a.task == b.task).filter_map(|row| {
        let best = least(row, |c| c.slot.done)?;
        let second = row.iter().filter(|c| c.slot.executor != best.slot.executor).map(|c| c.slot.done).min();
        Some((best, second))
    })
}
