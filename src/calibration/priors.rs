//! What is believed about coefficients before a fit: one CPU core of the Cortex-A76 class, scaled to the core at hand.
//!
//! Values are in the order of [`crate::physics::tflite_cpu::COEFFICIENTS`]; widths are standard deviations of the
//! logarithm before [`TIGHTENING`]. They were chosen once, on one core of one chip, and serve all others after one
//! common factor is taken out; the tightening was chosen by leave-family-out error among 1, 0.5, 0.35 and 0.2.

use super::fit::Prior;
use crate::physics::Role;
use crate::physics::tflite_cpu::COEFFICIENTS;
use crate::soc::Precision;

/// Factor on all widths of one-core coefficients: wider priors over-fit a few dozen networks.
pub const TIGHTENING: f64 = 0.35;

/// Coefficients of a single core.
pub const ONE_CORE: usize = 28;

/// Core designs that issue in order; their reference kernel for grouped convolutions is slower still.
const IN_ORDER: [&str; 4] = ["Cortex-A53", "Cortex-A55", "Cortex-A510", "Cortex-A520"];

const FP32: [(f64, f64); ONE_CORE] = [
    (3.0, 0.7),
    (41.0, 0.3),
    (46.0, 0.3),
    (0.5, 0.7),
    (0.025, 0.5),
    (0.03, 0.7),
    (0.04, 0.7),
    (2.0, 0.2),
    (0.5, 0.7),
    (0.3, 0.7),
    (0.8, 0.7),
    (0.2, 1.0),
    (0.13, 0.5),
    (0.13, 0.5),
    (0.25, 0.5),
    (0.5, 0.5),
    (1.2, 0.3),
    (2.4, 1.0),
    (9.0, 0.5),
    (0.2, 0.5),
    (0.3, 0.7),
    (0.7, 0.7),
    (0.1, 1.0),
    (0.05, 1.0),
    (0.1, 1.0),
    (1.0, 0.7),
    (0.5, 0.7),
    (1.7, 0.7),
];

const INT8: [(f64, f64); ONE_CORE] = [
    (3.0, 0.7),
    (130.0, 0.3),
    (140.0, 0.3),
    (1.0, 0.7),
    (0.02, 0.5),
    (0.03, 0.7),
    (0.04, 0.7),
    (2.0, 0.2),
    (0.6, 0.7),
    (0.15, 0.7),
    (0.2, 0.7),
    (0.1, 1.0),
    (0.13, 0.5),
    (0.2, 0.5),
    (0.3, 0.5),
    (0.5, 0.5),
    (1.2, 0.3),
    (2.4, 1.0),
    (9.0, 0.5),
    (0.2, 0.5),
    (0.5, 0.7),
    (0.7, 0.7),
    (0.1, 1.0),
    (0.05, 1.0),
    (0.1, 1.0),
    (3.0, 1.5),
    (1.0, 2.0),
    (4.0, 1.5),
];

/// Coefficients that only sets of cores have; the first two take the speed of the straggler into account.
const SETS: [(f64, f64); COEFFICIENTS.len() - ONE_CORE] =
    [(0.9, 0.3), (0.9, 0.3), (0.6, 0.4), (3.0, 0.7), (0.5, 0.7), (1.0, 0.15)];

/// Whether a core design issues in order.
#[must_use]
pub fn is_in_order(core_type: &str) -> bool {
    // A longer number that begins alike is another design.
    IN_ORDER.iter().any(|name| {
        core_type
            .match_indices(name)
            .any(|(at, _)| !core_type[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// Priors of one core that takes `exp(scale)` times as long as the reference core.
#[must_use]
pub fn one_core(precision: Precision, scale: f64, in_order: bool) -> Vec<Prior> {
    let (table, grouped) = match precision {
        Precision::Int8 => (&INT8, 1.4f64),
        Precision::Fp32 | Precision::Fp16 => (&FP32, 2.5),
    };
    table
        .iter()
        .zip(&COEFFICIENTS)
        .map(|((value, width), info)| {
            let shift = match info.role {
                Role::Rate => -scale,
                Role::Time => scale,
                Role::Ratio => 0.0,
            };
            let slower = if in_order && info.name == "grouped_gflops" { grouped.ln() } else { 0.0 };
            Prior { mean: value.ln() + shift - slower, width: width * TIGHTENING }
        })
        .collect()
}

/// Priors of a set of cores: near the base core's fit, and the law of sets. `straggler` is the speed of the slowest
/// core in units of the base core.
#[must_use]
pub fn core_set(base: &[f64], straggler: f64) -> Vec<Prior> {
    let one = base.iter().take(ONE_CORE).zip(&COEFFICIENTS).map(|(logarithm, info)| {
        let width = match info.name {
            "dispatch_us" => 0.3,
            "inference_ms" => 0.5,
            _ => 0.12,
        };
        Prior { mean: *logarithm, width }
    });
    let set = SETS.iter().enumerate().map(|(i, (value, width))| {
        let speed = if i < 2 { straggler.ln() } else { 0.0 };
        Prior { mean: value.ln() + speed, width: *width }
    });
    one.chain(set).collect()
}

/// What is believed about the law of a set of cores of which nothing was measured: names and values.
#[must_use]
pub fn law(straggler: f64) -> Vec<(&'static str, f64)> {
    let set = COEFFICIENTS.iter().skip(ONE_CORE).zip(&SETS).enumerate();
    set.map(|(i, (info, (value, _)))| (info.name, value * if i < 2 { straggler } else { 1.0 })).collect()
}

/// Factor on the widths of 8-bit products between cores: one with dot-product instructions has four times the peak of one without, and
/// nothing else changes with it.
const DOT_PRODUCT: f64 = 4.0;

/// How far coefficients differ between cores once one factor is taken out: standard deviations of the logarithm, those of sets last.
#[must_use]
pub fn transfer_widths(precision: Precision) -> Vec<f64> {
    let wider =
        |name: &str| precision == Precision::Int8 && (name == "gemm_gflops" || name == "gemm_1x1_gflops");
    let one = one_core(precision, 0.0, false).into_iter().zip(&COEFFICIENTS);
    let one = one.map(|(prior, info)| prior.width * if wider(info.name) { DOT_PRODUCT } else { 1.0 });
    one.chain(SETS.iter().map(|(_, width)| *width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_core_has_longer_times_and_lower_rates() {
        let (fast, slow) = (one_core(Precision::Fp32, 0.0, false), one_core(Precision::Fp32, 1.0, true));
        let of = |priors: &[Prior], name: &str| {
            priors[COEFFICIENTS.iter().position(|info| info.name == name).unwrap()].mean
        };
        assert!((of(&slow, "im2col_ns") - of(&fast, "im2col_ns") - 1.0).abs() < 1e-12);
        assert!((of(&slow, "gemm_gflops") - of(&fast, "gemm_gflops") + 1.0).abs() < 1e-12);
        assert_eq!(of(&slow, "combination_exponent"), of(&fast, "combination_exponent"));
        assert!(of(&slow, "grouped_gflops") < of(&fast, "grouped_gflops") - 1.5);
        assert_eq!(core_set(&[0.0; ONE_CORE], 0.5).len(), COEFFICIENTS.len());
        assert!(is_in_order("Kryo 485 Silver (Cortex-A55)") && !is_in_order("Cortex-A76"));
    }
}
