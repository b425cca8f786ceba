//! Heat in a run: the network is advanced exactly whenever a power changes, sensors are read at their own times, and rules
//! turn readings into limits.

use super::setup::{RuleKind, ThermalSetup};
use crate::physics::thermal::{
    Actor, HardwareLimit, ModalState, Network, PowerAllocator, StepWise, ThrottleTable, divide_into,
    fitting_step, millidegrees, reading,
};
use crate::units::{Celsius, SimTime};

/// State of heat and its rules.
#[derive(Debug)]
pub(super) struct Thermal<'a> {
    setup: &'a ThermalSetup,
    network: Network,
    state: ModalState,
    /// As of the last reading.
    pub temperatures: Vec<Celsius>,
    /// Power into each node from domains alone, and from everything.
    domain_watts: Vec<f64>,
    watts: Vec<f64>,
    since: SimTime,
    rules: Vec<Rule>,
    next: SimTime,
    balance: HeatBalance,
}

/// Joules that went through a thermal network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeatBalance {
    /// Power turned into heat.
    pub generated: f64,
    /// Heat that left to the surroundings.
    pub lost: f64,
    /// Heat above the surroundings that the nodes hold at the end, less what they held at the start.
    pub stored: f64,
}

#[derive(Debug)]
struct Rule {
    due: SimTime,
    state: RuleState,
    /// Fastest step of each domain, and cores offline.
    caps: Vec<usize>,
    offline: Vec<u32>,
}

/// What a rule remembers; actors are scratch space.
#[derive(Debug)]
enum RuleState {
    StepWise { trips: Vec<(usize, StepWise)> },
    Allocator { controller: PowerAllocator, actors: Vec<Actor>, granted: Vec<u64>, domains: Vec<usize> },
    Table { table: ThrottleTable },
    Hardware { limit: HardwareLimit },
}

/// What a rule needs to know about a domain.
#[derive(Debug, Clone, Copy)]
pub(super) struct DomainView<'a> {
    pub step: usize,
    /// Milliwatts of one busy core at each step.
    pub milliwatts: &'a [u64],
    /// Cores that run, on average since the last reading, in per cent of one core.
    pub load_percent: u64,
    pub cores: u32,
}

impl DomainView<'_> {
    pub(super) const NONE: Self = Self { step: 0, milliwatts: &[], load_percent: 0, cores: 0 };
}

impl<'a> Thermal<'a> {
    /// `tops` are the fastest steps of the domains.
    pub(super) fn new(setup: &'a ThermalSetup, tops: &[usize]) -> Self {
        let state = |kind: &RuleKind| match kind {
            RuleKind::StepWise { trips } => RuleState::StepWise { trips: trips.clone() },
            RuleKind::PowerAllocator { domains, settings } => RuleState::Allocator {
                controller: PowerAllocator::new(*settings),
                actors: Vec::with_capacity(domains.len()),
                granted: Vec::with_capacity(domains.len()),
                domains: domains.clone(),
            },
            RuleKind::Table { table, .. } => RuleState::Table { table: table.clone() },
            RuleKind::HardwareLimit { limit } => RuleState::Hardware { limit: *limit },
        };
        let rules = setup.rules.iter().map(|rule| Rule {
            due: SimTime::ZERO + rule.period,
            caps: tops.to_vec(),
            offline: vec![0; tops.len()],
            state: state(&rule.kind),
        });
        let mut network = setup.network.clone();
        network.set_leakage(&[]);
        let mut thermal = Self {
            state: ModalState::new(&network, &setup.initial, setup.ambient),
            temperatures: setup.initial.clone(),
            domain_watts: vec![0.0; setup.initial.len()],
            watts: vec![0.0; setup.initial.len()],
            since: SimTime::ZERO,
            next: SimTime::NEVER,
            balance: HeatBalance::default(),
            rules: rules.collect(),
            network,
            setup,
        };
        thermal.find_next();
        thermal
    }

    fn find_next(&mut self) {
        self.next = self.rules.iter().map(|rule| rule.due).min().unwrap_or(SimTime::NEVER);
    }

    /// When a sensor is read next.
    pub(super) const fn next(&self) -> SimTime {
        self.next
    }

    /// Temperature of a domain's node.
    fn of_domain(&self, domain: usize) -> Celsius {
        self.state.temperature(self.setup.domain_nodes.get(domain).copied().unwrap_or(0))
    }

    /// Temperature of a node at the last change of a power.
    pub(super) fn temperature(&self, node: usize) -> Celsius {
        self.state.temperature(node)
    }

    /// Brings all temperatures up to now, for those who read them.
    pub(super) fn read_all(&mut self, now: SimTime) {
        self.advance(now);
        for (node, temperature) in self.temperatures.iter_mut().enumerate() {
            *temperature = self.state.temperature(node);
        }
    }

    /// Watts that a domain leaks beyond what its awake power contains.
    pub(super) fn leakage(&self, domain: usize) -> f64 {
        let leakage = self.setup.leakage.get(domain);
        leakage.map_or(0.0, |leakage| leakage.growth(self.of_domain(domain)).0)
    }

    /// Brings the temperatures up to now.
    pub(super) fn advance(&mut self, now: SimTime) {
        let seconds = now.since(self.since).seconds();
        if seconds == 0.0 {
            return;
        }
        if self.setup.balance {
            let ambient = self.setup.ambient;
            for (node, temperature) in self.temperatures.iter_mut().enumerate() {
                *temperature = self.state.temperature(node);
            }
            let (lost, leaked) = self.network.exchanged(&self.temperatures, &self.watts, ambient, seconds);
            self.balance.lost += lost;
            self.balance.generated += self.watts.iter().sum::<f64>() * seconds + leaked;
        }
        self.state.advance(seconds);
        self.since = now;
    }

