//! Replacing operators of a graph by slices of them.

use super::slice::{Dimension, Slice, extent, sliced};
use crate::diagnostics::printable;
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass};

/// One operator, or a chain of them, that several executors compute together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Operators in execution order. In a chain, every operator but the first reads the output of the one before, which
    /// nobody else reads; slices then recompute the rows at the cuts instead of exchanging them, and a chain is cut by height.
    pub operators: Vec<u32>,
    /// Along which dimension.
    pub dimension: Dimension,
    /// Where the output of the last operator is cut; strictly increasing, inside of its extent. One more part than cuts.
    pub cuts: Vec<u64>,
    /// The part whose executor keeps the whole tensors: what the other parts read and write has to be shared.
    pub owner: usize,
}

/// Where an operator of a partitioned graph comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The same operator of the source graph.
    Whole(u32),
    /// A slice.
    Part {
        /// Operator of the source graph.
        operator: u32,
        /// Which split.
        split: u32,
        /// Which part of it.
        part: u32,
    },
    /// The step that lets all parts of a split see its inputs.
    Share(u32),
    /// The step that brings the outputs of all parts together.
    Join(u32),
}

/// A graph some operators of which are cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Partitioned {
    /// The graph.
    pub graph: LoweredGraph,
    /// For each of its operators where it comes from.
    pub roles: Vec<Role>,
}

/// Why operators cannot be cut as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// An operator that does not exist, or a split without operators.
    #[error("split {split} names operator {operator}, but the graph has {operators}")]
    Unknown {
        /// The split.
        split: usize,
        /// What it names.
        operator: u32,
        /// How many there are.
        operators: usize,
    },
    /// An operator in two splits, or twice in one.
    #[error("operator {0} is split twice")]
    Twice(u32),
    /// An operator that cannot be cut along this dimension.
    #[error("`{operator}` ({op_type}) cannot be cut along its {dimension}")]
    Indivisible {
        /// Its name.
        operator: String,
        /// Its type.
        op_type: String,
        /// The dimension asked for.
        dimension: &'static str,
    },
    /// Cuts that do not increase, lie outside, or an owner that is no part.
    #[error(
        "the cuts of split {split} are {cuts:?} with owner {owner}; they must increase strictly inside of 0..{extent}, and the owner be one of the parts"
    )]
    Cuts {
        /// The split.
        split: usize,
        /// What it says.
        cuts: Vec<u64>,
        /// Size of the dimension.
        extent: u64,
        /// Part named as owner.
        owner: usize,
    },
    /// Operators that are no chain.
    #[error("split {split} is no chain: {problem}")]
    Chain {
        /// The split.
        split: usize,
        /// Why.
        problem: String,
    },
}

/// Replaces the operators of every split by: a step that shares the inputs, the slices of each part, and a step that joins the
/// outputs. Tensors between these steps and the slices lie in memory that all executors see.
///
/// # Errors
/// [`PartitionError`] for splits that do not fit the graph.
pub fn partition(graph: &LoweredGraph, splits: &[Split]) -> Result<Partitioned, PartitionError> {
    let mut split_ending_at = vec![None; graph.operators.len()];
    let mut inside = vec![false; graph.operators.len()];
    for (number, split) in splits.iter().enumerate() {
        check(graph, number, split)?;
        for &operator in &split.operators {
            if std::mem::replace(&mut inside[operator as usize], true) {
                return Err(PartitionError::Twice(operator));
            }
        }
        if let Some(&last) = split.operators.last() {
            split_ending_at[last as usize] = Some(number);
        }
    }
    let mut rewriter = Rewriter {
        source: graph,
        graph: LoweredGraph { operators: Vec::new(), ..graph.clone() },
        roles: Vec::new(),
    };
    for (number, operator) in graph.operators.iter().enumerate() {
        if let Some(split) = split_ending_at[number] {
            rewriter
                .emit(split as u32, &splits[split])
                .ok_or_else(|| indivisible(operator, &splits[split]))?;
        } else if !inside[number] {
            rewriter.push(operator.clone(), Role::Whole(number as u32));
        }
    }
    Ok(Partitioned { graph: rewriter.graph, roles: rewriter.roles })
}

fn indivisible(operator: &LoweredOperator, split: &Split) -> PartitionError {
    PartitionError::Indivisible {
        operator: printable(&operator.name),
        op_type: printable(&operator.op_type),
        dimension: split.dimension.id(),
    }
}

