//! Competing work in a run: threads under the fair scheduler, frames on a device, traffic.

use super::tasks::{BackgroundKind, BackgroundOutcome, BackgroundSetup, Pattern};
use crate::engine::ActivityTable;
use crate::physics::scheduler::{FairQueue, SliceRule};
use crate::random::{self, Stream};
use crate::soc::ResourceId;
use crate::units::{SimDuration, SimTime};

/// The number of the thread that works for the unit on its core; those of competing threads follow.
pub(super) const WORKER: u32 = 0;
/// Competing work comes after everything else that ends at the same time.
const LAST: u64 = u64::MAX - (1 << 32);

/// All competing work.
#[derive(Debug)]
pub(super) struct Background<'a> {
    pub tasks: Vec<Task<'a>>,
    pub cores: Vec<Core>,
    /// Cores and devices, whose activities come first in the table.
    resources: usize,
    next: SimTime,
    /// Whether anything has happened since [`Background::settle`] that may change who runs.
    pub touched: bool,
}

/// A source in action.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub setup: &'a BackgroundSetup,
    stream: Stream,
    /// Core or device that it is on.
    pub at: u16,
    /// Whether it has work.
    pub ready: bool,
    /// Whether it runs.
    pub running: bool,
    pub since: SimTime,
    /// When its pattern has the next thing in store.
    due: SimTime,
    /// Position in a trace, and the share of the rate.
    position: usize,
    share: f64,
    /// Whether a frame waits for the device.
    pub pending: bool,
    /// Bytes per second served at present.
    served: f64,
    served_since: SimTime,
    pub outcome: BackgroundOutcome,
}

#[derive(Debug)]
pub(super) struct Core {
    /// Whether anything may compete for it.
    contested: bool,
    /// Threads of a CPU core; `None` for devices.
    pub queue: Option<FairQueue>,
    /// Whether the unit's thread wants the core, and what the queue knows.
    pub wants: bool,
    pub known: bool,
    pub switch: SimTime,
}

impl<'a> Background<'a> {
    pub(super) fn new(setups: &'a [BackgroundSetup], is_core: &[bool], rule: SliceRule, seed: u64) -> Self {
        let contested = |number: usize| {
            setups.iter().any(|setup| match &setup.kind {
                BackgroundKind::Thread { cores, .. } => {
                    cores.iter().any(|core| usize::from(core.0) == number)
                }
                BackgroundKind::Render { device, .. } => usize::from(device.0) == number,
                BackgroundKind::Traffic => false,
            })
        };
        let core = |(number, is_core): (usize, &bool)| Core {
            contested: contested(number),
            queue: is_core.then(|| FairQueue::new(rule)),
            wants: false,
            known: false,
            switch: SimTime::NEVER,
        };
        let task = |(number, setup): (usize, &'a BackgroundSetup)| {
            let mut stream = random::stream(seed, "background", &[number as u64]);
            let due = match (&setup.pattern, &setup.kind) {
                (_, BackgroundKind::Render { .. }) | (Pattern::Always, _) => SimTime::ZERO,
                (Pattern::Bursts { gap, .. }, _) => SimTime::ZERO + gap.draw(&mut stream),
                (Pattern::Trace(points), _) => points.first().map_or(SimTime::NEVER, |(at, _)| *at),
            };
            let at = match &setup.kind {
                BackgroundKind::Thread { cores, .. } => cores.first().map_or(0, |core| core.0),
                BackgroundKind::Render { device, .. } => device.0,
                BackgroundKind::Traffic => u16::MAX,
            };
            Task {
                stream,
                at,
                ready: false,
                running: false,
                since: SimTime::ZERO,
                due,
                position: 0,
                share: 1.0,
                pending: false,
                served: 0.0,
                served_since: SimTime::ZERO,
                outcome: BackgroundOutcome {
                    name: setup.name.clone(),
                    draws: matches!(setup.kind, BackgroundKind::Render { .. }),
                    ..BackgroundOutcome::default()
                },
                setup,
            }
        };
        let mut background = Self {
            tasks: setups.iter().enumerate().map(task).collect(),
            cores: is_core.iter().enumerate().map(core).collect(),
            resources: is_core.len(),
            next: SimTime::ZERO,
            touched: true,
        };
        background.find_next();
        background
    }

