//! All shared operator lists are read; their stated counts hold.

use hetsoc::diagnostics::SourceText;
use hetsoc::graph::lowered::{Geometry, OperatorClass};
use hetsoc::graph::operator_list::read_operator_lists;
use serde_json::Value;

use crate::shared::shared;

#[test]
fn every_list_is_read_and_counts_as_stated() {
    let Some(path) = shared("data/cnn_operator_lists.csv") else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let lists = read_operator_lists(&SourceText::new("cnn_operator_lists.csv", text)).unwrap();
    assert_eq!(lists.len(), 77);
    let mut rows = csv::Reader::from_path(&path).unwrap();
    let mut rows = rows.records().map(Result::unwrap);
    let (mut exact, mut unlinked, mut first_inputs) = (0, Vec::new(), 0);
    for list in &lists {
        let dag = list.graph.dag();
        for (position, operator) in list.graph.operators.iter().enumerate() {
            let row = rows.next().unwrap();
            assert_eq!((&row[0], &row[1]), (list.graph.name.as_str(), list.family.as_str()));
            let features: Value = serde_json::from_str(&row[4]).unwrap();
            let stated = features["flops"].as_u64();
            match operator.class {
                OperatorClass::Pooling | OperatorClass::Reduction => assert_eq!(operator.macs, 0),
                OperatorClass::DataMovement => assert_eq!(stated, None),
                _ => {
                    assert_eq!(stated, Some(2 * operator.macs), "{} {position}", list.graph.name);
                    exact += 1;
                }
            }
            let data = dag.predecessors(position as u32).iter().filter(|l| l.bytes > 0.0).count();
            if position == 0 {
                first_inputs += list.graph.inputs.len();
            } else if data == 0 {
                unlinked.push(format!("{} {position} {}", list.graph.name, operator.op_type));
            }
            if let Geometry::Window(w) = operator.geometry {
                assert!(w.in_height <= features["input_shape"].as_u64().unwrap());
            }
        }
        // Every operator but the first follows its predecessor, directly or through others.
        for position in 1..list.graph.operators.len() as u32 {
            assert!(dag.predecessors(position).iter().any(|l| l.node == position - 1));
        }
    }
    assert!(rows.next().is_none());
    assert_eq!(first_inputs, 77);
    println!(
        "{exact} operators with flops = 2 x MAC, {} without a known data input: {unlinked:?}",
        unlinked.len()
    );
    assert!(unlinked.len() <= 10, "{unlinked:?}");
}
