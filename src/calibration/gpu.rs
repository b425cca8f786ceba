//! Fitting the GPU form: every kernel class to its operators, then the end-to-end remainder to whole networks.

use super::calibrate::{AT_PRIOR, ModelFit};
use super::fit::{Fitted, Fitting, Prior, family_weights};
use super::operator_tables::OperatorMeasurement;
use crate::graph::lowered::LoweredGraph;
use crate::physics::shape::shapes;
use crate::physics::tflite_gpu::{COEFFICIENTS, Class, Features, REMAINDER, WINOGRAD};
use crate::soc::Coefficient;
use crate::statistics::{ErrorMetrics, error_metrics};

/// Where the loss of single operators turns from square to linear.
const OPERATOR_SCALE: f64 = 0.07;
/// The same for the remainder of whole networks.
const REMAINDER_SCALE: f64 = 0.04;

/// Value and standard deviation of the logarithm before a fit, in the order of [`COEFFICIENTS`]. Round numbers for an
/// Adreno 640; the launch is common to all classes but the grouped convolution. The Winograd factor is the median of two
/// other GPUs, for which measurements exist; nothing on this one tells it.
const PRIORS: [(f64, f64); COEFFICIENTS.len()] = [
    (4.5, 0.35),
    (0.02, 1.0),
    (0.2, 1.0),
    (0.2, 1.0),
    (2.0, 0.5),
    (0.3, 1.0),
    (4.5, 0.35),
    (0.3, 1.5),
    (1.0, 0.3),
    (1.0, 0.4),
    (0.03, 1.5),
    (2.0, 0.5),
    (4.5, 0.35),
    (2.0, 1.5),
    (0.03, 1.5),
    (2.0, 0.5),
    (4.5, 0.35),
    (0.3, 1.0),
    (0.04, 1.0),
    (1200.0, 0.3),
    (0.02, 1.0),
    (4.5, 0.35),
    (1.0, 1.5),
    (10.0, 1.0),
    (1.0, 0.3),
    (4.5, 0.35),
    (0.3, 1.5),
    (0.03, 1.5),
    (4.5, 0.35),
    (1.0, 1.0),
    (0.2, 1.0),
    (1.0, 1.5),
    (2.0, 0.5),
    (8.0, 0.4),
    (0.5, 0.5),
    (0.12, 0.5),
    (0.03, 0.7),
    (2.0, 0.5),
    (4.5, 0.35),
    (0.6, 0.5),
    (0.8, 0.5),
    (1.0, 0.5),
    (1.4, 0.5),
    (1.1, 0.2),
    (1.1, 0.2),
    (1.1, 0.2),
    (1.1, 0.2),
    (0.6, 0.4),
    (0.9, 0.3),
    (0.8, 0.3),
    (4.0, 0.5),
    (3.0, 0.2),
    (0.02, 1.0),
    (0.005, 1.5),
    (0.02, 1.5),
    (2.1, 0.4),
    (1000.0, 0.7),
    (0.15, 0.8),
    (10_000.0, 0.7),
    (1.0, 0.7),
];

fn priors(range: std::ops::Range<usize>) -> Vec<Prior> {
    PRIORS[range].iter().map(|(value, width)| Prior { mean: value.ln(), width: *width }).collect()
}

/// A measured operator of a network.
#[derive(Debug, Clone)]
struct Row {
    features: Features,
    measured: f64,
    kernel: String,
}

/// The data of a device.
#[derive(Debug, Clone)]
pub(super) struct GpuSamples {
    /// Operators of each network.
    rows: Vec<Vec<Row>>,
    squeezes: Vec<f64>,
    /// Measured sum of each network, microseconds.
    sums: Vec<f64>,
    families: Vec<String>,
    /// Measured inference in microseconds without what crossings cost.
    inferences: Vec<f64>,
    iterations: usize,
}

/// How well single operators are predicted without having seen their family.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorScore {
    /// Errors over all operators.
    pub errors: ErrorMetrics,
    /// Share of operators, per cent, whose choice among Winograd, fully connected and other kernels is as measured.
    pub kernel_choice_percent: f64,
}

impl GpuSamples {
    /// Joins networks with measured operators; `inferences_ms` without crossings. `None` where a network has no measured
    /// operator or the counts differ.
    pub(super) fn new(
        graphs: &[&LoweredGraph],
        families: &[&str],
        inferences_ms: &[f64],
        measured: &[&OperatorMeasurement],
        iterations: usize,
    ) -> Option<Self> {
        let mut samples = Self {
            rows: Vec::new(),
            squeezes: Vec::new(),
            sums: Vec::new(),
            families: families.iter().map(|family| (*family).to_owned()).collect(),
            inferences: inferences_ms.iter().map(|ms| ms * 1e3).collect(),
            iterations,
        };
        for graph in graphs {
            let shapes = shapes(graph);
            let mut rows = Vec::new();
            for found in measured.iter().filter(|row| row.model == graph.name) {
                let features = Features::of(shapes.get(found.index)?.as_ref()?)?;
                rows.push(Row { features, measured: found.latency_us, kernel: found.kernel.clone() });
            }
            if rows.len() != shapes.len() {
                return None;
            }
            samples.sums.push(rows.iter().map(|row| row.measured).sum());
            samples.squeezes.push(shapes.iter().flatten().filter(|shape| shape.squeeze).count() as f64);
            samples.rows.push(rows);
        }
        Some(samples)
    }

