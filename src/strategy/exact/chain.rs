//! Dynamic programme for chains.

use super::super::list::JointGraph;
use super::decode::Sequence;

/// The optimal placement of a graph in which every task reads the one before it, in O(tasks x executors^2); `None` for another
/// graph, or where a task before the last writes a model output. Nothing runs beside a chain, so the earliest finish of each task on each
/// executor is all that matters.
pub(super) fn chain(joint: &JointGraph<'_>) -> Option<Sequence> {
    let order = joint.order();
    let last = order.last()?;
    for (before, &task) in std::iter::once(None).chain(order.iter().map(Some)).zip(order) {
        let follows = joint.predecessors(task).all(|(producer, _)| Some(&producer) == before);
        let writes = task != *last && joint.executors().iter().any(|&e| joint.output(task, e) > 0);
        if !follows || writes || (before.is_some() && joint.predecessors(task).len() == 0) {
            return None;
        }
    }
    let executors = joint.executors();
    let mut finishes: Vec<u64> = vec![0; executors.len()];
    let mut came_from: Vec<Vec<u16>> = Vec::new();
    for &task in order {
        let (_, unit) = joint.unit(task);
        let graph = joint.graph(task);
        let mut next = vec![u64::MAX; executors.len()];
        let mut from = vec![0; executors.len()];
        for (p, work) in joint.choices(task) {
            let inputs = graph.input_transfer(unit, p).0;
            let own: u64 = graph.inputs(unit, p).map(|input| input.conversion.0).sum();
            for &q in executors {
                let before = finishes[q.0 as usize];
                if before == u64::MAX {
                    continue;
                }
                let (mut ready, mut conversion) = (inputs.max(before), own);
                for (_, link) in joint.predecessors(task) {
                    ready = ready.max(before.saturating_add(graph.transfer(link, q, p).0));
                    conversion = conversion.saturating_add(graph.conversion(link, q, p).0);
                }
                let finish = ready.saturating_add(work).saturating_add(conversion);
                if finish < next[p.0 as usize] {
                    next[p.0 as usize] = finish;
                    from[p.0 as usize] = q.0;
                }
            }
        }
        finishes = next;
        came_from.push(from);
    }
    let done = |e: &&crate::soc::ExecutorId| finishes[e.0 as usize].saturating_add(joint.output(*last, **e));
    let mut at = *executors.iter().min_by_key(done)?;
    let mut sequence = Vec::with_capacity(order.len());
    for (&task, from) in order.iter().zip(&came_from).rev() {
        sequence.push((task, at));
        at = crate::soc::ExecutorId(from[at.0 as usize]);
    }
    sequence.reverse();
    Some(sequence)
}
