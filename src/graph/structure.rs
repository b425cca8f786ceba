//! Structure queries: how deep, how wide and of what a graph is made.

use std::collections::BTreeMap;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::{Direction, algo};

use super::lowered::OperatorClass;
use super::model::Graph;
use super::operator_class::operator_class;

/// The shape of a graph as a directed acyclic graph of operators.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Structure {
    /// Operators on a longest path.
    pub depth: usize,
    /// Most operators at one distance from the sources (longest path), a lower bound of how many can
    /// run at once.
    pub width: usize,
    /// Operators whose results more than one other operator reads.
    pub branches: usize,
    /// Operators that read results of more than one other operator.
    pub joins: usize,
    /// Operators that read no other operator's result.
    pub sources: usize,
    /// Operators whose results no other operator reads.
    pub sinks: usize,
    /// Positions of the operators on one longest path, in order; of several, the one that ends first
    /// in listed order, with the earliest predecessors.
    pub longest_path: Vec<usize>,
    /// Number of operators of each type, in alphabetical order.
    pub by_type: BTreeMap<String, usize>,
    /// Number of operators of each class that occurs, in the order of [`OperatorClass::ALL`].
    pub by_class: BTreeMap<OperatorClass, usize>,
}

/// Queries the structure of `graph`.
#[must_use]
pub fn structure(graph: &Graph) -> Structure {
    let dag = operator_dag(graph);
    let count = dag.node_count();
    let degree =
        |direction| -> Vec<usize> { dag.node_indices().map(|n| distinct(&dag, n, direction)).collect() };
    let (ins, outs) = (degree(Direction::Incoming), degree(Direction::Outgoing));
    let mut level = vec![1usize; count];
    let mut before: Vec<Option<usize>> = vec![None; count];
    // Operators of a graph are listed in topological order; petgraph confirms it.
    for node in algo::toposort(&dag, None).unwrap_or_default() {
        let mut predecessors: Vec<_> =
            dag.neighbors_directed(node, Direction::Incoming).map(NodeIndex::index).collect();
        predecessors.sort_unstable();
        for p in predecessors {
            if level[p] + 1 > level[node.index()] {
                level[node.index()] = level[p] + 1;
                before[node.index()] = Some(p);
            }
        }
    }
    let depth = level.iter().copied().max().unwrap_or(0);
    let mut at_level = vec![0usize; depth + 1];
    for &l in &level {
        at_level[l] += 1;
    }
    let end = (0..count).find(|&n| level[n] == depth);
    let mut longest_path: Vec<_> = std::iter::successors(end, |&n| before[n]).collect();
    longest_path.reverse();
    let mut structure = Structure {
        depth,
        width: at_level.into_iter().max().unwrap_or(0),
        branches: outs.iter().filter(|&&n| n > 1).count(),
        joins: ins.iter().filter(|&&n| n > 1).count(),
        sources: ins.iter().filter(|&&n| n == 0).count(),
        sinks: outs.iter().filter(|&&n| n == 0).count(),
        longest_path,
        ..Structure::default()
    };
    for operator in &graph.operators {
        *structure.by_type.entry(operator.op_type.clone()).or_insert(0) += 1;
        *structure.by_class.entry(operator_class(graph, operator)).or_insert(0) += 1;
    }
    structure
}

fn distinct(dag: &DiGraph<(), ()>, node: NodeIndex, direction: Direction) -> usize {
    let mut others: Vec<_> = dag.neighbors_directed(node, direction).collect();
    others.sort_unstable();
    others.dedup();
    others.len()
}

/// One node per operator, one edge per use of another operator's result.
fn operator_dag(graph: &Graph) -> DiGraph<(), ()> {
    let mut dag = DiGraph::with_capacity(graph.operators.len(), graph.operators.len());
    let mut producer: Vec<Option<NodeIndex>> = vec![None; graph.tensors.len()];
    for operator in &graph.operators {
        let node = dag.add_node(());
        for id in operator.inputs.iter().flatten() {
            if let Some(source) = producer[id.0 as usize] {
                dag.add_edge(source, node, ());
            }
        }
        for id in operator.outputs.iter().flatten() {
            producer[id.0 as usize] = Some(node);
        }
    }
    dag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::model::{ElementType, Operator, Tensor, TensorId, TensorRole};

    /// Unary and binary additions, given as lists of input tensors; operator `i` makes tensor `i + 1`.
    fn graph(inputs: &[&[u32]]) -> Graph {
        let tensor = |i: usize| Tensor {
            name: format!("t{i}"),
            shape: vec![2],
            element: ElementType::F32,
            role: TensorRole::Activation,
            quantization: None,
        };
        let operator = |(i, ids): (usize, &&[u32])| Operator {
            name: String::new(),
            op_type: "Add".to_owned(),
            domain: String::new(),
            attributes: Vec::new(),
            inputs: ids.iter().map(|&t| Some(TensorId(t))).collect(),
            outputs: vec![Some(TensorId(i as u32 + 1))],
        };
        Graph {
            inputs: vec![TensorId(0)],
            outputs: vec![TensorId(inputs.len() as u32)],
            tensors: (0..=inputs.len()).map(tensor).collect(),
            operators: inputs.iter().enumerate().map(operator).collect(),
            ..Graph::default()
        }
    }

    #[test]
    fn a_diamond_with_a_long_side() {
        let s = structure(&graph(&[&[0], &[1], &[1], &[3], &[2, 4]]));
        assert_eq!((s.depth, s.width, s.branches, s.joins, s.sources, s.sinks), (4, 2, 1, 1, 1, 1));
        assert_eq!(s.longest_path, [0, 2, 3, 4]);
        assert_eq!(s.by_class[&OperatorClass::Elementwise], 5);
    }

    #[test]
    fn two_uses_by_one_operator_are_no_branch() {
        let s = structure(&graph(&[&[0], &[1, 1]]));
        assert_eq!((s.branches, s.joins, s.width), (0, 0, 1));
    }

    #[test]
    fn an_empty_graph_has_no_depth() {
        assert_eq!(structure(&Graph::default()), Structure::default());
    }
}
