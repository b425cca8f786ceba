//! Tabu search over the critical path.

use super::super::list::JointGraph;
use super::decode::Sequence;
use super::moves::{Move, Mover};
use super::timing::Timing;
use crate::random;
use crate::soc::ExecutorId;
use rand::Rng;
use std::collections::HashMap;

/// Neighbours looked at in each step, drawn from all when there are more.
const NEIGHBOURS: usize = 48;

/// Behind every makespan.
const FORBIDDEN: u64 = u64::MAX;

/// Shortens a schedule by changing what its makespan rests on, in at most `tries` evaluations or until it is no longer than `enough`. Deterministic
/// in the seed.
///
/// A makespan rests on a chain of tasks, each waiting for the data or for the resource of the one before it. Runs that wait for one
/// resource are blocks; only moving a task to an end of its block, or running a task elsewhere, can shorten the schedule (Balas and Vazacopoulos
/// 1998, neighbourhood N6). The best neighbour is taken even when it is worse, what a move undid may not come back for a while
/// (Glover 1989; Nowicki and Smutnicki 1996), and after a while without success the search goes back to the best with a few random moves.
pub(super) fn improve(
    joint: &JointGraph<'_>,
    start: Sequence,
    tries: u64,
    enough: u64,
    seed: u64,
) -> (Sequence, u64) {
    let mut search = Search {
        joint,
        timing: Timing::new(joint),
        mover: Mover::new(joint),
        random: random::stream(seed, "tabu-search", &[]),
        orders: HashMap::new(),
        places: HashMap::new(),
        step: 0,
        left: tries,
    };
    search.run(start, enough)
}

struct Search<'a, R> {
    joint: &'a JointGraph<'a>,
    timing: Timing<'a>,
    mover: Mover<'a>,
    random: R,
    /// (a, b): until which step a may not be put before b.
    orders: HashMap<(u32, u32), u64>,
    /// Until which step a task may not return to an executor.
    places: HashMap<(u32, ExecutorId), u64>,
    step: u64,
    left: u64,
}

impl<R: Rng> Search<'_, R> {
    fn run(&mut self, start: Sequence, enough: u64) -> (Sequence, u64) {
        let mut best = start;
        let mut best_value = self.timing.of(&best).0;
        let mut here = best.clone();
        let (mut scratch, mut chosen) = (Vec::new(), Vec::new());
        let patience = 200 + 5 * self.joint.len() as u64;
        let mut fruitless = 0;
        while self.left > 0 && best_value > enough {
            self.step += 1;
            let neighbours = self.neighbours(&here);
            if neighbours.is_empty() {
                break;
            }
            let mut picked: Option<(u64, u64, Move)> = None;
            for change in neighbours {
                if self.left == 0 || !self.mover.apply(&here, change, &mut scratch) {
                    continue;
                }
                self.left -= 1;
                let value = self.timing.of(&scratch).0;
                // What is forbidden is taken when there is nothing else: the first, which is a random one.
                let rank = if value < best_value || !self.is_tabu(&here, change) { value } else { FORBIDDEN };
                if picked.is_none_or(|(known, _, _)| rank < known) {
                    picked = Some((rank, value, change));
                    std::mem::swap(&mut scratch, &mut chosen);
                }
            }
            if let Some((_, value, change)) = picked {
                self.forbid(&here, change);
                std::mem::swap(&mut here, &mut chosen);
                if value < best_value {
                    (best_value, fruitless) = (value, 0);
                    best.clone_from(&here);
                    continue;
                }
            }
            fruitless += 1;
            if fruitless > patience || picked.is_none() {
                fruitless = 0;
                here.clone_from(&best);
                self.shake(&mut here, &mut scratch);
            }
        }
        (best, best_value)
    }

    /// A few random moves.
    fn shake(&mut self, here: &mut Sequence, scratch: &mut Sequence) {
        self.orders.clear();
        self.places.clear();
        for _ in 0..3 + self.below(5) {
            let neighbours = self.neighbours(here);
            if neighbours.is_empty() {
                return;
            }
            let change = neighbours[self.below(neighbours.len())];
            if self.mover.apply(here, change, scratch) {
                std::mem::swap(here, scratch);
            }
        }
    }

    fn below(&mut self, n: usize) -> usize {
        (self.random.next_u64() % n.max(1) as u64) as usize
    }

    /// What may shorten the schedule, in a random order; the sequence is left timed and looked at.
    fn neighbours(&mut self, here: &Sequence) -> Vec<Move> {
        self.timing.of(here);
        self.mover.look(here);
        let random = &mut self.random;
        let path = self.timing.critical_path(|| random.next_u64() & 1 == 0);
        let mut moves = Vec::new();
        let mut first = 0;
        while first < path.len() {
            let mut last = first;
            while last + 1 < path.len() && path[last + 1].1 {
                last += 1;
            }
            let (head, tail) = (path[first].0, path[last].0);
            if last > first {
                moves.push(Move::Before(head, path[first + 1].0));
            }
            if last > first + 1 {
                moves.push(Move::After(path[last - 1].0, tail));
            }
            first = last + 1;
        }
        for &(task, _) in &path {
            let own = here[self.mover.place[task as usize]].1;
            let others: Vec<ExecutorId> =
                self.joint.choices(task).map(|(e, _)| e).filter(|&e| e != own).collect();
            let (low, high) = self.mover.window(task, here.len());
            for executor in others {
                let stay = self.mover.place[task as usize].clamp(low, high.max(low));
                moves.push(Move::Reassign(task, executor, stay));
                if high > low {
                    moves.push(Move::Reassign(task, executor, low + self.below(high - low + 1)));
                }
            }
        }
        for i in 0..moves.len().min(NEIGHBOURS) {
            let j = i + self.below(moves.len() - i);
            moves.swap(i, j);
        }
        moves.truncate(NEIGHBOURS);
        moves
    }

    /// The orders of pairs that a move makes, those of one resource only.
    fn made<'s>(&'s self, here: &'s Sequence, change: Move) -> impl Iterator<Item = (u32, u32)> + 's {
        let (first, second, is_before) = match change {
            Move::Before(first, second) => (first, second, true),
            Move::After(first, second) => (first, second, false),
            Move::Reassign(task, ..) => (task, task, true),
        };
        let place = |task: u32| self.mover.place[task as usize];
        let segment = if first == second { &[][..] } else { &here[place(first)..=place(second)] };
        let moved = if is_before { second } else { first };
        let own = here[place(moved)].1;
        segment
            .iter()
            .filter(move |&&(task, executor)| task != moved && executor == own)
            .map(move |&(task, _)| if is_before { (moved, task) } else { (task, moved) })
    }

    fn is_tabu(&self, here: &Sequence, change: Move) -> bool {
        let until = |known: Option<&u64>| known.is_some_and(|&until| until >= self.step);
        match change {
            Move::Reassign(task, executor, _) => until(self.places.get(&(task, executor))),
            _ => self.made(here, change).any(|pair| until(self.orders.get(&pair))),
        }
    }

    /// What the move undoes may not come back for a while.
    fn forbid(&mut self, here: &Sequence, change: Move) {
        let tenure = 6 + self.below(6) as u64;
        let until = self.step + tenure;
        if let Move::Reassign(task, ..) = change {
            let own = here[self.mover.place[task as usize]].1;
            self.places.insert((task, own), until);
            return;
        }
        let undone: Vec<(u32, u32)> = self.made(here, change).map(|(a, b)| (b, a)).collect();
        for pair in undone {
            self.orders.insert(pair, until);
        }
    }
}
