//! The most memory that one request can need, whatever the order in which its plan comes to run.

use super::memory::{may_run, stored_bytes};
use crate::graph::lowered::LoweredGraph;
use crate::soc::{ExecutorId, Network, Platform};
use crate::strategy::{Dispatch, Plan, UnitGraph};
use std::collections::BTreeSet;

/// An upper bound of the bytes that a request of a stream holds at a time, as [`crate::record::MemoryPeak`] counts them.
///
/// A tensor is held from the start of the operator that writes it to the end of the last that reads it; a copy for another domain is
/// counted for as long, though it arrives later. Which tensors can be held together: operators are put into an order that keeps
/// every precedence (data, the order within a unit, and the turns that the plan prescribes). An operator that all others come before or behind is
/// a narrow place: nothing behind it starts before everything in front of it has ended. Between two narrow places everything that is written
/// or still to be read counts at once. For a plan that prescribes one order every operator is a narrow place, and the bound is what the
/// run holds, but for copies under way. O(operators + edges), with logarithms.
pub(super) fn most_needed(platform: &Platform, graph: &LoweredGraph, plan: &Plan, units: &UnitGraph) -> u64 {
    let order = Order::of(platform, graph, plan, units);
    let narrow = order.narrow();
    // Between two narrow places, and at one: the last operator that may have begun, and the last one that has ended for sure; -1: none.
    let mut states: Vec<(i64, i64)> = Vec::with_capacity(2 * narrow.len() + 1);
    let mut before = -1;
    for &place in &narrow {
        states.push((place - 1, before));
        states.push((place, place - 1));
        before = place;
    }
    states.push((order.position.len() as i64 - 1, before));
    let mut changes = vec![0i128; states.len() + 1];
    for held in order.held(platform, graph, units) {
        let first = states.partition_point(|&(begun, _)| begun < held.from);
        let last = states.partition_point(|&(_, ended)| ended < held.to);
        if first < last {
            changes[first] += i128::from(held.bytes);
            changes[last] -= i128::from(held.bytes);
        }
    }
    let (mut now, mut most) = (0i128, 0i128);
    for change in changes {
        now += change;
        most = most.max(now);
    }
    u64::try_from(most).unwrap_or(u64::MAX)
}

/// Bytes that are held from the operator at one position to the one at another.
struct Held {
    from: i64,
    to: i64,
    bytes: u64,
}

/// Operators in an order that keeps every precedence.
struct Order {
    before: Vec<Vec<u32>>,
    behind: Vec<Vec<u32>>,
    order: Vec<u32>,
    position: Vec<i64>,
    unit_of: Vec<u32>,
}

impl Order {
    fn of(platform: &Platform, graph: &LoweredGraph, plan: &Plan, units: &UnitGraph) -> Self {
        let operators = graph.operators.len();
        let mut edges: BTreeSet<(u32, u32)> = BTreeSet::new();
        let dag = graph.dag();
        for op in 0..operators as u32 {
            edges.extend(dag.successors(op).iter().map(|link| (op, link.node)));
        }
        let mut unit_of = vec![0; operators];
        let ends =
            |unit: u32| (units.operators(unit).first().copied(), units.operators(unit).last().copied());
        for unit in 0..units.len() as u32 {
            let own = units.operators(unit);
            own.iter().for_each(|&op| unit_of[op as usize] = unit);
            edges.extend(own.windows(2).map(|pair| (pair[0], pair[1])));
        }
        let mut follows = |first: u32, second: u32| edges.extend(ends(first).1.zip(ends(second).0));
        match plan.dispatch {
            Dispatch::AtReady => {}
            Dispatch::Sequential => (1..units.len() as u32).for_each(|unit| follows(unit - 1, unit)),
            Dispatch::InOrder => {
                let mut turns: Vec<u32> = (0..units.len() as u32).collect();
                turns.sort_by_key(|&unit| units.key(unit));
                let mut last = vec![None; platform.resources.len()];
                for unit in turns {
                    for resource in units.planned(unit).iter().flat_map(|&e| &platform.executor(e).resources)
                    {
                        if let Some(previous) = last[resource.0 as usize].replace(unit) {
                            follows(previous, unit);
                        }
                    }
                }
            }
        }
        edges.retain(|(first, second)| first != second);
        let (mut before, mut behind) = (vec![Vec::new(); operators], vec![Vec::new(); operators]);
        for (first, second) in edges {
            before[second as usize].push(first);
            behind[first as usize].push(second);
        }
        let mut missing: Vec<usize> = before.iter().map(Vec::len).collect();
        let mut ready: BTreeSet<u32> =
            (0..operators as u32).filter(|&op| missing[op as usize] == 0).collect();
        let mut order = Vec::with_capacity(operators);
        while let Some(op) = ready.pop_first() {
            order.push(op);
            for &next in &behind[op as usize] {
                missing[next as usize] -= 1;
                if missing[next as usize] == 0 {
                    ready.insert(next);
                }
            }
        }
        let mut position = vec![0; operators];
        for (at, &op) in order.iter().enumerate() {
            position[op as usize] = at as i64;
        }
        Self { before, behind, order, position, unit_of }
    }

