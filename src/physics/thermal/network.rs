//! Linear thermal networks, advanced exactly.
//!
//! `C dT/dt = P - G (T - T_ambient)`: heat capacities `C`, conductances `G` between nodes and to ambient, power `P`
//! that is constant over the span (compact thermal models; HotSpot, TCAD). With `S = C^(-1/2) G C^(-1/2) = Q L Q^T`
//! every mode `z = Q^T C^(1/2) (T - T_ambient)` follows `z(t) = z e^(-l t) + (Q^T C^(-1/2) P) (1 - e^(-l t)) / l`.
//! Leakage that grows linearly with the temperature of its node folds into `G`; a mode with `l < 0` runs away.

use super::eigen;
use crate::units::Celsius;

/// A node of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Heat capacity in J/K, above 0.
    pub capacity: f64,
    /// Conductance to ambient in W/K, at least 0.
    pub to_ambient: f64,
}

/// A heat path between two nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Index of one node.
    pub from: usize,
    /// Index of the other.
    pub to: usize,
    /// Conductance in W/K, at least 0.
    pub conductance: f64,
}

/// Why nodes and links are not a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Capacities must be above zero, conductances at least zero, all finite.
    #[error("node {node}: capacity {capacity} J/K must be above 0, conductance {to_ambient} W/K at least 0")]
    Node {
        /// Index of the node.
        node: usize,
        /// Its capacity.
        capacity: f64,
        /// Its conductance to ambient.
        to_ambient: f64,
    },
    /// A link joins two different nodes with a conductance of at least zero.
    #[error("link {from} to {to} with {conductance} W/K does not join two of the {nodes} nodes")]
    Link {
        /// One end.
        from: usize,
        /// The other end.
        to: usize,
        /// Its conductance.
        conductance: f64,
        /// Number of nodes.
        nodes: usize,
    },
}

/// A network with its modes. Temperatures belong to the caller; nodes are indices.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    n: usize,
    /// `C^(1/2)` of every node.
    root: Vec<f64>,
    to_ambient: Vec<f64>,
    /// The symmetrised conductance matrix without leakage, row-major.
    matrix: Vec<f64>,
    leakage: Vec<f64>,
    rates: Vec<f64>,
    modes: Vec<f64>,
}

/// `(1 - e^(-l t)) / l`, which is `t` for `l = 0`.
pub(super) fn response(rate: f64, seconds: f64) -> f64 {
    let x = rate * seconds;
    if x.abs() < 1e-12 { seconds * (1.0 - x / 2.0) } else { -(-x).exp_m1() / rate }
}

/// The integral of [`response`] from 0 to `seconds`.
fn response_integral(rate: f64, seconds: f64) -> f64 {
    let x = rate * seconds;
    if x.abs() < 1e-3 {
        seconds * seconds * (0.5 - x / 6.0 + x * x / 24.0 - x * x * x / 120.0)
    } else {
        (seconds - response(rate, seconds)) / rate
    }
}

impl Network {
    /// Checks a network and finds its modes.
    ///
    /// # Errors
    /// [`NetworkError`] with the first node or link that breaks a rule.
    pub fn new(nodes: &[Node], links: &[Link]) -> Result<Self, NetworkError> {
        let n = nodes.len();
        for (node, &Node { capacity, to_ambient }) in nodes.iter().enumerate() {
            if !(capacity > 0.0 && capacity.is_finite() && to_ambient >= 0.0 && to_ambient.is_finite()) {
                return Err(NetworkError::Node { node, capacity, to_ambient });
            }
        }
        let root: Vec<f64> = nodes.iter().map(|node| node.capacity.sqrt()).collect();
        let mut matrix = vec![0.0; n * n];
        for (i, node) in nodes.iter().enumerate() {
            matrix[i * n + i] = node.to_ambient;
        }
        for &Link { from, to, conductance } in links {
            if from >= n || to >= n || from == to || !(conductance >= 0.0 && conductance.is_finite()) {
                return Err(NetworkError::Link { from, to, conductance, nodes: n });
            }
            matrix[from * n + from] += conductance;
            matrix[to * n + to] += conductance;
            matrix[from * n + to] -= conductance;
            matrix[to * n + from] -= conductance;
        }
        for i in 0..n {
            for j in 0..n {
                matrix[i * n + j] /= root[i] * root[j];
            }
        }
        let to_ambient = nodes.iter().map(|node| node.to_ambient).collect();
        let mut network =
            Self { n, root, to_ambient, matrix, leakage: vec![0.0; n], rates: Vec::new(), modes: Vec::new() };
        network.find_modes();
        Ok(network)
    }

