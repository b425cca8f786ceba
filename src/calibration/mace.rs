//! Fitting MACE's forms to few networks: at most three coefficients, everything else from the kernels' structure.
//!
//! The published totals are five networks for each processor, too few for a coefficient of every kernel. What is fitted are three levels of compute (CPU) or one of
//! compute and two of traffic (GPU); priors are round numbers that hold for every chip. Coefficients
//! that are not fitted come into the profile with a width of 0.

use super::calibrate::{AT_PRIOR, CalibrateError, Calibration, Folds, ModelFit, refuse};
use super::fit::{Fitting, Prior};
use super::goal::{Goal, Sample, find};
use super::simulated::inference_ms;
use super::tables::groups;
use crate::physics::Form;
use crate::physics::mace_gpu::Storage;
use crate::soc::{Coefficient, ExecutorId, Target};

/// Most coefficients that are fitted.
pub const MOST_FITTED: usize = 3;

/// Fewest networks for them.
pub const FEWEST_NETWORKS: usize = MOST_FITTED + 1;

/// Where the loss turns from square to linear: published bars were read off figures, which costs 2 to 3 % on the shortest.
const SCALE: f64 = 0.05;

/// A coefficient with its expected value and the standard deviation of its logarithm; without one it is not fitted.
type Belief = (&'static str, f64, Option<f64>);

/// CPU: three kinds of kernel, each with a level of its own. `general_slowdown` was chosen among small whole numbers on the Snapdragon 855;
/// `memory_share` is the middle of what free fits of the four published chips give (0.31 to 0.54), which only one network tells. Both hold for
/// all chips.
const CPU: [Belief; 7] = [
    ("product_efficiency", 0.7, Some(0.3)),
    ("direct_efficiency", 0.8, Some(0.5)),
    ("memory_share", 0.45, None),
    ("general_slowdown", 2.0, None),
    ("transform_operations", 80.0, Some(0.7)),
    ("dispatch_us", 10.0, None),
    ("inference_us", 20.0, None),
];

/// Images: a tenth of peak, as published for single convolutions; launch and inference from published times of enqueuing.
const IMAGE: [Belief; 6] = [
    ("efficiency", 0.11, Some(0.5)),
    ("weight_share", 0.4, Some(0.5)),
    ("activation_share", 0.6, Some(0.5)),
    ("channel_step", 16.0, None),
    ("launch_us", 30.0, None),
    ("inference_us", 300.0, None),
];

/// Buffers: the same beliefs about traffic; compute without the texture cache at a lower rate.
const BUFFER: [Belief; 6] = [
    ("efficiency", 0.1, Some(0.7)),
    ("weight_share", 0.2, Some(0.7)),
    ("activation_share", 0.4, Some(0.7)),
    ("channel_step", 4.0, None),
    ("launch_us", 50.0, None),
    ("inference_us", 300.0, None),
];

impl Form {
    /// What is believed about the coefficients of MACE's forms; `None` for forms that need many networks.
    #[must_use]
    fn beliefs(self) -> Option<&'static [Belief]> {
        match self {
            Self::MaceCpu => Some(&CPU),
            Self::MaceGpu(Storage::Image) => Some(&IMAGE),
            Self::MaceGpu(Storage::Buffer) => Some(&BUFFER),
            Self::TfliteCpu
            | Self::TfliteGpu(_)
            | Self::TransferredGpu(_)
            | Self::ScaledCpu
            | Self::HexagonHtp
            | Self::LinearCalls => None,
        }
    }
}

impl Goal<'_> {
    /// Calibrates one executor of MACE.
    pub(super) fn mace(&self) -> Result<Calibration, CalibrateError> {
        let form = match &self.executor.target {
            Target::Cores(_) => Form::MaceCpu,
            Target::Device(id) => {
                let device = self.start.soc.devices.iter().find(|device| device.id == *id);
                let title = device.map_or("", |device| device.title.as_str());
                // MACE uses images where the texture cache pays, and buffers on Mali.
                Form::MaceGpu(if title.starts_with("Mali") { Storage::Buffer } else { Storage::Image })
            }
        };
        let beliefs = form.beliefs().unwrap_or_default();
        let all = groups(self.start.rows);
        let own = all.iter().find(|(key, _)| key == self.group).map_or(&[][..], |(_, models)| models);
        let samples: Vec<Sample<'_>> = self
            .start
            .networks
            .iter()
            .filter_map(|network| Some((network, find(own, &network.name)?)))
            .collect();
        if samples.len() < FEWEST_NETWORKS {
            return Err(refuse(
                format!("only {} networks have operators and a row", samples.len()),
                "three coefficients need at least 4 networks",
            ));
        }
        self.assess(
            form,
            &samples,
            &|training| self.fit_few(form, beliefs, &samples, training),
            Folds::Families,
        )
    }

    fn fit_few(
        &self,
        form: Form,
        beliefs: &'static [Belief],
        samples: &[Sample<'_>],
        training: &[usize],
    ) -> ModelFit {
        let free: Vec<usize> = (0..beliefs.len()).filter(|&i| beliefs[i].2.is_some()).collect();
        let coefficients = |values: &[f64], widths: &[f64]| -> Vec<Coefficient> {
            beliefs
                .iter()
                .enumerate()
                .map(|(i, (name, expected, _))| {
                    let slot = free.iter().position(|&f| f == i);
                    Coefficient {
                        name: (*name).to_owned(),
                        value: slot.map_or(*expected, |slot| values[slot]),
                        width: slot.map_or(0.0, |slot| widths[slot]),
                    }
                })
                .collect()
        };
        let still = vec![0.0; free.len()];
        let predict = |values: &[f64]| -> Vec<f64> {
            let model = ModelFit {
                coefficients: coefficients(values, &still),
                residual: Vec::new(),
                at_prior: Vec::new(),
                condition: 1.0,
            };
            let machine = self.machine_with(self.model_of(form, samples.len(), model));
            training
                .iter()
                .map(|&i| {
                    // A failure counts as infinitely wrong, so that no step leads there.
                    let graph = &samples[i].0.graph;
                    machine.as_ref().ok().and_then(|m| inference_ms(m, ExecutorId(0), graph).ok())
                })
                .map(|ms| ms.unwrap_or(f64::INFINITY))
                .collect()
        };
        let measured: Vec<f64> = training.iter().map(|&i| samples[i].1).collect();
        let priors: Vec<Prior> = free
            .iter()
            .map(|&i| Prior { mean: beliefs[i].1.ln(), width: beliefs[i].2.unwrap_or(1.0) })
            .collect();
        let fitted = Fitting {
            predict: &predict,
            measured: &measured,
            weights: &vec![1.0; measured.len()],
            priors: &priors,
            scale: SCALE,
            iterations: self.start.iterations,
        }
        .solve();
        let at_prior = free
            .iter()
            .enumerate()
            .filter(|&(slot, _)| fitted.widths[slot] > AT_PRIOR * priors[slot].width)
            .map(|(_, &i)| beliefs[i].0)
            .collect();
        ModelFit {
            coefficients: coefficients(&fitted.values(), &fitted.widths),
            residual: Vec::new(),
            at_prior,
            condition: fitted.condition,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_fits_more_than_three_coefficients_and_all_are_named() {
        for form in Form::ALL {
            let Some(beliefs) = form.beliefs() else { continue };
            assert_eq!(beliefs.iter().filter(|b| b.2.is_some()).count(), MOST_FITTED);
            let known: Vec<&str> = form.coefficients(4).iter().map(|info| info.name).collect();
            assert_eq!(beliefs.iter().map(|b| b.0).collect::<Vec<_>>(), known);
        }
    }
}
