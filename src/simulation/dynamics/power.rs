//! Power as piecewise constant signals, and their exact integrals.
//!
//! A domain draws its awake power while anything in it runs, each of its cores `C f V^2` while it runs, that times the activity
//! of waiting while it holds work that waits, and its idle power otherwise, less in an idle state and more while it leaves one. What a core draws while a unit holds it
//! is charged to the unit, with an equal part of what its domain draws once awake; the rest is nobody's.

use super::setup::{DomainSetup, PowerSource};
use crate::engine::Integral;
use crate::soc::{Opp, ResourceId};
use crate::units::SimTime;

/// What a core or device does, as far as its power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Idle,
    /// Leaves an idle state for the unit that holds it.
    Waking,
    /// Holds work that waits.
    Waiting,
    Running,
    /// Competing work runs, which is scalar code.
    Competing,
}

impl Load {
    /// Whether the core is awake.
    pub(super) const fn is_awake(self) -> bool {
        matches!(self, Self::Running | Self::Competing)
    }
}

/// Power of one core or device.
#[derive(Debug, Clone, Copy)]
struct Part {
    domain: u16,
    load: Load,
    /// Whether what it draws is charged to the unit that holds it.
    held: bool,
    /// What it draws without work / what it draws without sleep, and whether that is because it wakes.
    share: f64,
    waking: bool,
    signal: Integral,
    /// Joules charged to the present holder.
    charged: f64,
}

/// Power of a whole run.
#[derive(Debug, Clone)]
pub(super) struct Power {
    parts: Vec<Part>,
    domains: Vec<Integral>,
    since: Vec<SimTime>,
    memory: Integral,
    base: f64,
}

impl Power {
    pub(super) fn new(domain_of: &[u16], setups: &[DomainSetup], base: f64) -> Self {
        let part = |domain: &u16| Part {
            domain: *domain,
            load: Load::Idle,
            held: false,
            share: 1.0,
            waking: false,
            signal: Integral::new(SimTime::ZERO, setups[usize::from(*domain)].power.idle.value.0),
            charged: 0.0,
        };
        Self {
            parts: domain_of.iter().map(part).collect(),
            domains: vec![Integral::new(SimTime::ZERO, 0.0); setups.len()],
            since: vec![SimTime::ZERO; setups.len()],
            memory: Integral::new(SimTime::ZERO, 0.0),
            base,
        }
    }

    /// Charges what the cores of a domain have drawn since the last time.
    fn charge(&mut self, now: SimTime, domain: u16) {
        let at = usize::from(domain);
        let span = now.since(self.since[at]).seconds();
        if span == 0.0 {
            return;
        }
        self.since[at] = now;
        let running = self.parts.iter().filter(|p| p.domain == domain && p.load.is_awake()).count();
        let share = if running > 0 { self.domains[at].value() / running as f64 } else { 0.0 };
        for part in self.parts.iter_mut().filter(|part| part.domain == domain && part.held) {
            let awake = if part.load == Load::Running { share } else { 0.0 };
            part.charged += (part.signal.value() + awake) * span;
        }
    }

    /// What a core does from now on; its domain is brought up to date with [`Power::refresh`].
    pub(super) fn set_load(&mut self, now: SimTime, resource: ResourceId, load: Load, held: bool) {
        let at = usize::from(resource.0);
        let domain = self.parts[at].domain;
        self.charge(now, domain);
        self.parts[at].load = load;
        self.parts[at].held = held;
    }

    /// What a core draws from now on while it has no work; its domain is brought up to date with [`Power::refresh`].
    pub(super) fn set_share(&mut self, now: SimTime, number: usize, share: f64, waking: bool) -> u16 {
        let domain = self.parts[number].domain;
        self.charge(now, domain);
        (self.parts[number].share, self.parts[number].waking) = (share, waking);
        domain
    }