    /// The powers of domains from now on; [`Thermal::set_powers`] must follow.
    pub(super) fn set_domains(&mut self, domains: impl Iterator<Item = f64>) {
        self.domain_watts.fill(0.0);
        for (domain, watts) in domains.enumerate() {
            if let Some(node) = self.setup.domain_nodes.get(domain) {
                self.domain_watts[*node] += watts;
            }
        }
    }

    /// The powers from now on: of memory, and of everything else but domains.
    pub(super) fn set_powers(&mut self, now: SimTime, memory: f64, base: f64) {
        self.advance(now);
        self.watts.copy_from_slice(&self.domain_watts);
        if let Some(node) = self.setup.memory_node {
            self.watts[node] += memory;
        }
        if let Some((node, share)) = self.setup.base_node {
            self.watts[node] += base * share;
        }
        self.state.set_power(&self.watts);
    }

    /// Reads the sensors that are due. Returns whether limits changed.
    pub(super) fn read(&mut self, now: SimTime, domains: &[DomainView<'_>]) -> bool {
        self.read_all(now);
        let mut changed = false;
        for (rule, setup) in self.rules.iter_mut().zip(&self.setup.rules) {
            if rule.due > now {
                continue;
            }
            rule.due = now + setup.period;
            let temperature = self.temperatures.get(setup.node).copied().unwrap_or(self.setup.ambient);
            changed |= rule.update(reading(temperature, setup.resolution), &setup.kind, domains);
        }
        self.find_next();
        changed
    }

    /// The fastest step that every rule allows a domain.
    pub(super) fn cap(&self, domain: usize) -> usize {
        self.rules.iter().map(|rule| rule.caps[domain]).min().unwrap_or(usize::MAX)
    }

    /// Cores of a domain that rules take offline.
    pub(super) fn offline(&self, domain: usize) -> u32 {
        self.rules.iter().map(|rule| rule.offline[domain]).max().unwrap_or(0)
    }

    /// Where the heat went, if the setup asks for the balance.
    pub(super) fn balance(&self) -> HeatBalance {
        let stored = |temperatures: &[Celsius]| self.network.stored(temperatures, self.setup.ambient);
        HeatBalance { stored: stored(&self.temperatures) - stored(&self.setup.initial), ..self.balance }
    }
}

impl Rule {
    fn update(&mut self, temperature: Celsius, kind: &RuleKind, domains: &[DomainView<'_>]) -> bool {
        let mut changed = false;
        let set = |caps: &mut [usize], domain: usize, cap: usize| {
            let differs = caps[domain] != cap;
            caps[domain] = cap;
            differs
        };
        match &mut self.state {
            RuleState::StepWise { trips } => {
                for (domain, governor) in trips {
                    let top = domains[*domain].milliwatts.len().saturating_sub(1);
                    let state = governor.update(millidegrees(temperature), top - self.caps[*domain].min(top));
                    changed |= set(&mut self.caps, *domain, top - state.min(top));
                }
            }
            RuleState::Allocator { controller, actors, granted, domains: own } => {
                actors.clear();
                for &domain in own.iter() {
                    let view = &domains[domain];
                    let at = |step: usize| view.milliwatts.get(step).copied().unwrap_or(0);
                    actors.push(Actor {
                        requested: at(view.step) * view.load_percent / 100,
                        most: at(view.milliwatts.len().saturating_sub(1)) * u64::from(view.cores),
                        weight: 1024,
                    });
                }
                let most: u64 = actors.iter().map(|actor| actor.most).sum();
                match controller.budget(i64::from(millidegrees(temperature)), most as i64) {
                    None => {
                        for &domain in own.iter() {
                            changed |= set(
                                &mut self.caps,
                                domain,
                                domains[domain].milliwatts.len().saturating_sub(1),
                            );
                        }
                    }
                    Some(budget) => {
                        divide_into(actors, budget.max(0) as u64, granted);
                        for (&domain, &granted) in own.iter().zip(&*granted) {
                            let view = &domains[domain];
                            changed |= set(
                                &mut self.caps,
                                domain,
                                fitting_step(view.milliwatts, granted, view.load_percent),
                            );
                        }
                    }
                }
            }
            RuleState::Table { table } => {
                if table.update(temperature)
                    && let RuleKind::Table { rows, .. } = kind
                {
                    let row = table.level().checked_sub(1).and_then(|level| rows.get(level));
                    for (domain, view) in domains.iter().enumerate() {
                        let top = view.milliwatts.len().saturating_sub(1);
                        let (cap, offline) =
                            row.map_or((top, 0), |row| (row.caps[domain].min(top), row.offline[domain]));
                        changed |= set(&mut self.caps, domain, cap);
                        changed |= self.offline[domain] != offline;
                        self.offline[domain] = offline;
                    }
                    return changed;
                }
            }
            RuleState::Hardware { limit } => {
                let active = limit.update(temperature);
                for (domain, view) in domains.iter().enumerate() {
                    let top = view.milliwatts.len().saturating_sub(1);
                    changed |= set(&mut self.caps, domain, if active { 0 } else { top });
                }
            }
        }
        changed
    }
}
