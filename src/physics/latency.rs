//! Time of one operator on one core or device that runs alone at fixed clocks.
//!
//! Equation (roofline with block quantisation):
//! ```text
//! t       = (t_compute^p + t_memory^p)^(1/p)            p = infinity: max
//! t_compute = padded operations / (operations per cycle x clock x efficiency x depth / (depth + half))
//! t_memory  = sum over streams of bytes / rate(level that the stream comes from)
//! padded  = operations / saving x ceil-to-block of columns, rows, depth x wave quantisation
//! wave    = rounds x units x work-group / items,  rounds = ceil(ceil(items / work-group) / units)
//! ```
//! Sources: roofline (Williams, Waterman, Patterson 2009); blocks, tiles and waves from CoDL (MobiSys 2022),
//! equation 3 and its `soc.py`; Winograd saving from Lavin and Gray 2016.
//! Validity: one operator at a time, whole image, batch 1. Kernels are chosen from shape only. Weights come
//! from the level that holds the whole model, activations from the level that holds the operator's working
//! set, because the producer has just written them.

use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass};
use crate::soc::{Accepts, Kernel, Precision, Split};

/// What an operator has to do, in the terms of kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Arithmetic operations: two for each multiply-accumulate; without any, one for each element.
    pub operations: f64,
    /// Output channels, or columns of a matrix, of each repetition.
    pub columns: u64,
    /// Rows of the output image, or rows of a matrix.
    pub rows: u64,
    /// Pixels in a row of the output image; 1 for matrices.
    pub width: u64,
    /// Input channels of each repetition, or the summed dimension of a matrix.
    pub channels: u64,
    /// Window elements for each input channel; `channels x window` numbers are summed.
    pub window: u64,
    /// Independent repetitions: groups of a convolution, products of a batch.
    pub repetitions: u64,
    /// Bytes of activations read and written.
    pub activation_bytes: f64,
    /// Bytes of constants read.
    pub weight_bytes: f64,
}

impl Work {
    /// Reads the work of an operator whose floating-point tensors are stored as `precision`.
    #[must_use]
    pub fn of(graph: &LoweredGraph, operator: &LoweredOperator, precision: Precision) -> Self {
        let tensors =
            || operator.inputs.iter().chain(&operator.outputs).filter_map(|&t| graph.tensors.get(t as usize));
        let activation_bytes: f64 = tensors()
            .map(|t| t.elements as f64 * if t.is_float { precision.bytes() } else { t.element_bytes })
            .sum();
        // Constants are stored like the floating-point tensors beside them.
        let scale =
            tensors().find(|t| t.is_float).map_or(1.0, |t| precision.bytes() / t.element_bytes.max(0.125));
        let mut work = Self {
            operations: 2.0 * operator.macs as f64,
            columns: 1,
            rows: 1,
            width: 1,
            channels: 1,
            window: 1,
            repetitions: 1,
            activation_bytes,
            weight_bytes: operator.weight_bytes_read as f64 * scale,
        };
        let elements = match operator.geometry {
            Geometry::Window(w) => {
                let groups = w.groups.max(1);
                work.window = w.kernel_height * w.kernel_width;
                (work.rows, work.width) = (w.out_height, w.out_width);
                if operator.class == OperatorClass::DepthwiseConvolution
                    || operator.class == OperatorClass::Pooling
                {
                    // Every channel is a column of its own and nothing is summed over channels.
                    work.columns = w.out_channels;
                } else {
                    work.columns = w.out_channels / groups;
                    work.channels = w.in_channels / groups;
                    work.repetitions = groups;
                }
                w.out_height as f64 * w.out_width as f64 * w.out_channels as f64 * work.window as f64
            }
            Geometry::MatMul { batch, m, n, k } => {
                (work.columns, work.rows, work.channels, work.repetitions) = (n, m, k, batch.max(1));
                batch as f64 * m as f64 * n as f64
            }
            Geometry::Elements { read, written } => {
                work.rows = written;
                read.max(written) as f64
            }
        };
        if operator.macs == 0 {
            work.operations = elements;
        }
        work
    }

