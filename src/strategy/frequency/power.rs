//! What the hardware draws for a given use of it, and how that rests on assumed numbers.

use super::usage::Usage;
use crate::predict::ClockDomain;
use crate::soc::{Confidence, Platform, Quantity};
use crate::units::Watts;

/// Which part of the energy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything, the rest of the device included.
    Device,
    /// Clusters, devices and main memory.
    Soc,
    /// What is drawn beyond an idle SoC.
    Active,
}

impl Scope {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Device => "whole device",
            Self::Soc => "SoC and memory",
            Self::Active => "beyond an idle SoC",
        }
    }
}

/// The numbers behind the power of a device.
#[derive(Debug, Clone)]
pub(super) struct Hardware {
    pub domains: Vec<ClockDomain>,
    base: f64,
    joules_per_byte: f64,
}

/// A number that nobody has measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assumed {
    Dynamic(usize),
    Awake(usize),
    Idle(usize),
    Blocked(usize),
    Busy(usize),
    Voltages(usize),
    Memory,
    Base,
}

impl Hardware {
    pub(super) fn new(domains: &[ClockDomain], platform: &Platform) -> Self {
        Self {
            domains: domains.to_vec(),
            base: platform.base_power.0,
            joules_per_byte: platform.dram_joules_per_byte,
        }
    }

    /// Mean power when domains stay at these steps. The equations are those of [`crate::physics::power`]; leakage is what it is
    /// at the reference temperature.
    pub(super) fn watts(&self, usage: &Usage, steps: &[usize], scope: Scope) -> f64 {
        let mut watts = usage.bytes * self.joules_per_byte;
        if scope == Scope::Device {
            watts += self.base;
        }
        for ((domain, &step), own) in self.domains.iter().zip(steps).zip(&usage.domains) {
            let power = &domain.power;
            let Some(opp) = domain.opps.points.get(step) else { continue };
            let full = power.dynamic.value * opp.clock.0 * opp.voltage * opp.voltage;
            let idle = power.idle.value.0;
            let waiting = (full * power.blocked_activity.value).max(idle);
            watts += own.running * (full * power.busy_activity.value - idle)
                + own.waiting * (waiting - idle)
                + own.awake * power.awake.value.0;
            if scope != Scope::Active {
                watts += f64::from(domain.cores) * idle;
            }
        }
        watts
    }

    /// Which of its numbers are assumed. Where a run does not know the source of one (the base power, the energy of a byte), it
    /// counts as assumed.
    pub(super) fn assumed(&self) -> Vec<Assumed> {
        let mut all = vec![Assumed::Memory, Assumed::Base];
        for (number, domain) in self.domains.iter().enumerate() {
            let power = &domain.power;
            let is = |confidence| confidence == Confidence::Assumed;
            let of = |quantity: &Quantity| is(quantity.provenance.confidence);
            let watts = |quantity: &Quantity<Watts>| is(quantity.provenance.confidence);
            let numbers = [
                (of(&power.dynamic), Assumed::Dynamic(number)),
                (watts(&power.awake), Assumed::Awake(number)),
                (watts(&power.idle), Assumed::Idle(number)),
                (of(&power.blocked_activity), Assumed::Blocked(number)),
                (of(&power.busy_activity), Assumed::Busy(number)),
                (is(domain.opps.voltages.confidence), Assumed::Voltages(number)),
            ];
            all.extend(numbers.into_iter().filter(|(is, _)| *is).map(|(_, what)| what));
        }
        all
    }

    /// The same with one number multiplied; of voltages the distance from that of the fastest step.
    pub(super) fn with(&self, what: Assumed, factor: f64) -> Self {
        let mut changed = self.clone();
        match what {
            Assumed::Memory => changed.joules_per_byte *= factor,
            Assumed::Base => changed.base *= factor,
            Assumed::Dynamic(d) => changed.domains[d].power.dynamic.value *= factor,
            Assumed::Awake(d) => changed.domains[d].power.awake.value.0 *= factor,
            Assumed::Idle(d) => changed.domains[d].power.idle.value.0 *= factor,
            Assumed::Blocked(d) => changed.domains[d].power.blocked_activity.value *= factor,
            Assumed::Busy(d) => changed.domains[d].power.busy_activity.value *= factor,
            Assumed::Voltages(d) => {
                let opps = &mut changed.domains[d].opps;
                let top = opps.highest().voltage;
                for opp in &mut opps.points {
                    opp.voltage = (top - factor * (top - opp.voltage)).max(0.0);
                }
            }
        }
        changed
    }
}
