//! Activations that a file has fused already, taken apart so that the runtime's own rules decide.

use super::super::lowered::OperatorClass;
use super::super::model::Graph;
use super::draft::{Draft, Node};
use super::import::Source;
use super::kind::Kind;

/// Puts a node of its own behind every operator with an activation that the file has fused into it.
pub(crate) fn take_apart(draft: &mut Draft, graph: &Graph) {
    if Source::of(graph) != Source::Tflite {
        return;
    }
    let mut nodes = Vec::with_capacity(draft.nodes.len());
    for mut node in std::mem::take(&mut draft.nodes) {
        let activation = node.fused.first().map(|written| (written.clone(), kind(written)));
        let (Some((written, kind)), Some(result)) = (activation, node.result()) else {
            nodes.push(node);
            continue;
        };
        let value = draft.values[result].clone();
        let before = draft.add_value(format!("{}:before", value.name), value.shape, value.element);
        node.fused.clear();
        node.results = vec![Some(before)];
        let after = Node {
            kind,
            name: format!("{}/{written}", node.name),
            written,
            operands: vec![Some(before)],
            results: vec![Some(result)],
            geometry: None,
            pads: [0; 4],
            pads_count: false,
            permutation: None,
            macs: 0,
            class: OperatorClass::Other,
            fused: Vec::new(),
            sources: node.sources.clone(),
            folded_bytes: 0,
        };
        nodes.extend([node, after]);
    }
    draft.nodes = nodes;
}

/// The names of `ActivationFunctionType` in TFLite's schema.
fn kind(written: &str) -> Kind {
    match written {
        "RELU" => Kind::Relu,
        "RELU_N1_TO_1" => Kind::ReluN1To1,
        "RELU6" => Kind::Relu6,
        "TANH" => Kind::Tanh,
        _ => Kind::OtherActivation,
    }
}
