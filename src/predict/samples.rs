//! Operators that offline predictors are trained on: drawn at random, timed on the machine as a profiling run would.

use crate::graph::lowered::{LoweredGraph, OperatorClass, Window};
use crate::graph::sequence::{SequenceOperator, Sizes, sequence};
use crate::physics::Machine;
use crate::random::stream;
use crate::soc::ExecutorId;
use rand::Rng;

/// Convolutions in a training set. CoDL profiles about 6000 operators; costs here are free of noise, so that fewer do.
const CONVOLUTIONS: usize = 600;
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
    let out = log_uniform(random, 7.0, 480.0);
    let kernel = pick(random, &[1, 1, 3, 3, 3, 5, 7, 9]);
    let stride = pick(random, &[1, 1, 1, 2]).min(kernel.max(1));
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

/// The training set of an executor; the same operators for every executor and machine.
pub(super) fn samples(machine: &Machine, executor: ExecutorId) -> Vec<Sample> {
    let mut random = stream(0, "profiling", &[]);
    let mut operators = Vec::new();
    while operators.len() < CONVOLUTIONS {
        operators.extend(convolution(&mut random));
    }
    while operators.len() < CONVOLUTIONS + OTHERS {
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
        crate::graph::lowered::Geometry::Window(window) => Some(window),
        _ => None,
    }
}