    pub(super) fn find_next(&mut self) {
        let tasks = self.tasks.iter().map(|task| task.due);
        self.next = tasks.chain(self.cores.iter().map(|core| core.switch)).min().unwrap_or(SimTime::NEVER);
    }

    /// When something is due.
    pub(super) const fn next(&self) -> SimTime {
        self.next
    }

    /// The unit's thread on a core wants to run, or no longer does.
    pub(super) fn set_wants(&mut self, resource: ResourceId, wants: bool) {
        let core = &mut self.cores[usize::from(resource.0)];
        self.touched |= core.wants != wants;
        core.wants = wants;
    }

    /// Something outside has happened that bears on who runs.
    pub(super) const fn touch(&mut self) {
        self.touched = true;
    }

    /// Whether the unit's thread has its core, or a unit its device.
    pub(super) fn has(&self, resource: usize) -> bool {
        let core = &self.cores[resource];
        if !core.contested {
            return true;
        }
        match &core.queue {
            Some(queue) => queue.running() == Some(WORKER),
            None => !self.competes(resource),
        }
    }

    /// Whether anything may compete for a core or device.
    pub(super) fn is_contested(&self, resource: ResourceId) -> bool {
        self.cores[usize::from(resource.0)].contested
    }

    /// Whether competing work runs on a core or device.
    pub(super) fn competes(&self, resource: usize) -> bool {
        self.tasks.iter().any(|task| task.running && usize::from(task.at) == resource)
    }

    /// Competing threads that want a core, or frames that want a device, at present.
    pub(super) fn rivals(&self, resource: usize) -> usize {
        self.tasks.iter().filter(|task| task.ready && usize::from(task.at) == resource).count()
    }

    /// The core or device that a task is on; `None` for traffic.
    pub(super) fn place(&self, task: usize) -> Option<usize> {
        let at = usize::from(self.tasks[task].at);
        (at < self.resources).then_some(at)
    }

    /// Bytes per second that a task demands at present.
    pub(super) fn demand(&self, task: usize) -> f64 {
        let task = &self.tasks[task];
        if task.running { task.setup.memory_rate * task.share } else { 0.0 }
    }

    /// Whether memory serves a task before everybody else.
    pub(super) fn is_first(&self, task: usize) -> bool {
        self.tasks[task].setup.first
    }

    /// Bytes per second that memory serves each task.
    pub(super) fn served_rates(&self) -> impl Iterator<Item = (usize, f64)> {
        self.tasks.iter().enumerate().map(|(number, task)| (number, task.served))
    }

    /// Memory serves a task at another rate from now on.
    pub(super) fn serve(&mut self, now: SimTime, task: usize, rate: f64) {
        let task = &mut self.tasks[task];
        task.outcome.bytes += task.served * now.since(task.served_since).seconds();
        (task.served, task.served_since) = (rate, now);
    }

    /// Handles what is due; missed and shown frames go to `tell`.
    pub(super) fn step(
        &mut self,
        now: SimTime,
        activities: &mut ActivityTable,
        mut tell: impl FnMut(u16, bool),
    ) {
        self.touched = true;
        for number in 0..self.tasks.len() {
            if self.tasks[number].due <= now {
                self.task_due(now, number, activities, &mut tell);
            }
        }
        for core in &mut self.cores {
            if core.switch <= now
                && let Some(queue) = &mut core.queue
            {
                queue.switch(now);
            }
        }
    }