fn check(graph: &LoweredGraph, number: usize, split: &Split) -> Result<(), PartitionError> {
    let operators = graph.operators.len();
    let Some(&last) = split.operators.last() else {
        return Err(PartitionError::Unknown { split: number, operator: 0, operators });
    };
    for &operator in &split.operators {
        let found = graph.operators.get(operator as usize).ok_or(PartitionError::Unknown {
            split: number,
            operator,
            operators,
        })?;
        extent(graph, found, split.dimension).ok_or_else(|| indivisible(found, split))?;
    }
    let chain = |problem: String| Err(PartitionError::Chain { split: number, problem });
    if split.operators.len() > 1 && split.dimension != Dimension::Height {
        return chain("only cuts by height can be carried from one operator to the next".to_owned());
    }
    for pair in split.operators.windows(2) {
        let [first, second] = [pair[0], pair[1]].map(|operator| &graph.operators[operator as usize]);
        let between = first.outputs.first().copied();
        if pair[0] >= pair[1] || second.inputs.first().copied() != between || second.inputs.len() != 1 {
            return chain(format!("operator {} does not read the output of {} alone", pair[1], pair[0]));
        }
        let readers =
            graph.operators.iter().flat_map(|op| &op.inputs).filter(|&&t| Some(t) == between).count();
        if readers != 1 || between.is_some_and(|t| graph.outputs.contains(&t)) {
            return chain(format!("the output of operator {} is read outside of the chain", pair[0]));
        }
    }
    let extent = extent(graph, &graph.operators[last as usize], split.dimension).unwrap_or(0);
    let increasing = split.cuts.windows(2).all(|pair| pair[0] < pair[1]);
    let within = split.cuts.iter().all(|&cut| cut > 0 && cut < extent);
    if !increasing || !within || split.cuts.is_empty() || split.owner > split.cuts.len() {
        let (cuts, owner) = (split.cuts.clone(), split.owner);
        return Err(PartitionError::Cuts { split: number, cuts, extent, owner });
    }
    Ok(())
}

struct Rewriter<'a> {
    source: &'a LoweredGraph,
    graph: LoweredGraph,
    roles: Vec<Role>,
}

impl Rewriter<'_> {
    fn push(&mut self, operator: LoweredOperator, role: Role) {
        self.graph.operators.push(operator);
        self.roles.push(role);
    }

    fn tensor(&mut self, tensor: LoweredTensor) -> u32 {
        self.graph.tensors.push(tensor);
        (self.graph.tensors.len() - 1) as u32
    }

    /// Emits a split; `None` when a slice cannot be made.
    fn emit(&mut self, number: u32, split: &Split) -> Option<()> {
        let (&first, &last) = (split.operators.first()?, split.operators.last()?);
        let whole = extent(self.source, self.source.operators.get(last as usize)?, split.dimension)?;
        let bounds: Vec<u64> =
            std::iter::once(0).chain(split.cuts.iter().copied()).chain(std::iter::once(whole)).collect();
        let at = self.graph.operators.len();
        let head = self.source.operators.get(first as usize)?;
        let tail = self.source.operators.get(last as usize)?;
        self.push(step(head, "Share", &head.inputs), Role::Share(number));
        let (mut shared, mut joined) = (0u64, 0u64);
        let (mut handed_out, mut collected) = (Vec::new(), Vec::new());
        for (part, bound) in bounds.windows(2).enumerate() {
            // From the last operator back to the first: each needs of the one before what it reads of it.
            let mut rows = Slice { dimension: split.dimension, start: bound[0], end: bound[1] };
            let mut slices = Vec::with_capacity(split.operators.len());
            for &operator in split.operators.iter().rev() {
                let slice = sliced(self.source, self.source.operators.get(operator as usize)?, rows)?;
                rows = Slice { start: slice.input_rows.0, end: slice.input_rows.1, ..rows };
                slices.push((operator, slice));
            }
            slices.reverse();
            let mut previous = None;
            let length = slices.len();
            for (position, (operator, mut slice)) in slices.into_iter().enumerate() {
                let inputs = if let Some(tensor) = previous {
                    vec![tensor]
                } else {
                    if part != split.owner {
                        shared += slice.inputs.iter().map(|t| t.elements).sum::<u64>();
                    }
                    let inputs: Vec<u32> =
                        slice.inputs.drain(..).map(|t| self.tensor(named(t, part, true))).collect();
                    handed_out.extend_from_slice(&inputs);
                    inputs
                };
                let is_last = position + 1 == length;
                let output = slice.outputs.pop()?;
                if is_last && part != split.owner {
                    joined += output.elements;
                }
                let output = self.tensor(named(output, part, is_last));
                previous = Some(output);
                if is_last {
                    collected.push(output);
                }
                let name = format!("{}/{}", slice.operator.name, part);
                let sliced = LoweredOperator { name, inputs, outputs: vec![output], ..slice.operator };
                self.push(sliced, Role::Part { operator, split: number, part: part as u32 });
            }
        }
        let mut join = step(tail, "Join", &collected);
        join.outputs = tail.outputs.clone();
        join.geometry = Geometry::Elements { read: joined, written: joined };
        self.push(join, Role::Join(number));
        let share = self.graph.operators.get_mut(at)?;
        share.outputs = handed_out;
        share.geometry = Geometry::Elements { read: shared, written: shared };
        Some(())
    }
}

/// A step of handing over. It belongs to no source operator: nobody wrote it into the model.
fn step(beside: &LoweredOperator, what: &str, inputs: &[u32]) -> LoweredOperator {
    LoweredOperator {
        name: format!("{}/{}", beside.name, what.to_lowercase()),
        op_type: what.to_owned(),
        class: OperatorClass::Sharing,
        geometry: Geometry::Elements { read: 0, written: 0 },
        macs: 0,
        weight_bytes_read: 0,
        weight_bytes: 0,
        inputs: inputs.to_vec(),
        outputs: Vec::new(),
        fused: Vec::new(),
        sources: Vec::new(),
    }
}

fn named(tensor: LoweredTensor, part: usize, shared: bool) -> LoweredTensor {
    LoweredTensor { name: format!("{}/{part}", tensor.name), shared, ..tensor }
}
