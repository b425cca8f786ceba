//! Physical quantities as newtypes, with parsing of human notation (`16.7ms`, `585MHz`) and printing.
//!
//! Simulated time is an integer count of picoseconds ([`SimTime`], [`SimDuration`]); `u64` picoseconds
//! cover 213 days. Every other quantity is an `f64` in its SI unit.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// Picoseconds in one second.
pub const PS_PER_SECOND: u64 = 1_000_000_000_000;

/// Why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// The text does not start with a decimal number.
    #[error("`{text}` does not start with a decimal number")]
    NotANumber {
        /// The offending text.
        text: String,
    },
    /// The unit suffix is not one of the accepted ones.
    #[error("unknown unit `{unit}` in `{text}`; use one of {accepted}")]
    UnknownUnit {
        /// The offending text.
        text: String,
        /// The suffix found.
        unit: String,
        /// Accepted suffixes, comma separated.
        accepted: String,
    },
    /// The value is negative, not finite or too large to be represented.
    #[error("`{text}` is outside the range of this quantity (finite, not negative, representable)")]
    OutOfRange {
        /// The offending text.
        text: String,
    },
}

/// A point of simulated time, in picoseconds since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(pub u64);

/// A span of simulated time, in picoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(pub u64);

impl SimTime {
    /// The start of every run.
    pub const ZERO: Self = Self(0);
    /// Later than every event; the time of something that is not going to happen.
    pub const NEVER: Self = Self(u64::MAX);

    /// Seconds since the start of the run.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / PS_PER_SECOND as f64
    }

    /// Microseconds since the start of the run.
    #[must_use]
    pub fn micros(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Time elapsed since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// `self + span`, saturating at [`SimTime::NEVER`].
    #[must_use]
    pub fn saturating_add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Rounds a number of seconds to the nearest picosecond. Negative and NaN become zero; values
    /// beyond the range saturate, so callers check inputs first ([`SimDuration::try_from_seconds`]).
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        Self(nearest(seconds * PS_PER_SECOND as f64))
    }

    /// Rounds a number of microseconds to the nearest picosecond, like [`SimDuration::from_seconds`].
    #[must_use]
    pub fn from_micros(micros: f64) -> Self {
        Self(nearest(micros * 1e6))
    }

    /// As [`SimDuration::from_seconds`], refusing what is negative, not finite or above 2^63 ps (106 days).
    ///
    /// # Errors
    /// [`QuantityError::OutOfRange`] with the offending value.
    pub fn try_from_seconds(seconds: f64) -> Result<Self, QuantityError> {
        let ps = seconds * PS_PER_SECOND as f64;
        if seconds.is_finite() && seconds >= 0.0 && ps <= (1u64 << 63) as f64 {
            Ok(Self::from_seconds(seconds))
        } else {
            Err(QuantityError::OutOfRange { text: format!("{seconds} s") })
        }
    }

    /// Seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / PS_PER_SECOND as f64
    }

    /// Milliseconds.
    #[must_use]
    pub fn millis(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Microseconds.
    #[must_use]
    pub fn micros(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// The nearest integer, halves upwards. `f64::round` is a library call on plain x86-64, and planning rounds
/// every transfer; adding a half and truncating is exact below 2^52 and off by at most one above.
pub(crate) fn nearest(x: f64) -> u64 {
    (x + 0.5) as u64
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, span: SimDuration) -> Self {
        self.saturating_add(span)
    }
}

impl Add for SimDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl Sub for SimDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for SimDuration {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for SimDuration {
    /// Three significant digits with the unit that keeps the number between 1 and 1000.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&scaled(
            self.seconds(),
            &[(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"), (1e-12, "ps")],
        ))
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SimDuration(self.0), f)
    }
}

/// Prints `value` with the first scale that it reaches, three significant digits.
fn scaled(value: f64, scales: &[(f64, &str)]) -> String {
    if value == 0.0 {
        let unit = scales.iter().find(|(scale, _)| *scale == 1.0).or(scales.first());
        return unit.map_or_else(String::new, |(_, unit)| format!("0 {unit}"));
    }
    let Some(&(scale, unit)) =
        scales.iter().find(|(scale, _)| value.abs() >= *scale * 0.9995).or(scales.last())
    else {
        return String::new();
    };
    let x = value / scale;
    let decimals = if x.abs() >= 99.95 {
        0
    } else if x.abs() >= 9.995 {
        1
    } else {
        2
    };
    format!("{x:.decimals$} {unit}")
}

