//! Operators that offline predictors are trained on: drawn at random, timed on the machine as a profiling run would.

use crate::diagnostics::SourceText;
use crate::graph::lowered::{Geometry, LoweredGraph, OperatorClass, Window};
use crate::graph::operator_list::read_operator_lists;
use crate::graph::sequence::{SequenceOperator, Sizes, sequence};
use crate::physics::Machine;
use crate::random::stream;
use crate::soc::ExecutorId;
use rand::Rng;

/// Operators of the five networks that CoDL evaluates, which it also profiles.
const LISTS: &str = include_str!("../../workloads/lists/codl.csv");

/// Convolutions that are drawn at random besides. CoDL profiles about 6000 operators; costs here are free of noise, so that fewer do.
const CONVOLUTIONS: usize = 1200;
/// Side of the window, stride, and how many convolutions of the published operator lists of large CNNs have them (csu-eis/CoDL@0a0c89d1,
/// five networks): CoDL profiles the operators of such networks.
const KERNELS: [(u64, u64, u64); 6] = [(3, 1, 100), (1, 1, 48), (7, 1, 10), (3, 2, 5), (9, 1, 2), (7, 2, 1)];
/// Fully connected layers and poolings, each.
const OTHERS: usize = 100;
/// Largest number of multiply-accumulates: twice what the largest layer of the usual networks has.
const MOST_MACS: f64 = 8e9;
/// Fewest: smaller operators are all overhead.
const FEWEST_MACS: f64 = 1e6;
/// Largest tensor in elements.
const MOST_ELEMENTS: f64 = 1.6e7;

/// A timed operator.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) graph: LoweredGraph,
    pub(super) class: OperatorClass,
    pub(super) seconds: f64,
}

/// A whole number, log-uniform in `low..=high`.
fn log_uniform(random: &mut impl Rng, low: f64, high: f64) -> u64 {
    let uniform = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (low.ln() + uniform * (high / low).ln()).exp().round() as u64
}

fn pick(random: &mut impl Rng, of: &[u64]) -> u64 {
    of[(random.next_u64() % of.len() as u64) as usize]
}

fn convolution(random: &mut impl Rng) -> Option<SequenceOperator> {
    let out = log_uniform(random, 10.0, 480.0);
    let total: u64 = KERNELS.iter().map(|(_, _, count)| count).sum();
    let mut drawn = random.next_u64() % total;
    let (mut kernel, mut stride) = (1, 1);
    for &(side, step, count) in &KERNELS {
        (kernel, stride) = (side, step);
        if drawn < count {
            break;
        }
        drawn -= count;
    }
    let (inputs, outputs) = (log_uniform(random, 3.0, 2048.0), log_uniform(random, 3.0, 2048.0));
    let side = (out - 1) * stride + kernel;
    let macs = (out * out * inputs * outputs * kernel * kernel) as f64;
    let elements = ((side * side * inputs).max(out * out * outputs)) as f64;
    ((FEWEST_MACS..=MOST_MACS).contains(&macs) && elements <= MOST_ELEMENTS).then_some({
        SequenceOperator::Convolution(Sizes {
            height: side,
            width: side,
            in_channels: inputs,
            out_channels: outputs,
            kernel_height: kernel,
            kernel_width: kernel,
            stride_height: stride,
            stride_width: stride,
        })
    })
}

fn pooling(random: &mut impl Rng) -> Option<SequenceOperator> {
    let out = log_uniform(random, 7.0, 240.0);
    let kernel = pick(random, &[2, 3]);
    let channels = log_uniform(random, 8.0, 1024.0);
    let side = (out - 1) * 2 + kernel;
    ((side * side * channels) as f64 <= MOST_ELEMENTS).then_some(SequenceOperator::Pooling(Sizes {
        height: side,
        width: side,
        in_channels: channels,
        out_channels: channels,
        kernel_height: kernel,
        kernel_width: kernel,
        stride_height: 2,
        stride_width: 2,
    }))
}

fn fully_connected(random: &mut impl Rng) -> SequenceOperator {
    SequenceOperator::FullyConnected {
        inputs: log_uniform(random, 64.0, 32768.0),
        outputs: log_uniform(random, 16.0, 4096.0),
    }
}

/// The convolutions of the published lists, whole and in parts: by output channels and by height, in tenths.
fn listed() -> Vec<SequenceOperator> {
    let source = SourceText::new("<operators of large CNNs>", LISTS);
    let lists = read_operator_lists(&source).unwrap_or_default();
    let windows = lists.iter().flat_map(|list| &list.graph.operators).filter_map(|op| match op.geometry {
        Geometry::Window(window) if op.class == OperatorClass::Convolution => Some(window),
        _ => None,
    });
    let mut found = Vec::new();
    for w in windows {
        let part = |rows: u64, channels: u64| {
            SequenceOperator::Convolution(Sizes {
                height: (rows - 1) * w.stride_height + w.kernel_height,
                width: (w.out_width - 1) * w.stride_width + w.kernel_width,
                in_channels: w.in_channels,
                out_channels: channels,
                kernel_height: w.kernel_height,
                kernel_width: w.kernel_width,
                stride_height: w.stride_height,
                stride_width: w.stride_width,
            })
        };
        let tenths =
            |size: u64, block: u64| (1..=10).map(move |n| (size * n / 10).div_ceil(block).max(1) * block);
        let by_channels = tenths(w.out_channels, 4).map(|n| part(w.out_height, n.min(w.out_channels)));
        let by_height = tenths(w.out_height, 1).map(|n| part(n, w.out_channels));
        for operator in by_channels.chain(by_height) {
            if !found.contains(&operator) {
                found.push(operator);
            }
        }
    }
    found
}

/// The training set of an executor, the same operators for every executor and machine: those of published lists, and more at random when `broad`.
pub(super) fn samples(machine: &Machine, executor: ExecutorId, broad: bool) -> Vec<Sample> {
    let mut random = stream(0, "profiling", &[]);
    let mut operators = listed();
    let listed = operators.len();
    while broad && operators.len() < listed + CONVOLUTIONS {
        operators.extend(convolution(&mut random));
    }
    let convolutions = operators.len();
    while operators.len() < convolutions + OTHERS {
        operators.extend(pooling(&mut random));
    }
    for _ in 0..OTHERS {
        operators.push(fully_connected(&mut random));
    }
    operators
        .iter()
        .filter_map(|operator| {
            let graph = sequence("sample", &[*operator]).ok()?.graph;
            let first = graph.operators.first()?;
            let cost = machine.estimate(&graph, first, executor)?.cost;
            let seconds = (cost.overhead + cost.alone).seconds();
            let class = first.class;
            Some(Sample { graph, class, seconds })
        })
        .collect()
}

/// The window of a convolution or pooling.
pub(super) fn window(graph: &LoweredGraph) -> Option<Window> {
    match graph.operators.first()?.geometry {
        Geometry::Window(window) => Some(window),
        _ => None,
    }
}
