//! OpenCL kernels of MACE: blocks of outputs for each work item, work items in whole waves; few coefficients.
//!
//! ```text
//! t         = launch + padded operations / (peak x efficiency) + weights / weight rate + activations / activation rate
//! padded    = 2 x items x outputs of an item x input channels to 4 x window,   items to whole waves on all compute units
//! an item   = 4 output channels x 4 pixels of a row (images, 3x3: 5)
//! ```
//! Neighbouring work items of a buffer kernel differ in output channels first, so that a wave of `w` items shares its input reads when there are `b`
//! blocks of channels: `min(b, w) + 4 ceil(w / b)` cache lines for each step instead of `w + 4`; fewer blocks are slower by that ratio.
//! MACE's GPU convolution is direct for every window. Above one block, the output channels of image kernels run in steps of `channel_step`
//! (a staircase of 16 in CoDL's figure 6). Sources: XiaoMi/mace@0fc55a54 `ops/opencl/image`, `ops/opencl/buffer`; CoDL (MobiSys 2022),
//! equation 3, figures 2 and 6. Validity: fp16 storage, one operator at a time.

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::shape::{Shape, ShapeKind};
use super::tflite_cpu::Setting;

/// How MACE stores tensors on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Two-dimensional images, read through the texture cache: Adreno.
    Image,
    /// Plain buffers: Mali.
    Buffer,
}

/// What a device brings: peak operations per second and what work items fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Device {
    /// Peak arithmetic operations per second at the present clock.
    pub peak: f64,
    /// Compute units.
    pub units: f64,
    /// Work items of a wave.
    pub wave: f64,
}

const fn info(name: &'static str, role: Role, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role, of_sets: false, meaning }
}

/// The coefficients, in the order of [`Coefficients`].
pub static COEFFICIENTS: [CoefficientInfo; 6] = [
    info("efficiency", Role::Ratio, "share of peak in full blocks"),
    info(
        "weight_share",
        Role::Ratio,
        "share of the rate of main memory at which weights stream that are used once; with images also those of convolutions",
    ),
    info("activation_share", Role::Ratio, "share of the rate of main memory at which activations stream"),
    info("channel_step", Role::Ratio, "output channels that run together beyond the first block"),
    info("launch_us", Role::Time, "overhead of a kernel"),
    info("inference_us", Role::Time, "overhead of an inference"),
];

/// Values of [`COEFFICIENTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// How tensors are stored.
    pub storage: Storage,
    /// The values.
    pub values: [f64; 6],
}

fn whole(amount: f64, block: f64) -> f64 {
    (amount / block.max(1.0)).ceil().max(1.0) * block.max(1.0)
}

/// Cache lines that a wave touches for each step of a buffer kernel over `blocks` blocks of output channels, relative to a wave whose
/// items all belong to one pixel; at least 1.
fn cache_lines(wave: f64, blocks: f64) -> f64 {
    let blocks = blocks.max(1.0);
    ((blocks.min(wave) + 4.0 * (wave / blocks).ceil()) / (wave + 4.0)).max(1.0)
}

impl Coefficients {
    /// The values by name; `None` if one is missing.
    #[must_use]
    pub fn from_names(storage: Storage, named: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let mut values = [0.0; 6];
        for (value, info) in values.iter_mut().zip(&COEFFICIENTS) {
            *value = named(info.name)?;
        }
        Some(Self { storage, values })
    }

    /// Overhead of a whole inference in seconds.
    #[must_use]
    pub fn inference_seconds(&self) -> f64 {
        self.values[5] * 1e-6
    }

    /// Time of an operator on a device.
    #[must_use]
    pub fn time(&self, shape: &Shape, setting: &Setting, device: &Device) -> FittedTime {
        let [efficiency, weight_share, activation_share, step, launch, _] = self.values;
        let (m, n) = (shape.out_pixels(), shape.out_channels);
        let (window, channels) = (shape.window(), shape.in_channels / shape.groups.max(1.0));
        let (mut activations, mut weights) = (shape.used_pixels * shape.in_channels + m * n, 0.0);
        let steps = if n > 4.0 { whole(n, step.max(4.0)) } else { 4.0 };
        let width = if self.storage == Storage::Image && window == 9.0 { 5.0 } else { 4.0 };
        // Outputs, blocks and waves filled up; each item makes `block` of them.
        let outputs = |block: f64, columns: f64, row: f64, rows: f64| {
            whole(columns * row * rows / block, device.units * device.wave) * block
        };
        let (operations, kernel) = match shape.kind {
            ShapeKind::Convolution | ShapeKind::Grouped => {
                weights = window * channels * n;
                let padded = outputs(4.0 * width, steps, whole(shape.out_width, width), shape.out_height);
                let kernel = if window <= 1.0 { "direct-1x1" } else { "direct" };
                let lines = match self.storage {
                    Storage::Image => 1.0,
                    Storage::Buffer => cache_lines(device.wave, (n / 4.0).ceil()),
                };
                (2.0 * padded * whole(channels, 4.0) * window * lines, kernel)
            }
            ShapeKind::Depthwise => {
                weights = window * n;
                let padded = outputs(16.0, whole(n, 4.0), whole(shape.out_width, 4.0), shape.out_height);
                // A load for each product: a quarter of the rate of dense kernels, which reuse each load four times.
                (4.0 * 2.0 * padded * window, "depthwise")
            }
            ShapeKind::FullyConnected => {
                weights = shape.in_channels * n;
                activations = shape.in_channels + n;
                (2.0 * whole(n, 4.0) * whole(shape.in_channels, 4.0), "matrix-vector")
            }
            ShapeKind::Pooling => (m * whole(n, 4.0) * window, "pooling"),
            ShapeKind::Mean => {
                activations = shape.read + shape.elements;
                (shape.read, "reduction")
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
                (shape.elements, "elementwise")
            }
        };
        let compute = operations / (device.peak * efficiency);
        let (weights, activations) = (weights * setting.element_bytes, activations * setting.element_bytes);
        // All items of a wave read the same weights of a convolution from a buffer, but each its own of a fully connected layer.
        let weight_share = match (self.storage, shape.kind) {
            (Storage::Image, _) | (_, ShapeKind::FullyConnected) => weight_share,
            _ => activation_share,
        };
        let memory = (weights / weight_share + activations / activation_share) / setting.dram_rate;
        let alone = compute + memory;
        let scaling = Straggler {
            domains: 1,
            rest: Mix { core: compute, memory, constant: 0.0 },
            headroom: 1.0,
            ..Straggler::FIXED
        };
        FittedTime {
            overhead: launch * 1e-6,
            overhead_scaling: Mix { core: 0.0, memory: 0.0, constant: launch * 1e-6 },
            scaling,
            alone,
            compute,
            memory,
            dram_bytes: (weights + activations).min(alone * setting.dram_rate),
            kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_channel_blocks_scatter_the_reads_of_a_wave() {
        assert_eq!(cache_lines(8.0, 8.0), 1.0);
        assert_eq!(cache_lines(8.0, 64.0), 1.0);
        assert_eq!(cache_lines(8.0, 1.0), 33.0 / 12.0);
        assert!(cache_lines(8.0, 3.0) > 1.0 && cache_lines(8.0, 3.0) < cache_lines(8.0, 2.0));
    }
}
