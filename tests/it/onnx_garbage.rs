//! Damaged ONNX files give errors, never panics.

use hetsoc::graph::library::MODELS;
use hetsoc::graph::onnx::messages::{GraphProto, ModelProto};
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::show::{show, table};
use proptest::prelude::*;
use prost::Message;

/// Reads bytes and, if they are still a graph, counts and prints it.
fn survive(bytes: &[u8]) {
    if let Ok(graph) = read_onnx(bytes, "damaged", &OnnxOptions::default()) {
        let _ = (show(&graph), table(&graph));
    }
}

/// Puts `value` in the place of one number of the graph: a parameter, a size or an attribute.
fn disturb(graph: &mut GraphProto, at: prop::sample::Index, value: i64) {
    let mut numbers: Vec<&mut i64> = Vec::new();
    for tensor in &mut graph.initializer {
        numbers.extend(&mut tensor.dims);
        numbers.extend(&mut tensor.int64_data);
        // Small integer tensors are stored raw; their first word is replaced.
        if tensor.data_type == 7 && tensor.raw_data.len() >= 8 && value % 2 == 0 {
            tensor.raw_data[..8].copy_from_slice(&value.to_le_bytes());
        }
    }
    for node in &mut graph.node {
        for attribute in &mut node.attribute {
            numbers.extend(attribute.i.as_mut());
            numbers.extend(&mut attribute.ints);
        }
    }
    for input in &mut graph.input {
        let shape = input.r#type.as_mut().and_then(|t| t.tensor_type.as_mut()).and_then(|t| t.shape.as_mut());
        numbers.extend(shape.into_iter().flat_map(|s| &mut s.dim).filter_map(|d| d.dim_value.as_mut()));
    }
    let count = numbers.len();
    if count > 0 {
        *numbers[at.index(count)] = value;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        model in 0..MODELS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = MODELS[model].bytes.to_vec();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survive(&bytes);
    }

    #[test]
    fn absurd_numbers_never_panic(
        model in 0..MODELS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            -3..40i64, Just(i64::MAX), Just(i64::MIN), Just(1 << 40), Just(1 << 31), Just(1 << 62), any::<i64>(),
        ]), 1..4),
        strip in any::<bool>(),
    ) {
        let mut file = ModelProto::decode(MODELS[model].bytes).unwrap();
        let graph = file.graph.as_mut().unwrap();
        if strip {
            graph.value_info.clear();
            graph.output.iter_mut().for_each(|o| o.r#type = None);
        }
        for (at, value) in edits {
            disturb(graph, at, value);
        }
        survive(&file.encode_to_vec());
    }

    #[test]
    fn truncated_files_never_panic(model in 0..MODELS.len(), end in any::<prop::sample::Index>()) {
        let bytes = MODELS[model].bytes;
        survive(&bytes[..end.index(bytes.len())]);
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        prop_assert!(read_onnx(&bytes, "garbage", &OnnxOptions::default()).is_err());
    }
}