/// Splits `16.7ms` into its number and its unit suffix and multiplies by the unit's scale.
fn parse_with_units(text: &str, units: &[(&str, f64)]) -> Result<f64, QuantityError> {
    let trimmed = text.trim();
    let split = trimmed
        .char_indices()
        .find(|&(i, c)| {
            let exponent = matches!(c, 'e' | 'E')
                && trimmed[i + c.len_utf8()..]
                    .starts_with(|d: char| d.is_ascii_digit() || d == '-' || d == '+');
            let sign_of_exponent = matches!(c, '-' | '+') && i > 0 && trimmed[..i].ends_with(['e', 'E']);
            !(c.is_ascii_digit()
                || c == '.'
                || exponent
                || sign_of_exponent
                || (i == 0 && matches!(c, '-' | '+')))
        })
        .map_or(trimmed.len(), |(i, _)| i);
    let (number, unit) = (&trimmed[..split], trimmed[split..].trim());
    let value: f64 = number.parse().map_err(|_| QuantityError::NotANumber { text: text.to_owned() })?;
    let scale = units.iter().find(|(name, _)| *name == unit).map(|&(_, scale)| scale).ok_or_else(|| {
        QuantityError::UnknownUnit {
            text: text.to_owned(),
            unit: unit.to_owned(),
            accepted: units
                .iter()
                .map(|(name, _)| *name)
                .filter(|n| !n.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
        }
    })?;
    let result = value * scale;
    if result.is_finite() && result >= 0.0 {
        // Adding zero turns -0 into 0.
        Ok(result + 0.0)
    } else {
        Err(QuantityError::OutOfRange { text: text.to_owned() })
    }
}

impl std::str::FromStr for SimDuration {
    type Err = QuantityError;
    /// Accepts `ps`, `ns`, `us`, `ms`, `s`, `min`, `h`.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let seconds = parse_with_units(
            text,
            &[
                ("ps", 1e-12),
                ("ns", 1e-9),
                ("us", 1e-6),
                ("ms", 1e-3),
                ("s", 1.0),
                ("min", 60.0),
                ("h", 3600.0),
            ],
        )?;
        Self::try_from_seconds(seconds).map_err(|_| QuantityError::OutOfRange { text: text.to_owned() })
    }
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, print $print:expr, parse $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $name(pub f64);

        impl fmt::Display for $name {
            /// Three significant digits with a fitting prefix.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&scaled(self.0, $print))
            }
        }

        impl std::str::FromStr for $name {
            type Err = QuantityError;
            fn from_str(text: &str) -> Result<Self, QuantityError> {
                parse_with_units(text, $parse).map(Self)
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }
    };
}

quantity!(/// A frequency in hertz.
    Hertz, print &[(1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz")],
    parse &[("Hz", 1.0), ("kHz", 1e3), ("MHz", 1e6), ("GHz", 1e9)]);
quantity!(/// An amount of data in bytes. Whole for tensors, fractional in fluid flows.
    Bytes, print &[(1024.0 * 1024.0 * 1024.0, "GiB"), (1024.0 * 1024.0, "MiB"), (1024.0, "KiB"), (1.0, "B")],
    parse &[("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("KiB", 1024.0), ("MiB", 1048576.0), ("GiB", 1073741824.0)]);
quantity!(/// A data rate in bytes per second.
    BytesPerSec, print &[(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")],
    parse &[("B/s", 1.0), ("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9)]);
quantity!(/// A rate of arithmetic operations per second; one multiply-accumulate counts two.
    Flops, print &[(1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"), (1.0, "FLOP/s")],
    parse &[("FLOP/s", 1.0), ("MFLOP/s", 1e6), ("GFLOP/s", 1e9), ("TFLOP/s", 1e12)]);
quantity!(/// Electrical or thermal power in watts.
    Watts, print &[(1.0, "W"), (1e-3, "mW"), (1e-6, "uW")],
    parse &[("W", 1.0), ("mW", 1e-3), ("uW", 1e-6)]);
quantity!(/// Energy in joules.
    Joules, print &[(1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ")],
    parse &[("J", 1.0), ("mJ", 1e-3), ("kJ", 1e3)]);
quantity!(/// A temperature in degrees Celsius. Parsing refuses negative ones; profiles use numbers.
    Celsius, print &[(1e-300, "degC")],
    parse &[("degC", 1.0), ("C", 1.0)]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_and_print() {
        assert_eq!("16.7ms".parse::<SimDuration>().unwrap(), SimDuration(16_700_000_000));
        assert_eq!("1e3 us".parse::<SimDuration>().unwrap(), SimDuration(1_000_000_000));
        assert_eq!(SimDuration(16_700_000_000).to_string(), "16.7 ms");
        assert_eq!(SimDuration(0).to_string(), "0 s");
        assert!("-1ms".parse::<SimDuration>().is_err());
        assert!("5 parsec".parse::<SimDuration>().unwrap_err().to_string().contains("parsec"));
        assert!("1e400s".parse::<SimDuration>().is_err());
    }

    #[test]
    fn quantities_parse_and_print() {
        assert_eq!("585MHz".parse::<Hertz>().unwrap().0, 585e6);
        assert_eq!(Hertz(585e6).to_string(), "585 MHz");
        assert_eq!("25.6GB/s".parse::<BytesPerSec>().unwrap().0, 25.6e9);
        assert_eq!(Bytes(1536.0).to_string(), "1.50 KiB");
        assert!("0x10MHz".parse::<Hertz>().is_err());
        assert!("1,5GHz".parse::<Hertz>().is_err());
    }
}
