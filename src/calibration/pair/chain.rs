//! Blocks in sequence, some of them on the other processor: what falling back costs.

use std::sync::Arc;

use super::piece::{Handover, Piece, Side, Step};
use super::table::{Row, Table};
use crate::diagnostics::{Diagnostic, InputError, SourceText};
use crate::graph::lowered::{LoweredGraph, OperatorClass};
use crate::physics::co_execution::{Constants, Part, Streams};

/// Columns that are read; of the joint run only `tot_p10`, to compare with. Of `blkA_med` the number of blocks is read.
const COLUMNS: [&str; 10] = [
    "pair",
    "pattern",
    "n_on_B",
    "n_switch",
    "sync",
    "tot_p10",
    "sum_alone_p10",
    "sum_alone_med",
    "bytes_moved",
    "blkA_med",
];

/// Most switches of one chain.
const MAX_SWITCHES: u64 = 10_000;

/// A chain of blocks with some on the second processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Which two processors.
    pub pair: String,
    /// Name of the placement.
    pub pattern: String,
    /// Blocks on the second processor.
    pub on_second: u64,
    /// How often the data change sides.
    pub switches: u64,
    /// How the processors wait for each other.
    pub sync: String,
    /// 10 % quantile of the joint run in microseconds; never read by a prediction.
    pub measured_us: f64,
    /// 10 % quantiles of all blocks alone where they run, added up.
    pub p10_us: f64,
    /// Medians, added up; see [`super::branches::Placed::median_us`].
    pub median_us: f64,
    /// Bytes of all crossings.
    pub moved_bytes: f64,
    /// Blocks of the chain.
    pub blocks: usize,
}

/// Reads a table in the columns of `soc-profiles/measurements/x86/README.md`; `syncs` are the known ways of waiting.
///
/// # Errors
/// `measurements::...` with line and column.
pub fn read_chains(source: &Arc<SourceText>, syncs: &[&str]) -> Result<Vec<Chain>, InputError> {
    Table::read(source, &COLUMNS)?.rows(|row| read(row, syncs))
}

fn read(row: &Row<'_>, syncs: &[&str]) -> Result<Chain, Diagnostic> {
    let chain = Chain {
        pair: row.text("pair")?.to_owned(),
        pattern: row.text("pattern")?.to_owned(),
        on_second: row.count("n_on_B")?,
        switches: row.count("n_switch")?,
        sync: row.word("sync", syncs)?.to_owned(),
        measured_us: row.positive("tot_p10")?,
        p10_us: row.positive("sum_alone_p10")?,
        median_us: row.positive("sum_alone_med")?,
        moved_bytes: row.number("bytes_moved")?,
        blocks: row.text("blkA_med")?.split('|').count(),
    };
    if chain.switches > MAX_SWITCHES {
        return Err(row.fault("n_switch", "is more than 10000"));
    }
    if chain.on_second > chain.blocks as u64 {
        return Err(row.fault("n_on_B", "is more than the blocks of `blkA_med`"));
    }
    if (chain.on_second == 0) != (chain.switches == 0) || chain.switches.div_ceil(2) > chain.on_second {
        return Err(row.fault("n_switch", "does not fit `n_on_B`"));
    }
    Ok(chain)
}

impl Chain {
    /// The piece of work, and what crossing costs. `cold_us` is what the blocks of the chain take longer because others
    /// ran before them.
    #[must_use]
    pub fn piece(&self, constants: &Constants, cold_us: f64) -> (Piece, Handover, Handover) {
        let share = self.on_second as f64 / self.blocks as f64;
        // The chain starts on the first processor and changes sides at every switch.
        let visits = (self.switches.div_ceil(2) as f64, (self.switches / 2 + 1) as f64);
        let part =
            |share: f64, visits: f64| Part { alone_us: self.median_us * share / visits, ..Part::default() };
        let second = constants.second_us(&part(share, visits.0.max(1.0)));
        let first = constants.first_us(&part(1.0 - share, visits.1));
        let cold = |share: f64, visits: f64| cold_us * share / visits.max(1.0);
        let bytes = self.moved_bytes / (self.switches.max(1)) as f64;
        let mut piece = Piece::default();
        let step = Step { on: Side::First, overhead_us: 0.0, run_us: first + cold(1.0 - share, visits.1) };
        let mut last = piece.push(step, &[]);
        for switch in 0..self.switches {
            let step = if switch.is_multiple_of(2) {
                Step { on: Side::Second, overhead_us: 0.0, run_us: second + cold(share, visits.0) }
            } else {
                let run_us = first + cold(1.0 - share, visits.1);
                Step { on: Side::First, overhead_us: constants.hand_back_us, run_us }
            };
            last = piece.push(step, &[(last, bytes)]);
        }
        (piece, Handover::there(constants), Handover::back(constants))
    }
}

/// What the blocks of a network move: its convolutions and sums between the first and the last convolution, which are
/// its stem and its head.
#[must_use]
pub fn block_streams(graph: &LoweredGraph) -> Streams {
    let is_convolution = |class: OperatorClass| {
        matches!(
            class,
            OperatorClass::Convolution
                | OperatorClass::DepthwiseConvolution
                | OperatorClass::GroupedConvolution
        )
    };
    let position = |found: Option<usize>| found.unwrap_or(0);
    let first = position(graph.operators.iter().position(|op| is_convolution(op.class)));
    let last = position(graph.operators.iter().rposition(|op| is_convolution(op.class)));
    let blocks = graph.operators.get(first + 1..last).unwrap_or_default();
    let mut streams = Streams { traffic: 0.0, footprint: 0.0 };
    let bytes = |tensors: &[u32]| -> f64 {
        tensors.iter().filter_map(|&t| graph.tensors.get(t as usize)).map(|t| t.bytes() as f64).sum()
    };
    for op in blocks.iter().filter(|op| is_convolution(op.class) || op.class == OperatorClass::Elementwise) {
        let weights = op.weight_bytes_read as f64;
        streams.traffic += bytes(&op.inputs) + bytes(&op.outputs) + weights;
        streams.footprint += bytes(&op.outputs) + weights;
    }
    streams
}