    /// Summed numbers for each output element.
    #[must_use]
    pub fn depth(&self) -> f64 {
        self.channels as f64 * self.window as f64
    }
}

/// The first kernel that takes the operator; the list ends with one that takes all.
#[must_use]
pub fn choose<'a>(kernels: &'a [Kernel], operator: &LoweredOperator) -> Option<&'a Kernel> {
    kernels.iter().find(|kernel| {
        kernel.classes.iter().any(|class| class == "any" || class == operator.class.id())
            && accepts(&kernel.accepts, &operator.geometry)
    })
}

fn accepts(accepts: &Accepts, geometry: &Geometry) -> bool {
    if *accepts == Accepts::default() {
        return true;
    }
    let Geometry::Window(w) = geometry else { return false };
    let exact = |wanted: Option<u64>, height: u64, width: u64| {
        wanted.is_none_or(|side| height == side && width == side)
    };
    exact(accepts.kernel, w.kernel_height, w.kernel_width)
        && exact(accepts.stride, w.stride_height, w.stride_width)
        && exact(accepts.dilation, w.dilation_height, w.dilation_width)
        && w.in_channels >= accepts.min_in_channels
        && w.out_channels >= accepts.min_out_channels
        && w.out_height.saturating_mul(w.out_width) >= accepts.min_out_pixels
}

/// The steps in which a kernel computes an operator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// Operations really executed, padding included, algorithmic saving taken off.
    pub operations: f64,
    /// Efficiency after the loss to short sums.
    pub efficiency: f64,
    /// Pieces that a set of cores can share out.
    pub tiles: f64,
    /// Work items, each a block of outputs.
    pub items: f64,
    /// Work items of a work-group; 0 without waves.
    pub workgroup: f64,
}

/// Cuts the work into the blocks of a kernel.
#[must_use]
pub fn steps(work: &Work, kernel: &Kernel) -> Steps {
    let blocks = |amount: f64, block: f64| (amount / block.max(1.0)).ceil().max(1.0);
    let fill = |amount: f64, block: f64| {
        let amount = amount.max(1.0);
        blocks(amount, block) * block.max(1.0) / amount
    };
    let (columns, width, rows) = (work.columns as f64, work.width as f64, work.rows as f64);
    let column_blocks = blocks(columns, kernel.channel_block.value);
    // A width block ends at the edge of the image, a pixel block runs over it.
    let width_blocks = blocks(width, kernel.width_block.value);
    let units = width_blocks * rows.max(1.0);
    let pixel_blocks = blocks(units, kernel.pixel_block.value);
    let padding = fill(columns, kernel.channel_block.value)
        * fill(width, kernel.width_block.value)
        * fill(units, kernel.pixel_block.value)
        * fill(work.channels as f64, kernel.depth_block.value);
    let depth = work.depth().max(1.0);
    let repetitions = work.repetitions as f64;
    Steps {
        operations: work.operations / kernel.arithmetic_saving.value * padding,
        efficiency: kernel.efficiency.value * depth / (depth + kernel.depth_half.value),
        tiles: repetitions
            * match kernel.split {
                Split::Channels => column_blocks,
                Split::Pixels => pixel_blocks,
                Split::Both => column_blocks * pixel_blocks,
            },
        items: repetitions * column_blocks * pixel_blocks,
        workgroup: kernel.workgroup.value,
    }
}

/// Factor at least 1 by which whole rounds of work-groups over `units` compute units exceed the items.
#[must_use]
pub fn wave_factor(items: f64, workgroup: f64, wave: f64, units: f64) -> f64 {
    if workgroup < 1.0 {
        return 1.0;
    }
    let groups = (items / workgroup).ceil();
    let rounds = (groups / units.max(1.0)).ceil();
    // A work-group runs as whole waves.
    let occupied = (workgroup / wave.max(1.0)).ceil() * wave.max(1.0);
    (rounds * units.max(1.0) * occupied / items.max(1.0)).max(1.0)
}

