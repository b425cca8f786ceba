//! Requests of chains under way: what a completion admits, and when a chain's request is over.

use super::observer::Observer;
use super::problem::SimulationError;
use super::run::Simulation;
use super::stages::{Member, Trigger, Work, admitted, child_key, drawn_factor};
use crate::soc::ExecutorId;
use crate::strategy::RequestId;
use crate::units::SimTime;

impl<O: Observer> Simulation<'_, O> {
    /// An arrival at the root of a chain. Returns whether the source is held back.
    pub(super) fn arrive_at_chain(
        &mut self,
        now: SimTime,
        request: RequestId,
        nominal: SimTime,
    ) -> Result<bool, SimulationError> {
        let Some(chain) = self.chains.links[request.stream as usize].chain else { return Ok(false) };
        let member = self.chains.open(chain, request.number, nominal);
        self.observer.opened(now, request, nominal);
        if self.skips(request.stream, member) {
            self.wait_or_pass(now, request.stream, member)?;
            return Ok(false);
        }
        self.chains.enter(request.stream, request.number, member);
        self.outcome.streams[request.stream as usize].offered += 1;
        self.observer.arrived(now, request, nominal);
        self.enqueue(now, request, nominal)
    }

    /// Whether a stage that runs once lets a member pass.
    fn skips(&self, stream: u16, member: Member) -> bool {
        let stage = &self.problem.streams[stream as usize].stage;
        stage.once && self.chains.roots[member.root as usize].number > 0
    }

    fn wait_or_pass(&mut self, now: SimTime, stream: u16, member: Member) -> Result<(), SimulationError> {
        if self.chains.links[stream as usize].has_run {
            self.advance(now, stream, member)
        } else {
            self.chains.links[stream as usize].waiting.push_back(member);
            Ok(())
        }
    }

    /// Admits a request into a stage.
    fn spawn(&mut self, now: SimTime, stream: u16, member: Member) -> Result<(), SimulationError> {
        if self.skips(stream, member) {
            return self.wait_or_pass(now, stream, member);
        }
        let link = &mut self.chains.links[stream as usize];
        let request = RequestId { stream, number: link.numbers };
        link.numbers = link.numbers.saturating_add(1);
        self.chains.enter(stream, request.number, member);
        self.outcome.streams[stream as usize].offered += 1;
        self.observer.arrived(now, request, now);
        self.enqueue(now, request, now).map(|_| ())
    }

    /// A request of a chained stream is complete.
    pub(super) fn completed_in_chain(
        &mut self,
        now: SimTime,
        request: RequestId,
    ) -> Result<(), SimulationError> {
        let Some(member) = self.chains.leave(request.stream, request.number) else { return Ok(()) };
        let root = self.chains.roots[member.root as usize];
        self.observer.advanced(now, request, root.origin, root.number);
        let stage = &self.problem.streams[request.stream as usize].stage;
        if member.step + 1 < stage.repeat {
            return self.spawn(now, request.stream, Member { step: member.step + 1, ..member });
        }
        self.advance(now, request.stream, member)?;
        if self.problem.streams[request.stream as usize].stage.once {
            self.chains.links[request.stream as usize].has_run = true;
            while let Some(waiting) = self.chains.links[request.stream as usize].waiting.pop_front() {
                self.advance(now, request.stream, waiting)?;
            }
        }
        Ok(())
    }

    /// A member has passed a stage: admits what follows.
    fn advance(&mut self, now: SimTime, stream: u16, member: Member) -> Result<(), SimulationError> {
        if let Some(next) = self.chains.links[stream as usize].next
            && let Trigger::Each { count, .. } = &self.problem.streams[next as usize].stage.trigger
        {
            let count = admitted(count, self.problem.seed, next, member);
            self.chains.roots[member.root as usize].live += count;
            for i in 0..count {
                let key = child_key(member, next, i);
                self.spawn(now, next, Member { key, step: 0, ..member })?;
            }
        }
        self.one_less(now, member)
    }

    /// A member is over; the last one of its root starts the next join, or ends the request.
    fn one_less(&mut self, now: SimTime, member: Member) -> Result<(), SimulationError> {
        let root = &mut self.chains.roots[member.root as usize];
        root.live -= 1;
        if root.live > 0 {
            return Ok(());
        }
        let root = *root;
        let streams = &self.problem.streams;
        let joins = |stream: u16| matches!(streams[stream as usize].stage.trigger, Trigger::Join { .. });
        if let Some((position, stream)) = self.chains.next_join(&root, joins).filter(|_| !root.lost) {
            let state = &mut self.chains.roots[member.root as usize];
            (state.joined, state.live) = (position, 1);
            return self.spawn(now, stream, Member { key: child_key(member, stream, 0), step: 0, ..member });
        }
        self.chains.close(member.root);
        let outcome = &mut self.chains.outcomes[root.chain];
        let stream = outcome.root;
        if root.lost {
            outcome.lost += 1;
        } else {
            outcome.latencies.push((root.number, now.since(root.origin)));
        }
        self.completed += 1;
        self.observer.served(now, RequestId { stream, number: root.number }, root.origin, !root.lost);
        let source = &self.sources[stream as usize];
        if source.is_closed() && source.has_more() {
            self.schedule_arrival(stream, now);
        }
        Ok(())
    }

    /// A queue has dropped a request of a chain: what it belongs to cannot be served in whole.
    pub(super) fn dropped_in_chain(
        &mut self,
        now: SimTime,
        request: RequestId,
    ) -> Result<(), SimulationError> {
        let Some(member) = self.chains.leave(request.stream, request.number) else { return Ok(()) };
        self.chains.roots[member.root as usize].lost = true;
        self.one_less(now, member)
    }

    /// Draw for a request that starts, and how often it has run before.
    pub(super) fn stage_work(&self, request: RequestId) -> (f64, u32) {
        let stage = &self.problem.streams[request.stream as usize].stage;
        match self.chains.member(request.stream, request.number) {
            Some(member) => {
                let root = self.chains.roots[member.root as usize].number;
                let seed = self.problem.seed;
                (drawn_factor(&stage.work, seed, request.stream, member, root), member.step)
            }
            None => (1.0, 0),
        }
    }

    /// Factor on the execution times of a request on an executor.
    #[inline]
    pub(super) fn work_factor(&self, request: RequestId, slot: u32, executor: ExecutorId) -> f64 {
        let state = &self.streams[request.stream as usize].slots[slot as usize];
        match &self.problem.streams[request.stream as usize].stage.work {
            Work::Growing(slopes) => {
                let slope = slopes.get(executor.0 as usize).copied().unwrap_or(0.0);
                1.0 + slope * f64::from(state.step)
            }
            _ => state.factor,
        }
    }
}
