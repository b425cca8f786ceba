//! GoogLeNet on GPU and DLA of a Jetson: published times of its layer groups and of the transitions between them
//! (HaX-CoNN artifact, ismetdagli/HaX-CoNN@87f5f25e), played by the simulation for every placement with at most one switch.

use hetsoc::strategy::{Dispatch, TransferStart};

use crate::build::{plan, replay, tasks};
use crate::oracles::close;

/// Group times on the GPU (sum 1.766 ms; the whole model was measured at 1.96 ms) and on the DLA (3.84; 3.66 ms).
const GPU: [f64; 10] =
    [0.3606, 0.14896, 0.20476, 0.11362, 0.12427, 0.12624, 0.14804, 0.1984, 0.12649, 0.21479];
const DLA: [f64; 10] = [0.75, 0.34, 0.45, 0.37, 0.31, 0.33, 0.31, 0.35, 0.27, 0.36];
/// Cost of leaving the one for the other after group i.
const FROM_GPU: [f64; 9] = [0.01986, 0.02803, 0.0097, 0.04067, 0.0279, 0.03619, 0.03719, 0.02772, 0.04276];
const FROM_DLA: [f64; 9] = [0.07351, 0.064, 0.06717, 0.05612, 0.04844, 0.04663, 0.04524, 0.04628, 0.05048];

/// Milliseconds with the first `before` groups on `first` (0 GPU, 1 DLA) and the others on the other one.
fn played(before: usize, first: u16) -> f64 {
    let costs: Vec<_> = GPU.iter().zip(DLA).map(|(g, d)| vec![Some(g * 1e-3), Some(d * 1e-3)]).collect();
    let leaving = if first == 0 { FROM_GPU } else { FROM_DLA };
    // A byte takes a nanosecond: the transition cost is the transfer time.
    let edges: Vec<_> = (0..9u32).map(|i| (i, i + 1, leaving[i as usize] * 1e6)).collect();
    let problem = tasks(&costs, &edges, 0.0, 1e9);
    let order: Vec<_> =
        (0..10u32).map(|group| (group, if (group as usize) < before { first } else { 1 - first })).collect();
    let plan = plan(Dispatch::AtReady, TransferStart::ProducerFinish, &order);
    replay(&problem, vec![plan]).makespan.seconds() * 1e3
}

#[test]
fn placements_with_at_most_one_switch() {
    let (gpu, dla) = (played(10, 0), played(10, 1));
    close(gpu, 1.766_17, 1e-9, "GPU");
    close(dla, 3.84, 1e-9, "DLA");
    // The groups leave out what the whole model pays once; both sums lie within 10 % of the measured whole.
    assert!((gpu / 1.96 - 1.0).abs() < 0.10 && (dla / 3.66 - 1.0).abs() < 0.10, "{gpu} {dla}");
    let mut best = f64::INFINITY;
    for cut in 1..10 {
        let (ahead, behind) = (played(cut, 0), played(cut, 1));
        println!("switch after group {cut}: GPU first {ahead:.3} ms, DLA first {behind:.3} ms");
        // Every group is faster on the GPU, so each one that moves there is gained, and switching costs extra.
        assert!(ahead > gpu && behind > gpu && ahead < dla && behind < dla + 0.08, "{cut}");
        best = best.min(ahead).min(behind);
    }
    // One group on the DLA, the last: 1.76617 - 0.21479 + 0.36 + 0.04276.
    close(best, 1.954_14, 1e-9, "best single switch");
}
