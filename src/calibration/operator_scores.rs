//! Scoring the profiles against tables of single operators.
//!
//! A prediction is the time that the operator has in the cost table of its network, without what a form spreads over all operators of an
//! inference for kernels that lists leave out: profilers of single operators do not see it.

use super::gpu::{FUSED, family_of_class, family_of_kernel};
use super::networks::Network;
use super::operator_tables::OperatorMeasurement;
use super::tables::GroupKey;
use super::validate::{FindProfiles, GroupScore, Point, Skipped, Validation, fitted, list, machine};
use crate::graph::lowered::LoweredGraph;
use crate::physics::shape::shapes;
use crate::physics::tflite_gpu::{Class, Coefficients, Features};
use crate::physics::{Form, Machine, fitted::gpu_coefficients};
use crate::soc::ExecutorId;
use crate::statistics::{error_metrics, quantile};

/// Predicted microseconds of an operator, and its kernel where the form chooses one.
type Prediction = Option<(f64, Option<Class>)>;

/// Compares every operator that has a profile and a network.
#[must_use]
pub fn validate_operators(
    networks: &[Network],
    rows: &[OperatorMeasurement],
    find: FindProfiles<'_>,
) -> Validation {
    let mut keys: Vec<&GroupKey> = rows.iter().map(|row| &row.group).collect();
    keys.sort();
    keys.dedup();
    let mut found = Validation::joined(Vec::new());
    found.rows = rows.len();
    for key in keys {
        let own: Vec<&OperatorMeasurement> = rows.iter().filter(|row| row.group == *key).collect();
        let mut skip = |rows: usize, reason: String| {
            if rows > 0 {
                found.skipped.push(Skipped { group: key.to_string(), rows, reason });
            }
        };
        let (machine, model) = match machine(key, find) {
            Ok((machine, runtime, name)) => {
                let model = fitted(&runtime, &name).filter(|_| machine.is_fitted(ExecutorId(0))).cloned();
                (machine, model)
            }
            Err(reason) => {
                skip(own.len(), reason);
                continue;
            }
        };
        let gpu = model.as_ref().and_then(|model| match Form::from_id(&model.form) {
            Some(Form::TfliteGpu(gpu)) => gpu_coefficients(model, gpu),
            _ => None,
        });
        let mut predictions: Vec<(&str, Vec<Prediction>)> = Vec::new();
        let (mut without, mut nowhere, mut fused) = (Vec::new(), 0, 0);
        let mut pairs: Vec<(Point, Option<bool>)> = Vec::new();
        for row in own {
            if row.kernel.contains(FUSED) {
                fused += 1;
                continue;
            }
            let at = match predictions.iter().position(|(name, _)| *name == row.model) {
                Some(at) => at,
                None => {
                    let network = networks.iter().find(|network| network.name == row.model);
                    let times = network.map(|n| predicted(&machine, gpu.as_ref(), &n.graph));
                    predictions.push((&row.model, times.unwrap_or_default()));
                    predictions.len() - 1
                }
            };
            let Some((_, times)) = predictions.get(at).filter(|(_, times)| !times.is_empty()) else {
                without.push(row.model.as_str());
                continue;
            };
            let Some((us, class)) = times.get(row.index).copied().flatten() else {
                nowhere += 1;
                continue;
            };
            let right = class.filter(|_| !row.kernel.is_empty());
            let right = right.map(|class| family_of_class(class) == family_of_kernel(&row.kernel));
            let family = networks.iter().find(|n| n.name == row.model).map(|n| n.family.clone());
            pairs.push((
                Point {
                    network: format!("{}#{}", row.model, row.index),
                    family: family.unwrap_or_default(),
                    predicted: us * 1e-3,
                    measured: row.latency_us * 1e-3,
                },
                right,
            ));
        }
        skip(fused, "kernels that run two operators, of which it is not known what is whose".to_owned());
        skip(
            nowhere,
            "the executor cannot run the operator, or the network has none of this op_index".to_owned(),
        );
        let rows = without.len();
        without.dedup();
        skip(rows, format!("no operators of {}", list(&without)));
        if let Some(score) = score(key, model.is_some(), &pairs) {
            found.rows_compared += score.rows;
            found.groups.push(score);
            found.points.push(pairs.into_iter().map(|(point, _)| point).collect());
        }
    }
    found
}

/// Times of all operators of a network; empty when the executor cannot run it at all.
fn predicted(machine: &Machine, gpu: Option<&Coefficients>, graph: &LoweredGraph) -> Vec<Prediction> {
    if let Some(coefficients) = gpu {
        let shapes = shapes(graph);
        let features = shapes.iter().map(|shape| Features::of(shape.as_ref()?, coefficients.gpu));
        return features.map(|f| f.map(|f| (coefficients.micros(&f), Some(f.class)))).collect();
    }
    let Ok(costs) = machine.cost_table(graph) else { return Vec::new() };
    (0..costs.operators() as u32)
        .map(|i| costs.get(i, ExecutorId(0)).map(|cost| ((cost.overhead + cost.alone).millis() * 1e3, None)))
        .collect()
}

fn score(key: &GroupKey, calibrated: bool, pairs: &[(Point, Option<bool>)]) -> Option<GroupScore> {
    let (predicted, measured): (Vec<f64>, Vec<f64>) =
        pairs.iter().map(|(p, _)| (p.predicted, p.measured)).unzip();
    let errors = error_metrics(&predicted, &measured)?;
    let mut absolute: Vec<f64> =
        pairs.iter().map(|(p, _)| 100.0 * (p.predicted / p.measured - 1.0).abs()).collect();
    absolute.sort_unstable_by(f64::total_cmp);
    let mut names: Vec<&str> = pairs.iter().filter_map(|(p, _)| p.network.split('#').next()).collect();
    names.sort_unstable();
    names.dedup();
    let told: Vec<bool> = pairs.iter().filter_map(|(_, right)| *right).collect();
    let right = told.iter().filter(|right| **right).count();
    Some(GroupScore {
        soc: key.soc.clone(),
        processor: key.processor.clone(),
        cores: key.cores.clone(),
        runtime: key.runtime.clone(),
        precision: key.precision.clone(),
        of: "operators",
        calibrated,
        networks: names.len(),
        rows: pairs.len(),
        mape_percent: errors.mape,
        bias_percent: errors.bias,
        median_ape_percent: quantile(&absolute, 0.5)?,
        p90_ape_percent: errors.p90,
        within_5_percent: errors.within_5,
        within_10_percent: errors.within_10,
        interval_level_percent: None,
        interval_coverage_percent: None,
        interval_relative_width: None,
        left_out_percent: None,
        kernel_choice_percent: (!told.is_empty()).then(|| 100.0 * right as f64 / told.len() as f64),
    })
}
