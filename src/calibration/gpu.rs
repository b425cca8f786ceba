//! Fitting the GPU form: every kernel class to its operators, then the end-to-end remainder to whole networks.

use super::calibrate::{AT_PRIOR, ModelFit};
use super::fit::{Fitted, Fitting, Prior, family_weights};
use super::operator_tables::OperatorMeasurement;
use crate::graph::lowered::LoweredGraph;
use crate::physics::shape::shapes;
use crate::physics::tflite_gpu::{COEFFICIENTS, Class, Coefficients, Features, Gpu, REMAINDER, WIDTHS};
use crate::soc::{Anchor, Coefficient};
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

/// Convolution, Winograd and 3x3 depthwise at stride 2 on Mali and Apple GPUs; the launches are replaced by the common one.
const OTHER: [(f64, f64); 24] = [
    (0.0, 0.35),
    (0.3, 1.0),
    (0.3, 1.0),
    (0.0, 1.0),
    (0.0, 1.0),
    (0.03, 1.0),
    (0.06, 1.0),
    (1.0, 0.3),
    (1.5, 0.3),
    (2.0, 0.3),
    (0.01, 1.0),
    (0.02, 1.0),
    (1000.0, 0.3),
    (0.005, 1.5),
    (0.02, 1.5),
    (0.0, 0.35),
    (1.0, 2.0),
    (0.03, 1.0),
    (0.02, 1.5),
    (2.0, 0.5),
    (0.0, 0.35),
    (0.3, 1.5),
    (0.03, 1.5),
    (2.0, 0.5),
];

/// The beliefs about a family of GPUs.
fn beliefs(gpu: Gpu) -> Vec<(f64, f64)> {
    let (launch, blocks, grouped, remainder) = match gpu {
        Gpu::Adreno => return PRIORS.to_vec(),
        Gpu::Mali => (10.0, [0.005, 0.015], [0.5, 0.114], [3800.0, 0.6, 10_000.0, 1.0]),
        Gpu::Apple => (5.5, [0.012, 0.02], [0.1, 0.076], [700.0, 0.1, 5000.0, 25.0]),
    };
    let mut all: Vec<(f64, f64)> = PRIORS[6..38].iter().chain(&OTHER).chain(&PRIORS[56..]).copied().collect();
    for (value, info) in all.iter_mut().zip(gpu.coefficients()) {
        if info.name.ends_with("_launch_us") && info.name != "grouped_launch_us" {
            value.0 = launch;
        }
    }
    let grouped_at = gpu.range(Class::Grouped).start;
    let convolution_at = gpu.range(Class::Convolution).start;
    for (i, value) in grouped.into_iter().enumerate() {
        all[grouped_at + 1 + i].0 = value;
    }
    for (i, value) in blocks.into_iter().enumerate() {
        all[convolution_at + 3 + i].0 = value;
    }
    for (i, value) in remainder.into_iter().enumerate() {
        all[REMAINDER.start + i].0 = value;
    }
    all
}

/// Kernels that run a depthwise convolution and the 1x1 convolution behind it; both rows carry a time of which it is not
/// known what is whose.
pub(super) const FUSED: &str = "depthwise_conv_plus_1x1_conv";

