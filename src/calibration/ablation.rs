//! Which mechanism earns its place: the error on families left out, with one mechanism more at a time.
//!
//! The first steps are fitted to whole networks from the same shapes as the shipped forms, with wide priors:
//! ```text
//! roofline           sum max(2 MAC / F, bytes / B)
//! + overheads        + d per operator + r per inference
//! + quantisation     MAC in blocks of channels and pixels (8 x 6 on cores, 4 x 4 on GPUs)
//! + kernel choice    F of 1x1, other dense, depthwise, grouped, fully connected; other operators by elements
//! ```
//! The last ones are the shipped form: its kernel equations (im2col, caches, Winograd, waves), then the law of core sets (CPU) or measured
//! operators with the smoothed residual (GPU).

use std::convert::Infallible;

use super::calibrate::{CalibrateError, Folds, ModelFit, Start, refuse};
use super::cpu::{CpuSamples, features};
use super::cross_validation::leave_family_out;
use super::fit::{ERROR_SCALE, Fitting, Prior, family_weights};
use super::goal::{Goal, Sample};
use super::tables::GroupKey;
use crate::physics::Form;
use crate::physics::shape::{Shape, ShapeKind, shapes};
use crate::soc::Target;
use crate::statistics::{ErrorMetrics, error_metrics};

/// One step and its errors on families left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the model has in addition to the step before.
    pub name: &'static str,
    /// Coefficients that were fitted.
    pub coefficients: usize,
    /// Errors.
    pub errors: ErrorMetrics,
}

/// Mechanisms of the first steps.
#[derive(Debug, Clone, Copy)]
struct Mechanisms {
    name: &'static str,
    overheads: bool,
    blocks: bool,
    kernels: bool,
}

const FIRST: [Mechanisms; 4] = [
    Mechanisms { name: "roofline", overheads: false, blocks: false, kernels: false },
    Mechanisms { name: "+ overheads", overheads: true, blocks: false, kernels: false },
    Mechanisms { name: "+ quantisation", overheads: true, blocks: true, kernels: false },
    Mechanisms { name: "+ kernel choice", overheads: true, blocks: true, kernels: true },
];

/// Kinds of kernel that get a rate of their own.
const KERNELS: usize = 6;

/// What an operator asks for.
struct Amounts {
    kernel: usize,
    macs: f64,
    blocked: f64,
    bytes: f64,
}

impl Amounts {
    fn of(shape: &Shape, element: f64, (channels, pixels): (f64, f64)) -> Self {
        let kernel = match shape.kind {
            ShapeKind::Convolution if shape.window() <= 1.0 => 0,
            ShapeKind::Convolution => 1,
            ShapeKind::Depthwise => 2,
            ShapeKind::Grouped => 3,
            ShapeKind::FullyConnected => 4,
            _ => 5,
        };
        let out = shape.out_pixels();
        let inputs = match kernel {
            0 | 1 | 3 => shape.in_channels / shape.groups.max(1.0),
            2 => 1.0,
            4 => shape.in_channels,
            _ => 0.0,
        };
        let macs = if kernel == 5 {
            shape.elements.max(shape.read)
        } else {
            out * shape.out_channels * shape.window() * inputs
        };
        let blocks = |value: f64, block: f64| (value / block).ceil() * block / value.max(1.0);
        let weights = if kernel == 5 { 0.0 } else { shape.window() * inputs * shape.out_channels };
        let moved = shape.used_pixels * shape.in_channels + out * shape.out_channels + weights;
        Self {
            kernel,
            macs,
            blocked: macs * blocks(shape.out_channels, channels) * blocks(out, pixels),
            bytes: moved * element,
        }
    }

    /// Milliseconds; `c`: GB/s, us per operator, ms per inference, G multiply-accumulates per second of each kernel.
    fn ms(&self, mechanisms: &Mechanisms, c: &[f64]) -> f64 {
        let at = |i: usize| c.get(i).copied().unwrap_or(1.0);
        let rate = at(3 + if mechanisms.kernels { self.kernel } else { 0 });
        let macs = if mechanisms.blocks { self.blocked } else { self.macs };
        let overhead = if mechanisms.overheads { at(1) * 1e-3 } else { 0.0 };
        (macs / rate).max(self.bytes / at(0)) * 1e-6 + overhead
    }
}

