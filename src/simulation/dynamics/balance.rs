//! Load balancing: when a thread that waits on one core moves to another.
//!
//! `kernel/sched/fair.c` up to Linux 5.15 (phones of the Snapdragon 855 run 4.14): a core that falls idle pulls a thread from the
//! busiest core, unless its idle spans (`avg_idle`, a running mean with weight 1/8, at most twice the migration cost) are shorter
//! than the migration cost (`newidle_balance`). Beside that, every idle core looks each balancing interval, a millisecond per core
//! on a tick, and a busy one each 32 intervals (`busy_factor`) for a core with two more. No one takes a thread that runs, or that ran
//! within the migration cost (`task_hot`). So short waits at barriers move nobody.

use super::background::Background;
use super::tasks::BackgroundKind;
use crate::physics::scheduler::{FairQueue, SliceRule};
use crate::units::{SimDuration, SimTime};

/// Intervals after which a busy core looks for more work.
const BUSY_FACTOR: u64 = 32;

/// When cores are balanced.
#[derive(Debug)]
pub(super) struct Balance {
    cost: SimDuration,
    interval: SimDuration,
    /// When it is due; never while no thread waits that may move.
    pub at: SimTime,
}

impl Balance {
    pub(super) fn new(rule: SliceRule, is_core: &[bool]) -> Self {
        let cores = is_core.iter().filter(|is_core| **is_core).count() as u64;
        // `sd_weight` milliseconds, seen at ticks.
        let tick = rule.tick.0.max(1);
        let interval = SimDuration((cores * 1_000_000_000).div_ceil(tick).max(1) * tick);
        Self { cost: rule.migration_cost, interval, at: SimTime::NEVER }
    }
}