/// Share of the work that the most loaded of `workers` gets when `tiles` are dealt out evenly in advance.
#[must_use]
pub fn largest_share(tiles: f64, workers: usize) -> f64 {
    let tiles = tiles.max(1.0);
    (tiles / workers.max(1) as f64).ceil() / tiles
}

/// Combines compute and memory time; `p` is at least 1, infinite for the sharp roofline.
///
/// ```
/// use hetsoc::physics::latency::combine;
/// assert_eq!(combine(3.0, 4.0, f64::INFINITY), 4.0);
/// assert_eq!(combine(3.0, 4.0, 2.0), 5.0);
/// ```
#[must_use]
pub fn combine(compute: f64, memory: f64, p: f64) -> f64 {
    let (low, high) = (compute.min(memory), compute.max(memory));
    if p.is_infinite() || low <= 0.0 {
        return high;
    }
    high * (1.0 + (low / high).powf(p)).powf(1.0 / p)
}

/// A level of the memory hierarchy as one worker sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Bytes that fit; infinite for main memory.
    pub capacity: f64,
    /// Bytes per second that stream from it to this worker.
    pub rate: f64,
    /// Whether the capacity is this worker's alone (then it holds only its share of the work).
    pub private: bool,
    /// Whether its traffic reaches main memory.
    pub is_dram: bool,
}

/// The level from which data stream that were last touched with `footprint` bytes in use, of which this
/// worker has `share`: the nearest that holds them all.
#[must_use]
pub fn source_level(levels: &[Level], footprint: f64, share: f64) -> Option<Level> {
    levels
        .iter()
        .copied()
        .find(|level| level.capacity >= if level.private { footprint * share } else { footprint })
        .or(levels.last().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combination_lies_between_maximum_and_sum() {
        for p in [1.0, 1.5, 4.0, 100.0, f64::INFINITY] {
            let t = combine(2.0, 3.0, p);
            assert!((3.0..=5.0 + 1e-12).contains(&t), "{p}: {t}");
        }
        assert_eq!(combine(0.0, 3.0, 1.0), 3.0);
        assert_eq!(combine(0.0, 0.0, 2.0), 0.0);
    }

    #[test]
    fn waves_fill_in_whole_rounds() {
        assert_eq!(wave_factor(128.0, 64.0, 64.0, 2.0), 1.0);
        assert_eq!(wave_factor(129.0, 64.0, 64.0, 2.0), 256.0 / 129.0);
        // A work-group of 16 occupies a wave of 64.
        assert_eq!(wave_factor(16.0, 16.0, 64.0, 1.0), 4.0);
        assert_eq!(wave_factor(5.0, 0.0, 64.0, 2.0), 1.0);
    }

    #[test]
    fn the_most_loaded_worker_gets_whole_tiles() {
        assert_eq!(largest_share(8.0, 4), 0.25);
        assert_eq!(largest_share(9.0, 4), 3.0 / 9.0);
        // CoDL: three output channels in blocks of four run on a single thread.
        assert_eq!(largest_share(1.0, 4), 1.0);
    }

    #[test]
    fn data_stream_from_the_nearest_level_that_holds_them() {
        let level = |capacity, rate, private| Level { capacity, rate, private, is_dram: false };
        let levels = [level(100.0, 8.0, true), level(300.0, 4.0, false), level(f64::INFINITY, 1.0, false)];
        assert_eq!(source_level(&levels, 100.0, 1.0).unwrap().rate, 8.0);
        // Half of 200 bytes fits into the private level, the whole does not.
        assert_eq!(source_level(&levels, 200.0, 0.5).unwrap().rate, 8.0);
        assert_eq!(source_level(&levels, 200.0, 1.0).unwrap().rate, 4.0);
        assert_eq!(source_level(&levels, 301.0, 0.1).unwrap().rate, 8.0);
        assert_eq!(source_level(&levels, 3001.0, 0.1).unwrap().rate, 1.0);
    }
}
