//! Time of an operator on cores of which too few networks were measured for a fit of every coefficient: a reference core's
//! equations with at most three factors.
//!
//! ```text
//! t = time x [3x3 at stride 1] window x (products, streaming, writing)      dense convolutions
//! t = time x light x (...)                                                  everything else, dispatch included
//! t += operator                                                             each operator: waking and joining threads
//! ```
//! The primed core's equations are those of [`super::tflite_cpu`] without im2col: runtimes that pack while they multiply, or use
//! Winograd, have none, and the window factor stands for the latter. Sets of cores differ by the same factors.
//! Source of the form: leave-network-out errors of ncnn on seven SoCs (docs/COST-MODEL-RESEARCH.md, section 5).
//! Validity: batch 1; a mixed set of cores only near the networks that it was fitted to.

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::shape::{Shape, ShapeKind};
use super::tflite_cpu::{self, COEFFICIENTS, Features, Setting};
use super::unlisted::Unlisted;

/// The factors, after the coefficients of the reference core.
pub const FACTORS: [CoefficientInfo; 4] = [
    CoefficientInfo {
        name: "scaled_time",
        role: Role::Time,
        of_sets: false,
        meaning: "time here / on the reference core",
    },
    CoefficientInfo {
        name: "scaled_window_3",
        role: Role::Ratio,
        of_sets: false,
        meaning: "on top, 3x3 convolutions at stride 1",
    },
    CoefficientInfo {
        name: "scaled_light",
        role: Role::Ratio,
        of_sets: false,
        meaning: "on top, everything but dense convolutions",
    },
    CoefficientInfo {
        name: "scaled_operator_us",
        role: Role::Time,
        of_sets: false,
        meaning: "each operator: waking and joining threads",
    },
];

/// Coefficients of the reference core that have no place here: im2col and the start of an inference.
const UNUSED: [&str; 3] = ["im2col_ns", "im2col_dram_ns", "inference_ms"];

/// The coefficients of the form: those of one reference core, then the factors.
#[must_use]
pub fn coefficients() -> Vec<&'static CoefficientInfo> {
    let reference = COEFFICIENTS.iter().filter(|info| !info.of_sets && !UNUSED.contains(&info.name));
    reference.chain(&FACTORS).collect()
}

/// The values of a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    reference: tflite_cpu::Coefficients,
    factors: [f64; FACTORS.len()],
}

/// The terms of an operator that the factors weigh, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Dense convolutions but 3x3 at stride 1.
    pub dense: f64,
    /// 3x3 convolutions at stride 1.
    pub window: f64,
    /// Everything else.
    pub light: f64,
}

impl Coefficients {
    /// Looks every coefficient up by name; `None` if one is missing.
    pub fn from_names(mut named: impl FnMut(&str) -> Option<f64>) -> Option<Self> {
        let mut factors = [1.0; FACTORS.len()];
        for (value, info) in factors.iter_mut().zip(&FACTORS) {
            *value = named(info.name)?;
        }
        let reference = tflite_cpu::Coefficients::from_names(false, |name| {
            if UNUSED.contains(&name) { Some(0.0) } else { named(name) }
        })?;
        Some(Self { reference, factors })
    }

    /// The terms of an operator before the factors, with the time that they come from.
    #[must_use]
    pub fn terms(&self, shape: &Shape, unlisted: &Unlisted, setting: &Setting) -> (Terms, FittedTime) {
        let one = Setting { cores: 1.0, ..*setting };
        let time = Features::of(shape, unlisted, &one).time(&self.reference, &one);
        let alone = time.alone;
        let mut terms = Terms { light: time.overhead, ..Terms::default() };
        if shape.kind != ShapeKind::Convolution {
            terms.light += alone;
        } else if shape.window() == 9.0 && shape.stride <= 1.0 {
            terms.window = alone;
        } else {
            terms.dense = alone;
        }
        (terms, time)
    }

    /// Time of an operator.
    #[must_use]
    pub fn time(&self, shape: &Shape, unlisted: &Unlisted, setting: &Setting) -> FittedTime {
        let (terms, time) = self.terms(shape, unlisted, setting);
        let [scale, window, light, operator] = self.factors;
        let dispatch = time.overhead * scale * light;
        let rest = scale * (terms.dense + window * terms.window + light * terms.light) - dispatch;
        let factor = if time.alone > 0.0 { rest / time.alone } else { 0.0 };
        let overhead = dispatch + operator * 1e-6 * setting.core_scale;
        // The factors weigh dispatch and execution of the reference alike; what is left of the dispatch goes with the core.
        let mut scaling = if time.alone > 0.0 { time.scaling.times(factor) } else { Straggler::FIXED };
        if time.alone <= 0.0 {
            scaling = Straggler { domains: 1, rest: Mix::core(rest), ..scaling };
        }
        FittedTime {
            overhead,
            overhead_scaling: Mix::core(overhead),
            scaling,
            alone: rest,
            compute: time.compute * factor,
            memory: time.memory * factor,
            dram_bytes: time.dram_bytes.min(rest * setting.dram_rate),
            kernel: time.kernel,
        }
    }
}
