//! Time of an operator by the GPU delegate of TensorFlow Lite 2.10 on Adreno 6xx, Mali (Bifrost) and Apple GPUs, fitted to
//! single operators.
//!
//! Kernels are chosen from the shape ([`Class::of`]); each has its own equation. Channels are counted in slices of 4
//! (`Si`, `So`), bytes are those of half precision in kB, times in microseconds:
//! ```text
//! convolution   t0 + |I l (1 | waves)_p , weights wb|_q + in ab + out ob      I = window Si,  |a, b|_p = (a^p + b^p)^(1/p)
//!               waves = nb + min(1, rounding) (ceil(nb) - nb),  nb = waves per core / resident waves
//! constant      t0 + |I l, pixels (window cin So product + So write + I read)|_p
//!               on Mali and Apple GPUs t0 + |I |latency, waves c|_p, weights|_q + in ab + out ob
//! depthwise     t0 + |threads c, bytes ab|_p      fully connected  t0 + ceil(Si/4) l + weights wb + beyond cap wd
//! Winograd      |36 tile products, weights|_p + transforms; on Adreno, which never ran it here, a factor x the
//!               convolution rule on these products
//! inference     sum + r0 + a sum / (1 + sum/S0) + u squeeze branches
//! ```
//! The last line is the explicit unlisted part: element-wise kernels, and clock and idle effects that saturate; it
//! stretches every operator. A time per listed operator in its place was refuted by cross-validation.
//! Source of the rules: the public delegate; of the numbers: the fit that a profile names. Validity: batch 1, one queue.
//! Compute terms scale with the GPU clock, traffic with the memory rate, half of a launch with neither.

use super::adreno_blocks::{divisor, waves};
use super::clock_scaling::{Mix, Straggler};
use super::fitted::FittedTime;
use super::gpu_blocks::{apple, mali};
pub use super::gpu_coefficients::{COEFFICIENTS, OTHER_COEFFICIENTS, REMAINDER, WINOGRAD};
use super::gpu_kernels::slices;
pub use super::gpu_kernels::{Class, Gpu};
use super::latency::combine;
use super::shape::{Shape, ShapeKind};
use super::tflite_cpu::Setting;
use crate::soc::Anchor;

/// Amounts of an operator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// The kernel.
    pub class: Class,
    /// Where it lies in the space of shapes in which residuals are smoothed.
    pub position: [f64; 5],
    gpu: Gpu,
    iterations: f64,
    pixels: f64,
    so: f64,
    si: f64,
    window: f64,
    in_channels: f64,
    general: bool,
    strided: bool,
    large: bool,
    squeeze: bool,
    block: usize,
    waves: f64,
    half_pixels: f64,
    operands: f64,
    weights_kb: f64,
    read_kb: f64,
    stated_read_kb: f64,
    write_kb: f64,
}

/// log2 of side and channels, window side (operands of a concatenation), twice the stride beyond 1.
fn position(shape: &Shape) -> [f64; 5] {
    let log = |x: f64| x.max(1.0).log2();
    let side = match shape.kind {
        ShapeKind::Mean => (shape.read / shape.out_channels.max(1.0)).sqrt(),
        _ => shape.out_pixels().sqrt(),
    };
    let window = match shape.kind {
        ShapeKind::Concatenation => shape.operands,
        _ => shape.window().sqrt(),
    };
    [log(side), log(shape.in_channels), log(shape.out_channels), window, 2.0 * (shape.stride - 1.0)]
}

