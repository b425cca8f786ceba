//! The life of a request: arrival, queue, admission, completion.

use super::arrivals::QueuePolicy;
use super::observer::Observer;
use super::problem::SimulationError;
use super::run::{Event, Simulation};
use super::stages::Trigger;
use super::state::Slot;
use crate::engine::Phase;
use crate::random;
use crate::strategy::{Dispatch, Occasion, ReadyUnit, RequestId};
use crate::units::{SimDuration, SimTime};
use rand_distr::{Distribution, StandardNormal};

impl<O: Observer> Simulation<'_, O> {
    /// Puts the next arrival of a stream into the event queue; what was due while the source was held back
    /// comes now.
    pub(super) fn schedule_arrival(&mut self, stream: u16, now: SimTime) {
        if let Some((number, time)) = self.sources[stream as usize].next(now) {
            self.overflow |= time == SimTime::NEVER;
            self.note_timer(stream, time);
            self.queue.push(time.max(now), Phase::Arrival, Event::Arrival { stream, number, nominal: time });
        }
    }

    pub(super) fn arrive(
        &mut self,
        now: SimTime,
        stream: u16,
        number: u32,
        nominal: SimTime,
    ) -> Result<(), SimulationError> {
        let request = RequestId { stream, number };
        let held_back = if self.chains.is_member(stream) {
            self.arrive_at_chain(now, request, nominal)?
        } else {
            self.outcome.streams[stream as usize].offered += 1;
            self.observer.arrived(now, request, nominal);
            self.enqueue(now, request, nominal)?
        };
        if !held_back && !self.sources[stream as usize].is_closed() {
            self.schedule_arrival(stream, now);
        }
        Ok(())
    }

    /// Admits, queues or drops a request. Returns whether the source is held back.
    pub(super) fn enqueue(
        &mut self,
        now: SimTime,
        request: RequestId,
        nominal: SimTime,
    ) -> Result<bool, SimulationError> {
        let stream = request.stream as usize;
        let rules = self.problem.streams[stream].queue;
        if self.streams[stream].in_flight < rules.max_in_flight && self.has_memory(request.stream) {
            self.admit(now, request, nominal)?;
            return Ok(false);
        }
        let held_back = self.wait(now, request, nominal)?;
        if self.memory.is_some() {
            // A frame that takes the place of an older one may leave another stream the oldest.
            self.admit_waiting(now)?;
        }
        Ok(held_back)
    }

    /// Queues a request that cannot start, or drops it. Returns whether the source is held back.
    fn wait(&mut self, now: SimTime, request: RequestId, nominal: SimTime) -> Result<bool, SimulationError> {
        let stream = request.stream as usize;
        let rules = self.problem.streams[stream].queue;
        let state = &mut self.streams[stream];
        let full = state.queue.len() as u64 >= u64::from(rules.depth);
        match rules.policy {
            // What a stage before has completed cannot be held back.
            QueuePolicy::Block if full && self.problem.streams[stream].stage.trigger == Trigger::Arrivals => {
                state.held_back = Some((request.number, nominal));
                return Ok(true);
            }
            QueuePolicy::DropNewest if full => self.drop_request(now, request)?,
            QueuePolicy::DropOldest if full => {
                if let Some((number, _)) = state.queue.pop_front() {
                    state.queue.push_back((request.number, nominal));
                    self.drop_request(now, RequestId { number, ..request })?;
                } else {
                    self.drop_request(now, request)?;
                }
            }
            QueuePolicy::LatestOnly => {
                while let Some((number, _)) = self.streams[stream].queue.pop_front() {
                    self.drop_request(now, RequestId { number, ..request })?;
                }
                self.streams[stream].queue.push_back((request.number, nominal));
            }
            QueuePolicy::Block | QueuePolicy::DropNewest | QueuePolicy::DropOldest => {
                state.queue.push_back((request.number, nominal));
            }
        }
        Ok(false)
    }

    fn drop_request(&mut self, now: SimTime, request: RequestId) -> Result<(), SimulationError> {
        self.outcome.streams[request.stream as usize].dropped += 1;
        self.observer.dropped(now, request);
        self.dropped_in_chain(now, request)
    }

    /// Starts a request: its units without producers are ready.
    pub(super) fn admit(
        &mut self,
        now: SimTime,
        request: RequestId,
        nominal: SimTime,
    ) -> Result<(), SimulationError> {
        let stream = request.stream as usize;
        let slot = self.take_slot(now, request, nominal);
        self.observer.admitted(now, request);
        if self.decides_admissions {
            self.choose_version(now, request, slot)?;
        }
        let (first, end) = self.streams[stream].slots[slot as usize].range;
        match self.graphs[stream].dispatch() {
            Dispatch::AtReady => {
                for unit in first..end {
                    if self.streams[stream].producers[unit as usize] == 0 {
                        self.became_ready(now, ReadyUnit { request, slot, unit })?;
                    }
                }
            }
            Dispatch::Sequential => self.place_next(now, request, slot),
            Dispatch::InOrder => {
                for unit in first..end {
                    if let Some(executor) = self.graphs[stream].planned(unit) {
                        self.place(now, ReadyUnit { request, slot, unit }, executor);
                    }
                }
            }
        }
        Ok(())
    }

    /// Places the next unit of a sequential plan.
    pub(super) fn place_next(&mut self, now: SimTime, request: RequestId, slot: u32) {
        let stream = request.stream as usize;
        let Slot { next_unit: unit, range, .. } = self.streams[stream].slots[slot as usize];
        self.streams[stream].slots[slot as usize].next_unit += 1;
        if unit < range.1
            && let Some(executor) = self.graphs[stream].planned(unit)
        {
            self.place(now, ReadyUnit { request, slot, unit }, executor);
        }
    }

    /// All producers of a unit have finished.
    pub(super) fn became_ready(&mut self, now: SimTime, unit: ReadyUnit) -> Result<(), SimulationError> {
        match self.graphs[unit.request.stream as usize].planned(unit.unit) {
            Some(executor) => {
                self.place(now, unit, executor);
                Ok(())
            }
            None => self.consult(now, Occasion::Ready(unit)),
        }
    }

    fn take_slot(&mut self, now: SimTime, request: RequestId, nominal: SimTime) -> u32 {
        let number = request.stream as usize;
        let operators = self.problem.streams[number].dag.len();
        let noise = self.problem.noise;
        let (factor, step) = self.stage_work(request);
        let range = self.graphs[number].range(0).unwrap_or_default();
        let state = &mut self.streams[number];
        let fresh = Slot {
            number: request.number,
            nominal,
            admitted: now,
            units_left: range.1,
            range,
            debt: SimDuration::ZERO,
            outputs_at: now,
            next_unit: 0,
            draw: 0.0,
            factor,
            step,
        };
        let slot = state.free_slots.pop().unwrap_or_else(|| {
            state.slots.push(fresh);
            let slots = state.slots.len();
            state.waiting_for.resize(slots * state.units, 0);
            state.item_of.resize(slots * state.units, u32::MAX);
            state.copies.resize(slots * state.shared * self.domains, SimTime::NEVER);
            if noise {
                state.draws.resize(slots * operators, 0.0);
            }
            self.placements[number].reset((slots - 1) as u32);
            (slots - 1) as u32
        });
        let at = slot as usize;
        state.slots[at] = fresh;
        state.in_flight += 1;
        state.waiting_for[at * state.units..(at + 1) * state.units].copy_from_slice(&state.producers);
        state.item_of[at * state.units..(at + 1) * state.units].fill(u32::MAX);
        let copies = state.shared * self.domains;
        state.copies[at * copies..(at + 1) * copies].fill(SimTime::NEVER);
        if noise {
            // Drawn in operator order whatever the strategy does: common random numbers.
            let indices = [u64::from(request.stream), u64::from(request.number)];
            let mut stream = random::stream(self.problem.seed, "service", &indices);
            state.slots[at].draw = StandardNormal.sample(&mut stream);
            for draw in &mut state.draws[at * operators..(at + 1) * operators] {
                *draw = StandardNormal.sample(&mut stream);
            }
        }
        slot
    }

    /// The last unit of a request has finished, and its outputs may still be under way.
    pub(super) fn outputs_under_way(
        &mut self,
        now: SimTime,
        stream: u16,
        slot: u32,
    ) -> Result<(), SimulationError> {
        let outputs_at = self.streams[stream as usize].slots[slot as usize].outputs_at;
        if outputs_at > now {
            self.queue.push(outputs_at, Phase::Completion, Event::Complete { stream, slot });
            Ok(())
        } else {
            self.complete(now, stream, slot)
        }
    }

    pub(super) fn complete(&mut self, now: SimTime, stream: u16, slot: u32) -> Result<(), SimulationError> {
        let number = stream as usize;
        let state = &mut self.streams[number];
        let done = state.slots[slot as usize];
        state.free_slots.push(slot);
        state.in_flight -= 1;
        let chained = self.chains.is_member(stream);
        self.completed += u64::from(!chained);
        self.outcome.streams[number].latencies.push((done.number, now.since(done.nominal)));
        self.observer.finished(now, RequestId { stream, number: done.number });
        if self.decides_admissions {
            let request = RequestId { stream, number: done.number };
            self.strategy.completed(request, slot, now, now.since(done.admitted));
        }
        if let Some(gate) = &mut self.memory {
            gate.release(stream);
            self.admit_waiting(now)?;
        } else if let Some((next, nominal)) = self.streams[number].queue.pop_front() {
            self.admit(now, RequestId { stream, number: next }, nominal)?;
        }
        if self.streams[number].held_back.is_some() {
            self.release_held_back(now, stream)?;
        } else if !chained && self.sources[number].is_closed() && self.sources[number].has_more() {
            self.schedule_arrival(stream, now);
        }
        self.completed_in_chain(now, RequestId { stream, number: done.number })
    }

    /// Lets an arrival that a full queue held back come, if there is one.
    pub(super) fn release_held_back(&mut self, now: SimTime, stream: u16) -> Result<(), SimulationError> {
        if let Some((number, nominal)) = self.streams[stream as usize].held_back.take() {
            let request = RequestId { stream, number };
            if !self.enqueue(now, request, nominal)? {
                self.schedule_arrival(stream, now);
            }
        }
        Ok(())
    }
}
