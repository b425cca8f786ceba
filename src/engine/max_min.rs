//! Weighted max-min fairness: over one capacity, and over a network of capacities.

/// Shares `supply` among clients with a demand and a weight each, by water filling: no client gets more
/// than its demand, and the share per weight of every unsatisfied client is equal and at least that of the others.
///
/// `grants[i]` receives the share of client `i`. Demands and weights are not negative; a weight of zero gets
/// nothing while a positive one is unsatisfied. `order` is scratch space, so that nothing is allocated once
/// it has grown. O(n log n).
///
/// ```
/// let (mut grants, mut order) = ([0.0; 3], Vec::new());
/// hetsoc::engine::water_fill(30.0, &[4.0, 12.0, 20.0], &[1.0; 3], &mut grants, &mut order);
/// assert_eq!(grants, [4.0, 12.0, 14.0]);
/// ```
pub fn water_fill(supply: f64, demands: &[f64], weights: &[f64], grants: &mut [f64], order: &mut Vec<u32>) {
    order.clear();
    order.extend(0..demands.len() as u32);
    // Clients are satisfied in the order of demand per weight.
    let level = |i: u32| {
        let (demand, weight) = (demands[i as usize], weights[i as usize]);
        if weight > 0.0 { demand / weight } else { f64::INFINITY }
    };
    order.sort_unstable_by(|&a, &b| level(a).total_cmp(&level(b)).then(a.cmp(&b)));
    let mut left = supply;
    let mut weight_left: f64 = weights.iter().sum();
    for &client in order.iter() {
        let (demand, weight) = (demands[client as usize], weights[client as usize]);
        let fair = if weight_left > 0.0 && weight > 0.0 {
            // The last client takes what is left, exactly.
            if weight >= weight_left { left } else { left * (weight / weight_left) }
        } else if weight_left > 0.0 {
            0.0
        } else {
            left
        };
        let grant = demand.min(fair).max(0.0);
        grants[client as usize] = grant;
        left = (left - grant).max(0.0);
        weight_left -= weight;
        if weight_left < 1e-300 {
            weight_left = 0.0;
        }
    }
}

/// A flow of a [`FlowNetwork`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

/// Flows over links with capacities, sharing by weighted max-min fairness (progressive filling).
///
/// Adding or removing a flow re-solves only the connected component that it touches: the links it uses, the
/// flows on them, the links these use, and so on.
///
/// ```
/// use hetsoc::engine::FlowNetwork;
/// let mut network = FlowNetwork::new(&[10.0, 4.0]);
/// let both = network.add(&[0, 1], f64::INFINITY, 1.0);
/// let first = network.add(&[0], f64::INFINITY, 1.0);
/// let second = network.add(&[1], f64::INFINITY, 1.0);
/// assert_eq!([both, first, second].map(|f| network.rate(f)), [2.0, 8.0, 2.0]);
/// ```
#[derive(Debug, Clone)]
pub struct FlowNetwork {
    capacities: Vec<f64>,
    on_link: Vec<Vec<u32>>,
    flows: Vec<Flow>,
    free: Vec<u32>,
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Flow {
    links: Vec<u32>,
    cap: f64,
    weight: f64,
    rate: f64,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    links: Vec<u32>,
    flows: Vec<u32>,
    link_seen: Vec<bool>,
    flow_seen: Vec<bool>,
    fixed: Vec<bool>,
    left: Vec<f64>,
    weight: Vec<f64>,
}

impl FlowNetwork {
    /// A network of links with these capacities (not negative).
    #[must_use]
    pub fn new(capacities: &[f64]) -> Self {
        Self {
            capacities: capacities.to_vec(),
            on_link: vec![Vec::new(); capacities.len()],
            flows: Vec::new(),
            free: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Adds a flow over `links` (each once) that never exceeds `cap`, and shares by `weight` (positive).
    pub fn add(&mut self, links: &[u32], cap: f64, weight: f64) -> FlowId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.flows.push(Flow::default());
            (self.flows.len() - 1) as u32
        });
        let flow = &mut self.flows[id as usize];
        flow.links.clear();
        flow.links.extend_from_slice(links);
        (flow.cap, flow.weight, flow.rate) = (cap, weight, 0.0);
        for &link in links {
            self.on_link[link as usize].push(id);
        }
        if links.is_empty() {
            self.flows[id as usize].rate = cap;
        } else {
            self.solve_component(links[0]);
        }
        FlowId(id)
    }

    /// Removes a flow.
    pub fn remove(&mut self, id: FlowId) {
        let links = std::mem::take(&mut self.flows[id.0 as usize].links);
        for &link in &links {
            self.on_link[link as usize].retain(|&flow| flow != id.0);
        }
        self.flows[id.0 as usize].rate = 0.0;
        self.free.push(id.0);
        // Without the flow its links may belong to different components.
        for &link in &links {
            self.solve_component(link);
        }
    }

