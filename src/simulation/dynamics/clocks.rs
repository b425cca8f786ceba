//! Clock domains in a run: who is busy, when governors look, what the clocks are.

use super::ratio_numbers::RatioNumbers;
use super::setup::{DomainSetup, DynamicsSetup, MemorySetup};
use crate::physics::ClockRatios;
use crate::physics::dvfs::{ClockDomain, CoreSignal, Frequencies, Governor, Sample, Trigger};
use crate::units::{Hertz, SimDuration, SimTime};

/// The scheduler's tick, at which schedutil looks while a core is busy (`CONFIG_HZ=1000`; phones with 250 or 300 Hz
/// look at wake-ups as well, like here).
const SCHEDULER_TICK: SimDuration = SimDuration(1_000_000_000);

/// All clocks of a run.
#[derive(Debug)]
pub(super) struct Clocks {
    pub domains: Vec<Domain>,
    memory: MemorySetup,
    /// How much slower than the reference every clock is.
    pub ratios: ClockRatios,
    next: SimTime,
    /// Number of the present ratios: the same as before when they are as they were before.
    state: u64,
    numbers: RatioNumbers,
}

/// One clock domain.
#[derive(Debug)]
pub(super) struct Domain {
    pub clock: ClockDomain,
    governor: Governor,
    trigger: Trigger,
    reference: Hertz,
    capacity: u64,
    lowest: usize,
    /// Fastest step by the user's choice.
    highest: usize,
    /// Fastest step by heat.
    cap: usize,
    cores: Vec<CoreLoad>,
    running: u32,
    accounted: SimTime,
    sampled: SimTime,
    tick: SimTime,
    /// When a device that stays idle is set to its slowest step.
    drop: SimTime,
    /// Step at which a device fell idle.
    before: usize,
    /// Busy time of all cores together, since the start.
    pub busy_sum: SimDuration,
}

#[derive(Debug)]
struct CoreLoad {
    /// Threads on it, several when it hosts those of offline cores.
    running: u32,
    signal: CoreSignal,
    /// Busy since the last sample.
    busy: SimDuration,
}

impl Clocks {
    pub(super) fn new(setup: &DynamicsSetup) -> Self {
        let domains: Vec<Domain> = setup
            .domains
            .iter()
            .enumerate()
            .map(|(number, domain)| Domain::new(domain, setup.resources(number).count()))
            .collect();
        let mut clocks = Self {
            domains,
            memory: setup.memory.clone(),
            ratios: setup.reference(),
            next: SimTime::NEVER,
            state: 0,
            numbers: RatioNumbers::new(setup.domains.len()),
        };
        clocks.refresh();
        clocks.state = clocks.numbers.of(&clocks.ratios);
        clocks
    }

    /// When something is due.
    pub(super) const fn next(&self) -> SimTime {
        self.next
    }

    /// Brings ratios and the next time up to date. Returns whether a ratio changed.
    fn refresh(&mut self) -> bool {
        let mut changed = false;
        let mut supply = self.memory.least.0;
        self.next = SimTime::NEVER;
        for (number, domain) in self.domains.iter().enumerate() {
            let ratio = domain.reference.0 / domain.clock.table().clock(domain.clock.step()).0;
            // The reference is a clock of the table but for rounding to kHz.
            let ratio = if (ratio - 1.0).abs() < 1e-5 { 1.0 } else { ratio };
            changed |= ratio.to_bits() != self.ratios.processors[number].to_bits();
            self.ratios.processors[number] = ratio;
            self.next = self.next.min(domain.due());
            if domain.running > 0
                && let Some(vote) =
                    self.memory.votes.get(number).and_then(|votes| votes.get(domain.clock.step()))
            {
                supply = supply.max(vote.0);
            }
        }
        if !self.memory.votes.is_empty() {
            let ratio = self.memory.reference.0 / supply;
            changed |= ratio.to_bits() != self.ratios.memory.to_bits();
            self.ratios.memory = ratio;
        }
        if changed {
            self.state = self.numbers.of(&self.ratios);
        }
        changed
    }

    /// Number of the present ratios, above 0.
    pub(super) const fn state(&self) -> u64 {
        self.state
    }

    /// Loss of memory rate for every further client, if it is known.
    pub(super) const fn interference(&self) -> Option<f64> {
        self.memory.interference
    }

