//! Fair scheduling of the threads on one core: weighted virtual time, slices, preemption at ticks.
//!
//! The completely fair scheduler of the kernels of the phones modelled (`kernel/sched/fair.c` up to Linux 6.5:
//! `check_preempt_tick`, `wakeup_preempt_entity`, `place_entity`): a thread's virtual time grows by `1024 / weight` of the
//! time it runs; at a tick the running thread is preempted when its slice is used up, or when it is a slice ahead of the
//! neediest; a woken thread preempts when it is needier by more than the wake-up granularity. Nothing happens between
//! those moments, so the next switch is known in closed form and idle ticks are never played.

use crate::units::{SimDuration, SimTime};

/// Weight of a thread at nice 0.
pub const NICE_0: u64 = 1024;

/// Settings of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceRule {
    /// Span in which every runnable thread shall run once (`sched_latency`).
    pub latency: SimDuration,
    /// Shortest slice (`sched_min_granularity`).
    pub granularity: SimDuration,
    /// Lead that a woken thread needs to preempt (`sched_wakeup_granularity`).
    pub wakeup: SimDuration,
    /// Distance of the ticks at which a running thread can be preempted, above 0.
    pub tick: SimDuration,
    /// A thread that ran within this span is taken to have its data in the caches and is not moved, and a core whose idle spans
    /// are shorter does not look for work elsewhere (`sched_migration_cost`).
    pub migration_cost: SimDuration,
}

