//! Two processors on one piece of work: what a part costs beside the other one, and what joins them.
//!
//! Equations (times in microseconds, sizes in bytes; `alone` is what a part takes when nothing else runs):
//! ```text
//! first  = alone x first_slowdown + first_weight x spilled(weights of the part)
//! second = alone x second_slowdown + second_weight x spilled(weights of the part)
//!          + second_activation x max(0, bytes read and written - 256 KiB)
//! spilled(w) = min(max(w - 4 MiB, 0), 8 MiB)
//! cold   = traffic x (1 / rate(footprint of all pieces) - 1 / rate(footprint of one piece))
//! ```
//! The second processor starts `start` late, copies its input (`copy_in_factor` times what the copy takes alone: the
//! input is dirty in the other core's cache), computes, copies its part back; when both are done, the first one takes
//! the part over (`hand_back` and `merge` for each byte). Order and waiting are the simulation's business.
//!
//! Weights above 4 MiB cost more beside another core than alone, because measured alone each part stays in the cache
//! that both then share; a part's private copies do from 256 KiB on. A piece that follows other pieces finds its data
//! where a stream over all their data comes from; measured alone, where a stream over its own comes from.
//!
//! Fitted to 14 layers on one pair of x86 cores (docs/COST-MODELS.md). Validity: batch 1, two cores that share the
//! last cache level, layers of 40 us to 4 ms.

use crate::soc::CoExecution;

/// Number of constants that a fit moves; they come first in [`NAMES`].
pub const FITTED: usize = 10;

/// Names of the constants, with their units.
pub const NAMES: [&str; 12] = [
    "start_us",
    "first_slowdown",
    "second_slowdown",
    "copy_in_factor",
    "copy_out_factor",
    "hand_back_us",
    "merge_ns_per_byte",
    "first_weight_ns_per_byte",
    "second_weight_ns_per_byte",
    "second_activation_ns_per_byte",
    "copy_in_gb_per_s",
    "copy_out_gb_per_s",
];

/// Weight bytes of a part that stay cached beside the other processor's.
const WEIGHT_FREE: f64 = 4.0 * 1024.0 * 1024.0;
/// Weight bytes above which no more is lost.
const WEIGHT_SPAN: f64 = 8.0 * 1024.0 * 1024.0;
/// Bytes read and written by the second part that its private cache keeps.
const ACTIVATION_FREE: f64 = 256.0 * 1024.0;

/// The constants of [`CoExecution`], by meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constants {
    /// From the decision until the second processor begins.
    pub start_us: f64,
    /// Time of the first part beside the second / alone.
    pub first_slowdown: f64,
    /// Time of the second part beside the first / alone.
    pub second_slowdown: f64,
    /// Time of copying the input / alone.
    pub copy_in_factor: f64,
    /// Time of copying the result back / alone.
    pub copy_out_factor: f64,
    /// Until the first processor goes on when both are done.
    pub hand_back_us: f64,
    /// For each byte of the second part's result, on the first processor.
    pub merge_ns_per_byte: f64,
    /// For each byte of spilled weights of the first part.
    pub first_weight_ns_per_byte: f64,
    /// For each byte of spilled weights of the second part.
    pub second_weight_ns_per_byte: f64,
    /// For each spilled byte that the second part reads and writes.
    pub second_activation_ns_per_byte: f64,
    /// Rate of copying an input alone.
    pub copy_in_gb_per_s: f64,
    /// Rate of copying a result alone.
    pub copy_out_gb_per_s: f64,
}

/// A part of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// Time alone in microseconds.
    pub alone_us: f64,
    /// Constant bytes that it reads.
    pub weight_bytes: f64,
    /// Activation bytes that it reads and writes.
    pub activation_bytes: f64,
}

impl Constants {
    /// From the values in the order of [`NAMES`]; `None` for another number of them.
    #[must_use]
    pub fn from_slice(values: &[f64]) -> Option<Self> {
        let &[
            start_us,
            first_slowdown,
            second_slowdown,
            copy_in_factor,
            copy_out_factor,
            hand_back_us,
            merge_ns_per_byte,
            first_weight_ns_per_byte,
            second_weight_ns_per_byte,
            second_activation_ns_per_byte,
            copy_in_gb_per_s,
            copy_out_gb_per_s,
        ] = values
        else {
            return None;
        };
        Some(Self {
            start_us,
            first_slowdown,
            second_slowdown,
            copy_in_factor,
            copy_out_factor,
            hand_back_us,
            merge_ns_per_byte,
            first_weight_ns_per_byte,
            second_weight_ns_per_byte,
            second_activation_ns_per_byte,
            copy_in_gb_per_s,
            copy_out_gb_per_s,
        })
    }