    /// Rate of main memory in bytes per second.
    pub(super) fn memory_rate(&self) -> f64 {
        self.memory.reference.0 / self.ratios.memory
    }

    /// A core of a domain begins or ceases to run something. Returns whether a clock changed.
    pub(super) fn set_running(&mut self, now: SimTime, domain: u16, core: u16, running: bool) -> bool {
        let own = &mut self.domains[usize::from(domain)];
        let threads = &mut own.cores[usize::from(core)].running;
        // What matters is whether the core runs at all.
        let crossed = if running { *threads == 0 } else { *threads == 1 };
        if !crossed {
            *threads = if running { *threads + 1 } else { threads.saturating_sub(1) };
            return false;
        }
        own.set_running(now, core, running);
        self.refresh()
    }

    /// Handles what is due. Returns whether a clock changed.
    pub(super) fn step(&mut self, now: SimTime) -> bool {
        for domain in &mut self.domains {
            domain.step(now);
        }
        self.refresh()
    }

    /// Sets the fastest step that heat allows. Returns whether a clock changed.
    pub(super) fn set_cap(&mut self, now: SimTime, domain: usize, cap: usize) -> bool {
        let own = &mut self.domains[domain];
        if own.cap == cap {
            return false;
        }
        own.account(now);
        own.cap = cap;
        own.clock.limit(own.allowed().1);
        own.evaluate(now);
        self.refresh()
    }
}

impl Domain {
    fn new(setup: &DomainSetup, cores: usize) -> Self {
        let table = Frequencies::of(&setup.opps);
        let top = table.top();
        let highest = setup.highest.min(top);
        let lowest = setup.lowest.min(highest);
        let mut domain = Self {
            clock: ClockDomain::new(table, setup.transition, lowest),
            trigger: setup.governor.trigger(),
            governor: setup.governor.clone(),
            reference: setup.reference,
            capacity: setup.capacity,
            lowest,
            highest,
            cap: top,
            cores: (0..cores)
                .map(|_| CoreLoad {
                    running: 0,
                    signal: CoreSignal::new(SimTime::ZERO),
                    busy: SimDuration::ZERO,
                })
                .collect(),
            running: 0,
            accounted: SimTime::ZERO,
            sampled: SimTime::ZERO,
            tick: SimTime::NEVER,
            drop: SimTime::NEVER,
            before: lowest,
            busy_sum: SimDuration::ZERO,
        };
        if domain.trigger == Trigger::Caps {
            // It was set before the run began.
            let step = domain.governor.target(&domain.sample(SimTime::ZERO), domain.clock.table());
            domain.clock = ClockDomain::new(domain.clock.table().clone(), setup.transition, step);
        }
        domain.clock.limit(highest);
        domain
    }

    fn allowed(&self) -> (usize, usize) {
        let highest = self.highest.min(self.cap);
        (self.lowest.min(highest), highest)
    }

    fn due(&self) -> SimTime {
        self.tick.min(self.drop).min(self.clock.settles_at().unwrap_or(SimTime::NEVER))
    }

    /// Brings the load of all cores up to now.
    pub(super) fn account(&mut self, now: SimTime) {
        if now == self.accounted {
            return;
        }
        let tracked = matches!(self.trigger, Trigger::Utilisation(_));
        let span = now.since(self.accounted);
        let speed = self.clock.table().scale(self.clock.step());
        self.busy_sum += SimDuration(span.0 * u64::from(self.running));
        for core in &mut self.cores {
            if core.running > 0 {
                core.busy += span;
            }
            if tracked {
                core.signal.advance(now, core.running > 0, self.capacity, speed);
            }
        }
        self.accounted = now;
    }

    fn sample(&self, now: SimTime) -> Sample {
        let (lowest, highest) = self.allowed();
        let elapsed = now.since(self.sampled);
        let busy = self.cores.iter().map(|core| core.busy).max().unwrap_or(SimDuration::ZERO);
        Sample {
            now,
            elapsed,
            busy: busy.min(elapsed),
            utilisation: self.cores.iter().map(|core| core.signal.utilisation()).max().unwrap_or(0),
            capacity: self.capacity,
            current: self.clock.step(),
            lowest,
            highest,
        }
    }

