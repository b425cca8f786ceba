//! Vendor throttling tables, hardware limits, and sensors.

use crate::units::{Celsius, Hertz};

/// What a thermal rule forbids at present.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Caps {
    /// Highest clocks by cluster or device; a processor that is not named is free.
    pub clocks: Vec<(String, Hertz)>,
    /// Cores taken offline by cluster.
    pub offline: Vec<(String, u32)>,
}

impl Caps {
    /// The highest clock of a processor; `None` is free.
    #[must_use]
    pub fn clock(&self, processor: &str) -> Option<Hertz> {
        self.clocks.iter().find(|(id, _)| id == processor).map(|(_, clock)| *clock)
    }

    /// Cores of a cluster that are offline.
    #[must_use]
    pub fn offline(&self, cluster: &str) -> u32 {
        self.offline.iter().find(|(id, _)| id == cluster).map_or(0, |(_, cores)| *cores)
    }
}

/// One row of a vendor's table: entered at `trip`, left below `clear`.
#[derive(Debug, Clone, PartialEq)]
pub struct ThrottleStep {
    /// Temperature at which it takes effect.
    pub trip: Celsius,
    /// Temperature below which the row before it takes effect again; at most `trip`.
    pub clear: Celsius,
    /// What it forbids; complete, not added to the rows before it.
    pub caps: Caps,
}

/// A vendor's throttling table, as user space services such as thermal-engine play it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThrottleTable {
    steps: Vec<ThrottleStep>,
    level: usize,
}

impl ThrottleTable {
    /// Rows by ascending trip; they are sorted if they are not.
    #[must_use]
    pub fn new(mut steps: Vec<ThrottleStep>) -> Self {
        steps.sort_by(|a, b| a.trip.0.total_cmp(&b.trip.0));
        Self { steps, level: 0 }
    }

    /// Takes a reading; whether the caps have changed.
    pub fn update(&mut self, temperature: Celsius) -> bool {
        let before = self.level;
        while self.steps.get(self.level).is_some_and(|step| temperature.0 >= step.trip.0) {
            self.level += 1;
        }
        while self.level > 0
            && self.steps.get(self.level - 1).is_some_and(|step| temperature.0 < step.clear.0)
        {
            self.level -= 1;
        }
        self.level != before
    }

    /// Number of rows in effect.
    #[must_use]
    pub const fn level(&self) -> usize {
        self.level
    }

    /// What is forbidden; `None` below the first row.
    #[must_use]
    pub fn caps(&self) -> Option<&Caps> {
        self.steps.get(self.level.checked_sub(1)?).map(|step| &step.caps)
    }
}

/// The limit that hardware enforces by itself: above it, everything runs at its slowest step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardwareLimit {
    trip: Celsius,
    hysteresis: f64,
    active: bool,
}

impl HardwareLimit {
    /// Active from `trip` until the temperature is `hysteresis` kelvin below it.
    #[must_use]
    pub const fn new(trip: Celsius, hysteresis: f64) -> Self {
        Self { trip, hysteresis, active: false }
    }

    /// Takes a temperature; whether the limit is active.
    pub fn update(&mut self, temperature: Celsius) -> bool {
        let threshold = if self.active { self.trip.0 - self.hysteresis } else { self.trip.0 };
        self.active = temperature.0 >= threshold;
        self.active
    }

    /// The temperature at which it acts.
    #[must_use]
    pub const fn trip(&self) -> Celsius {
        self.trip
    }
}

/// What a sensor reports: the temperature rounded down to a multiple of its resolution in kelvin; resolutions that are
/// not positive report it exactly.
#[must_use]
pub fn reading(temperature: Celsius, resolution: f64) -> Celsius {
    // A millionth of slack: 45.0 must not read 44.9 because of its binary form.
    if resolution > 0.0 {
        Celsius(((temperature.0 / resolution) + 1e-6).floor() * resolution)
    } else {
        temperature
    }
}

/// A temperature in millidegrees, as the kernel's governors take it.
#[must_use]
pub fn millidegrees(temperature: Celsius) -> i32 {
    (temperature.0 * 1e3).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first rows of the Xperia 1 (AndroidBlobs/vendor_sony_J8110@8744354d thermal-engine.conf).
    fn table() -> ThrottleTable {
        let row = |trip, clear, prime: f64, gold_offline| ThrottleStep {
            trip: Celsius(trip),
            clear: Celsius(clear),
            caps: Caps {
                clocks: vec![("prime".into(), Hertz(prime * 1e6))],
                offline: vec![("gold".into(), gold_offline)],
            },
        };
        ThrottleTable::new(vec![
            row(43.5, 43.0, 2419.2, 0),
            row(43.0, 42.0, 2649.6, 0),
            row(44.0, 43.5, 2227.2, 1),
        ])
    }

    #[test]
    fn rows_are_entered_and_left_with_hysteresis() {
        let mut table = table();
        let levels = [42.9, 43.0, 43.6, 43.2, 42.9, 42.0, 41.9, 50.0, 43.4].map(|t| {
            table.update(Celsius(t));
            table.level()
        });
        // 43.2 is above the clearing 43.0 of row 2; 42.9 above the 42.0 of row 1; 50 enters all; 43.4 leaves row 3.
        assert_eq!(levels, [0, 1, 2, 2, 1, 1, 0, 3, 2]);
        assert!(table.update(Celsius(44.0)));
        assert!(!table.update(Celsius(44.0)));
        let caps = table.caps().unwrap();
        assert_eq!((caps.clock("prime"), caps.clock("gpu")), (Some(Hertz(2.2272e9)), None));
        assert_eq!((caps.offline("gold"), caps.offline("silver")), (1, 0));
        table.update(Celsius(20.0));
        assert_eq!(table.caps(), None);
    }

    #[test]
    fn the_hardware_limit_has_its_hysteresis() {
        let mut limit = HardwareLimit::new(Celsius(95.0), 5.0);
        assert_eq!(
            [94.9, 95.0, 90.1, 89.9, 94.0].map(|t| limit.update(Celsius(t))),
            [false, true, true, false, false]
        );
    }

    #[test]
    fn sensors_round_down() {
        assert_eq!(reading(Celsius(45.09), 0.1).0, 45.0);
        assert!((reading(Celsius(45.3), 0.1).0 - 45.3).abs() < 1e-9);
        assert_eq!(reading(Celsius(45.99), 1.0), Celsius(45.0));
        assert_eq!(reading(Celsius(45.123), 0.0), Celsius(45.123));
        assert_eq!(millidegrees(Celsius(45.0009)), 45_001);
    }
}
