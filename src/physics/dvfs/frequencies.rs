//! The clock steps of one domain in the kernel's unit, and the ways in which a request is rounded to a step.

use crate::soc::OppTable;
use crate::units::Hertz;

/// Ascending clocks of one domain in kHz, the unit in which governors compute. At least one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequencies {
    khz: Vec<u64>,
}

impl Frequencies {
    /// The clocks of a table, each rounded to 1 kHz; steps that coincide or descend are dropped. An empty
    /// table becomes one step of 1 kHz.
    #[must_use]
    pub fn of(table: &OppTable) -> Self {
        Self::from_khz(table.points.iter().map(|opp| (opp.clock.0 / 1e3 + 0.5) as u64))
    }

    /// As [`Frequencies::of`], from kHz.
    #[must_use]
    pub fn from_khz(clocks: impl IntoIterator<Item = u64>) -> Self {
        let mut khz: Vec<u64> = Vec::new();
        for clock in clocks {
            let clock = clock.max(1);
            if khz.last().is_none_or(|last| *last < clock) {
                khz.push(clock);
            }
        }
        if khz.is_empty() {
            khz.push(1);
        }
        Self { khz }
    }

    /// Number of steps.
    #[must_use]
    pub fn count(&self) -> usize {
        self.khz.len()
    }

    /// Index of the fastest step.
    #[must_use]
    pub fn top(&self) -> usize {
        self.khz.len() - 1
    }

    /// Clock of a step in kHz; an index beyond the table is the fastest step.
    #[must_use]
    pub fn khz(&self, step: usize) -> u64 {
        self.khz.get(step).or(self.khz.last()).copied().unwrap_or(1)
    }

    /// Clock of a step.
    #[must_use]
    pub fn clock(&self, step: usize) -> Hertz {
        Hertz(self.khz(step) as f64 * 1e3)
    }

    /// `CPUFREQ_RELATION_L`: the slowest step at or above `khz`, else the fastest.
    #[must_use]
    pub fn at_least(&self, khz: u64) -> usize {
        self.khz.partition_point(|step| *step < khz).min(self.top())
    }

    /// `CPUFREQ_RELATION_H`: the fastest step at or below `khz`, else the slowest.
    #[must_use]
    pub fn at_most(&self, khz: u64) -> usize {
        self.khz.partition_point(|step| *step <= khz).saturating_sub(1)
    }

    /// `CPUFREQ_RELATION_C`: the nearest step; of two equally near ones the slower
    /// (`cpufreq_table_find_index_ac`).
    #[must_use]
    pub fn closest(&self, khz: u64) -> usize {
        let above = self.at_least(khz);
        let below = self.at_most(khz);
        let (high, low) = (self.khz(above), self.khz(below));
        if low >= khz || khz - low > high.saturating_sub(khz) { above } else { below }
    }

    /// Clock of a step as a share of the fastest, in 1/1024 (`arch_scale_freq_capacity`).
    #[must_use]
    pub fn scale(&self, step: usize) -> u64 {
        self.khz(step) * 1024 / self.khz(self.top())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_rounded_as_the_kernel_does() {
        let table = Frequencies::from_khz([100, 200, 400]);
        assert_eq!([0, 100, 101, 400, 999].map(|f| table.at_least(f)), [0, 0, 1, 2, 2]);
        assert_eq!([0, 100, 199, 200, 999].map(|f| table.at_most(f)), [0, 0, 0, 1, 2]);
        assert_eq!(
            [0, 149, 150, 151, 299, 300, 301, 999].map(|f| table.closest(f)),
            [0, 0, 0, 1, 1, 1, 2, 2]
        );
        assert_eq!(table.scale(1), 512);
        assert_eq!(Frequencies::from_khz([]).count(), 1);
    }
}
