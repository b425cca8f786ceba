//! A bare task graph in compressed sparse rows: what the simulation and list schedulers walk.

use crate::soc::ExecutorId;
use crate::units::SimDuration;
use petgraph::graph::{DiGraph, NodeIndex};

/// One edge as seen from one of its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The node at the other end.
    pub node: u32,
    /// Which tensor flows; two edges with the same source and tensor carry the same data.
    pub tensor: u32,
    /// Bytes that flow, at the source model's precision.
    pub bytes: f64,
}

/// A transfer whose time was measured: it takes that, whatever the crossing between its executors says. Within one
/// domain nothing crosses, and it does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenTransfer {
    /// The tensor.
    pub tensor: u32,
    /// Where it lies.
    pub from: ExecutorId,
    /// Where it is read.
    pub to: ExecutorId,
    /// Time until it has arrived.
    pub time: SimDuration,
}

/// A directed acyclic graph whose node numbers are a topological order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dag {
    given: Box<[GivenTransfer]>,
    nodes: usize,
    pred_start: Box<[u32]>,
    preds: Box<[Link]>,
    succ_start: Box<[u32]>,
    succs: Box<[Link]>,
}

/// Why edges do not form a task graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DagError {
    /// An edge names a node that does not exist.
    #[error("edge {source_node} -> {target} names a node outside 0..{nodes}")]
    DanglingEdge {
        /// Source as given.
        source_node: u32,
        /// Target as given.
        target: u32,
        /// Number of nodes.
        nodes: usize,
    },
    /// The edges contain a cycle.
    #[error("the graph has a cycle: {}", .cycle.iter().map(u32::to_string).collect::<Vec<_>>().join(" -> "))]
    Cycle {
        /// One shortest cycle, the first node repeated at the end.
        cycle: Vec<u32>,
    },
}

impl Dag {
    /// Builds a graph from `(source, target, bytes, tensor)`, where `source < target` holds already.
    pub(crate) fn from_sorted(nodes: usize, edges: &[(u32, u32, u64, u32)]) -> Self {
        let edges: Vec<_> = edges.iter().map(|&(s, t, bytes, tensor)| (s, t, bytes as f64, tensor)).collect();
        Self::build(nodes, &edges)
    }

    /// Builds a graph from `(source, target, bytes)`, each edge its own data.
    ///
    /// Node numbers need not be a topological order; [`Dag::topological_order`] gives one.
    ///
    /// # Errors
    /// [`DagError`] for an edge to nowhere or a cycle (one shortest cycle is named).
    pub fn new(nodes: usize, edges: &[(u32, u32, f64)]) -> Result<Self, DagError> {
        for &(source_node, target, _) in edges {
            if source_node as usize >= nodes || target as usize >= nodes {
                return Err(DagError::DanglingEdge { source_node, target, nodes });
            }
        }
        if edges.iter().any(|&(source, target, _)| source >= target) {
            let mut graph = DiGraph::<(), ()>::with_capacity(nodes, edges.len());
            for _ in 0..nodes {
                graph.add_node(());
            }
            for &(source, target, _) in edges {
                graph.add_edge(NodeIndex::new(source as usize), NodeIndex::new(target as usize), ());
            }
            if petgraph::algo::toposort(&graph, None).is_err() {
                return Err(DagError::Cycle { cycle: shortest_cycle(&graph) });
            }
        }
        let with_tensor: Vec<_> =
            edges.iter().enumerate().map(|(i, &(s, t, bytes))| (s, t, bytes, i as u32)).collect();
        Ok(Self::build(nodes, &with_tensor))
    }

    fn build(nodes: usize, edges: &[(u32, u32, f64, u32)]) -> Self {
        let rows = |key: fn(&(u32, u32, f64, u32)) -> u32, other: fn(&(u32, u32, f64, u32)) -> u32| {
            let mut start = vec![0u32; nodes + 1];
            for edge in edges {
                start[key(edge) as usize + 1] += 1;
            }
            for i in 0..nodes {
                start[i + 1] += start[i];
            }
            let mut next = start.clone();
            let mut links = vec![Link { node: 0, tensor: 0, bytes: 0.0 }; edges.len()];
            for edge in edges {
                let slot = &mut next[key(edge) as usize];
                links[*slot as usize] = Link { node: other(edge), tensor: edge.3, bytes: edge.2 };
                *slot += 1;
            }
            (start.into_boxed_slice(), links.into_boxed_slice())
        };
        let (pred_start, preds) = rows(|e| e.1, |e| e.0);
        let (succ_start, succs) = rows(|e| e.0, |e| e.1);
        Self { given: Box::default(), nodes, pred_start, preds, succ_start, succs }
    }

