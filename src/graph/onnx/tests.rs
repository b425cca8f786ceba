//! Small models made by hand, good and bad.

use super::messages::*;
use super::*;
use crate::graph::costs::count_graph;
use crate::graph::model::{ConstantData, ElementType, Operator};

fn value(name: &str, dims: &[&str]) -> ValueInfoProto {
    let dim = |d: &&str| match d.parse() {
        Ok(size) => DimensionProto { dim_value: Some(size), dim_param: None },
        Err(_) => DimensionProto { dim_value: None, dim_param: (*d != "?").then(|| (*d).to_owned()) },
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: 1, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

fn node(op_type: &str, input: &[&str], output: &[&str]) -> NodeProto {
    let own = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
    let name = format!("n_{}", output.first().copied().unwrap_or_default());
    NodeProto {
        name,
        op_type: op_type.to_owned(),
        input: own(input),
        output: own(output),
        ..Default::default()
    }
}

fn with_int(mut node: NodeProto, name: &str, i: i64) -> NodeProto {
    node.attribute.push(AttributeProto { name: name.to_owned(), i: Some(i), kind: 2, ..Default::default() });
    node
}

fn with_ints(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
    let ints = ints.to_vec();
    node.attribute.push(AttributeProto { name: name.to_owned(), ints, kind: 7, ..Default::default() });
    node
}

fn stored(name: &str, data_type: i32, dims: &[i64]) -> TensorProto {
    TensorProto { name: name.to_owned(), data_type, dims: dims.to_vec(), ..Default::default() }
}

/// A model with input `x` of the given dimensions and output `y`.
fn model(dims: &[&str], node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let output = vec![ValueInfoProto { name: "y".to_owned(), r#type: None }];
    let graph = GraphProto { node, initializer, input: vec![value("x", dims)], output, ..Default::default() };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, graph: Some(graph), opset_import, ..Default::default() }
}

fn read(model: &ModelProto) -> Result<Graph, GraphError> {
    read_onnx(&model.encode_to_vec(), "test", &OnnxOptions::default())
}

fn types(graph: &Graph) -> Vec<&str> {
    graph.operators.iter().map(|o| o.op_type.as_str()).collect()
}

fn out_shape<'a>(graph: &'a Graph, operator: &Operator) -> &'a [u64] {
    &graph.tensor(operator.outputs[0].unwrap()).shape
}

#[test]
fn shape_arithmetic_of_a_raw_export_is_folded() {
    // x.view(x.size(0), -1) as the TorchScript exporter writes it, with an Identity behind it.
    let nodes = vec![
        node("Shape", &["x"], &["s"]),
        node("Gather", &["s", "zero"], &["batch"]),
        with_ints(node("Constant", &[], &["minus"]), "value_ints", &[-1]),
        with_ints(node("Constant", &[], &["axes"]), "value_ints", &[0]),
        node("Unsqueeze", &["batch", "axes"], &["batch1"]),
        with_int(node("Concat", &["batch1", "minus"], &["wanted"]), "axis", 0),
        node("Relu", &["x"], &["r"]),
        node("Reshape", &["r", "wanted"], &["flat"]),
        node("Identity", &["flat"], &["same"]),
        node("MatMul", &["same", "w"], &["y"]),
    ];
    let zero = TensorProto { int64_data: vec![0], ..stored("zero", 7, &[]) };
    let weights = TensorProto { data_location: 1, ..stored("w", 1, &[12, 5]) };
    let graph = read(&model(&["2", "3", "4"], nodes, vec![zero, weights])).unwrap();
    assert_eq!(types(&graph), ["Relu", "Reshape", "MatMul"]);
    assert_eq!(out_shape(&graph, &graph.operators[1]), [2, 12]);
    assert_eq!(out_shape(&graph, &graph.operators[2]), [2, 5]);
    let counts = count_graph(&graph);
    assert_eq!((counts.macs, counts.parameters, counts.weight_bytes), (120, 60, 240 + 16));
}

#[test]
fn operators_on_constants_only_become_constants_and_what_only_they_needed_goes() {
    let nodes = vec![
        with_ints(node("Transpose", &["w"], &["wt"]), "perm", &[1, 0]),
        node("Exp", &["x"], &["e"]),
        node("Shape", &["e"], &["s"]),
        node("ConstantOfShape", &["s"], &["zeros"]),
        node("Add", &["x", "zeros"], &["a"]),
        node("MatMul", &["a", "wt"], &["y"]),
    ];
    let graph = read(&model(&["2", "3"], nodes, vec![stored("w", 1, &[4, 3])])).unwrap();
    assert_eq!(types(&graph), ["Add", "MatMul"], "Exp served a shape only");
    let zeros = graph.tensor(graph.operators[0].inputs[1].unwrap());
    assert_eq!(
        zeros.role,
        crate::graph::model::TensorRole::Constant(Some(ConstantData::Floats(vec![0.0; 6])))
    );
}

#[test]
fn quantised_weights_stay_visible() {
    let nodes = vec![node("DequantizeLinear", &["q", "s"], &["w"]), node("MatMul", &["x", "w"], &["y"])];
    let scale = TensorProto { float_data: vec![0.5], ..stored("s", 1, &[]) };
    let graph = read(&model(&["2", "3"], nodes, vec![stored("q", 3, &[3, 4]), scale])).unwrap();
    assert_eq!(types(&graph), ["DequantizeLinear", "MatMul"]);
    assert_eq!(count_graph(&graph).weight_bytes, 12 + 4);
}

#[test]
fn dropout_goes_unless_it_trains_or_its_mask_is_used() {
    let drop = |inputs: &[&str]| vec![node("Dropout", inputs, &["d", "mask"]), node("Relu", &["d"], &["y"])];
    assert_eq!(types(&read(&model(&["2"], drop(&["x"]), vec![])).unwrap()), ["Relu"]);
    let training = TensorProto { int32_data: vec![1], ..stored("t", 9, &[]) };
    let graph = read(&model(&["2"], drop(&["x", "", "t"]), vec![training])).unwrap();
    assert_eq!(types(&graph), ["Dropout", "Relu"]);
    let mut used = drop(&["x"]);
    used.push(node("Not", &["mask"], &["z"]));
    assert_eq!(types(&read(&model(&["2"], used, vec![])).unwrap()), ["Dropout", "Relu", "Not"]);
}

#[test]
fn packed_and_unpacked_integers_read_alike() {
    /// [`AttributeProto`] as proto2 writers encode it.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Unpacked {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(int64, repeated, packed = "false", tag = "8")]
        ints: Vec<i64>,
    }
    let unpacked = Unpacked { name: "axes".to_owned(), ints: vec![1, 300, -1] }.encode_to_vec();
    let packed = AttributeProto { name: "axes".to_owned(), ints: vec![1, 300, -1], ..Default::default() };
    assert_ne!(unpacked, packed.encode_to_vec());
    assert_eq!(AttributeProto::decode(&*unpacked).unwrap(), packed);
}

