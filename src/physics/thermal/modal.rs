//! Temperatures kept in the modes of their network, for runs that change powers far more often than they read temperatures.
//!
//! The same equation as [`Network::advance`], `dz/dt = drive - l z` for every mode: `z += r (drive - l z)` with
//! `r = (1 - e^(-l t)) / l`, and no change of coordinates until somebody asks for a temperature. For spans far below a time
//! constant, which most are, `r` is a series of four terms, exact to rounding.

use super::network::{Network, response};
use crate::units::Celsius;

/// Temperatures of a network, and the power into it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModalState {
    n: usize,
    ambient: Celsius,
    rates: Vec<f64>,
    /// Rise of node `i` with mode `k`, and drive of mode `k` by a watt into node `i`: element `i n + k`.
    shape: Vec<f64>,
    state: Vec<f64>,
    drive: Vec<f64>,
}

impl ModalState {
    /// A network at `temperatures` (one per node; missing ones are ambient), without power.
    #[must_use]
    pub fn new(network: &Network, temperatures: &[Celsius], ambient: Celsius) -> Self {
        let (n, rates, shape, weight) = network.modes();
        let rise = |i: usize| temperatures.get(i).map_or(0.0, |t| t.0 - ambient.0);
        let state = (0..n).map(|k| (0..n).map(|i| weight[i * n + k] * rise(i)).sum()).collect();
        Self { n, ambient, rates, shape, state, drive: vec![0.0; n] }
    }

    /// Power into each node from now on, in watts; missing values are zero.
    pub fn set_power(&mut self, watts: &[f64]) {
        for (k, drive) in self.drive.iter_mut().enumerate() {
            let parts = watts.iter().zip(self.shape.iter().skip(k).step_by(self.n.max(1)));
            *drive = parts.map(|(watts, shape)| watts * shape).sum();
        }
    }

    /// Lets `seconds` pass, at least 0.
    pub fn advance(&mut self, seconds: f64) {
        for ((state, drive), rate) in self.state.iter_mut().zip(&self.drive).zip(&self.rates) {
            let x = rate * seconds;
            let response = if x.abs() < 1e-3 {
                // The next term is below 1e-3^4 / 120 of the first.
                seconds * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0))))
            } else {
                response(*rate, seconds)
            };
            *state += response * (drive - rate * *state);
        }
    }

    /// Temperature of a node; ambient for a node that the network does not have.
    #[must_use]
    pub fn temperature(&self, node: usize) -> Celsius {
        let shape = self.shape.get(node * self.n..(node + 1) * self.n).unwrap_or(&[]);
        let rise: f64 = shape.iter().zip(&self.state).map(|(shape, state)| shape * state).sum();
        Celsius(self.ambient.0 + rise)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Link, Node};
    use super::*;

    #[test]
    fn many_short_steps_are_one_advance_of_the_network() {
        let node = |capacity, to_ambient| Node { capacity, to_ambient };
        let link = |from, to, conductance| Link { from, to, conductance };
        let mut network = Network::new(
            &[node(0.6, 0.0), node(45.0, 0.01), node(20.0, 0.14)],
            &[link(0, 1, 0.25), link(1, 2, 1.0)],
        )
        .unwrap();
        network.set_leakage(&[0.01, 0.0, 0.0]);
        let ambient = Celsius(25.0);
        let start = [Celsius(60.0), Celsius(33.0), Celsius(31.0)];
        // From microseconds, far below every time constant, to spans beyond the slowest.
        for (span, count) in [(3e-6, 1000), (2e-3, 500), (0.7, 200), (500.0, 20), (0.0, 1)] {
            let mut modal = ModalState::new(&network, &start, ambient);
            let mut nodes = start.to_vec();
            for step in 0..count {
                let watts = [f64::from(step % 7), 0.3, 0.0];
                modal.set_power(&watts);
                modal.advance(span);
                network.advance(&mut nodes, &watts, ambient, span);
            }
            for (node, expected) in nodes.iter().enumerate() {
                let got = modal.temperature(node);
                assert!((got.0 - expected.0).abs() < 1e-9, "{span} s, node {node}: {got:?} {expected:?}");
            }
        }
        assert_eq!(ModalState::new(&network, &[], ambient).temperature(9), ambient);
    }

    #[test]
    fn a_node_without_a_way_out_only_stores() {
        let network = Network::new(&[Node { capacity: 2.0, to_ambient: 0.0 }], &[]).unwrap();
        let mut modal = ModalState::new(&network, &[], Celsius(25.0));
        modal.set_power(&[3.0]);
        modal.advance(10.0);
        assert!((modal.temperature(0).0 - 40.0).abs() < 1e-9);
    }
}
