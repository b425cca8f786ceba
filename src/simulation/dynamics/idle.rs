//! Idle states in a run: which state a core without work is in, what it draws there, and when it is awake again.
//!
//! Cores are put to sleep by the menu governor ([`crate::physics::dvfs::IdleHistory`]): it expects what its last eight idle spans
//! agree on, otherwise a long one, and knows nothing of what will arrive. A core that was expected to wake within a tick
//! and did not is looked at again at the tick, like in the kernel, which then has not stopped the tick. A state of
//! several clusters is entered when the last of their cores is in its deepest own state and no timer is due within its
//! residency (`cpu_power_down_ok`); timers are the next arrivals of periodic streams. Devices enter their states after
//! the time that their drivers wait. While a device is awake its driver may limit the exit latency of all cores (PM QoS);
//! cores that sleep deeper are woken then, without work. Before a run everything has been asleep for long.

use super::idle_setup::{IdleSetup, NamedIdleState};
use crate::physics::dvfs::{IdleHistory, IdleState, LONG_IDLE, deepest_fitting};
use crate::soc::ResourceId;
use crate::units::{SimDuration, SimTime};

/// What a core or device is doing, as far as sleep goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Has work.
    Awake,
    /// Waits for interrupts.
    Shallow,
    /// In a state of its own.
    Asleep(usize),
    /// Leaves a state.
    Waking(SimTime),
}

#[derive(Debug)]
pub(super) struct Core {
    pub domain: usize,
    /// Shared state that it takes part in.
    pub group: Option<usize>,
    pub phase: Phase,
    /// Since when it is idle, as its governor sees it; `None`: for long.
    since: Option<SimTime>,
    /// When the entry into its state is complete.
    pub entered: SimTime,
    /// When its governor or driver looks again, or it is awake.
    due: SimTime,
    history: IdleHistory,
    /// Idle power now / idle power without sleep.
    share: f64,
    changed: bool,
    pub booked: SimTime,
    /// Times: without a state, in each own state, in the shared state, waking. Entries of own states and of the shared one.
    pub times: Vec<SimDuration>,
    pub entries: Vec<u64>,
    pub wake_ups: u64,
}

#[derive(Debug)]
pub(super) struct Group {
    members: usize,
    /// Members in their deepest own state.
    asleep: usize,
    /// When the entry into the state is complete, while it is entered.
    pub entered: Option<SimTime>,
    /// When it has been left.
    up: SimTime,
}

/// All idle states.
#[derive(Debug)]
pub(super) struct Idle<'a> {
    pub setup: &'a IdleSetup,
    is_cpu: Vec<bool>,
    tick: SimDuration,
    pub cores: Vec<Core>,
    pub groups: Vec<Group>,
    /// Next timer of each stream.
    timers: Vec<SimTime>,
    next: SimTime,
    /// Whether a share has changed.
    pub changed: bool,
}

impl<'a> Idle<'a> {
    /// Everything asleep since long.
    pub(super) fn new(
        setup: &'a IdleSetup,
        domain_of: &[u16],
        is_cpu: Vec<bool>,
        tick: SimDuration,
        streams: usize,
    ) -> Self {
        let core = |domain: &u16| {
            let domain = usize::from(*domain);
            let own = setup.states[domain].len();
            let phase = own.checked_sub(1).map_or(Phase::Shallow, Phase::Asleep);
            Core {
                domain,
                group: setup.shared.iter().position(|shared| shared.domains >> domain & 1 == 1),
                phase,
                since: None,
                entered: SimTime::ZERO,
                due: SimTime::NEVER,
                history: IdleHistory::default(),
                share: 1.0,
                changed: true,
                booked: SimTime::ZERO,
                times: vec![SimDuration::ZERO; own + 3],
                entries: vec![0; own + 1],
                wake_ups: 0,
            }
        };
        let cores: Vec<Core> = domain_of.iter().map(core).collect();
        let group = |number: usize| {
            let members = cores.iter().filter(|core| core.group == Some(number)).count();
            Group {
                members,
                asleep: members,
                entered: (members > 0).then_some(SimTime::ZERO),
                up: SimTime::ZERO,
            }
        };
        let groups = (0..setup.shared.len()).map(group).collect();
        let timers = vec![SimTime::NEVER; streams];
        let mut idle =
            Self { setup, is_cpu, tick, cores, groups, timers, next: SimTime::NEVER, changed: true };
        (0..idle.cores.len()).for_each(|core| idle.share(core));
        idle
    }

    /// When something is due.
    pub(super) const fn next(&self) -> SimTime {
        self.next
    }