/// The steps of a group, from the roofline to the shipped form.
///
/// # Errors
/// As [`super::calibrate()`].
pub fn ablate(start: &Start<'_>, group: &GroupKey) -> Result<Vec<Step>, CalibrateError> {
    let goal = Goal::new(start, group)?;
    let element = match goal.precision {
        crate::soc::Precision::Int8 => 1.0,
        crate::soc::Precision::Fp16 => 2.0,
        crate::soc::Precision::Fp32 => 4.0,
    };
    match &goal.executor.target {
        Target::Cores(kinds) => {
            let (samples, cpu) = goal.cpu_samples(kinds)?;
            let mut steps = first(&samples, element, (8.0, 6.0), start.iterations)?;
            let one = CpuSamples {
                features: samples.iter().map(|(network, _)| features(network, &cpu.one)).collect(),
                setting: cpu.one,
                base: cpu.own.clone(),
                ..cpu.clone()
            };
            let coefficients = super::priors::ONE_CORE;
            steps.push(step("+ kernel equations", coefficients, &one.unseen(), &samples)?);
            if cpu.setting.cores > 1.0 {
                let all = crate::physics::tflite_cpu::COEFFICIENTS.len();
                steps.push(step("+ law of core sets", all, &cpu.unseen(), &samples)?);
            }
            Ok(steps)
        }
        Target::Device(id) => {
            let (samples, gpu, data) = goal.gpu_samples(id)?;
            let mut steps = first(&samples, element, (4.0, 4.0), start.iterations)?;
            let form = Form::TfliteGpu(gpu);
            let plain = |training: &[usize]| ModelFit { residual: Vec::new(), ..data.fit(training) };
            let (unseen, _) = goal.unseen(form, &samples, &plain, Folds::Families)?;
            let count = gpu.coefficients().len();
            steps.push(step("+ kernel equations, fitted to operators", count, &unseen, &samples)?);
            let (unseen, _) = goal.unseen(form, &samples, &|training| data.fit(training), Folds::Families)?;
            steps.push(step("+ residual", count, &unseen, &samples)?);
            Ok(steps)
        }
    }
}

fn step(
    name: &'static str,
    coefficients: usize,
    unseen: &[f64],
    samples: &[Sample<'_>],
) -> Result<Step, CalibrateError> {
    let measured: Vec<f64> = samples.iter().map(|(_, ms)| *ms).collect();
    let errors = error_metrics(unseen, &measured)
        .ok_or_else(|| refuse("a prediction is not finite".to_owned(), "check the measurements"))?;
    Ok(Step { name, coefficients, errors })
}

fn first(
    samples: &[Sample<'_>],
    element: f64,
    blocks: (f64, f64),
    iterations: usize,
) -> Result<Vec<Step>, CalibrateError> {
    let amounts: Vec<Vec<Amounts>> = samples
        .iter()
        .map(|(network, _)| {
            shapes(&network.graph).iter().flatten().map(|shape| Amounts::of(shape, element, blocks)).collect()
        })
        .collect();
    let families: Vec<&str> = samples.iter().map(|(network, _)| network.family.as_str()).collect();
    let measured: Vec<f64> = samples.iter().map(|(_, ms)| *ms).collect();
    let macs: f64 = amounts.iter().flatten().map(|a| a.macs).sum();
    // Rates start where all networks together would be explained; one decade is within one width.
    let rate = macs * 1e-6 / measured.iter().sum::<f64>();
    let mut means = vec![4.0 * rate.max(1.0), 10.0, 0.3];
    means.extend([rate; KERNELS]);
    let widths = [1.5, 1.5, 1.5].into_iter().chain([1.5; KERNELS]);
    let priors: Vec<Prior> =
        means.iter().zip(widths).map(|(mean, width)| Prior { mean: mean.ln(), width }).collect();
    FIRST
        .iter()
        .map(|mechanisms| {
            let network = |c: &[f64], i: usize| {
                let whole = if mechanisms.overheads { c.get(2).copied().unwrap_or(0.0) } else { 0.0 };
                whole + amounts[i].iter().map(|a| a.ms(mechanisms, c)).sum::<f64>()
            };
            let unseen = leave_family_out::<_, Infallible>(
                &families,
                |training| {
                    let own: Vec<f64> = training.iter().map(|&i| measured[i]).collect();
                    let labels: Vec<&str> = training.iter().map(|&i| families[i]).collect();
                    let predict = |c: &[f64]| training.iter().map(|&i| network(c, i)).collect::<Vec<_>>();
                    let fitting = Fitting {
                        predict: &predict,
                        measured: &own,
                        weights: &family_weights(&labels),
                        priors: &priors,
                        scale: 3.0 * ERROR_SCALE,
                        iterations,
                    };
                    Ok(fitting.solve().values())
                },
                |values, i| Ok(network(values, i)),
            );
            let count = 2 + 2 * usize::from(mechanisms.overheads) + 5 * usize::from(mechanisms.kernels);
            step(mechanisms.name, count, &unseen.unwrap_or_default(), samples)
        })
        .collect()
}