    /// Fits all stages to some of the networks.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let mut values: Vec<f64> = PRIORS.iter().map(|(value, _)| *value).collect();
        let mut widths: Vec<f64> = PRIORS.iter().map(|(_, width)| *width).collect();
        let mut condition = 1.0f64;
        let mut keep = |range: std::ops::Range<usize>, fitted: &Fitted| {
            values[range.clone()].copy_from_slice(&fitted.values());
            widths[range].copy_from_slice(&fitted.widths);
            condition = condition.max(fitted.condition);
        };
        for class in Class::FITTED {
            let rows: Vec<&Row> = training
                .iter()
                .flat_map(|&i| &self.rows[i])
                .filter(|row| row.features.class == class)
                .collect();
            if rows.is_empty() {
                continue;
            }
            let measured: Vec<f64> = rows.iter().map(|row| row.measured).collect();
            // A shape that recurs is one piece of evidence, told better.
            let weights: Vec<f64> = rows
                .iter()
                .map(|row| {
                    1.0 / (rows.iter().filter(|other| other.features == row.features).count() as f64).sqrt()
                })
                .collect();
            let predict = |c: &[f64]| rows.iter().map(|row| row.features.micros(c)).collect::<Vec<_>>();
            let priors = priors(class.coefficients());
            keep(
                class.coefficients(),
                &Fitting {
                    predict: &predict,
                    measured: &measured,
                    weights: &weights,
                    priors: &priors,
                    scale: OPERATOR_SCALE,
                    iterations: self.iterations,
                }
                .solve(),
            );
        }
        let measured: Vec<f64> = training.iter().map(|&i| self.inferences[i]).collect();
        let families: Vec<&str> = training.iter().map(|&i| self.families[i].as_str()).collect();
        let predict = |c: &[f64]| {
            let of = |&i: &usize| {
                let sum = self.sums[i];
                c[0] + sum * (1.0 + c[1] / (1.0 + sum / c[2])) + c[3] * self.squeezes[i]
            };
            training.iter().map(of).collect::<Vec<_>>()
        };
        let priors = priors(REMAINDER);
        keep(
            REMAINDER,
            &Fitting {
                predict: &predict,
                measured: &measured,
                weights: &family_weights(&families),
                priors: &priors,
                scale: REMAINDER_SCALE,
                iterations: self.iterations,
            }
            .solve(),
        );
        let at_prior = (0..COEFFICIENTS.len()).filter(|&i| widths[i] > AT_PRIOR * PRIORS[i].1);
        ModelFit {
            at_prior: at_prior.map(|i| COEFFICIENTS[i].name).collect(),
            condition,
            coefficients: COEFFICIENTS
                .iter()
                .zip(values.iter().zip(&widths))
                .map(|(info, (value, width))| Coefficient {
                    name: info.name.to_owned(),
                    value: *value,
                    width: *width,
                })
                .collect(),
        }
    }

    /// Predictions of single operators by models that have not seen their family.
    pub(super) fn unseen_operators(&self) -> Option<OperatorScore> {
        let families: Vec<&str> = self.families.iter().map(String::as_str).collect();
        let (mut predicted, mut measured, mut right) = (Vec::new(), Vec::new(), 0usize);
        for held_out in super::cross_validation::folds(&families) {
            let training: Vec<usize> = (0..families.len()).filter(|i| !held_out.contains(i)).collect();
            let values: Vec<f64> = self.fit(&training).coefficients.iter().map(|c| c.value).collect();
            for row in held_out.iter().flat_map(|&i| &self.rows[i]) {
                let factor = if row.features.class == Class::Winograd { values[WINOGRAD] } else { 1.0 };
                predicted.push(row.features.micros(&values[row.features.class.coefficients()]) * factor);
                measured.push(row.measured);
                right += usize::from(family_of_class(row.features.class) == family_of_kernel(&row.kernel));
            }
        }
        Some(OperatorScore {
            errors: error_metrics(&predicted, &measured)?,
            kernel_choice_percent: 100.0 * right as f64 / predicted.len() as f64,
        })
    }
}

/// Winograd, fully connected or another kernel, of a prediction.
const fn family_of_class(class: Class) -> u8 {
    match class {
        Class::Winograd => 0,
        Class::FullyConnected => 1,
        _ => 2,
    }
}

/// The same of a kernel as the runtime names it.
fn family_of_kernel(name: &str) -> u8 {
    if name.contains("winograd") {
        0
    } else if name.contains("fully_connected") {
        1
    } else {
        2
    }
}
