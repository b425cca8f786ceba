//! What changes while a run goes on: clocks, power, heat, competing work.
//!
//! Off by default, and then nothing here is allocated or called. An event of the run leaves notes (a core began, a demand
//! changed); when it is over, they are applied together: governors hear of cores that began or ceased, powers are set,
//! and everything that runs is re-timed. So an operator that follows another on the same core wakes nobody.

mod background;
mod balance;
mod cache_hooks;
mod caches;
mod clocks;
mod hooks;
mod idle;
mod idle_books;
mod idle_hooks;
mod idle_setup;
mod offline;
mod power;
mod rates;
mod ratio_numbers;
mod sense;
mod setup;
mod slowdown;
mod split;
mod tasks;
mod thermal;
mod who_runs;

pub use caches::{CacheLevel, CacheSetup};
pub use idle_setup::{IdleSetup, NamedIdleState, SharedIdleSetup};
pub use power::Energy;
pub use setup::{
    DomainSetup, DynamicsSetup, ExecutorScaling, MemorySetup, PowerSource, RuleKind, RuleSetup, TableRow,
    ThermalSetup,
};
pub use tasks::{BackgroundKind, BackgroundOutcome, BackgroundSetup, Pattern, Span};
pub use thermal::HeatBalance;

use super::observer::{Activity, Lost};
use super::problem::DynamicsOutcome;
use crate::physics::ClockRatios;
use crate::physics::power::switching;
use crate::soc::{ExecutorId, ResourceId};
use crate::units::{SimDuration, SimTime};
use background::Background;
use caches::{Caches, Loss, User};
use clocks::Clocks;
use idle::Idle;
use power::{Load, Power};
use thermal::Thermal;

/// State of the dynamics of a run.
#[derive(Debug)]
pub(super) struct Dynamics<'a> {
    setup: &'a DynamicsSetup,
    clocks: Clocks,
    power: Power,
    thermal: Option<Thermal<'a>>,
    background: Option<Background<'a>>,
    caches: Option<Caches<'a>>,
    idle: Option<Idle<'a>>,
    /// For each domain, milliwatts of one busy core at each step, and the busy time that rules know.
    tables: Vec<(Vec<u64>, SimDuration)>,
    /// When rules last looked.
    read_at: SimTime,
    /// Whether powers have changed that heat does not know yet.
    heating: bool,
    /// Whether among them are those of domains.
    domains_heat: bool,
    /// One for each resource.
    slots: Vec<SlotState>,
    /// Number of each resource among those of its domain.
    core_of: Vec<u16>,
    /// Domain and number of the core that does the work of each resource: its own unless that is offline.
    places: Vec<(u16, u16)>,
    /// Whether any work is away from its core, and the ratios of executors with such work.
    moved: bool,
    ratios_of: Vec<Option<ClockRatios>>,
    /// For each stream, operator and executor, its speed with the ratios of this number; 0: never looked up.
    known_speeds: Vec<Vec<(u64, f64)>>,
    /// Ratios that nobody needs at present, kept for the next change.
    spare_ratios: Vec<ClockRatios>,
    /// Whether operators have ended in this event.
    boundaries: bool,
    /// Resources whose load has changed in this event.
    changed: Vec<u16>,
    /// When cores have lost their work that may find new work before time goes on; never: none has.
    leaving: SimTime,
    /// Whether anybody cares about cores that are idle for no time.
    defers: bool,
    /// Step of each domain that its power knows.
    steps: Vec<usize>,
    /// Domains whose power must be set anew, as bits.
    powers: u32,
    /// Whether speeds must be looked up anew.
    retime: bool,
    /// Whether rates must be solved anew.
    stale: bool,
    /// Joules of each byte of main memory.
    joules_per_byte: f64,
    /// Rate that main memory serves at present.
    served: f64,
    /// For each domain, speed beside others' memory traffic compared with its own alone; empty without such models.
    relative: Vec<f64>,
    outcome: DynamicsOutcome,
}

/// What a resource does.
#[derive(Debug, Clone, Copy)]
struct SlotState {
    timing: Timing,
    /// Work done per time, compared with the reference clocks.
    speed: f64,
    /// Time that its data movement took longer, as a share of the whole, when the speed was looked up; NaN: look it up again.
    beside: f64,
    /// Bytes per second that it demands at the reference clocks.
    demand: f64,
    /// Bytes per second that memory serves it, since when, and bytes before.
    served: f64,
    served_since: SimTime,
    served_bytes: f64,
    load: Load,
    /// What clocks and power know.
    known: Load,
    noted: bool,
    /// Bytes that the unit in this slot has moved.
    unit_bytes: f64,
    /// What the books show while competing work is simulated; `None` without a unit.
    segment: Option<Segment>,
    /// Whether the unit has its core or device.
    on: bool,
    /// Whether an operator ended in this event.
    boundary: bool,
    /// Workers of the set that still execute; in the slot of its first resource.
    parts: u16,
    /// Executions per second of what runs at its full speed, and the share of each that is this slot's, which they count.
    pace: f64,
    portion: f64,
    /// What it loses to others in the caches, the rate at which it executes, and since when.
    loss: Loss,
    executes: f64,
    executes_since: SimTime,
    /// Work done per time by the clocks alone.
    clock: f64,
    /// What is in force: clocks alone, clocks and caches, share of the demand, whether it has its core; since when, and what was lost so far.
    force: (f64, f64, f64, bool),
    force_since: SimTime,
    lost: Lost,
}