impl Features {
    /// The amounts; `None` for operators in the unlisted part.
    #[must_use]
    pub fn of(shape: &Shape, gpu: Gpu) -> Option<Self> {
        let class = Class::of(shape, gpu)?;
        let (si, so) = slices(shape);
        let mut f = Self {
            class,
            position: position(shape),
            gpu,
            iterations: shape.window() * si,
            pixels: shape.out_pixels(),
            so,
            si,
            window: shape.window(),
            in_channels: shape.in_channels,
            general: shape.window() > 1.0 || shape.stride > 1.0,
            strided: shape.stride > 1.0,
            large: shape.window() > 9.0,
            squeeze: shape.squeeze,
            block: 0,
            waves: 0.0,
            half_pixels: (shape.out_height / 2.0).ceil() * (shape.out_width / 2.0).ceil(),
            operands: shape.operands,
            weights_kb: shape.window() * si * so * 32e-3,
            read_kb: shape.used_pixels * si * 8e-3,
            stated_read_kb: shape.in_pixels * si * 8e-3,
            write_kb: shape.out_pixels() * so * 8e-3,
        };
        match class {
            Class::Convolution => {
                let (width, height) = (shape.out_width, shape.out_height);
                (f.block, f.waves) = match gpu {
                    Gpu::Adreno => waves(width, height, so),
                    Gpu::Mali => mali(width, height, so, f.general),
                    Gpu::Apple => apple(width, height, so),
                };
            }
            Class::Grouped => f.iterations = shape.window() * (shape.in_channels / shape.groups / 4.0).ceil(),
            Class::Mean if shape.kind == ShapeKind::Mean => {
                f.si = (shape.out_channels / 4.0).ceil();
                f.stated_read_kb = shape.read / 4.0 * 8e-3;
            }
            Class::Winograd => {
                // The product of 36 tiles, as a 1x1 convolution.
                let tiles = (shape.out_height / 4.0).ceil() * (shape.out_width / 4.0).ceil();
                let products = 36.0 * tiles;
                (f.iterations, f.general, f.block) = (si, false, 3);
                f.waves = products * so / (8.0 * 64.0 * 2.0);
                (f.read_kb, f.write_kb) = (products * si * 8e-3, products * so * 8e-3);
                f.weights_kb = 36.0 * si * so * 32e-3;
            }
            _ => {}
        }
        Some(f)
    }