impl Background<'_> {
    /// Balances cores as far as it is due.
    pub(super) fn balance(&mut self, now: SimTime) {
        for core in 0..self.cores.len() {
            let runnable = self.runnable(core);
            let (cost, own) = (self.balance.cost, &mut self.cores[core]);
            if runnable > 0 {
                if let Some(since) = own.idle_since.take() {
                    let (span, mean) = (now.since(since).0, own.mean_idle.0);
                    let moved = mean - mean / 8 + span / 8;
                    own.mean_idle = SimDuration(moved.min(cost.0 * 2));
                }
            } else if own.idle_since.is_none() {
                own.idle_since = Some(now);
                if own.mean_idle >= cost {
                    self.pull(now, core, 2);
                }
            }
        }
        if self.balance.at <= now {
            let looks = now.0 / self.balance.interval.0;
            for core in 0..self.cores.len() {
                let runnable = self.runnable(core);
                if runnable == 0 || looks.is_multiple_of(BUSY_FACTOR) {
                    self.pull(now, core, runnable + 2);
                }
            }
        }
        let waits = (0..self.tasks.len()).any(|task| self.waits(task));
        let interval = self.balance.interval.0;
        self.balance.at =
            if waits { SimTime((now.0 / interval + 1).saturating_mul(interval)) } else { SimTime::NEVER };
    }

    fn runnable(&self, core: usize) -> usize {
        self.cores[core].queue.as_ref().map_or(0, FairQueue::runnable)
    }

    /// Whether a task is a thread that waits for its core and may use others.
    fn waits(&self, number: usize) -> bool {
        let task = &self.tasks[number];
        let BackgroundKind::Thread { cores, .. } = &task.setup.kind else { return false };
        let queue = self.cores.get(usize::from(task.at)).and_then(|core| core.queue.as_ref());
        cores.len() > 1 && task.ready && queue.is_some_and(|queue| queue.running() != Some(number as u32 + 1))
    }

    /// A core takes a thread from the busiest core that has at least so many: of those that may come, the one that has waited
    /// longest, then the first.
    fn pull(&mut self, now: SimTime, core: usize, least: usize) {
        let cost = self.balance.cost;
        let may_come = |number: &usize| {
            let task = &self.tasks[*number];
            let BackgroundKind::Thread { cores, .. } = &task.setup.kind else { return false };
            // What has not run yet has nothing in any cache.
            let hot = task.ran > SimTime::ZERO && now.since(task.ran) < cost;
            usize::from(task.at) != core
                && cores.iter().any(|allowed| usize::from(allowed.0) == core)
                && self.runnable(usize::from(task.at)) >= least
                && !hot
                && self.waits(*number)
        };
        let busy = |number: &usize| self.runnable(usize::from(self.tasks[*number].at));
        let order = |number: &usize| (std::cmp::Reverse(busy(number)), self.tasks[*number].ran, *number);
        let Some(number) = (0..self.tasks.len()).filter(may_come).min_by_key(order) else { return };
        let task = &mut self.tasks[number];
        let BackgroundKind::Thread { weight, .. } = &task.setup.kind else { return };
        let (weight, from) = (*weight, usize::from(task.at));
        task.at = core as u16;
        if let Some(queue) = &mut self.cores[from].queue {
            queue.remove(number as u32 + 1, now);
        }
        let target = &mut self.cores[core];
        target.idle_since = None;
        if let Some(queue) = &mut target.queue {
            queue.wake(number as u32 + 1, weight, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tasks::{BackgroundSetup, Pattern};
    use super::*;
    use crate::engine::ActivityTable;
    use crate::soc::ResourceId;

    const fn us(micros: u64) -> SimTime {
        SimTime(micros * 1_000_000)
    }

    /// One free thread on two cores; woken threads preempt at once, ticks and intervals of 4 ms.
    fn setup() -> ([BackgroundSetup; 1], SliceRule) {
        let kind = BackgroundKind::Thread { cores: vec![ResourceId(0), ResourceId(1)], weight: 1024 };
        let thread = BackgroundSetup {
            name: "free".into(),
            kind,
            memory_rate: 0.0,
            memory_weight: 1.0,
            first: false,
            pattern: Pattern::Always,
        };
        ([thread], SliceRule { wakeup: SimDuration::ZERO, ..SliceRule::for_cores(2) })
    }

    fn start<'a>(setups: &'a [BackgroundSetup], rule: SliceRule) -> Background<'a> {
        let mut background = Background::new(setups, &[true, true], rule, 0);
        assert_eq!(background.balance.interval, SimDuration(4_000_000_000));
        wants(&mut background, us(0), 0, true);
        wants(&mut background, us(0), 1, true);
        background.step(us(0), &mut ActivityTable::new(3), |_, _| {});
        background.settle(us(0), None, |_| true);
        // Both cores are taken; it queues up on the last.
        assert_eq!((background.tasks[0].at, background.tasks[0].running), (1, false));
        background
    }

    fn wants(background: &mut Background<'_>, now: SimTime, core: u16, wants: bool) {
        background.set_wants(ResourceId(core), wants);
        background.let_leave(now);
        background.settle(now, None, |_| true);
    }

    /// Would catch threads that follow every idle moment, and threads that never move.
    #[test]
    fn a_hot_thread_waits_for_the_balancing_interval() {
        let (setups, rule) = setup();
        let mut background = start(&setups, rule);
        // Core 0 falls idle at 1 ms and takes the thread, which has not run yet.
        wants(&mut background, us(1000), 0, false);
        assert_eq!((background.tasks[0].at, background.tasks[0].running), (0, true));
        // At 2 ms it is preempted there: it ran 1 ms, the worker of core 0 slept meanwhile.
        wants(&mut background, us(2000), 0, true);
        assert_eq!((background.tasks[0].at, background.tasks[0].running), (0, false));
        // Core 1 falls idle 0.3 ms later: the thread is hot.
        wants(&mut background, us(2300), 1, false);
        assert_eq!(background.tasks[0].at, 0);
        // At the next interval it is not.
        assert_eq!(background.balance.at, us(4000));
        background.settle(us(4000), None, |_| true);
        assert_eq!((background.tasks[0].at, background.tasks[0].running), (1, true));
        assert_eq!(background.balance.at, SimTime::NEVER, "nobody waits");
    }

    /// Barriers of 0.1 ms: mean_idle = 0.1 + 0.9 (7/8)^k ms falls below 0.5 at k = 7 (0.4534), and the core no longer pulls.
    #[test]
    fn a_core_with_short_idle_spans_does_not_pull() {
        let (setups, rule) = setup();
        let mut background = start(&setups, rule);
        background.tasks[0].ran = us(1_000_000);
        let mut now = 1_000_000;
        let mut means = Vec::new();
        for _ in 0..7 {
            // The thread is hot each time (it ran at `now`), so that nothing moves while the mean is learned.
            background.tasks[0].ran = us(now);
            wants(&mut background, us(now), 0, false);
            assert_eq!(background.tasks[0].at, 1);
            wants(&mut background, us(now + 100), 0, true);
            means.push(background.cores[0].mean_idle.micros());
            now += 200;
        }
        assert!((means[5] - 503.9).abs() < 0.1 && (means[6] - 453.4).abs() < 0.1, "{means:?}");
        // Long not run, but the core does not look.
        background.tasks[0].ran = us(1);
        background.balance.at = SimTime::NEVER;
        wants(&mut background, us(now), 0, false);
        assert_eq!(background.tasks[0].at, 1);
    }
}