    /// Asks the governor, and sets when to ask it again.
    fn evaluate(&mut self, now: SimTime) {
        self.account(now);
        let step = self.governor.target(&self.sample(now), self.clock.table());
        self.sampled = now;
        for core in &mut self.cores {
            core.busy = SimDuration::ZERO;
        }
        self.request(now, step);
        self.schedule(now);
    }

    fn request(&mut self, now: SimTime, step: usize) {
        if self.clock.request(step, now).is_some_and(|at| at <= now) {
            self.clock.settle(now);
        }
    }

    fn schedule(&mut self, now: SimTime) {
        self.tick = match self.trigger {
            Trigger::Caps | Trigger::Retire => SimTime::NEVER,
            Trigger::Every(period) => {
                let settled =
                    self.clock.target() == self.allowed().0 && self.clock.step() == self.clock.target();
                // An idle domain at its slowest step is looked at again when it wakes.
                if self.running == 0 && settled { SimTime::NEVER } else { now + period.max(SimDuration(1)) }
            }
            Trigger::Utilisation(limit) => {
                let period = limit.max(SCHEDULER_TICK);
                if self.running == 0 || self.is_saturated() { SimTime::NEVER } else { now + period }
            }
        };
    }

    /// Whether nothing but a change of load or caps can change the clock: it is as fast as it may be, and the
    /// utilisation that keeps it there can only grow.
    fn is_saturated(&self) -> bool {
        let highest = self.allowed().1;
        let most = self.cores.iter().map(|core| core.signal.utilisation()).max().unwrap_or(0);
        self.clock.step() == highest
            && self.clock.target() == highest
            && self.cores.iter().any(|core| core.running > 0 && core.signal.utilisation() == most)
            && self.wants(most) >= highest
    }

    fn wants(&self, utilisation: u64) -> usize {
        crate::physics::dvfs::Schedutil::wanted(utilisation, self.capacity, self.clock.table())
    }

    fn set_running(&mut self, now: SimTime, core: u16, running: bool) {
        self.account(now);
        self.cores[usize::from(core)].running = u32::from(running);
        let was = self.running;
        self.running = if running { was + 1 } else { was - 1 };
        match self.trigger {
            Trigger::Caps => {}
            Trigger::Utilisation(limit) => {
                if running && (was == 0 || now >= self.sampled.saturating_add(limit)) {
                    self.evaluate(now);
                } else if self.running == 0 {
                    self.tick = SimTime::NEVER;
                } else if self.tick == SimTime::NEVER {
                    self.tick = now + limit.max(SCHEDULER_TICK);
                }
            }
            Trigger::Every(period) => {
                if running && was == 0 {
                    self.woke(now);
                    if self.tick == SimTime::NEVER {
                        if now.since(self.sampled) >= period {
                            self.evaluate(now);
                        } else {
                            self.tick = self.sampled + period;
                        }
                    }
                } else if self.running == 0 {
                    self.fell_idle(now);
                }
            }
            Trigger::Retire => {
                if !running {
                    self.evaluate(now);
                }
            }
        }
    }

    fn woke(&mut self, now: SimTime) {
        self.drop = SimTime::NEVER;
        if let Governor::SimpleOndemand(governor) = &mut self.governor {
            let step = governor.woke(now, self.before, self.clock.table());
            self.request(now, step);
        }
    }

    fn fell_idle(&mut self, now: SimTime) {
        if let Governor::SimpleOndemand(governor) = &mut self.governor {
            self.before = self.clock.target();
            self.drop = governor.fell_idle(now).unwrap_or(SimTime::NEVER);
        }
    }

    fn step(&mut self, now: SimTime) {
        if self.due() > now {
            return;
        }
        self.account(now);
        self.clock.settle(now);
        if self.drop <= now {
            self.drop = SimTime::NEVER;
            let lowest = self.allowed().0;
            self.request(now, lowest);
        }
        if self.tick <= now {
            self.evaluate(now);
        }
    }

    /// Number of its cores.
    pub(super) fn cores(&self) -> u32 {
        self.cores.len() as u32
    }

    /// The present clock.
    pub(super) fn clock_now(&self) -> Hertz {
        self.clock.table().clock(self.clock.step())
    }
}
