//! The graph while it is being rewritten: vocabulary-neutral nodes over values, with what each node stands for.

use super::super::lowered::{Geometry, OperatorClass};
use super::super::model::{ConstantData, ElementType};
use super::import::Source;
use super::kind::Kind;

/// Index of a value in [`Draft::values`].
pub(crate) type ValueId = usize;

/// A tensor: an activation or a constant.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub name: String,
    pub shape: Vec<u64>,
    pub element: ElementType,
    pub constant: bool,
    pub data: Option<ConstantData>,
}

impl Value {
    /// Number of elements, saturating.
    pub(crate) fn elements(&self) -> u64 {
        self.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d))
    }

    /// Size in bytes, sub-byte types rounded up for the whole tensor.
    pub(crate) fn bytes(&self) -> u64 {
        self.elements().saturating_mul(self.element.bits()).div_ceil(8)
    }

    /// The value of a constant whose kept elements are all equal.
    pub(crate) fn uniform(&self) -> Option<f64> {
        let all_equal = |mut values: Box<dyn Iterator<Item = f64> + '_>| {
            let first = values.next()?;
            values.all(|v| v == first).then_some(first)
        };
        match self.data.as_ref()? {
            ConstantData::Floats(values) => all_equal(Box::new(values.iter().copied())),
            ConstantData::Integers(values) => all_equal(Box::new(values.iter().map(|&v| v as f64))),
        }
    }

    /// The integers of a kept constant.
    pub(crate) fn integers(&self) -> Option<&[i64]> {
        match self.data.as_ref()? {
            ConstantData::Integers(values) => Some(values),
            ConstantData::Floats(_) => None,
        }
    }
}

/// A kernel in the making.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub kind: Kind,
    pub name: String,
    /// Operator type as the file writes it.
    pub written: String,
    /// Inputs by position; constants included, absent optional ones `None`.
    pub operands: Vec<Option<ValueId>>,
    /// Outputs by position.
    pub results: Vec<Option<ValueId>>,
    /// Set for windows and matrix products; everything else is counted by elements at the end.
    pub geometry: Option<Geometry>,
    /// Zero padding before and after, height then width: top, left, bottom, right.
    pub pads: [u64; 4],
    /// Whether an average counts the padding as elements.
    pub pads_count: bool,
    /// Permutation of a transposition, source axis of each result axis.
    pub permutation: Option<Vec<usize>>,
    pub macs: u64,
    /// The class as read, for operators whose kind says nothing.
    pub class: OperatorClass,
    /// What was fused into it, outermost last, as the source writes it.
    pub fused: Vec<String>,
    /// Ids of the source operators that it stands for, ascending.
    pub sources: Vec<u32>,
    /// Bytes of constants made by folding that are no value of the source (a bias from a batch norm).
    pub folded_bytes: u64,
}

impl Node {
    /// The operand at `position`.
    pub(crate) fn operand(&self, position: usize) -> Option<ValueId> {
        self.operands.get(position).copied().flatten()
    }

    /// The only result that somebody may use; `None` if there are several.
    pub(crate) fn result(&self) -> Option<ValueId> {
        let mut present = self.results.iter().flatten();
        let first = present.next().copied();
        if present.next().is_some() { None } else { first }
    }

    /// Takes over the source ids of `other`.
    pub(crate) fn absorb_sources(&mut self, other: &Self) {
        self.sources.extend_from_slice(&other.sources);
        self.sources.sort_unstable();
        self.sources.dedup();
    }
}

/// The graph under rewriting. Nodes stay in an order that is topological after [`Draft::sort`].
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub name: String,
    pub source: Source,
    pub values: Vec<Value>,
    pub nodes: Vec<Node>,
    pub inputs: Vec<ValueId>,
    pub outputs: Vec<ValueId>,
}

/// Who makes and who uses each value, for one state of a draft.
pub(crate) struct Uses {
    /// The node that makes a value.
    pub producer: Vec<Option<usize>>,
    /// The nodes that use a value, one entry per use, ascending.
    pub consumers: Vec<Vec<usize>>,
    is_output: Vec<bool>,
}

impl Uses {
    /// The only use of `value`, if it is used once inside and not handed out.
    pub(crate) fn only_consumer(&self, value: ValueId) -> Option<usize> {
        if self.is_output[value] {
            return None;
        }
        match self.consumers[value].as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Whether `value` is handed out of the graph.
    pub(crate) fn is_output(&self, value: ValueId) -> bool {
        self.is_output[value]
    }
}

impl Draft {
    /// Producers and consumers of every value.
    pub(crate) fn uses(&self) -> Uses {
        let mut uses = Uses {
            producer: vec![None; self.values.len()],
            consumers: vec![Vec::new(); self.values.len()],
            is_output: vec![false; self.values.len()],
        };
        for (index, node) in self.nodes.iter().enumerate() {
            for &value in node.operands.iter().flatten() {
                uses.consumers[value].push(index);
            }
            for &value in node.results.iter().flatten() {
                uses.producer[value] = Some(index);
            }
        }
        for &value in &self.outputs {
            uses.is_output[value] = true;
        }
        uses
    }

    /// Whether a value is constant.
    pub(crate) fn is_constant(&self, value: ValueId) -> bool {
        self.values[value].constant
    }

