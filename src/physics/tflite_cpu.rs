//! Time of an operator by the built-in CPU kernels of TensorFlow Lite 2.10, fitted to whole networks.
//!
//! Dense convolutions write an im2col matrix and multiply packed panels in 8 x 8 tiles (gemmlowp/ruy):
//! ```text
//! M, K, N  output pixels, window x input channels, output channels; Mt, Nt rounded up to 8
//! multiply = 2 Mt Nt (K + 8 depth_blocks) / rate
//! stream   = weight bytes x Mt/8 x (panel + l3 x spill(W, L2) + dram x spill(W, L3))
//! t        = dispatch + (multiply^p + stream^p)^(1/p) + M N output + M K pack
//!          + [not 1x1 at stride 1] M K (im2col + im2col_dram x spill(M K, L3)) + activation traffic
//! spill(x, c) = 1 / (1 + (c/x)^3): the soft edge of a cache
//! ```
//! Depthwise, grouped, pooling, average, concatenation and element-wise kernels cost a time per element or product.
//! A set of n cores shares products and depthwise rows, streams with a little more than one core's bandwidth, and does
//! everything else on one core; each shared operator pays a synchronisation.
//! Source of the structure: public TFLite kernels; of the numbers: the fit that a profile names. Time per core clock
//! scales with the clock, traffic beyond the last cache with the memory rate.
//! Validity: batch 1, one thread per core, weights resident.

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::latency::combine;
use super::shape::{Shape, ShapeKind};
use super::unlisted::Unlisted;

const fn info(name: &'static str, role: Role, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role, of_sets: false, meaning }
}

const fn of_sets(name: &'static str, role: Role, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role, of_sets: true, meaning }
}

/// The coefficients, those of core sets last.
pub const COEFFICIENTS: [CoefficientInfo; 34] = [
    info("dispatch_us", Role::Time, "invoking one kernel"),
    info("gemm_1x1_gflops", Role::Rate, "product of a 1x1 convolution at stride 1"),
    info("gemm_gflops", Role::Rate, "product of other convolutions"),
    info("depth_blocks", Role::Ratio, "blocks of 8 that each sum costs on top of its length"),
    info("panel_ns_per_byte", Role::Time, "streaming weight panels, wherever they lie"),
    info("panel_l3_ns_per_byte", Role::Time, "the same, on top, when they do not fit the private cache"),
    info("panel_dram_ns_per_byte", Role::Time, "the same, on top, when they do not fit the shared cache"),
    info("combination_exponent", Role::Ratio, "exponent that combines products and streaming"),
    info("output_ns", Role::Time, "writing one output of a product"),
    info("pack_ns", Role::Time, "packing one element of the im2col matrix"),
    info("im2col_ns", Role::Time, "writing one element of the im2col matrix"),
    info("im2col_dram_ns", Role::Time, "the same, on top, when the matrix does not fit the shared cache"),
    info("depthwise_3_ns", Role::Time, "product of a depthwise window up to 3x3"),
    info("depthwise_5_ns", Role::Time, "product of a depthwise window up to 5x5"),
    info("depthwise_7_ns", Role::Time, "product of a larger depthwise window"),
    info("depthwise_output_ns", Role::Time, "one depthwise output"),
    info("depthwise_stride_factor", Role::Ratio, "factor on a strided depthwise convolution"),
    info("grouped_gflops", Role::Rate, "grouped convolution (reference kernel, one thread)"),
    info("fully_connected_gb_per_s", Role::Rate, "weights of a product with one row"),
    info("pooling_ns", Role::Time, "one element of a pooling window"),
    info("mean_ns", Role::Time, "one element of a global average"),
    info("concatenation_ns", Role::Time, "one element of a concatenation"),
    info("activation_write_ns_per_byte", Role::Time, "writing outputs that do not fit the shared cache"),
    info("activation_read_ns_per_byte", Role::Time, "reading inputs that do not fit the shared cache"),
    info("inference_ms", Role::Time, "one inference, once"),
    info("add_ns", Role::Time, "one element of a sum or another element-wise operator"),
    info("pad_ns", Role::Time, "one element of explicit padding"),
    info("multiply_ns", Role::Time, "one element of a product of tensors"),
    of_sets("core_efficiency", Role::Ratio, "speed of n cores in products / n x speed of the base core"),
    of_sets("depthwise_efficiency", Role::Ratio, "the same for depthwise convolutions"),
    of_sets(
        "bandwidth_per_core",
        Role::Ratio,
        "bandwidth that each further core adds, in units of the first",
    ),
    of_sets("synchronization_us", Role::Time, "waking and joining the threads of one shared kernel"),
    of_sets("im2col_parallel", Role::Ratio, "share of im2col that runs on all cores (1 and above: all)"),
    of_sets("serial_factor", Role::Ratio, "factor on what runs on one core of the set"),
];

