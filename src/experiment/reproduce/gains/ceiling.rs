//! What no strategy can exceed, whatever it does.

use crate::graph::dag::Dag;
use crate::physics::CostTable;
use crate::soc::ExecutorId;

/// Steps into which a price of 1 is divided.
const STEPS: usize = 40;

/// A lower bound on the time in which processors do one inference of every network, when whole inferences are divided among them in any
/// proportion. `times[network][processor]` is the time that the inference holds the processor; infinite where it cannot run.
///
/// By duality of that linear programme: for prices `p` of the processors that add up to 1, no division is done before the sum over
/// networks of `min p[e] times[m][e]`. The bound is the largest of these over a grid of prices, so it is a bound for every grid.
/// Cutting networks can be better than it only where processors differ in which layers they are good at.
pub(super) fn least_round(times: &[Vec<f64>]) -> f64 {
    let processors = times.first().map_or(0, Vec::len);
    let mut best = 0.0f64;
    let mut prices = vec![0usize; processors];
    grid(&mut prices, 0, STEPS, &mut |prices| {
        let cheapest = |own: &Vec<f64>| {
            let paid = own.iter().zip(prices).filter(|(time, _)| time.is_finite());
            paid.map(|(time, &price)| time * price as f64 / STEPS as f64).fold(f64::INFINITY, f64::min)
        };
        let bound: f64 = times.iter().map(cheapest).sum();
        if bound.is_finite() {
            best = best.max(bound);
        }
    });
    best
}

/// All ways of dividing `left` among the prices from `at` on.
fn grid(prices: &mut [usize], at: usize, left: usize, see: &mut impl FnMut(&[usize])) {
    if at + 1 >= prices.len() {
        if let Some(last) = prices.last_mut() {
            *last = left;
            see(prices);
        }
        return;
    }
    for own in 0..=left {
        if let Some(price) = prices.get_mut(at) {
            *price = own;
        }
        grid(prices, at + 1, left - own, see);
    }
}

/// Seconds of the longest way through a graph when each operator runs where it is fastest, moving is free and processors are unlimited.
pub(super) fn longest_way(dag: &Dag, costs: &CostTable) -> f64 {
    let mut ends = vec![0.0f64; dag.len()];
    for operator in dag.topological_order() {
        let fastest = (0..costs.executors() as u16)
            .filter_map(|executor| costs.get(operator, ExecutorId(executor)))
            .map(|cost| (cost.overhead + cost.alone).seconds())
            .fold(f64::INFINITY, f64::min);
        let before = dag.predecessors(operator).iter().map(|link| ends.get(link.node as usize).copied());
        let start = before.flatten().fold(0.0, f64::max);
        if let Some(end) = ends.get_mut(operator as usize) {
            *end = start + if fastest.is_finite() { fastest } else { 0.0 };
        }
    }
    ends.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would catch a bound that lies above what can be had, or far below it.
    #[test]
    fn rounds_against_divisions_on_paper() {
        // One network, 2 and 2: half each.
        assert!((least_round(&[vec![2.0, 2.0]]) - 1.0).abs() < 1e-9);
        // 3 and 1: a quarter on the slow one, 0.75.
        assert!((least_round(&[vec![3.0, 1.0]]) - 0.75).abs() < 0.02);
        // Two networks, each fast on its own processor: 1. Each unable on the other: 1 as well.
        assert!((least_round(&[vec![1.0, 9.0], vec![9.0, 1.0]]) - 1.0).abs() < 1e-9);
        assert!((least_round(&[vec![1.0, f64::INFINITY], vec![f64::INFINITY, 1.0]]) - 1.0).abs() < 0.06);
        // A single processor does all.
        assert!((least_round(&[vec![2.0], vec![3.0]]) - 5.0).abs() < 1e-9);
    }
}
