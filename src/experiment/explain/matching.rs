//! Which operators of two runs are the same: those that stand for the same operators of the source graph.
//!
//! Runtimes fuse differently and strategies cut operators into slices, so that groups face each other: all operators, of either run, that
//! are tied by common source operators. Runs of different networks are tied by names.

use crate::config::Assembled;
use crate::graph::lowered::LoweredGraph;
use crate::graph::partition::Role;
use std::collections::BTreeMap;

/// Operators of both runs that belong together, in ascending order; a side is empty when the other run alone has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub a: Vec<u32>,
    pub b: Vec<u32>,
}

/// What ties operators together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    Source(u32),
    Name(String),
    /// Task of a plain task graph.
    Task(u32),
    /// A split of one of the runs: its parts, and the steps that share and join.
    Split(bool, u32),
}

/// Groups of the operators of a stream of each run, in the order in which the first, then the second, run has them.
pub(super) fn groups(a: (&Assembled, u16), b: (&Assembled, u16)) -> Vec<Group> {
    let same = source(a).is_some() && source(a) == source(b);
    let sides = [ties(a, same, false), ties(b, same, true)];
    let first = sides[0].len();
    let mut sets = Sets::new(first + sides[1].len());
    let mut known: BTreeMap<&Tie, usize> = BTreeMap::new();
    for (number, ties) in sides.iter().flatten().enumerate() {
        for tie in ties {
            let other = *known.entry(tie).or_insert(number);
            sets.join(number, other);
        }
    }
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for number in 0..first + sides[1].len() {
        let next = groups.len();
        let at = *place.entry(sets.root(number)).or_insert(next);
        if at == next {
            groups.push(Group::default());
        }
        let Some(group) = groups.get_mut(at) else { continue };
        if number < first {
            group.a.push(number as u32);
        } else {
            group.b.push((number - first) as u32);
        }
    }
    groups
}

/// The hash of a stream's model: runs of one model number its operators alike.
fn source((assembled, stream): (&Assembled, u16)) -> Option<&String> {
    let name = &assembled.problem.streams.get(usize::from(stream))?.name;
    let of = |role: &str| assembled.input_hashes.get(&format!("{role} {name}"));
    of("model").or_else(|| of("dag"))
}

/// For each operator of a stream what ties it to others.
fn ties((assembled, stream): (&Assembled, u16), same: bool, second: bool) -> Vec<Vec<Tie>> {
    let at = usize::from(stream);
    let Some(problem) = assembled.problem.streams.get(at) else { return Vec::new() };
    let Some(graph) = &problem.operators else {
        return (0..problem.dag.len() as u32).map(|task| vec![Tie::Task(task)]).collect();
    };
    let whole = assembled.whole.as_ref().and_then(|whole| whole.streams.get(at)?.operators.as_ref());
    let one = |(number, operator): (usize, &crate::graph::lowered::LoweredOperator)| {
        let role = problem.roles.get(number).copied();
        let mut ties: Vec<Tie> = match role {
            Some(Role::Part { split, .. } | Role::Share(split) | Role::Join(split)) => {
                vec![Tie::Split(second, split)]
            }
            _ => Vec::new(),
        };
        if matches!(role, Some(Role::Share(_) | Role::Join(_))) {
            return ties;
        }
        if same && !operator.sources.is_empty() {
            ties.extend(operator.sources.iter().map(|&source| Tie::Source(source)));
        } else {
            let name = name(role, whole, &operator.name);
            ties.push(if name.is_empty() { Tie::Task(number as u32) } else { Tie::Name(name) });
        }
        ties
    };
    graph.operators.iter().enumerate().map(one).collect()
}

/// The name of an operator before it was cut.
fn name(role: Option<Role>, whole: Option<&LoweredGraph>, own: &str) -> String {
    let cut = match role {
        Some(Role::Part { operator, .. }) => whole.and_then(|graph| graph.operators.get(operator as usize)),
        _ => None,
    };
    cut.map_or_else(|| own.to_owned(), |operator| operator.name.clone())
}

/// Disjoint sets.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut number: usize) -> usize {
        while let Some(&above) = self.0.get(number).filter(|&&above| above != number) {
            let over = self.0.get(above).copied().unwrap_or(above);
            if let Some(slot) = self.0.get_mut(number) {
                *slot = over;
            }
            number = over;
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.0.get_mut(one.max(other)) {
            *slot = one.min(other);
        }
    }
}