/// Number of coefficients of a single core.
const OF_ONE_CORE: usize = 28;

/// Values in the order of [`COEFFICIENTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients(pub [f64; COEFFICIENTS.len()]);

impl Coefficients {
    /// Looks every coefficient up by name; those of sets count as neutral for a single core. `None` if one is missing.
    pub fn from_names(set: bool, mut named: impl FnMut(&str) -> Option<f64>) -> Option<Self> {
        let mut values = [1.0; COEFFICIENTS.len()];
        for (value, info) in values.iter_mut().zip(&COEFFICIENTS) {
            if set || !info.of_sets {
                *value = named(info.name)?;
            }
        }
        Some(Self::from_slice(&values[..if set { COEFFICIENTS.len() } else { OF_ONE_CORE }]))
    }

    /// From the first values in the order of [`COEFFICIENTS`]; the rest is neutral.
    #[must_use]
    pub fn from_slice(given: &[f64]) -> Self {
        let mut values = [1.0; COEFFICIENTS.len()];
        for (value, given) in values.iter_mut().zip(given) {
            *value = *given;
        }
        if given.len() <= OF_ONE_CORE {
            // A single core has nobody to wait for.
            values[31] = 0.0;
        }
        Self(values)
    }

    /// Overhead of one inference in seconds.
    #[must_use]
    pub const fn inference_seconds(&self) -> f64 {
        self.0[24] * 1e-3
    }
}

/// What an executor brings to the equations.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Setting {
    /// Cores, one thread each.
    pub cores: f64,
    /// Bytes of an element.
    pub element_bytes: f64,
    /// Private cache of the slowest core, KiB.
    pub l2_kib: f64,
    /// Shared cache behind it, KiB.
    pub l3_kib: f64,
    /// Highest clock / present clock, of the slowest core.
    pub core_scale: f64,
    /// Memory rate at the highest clocks / present memory rate.
    pub memory_scale: f64,
    /// Bytes per second that the executor can draw from main memory.
    pub dram_rate: f64,
}

/// The soft edge of a cache of `capacity` for `size`, same unit.
#[must_use]
pub fn spill(size: f64, capacity: f64) -> f64 {
    if size <= 0.0 { 0.0 } else { 1.0 / (1.0 + (capacity / size).powi(3)) }
}

/// What does not depend on coefficients. Amounts of an operator in the units of [`COEFFICIENTS`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Features {
    kind: Option<ShapeKind>,
    plain_1x1: bool,
    tile: f64,
    depth: f64,
    streamed: f64,
    spill_l2: f64,
    spill_l3: f64,
    outputs: f64,
    matrix: f64,
    matrix_spill: f64,
    window: f64,
    strided: bool,
    amount: f64,
    written_beyond: f64,
    read_beyond: f64,
    unlisted: Unlisted,
    dram_bytes: f64,
}