/// A span of a resource's time that is not booked yet.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// What the unit does when it has the resource.
    base: Activity,
    /// Whether it makes progress only with the resource.
    needs: bool,
    /// What is shown.
    shown: Activity,
    operator: Option<u32>,
    since: SimTime,
}

/// How what runs in a slot scales with clocks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Timing {
    /// Nothing runs.
    Nothing,
    /// Scales with the slowest of some domains.
    Domains(u32),
    Overhead {
        stream: u16,
        operator: u32,
        executor: ExecutorId,
    },
    Execution {
        stream: u16,
        operator: u32,
        executor: ExecutorId,
    },
}

impl Timing {
    /// Who uses the caches of a slot's resource.
    const fn user(self, slot: usize) -> Option<User> {
        match self {
            Self::Execution { stream, operator, executor } => {
                Some(User { stream, operator, executor, resource: ResourceId(slot as u16) })
            }
            _ => None,
        }
    }
}

impl SlotState {
    const IDLE: Self = Self {
        timing: Timing::Nothing,
        speed: 1.0,
        beside: f64::NAN,
        demand: 0.0,
        served: 0.0,
        served_since: SimTime::ZERO,
        served_bytes: 0.0,
        load: Load::Idle,
        known: Load::Idle,
        noted: false,
        unit_bytes: 0.0,
        segment: None,
        on: true,
        boundary: false,
        parts: 0,
        pace: 0.0,
        portion: 1.0,
        loss: Loss::NONE,
        executes: 0.0,
        executes_since: SimTime::ZERO,
        clock: 1.0,
        force: (1.0, 1.0, 1.0, true),
        force_since: SimTime::ZERO,
        lost: Lost { suspended: 0.0, bandwidth: 0.0, cache: 0.0, clocks: 0.0 },
    };

    /// Something else is in force from now on: books what was lost until now.
    fn enforce(&mut self, now: SimTime, share: f64) {
        let seconds = now.since(self.force_since).seconds();
        let (clock, speed, granted, on) = self.force;
        if on {
            // What remains of each second after memory, then after the caches, then after the clocks, is progress.
            self.lost.bandwidth += (1.0 - granted) * seconds;
            self.lost.cache += granted * (1.0 - speed / clock) * seconds;
            self.lost.clocks += granted * (speed / clock) * (1.0 - clock) * seconds;
        } else {
            self.lost.suspended += seconds;
        }
        (self.force, self.force_since) = ((self.clock, self.speed, share, self.on), now);
    }

    /// A share of an operator takes this long at full speed.
    const fn set_pace(&mut self, work: SimDuration, portion: f64) {
        (self.pace, self.portion) = (if work.0 > 0 { portion * 1e12 / work.0 as f64 } else { 0.0 }, portion);
    }

    /// Memory serves it at another rate from now on.
    fn serve(&mut self, now: SimTime, rate: f64) {
        if rate.to_bits() != self.served.to_bits() {
            self.served_bytes += self.served * now.since(self.served_since).seconds();
            (self.served, self.served_since) = (rate, now);
        }
    }

    /// Bytes served to the operator that ends now.
    fn take_bytes(&mut self, now: SimTime) -> f64 {
        self.served_bytes += self.served * now.since(self.served_since).seconds();
        (self.served, self.served_since) = (0.0, now);
        std::mem::take(&mut self.served_bytes)
    }
}

