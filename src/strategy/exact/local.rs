//! Seeded local search over sequences of placements: a hill climb, then tabu search from its top.

use super::super::list::JointGraph;
use super::decode::Sequence;
use super::tabu;
use super::timing::Timing;
use crate::random;
use rand::Rng;

/// Tries to shorten a schedule in so many evaluations: a quarter climbs, the rest searches on from where that ends, until a schedule is no
/// longer than `enough`. Never longer than what it
/// began with; deterministic in the seed.
pub(crate) fn improve(
    joint: &JointGraph<'_>,
    sequence: Sequence,
    tries: u64,
    enough: u64,
    seed: u64,
) -> (Sequence, u64) {
    let top = climb(joint, sequence, tries / 4, seed);
    tabu::improve(joint, top, tries - tries / 4, enough, seed)
}

/// Tries to shorten a schedule by moving one task at a time: to another executor, to another place among the others, or both. A
/// change that is no worse (makespan, then the sum of what the executors' ends come to) is kept. Deterministic in the seed.
fn climb(joint: &JointGraph<'_>, mut sequence: Sequence, iterations: u64, seed: u64) -> Sequence {
    let mut timing = Timing::new(joint);
    let mut best = timing.of(&sequence);
    let mut random = random::stream(seed, "local-search", &[]);
    let mut below = |n: usize| (random.next_u64() % n.max(1) as u64) as usize;
    for _ in 0..iterations {
        if sequence.is_empty() {
            break;
        }
        let from = below(sequence.len());
        let (task, old) = sequence[from];
        let choices: Vec<_> = joint.choices(task).map(|(e, _)| e).collect();
        let kind = below(3);
        let executor = if kind == 1 { old } else { choices[below(choices.len())] };
        // Anywhere between its last producer and its first reader.
        let is_reader = |other: u32| joint.successors(task).any(|(reader, _)| reader == other);
        let is_producer = |other: u32| joint.predecessors(task).any(|(producer, _)| producer == other);
        let low = sequence[..from].iter().rposition(|&(other, _)| is_producer(other)).map_or(0, |at| at + 1);
        let high = sequence[from + 1..]
            .iter()
            .position(|&(other, _)| is_reader(other))
            .map_or(sequence.len() - 1, |at| from + at);
        let to = if kind == 0 { from } else { low + below(high - low + 1) };
        if to == from && executor == old {
            continue;
        }
        sequence.remove(from);
        sequence.insert(to, (task, executor));
        let now = timing.of(&sequence);
        if now <= best {
            best = now;
        } else {
            sequence.remove(to);
            sequence.insert(from, (task, old));
        }
    }
    sequence
}