impl Features {
    /// The amounts of an operator on an executor.
    #[must_use]
    pub fn of(shape: &Shape, unlisted: &Unlisted, setting: &Setting) -> Self {
        let eb = setting.element_bytes;
        let (m, k, n) = (shape.out_pixels(), shape.window() * shape.in_channels, shape.out_channels);
        let tiles = |x: f64| (x / 8.0).ceil() * 8.0;
        let weights = eb * k * n;
        let mut f = Self {
            kind: Some(shape.kind),
            plain_1x1: shape.window() <= 1.0 && shape.stride <= 1.0,
            window: shape.window(),
            strided: shape.stride > 1.0,
            outputs: m * n,
            unlisted: *unlisted,
            ..Self::default()
        };
        match shape.kind {
            ShapeKind::Convolution => {
                f.tile = 2.0 * tiles(m) * tiles(n);
                f.depth = k;
                f.streamed = weights * tiles(m) / 8.0;
                f.spill_l2 = spill(weights / 1024.0, setting.l2_kib);
                f.spill_l3 = spill(weights / 1024.0, setting.l3_kib);
                f.matrix = m * k;
                f.matrix_spill = spill(m * k * eb / 1024.0, setting.l3_kib);
                f.dram_bytes = weights + (f.streamed - weights).max(0.0) * f.spill_l3;
                if !f.plain_1x1 {
                    f.dram_bytes += 2.0 * f.matrix * eb * f.matrix_spill;
                }
            }
            ShapeKind::Grouped => {
                f.amount = 2.0 * m * n * k / shape.groups;
                f.dram_bytes = weights / shape.groups;
            }
            ShapeKind::FullyConnected => {
                f.amount = weights;
                f.dram_bytes = weights;
            }
            ShapeKind::Pooling => f.amount = m * n * shape.window(),
            ShapeKind::Mean => f.amount = shape.read,
            ShapeKind::Concatenation | ShapeKind::Multiply | ShapeKind::Elementwise | ShapeKind::Padding => {
                f.amount = shape.elements
            }
            ShapeKind::Depthwise | ShapeKind::FoldedPadding => {}
        }
        let (written, read) = match shape.kind {
            ShapeKind::FullyConnected
            | ShapeKind::Multiply
            | ShapeKind::Elementwise
            | ShapeKind::Padding
            | ShapeKind::FoldedPadding => (0.0, 0.0),
            ShapeKind::Mean | ShapeKind::Concatenation => (eb * shape.elements, eb * shape.read),
            _ => (eb * m * n, eb * shape.used_pixels * shape.in_channels),
        };
        let beyond = spill((written + read) / 1024.0, setting.l3_kib);
        (f.written_beyond, f.read_beyond) = (beyond * written, beyond * read);
        f.dram_bytes += f.written_beyond + f.read_beyond;
        f
    }

