use super::*;
use crate::graph::costs::count_graph;
use crate::graph::description::difference;
use crate::graph::library;

const SMALL: &str = r#"
schema = 1
inputs = [{ name = "pixels", shape = [1, 3, 8, 8] }]
constants = [
  { name = "kernel", shape = [4, 3, 3, 3] },
  { name = "shape", shape = [2], element = "int64", values = [1, -1] },
]
outputs = ["flat"]

[[operator]]
type = "Conv"
name = "convolution"
inputs = ["pixels", "kernel"]
attributes = { pads = [1, 1, 1, 1], strides = [2, 2] }

[[operator]]
type = "Relu"
inputs = ["convolution"]
outputs = ["positive"]
shapes = [[1, 4, 4, 4]]

[[operator]]
type = "Reshape"
inputs = ["positive", "shape"]
outputs = ["flat"]
"#;

fn read(text: &str) -> Result<Graph, InputError> {
    read_native_graph(&SourceText::new("small.toml", text), "small")
}

#[test]
fn shapes_of_a_hand_written_graph_are_inferred() {
    let graph = read(SMALL).unwrap();
    let shape = |i: usize| graph.tensor(graph.operators[i].outputs[0].unwrap()).shape.clone();
    assert_eq!((shape(0), shape(1), shape(2)), (vec![1, 4, 4, 4], vec![1, 4, 4, 4], vec![1, 64]));
    assert_eq!(count_graph(&graph).macs, 4 * 4 * 4 * 27);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let fault = |from: &str, to: &str| {
        assert!(SMALL.contains(from), "{from}");
        read(&SMALL.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let cases = [
        ("attributes =", "atributes =", "small.toml:14:1: error[config::unknown-key]"),
        (
            "[[1, 4, 4, 4]]",
            "[[1, 4, 4, 5]]",
            "small.toml:17:8: error[graph::shape]: the file states shape [1, 4, 4, 5]",
        ),
        ("[[1, 4, 4, 4]]", "[]", "small.toml:20:10: error[graph::shapes]: 0 shapes are stated for 1 outputs"),
        (
            "[\"convolution\"]",
            "[\"konvolution\"]",
            "small.toml:17:8: error[graph::dangling]: tensor `konvolution`",
        ),
        ("[\"convolution\"]", "[\"flat\"]", "error[graph::cycle]"),
        ("[\"positive\"]", "[\"pixels\"]", "error[graph::duplicate]: tensor `pixels` is produced twice"),
        ("\"int64\"", "\"int46\"", "small.toml:6:44: error[graph::element]: `int46` is not an element type"),
        ("[1, -1]", "[1, -1, 5]", "constant `shape` holds 3 values"),
        ("[1, -1]", "[1, 0.5]", "small.toml:6:62: error[graph::values]"),
        ("schema = 1", "schema = 2", "small.toml:2:10: error[soc::schema]"),
        ("schema = 1", "schema = 1\nopset = 99", "operator set 99 is outside"),
        (
            "schema = 1",
            "schema = 1\nvocabulary = \"tflite\"",
            "shapes of TensorFlow Lite operators are not inferred",
        ),
        ("\"Relu\"", "\"Relux\"", "no shape rule for operator Relux"),
        ("[1, 3, 8, 8]", "[1, 3, 8, 99999999999999]", "above the limit"),
        ("[2, 2]", "[2, \"x\"]", "error[graph::attribute]"),
        ("[2, 2]", "{ floots = [1] }", "unknown key `floots`"),
        ("name = \"convolution\"\n", "", "this operator has no output"),
    ];
    for (from, to, told) in cases {
        let message = fault(from, to);
        assert!(message.contains(told), "{from} -> {to}: {message}");
    }
}

#[test]
fn the_library_survives_writing_and_reading() {
    for name in ["resnet18", "mobilenet-v3-small", "gpt2-small-decode-kv128"] {
        let graph = library::find(name).unwrap().graph().unwrap();
        let text = write_native_graph(&graph, name);
        let again = read_native_graph(&SourceText::new("again.toml", text), "again").unwrap();
        assert_eq!(difference(&graph, &again), None, "{name}");
        assert_eq!(count_graph(&graph), count_graph(&again));
    }
}