#[test]
fn optional_inputs_and_several_outputs_keep_their_places() {
    let nodes = vec![
        node("Clip", &["x", "", "max"], &["c"]),
        with_int(node("Split", &["c"], &["a", "", "b"]), "axis", 1),
        node("Add", &["a", "b"], &["y"]),
    ];
    let max = TensorProto { float_data: vec![6.0], ..stored("max", 1, &[]) };
    let graph = read(&model(&["2", "9"], nodes, vec![max])).unwrap();
    assert_eq!(graph.operators[0].inputs[1], None);
    assert_eq!(graph.operators[1].outputs[1], None);
    assert_eq!(out_shape(&graph, &graph.operators[2]), [2, 3]);
}

#[test]
fn symbolic_dimensions_need_a_value() {
    let dims =
        |pairs: &[(&str, u64)]| OnnxOptions { dims: pairs.iter().map(|&(k, v)| (k.to_owned(), v)).collect() };
    let bytes = model(&["batch", "?"], vec![node("Relu", &["x"], &["y"])], vec![]).encode_to_vec();
    let error = |options| read_onnx(&bytes, "t", &options).unwrap_err().to_string();
    assert!(error(dims(&[])).contains("--dim batch=value"));
    assert!(error(dims(&[("batch", 2)])).contains("--dim x:1=value"));
    let all = dims(&[("batch", 2), ("x:1", 3)]);
    assert_eq!(read_onnx(&bytes, "t", &all).unwrap().tensors[1].shape, [2, 3]);
    let more = dims(&[("batch", 2), ("x:1", 3), ("sequence", 4)]);
    assert!(
        error(more)
            .contains("--dim sequence=... names no symbolic dimension of this model; it has batch, x:1")
    );
}

