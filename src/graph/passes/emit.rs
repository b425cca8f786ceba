//! From a finished draft to the lowered graph.

use super::super::lowered::{Geometry, LoweredGraph, LoweredOperator, LoweredTensor, OperatorClass};
use super::draft::{Draft, Node};
use super::kind::Kind;
use super::rules::LoweringRules;
use super::vocabulary::Vocabulary;

/// Names, sizes and edges of what is left.
pub(crate) fn emit(draft: &Draft, rules: &LoweringRules) -> LoweredGraph {
    let mut lowered = LoweredGraph { name: draft.name.clone(), ..LoweredGraph::default() };
    let mut index = vec![None; draft.values.len()];
    let mut tensor = |lowered: &mut LoweredGraph, value: usize| -> u32 {
        *index[value].get_or_insert_with(|| {
            let source = &draft.values[value];
            lowered.tensors.push(LoweredTensor {
                name: source.name.clone(),
                shape: source.shape.clone(),
                elements: source.elements(),
                element_bytes: source.element.bits() as f64 / 8.0,
                is_float: source.element.is_float(),
                shared: false,
            });
            (lowered.tensors.len() - 1) as u32
        })
    };
    for &input in draft.inputs.iter().filter(|&&v| !draft.is_constant(v)) {
        let id = tensor(&mut lowered, input);
        lowered.inputs.push(id);
    }
    for node in &draft.nodes {
        let inputs = draft.activations(node).map(|v| tensor(&mut lowered, v)).collect();
        let outputs = node.results.iter().flatten().map(|&v| tensor(&mut lowered, v)).collect();
        let operator = operator(draft, node, rules, inputs, outputs);
        lowered.operators.push(operator);
    }
    for &output in draft.outputs.iter().filter(|&&v| !draft.is_constant(v)) {
        let id = tensor(&mut lowered, output);
        lowered.outputs.push(id);
    }
    lowered
}

fn operator(
    draft: &Draft,
    node: &Node,
    rules: &LoweringRules,
    inputs: Vec<u32>,
    outputs: Vec<u32>,
) -> LoweredOperator {
    let elements = |value: usize| draft.values[value].elements();
    let geometry = node.geometry.unwrap_or_else(|| Geometry::Elements {
        read: draft.activations(node).map(elements).fold(0, u64::saturating_add),
        written: node.results.iter().flatten().map(|&v| elements(v)).fold(0, u64::saturating_add),
    });
    // Once per use, as the source graph is counted.
    let constants = node.operands.iter().flatten().filter(|&&v| draft.is_constant(v));
    let weight_bytes =
        constants.map(|&v| draft.values[v].bytes()).fold(node.folded_bytes, u64::saturating_add);
    LoweredOperator {
        name: node.name.clone(),
        op_type: op_type(draft, node, rules),
        class: class(draft, node),
        geometry,
        macs: node.macs,
        weight_bytes_read: weight_bytes_read(draft, node, weight_bytes),
        weight_bytes,
        inputs,
        outputs,
        fused: node.fused.clone(),
        sources: node.sources.clone(),
    }
}

/// A product with stored weights is a fully connected layer to a cost model, whatever it is called.
fn class(draft: &Draft, node: &Node) -> OperatorClass {
    let constant_rhs = node.operand(1).is_some_and(|v| draft.is_constant(v));
    match node.kind {
        Kind::MatMul if constant_rhs => OperatorClass::FullyConnected,
        Kind::Other => node.class,
        kind => kind.class(),
    }
}

/// A lookup in a stored table reads the rows that it writes, and its indices; everything else reads all.
fn weight_bytes_read(draft: &Draft, node: &Node, all: u64) -> u64 {
    let table = node.operand(0).filter(|&v| node.kind == Kind::Gather && draft.is_constant(v));
    let (Some(table), Some(result)) = (table, node.result()) else { return all };
    let table = draft.values[table].bytes();
    all.saturating_sub(table).saturating_add(draft.values[result].bytes().min(table))
}

fn op_type(draft: &Draft, node: &Node, rules: &LoweringRules) -> String {
    let name = rules.vocabulary.name(node.kind, &node.written);
    let stored_table = node.operand(0).is_some_and(|v| draft.is_constant(v));
    match (rules.vocabulary, node.kind, node.fused.is_empty()) {
        // ONNX Runtime names a product differently once something is fused into it.
        (Vocabulary::OnnxRuntime, Kind::Dense, false) => "FusedGemm".to_owned(),
        (Vocabulary::OnnxRuntime, Kind::MatMul, false) => "FusedMatMul".to_owned(),
        // An embedding is a lookup in a stored table; picking out of a tensor is a crop (pnnx: select, slice).
        (Vocabulary::Ncnn, Kind::Gather, _) if !stored_table => "Crop".to_owned(),
        _ => name,
    }
}