    /// Positions of operators that all others come before or behind, ascending.
    fn narrow(&self) -> Vec<i64> {
        // Everything up to an operator comes before it when it alone has nothing behind it so far.
        let alone = |order: &mut dyn Iterator<Item = u32>, links: &[Vec<u32>]| {
            let mut open = vec![false; self.order.len()];
            let mut count = 0usize;
            let mut alone = vec![false; self.order.len()];
            for op in order {
                for &other in &links[op as usize] {
                    count -= usize::from(std::mem::replace(&mut open[other as usize], false));
                }
                open[op as usize] = true;
                count += 1;
                alone[op as usize] = count == 1;
            }
            alone
        };
        let last = alone(&mut self.order.iter().copied(), &self.before);
        let first = alone(&mut self.order.iter().rev().copied(), &self.behind);
        let narrow = self.order.iter().filter(|&&op| last[op as usize] && first[op as usize]);
        narrow.map(|&op| self.position[op as usize]).collect()
    }

    /// Executors on which an operator may run.
    fn executors<'a>(
        &self,
        platform: &'a Platform,
        units: &'a UnitGraph,
        op: u32,
    ) -> impl Iterator<Item = ExecutorId> + 'a {
        let unit = self.unit_of[op as usize];
        let all = (0..platform.executors.len() as u16).map(ExecutorId);
        all.filter(move |&executor| may_run(units, unit, executor))
    }

    /// Most copies that readers can need: one for each domain that the tensor crosses to, on a bus also for each unit that reads.
    fn copies(
        &self,
        platform: &Platform,
        units: &UnitGraph,
        readers: &BTreeSet<u32>,
        crosses: impl Fn(ExecutorId) -> bool,
    ) -> u64 {
        let on_bus = matches!(platform.network, Network::SharedBus(_));
        let mut places = BTreeSet::new();
        for &reader in readers {
            let unit = if on_bus { self.unit_of[reader as usize] } else { 0 };
            let all = self.executors(platform, units, reader).filter(|&to| crosses(to));
            places.extend(all.map(|to| (unit, platform.executor(to).domain)));
        }
        places.len() as u64
    }

    fn held(&self, platform: &Platform, graph: &LoweredGraph, units: &UnitGraph) -> Vec<Held> {
        let mut readers: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); graph.tensors.len()];
        let mut writers: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); graph.tensors.len()];
        for (op, operator) in (0u32..).zip(&graph.operators) {
            for &tensor in &operator.inputs {
                readers[tensor as usize].insert(op);
            }
            for &tensor in &operator.outputs {
                writers[tensor as usize].insert(op);
            }
        }
        let outputs: BTreeSet<u32> = graph.outputs.iter().copied().collect();
        let inputs: BTreeSet<u32> = graph.inputs.iter().copied().collect();
        let mut all = Vec::new();
        for (number, tensor) in (0u32..).zip(&graph.tensors) {
            let (readers, writers) = (&readers[number as usize], &writers[number as usize]);
            let last =
                |ops: &BTreeSet<u32>| ops.iter().map(|&op| self.position[op as usize]).max().unwrap_or(-1);
            let to = if outputs.contains(&number) { i64::MAX } else { last(readers).max(last(writers)) };
            let is_input = inputs.contains(&number);
            if is_input && to >= 0 {
                let crosses = |to: ExecutorId| !tensor.shared && platform.host_in[to.0 as usize].makes_copy();
                let copies = self.copies(platform, units, readers, crosses);
                all.push(Held { from: -1, to, bytes: (1 + copies) * tensor.bytes() });
            }
            for &writer in writers {
                // Where it is written decides where else it is needed.
                let size = |from: ExecutorId| {
                    let scale = platform.executor(from).tensor_scale;
                    let moved = if tensor.is_float {
                        4.0 * tensor.elements as f64 * scale
                    } else {
                        tensor.bytes() as f64
                    };
                    let crosses = |to: ExecutorId| !tensor.shared && platform.crossing(from, to).makes_copy();
                    let copies = self.copies(platform, units, readers, crosses);
                    stored_bytes(tensor.bytes(), tensor.is_float, scale) + copies * moved.ceil() as u64
                };
                let bytes = self.executors(platform, units, writer).map(size).max().unwrap_or(0);
                all.push(Held { from: self.position[writer as usize], to, bytes });
            }
        }
        all
    }
}