    /// Launch and execution in microseconds at the clocks of the fit, split by what they scale with; `c` are the
    /// coefficients of the class.
    #[must_use]
    pub fn terms(&self, c: &[f64]) -> (Mix, Straggler) {
        let at = |i: usize| c.get(i).copied().unwrap_or(1.0);
        let launch = Mix { core: 0.5 * at(0), memory: 0.0, constant: 0.5 * at(0) };
        let mut work = Straggler { domains: 1, ..Straggler::FIXED };
        match self.class {
            Class::Constant => {
                let through = self.pixels
                    * (self.window * self.in_channels * self.so * at(1)
                        + self.so * at(2)
                        + self.iterations * at(3))
                    * 1e-3;
                work.compute = Mix::core(combine(self.iterations * at(5), through, at(4)));
            }
            Class::Depthwise => {
                let large = if self.large { at(2) } else { 1.0 };
                let strided = if self.strided { at(3) } else { 1.0 };
                work.compute =
                    Mix::core(self.pixels * self.so * self.window * at(1) * large * strided * 1e-3);
                work.traffic = Mix::memory((self.read_kb + self.write_kb) * at(4));
                work.exponent = at(5).max(0.2);
            }
            Class::Depthwise3Stride2 => {
                work.compute = Mix::core(self.pixels * self.so * self.window * at(1) * 1e-3);
                work.traffic = Mix::memory((self.read_kb + self.write_kb) * at(2));
                work.exponent = at(3).max(0.2);
            }
            Class::Depthwise3 => {
                work.compute = Mix::core(self.half_pixels * self.so * at(1) * 1e-3);
                work.traffic = Mix::memory(2.0 * self.write_kb * at(2));
                work.exponent = at(3).max(0.2);
            }
            Class::FullyConnected => {
                let beyond = (self.weights_kb - at(3)).max(0.0);
                work.rest.core = (self.si / 4.0).ceil() * at(1);
                work.rest.memory = self.weights_kb * at(2) + beyond * at(4);
            }
            Class::Mean => {
                let groups = self.si / divisor(self.si, 8.0);
                let elements = self.stated_read_kb / 8e-3;
                let factor = if self.squeeze { at(3) } else { 1.0 };
                work.compute = Mix::core((elements * at(1) * 1e-3 + groups / 32.0 * at(2)) * factor);
            }
            Class::Pooling => {
                work.rest.core = self.pixels * self.so * self.window * at(1) * 1e-3;
                work.rest.memory = (self.stated_read_kb + self.write_kb) * at(2);
            }
            Class::Concatenation => {
                work.rest.constant = self.operands * at(1);
                work.rest.core =
                    combine(self.so * at(2), self.pixels * self.so * at(3) * 1e-3, at(4).max(0.2));
            }
            Class::Grouped => {
                work.compute = Mix::core(self.pixels * self.so * self.iterations * at(2) * 1e-3);
                work.traffic = Mix::memory((self.stated_read_kb + self.write_kb) * at(3));
                work.exponent = at(4).max(0.2);
                work.rest.core = self.iterations * at(1);
            }
            Class::Convolution if self.gpu != Gpu::Adreno => {
                let latency = if self.window > 1.0 { at(2) } else { at(1) };
                let wave = at(3 + self.block) * if self.window > 1.0 { at(7) } else { 1.0 };
                let beyond = (self.weights_kb - at(12)).max(0.0);
                work.compute =
                    Mix::core(self.iterations * combine(latency, self.waves * wave, at(8).max(0.2)));
                work.traffic = Mix::memory(self.weights_kb * at(10) + beyond * at(11));
                work.exponent = at(9).max(0.2);
                work.rest.memory = self.read_kb * at(13) + self.write_kb * at(14);
            }
            Class::Winograd if self.gpu != Gpu::Adreno => {
                work.compute = Mix::core(self.read_kb / 8e-3 * self.so * 16.0 * at(1) * 1e-6);
                work.traffic = Mix::memory(self.weights_kb * at(2));
                work.exponent = at(4).max(0.2);
                work.rest.memory = (self.read_kb + self.write_kb) * at(3);
            }
            Class::Convolution | Class::Winograd => {
                let factor = if self.general { at(5 + self.block) } else { 1.0 };
                let resident = if self.general { 12.0 } else { 16.0 };
                let rounds = self.waves / resident;
                let rounds = rounds + at(9).min(1.0) * ((rounds - 1e-6).ceil() - rounds);
                let slowdown = if self.general { at(11) } else { at(10) };
                work.compute = Mix::core(
                    self.iterations * at(1 + self.block) * factor * combine(1.0, rounds * slowdown, at(12)),
                );
                work.traffic = Mix::memory(self.weights_kb * at(14));
                work.exponent = at(13);
                work.rest.memory = self.read_kb * at(15) + self.write_kb * at(16);
            }
        }
        (launch, work)
    }

    /// Launch and execution in microseconds at the reference clocks; the number that per-operator tables measure.
    #[must_use]
    pub fn micros(&self, coefficients: &[f64]) -> f64 {
        let (launch, work) = self.terms(coefficients);
        launch.at(1.0, 1.0) + work.at(1.0, 1.0)
    }

    /// Bytes of weights and activations.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        (self.weights_kb + self.read_kb + self.write_kb) * 1e3
    }
}

/// Values in the order of [`Gpu::coefficients`].
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// The family of the GPU.
    pub gpu: Gpu,
    /// The values.
    pub values: Vec<f64>,
    /// What the equations miss at measured shapes.
    pub residual: Vec<Anchor>,
}

/// Widths of the kernel that smooths residuals: log2 of side and channels, window side, twice the stride beyond 1.
pub const WIDTHS: [f64; 5] = [0.35, 0.7, 0.7, 0.3, 0.3];

impl Coefficients {
    /// Launch and execution of an operator in microseconds at the reference clocks.
    #[must_use]
    pub fn micros(&self, features: &Features) -> f64 {
        let own = self.values.get(self.gpu.range(features.class)).unwrap_or_default();
        features.micros(own) * self.factor(features)
    }