#[test]
fn nodes_out_of_order_are_sorted_and_cycles_named() {
    let nodes = vec![node("Relu", &["b"], &["y"]), node("Exp", &["x"], &["a"]), node("Neg", &["a"], &["b"])];
    assert_eq!(types(&read(&model(&["2"], nodes, vec![])).unwrap()), ["Exp", "Neg", "Relu"]);
    let cycle =
        vec![node("Add", &["x", "b"], &["a"]), node("Neg", &["a"], &["b"]), node("Exp", &["b"], &["y"])];
    let error = read(&model(&["2"], cycle, vec![])).unwrap_err().to_string();
    assert!(
        error.contains("Add `n_a` -> Neg `n_b` -> Add `n_a`")
            || error.contains("Neg `n_b` -> Add `n_a` -> Neg `n_b`"),
        "{error}"
    );
}

#[test]
fn faults_of_the_graph_are_refused_by_name() {
    let error = |m: &ModelProto| read(m).unwrap_err().to_string();
    let twice = model(&["2"], vec![node("Relu", &["x"], &["y"]), node("Exp", &["x"], &["y"])], vec![]);
    assert!(error(&twice).contains("`y` is produced twice, by Relu `n_y` and by Exp `n_y`"));
    assert!(
        error(&model(&["2"], vec![node("Relu", &["q\u{1b}"], &["y"])], vec![]))
            .contains("`q\\u{1b}` is used by Relu")
    );
    assert!(error(&model(&["2"], vec![], vec![])).contains("list of graph outputs"));
    assert!(
        error(&model(&["2"], vec![node("Loop", &["x"], &["y"])], vec![]))
            .contains("Loop `n_y` (operator Loop)")
    );
    let mut branch = node("Custom", &["x"], &["y"]);
    let body = AttributeProto { name: "body".to_owned(), g: Some(Box::default()), ..Default::default() };
    branch.attribute.push(body);
    assert!(error(&model(&["2"], vec![branch], vec![])).contains("sub-graph `body`"));
    assert!(
        error(&model(&["2"], vec![node("NonZero", &["x"], &["y"])], vec![])).contains("depends on the data")
    );
    let mut old = model(&["2"], vec![node("Relu", &["x"], &["y"])], vec![]);
    old.functions.push(FunctionProto { name: "gelu".to_owned() });
    assert!(error(&old).contains("function `gelu`"));
    old.functions.clear();
    old.opset_import[0].version = 8;
    assert!(error(&old).contains("operator set 8 is outside the supported range 9 to 21"));
    assert!(error(&ModelProto::default()).contains("no graph"));
    let add = model(&["2", "3"], vec![node("Add", &["x", "w"], &["y"])], vec![stored("w", 1, &[2])]);
    assert!(error(&add).contains("do not broadcast"));
    let text = model(&["2"], vec![node("Relu", &["w"], &["y"])], vec![stored("w", 8, &[2])]);
    assert!(error(&text).contains("element type string"));
}

