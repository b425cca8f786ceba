use super::*;
use crate::graph::lowered::{Geometry, OperatorClass};

fn list(rows: &[(&str, &str)]) -> Arc<SourceText> {
    let mut text = "model,family,op_index,op,feature_json\n".to_owned();
    for (i, (op, features)) in rows.iter().enumerate() {
        text += &format!("net,fam,{i},{op},\"{}\"\n", features.replace('"', "\"\""));
    }
    SourceText::new("list.csv", text)
}

const CONV: &str = r#"{"input_shape":226,"input_channel":3,"output_shape":112,"stride":2,"kernel":3,"filter":32,"group":1,"flops":21676032}"#;
const DEPTHWISE: &str = r#"{"input_shape":114,"input_channel":32,"output_shape":56,"stride":2,"kernel":3,"filter":1,"group":1,"flops":1806336}"#;
const MEAN: &str = r#"{"input_shape":56,"input_channel":32,"output_shape":32,"stride":"-","kernel":0,"filter":"-","group":"-","flops":100352}"#;
const DENSE: &str = r#"{"input_shape":"-","input_channel":32,"output_shape":"-","stride":"-","kernel":"-","filter":10,"group":"-","flops":640}"#;

fn one_error(rows: &[(&str, &str)]) -> String {
    read_operator_lists(&list(rows)).unwrap_err().to_string()
}

#[test]
fn a_small_network_is_linked_and_counted() {
    let rows =
        [("CONV_2D", CONV), ("DEPTHWISE_CONV_2D", DEPTHWISE), ("MEAN", MEAN), ("FULLY_CONNECTED", DENSE)];
    let lists = read_operator_lists(&list(&rows)).unwrap();
    let [OperatorList { family, graph }] = &lists[..] else { panic!("one list") };
    assert_eq!(family, "fam");
    assert!(graph.listed_kernels_only);
    let macs: Vec<u64> = graph.operators.iter().map(|o| o.macs).collect();
    assert_eq!(macs, [10_838_016, 903_168, 0, 320]);
    let Geometry::Window(first) = graph.operators[0].geometry else { panic!("window") };
    assert_eq!(first.in_height, 226, "the window keeps its explicit padding");
    assert_eq!(graph.tensors[graph.inputs[0] as usize].elements, 224 * 224 * 3, "the tensor has none");
    let Geometry::Window(second) = graph.operators[1].geometry else { panic!("window") };
    assert_eq!((second.in_height, second.groups), (114, 32));
    assert_eq!(graph.operators[1].class, OperatorClass::DepthwiseConvolution);
    assert_eq!(graph.operators[2].geometry, Geometry::Elements { read: 100_352, written: 32 });
    assert_eq!(graph.operators[3].weight_bytes, 4 * 330);
    let dag = graph.dag();
    assert_eq!((0..4).map(|n| dag.predecessors(n).len()).collect::<Vec<_>>(), [0, 1, 1, 1]);
    assert_eq!(dag.predecessors(3)[0].bytes, 128.0);
}

#[test]
fn operands_of_a_concatenation_are_the_unread_results_and_the_order_is_kept() {
    let conv = |i: u64, o: u64| {
        format!(
            r#"{{"input_shape":8,"input_channel":{i},"output_shape":8,"stride":1,"kernel":1,"filter":{o},"group":1}}"#
        )
    };
    let concat = r#"{"input_shape":8,"input_channel":6,"output_shape":8,"stride":"-","kernel":2,"filter":10,"group":"-","flops":"-"}"#;
    let (a, b, c) = (conv(3, 4), conv(4, 6), conv(4, 4));
    let rows = [("CONV_2D", &*a), ("CONV_2D", &*b), ("CONV_2D", &*c), ("CONCATENATION", concat)];
    let lists = read_operator_lists(&list(&rows)).unwrap();
    let dag = lists[0].graph.dag();
    let from = |n| dag.predecessors(n).iter().map(|l| (l.node, l.bytes)).collect::<Vec<_>>();
    assert_eq!(from(2), [(0, 1024.0), (1, 0.0)], "the second branch waits for the first without data");
    assert_eq!(from(3), [(1, 1536.0), (2, 1024.0)]);
}

#[test]
fn faults_name_row_and_column() {
    let error = one_error(&[("CONV_2D", CONV), ("DEPTHWISE_CONV2D", DEPTHWISE)]);
    assert!(error.contains("list.csv:3:11") && error.contains("did you mean DEPTHWISE_CONV_2D"), "{error}");
    let error = one_error(&[("CONV_2D", &CONV.replace("21676032", "21676031"))]);
    assert!(error.contains("list.csv:2:19") && error.contains("21676031"), "{error}");
    let error = one_error(&[("CONV_2D", &CONV.replace("stride", "strides"))]);
    assert!(error.contains("did you mean `stride`"), "{error}");
    let error = one_error(&[("MEAN", &MEAN.replace(r#""output_shape":32"#, r#""output_shape":1"#))]);
    assert!(error.contains("number of elements"), "{error}");
    let error = one_error(&[("CONV_2D", &CONV.replace(":3,", ":99999999999,"))]);
    assert!(error.contains("whole number"), "{error}");
    assert!(one_error(&[("CONV_2D", "[1]")]).contains("not a JSON object"));
    assert!(one_error(&[]).contains("lists no operator"));
}

#[test]
fn faults_of_the_table_are_told() {
    let read = |text: &str| {
        read_operator_lists(&SourceText::new("l.csv", text)).map(|_| ()).unwrap_err().to_string()
    };
    assert!(read("model,family,op_index,opp,feature_json\n").contains("l.csv:1:23: "));
    assert!(read("model,family,op_index,op\n").contains("feature_json is missing"));
    let row = |i: u32, family: &str| format!("net,{family},{i},CONV_2D,\"{}\"\n", CONV.replace('"', "\"\""));
    let header = "model,family,op_index,op,feature_json\n";
    assert!(read(&format!("{header}{}", row(1, "f"))).contains("0 is next"));
    assert!(read(&format!("{header}{}{}", row(0, "f"), row(0, "f"))).contains("l.csv:3:7: "));
    assert!(read(&format!("{header}{}{}", row(0, "f"), row(1, "g"))).contains("family"));
    assert!(read(&format!("{header}a,b\n")).contains("2 fields"));
}

#[test]
fn matrices_of_several_rows_and_windows_that_are_not_square_are_read() {
    let conv = r#"{"input_shape":1,"input_width":100,"input_channel":8,"output_shape":1,"output_width":100,"stride":1,"kernel":1,"kernel_width":5,"filter":16,"group":1,"flops":128000}"#;
    let dense = r#"{"input_channel":16,"filter":4,"rows":100,"flops":12800}"#;
    let lists = read_operator_lists(&list(&[("CONV_2D", conv), ("FULLY_CONNECTED", dense)])).unwrap();
    let graph = &lists[0].graph;
    assert_eq!((graph.operators[0].macs, graph.operators[1].macs), (64_000, 6_400));
    assert!(matches!(graph.operators[1].geometry, Geometry::MatMul { m: 100, n: 4, k: 16, .. }));
    assert!(one_error(&[("FULLY_CONNECTED", &dense.replace("100", "0"))]).contains("`rows`"));
    assert!(
        one_error(&[("FULLY_CONNECTED", &dense.replace("12800", "128"))])
            .contains("the other features give 12800")
    );
}