    /// The next arrival of a periodic stream is due.
    pub(super) fn set_timer(&mut self, stream: u16, at: SimTime) {
        if let Some(timer) = self.timers.get_mut(usize::from(stream)) {
            *timer = at;
        }
    }

    /// Whether a core is neither asleep nor without work.
    pub(super) fn is_awake(&self, core: usize) -> bool {
        self.cores[core].phase == Phase::Awake
    }

    fn deepest(&self, core: usize) -> Option<usize> {
        self.setup.states[self.cores[core].domain].len().checked_sub(1)
    }

    fn own(&self, core: usize, state: usize) -> IdleState {
        self.setup.states[self.cores[core].domain][state].state
    }

    /// Brings the power of a core up to date. What wakes it from a shared state has told [`Idle::wake`].
    fn share(&mut self, core: usize) {
        let own = &self.cores[core];
        let share = match own.phase {
            Phase::Awake | Phase::Shallow => 1.0,
            Phase::Waking(_) => return,
            Phase::Asleep(state) => match own.group {
                Some(group) if self.groups[group].entered.is_some() => {
                    self.setup.shared[group].state.state.power_share
                }
                _ => self.own(core, state).power_share,
            },
        };
        self.set_share(core, share);
    }

    fn set_share(&mut self, core: usize, share: f64) {
        let own = &mut self.cores[core];
        if share.to_bits() != own.share.to_bits() {
            (own.share, own.changed) = (share, true);
            self.changed = true;
        }
    }

    fn enter(&mut self, now: SimTime, core: usize, phase: Phase) {
        self.book(now, core);
        let own = &mut self.cores[core];
        (own.phase, own.due, own.changed) = (phase, SimTime::NEVER, true);
        self.changed = true;
        self.share(core);
    }

    fn find_next(&mut self) {
        self.next = self.cores.iter().map(|core| core.due).min().unwrap_or(SimTime::NEVER);
    }

    /// Longest exit latency that cores may have at present.
    fn limit(&self) -> SimDuration {
        // A driver lets go when it puts its device to sleep, one without such a state when the device falls idle.
        let held = self.cores.iter().filter(|core| match core.phase {
            Phase::Awake | Phase::Waking(_) => true,
            Phase::Shallow => !self.setup.states[core.domain].is_empty(),
            Phase::Asleep(_) => false,
        });
        held.filter_map(|core| self.setup.exit_limits[core.domain]).min().unwrap_or(SimDuration(u64::MAX))
    }

    /// Work has come to a core or device: it leaves its state. Returns when it can run.
    pub(super) fn wake(&mut self, now: SimTime, resource: ResourceId) -> SimTime {
        let core = usize::from(resource.0);
        let at = self.rouse(now, core);
        if let Some(limit) = self.setup.exit_limits[self.cores[core].domain] {
            self.impose(now, limit);
        }
        self.find_next();
        at
    }

    fn rouse(&mut self, now: SimTime, core: usize) -> SimTime {
        let state = match self.cores[core].phase {
            Phase::Awake => return now,
            Phase::Waking(until) if until > now => return until,
            Phase::Waking(_) => {
                self.enter(now, core, Phase::Awake);
                return now;
            }
            Phase::Shallow => None,
            Phase::Asleep(state) => Some(state),
        };
        if let Some(since) = self.cores[core].since {
            self.cores[core].history.note(now.since(since));
        }
        let Some(state) = state else {
            self.enter(now, core, Phase::Awake);
            return now;
        };
        self.book(now, core);
        let own = self.own(core, state);
        let delay = |state: &IdleState, entered: SimTime| entered.since(now) + state.exit;
        let mut until = now + delay(&own, self.cores[core].entered);
        let mut share = own.wake_power_share();
        if let Some(group) = self.cores[core].group {
            if Some(state) == self.deepest(core) {
                self.groups[group].asleep -= 1;
            }
            if let Some(entered) = self.groups[group].entered {
                self.book_group(now, group);
                let shared = &self.setup.shared[group].state.state;
                self.groups[group].entered = None;
                self.groups[group].up = now + delay(shared, entered);
                share = shared.wake_power_share();
                for member in 0..self.cores.len() {
                    if member != core && self.cores[member].group == Some(group) {
                        self.share(member);
                    }
                }
            }
            until = until.max(self.groups[group].up);
        }
        self.cores[core].wake_ups += 1;
        if until <= now {
            self.enter(now, core, Phase::Awake);
            return now;
        }
        let own = &mut self.cores[core];
        (own.phase, own.due, own.changed, own.share) = (Phase::Waking(until), until, true, share);
        self.changed = true;
        until
    }