    fn find_modes(&mut self) {
        let mut matrix = self.matrix.clone();
        for (i, leakage) in self.leakage.iter().enumerate() {
            matrix[i * self.n + i] -= leakage / (self.root[i] * self.root[i]);
        }
        (self.rates, self.modes) = eigen::symmetric(matrix, self.n);
    }

    /// Sets how much more power every node dissipates per kelvin (W/K); missing values are zero. The part of the
    /// leakage at ambient temperature belongs to the power given to [`Network::advance`]. Costs a decomposition, and
    /// nothing when the values are the present ones.
    pub fn set_leakage(&mut self, watts_per_kelvin: &[f64]) {
        let wanted = |i: usize| watts_per_kelvin.get(i).copied().unwrap_or(0.0);
        if (0..self.n).any(|i| self.leakage[i] != wanted(i)) {
            for i in 0..self.n {
                self.leakage[i] = wanted(i);
            }
            self.find_modes();
        }
    }

    /// Order, rates, shapes `Q / C^(1/2)` and weights `Q C^(1/2)` of the modes; matrices by node, then mode.
    pub(super) fn modes(&self) -> (usize, Vec<f64>, Vec<f64>, Vec<f64>) {
        let by_node = |of: fn(f64, f64) -> f64| {
            let modes = self.modes.iter().enumerate();
            modes.map(|(at, q)| of(*q, self.root[at / self.n])).collect()
        };
        (self.n, self.rates.clone(), by_node(|q, root| q / root), by_node(|q, root| q * root))
    }

