//! Names for the numbers of a run.

use crate::graph::dag::Dag;
use crate::graph::lowered::{LoweredGraph, OperatorClass};
use crate::simulation::dynamics::DynamicsSetup;
use crate::soc::{Platform, ProcessorKind, ResourceId};

/// Everything that turns the indices in a run's events back into words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunLabels {
    /// The scenario's name.
    pub scenario: String,
    /// The SoC's or platform's name.
    pub soc: String,
    /// The seed of the run.
    pub seed: u64,
    /// One per resource of the platform.
    pub resources: Vec<ResourceLabel>,
    /// One per executor of the platform.
    pub executors: Vec<ExecutorLabel>,
    /// One per stream of the scenario.
    pub streams: Vec<StreamLabels>,
    /// One per clock domain of the run's dynamics; empty without any.
    pub domains: Vec<String>,
    /// One per thermal node.
    pub nodes: Vec<String>,
    /// One per source of competing work.
    pub background: Vec<String>,
    /// One per simulated shared cache.
    pub caches: Vec<String>,
    /// Chains of streams, in the order of their roots.
    pub chains: Vec<super::chains::ChainLabels>,
}

/// Words for a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `soc::Resource`")]
pub struct ResourceLabel {
    pub name: String,
    pub kind: ProcessorKind,
    pub cluster: String,
}

/// Words for an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `soc::Executor`")]
pub struct ExecutorLabel {
    pub name: String,
    pub kind: ProcessorKind,
    pub resources: Vec<ResourceId>,
}

/// Words for a request stream.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamLabels {
    /// The stream's name, usually its model's.
    pub name: String,
    /// One per operator (task) of its graph.
    pub operators: Vec<OperatorLabel>,
    /// Names of tensors (edges of a plain task graph), by tensor number; may be shorter than the graph.
    pub tensors: Vec<String>,
    /// How many of its first requests are warm-up.
    pub warm_up: u32,
}

/// Words for an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorLabel {
    /// Its name.
    pub name: String,
    /// Its type in the runtime's vocabulary; empty for tasks of a plain task graph.
    pub op_type: String,
    /// Its class.
    pub class: OperatorClass,
    /// Multiply-accumulates; 0 for tasks of a plain task graph.
    pub macs: u64,
    /// Operators whose results it reads, ascending, each once.
    pub predecessors: Vec<u32>,
}

impl RunLabels {
    /// Labels of a run on `platform`.
    #[must_use]
    pub fn new(
        scenario: impl Into<String>,
        soc: impl Into<String>,
        seed: u64,
        platform: &Platform,
        streams: Vec<StreamLabels>,
    ) -> Self {
        let resources = platform
            .resources
            .iter()
            .map(|r| ResourceLabel { name: r.name.clone(), kind: r.kind, cluster: r.cluster.clone() })
            .collect();
        let executors = platform
            .executors
            .iter()
            .map(|e| ExecutorLabel { name: e.name.clone(), kind: e.kind, resources: e.resources.clone() })
            .collect();
        Self {
            scenario: scenario.into(),
            soc: soc.into(),
            seed,
            resources,
            executors,
            streams,
            domains: Vec::new(),
            nodes: Vec::new(),
            background: Vec::new(),
            caches: Vec::new(),
            chains: Vec::new(),
        }
    }

    /// Name of a client of the caches: streams first, then competing work.
    #[must_use]
    pub fn client(&self, number: u16) -> &str {
        let streams = self.streams.iter().map(|stream| stream.name.as_str());
        streams.chain(self.background.iter().map(String::as_str)).nth(usize::from(number)).unwrap_or("?")
    }

    /// The same with names for what changes during the run.
    #[must_use]
    pub fn with_dynamics(mut self, dynamics: &DynamicsSetup) -> Self {
        self.domains = dynamics.domains.iter().map(|domain| domain.id.clone()).collect();
        self.nodes = dynamics.thermal.iter().flat_map(|thermal| thermal.nodes.clone()).collect();
        self.background = dynamics.background.iter().map(|source| source.name.clone()).collect();
        let caches = dynamics.caches.iter().flat_map(|caches| &caches.caches);
        self.caches = caches.map(|cache| cache.id.clone()).collect();
        self
    }

    /// Name of a stream, or `stream 3` for one that has no label.
    #[must_use]
    pub fn stream(&self, stream: u16) -> String {
        match self.streams.get(usize::from(stream)) {
            Some(labels) if !labels.name.is_empty() => labels.name.clone(),
            _ => format!("stream {stream}"),
        }
    }

    /// Label of an operator, if there is one.
    #[must_use]
    pub fn operator(&self, stream: u16, operator: u32) -> Option<&OperatorLabel> {
        self.streams.get(usize::from(stream))?.operators.get(operator as usize)
    }

    /// Name of an operator, or `operator 3` for one without name.
    #[must_use]
    pub fn operator_name(&self, stream: u16, operator: u32) -> String {
        match self.operator(stream, operator) {
            Some(label) if !label.name.is_empty() => label.name.clone(),
            _ => format!("operator {operator}"),
        }
    }

    /// Name of a tensor, or `tensor 3` for one without name.
    #[must_use]
    pub fn tensor_name(&self, stream: u16, tensor: u32) -> String {
        match self.streams.get(usize::from(stream)).and_then(|s| s.tensors.get(tensor as usize)) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("tensor {tensor}"),
        }
    }

    /// Name of an executor, or `executor 3`.
    #[must_use]
    pub fn executor_name(&self, executor: crate::soc::ExecutorId) -> String {
        self.executors
            .get(usize::from(executor.0))
            .map_or_else(|| format!("executor {}", executor.0), |e| e.name.clone())
    }

    /// Whether a request belongs to its stream's warm-up.
    #[must_use]
    pub fn is_warm_up(&self, request: crate::simulation::observer::RequestId) -> bool {
        self.streams.get(usize::from(request.stream)).is_some_and(|s| request.number < s.warm_up)
    }
}

impl StreamLabels {
    /// Labels of a stream that runs a lowered graph.
    #[must_use]
    pub fn of_graph(name: impl Into<String>, graph: &LoweredGraph, warm_up: u32) -> Self {
        let dag = graph.dag();
        let operators = graph
            .operators
            .iter()
            .enumerate()
            .map(|(i, operator)| OperatorLabel {
                name: operator.name.clone(),
                op_type: operator.op_type.clone(),
                class: operator.class,
                macs: operator.macs,
                predecessors: predecessors(&dag, i as u32),
            })
            .collect();
        let tensors = graph.tensors.iter().map(|t| t.name.clone()).collect();
        Self { name: name.into(), operators, tensors, warm_up }
    }

    /// Labels of a stream that runs a plain task graph; `tasks` are the names of its nodes, in order.
    #[must_use]
    pub fn of_dag(name: impl Into<String>, dag: &Dag, tasks: &[String], warm_up: u32) -> Self {
        let operators = (0..dag.len() as u32)
            .map(|i| OperatorLabel {
                name: tasks.get(i as usize).cloned().unwrap_or_default(),
                op_type: String::new(),
                class: OperatorClass::Other,
                macs: 0,
                predecessors: predecessors(dag, i),
            })
            .collect();
        Self { name: name.into(), operators, tensors: Vec::new(), warm_up }
    }
}

fn predecessors(dag: &Dag, node: u32) -> Vec<u32> {
    let mut nodes: Vec<u32> = dag.predecessors(node).iter().map(|link| link.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
