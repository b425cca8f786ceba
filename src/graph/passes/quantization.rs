//! Quantise/dequantise pairs folded into operators on 8-bit tensors.

use super::draft::Draft;
use super::kind::Kind;

/// Stored 8-bit weights stay as they are: the dequantisation after them goes. Runs before constants are folded,
/// which would turn them into floating-point numbers.
pub(crate) fn keep_stored_weights(draft: &mut Draft) {
    let mut dead = vec![false; draft.nodes.len()];
    let mut replacement: Vec<usize> = (0..draft.values.len()).collect();
    for (index, gone) in dead.iter_mut().enumerate() {
        let node = &draft.nodes[index];
        let stored = node.operand(0).filter(|&v| draft.is_constant(v));
        if let (Kind::Dequantize, Some(stored), Some(result)) = (node.kind, stored, node.result()) {
            replacement[result] = stored;
            *gone = true;
        }
    }
    for value in draft.nodes.iter_mut().flat_map(|n| n.operands.iter_mut()).flatten() {
        *value = replacement[*value];
    }
    for output in &mut draft.outputs {
        *output = replacement[*output];
    }
    draft.remove(&dead);
}

/// An operator whose activations all come from dequantisations and whose results all go to one quantisation
/// each runs on 8-bit tensors; a pair with nothing between is nothing. Runs after activations are fused,
/// so that a fused one does not stand in between.
pub(crate) fn fold(draft: &mut Draft) {
    let mut dead = vec![false; draft.nodes.len()];
    let uses = draft.uses();
    let quantization_after = |draft: &Draft, value: usize| {
        uses.only_consumer(value)
            .filter(|&c| draft.nodes[c].kind == Kind::Quantize && draft.nodes[c].operand(0) == Some(value))
    };
    for index in 0..draft.nodes.len() {
        let node = &draft.nodes[index];
        if matches!(node.kind, Kind::Quantize | Kind::Dequantize) {
            continue;
        }
        let raw = |value: usize| {
            let before = uses.producer[value].filter(|&p| draft.nodes[p].kind == Kind::Dequantize)?;
            draft.nodes[before].operand(0)
        };
        let is_float = |v: usize| draft.values[v].element.is_float();
        let inputs_quantized = draft.activations(node).filter(|&v| is_float(v)).all(|v| raw(v).is_some());
        let mut results = node.results.iter().flatten();
        let outputs_quantized = results.all(|&v| quantization_after(draft, v).is_some());
        if !inputs_quantized || !outputs_quantized || node.results.iter().flatten().next().is_none() {
            continue;
        }
        let operands: Vec<_> = node
            .operands
            .iter()
            .map(|operand| operand.map(|v| if draft.is_constant(v) { v } else { raw(v).unwrap_or(v) }))
            .collect();
        let results: Vec<_> = node
            .results
            .iter()
            .map(|result| {
                let after = quantization_after(draft, (*result)?)?;
                dead[after] = true;
                draft.nodes[after].result()
            })
            .collect();
        draft.nodes[index].operands = operands;
        draft.nodes[index].results = results;
    }
    draft.remove(&dead);
    drop_pairs(draft);
    drop_unused(draft);
}

/// A quantisation of what was just dequantised passes its 8-bit tensor on.
fn drop_pairs(draft: &mut Draft) {
    let uses = draft.uses();
    let mut dead = vec![false; draft.nodes.len()];
    for (index, gone) in dead.iter_mut().enumerate() {
        let node = &draft.nodes[index];
        let (Kind::Quantize, Some(input), Some(result)) = (node.kind, node.operand(0), node.result()) else {
            continue;
        };
        let before = uses.producer[input].filter(|&p| draft.nodes[p].kind == Kind::Dequantize);
        if let Some(raw) = before.and_then(|p| draft.nodes[p].operand(0)) {
            *gone = true;
            draft.replace_uses(result, raw);
        }
    }
    draft.remove(&dead);
}

/// Dequantisations that nobody reads any more.
fn drop_unused(draft: &mut Draft) {
    let uses = draft.uses();
    let dead: Vec<bool> = draft
        .nodes
        .iter()
        .map(|node| {
            node.kind == Kind::Dequantize
                && node.results.iter().flatten().all(|&v| uses.consumers[v].is_empty() && !uses.is_output(v))
        })
        .collect();
    draft.remove(&dead);
}

#[cfg(test)]
mod tests {
    use super::super::super::model::ElementType;
    use super::super::testing::{activation, constant, graph, operator, with_element};
    use super::super::{NONE, ONNXRUNTIME, lower};

    #[test]
    fn pairs_around_a_convolution_make_it_an_8_bit_one() {
        let conv = |shape: &[u64], name| activation(name, shape);
        let graph = graph(
            vec![
                with_element(conv(&[1, 8, 4, 4], "xq"), ElementType::I8),
                constant("scale", &[]),
                conv(&[1, 8, 4, 4], "x"),
                with_element(constant("wq", &[16, 8, 1, 1]), ElementType::I8),
                activation("w", &[16, 8, 1, 1]),
                conv(&[1, 16, 4, 4], "y"),
                conv(&[1, 16, 4, 4], "z"),
                with_element(conv(&[1, 16, 4, 4], "zq"), ElementType::I8),
            ],
            vec![
                operator("DequantizeLinear", &[0, 1], &[2]),
                operator("DequantizeLinear", &[3, 1], &[4]),
                operator("Conv", &[2, 4], &[5]),
                operator("Relu", &[5], &[6]),
                operator("QuantizeLinear", &[6, 1], &[7]),
            ],
            &[0],
            &[7],
        );
        let lowered = lower(&graph, &ONNXRUNTIME).unwrap();
        assert_eq!(lowered.operators.len(), 1);
        let conv = &lowered.operators[0];
        assert_eq!((conv.weight_bytes, conv.macs), (16 * 8, 16 * 8 * 16));
        let widths: Vec<f64> = lowered.tensors.iter().map(|t| t.element_bytes).collect();
        assert_eq!(widths, [1.0, 1.0]);
        assert_eq!(lower(&graph, &NONE).unwrap().operators.len(), 5);
    }
}