#[test]
fn stated_shapes_serve_where_no_rule_does_and_stale_ones_are_refused() {
    let mut custom = model(&["2"], vec![node("Fancy", &["x"], &["f"]), node("Relu", &["f"], &["y"])], vec![]);
    custom.graph.as_mut().unwrap().node[0].domain = "com.example".to_owned();
    assert!(read(&custom).unwrap_err().to_string().contains("com.example.Fancy"));
    custom.graph.as_mut().unwrap().value_info.push(value("f", &["7"]));
    assert_eq!(out_shape(&read(&custom).unwrap(), &read(&custom).unwrap().operators[1]), [7]);
    let mut stale = model(&["2"], vec![node("Relu", &["x"], &["r"]), node("Relu", &["r"], &["y"])], vec![]);
    stale.graph.as_mut().unwrap().value_info.push(value("r", &["3"]));
    assert!(read(&stale).unwrap_err().to_string().contains("states shape [3] for tensor `r`"));
}

#[test]
fn absurd_sizes_are_refused() {
    let huge = model(&["9000000000000", "9000000"], vec![node("Relu", &["x"], &["y"])], vec![]);
    assert!(matches!(read(&huge), Err(GraphError::Limit { .. })));
    let deep = vec!["1"; MAX_RANK + 1];
    assert!(matches!(
        read(&model(&deep, vec![node("Relu", &["x"], &["y"])], vec![])),
        Err(GraphError::Limit { .. })
    ));
    // Sub-graphs within sub-graphs: the decoder's own recursion limit answers.
    let mut inner = GraphProto::default();
    for _ in 0..200 {
        let mut wrap = node("If", &[], &["y"]);
        wrap.attribute.push(AttributeProto { g: Some(Box::new(inner)), ..Default::default() });
        inner = GraphProto { node: vec![wrap], ..Default::default() };
    }
    let deep = ModelProto { graph: Some(inner), ..Default::default() };
    assert!(matches!(read(&deep), Err(GraphError::Decode { .. })));
}

#[test]
fn half_precision_counts_two_bytes() {
    let mut half =
        model(&["2", "3"], vec![node("MatMul", &["x", "w"], &["y"])], vec![stored("w", 10, &[3, 4])]);
    let input = &mut half.graph.as_mut().unwrap().input[0];
    input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 10;
    let graph = read(&half).unwrap();
    assert_eq!(graph.tensor(graph.outputs[0]).element, ElementType::F16);
    let counts = count_graph(&graph);
    assert_eq!((counts.weight_bytes, counts.activation_bytes), (24, 16));
}

#[test]
fn weights_in_the_file_change_nothing() {
    let read_with =
        |weights| read(&model(&["2", "80"], vec![node("MatMul", &["x", "w"], &["y"])], vec![weights]));
    let stripped = TensorProto { data_location: 1, ..stored("w", 1, &[80, 90]) };
    let raw = TensorProto { raw_data: vec![1; 80 * 90 * 4], ..stored("w", 1, &[80, 90]) };
    let typed = TensorProto { float_data: vec![1.0; 80 * 90], ..stored("w", 1, &[80, 90]) };
    let graph = read_with(stripped).unwrap();
    assert_eq!(read_with(raw).unwrap(), graph);
    assert_eq!(read_with(typed).unwrap(), graph);
}

#[test]
fn initializers_listed_among_the_inputs_are_no_inputs() {
    let mut old =
        model(&["2", "3"], vec![node("MatMul", &["x", "w"], &["y"])], vec![stored("w", 1, &[3, 4])]);
    old.graph.as_mut().unwrap().input.push(value("w", &["3", "4"]));
    assert_eq!(read(&old).unwrap().inputs.len(), 1);
}

#[test]
fn metadata_are_handed_out() {
    let mut file = model(&["2"], vec![node("Relu", &["x"], &["y"])], vec![]);
    let entry = StringStringEntryProto { key: "origin".to_owned(), value: "hand".to_owned() };
    file.metadata_props.push(entry);
    let metadata = read_metadata(&file.encode_to_vec()).unwrap();
    assert_eq!(metadata, [("origin".to_owned(), "hand".to_owned())]);
}