    /// Sets the powers of a domain at an operating point, with `leaking` watts beyond the reference, and tells those that changed.
    pub(super) fn refresh(
        &mut self,
        now: SimTime,
        domain: u16,
        setup: &DomainSetup,
        opp: Opp,
        leaking: f64,
        mut tell: impl FnMut(PowerSource, f64),
    ) {
        self.charge(now, domain);
        let power = &setup.power;
        let full = power.dynamic.value * opp.clock.0 * opp.voltage * opp.voltage;
        let mut awake = false;
        for (number, part) in self.parts.iter_mut().enumerate().filter(|(_, part)| part.domain == domain) {
            let watts = match part.load {
                Load::Idle | Load::Waking => power.idle.value.0 * part.share,
                Load::Waiting if part.waking => power.idle.value.0 * part.share,
                Load::Waiting => (full * power.blocked_activity.value).max(power.idle.value.0),
                Load::Running => full * power.busy_activity.value,
                Load::Competing => full,
            };
            awake |= part.load.is_awake();
            if watts.to_bits() != part.signal.value().to_bits() {
                part.signal.set(now, watts);
                tell(PowerSource::Resource(ResourceId(number as u16)), watts);
            }
        }
        // Leakage beyond the reference counts while the domain is awake; asleep it is power-gated.
        let watts = if awake { (power.awake.value.0 + leaking).max(0.0) } else { 0.0 };
        let signal = &mut self.domains[usize::from(domain)];
        if watts.to_bits() != signal.value().to_bits() {
            signal.set(now, watts);
            tell(PowerSource::Domain(domain), watts);
        }
    }

    /// Power of main memory from now on. Returns whether it changed.
    pub(super) fn set_memory(&mut self, now: SimTime, watts: f64) -> bool {
        let changed = watts.to_bits() != self.memory.value().to_bits();
        if changed {
            self.memory.set(now, watts);
        }
        changed
    }

    /// Takes the joules charged to the holder of a core.
    pub(super) fn take_charge(&mut self, now: SimTime, resource: ResourceId) -> f64 {
        let domain = self.parts[usize::from(resource.0)].domain;
        self.charge(now, domain);
        std::mem::take(&mut self.parts[usize::from(resource.0)].charged)
    }

    /// What a core does is done by another domain from now on.
    pub(super) fn move_to(&mut self, now: SimTime, resource: ResourceId, domain: u16) {
        let at = usize::from(resource.0);
        let old = self.parts[at].domain;
        self.charge(now, old);
        self.charge(now, domain);
        self.parts[at].domain = domain;
    }

    /// Watts of a domain with all its cores.
    pub(super) fn domain_watts(&self, domain: u16) -> f64 {
        let cores: f64 = self.parts.iter().filter(|p| p.domain == domain).map(|p| p.signal.value()).sum();
        cores + self.domains[usize::from(domain)].value()
    }

    /// Watts of main memory.
    pub(super) const fn memory_watts(&self) -> f64 {
        self.memory.value()
    }

    /// Watts of everything else.
    pub(super) const fn base_watts(&self) -> f64 {
        self.base
    }

    /// Joules from the start to now of each core or device, each domain, memory, and everything else.
    pub(super) fn joules(&self, now: SimTime) -> Energy {
        Energy {
            resources: self.parts.iter().map(|part| part.signal.until(now)).collect(),
            domains: self.domains.iter().map(|domain| domain.until(now)).collect(),
            memory: self.memory.until(now),
            base: self.base * now.since(SimTime::ZERO).seconds(),
        }
    }
}

/// Joules of a run by where they went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Energy {
    /// Of each resource: what it switched, or drew idly.
    pub resources: Vec<f64>,
    /// Of each clock domain: what it draws once awake, and its leakage.
    pub domains: Vec<f64>,
    /// Of main memory.
    pub memory: f64,
    /// Of everything else.
    pub base: f64,
}

impl Energy {
    /// Sum of all parts.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.resources.iter().chain(&self.domains).sum::<f64>() + self.memory + self.base
    }
}