    /// Changes the capacity of a link.
    pub fn set_capacity(&mut self, link: u32, capacity: f64) {
        self.capacities[link as usize] = capacity;
        self.solve_component(link);
    }

    /// The rate that a flow receives.
    #[must_use]
    pub fn rate(&self, id: FlowId) -> f64 {
        self.flows[id.0 as usize].rate
    }

    fn solve_component(&mut self, start: u32) {
        let Self { capacities, on_link, flows, scratch, .. } = self;
        let Scratch { links, flows: members, link_seen, flow_seen, fixed, left, weight } = scratch;
        links.clear();
        members.clear();
        link_seen.clear();
        link_seen.resize(capacities.len(), false);
        flow_seen.clear();
        flow_seen.resize(flows.len(), false);
        links.push(start);
        link_seen[start as usize] = true;
        let mut at = 0;
        while at < links.len() {
            for &flow in &on_link[links[at] as usize] {
                if !std::mem::replace(&mut flow_seen[flow as usize], true) {
                    members.push(flow);
                    for &link in &flows[flow as usize].links {
                        if !std::mem::replace(&mut link_seen[link as usize], true) {
                            links.push(link);
                        }
                    }
                }
            }
            at += 1;
        }
        links.sort_unstable();
        members.sort_unstable();
        left.clear();
        left.extend_from_slice(capacities);
        weight.clear();
        weight.resize(capacities.len(), 0.0);
        for &flow in members.iter() {
            for &link in &flows[flow as usize].links {
                weight[link as usize] += flows[flow as usize].weight;
            }
        }
        fixed.clear();
        fixed.resize(flows.len(), false);
        let mut open = members.len();
        while open > 0 {
            // The level (rate per weight) at which the next link saturates or the next flow reaches its cap.
            let mut level = f64::INFINITY;
            for &link in links.iter() {
                if weight[link as usize] > 0.0 {
                    level = level.min(left[link as usize].max(0.0) / weight[link as usize]);
                }
            }
            for &flow in members.iter().filter(|&&f| !fixed[f as usize]) {
                level = level.min(flows[flow as usize].cap / flows[flow as usize].weight);
            }
            let tolerance = level * (1.0 + 1e-12);
            let saturated = |link: u32, left: &[f64], weight: &[f64]| {
                weight[link as usize] > 0.0
                    && left[link as usize].max(0.0) / weight[link as usize] <= tolerance
            };
            let mut closed = 0;
            // Decide on the state before this level is applied, then apply it.
            for &flow in members.iter() {
                let f = &flows[flow as usize];
                if !fixed[flow as usize]
                    && (f.cap / f.weight <= tolerance || f.links.iter().any(|&l| saturated(l, left, weight)))
                {
                    flow_seen[flow as usize] = false;
                    closed += 1;
                }
            }
            if closed == 0 {
                // Unreachable with finite numbers; without it a NaN would spin for ever.
                break;
            }
            for &flow in members.iter() {
                if !fixed[flow as usize] && !flow_seen[flow as usize] {
                    fixed[flow as usize] = true;
                    let f = &mut flows[flow as usize];
                    f.rate = (level * f.weight).min(f.cap);
                    for &link in &f.links {
                        left[link as usize] -= f.rate;
                        weight[link as usize] -= f.weight;
                        if weight[link as usize] < 1e-300 {
                            weight[link as usize] = 0.0;
                        }
                    }
                }
            }
            open -= closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(supply: f64, demands: &[f64], weights: &[f64]) -> Vec<f64> {
        let mut grants = vec![0.0; demands.len()];
        water_fill(supply, demands, weights, &mut grants, &mut Vec::new());
        grants
    }

    #[test]
    fn one_capacity() {
        assert_eq!(fill(30.0, &[20.0, 20.0, 20.0], &[1.0; 3]), [10.0, 10.0, 10.0]);
        assert_eq!(fill(30.0, &[25.0, 25.0], &[1.0, 2.0]), [10.0, 20.0]);
        assert_eq!(fill(30.0, &[5.0, 5.0], &[1.0, 1.0]), [5.0, 5.0]);
        assert_eq!(fill(0.0, &[5.0, 5.0], &[1.0, 1.0]), [0.0, 0.0]);
        assert_eq!(fill(3.0, &[5.0, 5.0], &[0.0, 1.0]), [0.0, 3.0]);
    }

    #[test]
    fn leaving_gives_back() {
        let mut network = FlowNetwork::new(&[1.0, 2.0, 3.0]);
        let flows: Vec<_> = [&[0, 1, 2][..], &[0], &[1], &[2], &[1, 2]]
            .iter()
            .map(|links| network.add(links, f64::INFINITY, 1.0))
            .collect();
        let rates: Vec<_> = flows.iter().map(|&f| network.rate(f)).collect();
        assert_eq!(rates, [0.5, 0.5, 0.75, 1.75, 0.75]);
        network.remove(flows[0]);
        assert_eq!(network.rate(flows[1]), 1.0);
        assert_eq!(network.rate(flows[2]), 1.0);
    }
}
