//! Operators that a runtime has no kernel for, written out in those that it has.

use super::super::lowered::OperatorClass;
use super::super::model::{ConstantData, ElementType};
use super::draft::{Draft, Node, Value, ValueId};
use super::kind::Kind;
use super::rules::LoweringRules;

/// Writes out hard-sigmoid, hard-swish, SiLU, layer and instance normalisation where `rules` say so.
pub(crate) fn expand(draft: &mut Draft, rules: &LoweringRules) {
    let mut nodes = Vec::with_capacity(draft.nodes.len());
    for node in std::mem::take(&mut draft.nodes) {
        let (Some(input), Some(result)) = (node.operand(0), node.results.first().copied().flatten()) else {
            nodes.push(node);
            continue;
        };
        let mut steps = Steps { draft: &mut *draft, template: &node, nodes: Vec::new() };
        match node.kind {
            Kind::HardSigmoid if !rules.hard_sigmoid => {
                let gate = steps.hard_sigmoid_before_scaling(input);
                steps.with_number(Kind::Mul, "Mul", gate, 1.0 / 6.0);
            }
            Kind::HardSwish if !rules.hard_swish => {
                let gate = steps.hard_sigmoid_before_scaling(input);
                let gate = steps.with_number(Kind::Mul, "Mul", gate, 1.0 / 6.0);
                steps.same_shape(Kind::Mul, "Mul", vec![Some(input), Some(gate)], input);
            }
            Kind::Silu if !rules.silu && node.operands.len() == 1 => {
                let gate = steps.same_shape(Kind::Sigmoid, "Sigmoid", vec![Some(input)], input);
                steps.same_shape(Kind::Mul, "Mul", vec![Some(input), Some(gate)], input);
            }
            Kind::LayerNorm if !rules.layer_norm => {
                let kept = steps.draft.values[result].shape.len().saturating_sub(1);
                steps.normalise((input, result), |axis| axis < kept, node.operand(1), node.operand(2));
            }
            Kind::InstanceNorm if !rules.instance_norm => {
                steps.normalise((input, result), |axis| axis < 2, node.operand(1), node.operand(2));
            }
            _ => {}
        }
        let mut made = steps.nodes;
        match made.last_mut() {
            None => nodes.push(node),
            Some(last) => {
                last.results = vec![Some(result)];
                nodes.append(&mut made);
            }
        }
    }
    draft.nodes = nodes;
}

/// The operators that one node is written out in.
struct Steps<'a> {
    draft: &'a mut Draft,
    template: &'a Node,
    nodes: Vec<Node>,
}

impl Steps<'_> {
    fn push(
        &mut self,
        kind: Kind,
        written: &str,
        operands: Vec<Option<ValueId>>,
        shape: Vec<u64>,
    ) -> ValueId {
        let element = self.template.operand(0).map_or(ElementType::F32, |v| self.draft.values[v].element);
        let name = format!("{}/{}", self.template.name, self.nodes.len());
        let result = self.draft.add_value(name.clone(), shape, element);
        self.nodes.push(Node {
            kind,
            name,
            written: written.to_owned(),
            operands,
            results: vec![Some(result)],
            geometry: None,
            pads: [0; 4],
            pads_count: false,
            permutation: None,
            macs: 0,
            class: OperatorClass::Other,
            fused: Vec::new(),
            sources: self.template.sources.clone(),
            folded_bytes: 0,
        });
        result
    }

    fn same_shape(
        &mut self,
        kind: Kind,
        written: &str,
        operands: Vec<Option<ValueId>>,
        like: ValueId,
    ) -> ValueId {
        let shape = self.draft.values[like].shape.clone();
        self.push(kind, written, operands, shape)
    }

    fn with_number(&mut self, kind: Kind, written: &str, value: ValueId, number: f64) -> ValueId {
        let element = self.draft.values[value].element;
        self.draft.values.push(Value {
            name: format!("{number}"),
            shape: Vec::new(),
            element,
            constant: true,
            data: Some(ConstantData::Floats(vec![number])),
        });
        let constant = self.draft.values.len() - 1;
        self.same_shape(kind, written, vec![Some(value), Some(constant)], value)
    }

    /// `relu6(x + 3)`.
    fn hard_sigmoid_before_scaling(&mut self, input: ValueId) -> ValueId {
        let sum = self.with_number(Kind::Add, "Add", input, 3.0);
        self.same_shape(Kind::Relu6, "Clip", vec![Some(sum)], sum)
    }

    /// Mean, difference, square, mean, epsilon, reciprocal root, scaling, gain, offset.
    fn normalise(
        &mut self,
        (input, result): (ValueId, ValueId),
        kept: impl Fn(usize) -> bool,
        gain: Option<ValueId>,
        offset: Option<ValueId>,
    ) {
        // An input that was reshaped has lost the shape that it is normalised in; the result has it.
        let shape = &self.draft.values[result].shape;
        let reduced: Vec<u64> = shape.iter().enumerate().map(|(i, &d)| if kept(i) { d } else { 1 }).collect();
        let mean = self.push(Kind::Mean, "ReduceMean", vec![Some(input)], reduced.clone());
        let centred = self.same_shape(Kind::Sub, "Sub", vec![Some(input), Some(mean)], result);
        let square = self.same_shape(Kind::Mul, "Mul", vec![Some(centred), Some(centred)], result);
        let variance = self.push(Kind::Mean, "ReduceMean", vec![Some(square)], reduced);
        let variance = self.with_number(Kind::Add, "Add", variance, 1e-5);
        let factor = self.same_shape(Kind::Rsqrt, "Rsqrt", vec![Some(variance)], variance);
        let mut last = self.same_shape(Kind::Mul, "Mul", vec![Some(centred), Some(factor)], result);
        if gain.is_some() {
            last = self.same_shape(Kind::Mul, "Mul", vec![Some(last), gain], result);
        }
        if offset.is_some() {
            self.same_shape(Kind::Add, "Add", vec![Some(last), offset], result);
        }
    }
}
