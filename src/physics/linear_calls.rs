//! A cost model of three coefficients, for processors of which only totals of a few networks are known.
//!
//! `t = multiply-accumulates / rate + operator_us + group_us x (groups - 1)`
//!
//! A grouped convolution runs as a call for each group, with slices and joins around (grouped convolutions of TensorFlow Lite behind converters that know
//! none). Activations, memory and threads are not told apart. Source of the form: this project; NN-Stretch (MobiSys 2023) publishes six networks on three processors.

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::shape::{Shape, ShapeKind};
use super::tflite_cpu::Setting;

const fn info(name: &'static str, role: Role, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role, of_sets: false, meaning }
}

/// The coefficients, in the order of [`Coefficients`].
pub static COEFFICIENTS: [CoefficientInfo; 3] = [
    info("macs_per_us", Role::Rate, "multiply-accumulates in a microsecond"),
    info("operator_us", Role::Time, "overhead of an operator"),
    info("group_us", Role::Time, "overhead of each further group of a convolution"),
];

/// Values of [`COEFFICIENTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients(pub [f64; 3]);

impl Coefficients {
    /// The values by name; `None` if one is missing.
    #[must_use]
    pub fn from_names(named: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let mut values = [0.0; 3];
        for (value, info) in values.iter_mut().zip(&COEFFICIENTS) {
            *value = named(info.name)?;
        }
        Some(Self(values))
    }

    /// Time of an operator.
    #[must_use]
    pub fn time(&self, shape: &Shape, setting: &Setting) -> FittedTime {
        let [rate, operator, group] = self.0;
        let groups = shape.groups.max(1.0);
        let (macs, calls) = match shape.kind {
            ShapeKind::Convolution | ShapeKind::Grouped => (
                shape.out_pixels() * shape.out_channels * shape.window() * shape.in_channels / groups,
                groups - 1.0,
            ),
            ShapeKind::Depthwise => (shape.out_pixels() * shape.out_channels * shape.window(), 0.0),
            ShapeKind::FullyConnected => (shape.in_channels * shape.out_channels, 0.0),
            _ => (0.0, 0.0),
        };
        let alone = macs / rate * 1e-6 * setting.core_scale;
        let overhead = (operator + group * calls) * 1e-6 * setting.core_scale;
        FittedTime {
            overhead,
            alone,
            compute: alone,
            memory: 0.0,
            dram_bytes: 0.0,
            overhead_scaling: Mix::core(overhead),
            scaling: Straggler { domains: 1, rest: Mix::core(alone), ..Straggler::FIXED },
            kernel: "linear",
        }
    }
}