    /// The same graph with transfers of measured times; of several for one tensor and pair the first counts.
    #[must_use]
    pub fn with_given(self, mut given: Vec<GivenTransfer>) -> Self {
        given.sort_by_key(|g| (g.tensor, g.from, g.to));
        given.dedup_by_key(|g| (g.tensor, g.from, g.to));
        Self { given: given.into(), ..self }
    }

    /// Transfers of measured times, by tensor and executors.
    #[must_use]
    pub fn given(&self) -> &[GivenTransfer] {
        &self.given
    }

    /// The measured time of a transfer, if there is one.
    #[must_use]
    pub fn given_transfer(&self, tensor: u32, from: ExecutorId, to: ExecutorId) -> Option<SimDuration> {
        let found = self.given.binary_search_by_key(&(tensor, from, to), |g| (g.tensor, g.from, g.to));
        found.ok().and_then(|at| self.given.get(at)).map(|g| g.time)
    }

    /// Number of nodes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes
    }

    /// Whether there is no node.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes == 0
    }

    /// Number of edges.
    #[must_use]
    pub const fn edges(&self) -> usize {
        self.preds.len()
    }

    /// Edges into `node`, in the order given.
    #[must_use]
    pub fn predecessors(&self, node: u32) -> &[Link] {
        let node = node as usize;
        &self.preds[self.pred_start[node] as usize..self.pred_start[node + 1] as usize]
    }

    /// Edges out of `node`, in the order given.
    #[must_use]
    pub fn successors(&self, node: u32) -> &[Link] {
        let node = node as usize;
        &self.succs[self.succ_start[node] as usize..self.succ_start[node + 1] as usize]
    }

    /// The topological order that always takes the smallest ready node (Kahn with a min-queue).
    #[must_use]
    pub fn topological_order(&self) -> Vec<u32> {
        use std::cmp::Reverse;
        use std::collections::BinaryHeap;
        let mut waiting: Vec<usize> = (0..self.nodes as u32).map(|n| self.predecessors(n).len()).collect();
        let mut ready: BinaryHeap<_> =
            (0..self.nodes as u32).filter(|&n| waiting[n as usize] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.nodes);
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for link in self.successors(node) {
                waiting[link.node as usize] -= 1;
                if waiting[link.node as usize] == 0 {
                    ready.push(Reverse(link.node));
                }
            }
        }
        order
    }
}

/// One shortest cycle of a graph that has one: breadth-first search from every node.
fn shortest_cycle(graph: &DiGraph<(), ()>) -> Vec<u32> {
    let mut best: Option<Vec<u32>> = None;
    for component in petgraph::algo::tarjan_scc(graph) {
        for &root in component.iter().take(1000) {
            let mut parent = std::collections::HashMap::new();
            let mut queue = std::collections::VecDeque::from([root]);
            'search: while let Some(node) = queue.pop_front() {
                let mut next: Vec<_> = graph.neighbors(node).collect();
                next.sort_unstable();
                for target in next {
                    if target == root {
                        let mut cycle = vec![root.index() as u32];
                        let mut at = node;
                        while at != root {
                            cycle.push(at.index() as u32);
                            at = parent[&at];
                        }
                        cycle.push(root.index() as u32);
                        cycle.reverse();
                        if best.as_ref().is_none_or(|b| cycle.len() < b.len()) {
                            best = Some(cycle);
                        }
                        break 'search;
                    }
                    if let std::collections::hash_map::Entry::Vacant(entry) = parent.entry(target) {
                        entry.insert(node);
                        queue.push_back(target);
                    }
                }
            }
        }
    }
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_named() {
        let error =
            Dag::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 1, 1.0), (2, 1, 1.0)]).unwrap_err();
        assert!(matches!(error, DagError::Cycle { ref cycle } if cycle.len() == 3), "{error}");
        assert!(Dag::new(1, &[(0, 0, 1.0)]).unwrap_err().to_string().contains("0 -> 0"));
        assert!(Dag::new(1, &[(0, 1, 1.0)]).is_err());
    }

    #[test]
    fn rows_keep_the_order_given() {
        let dag = Dag::new(3, &[(2, 0, 5.0), (2, 1, 6.0), (1, 0, 7.0)]).unwrap();
        assert_eq!(dag.topological_order(), [2, 1, 0]);
        assert_eq!(dag.predecessors(0).iter().map(|l| l.bytes).collect::<Vec<_>>(), [5.0, 7.0]);
    }
}