    /// Time by the equations of the module.
    #[must_use]
    pub fn time(&self, coefficients: &Coefficients, setting: &Setting) -> FittedTime {
        let [
            dispatch,
            rate_1x1,
            rate,
            depth_blocks,
            panel,
            panel_l3,
            panel_dram,
            p,
            output,
            pack,
            im2col,
            im2col_dram,
            d3,
            d5,
            d7,
            d_out,
            d_stride,
            grouped,
            dense,
            pooling,
            mean,
            concatenation,
            write,
            read,
            _,
            add,
            pad,
            multiply,
            efficiency,
            d_efficiency,
            bandwidth,
            synchronization,
            parallel,
            serial,
        ] = coefficients.0;
        let n = setting.cores;
        let bandwidth = 1.0 + (n - 1.0) * bandwidth.min(1.2);
        let (cpu, mem) = (1e-9 * setting.core_scale, 1e-9 * setting.memory_scale);
        let (mut compute, mut memory, mut shared) = (0.0, 0.0, false);
        let mut alone = 0.0;
        let mut scaling = Straggler { domains: 1, ..Straggler::FIXED };
        let kernel = match self.kind {
            Some(ShapeKind::Convolution) => {
                shared = true;
                let rate = if self.plain_1x1 { rate_1x1 } else { rate };
                let product = self.tile * (self.depth + 8.0 * depth_blocks) / rate * cpu / (n * efficiency);
                let stream = self.streamed
                    * ((panel + self.spill_l2 * panel_l3) * cpu + self.spill_l3 * panel_dram * mem)
                    / bandwidth;
                let rest = (self.outputs * output + self.matrix * pack) * cpu / (n * efficiency);
                let (mut fill, mut fill_dram) = (0.0, 0.0);
                if !self.plain_1x1 {
                    let share = if parallel < 1.0 { 1.0 - parallel + parallel / n } else { 1.0 / n };
                    fill = self.matrix * im2col * cpu * share;
                    fill_dram = self.matrix * im2col_dram * self.matrix_spill * mem * share;
                }
                compute += product + rest + fill;
                memory += stream + fill_dram;
                alone += combine(product, stream, p) + rest + fill + fill_dram;
                let by_core = self.streamed * (panel + self.spill_l2 * panel_l3) * cpu / bandwidth;
                let by_memory = self.streamed * self.spill_l3 * panel_dram * mem / bandwidth;
                scaling.compute = Mix::core(product);
                scaling.traffic = Mix { core: by_core, memory: by_memory, constant: 0.0 };
                scaling.exponent = p;
                scaling.rest = Mix { core: rest + fill, memory: fill_dram, constant: 0.0 };
                if self.plain_1x1 { "gemm-1x1" } else { "im2col-gemm" }
            }
            Some(ShapeKind::Depthwise) => {
                shared = true;
                let product = if self.window <= 9.0 {
                    d3
                } else if self.window <= 25.0 {
                    d5
                } else {
                    d7
                };
                let factor = if self.strided { d_stride } else { 1.0 };
                let time = self.outputs * (self.window * product + d_out) * factor * cpu / (n * d_efficiency);
                compute += time;
                alone += time;
                scaling.rest.core += time;
                "depthwise"
            }
            Some(ShapeKind::FullyConnected) => {
                let time = self.amount / dense * mem / bandwidth;
                memory += time;
                alone += time;
                scaling.rest.memory += time;
                "fully-connected"
            }
            Some(ShapeKind::FoldedPadding) => "in the window",
            Some(kind) => {
                let (per_unit, kernel) = match kind {
                    ShapeKind::Grouped => (1.0 / grouped, "grouped"),
                    ShapeKind::Pooling => (pooling, "pooling"),
                    ShapeKind::Mean => (mean, "mean"),
                    ShapeKind::Concatenation => (concatenation, "concatenation"),
                    ShapeKind::Multiply => (multiply, "multiply"),
                    ShapeKind::Padding => (pad, "pad"),
                    _ => (add, "elementwise"),
                };
                let time = self.amount * per_unit * cpu * serial;
                compute += time;
                alone += time;
                scaling.rest.core += time;
                kernel
            }
            None => "none",
        };
        let traffic = (self.written_beyond * write + self.read_beyond * read) * mem / bandwidth;
        memory += traffic;
        let unlisted =
            (self.unlisted.added * add + self.unlisted.multiplied * multiply + self.unlisted.padded * pad)
                * cpu
                * serial;
        compute += unlisted;
        alone += traffic + unlisted;
        scaling.rest = scaling.rest.plus(&Mix { core: unlisted, memory: traffic, constant: 0.0 });
        // What another kernel takes over is not dispatched.
        let dispatch = if self.kind == Some(ShapeKind::FoldedPadding) { 0.0 } else { dispatch };
        let overhead = (dispatch + if shared { synchronization } else { 0.0 }) * 1e-6 * setting.core_scale;
        let dram_bytes = self.dram_bytes.min(alone * setting.dram_rate);
        let overhead_scaling = Mix::core(overhead);
        FittedTime { overhead, alone, compute, memory, dram_bytes, overhead_scaling, scaling, kernel }
    }
}
