//! Cutting operators into slices: nothing is lost, and what is believed of a slice is what it costs.

use crate::profiles::machine;
use hetsoc::graph::library;
use hetsoc::graph::lowered::{LoweredGraph, OperatorClass};
use hetsoc::graph::partition::{Dimension, PartitionError, Role, Slice, Split, extent, partition, sliced};
use hetsoc::graph::passes::{lower, rules};
use hetsoc::physics::{Clocks, Machine, SliceCosts};
use hetsoc::soc::ExecutorId;
use proptest::prelude::*;

fn lowered(model: &str) -> LoweredGraph {
    let graph = library::find(model).unwrap().graph().unwrap();
    lower(&graph, rules("mace").unwrap()).unwrap()
}

fn xiaomi() -> Machine {
    machine("xiaomi-9", "mace", &["cpu-1large3med", "gpu"], &Clocks::default())
}

const MODELS: [&str; 5] =
    ["vgg16", "resnet18", "mobilenet-v2", "retinaface-resnet50-codl-640", "yolov2-voc-416"];

/// A split of one operator, if it can be cut.
fn single(graph: &LoweredGraph, operator: u32, dimension: Dimension, share: f64) -> Option<Split> {
    let whole = extent(graph, &graph.operators[operator as usize], dimension)?;
    let cut = (whole as f64 * share) as u64;
    (cut > 0 && cut < whole).then(|| Split {
        operators: vec![operator],
        dimension,
        cuts: vec![cut],
        owner: 1,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn slices_lose_nothing_and_cost_what_is_believed(model in 0..MODELS.len(), share in 0.05..0.95f64, by_height: bool) {
        let graph = lowered(MODELS[model]);
        let machine = xiaomi();
        let dimension = if by_height { Dimension::Height } else { Dimension::OutputChannels };
        let splits: Vec<Split> =
            (0..graph.operators.len() as u32).filter_map(|op| single(&graph, op, dimension, share)).collect();
        prop_assert!(splits.len() > 5);
        let cut = partition(&graph, &splits).unwrap();
        let macs = |graph: &LoweredGraph| graph.operators.iter().map(|op| op.macs).sum::<u64>();
        // Rounding up costs at most one multiply-accumulate for each slice.
        let slack = 2 * splits.len() as u64;
        prop_assert!((macs(&graph)..=macs(&graph) + slack).contains(&macs(&cut.graph)));
        let weights = |graph: &LoweredGraph| graph.operators.iter().map(|op| op.weight_bytes).sum::<u64>();
        if dimension == Dimension::OutputChannels {
            prop_assert!(weights(&cut.graph) <= weights(&graph) + slack);
        }
        prop_assert_eq!(cut.roles.len(), cut.graph.operators.len());
        let costs = SliceCosts::new(&machine, &graph);
        // The weights of the whole model decide where constants stream from; cut by height they are there twice.
        let table = machine.cost_table(&cut.graph).unwrap();
        for (position, role) in cut.roles.iter().enumerate() {
            let Role::Part { operator, split, part } = *role else { continue };
            let whole = extent(&graph, &graph.operators[operator as usize], dimension).unwrap();
            let at = splits[split as usize].cuts[0];
            let (start, end) = if part == 0 { (0, at) } else { (at, whole) };
            for executor in [ExecutorId(0), ExecutorId(1)] {
                let believed = costs.slice(operator, Slice { dimension, start, end }, executor);
                let real = table.get(position as u32, executor).copied();
                prop_assert_eq!(believed, real);
            }
        }
    }
}

#[test]
fn rows_read_cover_the_input_and_overlap_by_the_halo() {
    let graph = lowered("vgg16");
    let first = &graph.operators.iter().position(|op| op.class == OperatorClass::Convolution).unwrap();
    let operator = &graph.operators[*first];
    let part = |start, end| {
        sliced(&graph, operator, Slice { dimension: Dimension::Height, start, end }).unwrap().input_rows
    };
    // A 3x3 window of stride 1 reads one row beyond the cut on either side.
    assert_eq!((part(0, 100), part(100, 224)), ((0, 101), (99, 224)));
    assert_eq!(part(0, 224), (0, 224));
}

#[test]
fn chains_recompute_the_rows_at_the_cut_and_share_once() {
    let graph = lowered("vgg16");
    let convolutions: Vec<u32> = (0..graph.operators.len() as u32)
        .filter(|&op| graph.operators[op as usize].class == OperatorClass::Convolution)
        .take(2)
        .collect();
    let split =
        Split { operators: convolutions.clone(), dimension: Dimension::Height, cuts: vec![112], owner: 1 };
    let cut = partition(&graph, std::slice::from_ref(&split)).unwrap();
    let of = |wanted: u32| {
        cut.roles
            .iter()
            .zip(&cut.graph.operators)
            .filter(|(role, _)| matches!(role, Role::Part { operator, .. } if *operator == wanted))
            .map(|(_, op)| op.macs)
            .sum::<u64>()
    };
    let [first, second] = [convolutions[0], convolutions[1]];
    // The first of the chain computes one row more on either side of the cut: 226 rows instead of 224.
    assert_eq!(of(first) * 224, graph.operators[first as usize].macs * 226);
    assert_eq!(of(second), graph.operators[second as usize].macs);
    assert_eq!(cut.roles.iter().filter(|role| matches!(role, Role::Share(_))).count(), 1);
    // What lies between the two slices of one executor is not shared.
    let shared = cut.graph.tensors.iter().filter(|tensor| tensor.shared).count();
    assert_eq!(shared, 4);
}

#[test]
fn cuts_that_do_not_fit_are_refused() {
    let graph = lowered("vgg16");
    let split = |operators: &[u32], dimension, cuts: &[u64], owner| Split {
        operators: operators.to_vec(),
        dimension,
        cuts: cuts.to_vec(),
        owner,
    };
    let refuse = |splits: &[Split]| partition(&graph, splits).unwrap_err();
    let height = Dimension::Height;
    assert!(matches!(refuse(&[split(&[999], height, &[1], 0)]), PartitionError::Unknown { .. }));
    assert!(matches!(refuse(&[split(&[], height, &[1], 0)]), PartitionError::Unknown { .. }));
    assert!(matches!(refuse(&[split(&[0], height, &[0], 0)]), PartitionError::Cuts { .. }));
    assert!(matches!(refuse(&[split(&[0], height, &[224], 0)]), PartitionError::Cuts { .. }));
    assert!(matches!(refuse(&[split(&[0], height, &[9, 9], 0)]), PartitionError::Cuts { .. }));
    assert!(matches!(refuse(&[split(&[0], height, &[9], 2)]), PartitionError::Cuts { .. }));
    let twice = [split(&[0], height, &[9], 0), split(&[0], height, &[8], 0)];
    assert_eq!(refuse(&twice), PartitionError::Twice(0));
    assert!(matches!(refuse(&[split(&[1, 0], height, &[9], 0)]), PartitionError::Chain { .. }));
    let channels = Dimension::OutputChannels;
    assert!(matches!(refuse(&[split(&[0, 1], channels, &[9], 0)]), PartitionError::Chain { .. }));
    let pool = graph.operators.iter().position(|op| op.class == OperatorClass::Softmax);
    if let Some(pool) = pool {
        assert!(matches!(
            refuse(&[split(&[pool as u32], height, &[1], 0)]),
            PartitionError::Indivisible { .. }
        ));
    }
}
