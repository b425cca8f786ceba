//! Slow-down through shared memory in three regions of a processor's own demand, in the manner of PCCS (MICRO 2021).
//!
//! With own demand `x`, external demand `y` (bytes per second both) and the relative speed `RS = 1 - loss`:
//!
//! | region | own demand | loss |
//! |---|---|---|
//! | minor | `x < normal_from` | `minor_loss y / peak`, at most `minor_loss` |
//! | normal | `x < intensive_from` | `normal_rate max(0, min(x + y, balance) - onset)` |
//! | intensive | beyond | `intensive_rate max(0, min(x + y, balance) - onset)` |
//!
//! The form is from a summary of the paper (its equations were not available: unverified), its names there: `minor_loss` MRMC, `peak` PBW, `onset`
//! TBWDC, `balance` CBP, rates rateN and rateI. One thing differs in runs ([`ThreeRegions::speed`]): a processor alone
//! keeps its speed, so that only the loss beyond the one that the same equation gives to it alone (`y = 0`, above `onset`) counts; below
//! the onset both are the same.

use crate::units::BytesPerSec;

/// Parameters of one processor. Demands and rates in bytes per second, losses as fractions of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThreeRegions {
    /// Own demand from which the normal region begins, at least 0.
    pub normal_from: f64,
    /// Own demand from which the intensive region begins, at least `normal_from`; infinite for processors without one.
    pub intensive_from: f64,
    /// Largest loss in the minor region, in [0, 1), reached when the external demand is the peak of the memory.
    pub minor_loss: f64,
    /// Loss for every byte per second beyond the onset in the normal region.
    pub normal_rate: f64,
    /// The same in the intensive region.
    pub intensive_rate: f64,
    /// Total demand that is served without loss.
    pub onset: f64,
    /// Total demand beyond which the loss does not grow.
    pub balance: f64,
    /// Peak of the memory; above 0.
    pub peak: f64,
}

impl ThreeRegions {
    /// Slowest relative speed that the model may give: the line has no meaning where it would stop a processor.
    pub const FLOOR: f64 = 0.01;

    /// The equation as published: loss at own demand `own` and external demand `external`, at least 0.
    #[must_use]
    pub fn loss(&self, own: BytesPerSec, external: BytesPerSec) -> f64 {
        let (x, y) = (own.0.max(0.0), external.0.max(0.0));
        if x < self.normal_from {
            return self.minor_loss * (y / self.peak.max(1.0)).min(1.0);
        }
        let rate = if x < self.intensive_from { self.normal_rate } else { self.intensive_rate };
        rate * ((x + y).min(self.balance) - self.onset).max(0.0)
    }

    /// Relative speed in (0, 1] beside others: 1 alone, and never rising with the external demand.
    #[must_use]
    pub fn speed(&self, own: BytesPerSec, external: BytesPerSec) -> f64 {
        if own.0 <= 0.0 || external.0 <= 0.0 {
            return 1.0;
        }
        let beyond = self.loss(own, external) - self.loss(own, BytesPerSec(0.0));
        (1.0 - beyond.max(0.0)).clamp(Self::FLOOR, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invented but for the minor region: 38.1 and 96.2 GB/s, 4.9 % at 127.5 GB/s are the constants that the HaX-CoNN
    /// artifact names for the GPU of a Xavier AGX (their unit is not declared there).
    const GPU: ThreeRegions = ThreeRegions {
        normal_from: 38.1e9,
        intensive_from: 96.2e9,
        minor_loss: 0.049,
        normal_rate: 0.006e-9,
        intensive_rate: 0.0111e-9,
        onset: 60e9,
        balance: 110e9,
        peak: 127.5e9,
    };

    fn gb(x: f64) -> BytesPerSec {
        BytesPerSec(x * 1e9)
    }

    fn loss(x: f64, y: f64) -> f64 {
        GPU.loss(gb(x), gb(y))
    }

    /// Every branch of the equation against arithmetic by hand; a rate taken from the wrong region, a missing limit at
    /// the balance point or demands that are not added would each miss one of these.
    #[test]
    fn losses_by_hand() {
        let points = [
            // Minor: 0.049 x 38.1 / 127.5 = 0.014642; the artifact's factor for it is 100 / (100 - 1.4642) = 1.01486.
            (20.0, 38.1, 0.014_642_353),
            (20.0, 127.5, 0.049),
            // Demand beyond the peak costs no more.
            (20.0, 300.0, 0.049),
            // Normal: 40 + 10 = 50 < 60.
            (40.0, 10.0, 0.0),
            // 40 + 20 = 60: the onset itself.
            (40.0, 20.0, 0.0),
            // 0.006 x (40 + 40 - 60) = 0.12.
            (40.0, 40.0, 0.12),
            // Flat: 0.006 x (110 - 60) = 0.30.
            (40.0, 70.0, 0.30),
            (40.0, 90.0, 0.30),
            // Boundaries belong to the region above: 0.006 x (38.1 + 30 - 60) = 0.0486.
            (38.1, 30.0, 0.0486),
            // Intensive: 0.0111 x (96.2 + 5 - 60) = 0.45732; alone 0.0111 x 36.2 = 0.40182.
            (96.2, 5.0, 0.457_32),
            (96.2, 0.0, 0.401_82),
            // 0.0111 x (110 - 60) = 0.555.
            (100.0, 50.0, 0.555),
        ];
        for (x, y, expected) in points {
            assert!((loss(x, y) - expected).abs() < 1e-8, "{x} {y}: {} for {expected}", loss(x, y));
        }
        assert!((1.0 / (1.0 - loss(20.0, 38.1)) - 1.014_86).abs() < 1e-5);
    }

    /// Runs must leave a processor alone at its speed, must not jump when somebody begins to ask for a byte, and must slow
    /// nobody less when others ask for more.
    #[test]
    fn speeds_begin_at_one_and_fall() {
        for x in [1.0, 38.0, 38.1, 59.0, 70.0, 96.1, 96.2, 109.0, 130.0] {
            assert_eq!(GPU.speed(gb(x), gb(0.0)), 1.0);
            assert!((GPU.speed(gb(x), BytesPerSec(1.0)) - 1.0).abs() < 1e-9, "{x}");
            let speeds: Vec<f64> = (0..200).map(|y| GPU.speed(gb(x), gb(f64::from(y)))).collect();
            assert!(speeds.windows(2).all(|w| w[1] <= w[0]) && speeds.iter().all(|s| *s > 0.0), "{x}");
        }
        // Beyond the onset alone: 0.45732 - 0.40182 = 0.0555 = 0.0111 x 5.
        assert!((GPU.speed(gb(96.2), gb(5.0)) - 0.9445).abs() < 1e-9);
        assert!((GPU.speed(gb(40.0), gb(40.0)) - 0.88).abs() < 1e-9);
        let steep = ThreeRegions { intensive_rate: 1e-9, ..GPU };
        assert_eq!(steep.speed(gb(100.0), gb(50.0)), ThreeRegions::FLOOR);
        let two = ThreeRegions { intensive_from: f64::INFINITY, ..GPU };
        assert!((two.loss(gb(100.0), gb(50.0)) - 0.30).abs() < 1e-9);
    }
}