    /// Cores that sleep deeper than the limit leave their states.
    fn impose(&mut self, now: SimTime, limit: SimDuration) {
        for core in 0..self.cores.len() {
            let Phase::Asleep(state) = self.cores[core].phase else { continue };
            if self.is_cpu[self.cores[core].domain] && self.own(core, state).exit > limit {
                self.rouse(now, core);
            }
        }
    }

    /// A core or device has no more work.
    pub(super) fn rest(&mut self, now: SimTime, resource: ResourceId) {
        self.choose(now, usize::from(resource.0));
        self.find_next();
    }

    /// The governor of a core chooses a state, or the driver of a device begins to wait.
    fn choose(&mut self, now: SimTime, core: usize) {
        let domain = self.cores[core].domain;
        self.cores[core].since = Some(now);
        let setup = self.setup;
        let states = &setup.states[domain];
        if !self.is_cpu[domain] {
            self.enter(now, core, Phase::Shallow);
            if let Some(first) = states.first() {
                self.cores[core].due = now + first.state.residency;
            }
            return;
        }
        let (limit, typical) = (self.limit(), self.cores[core].history.typical());
        let expected = typical.unwrap_or(SimDuration(u64::MAX));
        // As deepest_fitting has it, over states that have names.
        let fits = |named: &NamedIdleState| deepest_fitting(&[named.state], expected, limit).is_some();
        let chosen = states.iter().rposition(fits);
        match chosen {
            Some(state) => self.fall_asleep(now, core, state),
            None => self.enter(now, core, Phase::Shallow),
        }
        if chosen != self.deepest(core) && expected < self.tick {
            self.cores[core].due = SimTime((now.0 / self.tick.0 + 1) * self.tick.0);
        }
    }

    fn fall_asleep(&mut self, now: SimTime, core: usize, state: usize) {
        let entry = self.own(core, state).entry;
        self.enter(now, core, Phase::Asleep(state));
        self.cores[core].entered = now + entry;
        self.cores[core].entries[state] += 1;
        let Some(number) = self.cores[core].group.filter(|_| Some(state) == self.deepest(core)) else {
            return;
        };
        self.groups[number].asleep += 1;
        let shared = self.setup.shared[number].state.state;
        let timer = self.timers.iter().filter(|timer| **timer >= now).min();
        let free = timer.is_none_or(|timer| timer.since(now) >= shared.residency);
        if self.groups[number].asleep == self.groups[number].members && free && shared.exit <= self.limit() {
            self.book_group(now, number);
            self.groups[number].entered = Some(now + shared.entry);
            for member in 0..self.cores.len() {
                if self.cores[member].group == Some(number) {
                    if let Some(entries) = self.cores[member].entries.last_mut() {
                        *entries += 1;
                    }
                    self.share(member);
                }
            }
        }
    }

    /// Handles what is due; `has_work` says whether a core that is awake now has something to do.
    pub(super) fn step(&mut self, now: SimTime, has_work: impl Fn(usize) -> bool) {
        if self.next > now {
            return;
        }
        for core in 0..self.cores.len() {
            if self.cores[core].due > now {
                continue;
            }
            let domain = self.cores[core].domain;
            match self.cores[core].phase {
                Phase::Waking(_) if has_work(core) => self.enter(now, core, Phase::Awake),
                Phase::Waking(_) => self.choose(now, core),
                Phase::Awake => self.cores[core].due = SimTime::NEVER,
                _ if self.is_cpu[domain] => {
                    // The tick has come first: the prediction was too short.
                    self.cores[core].history.note(LONG_IDLE);
                    self.choose(now, core);
                }
                phase => {
                    let next = if let Phase::Asleep(state) = phase { state + 1 } else { 0 };
                    self.fall_asleep(now, core, next);
                    let states = &self.setup.states[domain];
                    let since = self.cores[core].since.unwrap_or(now);
                    if let Some(deeper) = states.get(next + 1) {
                        self.cores[core].due = since + deeper.state.residency;
                    }
                }
            }
        }
        self.find_next();
    }

    /// Tells the shares of idle power that have changed.
    pub(super) fn take_changes(&mut self, mut tell: impl FnMut(usize, f64, bool)) {
        self.changed = false;
        for (number, core) in self.cores.iter_mut().enumerate() {
            if std::mem::take(&mut core.changed) {
                tell(number, core.share, matches!(core.phase, Phase::Waking(_)));
            }
        }
    }
}
