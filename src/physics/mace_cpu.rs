//! CPU kernels of MACE: kernel choice, output blocks and thread tiles as in its sources; few coefficients.
//!
//! ```text
//! t        = max(padded operations / efficiency x makespan, weights / memory rate) + activations / memory rate
//! memory rate = memory share x rate of main memory
//! makespan = when the last thread is done with its tiles, per operation, tiles taken by whoever is free
//! ```
//! | kernel | taken for | padded operations | items that threads share |
//! |---|---|---|---|
//! | product | 1x1 windows | 2 x columns to 8, pixels to 8, channels to 4 | columns / 8 |
//! | Winograd | 3x3 at stride 1, 8 channels and more | (t + 2)^2 products over the tiles, t = 6 above 16 pixels, else 2; both transforms | the (t + 2)^2 products; channels |
//! | direct | windows up to 7 | pixels of a row to 4 | blocks of 4 channels; 3x3: 2, strided 1 |
//! | general | larger windows | as direct, times `general_slowdown` | blocks of 4 channels |
//!
//! Products keep as many sums as the core has multipliers busy and go with its peak rate. Direct kernels and transforms do not: a direct kernel
//! of MACE adds up in four vectors, each waiting four cycles for its last sum, so that no core does more than one vector of four products in
//! a cycle, however many multipliers it has. Their efficiency is relative to that.
//!
//! Sources: XiaoMi/mace@0fc55a54 `conv_pool_2d_util.cc`, `ops/arm/fp32/conv_2d_*.cc`, `utils/thread_pool.cc` (two tiles for each
//! thread, the rest stolen); CoDL (MobiSys 2022), equation 3. Validity: fp32, square windows, no dilation (a dilated 3x3 window does
//! not run as Winograd in MACE, here it does), one thread for each core.

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::shape::{Shape, ShapeKind};
use super::tflite_cpu::Setting;

const fn info(name: &'static str, role: Role, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role, of_sets: false, meaning }
}

/// The coefficients, in the order of [`Coefficients`].
pub static COEFFICIENTS: [CoefficientInfo; 7] = [
    info("product_efficiency", Role::Ratio, "share of peak in matrix products, Winograd's included"),
    info("direct_efficiency", Role::Ratio, "share of one vector product per cycle in direct kernels"),
    info("memory_share", Role::Ratio, "share of the rate of main memory at which operands stream"),
    info("general_slowdown", Role::Ratio, "direct kernels for windows above 7, relative to the others"),
    info(
        "transform_operations",
        Role::Ratio,
        "vector operations of a Winograd transform, in numbers, for each element of a tile",
    ),
    info("dispatch_us", Role::Time, "overhead of an operator"),
    info("inference_us", Role::Time, "overhead of an inference"),
];

/// Values of [`COEFFICIENTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients(pub [f64; 7]);

/// A core with its rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Core {
    /// Peak arithmetic operations per second.
    pub peak: f64,
    /// Cycles per second.
    pub clock: f64,
}

/// Operations of one vector product: four sums of single precision.
const VECTOR_OPERATIONS: f64 = 8.0;

/// Tiles for each thread.
const TILES_PER_THREAD: f64 = 2.0;

/// Seconds for each operation until the last of the workers with these peak rates has done its share of `items` equal
/// items. MACE cuts them into two tiles for each thread, rounded down; a thread that is done takes tiles of others.
#[must_use]
pub fn makespan(items: f64, peaks: &[f64]) -> f64 {
    let Some(&fastest) = peaks.first() else { return 0.0 };
    let items = items.max(1.0);
    if peaks.len() == 1 {
        return 1.0 / fastest;
    }
    let tile = (items / (TILES_PER_THREAD * peaks.len() as f64)).floor().max(1.0);
    let mut free = vec![0.0_f64; peaks.len()];
    let mut left = items;
    while left > 0.0 {
        let next = free.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        free[next] += tile.min(left) / peaks[next];
        left -= tile;
    }
    free.iter().copied().fold(0.0, f64::max) / items
}

fn blocks(amount: f64, block: f64) -> f64 {
    (amount / block).ceil().max(1.0)
}

/// The rates of a set of cores, operations per second.
struct Rates {
    /// With all multipliers.
    peaks: Vec<f64>,
    /// With one vector product per cycle.
    vectors: Vec<f64>,
}

impl Rates {
    fn of(cores: &[Core]) -> Self {
        Self {
            peaks: cores.iter().map(|core| core.peak).collect(),
            vectors: cores.iter().map(|core| core.peak.min(core.clock * VECTOR_OPERATIONS)).collect(),
        }
    }
}

impl Coefficients {
    /// The values by name; `None` if one is missing.
    #[must_use]
    pub fn from_names(named: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let mut values = [0.0; 7];
        for (value, info) in values.iter_mut().zip(&COEFFICIENTS) {
            *value = named(info.name)?;
        }
        Some(Self(values))
    }

    /// Overhead of a whole inference in seconds.
    #[must_use]
    pub fn inference_seconds(&self) -> f64 {
        self.0[6] * 1e-6
    }

