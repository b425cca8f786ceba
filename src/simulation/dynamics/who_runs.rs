//! Who runs beside units: applying wishes, balancing idle cores, starting frames.

use super::background::{Background, Task, WORKER};
use super::tasks::BackgroundKind;
use crate::physics::scheduler::{FairQueue, NICE_0};
use crate::soc::ResourceId;
use crate::units::SimTime;

impl Background<'_> {
    /// Whether [`Background::settle`] could change anything: it is a function of threads, wishes and frames, and at rest once
    /// it has been applied; only a frame that waits for the end of an operator looks at what operators do.
    pub(super) fn is_settled(&self) -> bool {
        let waits = |task: &Task<'_>| {
            task.ready && !task.running && matches!(task.setup.kind, BackgroundKind::Render { .. })
        };
        !self.touched && !self.tasks.iter().any(waits)
    }

    /// Applies wishes, moves threads to idle cores, and finds out who runs. `may_start(device)` says whether a frame that
    /// waits for the end of an operator may begin. Returns whether anything changed.
    pub(super) fn settle(&mut self, now: SimTime, may_start: impl Fn(usize) -> bool) -> bool {
        for core in self.cores.iter_mut().filter(|core| core.wants && !core.known) {
            core.known = true;
            if let Some(queue) = &mut core.queue {
                queue.wake(WORKER, NICE_0, now);
            }
        }
        self.touched = false;
        self.balance(now);
        let mut changed = false;
        for number in 0..self.tasks.len() {
            let at = usize::from(self.tasks[number].at);
            let free = !self.tasks.iter().any(|other| other.running && usize::from(other.at) == at);
            let task = &self.tasks[number];
            let runs = task.ready
                && match &task.setup.kind {
                    BackgroundKind::Thread { .. } => {
                        self.cores[at].queue.as_ref().and_then(FairQueue::running) == Some(number as u32 + 1)
                    }
                    BackgroundKind::Render { immediate, .. } => {
                        task.running || (free && (*immediate || may_start(at)))
                    }
                    BackgroundKind::Traffic => true,
                };
            let task = &mut self.tasks[number];
            if runs != task.running {
                if task.running {
                    task.outcome.busy += now.since(task.since);
                }
                (task.running, task.since, task.pending) = (runs, now, task.pending && !runs);
                changed = true;
            }
        }
        for core in &mut self.cores {
            core.switch = core.queue.as_ref().and_then(FairQueue::next_switch).unwrap_or(SimTime::NEVER);
        }
        self.find_next();
        changed
    }

    /// Idle balancing: a core without work takes over a thread that waits elsewhere and may run on it.
    fn balance(&mut self, now: SimTime) {
        for number in 0..self.tasks.len() {
            let task = &self.tasks[number];
            let BackgroundKind::Thread { cores, weight } = &task.setup.kind else { continue };
            let at = usize::from(task.at);
            let waits = |queue: &FairQueue| queue.running() != Some(number as u32 + 1);
            if cores.len() < 2 || !task.ready || !self.cores[at].queue.as_ref().is_some_and(waits) {
                continue;
            }
            let idle = |core: &&ResourceId| {
                self.cores[usize::from(core.0)].queue.as_ref().is_some_and(|queue| queue.runnable() == 0)
            };
            let Some(&target) = cores.iter().rev().find(idle) else { continue };
            if let Some(queue) = &mut self.cores[at].queue {
                queue.remove(number as u32 + 1, now);
            }
            self.tasks[number].at = target.0;
            if let Some(queue) = &mut self.cores[usize::from(target.0)].queue {
                queue.wake(number as u32 + 1, *weight, now);
            }
        }
    }
}
