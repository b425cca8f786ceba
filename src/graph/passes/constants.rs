//! Operators with constant inputs only are computed when the model is converted.

use super::draft::Draft;
use super::kind::Kind;

/// Turns the results of constant operators into constants and removes the operators.
pub(crate) fn fold(draft: &mut Draft) {
    // One sweep suffices, because nodes are in topological order.
    let mut dead = vec![false; draft.nodes.len()];
    for (index, gone) in dead.iter_mut().enumerate() {
        let node = &draft.nodes[index];
        // Shapes are static, so what asks for a shape is constant whatever the data are.
        let asks_shape = matches!(node.written.as_str(), "Shape" | "Size" | "SHAPE" | "RANK");
        let random = ["Random", "Bernoulli", "Multinomial", "RANDOM", "MULTINOMIAL"];
        let constant = node.kind == Kind::Constant
            || (node.operands.iter().flatten().next().is_some() && draft.activations(node).next().is_none());
        if !(asks_shape || constant) || random.iter().any(|r| node.written.starts_with(r)) {
            continue;
        }
        *gone = true;
        for value in node.results.clone().into_iter().flatten() {
            draft.values[value].constant = true;
        }
    }
    draft.remove(&dead);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{activation, constant, graph, operator};
    use super::super::{LoweringRules, TFLITE, lower};

    #[test]
    fn a_chain_of_constants_disappears_and_its_result_is_weight() {
        let graph = graph(
            vec![
                activation("x", &[1, 8]),
                constant("w", &[4, 8]),
                activation("wt", &[8, 4]),
                activation("y", &[1, 4]),
            ],
            vec![operator("Transpose", &[1], &[2]), operator("MatMul", &[0, 2], &[3])],
            &[0],
            &[3],
        );
        let folded = lower(&graph, &TFLITE).unwrap();
        assert_eq!(folded.operators.len(), 1);
        assert_eq!(folded.operators[0].op_type, "FULLY_CONNECTED");
        assert_eq!(folded.operators[0].weight_bytes, 8 * 4 * 4);
        let kept = lower(&graph, &LoweringRules { fold_constants: false, ..TFLITE }).unwrap();
        assert_eq!(kept.operators.len(), 2);
    }
}
