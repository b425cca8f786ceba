//! Features of CoDL's latency predictor: how many units of work the critical thread or wave of a kernel has.
//!
//! `T = units x t_unit`, with `units = ceil(out / (block x cores)) x ...` from the structure of MACE's kernels and `t_unit` linear in the sizes of the
//! operator (CoDL, MobiSys 2022, equation 3; csu-eis/CoDL@0a0c89d1 `soc.py`). The predictor knows nothing of a machine but cores, compute units and the width of a wave.

use crate::graph::lowered::{Geometry, LoweredOperator, OperatorClass, Window};

/// What a predictor knows of an executor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Processor {
    /// Cores; 0 for a device.
    pub(super) cores: f64,
    /// Compute units of a device.
    pub(super) units: f64,
    /// Work items of a wave.
    pub(super) wave: f64,
}

/// Kernels with a regression each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KernelKind {
    Gemm,
    WinogradSmall,
    WinogradLarge,
    Direct,
    DirectLarge,
    DevicePoint,
    DeviceThree,
    DeviceOther,
    Matrix,
    Pooling,
}

fn blocks(amount: f64, block: f64) -> f64 {
    (amount / block).ceil().max(1.0)
}

impl Processor {
    /// The kernel that runs an operator and its features; `None` for operators that CoDL does not predict.
    pub(super) fn features(&self, operator: &LoweredOperator) -> Option<(KernelKind, Vec<f64>)> {
        match (operator.class, operator.geometry) {
            (OperatorClass::Convolution, Geometry::Window(w)) if w.groups <= 1 => Some(self.convolution(&w)),
            (OperatorClass::Pooling, Geometry::Window(w)) => {
                let reads =
                    (w.out_height * w.out_width * w.out_channels * w.kernel_height * w.kernel_width) as f64;
                let elements = (w.in_height * w.in_width * w.in_channels) as f64;
                let share = if self.cores > 0.0 {
                    blocks(w.out_channels as f64, self.cores) / w.out_channels as f64
                } else {
                    1.0
                };
                Some((KernelKind::Pooling, vec![reads * share, elements, 1.0]))
            }
            (OperatorClass::FullyConnected, Geometry::MatMul { m: 1, n, k, .. }) => {
                let units = blocks(n as f64, 8.0 * self.cores.max(1.0)) * k as f64;
                Some((KernelKind::Matrix, vec![units, (n * k) as f64, 1.0]))
            }
            _ => None,
        }
    }

    fn convolution(&self, w: &Window) -> (KernelKind, Vec<f64>) {
        let size = |n: u64| n as f64;
        let window = size(w.kernel_height * w.kernel_width);
        let (channels, n) = (size(w.in_channels), size(w.out_channels));
        let (height, width) = (size(w.out_height), size(w.out_width));
        let elements = size(w.in_height * w.in_width) * channels;
        let outputs = height * width * n;
        if self.cores == 0.0 {
            let block = if window == 9.0 { 5.0 } else { 4.0 };
            let (outs, row, ins) = (blocks(n, 4.0), blocks(width, block), blocks(channels, 4.0));
            let waves = blocks(outs * row * height, self.wave * self.units);
            let kind = match window as u64 {
                1 => KernelKind::DevicePoint,
                9 => KernelKind::DeviceThree,
                _ => KernelKind::DeviceOther,
            };
            let units = waves * ins * window;
            return (
                kind,
                vec![
                    units,
                    units * height,
                    units * row,
                    units * ins,
                    units * outs,
                    elements,
                    outputs,
                    n * channels * window,
                    1.0,
                ],
            );
        }
        let gemm =
            |columns: f64, pixels: f64| blocks(columns, 8.0) * blocks(pixels, 8.0) * blocks(channels, 4.0);
        let traffic = [elements, outputs, n * channels * window, 1.0];
        let with = |units: f64, more: &[f64]| {
            let mut features = vec![units, units / channels, units / n];
            features.extend_from_slice(more);
            features.extend_from_slice(&traffic);
            features
        };
        if window <= 1.0 {
            let rows = blocks(n, 8.0);
            let items = if rows >= 2.0 * self.cores { rows } else { rows * blocks(height * width, 8.0) };
            let units = gemm(n, height * width) * self.makespan(items);
            return (KernelKind::Gemm, with(units, &[]));
        }
        if w.kernel_height == 3 && w.kernel_width == 3 && w.stride_height == 1 && channels >= 8.0 && n >= 8.0
        {
            let (side, kind) = if height > 16.0 && width > 16.0 {
                (6.0, KernelKind::WinogradLarge)
            } else {
                (2.0, KernelKind::WinogradSmall)
            };
            let tiles = blocks(height, side) * blocks(width, side);
            let products = (side + 2.0) * (side + 2.0);
            let units = products * gemm(n, tiles) * self.makespan(products);
            return (
                kind,
                with(units, &[tiles * channels * self.makespan(channels), tiles * n * self.makespan(n)]),
            );
        }
        let block = match (window as u64, w.stride_height) {
            (9, 1) => 2.0,
            (9, _) => 1.0,
            _ => 4.0,
        };
        let units = height * blocks(width, 4.0) * n * channels * window * self.makespan(blocks(n, block));
        let kind = if window > 49.0 { KernelKind::DirectLarge } else { KernelKind::Direct };
        (kind, with(units, &[]))
    }

    /// Share of `items` equal items that the busiest of equal threads gets, in whole items.
    fn makespan(&self, items: f64) -> f64 {
        blocks(items, self.cores) / items.max(1.0)
    }
}