impl<'a> Dynamics<'a> {
    pub(super) fn new(
        setup: &'a DynamicsSetup,
        pins: &[Option<u16>],
        base_watts: f64,
        joules_per_byte: f64,
        seed: u64,
    ) -> Self {
        let is_core: Vec<bool> =
            setup.domain_of.iter().map(|domain| setup.domains[usize::from(*domain)].is_cpu).collect();
        let mut counts = vec![0u16; setup.domains.len()];
        let core_of: Vec<u16> = setup
            .domain_of
            .iter()
            .map(|&domain| {
                let count = &mut counts[usize::from(domain)];
                *count += 1;
                *count - 1
            })
            .collect();
        let clocks = Clocks::new(setup, pins);
        Self {
            power: Power::new(&setup.domain_of, &setup.domains, base_watts),
            thermal: setup.thermal.as_ref().map(|thermal| {
                let tops: Vec<usize> =
                    setup.domains.iter().map(|d| d.opps.points.len().saturating_sub(1)).collect();
                Thermal::new(thermal, &tops)
            }),
            background: (!setup.background.is_empty())
                .then(|| Background::new(&setup.background, &is_core, setup.scheduler, seed)),
            caches: setup.caches.as_ref().map(|caches| Caches::new(caches, setup.background.len())),
            idle: setup.idle.as_ref().map(|idle| {
                let cpus = setup.domains.iter().map(|domain| domain.is_cpu).collect();
                Idle::new(idle, &setup.domain_of, cpus, setup.scheduler.tick, setup.scalings.len())
            }),
            tables: setup.domains.iter().map(|domain| (milliwatts(domain), SimDuration::ZERO)).collect(),
            read_at: SimTime::ZERO,
            heating: true,
            domains_heat: true,
            slots: vec![SlotState::IDLE; setup.domain_of.len()],
            places: setup.domain_of.iter().copied().zip(core_of.iter().copied()).collect(),
            moved: false,
            ratios_of: Vec::new(),
            known_speeds: setup.scalings.iter().map(|table| vec![(0, 1.0); table.len()]).collect(),
            spare_ratios: Vec::new(),
            core_of,
            boundaries: false,
            changed: Vec::with_capacity(setup.domain_of.len()),
            leaving: SimTime::NEVER,
            defers: !setup.background.is_empty()
                || setup.idle.is_some()
                || !setup.memory.votes.is_empty()
                || clocks.are_governed(),
            steps: vec![usize::MAX; setup.domains.len()],
            powers: u32::MAX,
            retime: true,
            stale: true,
            joules_per_byte,
            served: 0.0,
            relative: vec![1.0; setup.memory.slowdowns.len()],
            outcome: DynamicsOutcome::default(),
            clocks,
            setup,
        }
    }

    /// When something of its own is due.
    pub(super) fn next(&self) -> SimTime {
        let clocks = self.clocks.next();
        if self.leaving != SimTime::NEVER {
            return self.leaving;
        }
        let heat = self.thermal.as_ref().map_or(SimTime::NEVER, Thermal::next);
        let caches = self.caches.as_ref().map_or(SimTime::NEVER, Caches::next);
        let idle = self.idle.as_ref().map_or(SimTime::NEVER, Idle::next);
        clocks
            .min(heat)
            .min(caches)
            .min(idle)
            .min(self.background.as_ref().map_or(SimTime::NEVER, Background::next))
    }

    /// Notes what a resource does from now on.
    fn note(&mut self, resource: ResourceId, load: Load) {
        let slot = &mut self.slots[usize::from(resource.0)];
        slot.load = load;
        if !slot.noted {
            slot.noted = true;
            self.changed.push(resource.0);
        }
    }

    fn ratios_for(&self, executor: ExecutorId) -> &ClockRatios {
        let own = self.ratios_of.get(usize::from(executor.0)).and_then(Option::as_ref);
        own.filter(|_| self.moved).unwrap_or(&self.clocks.ratios)
    }

    /// Books what an operator has done since the last time, as far as caches go.
    fn book_caches(&mut self, now: SimTime, slot: usize) {
        let Some(caches) = &mut self.caches else { return };
        let own = &mut self.slots[slot];
        if own.executes == 0.0 {
            own.executes_since = now;
            return;
        }
        let executions = own.executes * now.since(own.executes_since).seconds();
        own.executes_since = now;
        if executions > 0.0
            && let Some(user) = own.timing.user(slot)
        {
            caches.book(user, &own.loss, executions);
        }
    }

    /// Speed of what runs with these clocks.
    fn speed(&mut self, timing: Timing) -> f64 {
        let Timing::Execution { stream, operator, executor } = timing else {
            return self.speed_beside(timing, 0.0);
        };
        let at = self.setup.scalings[usize::from(stream)].index(operator, executor);
        let (state, known) = self.known_speeds[usize::from(stream)][at];
        // The ratios of executors with cores offline have no number.
        if state == self.clocks.state() && !self.moved {
            return known;
        }
        let speed = self.speed_beside(timing, 0.0);
        if !self.moved {
            self.known_speeds[usize::from(stream)][at] = (self.clocks.state(), speed);
        }
        speed
    }

    /// Speed of what runs with these clocks when its data movement takes longer by a share of its reference time.
    fn speed_beside(&self, timing: Timing, extra: f64) -> f64 {
        let ratios = &self.clocks.ratios;
        let slowdown = match timing {
            Timing::Nothing => 1.0,
            Timing::Domains(domains) => ratios.slowest(domains),
            Timing::Overhead { stream, operator, executor } => {
                let ratios = self.ratios_for(executor);
                self.setup.scalings[usize::from(stream)].overhead(operator, executor, ratios)
            }
            Timing::Execution { stream, operator, executor } => {
                let ratios = self.ratios_for(executor);
                let anchor = self.setup.executor(executor).memory_anchor;
                self.setup.scalings[usize::from(stream)]
                    .execution_beside(operator, executor, ratios, anchor, extra)
            }
        };
        1.0 / slowdown
    }
}

/// Milliwatts of one busy core at each step, as the kernel's energy model has them.
fn milliwatts(domain: &DomainSetup) -> Vec<u64> {
    let power = &domain.power;
    let of =
        |opp: &crate::soc::Opp| (switching(power, *opp).0 * power.busy_activity.value * 1e3).round() as u64;
    domain.opps.points.iter().map(of).collect()
}
