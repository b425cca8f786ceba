//! Running units: overhead, execution at the granted memory bandwidth, and what follows their end.

use super::observer::{Activity, Observer, TransferRecord};
use super::problem::SimulationError;
use super::run::Simulation;
use super::state::{Item, ItemPhase};
use crate::engine::water_fill;
use crate::physics::OperatorCost;
use crate::soc::ExecutorId;
use crate::strategy::{Dispatch, Occasion, ReadyUnit, UnitLink};
use crate::units::{SimDuration, SimTime};

impl<O: Observer> Simulation<'_, O> {
    /// Begins to run an item that holds all its resources and has its data.
    pub(super) fn begin(&mut self, now: SimTime, item: u32) {
        let executor = self.items[item].executor;
        for at in 0..self.problem.platform.executor(executor).resources.len() {
            let resource = self.problem.platform.executor(executor).resources[at];
            let since = self.resources[resource.0 as usize].head_since;
            self.book(resource, Activity::Blocked, item, None, since, now);
        }
        self.observer.unit_started(now, self.placed(item));
        match self.wake_up(now, item) {
            SimDuration::ZERO => self.set_up(now, item),
            wait => self.wait_for_cores(now, item, wait),
        }
    }

    /// Everything that an item needs is awake: it is set up.
    fn set_up(&mut self, now: SimTime, item: u32) {
        self.note_item(item, true);
        let (executor, unit) = (self.items[item].executor, self.items[item].unit);
        // Processing of a given time is no inference that the runtime is asked for.
        let stream = unit.request.stream as usize;
        let invocation = match self.problem.streams[stream].stage.fixed {
            Some(_) => SimDuration::ZERO,
            None => self.graphs[stream].invocation(unit.unit, executor),
        };
        let debt = std::mem::take(&mut self.streams[stream].slots[unit.slot as usize].debt);
        let setup = self.items[item].conversion + self.profiling_of(item) + invocation + debt;
        if setup > SimDuration::ZERO {
            self.occupy(now, item, ItemPhase::Setup, setup, 0.0);
        } else {
            self.begin_operator(now, item);
        }
    }

    /// Begins the present operator of an item.
    fn begin_operator(&mut self, now: SimTime, item: u32) {
        self.items[item].operator_since = now;
        let overhead = self.cost(item).map_or(SimDuration::ZERO, |cost| cost.overhead);
        if overhead > SimDuration::ZERO {
            self.occupy(now, item, ItemPhase::Overhead, overhead, 0.0);
        } else {
            self.execute(now, item);
        }
    }

    fn execute(&mut self, now: SimTime, item: u32) {
        let Some(&OperatorCost { alone, dram_bytes, .. }) = self.cost(item) else { return };
        let work = if self.problem.noise { self.vary(item, alone) } else { alone };
        let unit = self.items[item].unit;
        let factor = self.work_factor(unit.request, unit.slot, self.items[item].executor);
        let work = if factor == 1.0 { work } else { SimDuration((work.0 as f64 * factor).round() as u64) };
        // Variation stretches an operator and its traffic alike: were its bytes fixed, a fast draw would make an operator
        // that runs alone contend with itself.
        let modelled = self.problem.platform.memory_bandwidth.is_some();
        let demand = if modelled && dram_bytes > 0.0 && alone > SimDuration::ZERO {
            dram_bytes / alone.seconds()
        } else {
            0.0
        };
        self.items[item].traffic = if demand > 0.0 { demand * work.seconds() } else { dram_bytes };
        self.occupy(now, item, ItemPhase::Execution, work, demand);
    }

    /// Applies the run-to-run variation of the executor: log-normal factors of mean 1.
    fn vary(&self, item: u32, alone: SimDuration) -> SimDuration {
        let state = &self.items[item];
        let stream = state.unit.request.stream as usize;
        let dispersion = self.problem.platform.executor(state.executor).dispersion;
        let operator = self.operator(state);
        let operators = self.problem.streams[stream].dag.len();
        let (s, o) = (dispersion.inference, dispersion.operator);
        let request = self.streams[stream].slots[state.unit.slot as usize].draw;
        let own = self.streams[stream].draws[state.unit.slot as usize * operators + operator as usize];
        let exponent = s * request + o * own - 0.5 * (s * s + o * o);
        SimDuration((alone.0 as f64 * exponent.exp()).round() as u64)
    }

    pub(super) fn operator(&self, item: &Item) -> u32 {
        self.graphs[item.unit.request.stream as usize].operators(item.unit.unit)[item.position as usize]
    }

    /// Ground truth of the present operator of an item.
    #[inline]
    fn cost(&self, item: u32) -> Option<&OperatorCost> {
        let state = &self.items[item];
        self.problem.streams[state.unit.request.stream as usize]
            .costs
            .get(self.operator(state), state.executor)
    }

    fn occupy(&mut self, now: SimTime, item: u32, phase: ItemPhase, work: SimDuration, demand: f64) {
        let slot = self.slot_of(item);
        let order = self.order_of(item);
        let state = &mut self.items[item];
        state.phase = phase;
        state.since = now;
        if self.is_split(item) {
            return self.occupy_split(now, item, phase, work, demand);
        }
        self.running[slot] = item;
        if self.dynamics.is_some() {
            let speed = self.time_slot(now, slot, item, phase, demand);
            self.pace_slot(slot, work);
            self.activities.start(slot, now, work, speed, order);
            self.overflow |= self.activities.end(slot) == SimTime::NEVER;
            return;
        }
        self.activities.start(slot, now, work, 1.0, order);
        self.overflow |= self.activities.end(slot) == SimTime::NEVER;
        if demand > 0.0 {
            self.demands[slot] = demand;
            self.share_bandwidth(now);
        }
    }

    fn slot_of(&self, item: u32) -> usize {
        self.problem.platform.executor(self.items[item].executor).resources[0].0 as usize
    }

    /// Re-rates running operators after a demand has changed.
    fn share_bandwidth(&mut self, now: SimTime) {
        let Some(supply) = self.problem.platform.memory_bandwidth else { return };
        let total: f64 = self.demands.iter().sum();
        if total <= supply.0 {
            if self.throttled {
                self.throttled = false;
                for slot in 0..self.demands.len() {
                    if self.demands[slot] > 0.0 {
                        self.activities.set_rate(slot, now, 1.0);
                    }
                }
            }
            self.observer.bandwidth(now, total);
            return;
        }
        self.throttled = true;
        water_fill(supply.0, &self.demands, &self.weights, &mut self.grants, &mut self.fill_order);
        for slot in 0..self.demands.len() {
            if self.demands[slot] > 0.0 {
                self.activities.set_rate(slot, now, (self.grants[slot] / self.demands[slot]).min(1.0));
            }
        }
        self.observer.bandwidth(now, supply.0);
    }

    /// The activity in a slot has ended.
    pub(super) fn activity_ended(&mut self, now: SimTime, slot: usize) -> Result<(), SimulationError> {
        if self.dynamics.is_some() {
            if slot >= self.resources.len() {
                self.background_ended(now, slot);
                return Ok(());
            }
            if self.part_ended(now, slot) {
                return Ok(());
            }
        }
        self.activities.clear(slot);
        let served = self.free_slot(now, slot);
        let item = std::mem::replace(&mut self.running[slot], u32::MAX);
        let Item { phase, since, position, unit, .. } = self.items[item];
        if matches!(phase, ItemPhase::Overhead | ItemPhase::Execution) {
            self.tell_lost(now, slot, item);
        }
        match phase {
            ItemPhase::DataDue => self.begin(now, item),
            ItemPhase::Waking => {
                self.book_wait_for_cores(item, since, now);
                self.set_up(now, item);
            }
            ItemPhase::Setup => {
                self.book_all(item, Activity::Overhead, None, since, now);
                self.begin_operator(now, item);
            }
            ItemPhase::Overhead => {
                let operator = Some(self.operator(&self.items[item]));
                self.book_all(item, Activity::Overhead, operator, since, now);
                self.execute(now, item);
            }
            ItemPhase::Execution => {
                let traffic = self.items[item].traffic;
                if self.dynamics.is_some() {
                    self.outcome.dram_bytes += if self.demands[slot] > 0.0 { served } else { traffic };
                } else {
                    if self.demands[slot] > 0.0 {
                        self.demands[slot] = 0.0;
                        self.share_bandwidth(now);
                    }
                    self.outcome.dram_bytes += traffic;
                }
                let operator = Some(self.operator(&self.items[item]));
                self.book_all(item, Activity::Busy, operator, since, now);
                let state = &self.items[item];
                let operator = self.operator(state);
                self.observer.operator_finished(now, state.operator_since, self.placed(item), operator);
                self.observe_operator(now, item, operator);
                self.outcome.operators += 1;
                let operators = self.graphs[unit.request.stream as usize].operators(unit.unit).len();
                if (position as usize) + 1 < operators {
                    let state = &mut self.items[item];
                    state.position += 1;
                    self.begin_operator(now, item);
                } else {
                    self.finish(now, item)?;
                }
            }
            ItemPhase::Waiting => {}
        }
        Ok(())
    }

    /// Books a phase on all resources of an item. While the slowest core computes, the others wait for it.
    pub(super) fn book_all(
        &mut self,
        item: u32,
        activity: Activity,
        operator: Option<u32>,
        start: SimTime,
        end: SimTime,
    ) {
        if self.is_split(item) {
            return self.book_segments(item, end);
        }
        let platform = &self.problem.platform;
        let executor = platform.executor(self.items[item].executor);
        for (at, &resource) in executor.resources.iter().enumerate() {
            let share = executor.busy_shares[at];
            if activity == Activity::Busy && share < 1.0 {
                let turn = start + SimDuration((end.since(start).0 as f64 * share).round() as u64);
                self.book(resource, activity, item, operator, start, turn);
                self.book(resource, Activity::Blocked, item, operator, turn, end);
            } else {
                self.book(resource, activity, item, operator, start, end);
            }
        }
    }

    fn finish(&mut self, now: SimTime, item: u32) -> Result<(), SimulationError> {
        let Item { unit, executor, .. } = self.items[item];
        let stream = unit.request.stream as usize;
        self.observer.unit_finished(now, self.placed(item));
        self.outcome.units += 1;
        self.outcome.finish_sum_ps += u128::from(now.0);
        self.outcome.makespan = now;
        self.placements[stream].finish(unit.slot, unit.unit, now);
        self.charge_unit(now, item);
        self.note_item(item, false);
        for at in 0..self.problem.platform.executor(executor).resources.len() {
            let resource = self.problem.platform.executor(executor).resources[at];
            let queue = &mut self.resources[resource.0 as usize].queue;
            queue.pop_front();
            if let Some(&next) = queue.front() {
                self.reached_head(now, next, resource);
            }
        }
        self.items.remove(item);
        self.send_outputs(now, unit, executor);
        self.release_successors(now, unit)?;
        if self.graphs[stream].planned(unit.unit).is_none() {
            self.consult(now, Occasion::Finished { unit, executor })?;
        }
        for at in 0..self.problem.platform.executor(executor).resources.len() {
            let resource = self.problem.platform.executor(executor).resources[at];
            if let Some(&next) = self.resources[resource.0 as usize].queue.front() {
                self.start_if_possible(now, next);
            }
        }
        let state = &mut self.streams[stream];
        state.slots[unit.slot as usize].units_left -= 1;
        if state.slots[unit.slot as usize].units_left == 0 {
            self.outputs_under_way(now, unit.request.stream, unit.slot)?;
        } else if self.graphs[stream].dispatch() == Dispatch::Sequential {
            self.place_next(now, unit.request, unit.slot);
        }
        Ok(())
    }

    fn send_outputs(&mut self, now: SimTime, unit: ReadyUnit, executor: ExecutorId) {
        let stream = unit.request.stream as usize;
        let graphs = self.graphs;
        let slot = &mut self.streams[stream].slots[unit.slot as usize];
        slot.outputs_at = slot.outputs_at.max(now);
        for output in graphs[stream].outputs(unit.unit, executor) {
            let end = now + output.transfer;
            let slot = &mut self.streams[stream].slots[unit.slot as usize];
            slot.outputs_at = slot.outputs_at.max(end + output.conversion);
            self.overflow |= end + output.conversion == SimTime::NEVER;
            self.observer.transferred(TransferRecord {
                request: unit.request,
                tensor: output.tensor,
                from: Some((unit.unit, executor)),
                to: None,
                bytes: output.bytes,
                start: now,
                end,
            });
        }
    }

    fn release_successors(&mut self, now: SimTime, unit: ReadyUnit) -> Result<(), SimulationError> {
        let stream = unit.request.stream as usize;
        let dispatch = self.graphs[stream].dispatch();
        for at in 0..self.graphs[stream].successors(unit.unit).len() {
            let link = self.graphs[stream].successors(unit.unit)[at];
            let index = unit.slot as usize * self.streams[stream].units + link.unit as usize;
            self.streams[stream].waiting_for[index] -= 1;
            match dispatch {
                Dispatch::AtReady => {
                    if self.streams[stream].waiting_for[index] == 0 {
                        self.became_ready(now, ReadyUnit { unit: link.unit, ..unit })?;
                    }
                }
                Dispatch::Sequential => {}
                Dispatch::InOrder => {
                    let item = self.streams[stream].item_of[index];
                    self.items[item].missing -= 1;
                    self.fetch(now, item, UnitLink { unit: unit.unit, ..link });
                    self.start_if_possible(now, item);
                }
            }
        }
        Ok(())
    }
}
