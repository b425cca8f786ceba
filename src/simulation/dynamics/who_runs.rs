//! Who runs beside units: applying wishes, balancing idle cores, starting frames.

use super::background::{Background, Task, WORKER};
use super::idle::Idle;
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

    /// Applies wishes, balances cores, and finds out who runs. `may_start(device)` says whether a frame that
    /// waits for the end of an operator may begin. Returns whether anything changed.
    /// `idle` is asked to wake what has got work.
    pub(super) fn settle(
        &mut self,
        now: SimTime,
        mut idle: Option<&mut Idle<'_>>,
        may_start: impl Fn(usize) -> bool,
    ) -> bool {
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
            // What sleeps wakes first; the end of that is an event of the idle states.
            let awake = |idle: &mut Idle<'_>| idle.wake(now, ResourceId(at as u16)) <= now;
            let has = runs;
            let runs = has && (at >= self.resources || idle.as_deref_mut().is_none_or(awake));
            // Then this is asked again.
            self.touched |= has && !runs;
            let task = &mut self.tasks[number];
            if runs != task.running {
                if task.running {
                    task.outcome.busy += now.since(task.since);
                    task.ran = now;
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
}