    /// Number of nodes.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.n
    }

    /// Time constants in seconds, fastest first; infinite or negative ones mean that heat cannot leave, or that
    /// leakage runs away.
    #[must_use]
    pub fn time_constants(&self) -> Vec<f64> {
        let mut rates = self.rates.clone();
        rates.sort_by(|a, b| b.total_cmp(a));
        rates.into_iter().map(|rate| 1.0 / rate).collect()
    }

    /// Whether temperatures stay bounded.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.rates.iter().all(|rate| *rate > 0.0)
    }

    fn temperature(temperatures: &[Celsius], i: usize, ambient: Celsius) -> f64 {
        temperatures.get(i).map_or(0.0, |t| t.0 - ambient.0)
    }

    /// State and drive of mode `k`.
    fn mode(&self, k: usize, temperatures: &[Celsius], watts: &[f64], ambient: Celsius) -> (f64, f64) {
        let (mut state, mut drive) = (0.0, 0.0);
        for i in 0..self.n {
            let q = self.modes[i * self.n + k];
            state += q * self.root[i] * Self::temperature(temperatures, i, ambient);
            drive += q * watts.get(i).copied().unwrap_or(0.0) / self.root[i];
        }
        (state, drive)
    }

    /// Temperatures after `seconds` of constant power (W into each node; missing values are zero), written into
    /// `temperatures`, one per node. O(n^2), without allocation for up to eight nodes.
    pub fn advance(&self, temperatures: &mut [Celsius], watts: &[f64], ambient: Celsius, seconds: f64) {
        let mut small = [0.0; 8];
        let mut large = if self.n > small.len() { vec![0.0; self.n] } else { Vec::new() };
        let next: &mut [f64] = if self.n > small.len() { &mut large } else { &mut small };
        for k in 0..self.n {
            let (state, drive) = self.mode(k, temperatures, watts, ambient);
            let z = state * (-self.rates[k] * seconds).exp() + drive * response(self.rates[k], seconds);
            for (i, (rise, root)) in next.iter_mut().zip(&self.root).enumerate() {
                *rise += self.modes[i * self.n + k] * z / root;
            }
        }
        for (temperature, rise) in temperatures.iter_mut().zip(next.iter()).take(self.n) {
            *temperature = Celsius(ambient.0 + rise);
        }
    }

    /// Temperatures for ever constant power; meaningless unless [`Network::is_stable`].
    #[must_use]
    pub fn steady(&self, watts: &[f64], ambient: Celsius) -> Vec<Celsius> {
        let mut steady = vec![ambient; self.n];
        for k in 0..self.n {
            let (_, drive) = self.mode(k, &[], watts, ambient);
            for (i, temperature) in steady.iter_mut().enumerate() {
                temperature.0 += self.modes[i * self.n + k] * drive / self.rates[k] / self.root[i];
            }
        }
        steady
    }

    /// Heat above ambient that the nodes hold, in joules.
    #[must_use]
    pub fn stored(&self, temperatures: &[Celsius], ambient: Celsius) -> f64 {
        (0..self.n).map(|i| self.root[i].powi(2) * Self::temperature(temperatures, i, ambient)).sum()
    }

    /// Over the next `seconds` of constant power: heat that leaves to ambient, and heat that leakage above its value
    /// at ambient temperature adds, both in joules. `stored` grows by the power given plus the second less the first.
    #[must_use]
    pub fn exchanged(
        &self,
        temperatures: &[Celsius],
        watts: &[f64],
        ambient: Celsius,
        seconds: f64,
    ) -> (f64, f64) {
        let (mut lost, mut leaked) = (0.0, 0.0);
        for k in 0..self.n {
            let (state, drive) = self.mode(k, temperatures, watts, ambient);
            let z =
                state * response(self.rates[k], seconds) + drive * response_integral(self.rates[k], seconds);
            for i in 0..self.n {
                let kelvin_seconds = self.modes[i * self.n + k] * z / self.root[i];
                lost += self.to_ambient[i] * kelvin_seconds;
                leaked += self.leakage[i] * kelvin_seconds;
            }
        }
        (lost, leaked)
    }

    /// When `node` first reaches `threshold` under constant power, within `horizon` seconds; 0 if it has. A
    /// temperature is a sum of few exponentials: the span is cut into 256 pieces, fine near its start, and the
    /// first piece with a change of sign is bisected, so that an excursion shorter than a piece can be missed.
    #[must_use]
    pub fn time_to_reach(
        &self,
        node: usize,
        threshold: Celsius,
        temperatures: &[Celsius],
        watts: &[f64],
        ambient: Celsius,
        horizon: f64,
    ) -> Option<f64> {
        let at = |seconds: f64| {
            let mut later = temperatures.to_vec();
            self.advance(&mut later, watts, ambient, seconds);
            later.get(node).map_or(f64::NEG_INFINITY, |t| t.0)
        };
        let mut before = 0.0;
        if at(0.0) >= threshold.0 {
            return Some(0.0);
        }
        for piece in 1..=256 {
            let after = horizon * (f64::from(piece) / 256.0).powi(3);
            if at(after) >= threshold.0 {
                let (mut low, mut high) = (before, after);
                while high - low > 1e-12 * high && low < (low + high) / 2.0 && (low + high) / 2.0 < high {
                    let middle = (low + high) / 2.0;
                    if at(middle) >= threshold.0 { high = middle } else { low = middle }
                }
                return Some(high);
            }
            before = after;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMBIENT: Celsius = Celsius(25.0);

    fn one() -> Network {
        Network::new(&[Node { capacity: 12.5, to_ambient: 1.0 / 8.0 }], &[]).unwrap()
    }

    fn ladder(c: &[f64], r: &[f64]) -> Network {
        let last = c.len() - 1;
        let nodes: Vec<Node> = c
            .iter()
            .enumerate()
            .map(|(i, &capacity)| Node { capacity, to_ambient: if i == last { 1.0 / r[i] } else { 0.0 } })
            .collect();
        let links: Vec<Link> =
            (0..last).map(|i| Link { from: i, to: i + 1, conductance: 1.0 / r[i] }).collect();
        Network::new(&nodes, &links).unwrap()
    }

    fn after(network: &Network, watts: &[f64], seconds: f64) -> Vec<f64> {
        let mut temperatures = vec![AMBIENT; network.nodes()];
        network.advance(&mut temperatures, watts, AMBIENT, seconds);
        temperatures.iter().map(|t| t.0).collect()
    }

    #[track_caller]
    fn close(got: &[f64], expected: &[f64], tolerance: f64) {
        assert!(
            got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance),
            "{got:?} instead of {expected:?}"
        );
    }

    // Expected values: tests/data/oracles/physics.json (rc1, rc2, leak_linear) and analytic.json.
    #[test]
    fn one_node_agrees_with_the_oracle() {
        let network = one();
        close(&network.time_constants(), &[100.0], 1e-9);
        close(&after(&network, &[3.0], 100.0), &[40.170_893_411_885_39], 1e-9);
        close(&[network.steady(&[3.0], AMBIENT)[0].0], &[49.0], 1e-9);
        let crossing = network.time_to_reach(0, Celsius(45.0), &[AMBIENT], &[3.0], AMBIENT, 1000.0).unwrap();
        close(&[crossing], &[179.175_946_922_805_5], 1e-6);
        assert_eq!(network.time_to_reach(0, Celsius(50.0), &[AMBIENT], &[3.0], AMBIENT, 1e5), None);
    }

    #[test]
    fn two_nodes_agree_with_the_oracle() {
        let network = ladder(&[0.6, 45.0], &[6.0, 10.0]);
        close(&network.time_constants(), &[3.552_259_679_792_602_5, 456.047_740_320_208_05], 1e-8);
        for (seconds, expected) in [
            (1.0, [29.366_374_193_800_795, 25.008_441_945_677_255]),
            (10.0, [42.135_254_909_332_11, 25.434_369_430_753_108]),
            (300.0, [57.214_110_530_574_65, 39.338_722_927_623_32]),
        ] {
            close(&after(&network, &[3.0], seconds), &expected, 1e-9);
        }
        let steady = network.steady(&[3.0], AMBIENT);
        close(&[steady[0].0, steady[1].0], &[73.0, 55.0], 1e-8);
        let cauer = ladder(&[2.0, 40.0], &[5.0, 8.0]);
        close(&after(&cauer, &[4.0], 20.0), &[42.814_272_634_463_045, 26.083_200_712_016_6], 1e-5);
        close(&after(&cauer, &[4.0], 600.0), &[71.294_328_662_262_05, 51.463_892_997_183_436], 1e-5);
    }

    #[test]
    fn linear_leakage_agrees_with_the_oracle() {
        // P = 3 + 0.15 (1 + 0.02 (T - 25)): the part at 25 degC is power, the slope is conductance.
        let mut network = one();
        network.set_leakage(&[0.15 * 0.02]);
        close(&network.time_constants(), &[102.459_016_393_442_63], 1e-9);
        close(&[network.steady(&[3.15], AMBIENT)[0].0], &[50.819_672_131_147_54], 1e-9);
        assert!(network.is_stable());
        network.set_leakage(&[0.126]);
        assert!(!network.is_stable(), "R L0 k = 1.008");
        assert!(after(&network, &[3.0], 1e5)[0] > 1e4, "runs away");
        network.set_leakage(&[]);
        close(&network.time_constants(), &[100.0], 1e-9);
    }

    #[test]
    fn heat_in_is_heat_stored_and_heat_out() {
        let mut network = ladder(&[0.5, 30.0, 15.0], &[5.0, 1.5, 8.0]);
        network.set_leakage(&[0.01, 0.0, 0.0]);
        let mut temperatures = vec![Celsius(60.0), Celsius(30.0), AMBIENT];
        for (watts, seconds) in [(5.0, 0.001), (0.0, 3.0), (2.5, 400.0), (7.0, 1e-9)] {
            let before = network.stored(&temperatures, AMBIENT);
            let (lost, leaked) = network.exchanged(&temperatures, &[watts], AMBIENT, seconds);
            network.advance(&mut temperatures, &[watts], AMBIENT, seconds);
            let gained = network.stored(&temperatures, AMBIENT) - before;
            assert!(
                (watts * seconds + leaked - lost - gained).abs() < 1e-9 * before.max(1.0),
                "{watts} {seconds}"
            );
        }
    }

    #[test]
    fn steps_may_be_cut_and_scaled() {
        let network = ladder(&[0.5, 30.0, 15.0], &[5.0, 1.5, 8.0]);
        let mut cut = vec![AMBIENT; 3];
        for i in 1..=40 {
            network.advance(&mut cut, &[4.0], AMBIENT, f64::from(i) * 0.5);
        }
        close(&cut.iter().map(|t| t.0).collect::<Vec<_>>(), &after(&network, &[4.0], 410.0), 1e-9);
        // Half the power and the capacities, twice the resistances: the same temperatures.
        let scaled = ladder(&[0.25, 15.0, 7.5], &[10.0, 3.0, 16.0]);
        close(&after(&scaled, &[2.0], 77.0), &after(&network, &[4.0], 77.0), 1e-9);
    }

    #[test]
    fn a_throttled_node_swings_as_the_closed_form_says() {
        // analytic.json, throttle_limit_cycle: 6 W until 70 degC, 2 W until 65.
        let network = Network::new(&[Node { capacity: 5.0, to_ambient: 0.1 }], &[]).unwrap();
        let heat =
            |from: f64| network.time_to_reach(0, Celsius(70.0), &[Celsius(from)], &[6.0], AMBIENT, 200.0);
        close(
            &[heat(25.0).unwrap(), heat(65.0).unwrap()],
            &[69.314_718_055_994_53, 14.384_103_622_589_043],
            1e-6,
        );
        // Cooling to 65 is rising to -65 in a mirrored world.
        let mirror =
            network.time_to_reach(0, Celsius(-65.0), &[Celsius(-70.0)], &[-2.0], Celsius(-25.0), 200.0);
        close(&[mirror.unwrap()], &[11.157_177_565_710_489], 1e-6);
    }

    #[test]
    fn an_isolated_network_only_stores() {
        let network = Network::new(&[Node { capacity: 2.0, to_ambient: 0.0 }], &[]).unwrap();
        close(&after(&network, &[3.0], 10.0), &[40.0], 1e-9);
        assert!(!network.is_stable());
    }

    #[test]
    fn broken_networks_are_refused() {
        let node = Node { capacity: 1.0, to_ambient: 0.1 };
        let refused = |nodes: &[Node], links: &[Link]| Network::new(nodes, links).is_err();
        assert!(refused(&[Node { capacity: 0.0, ..node }], &[]));
        assert!(refused(&[Node { to_ambient: f64::NAN, ..node }], &[]));
        assert!(refused(&[node, node], &[Link { from: 0, to: 2, conductance: 1.0 }]));
        assert!(refused(&[node, node], &[Link { from: 1, to: 1, conductance: 1.0 }]));
        assert!(refused(&[node, node], &[Link { from: 0, to: 1, conductance: -1.0 }]));
        assert!(!refused(&[], &[]));
    }
}
