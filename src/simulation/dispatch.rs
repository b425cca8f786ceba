//! Placing units: queues, and the data they wait for.

use super::observer::{Activity, Observer, TransferRecord};
use super::run::{Event, Simulation};
use super::state::{Flow, Item, ItemPhase};
use crate::engine::Phase;
use crate::soc::{ExecutorId, Network, ResourceId};
use crate::strategy::{HostTransfer, PlacedUnit, QueueOrder, ReadyUnit, TransferStart, UnitLink};
use crate::units::{SimDuration, SimTime};

impl<O: Observer> Simulation<'_, O> {
    /// Puts a unit into the queues of its executor and its data on the way.
    pub(super) fn place(&mut self, now: SimTime, unit: ReadyUnit, executor: ExecutorId) {
        let stream = unit.request.stream as usize;
        let graph = &self.graphs[stream];
        let item = self.items.add(Item {
            unit,
            executor,
            phase: ItemPhase::Waiting,
            missing: 0,
            data_at: now,
            heads: 0,
            conversion: SimDuration::ZERO,
            traffic: 0.0,
            position: 0,
            since: now,
            operator_since: now,
            placed: now,
        });
        let placed = PlacedUnit { request: unit.request, unit: unit.unit, executor };
        let believed = self.believed(unit.request.stream, unit.unit, executor);
        self.observer.placed(now, placed, believed);
        for input in graph.inputs(unit.unit, executor) {
            self.fetch_input(now, item, input);
        }
        let index = unit.slot as usize * self.streams[stream].units + unit.unit as usize;
        self.streams[stream].item_of[index] = item;
        self.placements[stream].place(unit.slot, unit.unit, executor);
        if self.streams[stream].waiting_for[index] == 0 {
            for at in 0..self.graphs[stream].predecessors(unit.unit).len() {
                let link = self.graphs[stream].predecessors(unit.unit)[at];
                self.fetch(now, item, link);
            }
        } else {
            // Placed before it is ready: each producer sends when it finishes.
            self.items[item].missing = self.streams[stream].waiting_for[index];
        }
        for at in 0..self.problem.platform.executor(executor).resources.len() {
            let resource = self.problem.platform.executor(executor).resources[at];
            self.enter(now, item, resource);
        }
        self.start_if_possible(now, item);
    }

    /// Puts an item into the queue of a resource: at the end, or where its key belongs among what has not started.
    fn enter(&mut self, now: SimTime, item: u32, resource: ResourceId) {
        let key = self.key_of(item);
        let queue = &self.resources[resource.0 as usize].queue;
        let mut at = queue.len();
        while at > 0 && self.key_of(queue[at - 1]) > key && self.may_be_overtaken(queue[at - 1]) {
            at -= 1;
        }
        let head = queue.front().copied();
        self.resources[resource.0 as usize].queue.insert(at, item);
        if at > 0 {
            return;
        }
        if let Some(head) = head {
            self.leave_head(now, head, resource);
        }
        self.reached_head(now, item, resource);
    }

    /// Key of an item in its queues; of equal keys the earlier arrival goes first. Without an order of its own an item counts as due
    /// when it is placed.
    fn key_of(&self, item: u32) -> (i64, u64, u16, u32) {
        let Item { unit, placed, .. } = self.items[item];
        let (stream, graph) =
            (&self.streams[unit.request.stream as usize], &self.graphs[unit.request.stream as usize]);
        let arrival = stream.slots[unit.slot as usize].nominal.0;
        let key = match graph.queue_order() {
            QueueOrder::Fifo => return (placed.0 as i64, 0, 0, 0),
            QueueOrder::ByKey => graph.key(unit.unit),
            QueueOrder::ByKeyFromArrival => graph.key(unit.unit).saturating_add(arrival as i64),
        };
        (key, arrival, unit.request.stream, unit.request.number)
    }

    fn may_be_overtaken(&self, item: u32) -> bool {
        matches!(self.items[item].phase, ItemPhase::Waiting | ItemPhase::DataDue)
    }

    /// An item at the head of a queue has been overtaken; what it held there was blocked.
    fn leave_head(&mut self, now: SimTime, item: u32, resource: ResourceId) {
        let since = self.resources[resource.0 as usize].head_since;
        self.book(resource, Activity::Blocked, item, None, since, now);
        self.items[item].heads -= 1;
        if self.items[item].phase == ItemPhase::DataDue {
            let first = self.problem.platform.executor(self.items[item].executor).resources[0].0 as usize;
            self.activities.clear(first);
            self.running[first] = u32::MAX;
            self.items[item].phase = ItemPhase::Waiting;
        }
    }

    /// Puts a model input on the way to an item.
    fn fetch_input(&mut self, now: SimTime, item: u32, input: HostTransfer) {
        let Item { unit, executor, .. } = self.items[item];
        let stream = unit.request.stream as usize;
        let start = match self.transfer_start[stream] {
            TransferStart::Assignment => now,
            TransferStart::ProducerFinish => self.streams[stream].slots[unit.slot as usize].admitted,
        };
        if self.is_on_the_way(item, input.tensor) {
            return;
        }
        let end = start + input.transfer;
        self.arrives(item, input.tensor, end, input.conversion);
        let (bytes, tensor) = (input.bytes, input.tensor);
        let to = Some((unit.unit, executor));
        self.observer.transferred(TransferRecord {
            request: unit.request,
            tensor,
            from: None,
            to,
            bytes,
            start,
            end,
        });
    }

    /// Where the arrival of a tensor's copy in the domain of an item is kept; `None` for tensors with one reader.
    fn copy_of(&self, item: u32, data: u32) -> Option<usize> {
        let Item { unit, executor, .. } = self.items[item];
        let state = &self.streams[unit.request.stream as usize];
        let shared = *state.shared_index.get(data as usize).filter(|&&index| index != u32::MAX)?;
        let domain = self.problem.platform.executor(executor).domain as usize;
        Some((unit.slot as usize * state.shared + shared as usize) * self.domains + domain)
    }

    /// Whether another reader in the item's domain has fetched, and converts, a tensor already; then it waits for
    /// the same arrival.
    fn is_on_the_way(&mut self, item: u32, data: u32) -> bool {
        let Some(copy) = self.copy_of(item, data) else { return false };
        let arrival = self.streams[self.items[item].unit.request.stream as usize].copies[copy];
        if arrival != SimTime::NEVER {
            self.items[item].data_at = self.items[item].data_at.max(arrival);
        }
        arrival != SimTime::NEVER
    }

    /// Notes when a tensor arrives for an item, which converts it.
    fn arrives(&mut self, item: u32, data: u32, arrival: SimTime, conversion: SimDuration) {
        if let Some(copy) = self.copy_of(item, data) {
            self.streams[self.items[item].unit.request.stream as usize].copies[copy] = arrival;
        }
        self.overflow |= arrival == SimTime::NEVER;
        let state = &mut self.items[item];
        state.data_at = state.data_at.max(arrival);
        state.conversion += conversion;
    }

    /// Puts the data of one finished producer on the way to an item.
    pub(super) fn fetch(&mut self, now: SimTime, item: u32, link: UnitLink) {
        let Item { unit, executor: to, .. } = self.items[item];
        let stream = unit.request.stream as usize;
        let graph = &self.graphs[stream];
        let from = self.placements[stream].executor(unit.slot, link.unit);
        if !graph.crosses(&link, from, to) {
            return;
        }
        let begin = match self.transfer_start[stream] {
            TransferStart::Assignment => now,
            TransferStart::ProducerFinish => self.placements[stream].finished_at(unit.slot, link.unit),
        };
        let bytes = graph.bytes(&link, from);
        if let Network::SharedBus(_) = self.problem.platform.network {
            self.items[item].conversion += graph.conversion(&link, from, to);
            self.items[item].missing += 1;
            self.send_over_bus(
                now,
                Flow { item, producer: link.unit, from, data: link.data, bytes, start: now },
                to,
            );
            return;
        }
        if self.is_on_the_way(item, link.data) {
            return;
        }
        let arrival = begin + graph.transfer(&link, from, to);
        self.arrives(item, link.data, arrival, graph.conversion(&link, from, to));
        self.outcome.remote_transfers += 1;
        self.outcome.transferred_bytes += bytes;
        self.observer.transferred(TransferRecord {
            request: unit.request,
            tensor: link.data,
            from: Some((link.unit, from)),
            to: Some((unit.unit, to)),
            bytes,
            start: begin,
            end: arrival,
        });
    }

    fn send_over_bus(&mut self, now: SimTime, flow: Flow, to: ExecutorId) {
        let latency = self.problem.platform.crossing(flow.from, to).latency;
        self.outcome.remote_transfers += 1;
        self.outcome.transferred_bytes += flow.bytes;
        let id = if let Some(id) = self.free_flows.pop() {
            self.flows[id as usize] = flow;
            id
        } else {
            self.flows.push(flow);
            (self.flows.len() - 1) as u32
        };
        self.queue.push(now + latency, Phase::RateChange, Event::JoinBus { flow: id });
    }

    /// A transfer over the bus has arrived.
    pub(super) fn flow_ended(&mut self, now: SimTime) {
        let Some(id) = self.bus.pop(now) else { return };
        let flow = self.flows[id as usize];
        self.free_flows.push(id);
        let Item { unit, executor, .. } = self.items[flow.item];
        self.observer.transferred(TransferRecord {
            request: unit.request,
            tensor: flow.data,
            from: Some((flow.producer, flow.from)),
            to: Some((unit.unit, executor)),
            bytes: flow.bytes,
            start: flow.start,
            end: now,
        });
        let item = &mut self.items[flow.item];
        item.missing -= 1;
        item.data_at = item.data_at.max(now);
        self.start_if_possible(now, flow.item);
    }

    /// An item has become the first in a queue.
    pub(super) fn reached_head(&mut self, now: SimTime, item: u32, resource: ResourceId) {
        self.resources[resource.0 as usize].head_since = now;
        self.items[item].heads += 1;
        self.note_waiting(resource);
    }

    /// Starts an item that is the first in all its queues and lacks nothing, or waits for data that is due. Where keys order the queues it
    /// does so when everything else at this time has happened, as a more urgent one may be on its way.
    pub(super) fn start_if_possible(&mut self, now: SimTime, item: u32) {
        let stream = self.items[item].unit.request.stream as usize;
        if self.graphs[stream].queue_order() == QueueOrder::Fifo {
            self.start_now(now, item);
        } else if self.items[item].phase == ItemPhase::Waiting {
            self.queue.push(now, Phase::Policy, Event::Start { item });
        }
    }

    /// See [`Simulation::start_if_possible`]; the item may have started, or ended, since that was asked.
    pub(super) fn start_now(&mut self, now: SimTime, item: u32) {
        let state = &self.items[item];
        let executor = self.problem.platform.executor(state.executor);
        if state.phase != ItemPhase::Waiting
            || state.missing > 0
            || (state.heads as usize) < executor.resources.len()
        {
            return;
        }
        if state.data_at > now {
            let slot = executor.resources[0].0 as usize;
            let wait = state.data_at.since(now);
            // The upper bit puts what is due behind what ends at the same time.
            let order = (1 << 63) | self.order_of(item);
            self.items[item].phase = ItemPhase::DataDue;
            self.running[slot] = item;
            self.activities.start(slot, now, wait, 1.0, order);
        } else {
            self.begin(now, item);
        }
    }

    /// Order among items at the same time: request, then unit.
    pub(super) fn order_of(&self, item: u32) -> u64 {
        let unit = self.items[item].unit;
        (u64::from(unit.request.number) << 31) | u64::from(unit.unit)
    }
}
