//! Damaged ONNX files give errors, never panics.

use hetsoc::graph::library;
use hetsoc::graph::onnx::{OnnxOptions, read_onnx};
use hetsoc::graph::show::{show, table};
use proptest::prelude::*;

/// Reads bytes and, if they are still a graph, counts and prints it.
fn survive(bytes: &[u8]) {
    if let Ok(graph) = read_onnx(bytes, "damaged", &OnnxOptions::default()) {
        let _ = (show(&graph), table(&graph));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        model in 0..library::MODELS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = library::MODELS[model].bytes.to_vec();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survive(&bytes);
    }

    #[test]
    fn truncated_files_never_panic(model in 0..library::MODELS.len(), end in any::<prop::sample::Index>()) {
        let bytes = library::MODELS[model].bytes;
        survive(&bytes[..end.index(bytes.len())]);
    }

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        prop_assert!(read_onnx(&bytes, "garbage", &OnnxOptions::default()).is_err());
    }
}
