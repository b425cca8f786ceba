//! Power of clusters, devices and memory.
//!
//! `P = P0 + sum over busy cores of a C f V^2 + idle cores + leakage`: `P0` once for a cluster with any core awake
//! (clock tree, rails, shared cache), `C f V^2` per core (switching capacitance; fitted to freqbench, which loads a
//! core with CoreMark), and the activity `a`: 1 for such scalar code, more for dense vector arithmetic, less while
//! waiting. Leakage grows linearly with the temperature, `L0 (1 + k (T - T0))` (arXiv 1904.09814 linearises likewise);
//! `L0` at the reference temperature is part of the fitted `P0`, so only its growth is added.

use crate::soc::{Opp, PowerModel};
use crate::units::{BytesPerSec, Celsius, Watts};

/// What one core, or a device, does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activity {
    /// Powered down: no power, and no claim on the cluster's.
    Asleep,
    /// Awake without work.
    Idle,
    /// Works, or waits for work it holds: switching activity relative to the load that `C` was fitted on, at least 0.
    Active(f64),
}

/// Leakage of a cluster or device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leakage {
    /// Leakage while awake at the reference temperature; contained in the model's `awake` power.
    pub at_reference: Watts,
    /// Relative growth per kelvin.
    pub per_kelvin: f64,
    /// Reference temperature.
    pub reference: Celsius,
}

impl Leakage {
    /// None at all.
    pub const NONE: Self = Self { at_reference: Watts(0.0), per_kelvin: 0.0, reference: Celsius(25.0) };

    /// The leakage that a profile states.
    #[must_use]
    pub fn of(model: &PowerModel) -> Self {
        Self {
            at_reference: model.leakage.value,
            per_kelvin: model.leakage_per_kelvin.value,
            reference: PowerModel::LEAKAGE_REFERENCE,
        }
    }

    /// Power per kelvin of the node that holds an awake cluster, for `Network::set_leakage`.
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.at_reference.0 * self.per_kelvin
    }

    /// Leakage at a temperature beyond that at the reference temperature; negative below it, but the cluster never
    /// leaks less than nothing.
    #[must_use]
    pub fn growth(&self, temperature: Celsius) -> Watts {
        let growth = self.slope() * (temperature.0 - self.reference.0);
        Watts(growth.max(-self.at_reference.0))
    }
}

/// Power of a cluster or device by cause.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PowerSplit {
    /// Once, because something in it is awake.
    pub awake: Watts,
    /// Switching of the working cores.
    pub dynamic: Watts,
    /// Cores awake without work.
    pub idle: Watts,
    /// Leakage beyond the reference temperature.
    pub leakage: Watts,
}

impl PowerSplit {
    /// Everything together.
    #[must_use]
    pub fn total(&self) -> Watts {
        Watts(self.awake.0 + self.dynamic.0 + self.idle.0 + self.leakage.0)
    }
}

/// Switching power of one core or device at full activity: `C f V^2`.
#[must_use]
pub fn switching(model: &PowerModel, opp: Opp) -> Watts {
    Watts(model.dynamic.value * opp.clock.0 * opp.voltage * opp.voltage)
}

/// Power of a cluster (or device: one "core") at `opp` whose cores do what `cores` says, at `temperature`. The
/// cluster's own power is spent while any core works; idle cores alone let it be gated.
#[must_use]
pub fn power(
    model: &PowerModel,
    leakage: &Leakage,
    opp: Opp,
    cores: impl IntoIterator<Item = Activity>,
    temperature: Celsius,
) -> PowerSplit {
    let mut split = PowerSplit::default();
    let one = switching(model, opp).0;
    let mut working = false;
    for core in cores {
        match core {
            Activity::Asleep => {}
            Activity::Idle => split.idle.0 += model.idle.value.0,
            Activity::Active(activity) => {
                working = true;
                // A core that waits without switching is still an idle core.
                let dynamic = one * activity.max(0.0);
                split.dynamic.0 += dynamic;
                split.idle.0 += (model.idle.value.0 - dynamic).max(0.0);
            }
        }
    }
    if working {
        split.awake = model.awake.value;
        split.leakage = leakage.growth(temperature);
    }
    split
}

/// Power of main memory that moves `rate`, at a constant energy per byte.
#[must_use]
pub fn memory_power(rate: BytesPerSec, joules_per_byte: f64) -> Watts {
    Watts(rate.0 * joules_per_byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soc::Quantity;
    use crate::units::Hertz;

    fn gold() -> PowerModel {
        PowerModel {
            dynamic: Quantity::neutral(319.1e-12),
            awake: Quantity::neutral(0.0503).map(Watts),
            idle: Quantity::neutral(0.005).map(Watts),
            blocked_activity: Quantity::neutral(0.5),
            busy_activity: Quantity::neutral(1.0),
            leakage: Quantity::neutral(0.0).map(Watts),
            leakage_per_kelvin: Quantity::neutral(0.0),
        }
    }

    const TOP: Opp = Opp { clock: Hertz(2.4192e9), voltage: 1.0 };
    const T: Celsius = Celsius(25.0);

    #[test]
    fn the_cluster_is_paid_once_and_cores_each() {
        // C f V^2 = 319.1e-12 x 2.4192e9 x 1 = 0.77197 W.
        let of = |cores: &[Activity]| power(&gold(), &Leakage::NONE, TOP, cores.iter().copied(), T).total().0;
        let (busy, idle, asleep) = (Activity::Active(1.0), Activity::Idle, Activity::Asleep);
        assert!((of(&[busy, idle, idle]) - (0.0503 + 0.771_967 + 0.01)).abs() < 1e-6);
        assert!((of(&[busy; 3]) - (0.0503 + 3.0 * 0.771_967)).abs() < 1e-6);
        assert!((of(&[busy; 3]) - of(&[busy, busy, asleep]) - 0.771_967).abs() < 1e-6);
        assert_eq!(of(&[asleep; 3]), 0.0);
        assert!((of(&[idle; 3]) - 0.015).abs() < 1e-12);
        assert!((of(&[Activity::Active(0.0)]) - 0.0553).abs() < 1e-12);
        assert!(of(&[Activity::Active(1.4)]) > of(&[busy]));
    }

    #[test]
    fn below_the_voltage_floor_power_falls_linearly_only() {
        let at = |mhz: f64, voltage| switching(&gold(), Opp { clock: Hertz(mhz * 1e6), voltage }).0;
        assert!((at(1401.6, 0.756) / at(710.4, 0.756) - 1401.6 / 710.4).abs() < 1e-12);
        assert!(at(2419.2, 1.0) / at(1401.6, 0.756) > 1.7 * 1.7);
    }

    #[test]
    fn leakage_grows_with_temperature_and_stays_positive() {
        let leakage = Leakage { at_reference: Watts(0.05), per_kelvin: 0.02, reference: T };
        assert!((leakage.growth(Celsius(75.0)).0 - 0.05).abs() < 1e-12);
        assert_eq!(leakage.growth(Celsius(-100.0)).0, -0.05);
        assert!((leakage.slope() - 0.001).abs() < 1e-15);
        let hot = power(&gold(), &leakage, TOP, [Activity::Active(1.0)], Celsius(75.0));
        assert!((hot.leakage.0 - 0.05).abs() < 1e-12);
        assert_eq!(power(&gold(), &leakage, TOP, [Activity::Asleep], Celsius(75.0)).total().0, 0.0);
    }

    #[test]
    fn memory_pays_per_byte() {
        assert!((memory_power(BytesPerSec(20e9), 40e-12).0 - 0.8).abs() < 1e-12);
    }
}