    /// Launch and execution in microseconds at the clocks of the fit, split by what they scale with, residual included.
    #[must_use]
    pub fn terms(&self, features: &Features) -> (Mix, Straggler) {
        let own = self.values.get(self.gpu.range(features.class)).unwrap_or_default();
        let (launch, work) = features.terms(own);
        let factor = self.factor(features);
        (launch.times(factor), work.times(factor))
    }

    /// The declared factor of Winograd kernels on Adreno, and the smoothed residual:
    /// `exp(sum w K r / (sum w K + 1))`, K a Gaussian kernel around each anchor of the class.
    fn factor(&self, features: &Features) -> f64 {
        let declared = features.class == Class::Winograd && self.gpu == Gpu::Adreno;
        let (mut sum, mut weights) = (0.0, 1.0);
        for anchor in self.residual.iter().filter(|anchor| anchor.class == features.class.number()) {
            let distance: f64 = anchor
                .position
                .iter()
                .zip(&features.position)
                .zip(&WIDTHS)
                .map(|((a, b), width)| ((a - b) / width).powi(2))
                .sum();
            let kernel = anchor.weight * (-0.5 * distance).exp();
            sum += kernel * anchor.residual;
            weights += kernel;
        }
        (sum / weights).exp() * if declared { self.at(WINOGRAD) } else { 1.0 }
    }

    fn at(&self, i: usize) -> f64 {
        self.values.get(i).copied().unwrap_or(0.0)
    }

    /// Overhead of an inference in seconds.
    #[must_use]
    pub fn inference_seconds(&self) -> f64 {
        self.at(REMAINDER.start) * 1e-6
    }

    /// Factor of the unlisted part on operators whose times add up to `sum` microseconds.
    #[must_use]
    pub fn stretch(&self, sum: f64) -> f64 {
        1.0 + self.at(REMAINDER.start + 1) / (1.0 + sum / self.at(REMAINDER.start + 2).max(1e-9))
    }

    /// Unlisted kernels of one squeeze branch in microseconds.
    #[must_use]
    pub fn squeeze_micros(&self) -> f64 {
        self.at(REMAINDER.start + 3)
    }

    /// Time of an operator in an inference whose operators stretch by `stretch`.
    #[must_use]
    pub fn time(&self, shape: &Shape, stretch: f64, setting: &Setting) -> FittedTime {
        let Some(features) = Features::of(shape, self.gpu) else {
            // Part of the unlisted share.
            let kernel = "in the unlisted part";
            return FittedTime {
                overhead: 0.0,
                alone: 0.0,
                compute: 0.0,
                memory: 0.0,
                dram_bytes: 0.0,
                overhead_scaling: Mix::default(),
                scaling: Straggler::FIXED,
                kernel,
            };
        };
        let (launch, work) = self.terms(&features);
        let (clock, memory) = (setting.core_scale, setting.memory_scale);
        let compute = work.compute.at(clock, memory) + work.rest.core * clock + work.rest.constant;
        let traffic = work.traffic.at(clock, memory) + work.rest.memory * memory;
        let squeeze = if shape.squeeze { self.squeeze_micros() } else { 0.0 };
        let (launched, rest) = (launch.at(clock, memory), work.at(clock, memory));
        let alone = (rest + (stretch - 1.0) * (launched + rest) + squeeze) * 1e-6;
        // The same with the scales still open: what the machine's clocks fix is multiplied in.
        let launch = launch.scaled(clock, memory);
        let mut scaling = work.scaled(clock, memory).times(stretch);
        scaling.rest = scaling.rest.plus(&launch.times(stretch - 1.0));
        scaling.rest.constant += squeeze;
        FittedTime {
            overhead: launched * 1e-6,
            alone,
            compute: compute * 1e-6,
            memory: traffic * 1e-6,
            dram_bytes: features.bytes().min(alone * setting.dram_rate),
            overhead_scaling: launch,
            scaling: scaling.times(1e-6),
            kernel: features.class.id(),
        }
    }
}
