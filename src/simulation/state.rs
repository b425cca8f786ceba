//! Mutable state of a run: resources, items in their queues, requests in flight. Everything is
//! recycled, so that a run in steady state allocates nothing.

use crate::soc::ExecutorId;
use crate::strategy::{ReadyUnit, UnitGraph};
use crate::units::{SimDuration, SimTime};
use std::collections::VecDeque;

/// What an item does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemPhase {
    /// Waits in queues, for partners or for data.
    Waiting,
    /// Waits for data whose arrival time is known, at the head of all its queues.
    DataDue,
    /// Waits until its cores or device have left their idle states.
    Waking,
    /// Converts foreign tensors and pays the executor's invocation.
    Setup,
    /// Dispatches an operator.
    Overhead,
    /// Runs an operator.
    Execution,
}

/// A placed unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub unit: ReadyUnit,
    pub executor: ExecutorId,
    pub phase: ItemPhase,
    /// Unfinished producers and flows under way.
    pub missing: u32,
    /// When the latest of the data that is known to come has arrived.
    pub data_at: SimTime,
    /// At how many of its queues it is the head.
    pub heads: u16,
    /// Layout conversion to be done before the first operator.
    pub conversion: SimDuration,
    /// DRAM traffic of the present operator, bytes.
    pub traffic: f64,
    /// Position of the present operator in the unit.
    pub position: u32,
    /// When the present phase began.
    pub since: SimTime,
    /// When the present operator began, overhead included.
    pub operator_since: SimTime,
    /// When it was placed.
    pub placed: SimTime,
}

/// Items, with free ones recycled.
#[derive(Debug, Default)]
pub(super) struct Items {
    items: Vec<Item>,
    free: Vec<u32>,
}

impl Items {
    pub(super) fn add(&mut self, item: Item) -> u32 {
        if let Some(id) = self.free.pop() {
            self.items[id as usize] = item;
            id
        } else {
            self.items.push(item);
            (self.items.len() - 1) as u32
        }
    }

    pub(super) fn remove(&mut self, id: u32) {
        self.free.push(id);
    }
}

impl std::ops::Index<u32> for Items {
    type Output = Item;
    #[inline]
    fn index(&self, id: u32) -> &Item {
        &self.items[id as usize]
    }
}

impl std::ops::IndexMut<u32> for Items {
    #[inline]
    fn index_mut(&mut self, id: u32) -> &mut Item {
        &mut self.items[id as usize]
    }
}

/// One resource.
#[derive(Debug)]
pub(super) struct ResourceState {
    /// Items in order of placement; the first one holds or awaits the resource.
    pub queue: VecDeque<u32>,
    /// Since when the first item has been at the head without running.
    pub head_since: SimTime,
    /// Busy, overhead, blocked, suspended.
    pub totals: [SimDuration; 4],
}

/// Requests of one stream: in flight (by slot), and waiting.
#[derive(Debug)]
pub(super) struct StreamState {
    /// Units of the plan.
    pub units: usize,
    /// Unfinished producers of each unit, as at admission.
    pub producers: Box<[u32]>,
    /// Per slot and unit: unfinished producers.
    pub waiting_for: Vec<u32>,
    /// Per slot and unit: its item, for units placed before they are ready.
    pub item_of: Vec<u32>,
    /// Per slot.
    pub slots: Vec<Slot>,
    pub free_slots: Vec<u32>,
    /// Requests that wait: number and nominal arrival.
    pub queue: VecDeque<(u32, SimTime)>,
    /// An arrival that a full queue holds back.
    pub held_back: Option<(u32, SimTime)>,
    pub in_flight: u32,
    /// Index of each tensor with several readers among those, else `u32::MAX`.
    pub shared_index: Box<[u32]>,
    /// Number of tensors with several readers.
    pub shared: usize,
    /// Per slot, shared tensor and domain: when the copy arrives; [`SimTime::NEVER`] when there is none.
    pub copies: Vec<SimTime>,
    /// Per slot and operator: standard normal draws; empty without noise.
    pub draws: Vec<f64>,
}

/// A request in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub number: u32,
    pub nominal: SimTime,
    pub admitted: SimTime,
    pub units_left: u32,
    /// First unit and end of the version that it runs.
    pub range: (u32, u32),
    /// What deciding that took, until its first unit has paid it.
    pub debt: SimDuration,
    /// When the last of the outputs so far lies where the application reads it.
    pub outputs_at: SimTime,
    /// Next unit of a sequential plan.
    pub next_unit: u32,
    /// Standard normal draw for the whole inference.
    pub draw: f64,
    /// Factor on the execution times of this request.
    pub factor: f64,
    /// How often the request has run before.
    pub step: u32,
}

/// A transfer on the shared bus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub item: u32,
    pub producer: u32,
    pub from: ExecutorId,
    pub data: u32,
    pub bytes: f64,
    pub start: SimTime,
}

impl ResourceState {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::with_capacity(64), head_since: SimTime::ZERO, totals: [SimDuration::ZERO; 4] }
    }
}

impl StreamState {
    pub(super) fn new(graph: &UnitGraph, executors: u16) -> Self {
        let units = graph.len();
        // A tensor is shared when a second unit reads it.
        let mut reader: Vec<u32> = Vec::new();
        let mut shared_index: Vec<u32> = Vec::new();
        let mut shared = 0;
        let mut reads = |data: u32, unit: u32| {
            let data = data as usize;
            if data >= reader.len() {
                reader.resize(data + 1, u32::MAX);
                shared_index.resize(data + 1, u32::MAX);
            }
            if reader[data] == u32::MAX {
                reader[data] = unit;
            } else if reader[data] != unit && shared_index[data] == u32::MAX {
                shared_index[data] = shared;
                shared += 1;
            }
        };
        for unit in 0..units as u32 {
            for link in graph.successors(unit) {
                reads(link.data, link.unit);
            }
            for executor in 0..executors {
                for input in graph.inputs(unit, ExecutorId(executor)) {
                    reads(input.tensor, unit);
                }
            }
        }
        let producers = (0..units as u32).map(|unit| graph.predecessors(unit).len() as u32).collect();
        Self {
            units,
            producers,
            waiting_for: Vec::new(),
            item_of: Vec::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            queue: VecDeque::with_capacity(64),
            held_back: None,
            in_flight: 0,
            shared_index: shared_index.into_boxed_slice(),
            shared: shared as usize,
            copies: Vec::new(),
            draws: Vec::new(),
        }
    }
}