    /// Operands of `node` that are not constants, one entry per use.
    pub(crate) fn activations<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = ValueId> + 'a {
        node.operands.iter().flatten().copied().filter(|&v| !self.is_constant(v))
    }

    /// The scalar that a binary node combines with its only activation: `(activation, scalar)`.
    pub(crate) fn scalar_operand(&self, node: &Node) -> Option<(ValueId, f64)> {
        let (a, b) = (node.operand(0)?, node.operand(1)?);
        match (self.is_constant(a), self.is_constant(b)) {
            (false, true) => Some((a, self.values[b].uniform()?)),
            // A number divided by a tensor is no scaling of it.
            (true, false) if matches!(node.kind, Kind::Add | Kind::Mul) => {
                Some((b, self.values[a].uniform()?))
            }
            _ => None,
        }
    }

    /// Adds an activation value.
    pub(crate) fn add_value(&mut self, name: String, shape: Vec<u64>, element: ElementType) -> ValueId {
        self.values.push(Value { name, shape, element, constant: false, data: None });
        self.values.len() - 1
    }

    /// Whether `constant` holds one number, or one per channel of `output` along the channel axis
    /// (`channel_axis_last` or the second), so that it can be folded into weights.
    pub(crate) fn is_per_channel(&self, constant: ValueId, output: ValueId, last: bool) -> bool {
        let (constant, output) = (&self.values[constant], &self.values[output]);
        if constant.elements() == 1 {
            return true;
        }
        let axis = if last { output.shape.len().checked_sub(1) } else { Some(1) };
        let Some(channels) = axis.and_then(|a| output.shape.get(a)).copied() else { return false };
        let Some(offset) = output.shape.len().checked_sub(constant.shape.len()) else { return false };
        constant.elements() == channels
            && constant.shape.iter().enumerate().all(|(i, &d)| d == 1 || Some(i + offset) == axis)
    }

    /// Whether the channels of `kind`'s result are the last dimension in this file.
    pub(crate) fn channels_last(&self, kind: Kind) -> bool {
        self.source == Source::Tflite || matches!(kind, Kind::Dense | Kind::MatMul)
    }

    /// Turns `members` into one node in the place of `last`, if nothing outside uses what the others make.
    ///
    /// The new node reads `operands`, makes what `last` made, and stands for all that they stood for.
    pub(crate) fn collapse(
        &mut self,
        uses: &Uses,
        dead: &mut [bool],
        members: &[usize],
        (kind, written): (Kind, &str),
        operands: Vec<Option<ValueId>>,
    ) -> bool {
        let Some((&last, others)) = members.split_last() else { return false };
        let inside = |node: &usize| members.contains(node);
        let closed = others.iter().all(|&member| {
            member != last
                && self.nodes[member]
                    .results
                    .iter()
                    .flatten()
                    .all(|&v| !uses.is_output(v) && uses.consumers[v].iter().all(inside))
        });
        let made_inside = |v: &ValueId| uses.producer[*v].is_some_and(|p| members.contains(&p));
        let circular = operands.iter().flatten().any(made_inside);
        if !closed || circular || members.iter().any(|&m| dead[m]) {
            return false;
        }
        let others: Vec<Node> = others.iter().map(|&m| self.nodes[m].clone()).collect();
        for &member in members {
            dead[member] = member != last;
        }
        let node = &mut self.nodes[last];
        for other in &others {
            node.absorb_sources(other);
            node.macs = node.macs.saturating_add(other.macs);
        }
        node.kind = kind;
        written.clone_into(&mut node.written);
        node.operands = operands;
        node.geometry = None;
        true
    }

    /// Removes the nodes marked dead.
    pub(crate) fn remove(&mut self, dead: &[bool]) {
        let mut marks = dead.iter();
        self.nodes.retain(|_| !marks.next().copied().unwrap_or(false));
    }

    /// Makes every use of `from` (and a place among the graph's outputs) a use of `to`.
    pub(crate) fn replace_uses(&mut self, from: ValueId, to: ValueId) {
        for node in &mut self.nodes {
            for operand in node.operands.iter_mut().flatten().filter(|v| **v == from) {
                *operand = to;
            }
        }
        for output in self.outputs.iter_mut().filter(|v| **v == from) {
            *output = to;
        }
    }

    /// Restores a topological order, keeping the present order where it already is one.
    ///
    /// Returns whether that was possible; a rewrite that makes a cycle is a fault of this program.
    pub(crate) fn sort(&mut self) -> bool {
        use std::cmp::Reverse;
        use std::collections::BinaryHeap;
        let uses = self.uses();
        let mut waiting: Vec<usize> = self
            .nodes
            .iter()
            .map(|n| n.operands.iter().flatten().filter(|&&v| uses.producer[v].is_some()).count())
            .collect();
        let mut ready: BinaryHeap<_> =
            (0..self.nodes.len()).filter(|&n| waiting[n] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for &value in self.nodes[node].results.iter().flatten() {
                for &user in &uses.consumers[value] {
                    waiting[user] -= 1;
                    if waiting[user] == 0 {
                        ready.push(Reverse(user));
                    }
                }
            }
        }
        if order.len() != self.nodes.len() {
            return false;
        }
        let mut slots: Vec<_> = std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes = order.into_iter().filter_map(|n| slots[n].take()).collect();
        true
    }
}