    /// Time of an operator on these cores.
    #[must_use]
    pub fn time(&self, shape: &Shape, setting: &Setting, cores: &[Core]) -> FittedTime {
        let rates = Rates::of(cores);
        let [product, direct, share, general, transform, dispatch, _] = self.0;
        let (m, n) = (shape.out_pixels(), shape.out_channels);
        let (window, channels) = (shape.window(), shape.in_channels / shape.groups.max(1.0));
        let (mut activations, mut weights) = (shape.used_pixels * shape.in_channels + m * n, 0.0);
        let (compute, kernel) = match shape.kind {
            ShapeKind::Convolution | ShapeKind::Grouped => {
                weights = window * channels * n;
                self.convolution(shape, channels, product, direct, general, transform, &rates)
            }
            ShapeKind::Depthwise => {
                weights = window * n;
                let row = shape.out_height * blocks(shape.out_width, 4.0) * 4.0;
                (2.0 * row * n * window / direct * makespan(n, &rates.vectors), "depthwise")
            }
            ShapeKind::FullyConnected => {
                weights = shape.in_channels * n;
                activations = shape.in_channels + n;
                (2.0 * weights / product * makespan(blocks(n, 8.0), &rates.peaks), "matrix-vector")
            }
            ShapeKind::Pooling => {
                // One load and one comparison or sum for each element of a window.
                (m * n * window / direct * makespan(n, &rates.vectors), "pooling")
            }
            ShapeKind::Mean => {
                activations = shape.read + shape.elements;
                (shape.read / direct * makespan(n, &rates.vectors), "reduction")
            }
            ShapeKind::FoldedPadding => {
                activations = 0.0;
                (0.0, "in the window")
            }
            ShapeKind::Concatenation | ShapeKind::Padding => {
                activations = 2.0 * shape.elements;
                (0.0, "copy")
            }
            ShapeKind::Multiply | ShapeKind::Elementwise => {
                activations = (shape.operands.max(1.0) + 1.0) * shape.elements;
                (shape.elements / direct * makespan(shape.elements, &rates.vectors), "elementwise")
            }
        };
        // Weights stream while products are computed; activations are copied, padded and packed by loops of their own.
        let stream = |elements: f64| setting.element_bytes * elements / (share * setting.dram_rate);
        let (held_up, memory) = ((stream(weights) - compute).max(0.0), stream(activations));
        let memory = memory + held_up;
        let resident = activations * setting.element_bytes <= setting.l3_kib * 1024.0;
        let dram = setting.element_bytes * (weights + if resident { 0.0 } else { activations });
        let alone = compute + memory;
        let overhead = dispatch * 1e-6 * setting.core_scale;
        let scaling = Straggler {
            domains: 1,
            compute: Mix::core(compute),
            traffic: Mix::memory(stream(weights)),
            exponent: f64::INFINITY,
            rest: Mix::memory(stream(activations)),
            headroom: 1.0,
            // Tiles go to cores that are free.
            shares: [1.0, 0.0, 0.0, 0.0],
        };
        FittedTime {
            overhead,
            overhead_scaling: Mix::core(overhead),
            scaling,
            alone,
            compute,
            memory,
            dram_bytes: dram.min(alone * setting.dram_rate),
            kernel,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call, the coefficients by name")]
    fn convolution(
        &self,
        shape: &Shape,
        channels: f64,
        product: f64,
        direct: f64,
        general: f64,
        transform: f64,
        rates: &Rates,
    ) -> (f64, &'static str) {
        let (m, n, window) = (shape.out_pixels(), shape.out_channels, shape.window());
        let gemm = |columns: f64, pixels: f64| {
            2.0 * blocks(columns, 8.0) * 8.0 * blocks(pixels, 8.0) * 8.0 * blocks(channels, 4.0) * 4.0
        };
        if window <= 1.0 {
            let (rows, columns) = (blocks(n, 8.0), blocks(m, 8.0));
            let items =
                if rows >= TILES_PER_THREAD * rates.peaks.len() as f64 { rows } else { rows * columns };
            return (gemm(n, m) / product * makespan(items, &rates.peaks), "gemm-1x1");
        }
        let square = |side: f64| shape.kernel_height == side && shape.kernel_width == side;
        if square(3.0) && shape.stride <= 1.0 && shape.groups <= 1.0 && channels >= 8.0 && n >= 8.0 {
            let side = if shape.out_height > 16.0 && shape.out_width > 16.0 { 6.0 } else { 2.0 };
            let tiles = blocks(shape.out_height, side) * blocks(shape.out_width, side);
            let products = (side + 2.0) * (side + 2.0);
            let transforms = transform
                * tiles
                * products
                * (channels * makespan(channels, &rates.vectors) + n * makespan(n, &rates.vectors));
            let time = products * gemm(n, tiles) * makespan(products, &rates.peaks) / product + transforms;
            return (time, if side > 2.0 { "winograd-6" } else { "winograd-2" });
        }
        let large = shape.kernel_height.max(shape.kernel_width) > 7.0
            && shape.kernel_height.min(shape.kernel_width) > 1.0;
        let block = match (square(3.0), shape.stride > 1.0) {
            (true, true) => 1.0,
            (true, false) => 2.0,
            _ => 4.0,
        };
        let operations = 2.0 * shape.out_height * blocks(shape.out_width, 4.0) * 4.0 * n * channels * window;
        let time = operations / direct * makespan(blocks(n, block), &rates.vectors);
        if large { (time * general, "general") } else { (time, "direct") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_go_to_whoever_is_free() {
        // Eight tiles on four equal cores: a quarter each.
        assert_eq!(makespan(64.0, &[2.0; 4]), 0.125);
        // One block of channels runs on one core, at its own rate.
        assert_eq!(makespan(1.0, &[4.0, 2.0, 2.0, 2.0]), 0.25);
        // Nine items of one tile each: one core gets three.
        assert!((makespan(9.0, &[1.0; 4]) - 3.0 / 9.0).abs() < 1e-12);
        // A core that is twice as fast takes more tiles than an even split would give it.
        assert!(makespan(64.0, &[2.0, 1.0]) < 0.5 / 1.0);
        assert_eq!(makespan(5.0, &[3.0]), 1.0 / 3.0);
    }
}
