//! A graph between the file and [`Graph`](super::model::Graph): names resolved, producers checked,
//! operators sorted, shapes partly unknown.

use std::collections::HashMap;

use super::dag::{Dag, DagError};
use super::error::GraphError;
use super::fact::Fact;
use super::model::{ElementType, Operator, TensorId};
use crate::diagnostics::printable;

/// A tensor whose shape may be unknown.
#[derive(Debug, Clone)]
pub(crate) struct DraftTensor {
    pub(crate) name: String,
    /// Content and shape of a stored tensor or a graph input.
    pub(crate) fact: Option<Fact>,
    /// Shape that the file states for an operator's output.
    pub(crate) stated_shape: Option<Vec<u64>>,
    /// Element type that the file states for an operator's output.
    pub(crate) stated_element: Option<ElementType>,
    producer: Option<Producer>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Producer {
    Input,
    Stored,
    Operator(u32),
}

/// An operator and the tensor that one of its attributes holds.
#[derive(Debug, Clone)]
pub(crate) struct DraftOperator {
    pub(crate) operator: Operator,
    pub(crate) tensor: Option<Fact>,
}

/// The graph so far.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) opset: i64,
    pub(crate) inputs: Vec<TensorId>,
    pub(crate) outputs: Vec<TensorId>,
    pub(crate) tensors: Vec<DraftTensor>,
    pub(crate) operators: Vec<DraftOperator>,
    pub(crate) by_name: HashMap<String, TensorId>,
}

/// How messages call an operator: by name if it has one, else by position, always with its type.
pub(crate) fn label(name: &str, op_type: &str, position: usize) -> String {
    if name.is_empty() {
        format!("{} at position {position}", printable(op_type))
    } else {
        format!("{} `{}`", printable(op_type), printable(name))
    }
}

impl Draft {
    /// The tensor called `name`, created on first mention.
    pub(crate) fn tensor(&mut self, name: &str) -> TensorId {
        if let Some(&id) = self.by_name.get(name) {
            return id;
        }
        let id = TensorId(self.tensors.len() as u32);
        self.by_name.insert(name.to_owned(), id);
        self.tensors.push(DraftTensor {
            name: name.to_owned(),
            fact: None,
            stated_shape: None,
            stated_element: None,
            producer: None,
        });
        id
    }

    /// The tensor called `name`, if anybody mentioned it.
    pub(crate) fn find(&self, name: &str) -> Option<TensorId> {
        self.by_name.get(name).copied()
    }

    fn produce(&mut self, id: TensorId, producer: Producer) -> Result<(), GraphError> {
        let tensor = &mut self.tensors[id.0 as usize];
        if let Some(first) = tensor.producer.replace(producer) {
            let tensor = printable(&self.tensors[id.0 as usize].name);
            let (first, second) = (self.describe(first), self.describe(producer));
            return Err(GraphError::DuplicateProducer { tensor, first, second });
        }
        Ok(())
    }

    fn describe(&self, producer: Producer) -> String {
        match producer {
            Producer::Input => "a graph input".to_owned(),
            Producer::Stored => "an initializer".to_owned(),
            Producer::Operator(position) => self.operators.get(position as usize).map_or_else(
                || format!("operator {position}"),
                |o| label(&o.operator.name, &o.operator.op_type, position as usize),
            ),
        }
    }

    /// Adds a stored tensor.
    pub(crate) fn add_stored(&mut self, name: &str, fact: Fact) -> Result<(), GraphError> {
        let id = self.tensor(name);
        self.produce(id, Producer::Stored)?;
        self.tensors[id.0 as usize].fact = Some(fact);
        Ok(())
    }

    /// Adds a graph input.
    pub(crate) fn add_input(&mut self, name: &str, fact: Fact) -> Result<(), GraphError> {
        let id = self.tensor(name);
        self.produce(id, Producer::Input)?;
        self.tensors[id.0 as usize].fact = Some(fact);
        self.inputs.push(id);
        Ok(())
    }

    /// Whether `name` is a stored tensor.
    pub(crate) fn is_stored(&self, name: &str) -> bool {
        self.find(name).is_some_and(|id| self.tensors[id.0 as usize].producer == Some(Producer::Stored))
    }

    /// Adds an operator after all operators added so far.
    pub(crate) fn add_operator(&mut self, operator: DraftOperator) -> Result<(), GraphError> {
        let position = self.operators.len() as u32;
        let outputs: Vec<TensorId> = operator.operator.outputs.iter().flatten().copied().collect();
        self.operators.push(operator);
        outputs.into_iter().try_for_each(|id| self.produce(id, Producer::Operator(position)))
    }

    /// Checks that everything used is produced, and sorts operators that are out of order (always the
    /// smallest listed position that is ready).
    pub(crate) fn check_and_sort(&mut self) -> Result<(), GraphError> {
        let mut edges = Vec::new();
        for (target, DraftOperator { operator, .. }) in self.operators.iter().enumerate() {
            for &id in operator.inputs.iter().flatten() {
                let tensor = &self.tensors[id.0 as usize];
                match tensor.producer {
                    Some(Producer::Operator(source)) => edges.push((source, target as u32, 0.0)),
                    Some(_) => {}
                    None => {
                        let user = label(&operator.name, &operator.op_type, target);
                        return Err(GraphError::Dangling { tensor: printable(&tensor.name), user });
                    }
                }
            }
        }
        for &id in &self.outputs {
            let tensor = &self.tensors[id.0 as usize];
            if tensor.producer.is_none() {
                let user = "the list of graph outputs".to_owned();
                return Err(GraphError::Dangling { tensor: printable(&tensor.name), user });
            }
        }
        let dag = Dag::new(self.operators.len(), &edges).map_err(|error| match error {
            DagError::Cycle { cycle } => GraphError::Cycle {
                operators: cycle.into_iter().map(|n| self.describe(Producer::Operator(n))).collect(),
            },
            other => GraphError::Malformed { reason: other.to_string() },
        })?;
        let order = dag.topological_order();
        if !order.iter().enumerate().all(|(i, &n)| i as u32 == n) {
            let mut old: Vec<_> = std::mem::take(&mut self.operators).into_iter().map(Some).collect();
            self.operators =
                order.iter().filter_map(|&n| old.get_mut(n as usize).and_then(Option::take)).collect();
        }
        Ok(())
    }
}