    fn task_due(
        &mut self,
        now: SimTime,
        number: usize,
        activities: &mut ActivityTable,
        tell: &mut impl FnMut(u16, bool),
    ) {
        let slot = self.resources + number;
        let task = &mut self.tasks[number];
        task.due = SimTime::NEVER;
        let setup = task.setup;
        if let BackgroundKind::Render { period, frame, .. } = &setup.kind {
            task.due = now + *period;
            // The first refresh has nothing to show yet.
            let first = task.outcome.completed + task.outcome.missed == 0 && !task.ready;
            if task.ready {
                task.outcome.missed += 1;
                tell(number as u16, true);
                return;
            }
            if !first {
                tell(number as u16, false);
            }
            let work = frame.draw(&mut task.stream);
            (task.ready, task.pending) = (true, true);
            activities.start(slot, now, work, 0.0, LAST + number as u64);
            return;
        }
        match &setup.pattern {
            Pattern::Always => self.begin(now, number),
            Pattern::Bursts { length, .. } => {
                let work = length.draw(&mut task.stream);
                activities.start(slot, now, work, 0.0, LAST + number as u64);
                self.begin(now, number);
            }
            Pattern::Trace(points) => {
                let share = points.get(task.position).map_or(0.0, |(_, share)| *share);
                task.position += 1;
                task.due = points.get(task.position).map_or(SimTime::NEVER, |(at, _)| *at);
                task.share = if matches!(setup.kind, BackgroundKind::Traffic) { share } else { 1.0 };
                match (share > 0.0, task.ready) {
                    (true, false) => self.begin(now, number),
                    (false, true) => self.end(now, number),
                    _ => {}
                }
            }
        }
    }

    /// A task has work.
    fn begin(&mut self, now: SimTime, number: usize) {
        let setup = self.tasks[number].setup;
        self.tasks[number].ready = true;
        if let BackgroundKind::Thread { cores, weight } = &setup.kind {
            let load = |core: &&ResourceId| {
                let core = &self.cores[usize::from(core.0)];
                let worker = usize::from(core.wants && !core.known);
                core.queue.as_ref().map_or(0, FairQueue::runnable) + worker
            };
            // The least loaded core, the last of several: the operating system numbers the fastest ones last.
            let Some(core) = cores.iter().rev().min_by_key(load) else { return };
            self.tasks[number].at = core.0;
            if let Some(queue) = &mut self.cores[usize::from(core.0)].queue {
                queue.wake(number as u32 + 1, *weight, now);
            }
        }
    }

    /// A task has no more work.
    fn end(&mut self, now: SimTime, number: usize) {
        let task = &mut self.tasks[number];
        task.ready = false;
        let at = usize::from(task.at);
        if let Some(queue) = self.cores.get_mut(at).and_then(|core| core.queue.as_mut()) {
            queue.sleep(number as u32 + 1, now);
        }
    }

    /// A burst or frame is done.
    pub(super) fn ended(&mut self, now: SimTime, slot: usize, activities: &mut ActivityTable) {
        activities.clear(slot);
        self.touched = true;
        let number = slot - self.resources;
        self.tasks[number].outcome.completed += 1;
        self.end(now, number);
        let task = &mut self.tasks[number];
        if let Pattern::Bursts { gap, .. } = &task.setup.pattern
            && !matches!(task.setup.kind, BackgroundKind::Render { .. })
        {
            task.due = now + gap.draw(&mut task.stream);
        }
    }

    /// Whether the thread of a unit has nothing to do, but has not gone to sleep yet.
    pub(super) fn is_leaving(&self) -> bool {
        self.cores.iter().any(|core| core.known && !core.wants)
    }

    /// Puts threads of units to sleep that found nothing to do at this time.
    pub(super) fn let_leave(&mut self, now: SimTime) {
        self.touched = true;
        for core in self.cores.iter_mut().filter(|core| core.known && !core.wants) {
            core.known = false;
            if let Some(queue) = &mut core.queue {
                queue.sleep(WORKER, now);
            }
        }
    }

    /// Books of every source at the end.
    pub(super) fn close(&mut self, end: SimTime) -> Vec<BackgroundOutcome> {
        for number in 0..self.tasks.len() {
            self.serve(end, number, 0.0);
            let task = &mut self.tasks[number];
            if task.running {
                task.outcome.busy += end.since(task.since);
                task.running = false;
            }
        }
        self.tasks.iter().map(|task| task.outcome.clone()).collect()
    }
}

/// Work of one worker of a set, rounded like the time of the whole.
pub(super) fn part(work: SimDuration, share: f64) -> SimDuration {
    if share >= 1.0 { work } else { SimDuration((work.0 as f64 * share).round() as u64) }
}