    /// Those of a profile, whose reader has made sure that none is missing.
    #[must_use]
    pub fn of(profile: &CoExecution) -> Option<Self> {
        let value = |name: &str| profile.coefficients.iter().find(|c| c.name == name).map(|c| c.value);
        Self::from_slice(&NAMES.iter().map(|name| value(name)).collect::<Option<Vec<f64>>>()?)
    }

    /// Microseconds of a part on the first processor while the second one works.
    #[must_use]
    pub fn first_us(&self, part: &Part) -> f64 {
        part.alone_us * self.first_slowdown
            + spilled(part.weight_bytes) * self.first_weight_ns_per_byte * 1e-3
    }

    /// Microseconds of a part on the second processor while the first one works, without copies.
    #[must_use]
    pub fn second_us(&self, part: &Part) -> f64 {
        let activations = (part.activation_bytes - ACTIVATION_FREE).max(0.0);
        part.alone_us * self.second_slowdown
            + (spilled(part.weight_bytes) * self.second_weight_ns_per_byte
                + activations * self.second_activation_ns_per_byte)
                * 1e-3
    }

    /// Microseconds of copying an input of so many bytes when that has not been measured.
    #[must_use]
    pub fn copy_in_us(&self, bytes: f64) -> f64 {
        self.copy_in_factor * bytes / (self.copy_in_gb_per_s * 1e3)
    }

    /// Microseconds of copying a result of so many bytes when that has not been measured.
    #[must_use]
    pub fn copy_out_us(&self, bytes: f64) -> f64 {
        self.copy_out_factor * bytes / (self.copy_out_gb_per_s * 1e3)
    }

    /// Microseconds in which the first processor takes over a result of so many bytes, `hand_back` left out.
    #[must_use]
    pub fn merge_us(&self, bytes: f64) -> f64 {
        bytes * self.merge_ns_per_byte * 1e-3
    }
}

fn spilled(weight_bytes: f64) -> f64 {
    (weight_bytes - WEIGHT_FREE).clamp(0.0, WEIGHT_SPAN)
}

/// Bytes per second of a stream over `footprint` bytes, log-log between the points of a curve and constant outside of it;
/// `None` for an empty curve.
#[must_use]
pub fn streaming_rate(curve: &[(f64, f64)], footprint: f64) -> Option<f64> {
    let above = curve.iter().position(|&(bytes, _)| bytes >= footprint);
    let rate = match above {
        Some(0) => curve.first()?.1,
        None => curve.last()?.1,
        Some(i) => {
            let (&(low, slow), &(high, fast)) = (curve.get(i - 1)?, curve.get(i)?);
            let share = (footprint / low).ln() / (high / low).ln();
            (slow.ln() + share * (fast / slow).ln()).exp()
        }
    };
    Some(rate * 1e9)
}

/// What pieces that follow one another move, all together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Streams {
    /// Bytes read and written.
    pub traffic: f64,
    /// Distinct bytes.
    pub footprint: f64,
}

/// Microseconds by which `pieces` pieces in sequence take longer than each repeated alone; not below 0.
#[must_use]
pub fn cold_us(curve: &[(f64, f64)], streams: &Streams, pieces: usize) -> f64 {
    let rate = |footprint: f64| streaming_rate(curve, footprint);
    let (Some(together), Some(alone)) =
        (rate(streams.footprint), rate(streams.footprint / pieces.max(1) as f64))
    else {
        return 0.0;
    };
    (streams.traffic * (1.0 / together - 1.0 / alone) * 1e6).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVE: [(f64, f64); 3] = [(1e6, 100.0), (1e7, 80.0), (1e8, 20.0)];

    #[test]
    fn rates_fall_between_the_points() {
        assert_eq!(streaming_rate(&CURVE, 10.0), Some(100e9));
        assert_eq!(streaming_rate(&CURVE, 1e9), Some(20e9));
        let between = streaming_rate(&CURVE, 10f64.powf(7.5)).unwrap();
        assert!((between / 40e9 - 1.0).abs() < 1e-9, "{between}");
        assert_eq!(streaming_rate(&[], 1.0), None);
    }

    #[test]
    fn a_chain_is_colder_than_its_pieces() {
        let streams = Streams { traffic: 1e8, footprint: 1e8 };
        // 1e8 bytes at 20 instead of 80 GB/s: 5 ms - 1.25 ms.
        assert!((cold_us(&CURVE, &streams, 10) - 3750.0).abs() < 1e-6);
        assert_eq!(cold_us(&CURVE, &streams, 1), 0.0);
        assert_eq!(cold_us(&[], &streams, 4), 0.0);
    }
}