fn priors(beliefs: &[(f64, f64)]) -> Vec<Prior> {
    beliefs.iter().map(|(value, width)| Prior { mean: value.ln(), width: *width }).collect()
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
    gpu: Gpu,
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
        gpu: Gpu,
        graphs: &[&LoweredGraph],
        families: &[&str],
        inferences_ms: &[f64],
        measured: &[&OperatorMeasurement],
        iterations: usize,
    ) -> Option<Self> {
        let mut samples = Self {
            gpu,
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
                let features = Features::of(shapes.get(found.index)?.as_ref()?, gpu)?;
                rows.push(Row { features, measured: found.latency_us, kernel: found.kernel.clone() });
            }
            if rows.len() != shapes.len() {
                return None;
            }
            let own = |row: &Row| row.measured * if row.kernel.contains(FUSED) { 0.5 } else { 1.0 };
            samples.sums.push(rows.iter().map(own).sum());
            samples.squeezes.push(shapes.iter().flatten().filter(|shape| shape.squeeze).count() as f64);
            samples.rows.push(rows);
        }
        Some(samples)
    }

    /// Fits all stages to some of the networks.
    pub(super) fn fit(&self, training: &[usize]) -> ModelFit {
        let beliefs = beliefs(self.gpu);
        let mut values: Vec<f64> = beliefs.iter().map(|(value, _)| *value).collect();
        let mut widths: Vec<f64> = beliefs.iter().map(|(_, width)| *width).collect();
        let mut condition = 1.0f64;
        let mut keep = |range: std::ops::Range<usize>, fitted: &Fitted| {
            values[range.clone()].copy_from_slice(&fitted.values());
            widths[range].copy_from_slice(&fitted.widths);
            condition = condition.max(fitted.condition);
        };
        // On Adreno no data tell the time of Winograd kernels; their factor is declared.
        let fitted = |class: &Class| self.gpu != Gpu::Adreno || *class != Class::Winograd;
        for class in Class::FITTED.into_iter().filter(fitted) {
            let range = self.gpu.range(class);
            let rows: Vec<&Row> = training
                .iter()
                .flat_map(|&i| &self.rows[i])
                .filter(|row| row.features.class == class && !row.kernel.contains(FUSED))
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
            let priors = priors(&beliefs[range.clone()]);
            keep(
                range,
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
        let residual = self.residual(training, &values);
        let mut keep = |range: std::ops::Range<usize>, fitted: &Fitted| {
            values[range.clone()].copy_from_slice(&fitted.values());
            widths[range].copy_from_slice(&fitted.widths);
            condition = condition.max(fitted.condition);
        };
        let measured: Vec<f64> = training.iter().map(|&i| self.inferences[i]).collect();
        let families: Vec<&str> = training.iter().map(|&i| self.families[i].as_str()).collect();
        let predict = |c: &[f64]| {
            let of = |&i: &usize| {
                let sum = self.sums[i];
                c[0] + sum * (1.0 + c[1] / (1.0 + sum / c[2])) + c[3] * self.squeezes[i]
            };
            training.iter().map(of).collect::<Vec<_>>()
        };
        let priors = priors(&beliefs[REMAINDER]);
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
        let at_prior = (0..COEFFICIENTS.len()).filter(|&i| widths[i] > AT_PRIOR * beliefs[i].1);
        ModelFit {
            at_prior: at_prior.map(|i| self.gpu.coefficients()[i].name).collect(),
            condition,
            residual,
            coefficients: self
                .gpu
                .coefficients()
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

    /// Mean residuals of the equations over cells of the space of shapes; a shape counts once, however often it recurs.
    fn residual(&self, training: &[usize], values: &[f64]) -> Vec<Anchor> {
        let model = Coefficients { gpu: self.gpu, values: values.to_vec(), residual: Vec::new() };
        let rows: Vec<&Row> =
            training.iter().flat_map(|&i| &self.rows[i]).filter(|row| !row.kernel.contains(FUSED)).collect();
        let mut cells: std::collections::BTreeMap<(u8, [i64; 5]), Anchor> = std::collections::BTreeMap::new();
        for row in &rows {
            let alike = rows.iter().filter(|other| other.features == row.features).count() as f64;
            let weight = 1.0 / alike;
            let error = (row.measured / model.micros(&row.features)).ln().clamp(-0.5, 0.5);
            let place = row.features.position;
            let class = row.features.class.number();
            let cell: [i64; 5] = std::array::from_fn(|i| (place[i] / WIDTHS[i]).round() as i64);
            let anchor = cells.entry((class, cell)).or_insert(Anchor {
                class,
                position: [0.0; 5],
                weight: 0.0,
                residual: 0.0,
            });
            for (sum, x) in anchor.position.iter_mut().zip(place) {
                *sum += weight * x;
            }
            anchor.weight += weight;
            anchor.residual += weight * error;
        }
        cells
            .into_values()
            .map(|sum| Anchor {
                position: sum.position.map(|x| x / sum.weight),
                residual: sum.residual / sum.weight,
                ..sum
            })
            .collect()
    }

    /// Predictions of single operators by models that have not seen their family.
    pub(super) fn unseen_operators(&self) -> Option<OperatorScore> {
        let families: Vec<&str> = self.families.iter().map(String::as_str).collect();
        let (mut predicted, mut measured, mut right) = (Vec::new(), Vec::new(), 0usize);
        for held_out in super::cross_validation::folds(&families) {
            let training: Vec<usize> = (0..families.len()).filter(|i| !held_out.contains(i)).collect();
            let fitted = self.fit(&training);
            let values: Vec<f64> = fitted.coefficients.iter().map(|c| c.value).collect();
            let model = Coefficients { gpu: self.gpu, values, residual: fitted.residual };
            for row in held_out.iter().flat_map(|&i| &self.rows[i]).filter(|row| !row.kernel.contains(FUSED))
            {
                predicted.push(model.micros(&row.features));
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
pub(super) const fn family_of_class(class: Class) -> u8 {
    match class {
        Class::Winograd => 0,
        Class::FullyConnected => 1,
        _ => 2,
    }
}

/// The same of a kernel as the runtime names it.
pub(super) fn family_of_kernel(name: &str) -> u8 {
    if name.contains("winograd") {
        0
    } else if name.contains("fully_connected") {
        1
    } else {
        2
    }
}