impl SliceRule {
    /// The kernel's defaults for a machine with `cores` cores: 6, 0.75 and 1 ms, times `1 + log2(min(cores, 8))`
    /// (logarithmic tunable scaling), ticks at 250 Hz, 500 us for migration.
    #[must_use]
    pub fn for_cores(cores: u32) -> Self {
        let factor = u64::from(1 + cores.clamp(1, 8).ilog2());
        let scaled = |micros: u64| SimDuration(micros * factor * 1_000_000);
        Self {
            latency: scaled(6000),
            granularity: scaled(750),
            wakeup: scaled(1000),
            tick: SimDuration(4_000_000_000),
            migration_cost: SimDuration(500_000_000),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thread {
    id: u32,
    weight: u64,
    /// Virtual time in ps.
    virtual_time: u128,
    runnable: bool,
}

/// The threads of one core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FairQueue {
    rule: SliceRule,
    threads: Vec<Thread>,
    /// Index of the running thread.
    running: Option<usize>,
    /// Since when it runs without having been picked anew.
    picked: SimTime,
    now: SimTime,
    /// `min_vruntime`, which never falls.
    least: u128,
}

const fn weigh(span: u128, weight: u64) -> u128 {
    span * NICE_0 as u128 / weight as u128
}

impl FairQueue {
    /// An empty core.
    #[must_use]
    pub const fn new(rule: SliceRule) -> Self {
        Self { rule, threads: Vec::new(), running: None, picked: SimTime::ZERO, now: SimTime::ZERO, least: 0 }
    }

    /// The running thread.
    #[must_use]
    pub fn running(&self) -> Option<u32> {
        self.running.and_then(|i| self.threads.get(i)).map(|thread| thread.id)
    }

    /// Number of threads that run or wait.
    #[must_use]
    pub fn runnable(&self) -> usize {
        self.threads.iter().filter(|thread| thread.runnable).count()
    }

    /// Accounts the time up to `now`.
    fn account(&mut self, now: SimTime) {
        let span = u128::from(now.since(self.now).0);
        self.now = self.now.max(now);
        if let Some(thread) = self.running.and_then(|i| self.threads.get_mut(i)) {
            thread.virtual_time += weigh(span, thread.weight);
        }
        if let Some(least) = self.threads.iter().filter(|t| t.runnable).map(|t| t.virtual_time).min() {
            self.least = self.least.max(least);
        }
    }

    /// The neediest runnable thread but one: least virtual time, then lowest id.
    fn neediest(&self, except: Option<usize>) -> Option<usize> {
        let waits = |(i, thread): &(usize, &Thread)| thread.runnable && Some(*i) != except;
        let need = |(_, thread): &(usize, &Thread)| (thread.virtual_time, thread.id);
        self.threads.iter().enumerate().filter(waits).min_by_key(need).map(|(i, _)| i)
    }

    fn pick(&mut self) {
        let time = |i: Option<usize>| {
            i.and_then(|i| self.threads.get(i)).filter(|t| t.runnable).map(|t| t.virtual_time)
        };
        // A preempted thread queues up behind those that are as needy.
        let other = self.neediest(self.running);
        self.running = match (time(self.running), time(other)) {
            (Some(own), Some(others)) if own < others => self.running,
            (Some(_), None) => self.running,
            _ => other,
        };
        self.picked = self.now;
    }

    /// A thread (new, or asleep) becomes runnable with a weight, at least 1. One that has slept keeps its virtual time but
    /// gains at most half a latency (`place_entity`). Returns whether it now runs.
    pub fn wake(&mut self, id: u32, weight: u64, now: SimTime) -> bool {
        self.account(now);
        let weight = weight.max(1);
        let credit = self.least.saturating_sub(u128::from(self.rule.latency.0 / 2));
        let index = match self.threads.iter().position(|thread| thread.id == id) {
            Some(index) => index,
            None => {
                // A new thread owes nothing and is owed nothing.
                self.threads.push(Thread { id, weight, virtual_time: self.least, runnable: false });
                self.threads.len() - 1
            }
        };
        if let Some(thread) = self.threads.get_mut(index)
            && !thread.runnable
        {
            thread.runnable = true;
            thread.weight = weight;
            thread.virtual_time = thread.virtual_time.max(credit);
        }
        let time = |i: usize| self.threads.get(i).map_or(0, |thread| thread.virtual_time);
        let preempts = match self.running {
            None => true,
            Some(current) => {
                // wakeup_preempt_entity: the granularity in the virtual time of the woken thread.
                current != index
                    && time(current) > time(index) + weigh(u128::from(self.rule.wakeup.0), weight)
            }
        };
        if preempts {
            self.running = Some(index);
            self.picked = now;
        }
        self.running == Some(index)
    }

    /// A thread is no longer runnable. Returns the running thread afterwards.
    pub fn sleep(&mut self, id: u32, now: SimTime) -> Option<u32> {
        self.account(now);
        let index = self.threads.iter().position(|thread| thread.id == id);
        if let Some(thread) = index.and_then(|i| self.threads.get_mut(i)) {
            thread.runnable = false;
        }
        if index.is_some() && self.running == index {
            self.pick();
        }
        self.running()
    }

    /// A thread is gone for good; its number may be used again. Returns the running thread afterwards.
    pub fn remove(&mut self, id: u32, now: SimTime) -> Option<u32> {
        self.sleep(id, now);
        if let Some(index) = self.threads.iter().position(|thread| thread.id == id) {
            self.threads.remove(index);
            self.running = self.running.map(|running| if running > index { running - 1 } else { running });
        }
        self.running()
    }

    /// Slice of the running thread: its share of the period in which all run once, at least the granularity
    /// (`sched_slice`).
    fn slice(&self, weight: u64) -> u64 {
        let runnable = self.runnable() as u64;
        let period = self.rule.latency.0.max(self.rule.granularity.0.saturating_mul(runnable));
        let total: u64 = self.threads.iter().filter(|t| t.runnable).map(|t| t.weight).sum();
        ((u128::from(period) * u128::from(weight) / u128::from(total.max(1))) as u64)
            .max(self.rule.granularity.0)
    }

    /// The first tick after `time`.
    fn tick_after(&self, time: u128) -> u128 {
        let tick = u128::from(self.rule.tick.0.max(1));
        (time / tick + 1) * tick
    }

    /// When the running thread will be preempted if no thread wakes or sleeps before; `None` while nobody waits.
    #[must_use]
    pub fn next_switch(&self) -> Option<SimTime> {
        let current = self.running?;
        let thread = self.threads.get(current)?;
        let other = self.threads.get(self.neediest(Some(current))?)?;
        let (picked, now) = (u128::from(self.picked.0), u128::from(self.now.0));
        let slice = u128::from(self.slice(thread.weight));
        let real = |lead: u128| (lead * u128::from(thread.weight)).div_ceil(u128::from(NICE_0));
        // From here on the other one is as needy.
        let behind = now + real(other.virtual_time.saturating_sub(thread.virtual_time));
        // Its slice is used up: at this tick, and again each slice after it when it is still the neediest.
        let first = self.tick_after(picked + slice);
        let again = self.tick_after(first + slice) - first;
        let used_up =
            if behind <= first { first } else { first + (behind - first).div_ceil(again.max(1)) * again };
        // It is ahead by more than a slice.
        let ahead = now + real((other.virtual_time + slice).saturating_sub(thread.virtual_time));
        let ahead =
            self.tick_after(ahead.max(picked + u128::from(self.rule.granularity.0).saturating_sub(1)));
        let at = used_up.min(ahead).max(now);
        Some(SimTime(u64::try_from(at).unwrap_or(u64::MAX)))
    }

    /// Performs the switch that [`FairQueue::next_switch`] announced. Returns the running thread afterwards.
    pub fn switch(&mut self, now: SimTime) -> Option<u32> {
        self.account(now);
        self.pick();
        self.running()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000_000;

    /// Plays the queue until `end`; run time of every thread 0..n.
    fn play(queue: &mut FairQueue, n: usize, end: SimTime) -> (Vec<f64>, usize) {
        let (mut ran, mut now, mut switches) = (vec![0.0; n], queue.now, 0);
        while now < end {
            let next = queue.next_switch().map_or(end, |at| at.min(end));
            assert!(next > now || queue.next_switch().is_none(), "time stands still at {now}");
            if let Some(running) = queue.running() {
                ran[running as usize] += next.since(now).seconds();
            }
            now = next;
            if now < end {
                let before = queue.running();
                let after = queue.switch(now);
                assert_ne!(before, after, "a switch switches");
                switches += 1;
            }
        }
        (ran, switches)
    }

    #[test]
    fn equal_threads_share_equally() {
        for n in 2..=4u32 {
            let mut queue = FairQueue::new(SliceRule::for_cores(2));
            (0..n).for_each(|id| {
                queue.wake(id, NICE_0, SimTime::ZERO);
            });
            let (ran, switches) = play(&mut queue, n as usize, SimTime(12_000 * MS));
            for share in &ran {
                assert!((share / 12.0 * f64::from(n) - 1.0).abs() < 0.01, "{n}: {ran:?}");
            }
            // Slices of max(12 / n, 1.5) ms, at 4 ms ticks: 8 ms for two threads (6 -> 8), 8 for three (4 is not more
            // than 4), 4 for four.
            let expected = 12_000 / [8, 8, 4][n as usize - 2];
            assert!(switches.abs_diff(expected) <= expected / 3, "{n}: {switches} switches");
        }
    }

    #[test]
    fn weights_are_honoured() {
        let mut queue = FairQueue::new(SliceRule::for_cores(8));
        queue.wake(0, NICE_0, SimTime::ZERO);
        queue.wake(1, 2 * NICE_0, SimTime::ZERO);
        queue.wake(2, 15, SimTime::ZERO); // nice 19
        let (ran, _) = play(&mut queue, 3, SimTime(60_000 * MS));
        let total = (3 * NICE_0 + 15) as f64;
        for (got, weight) in ran.iter().zip([1024.0, 2048.0, 15.0]) {
            assert!((got / 60.0 - weight / total).abs() < 0.01, "{ran:?}");
        }
    }

    #[test]
    fn a_lone_thread_is_never_switched() {
        let mut queue = FairQueue::new(SliceRule::for_cores(8));
        assert_eq!((queue.running(), queue.next_switch()), (None, None));
        assert!(queue.wake(7, NICE_0, SimTime(5)));
        assert_eq!((queue.running(), queue.next_switch()), (Some(7), None));
        assert_eq!(queue.sleep(7, SimTime(9)), None);
        assert_eq!(queue.runnable(), 0);
    }

    #[test]
    fn a_sleeper_preempts_a_hog_and_its_credit_is_bounded() {
        let mut queue = FairQueue::new(SliceRule::for_cores(2));
        queue.wake(0, NICE_0, SimTime::ZERO);
        queue.wake(1, NICE_0, SimTime::ZERO);
        queue.sleep(1, SimTime::ZERO);
        // After a second of the hog, the sleeper has a credit of half a latency, 6 ms: more than the granularity of 2.
        assert!(queue.wake(1, NICE_0, SimTime(1000 * MS)));
        assert_eq!(queue.running(), Some(1));
        let at = queue.next_switch().unwrap();
        // It is 6 ms behind: used up after its slice of 6 ms, at the tick after; not later than one more slice.
        assert!(at >= SimTime(1006 * MS) && at <= SimTime(1016 * MS), "{at}");
        assert_eq!(queue.switch(at), Some(0));
        // A thread that has just run does not preempt.
        queue.sleep(1, at);
        assert!(!queue.wake(1, NICE_0, at + SimDuration(MS)));
    }

    #[test]
    fn time_is_conserved_through_any_wakes_and_sleeps() {
        let mut queue = FairQueue::new(SliceRule::for_cores(4));
        let (mut now, mut ran, mut idle) = (0u64, [0u64; 3], 0u64);
        for i in 0..3000u64 {
            let mut left = (i * 7919 % 5000) * 1_000_000;
            while left > 0 {
                let until = queue.next_switch().map_or(u64::MAX, |at| at.0);
                let step = left.min(until - now);
                match queue.running() {
                    Some(id) => ran[id as usize] += step,
                    None => idle += step,
                }
                (now, left) = (now + step, left - step);
                if now == until {
                    queue.switch(SimTime(now));
                }
            }
            let id = (i * 31 % 3) as u32;
            match i * 17 % 5 {
                0 | 1 => drop(queue.wake(id, 500 + i % 900, SimTime(now))),
                2 => drop(queue.remove(id, SimTime(now))),
                _ => drop(queue.sleep(id, SimTime(now))),
            }
            assert_eq!(queue.running().is_some(), queue.runnable() > 0, "never idle with work");
        }
        assert_eq!(ran.iter().sum::<u64>() + idle, now);
        assert!(ran.iter().all(|r| *r > 0));
    }
}
