//! What list schedulers look up: the unit graphs of all streams as one graph.

use super::super::partition::cut;
use super::super::{Plan, PlanningView, StrategyError, UnitGraph, UnitLink};
use crate::soc::{ExecutorId, Platform};
use crate::units::SimDuration;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Stands for "cannot run there".
pub(crate) const UNSUPPORTED: u64 = u64::MAX;

/// The unit graphs of all streams side by side; a task is a unit of one of them. Times are picoseconds.
///
/// Every stream is planned as if its request came at time zero together with the others.
#[derive(Debug)]
pub(crate) struct JointGraph<'a> {
    pub platform: &'a Platform,
    graphs: Vec<Cow<'a, UnitGraph>>,
    /// Number of the first task of each stream, and the end.
    offsets: Vec<u32>,
    stream_of: Vec<u16>,
    executors: usize,
    /// Row-major, tasks x executors.
    work: Vec<u64>,
    /// All tasks; always the smallest that is ready.
    order: Vec<u32>,
    /// Where each task stands in `order`.
    position: Vec<u32>,
    ids: Vec<ExecutorId>,
}

impl<'a> JointGraph<'a> {
    /// Units of the granularity of the views.
    pub(crate) fn new(streams: &[PlanningView<'a>]) -> Result<Self, StrategyError> {
        let plans: Vec<Plan> = streams.iter().map(cut).collect();
        Self::of_plans(streams, &plans)
    }

    /// The units of these plans, whose placements do not matter.
    pub(crate) fn of_plans(streams: &[PlanningView<'a>], plans: &[Plan]) -> Result<Self, StrategyError> {
        let platform = match streams.first() {
            Some(view) => view.platform,
            None => return Err(StrategyError::InvalidPlan("there is no stream to plan".to_owned())),
        };
        let graphs = streams
            .iter()
            .zip(plans)
            .map(|(view, plan)| UnitGraph::new(view, plan).map(Cow::Owned))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::assembled(platform, graphs, |graph, _, unit, executor| graph.estimate(unit, executor)))
    }

    /// The units of these graphs, one for each stream, with the work that `work` says of a stream's unit on an executor.
    pub(crate) fn of_graphs(
        platform: &'a Platform,
        graphs: Vec<&'a UnitGraph>,
        work: &dyn Fn(usize, u32, ExecutorId) -> Option<SimDuration>,
    ) -> Self {
        let graphs = graphs.into_iter().map(Cow::Borrowed).collect();
        Self::assembled(platform, graphs, |_, stream, unit, executor| work(stream, unit, executor))
    }

    fn assembled(
        platform: &'a Platform,
        graphs: Vec<Cow<'a, UnitGraph>>,
        time: impl Fn(&UnitGraph, usize, u32, ExecutorId) -> Option<SimDuration>,
    ) -> Self {
        let mut offsets = vec![0];
        let mut stream_of = Vec::new();
        for (number, graph) in graphs.iter().enumerate() {
            stream_of.resize(stream_of.len() + graph.len(), number as u16);
            offsets.push(stream_of.len() as u32);
        }
        let executors = platform.executors.len();
        let ids: Vec<ExecutorId> = (0..executors as u16).map(ExecutorId).collect();
        let mut work = Vec::with_capacity(stream_of.len() * executors);
        for (stream, graph) in graphs.iter().enumerate() {
            for unit in 0..graph.len() as u32 {
                let time = |&e: &ExecutorId| time(graph, stream, unit, e).map_or(UNSUPPORTED, |time| time.0);
                work.extend(ids.iter().map(time));
            }
        }
        let mut joint = Self {
            platform,
            graphs,
            offsets,
            position: vec![0; stream_of.len()],
            stream_of,
            executors,
            work,
            order: Vec::new(),
            ids,
        };
        joint.order = joint.topological_order();
        for (position, &task) in (0u32..).zip(&joint.order) {
            joint.position[task as usize] = position;
        }
        joint
    }

    fn topological_order(&self) -> Vec<u32> {
        let mut waiting: Vec<usize> = self.tasks().map(|task| self.predecessors(task).count()).collect();
        let mut ready: BinaryHeap<_> =
            self.tasks().filter(|&t| waiting[t as usize] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(task)) = ready.pop() {
            order.push(task);
            for (reader, _) in self.successors(task) {
                waiting[reader as usize] -= 1;
                if waiting[reader as usize] == 0 {
                    ready.push(Reverse(reader));
                }
            }
        }
        order
    }

    pub(crate) fn len(&self) -> usize {
        self.stream_of.len()
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.stream_of.len() as u32
    }

    /// Tasks of a stream.
    pub(crate) fn tasks_of(&self, stream: usize) -> impl Iterator<Item = u32> + use<> {
        self.offsets[stream]..self.offsets[stream + 1]
    }

    /// Whether times of some transfers were measured one by one.
    pub(crate) fn has_given_transfers(&self) -> bool {
        self.graphs.iter().any(|graph| graph.has_given_transfers())
    }

    pub(crate) fn streams(&self) -> usize {
        self.graphs.len()
    }

    /// Executors in order of their numbers.
    pub(crate) fn executors(&self) -> &[ExecutorId] {
        &self.ids
    }

    /// The topological order that always takes the smallest ready task.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Where a task stands in [`JointGraph::order`].
    pub(crate) fn position(&self, task: u32) -> u32 {
        self.position[task as usize]
    }

    /// Stream and unit of a task.
    pub(crate) fn unit(&self, task: u32) -> (usize, u32) {
        let stream = self.stream_of[task as usize] as usize;
        (stream, task - self.offsets[stream])
    }

    pub(crate) fn graph(&self, task: u32) -> &UnitGraph {
        &self.graphs[self.stream_of[task as usize] as usize]
    }

    /// Tasks whose data a task reads, one for each tensor.
    pub(crate) fn predecessors(&self, task: u32) -> impl ExactSizeIterator<Item = (u32, &UnitLink)> {
        let (stream, unit) = self.unit(task);
        let offset = self.offsets[stream];
        self.graphs[stream].predecessors(unit).iter().map(move |link| (link.unit + offset, link))
    }

    /// Tasks that read a task's data, one for each tensor, by increasing number.
    pub(crate) fn successors(&self, task: u32) -> impl ExactSizeIterator<Item = (u32, &UnitLink)> {
        let (stream, unit) = self.unit(task);
        let offset = self.offsets[stream];
        self.graphs[stream].successors(unit).iter().map(move |link| (link.unit + offset, link))
    }

    /// Estimated execution of a task, invocation included; [`UNSUPPORTED`] where it cannot run.
    #[inline]
    pub(crate) fn work(&self, task: u32, executor: ExecutorId) -> u64 {
        self.work[task as usize * self.executors + executor.0 as usize]
    }

    pub(crate) fn supports(&self, task: u32, executor: ExecutorId) -> bool {
        self.work(task, executor) != UNSUPPORTED
    }

    /// Executors that support a task, with its work there.
    pub(crate) fn choices(&self, task: u32) -> impl Iterator<Item = (ExecutorId, u64)> + '_ {
        let row = task as usize * self.executors;
        self.ids
            .iter()
            .zip(&self.work[row..row + self.executors])
            .filter(|(_, w)| **w != UNSUPPORTED)
            .map(|(e, w)| (*e, *w))
    }

    /// Least work of a task over the executors that support it.
    pub(crate) fn least_work(&self, task: u32) -> u64 {
        self.choices(task).map(|(_, work)| work).min().unwrap_or(0)
    }

    /// Transfer of an edge's data, conversion included.
    #[inline]
    pub(crate) fn communication(&self, task: u32, link: &UnitLink, from: ExecutorId, to: ExecutorId) -> u64 {
        let graph = self.graph(task);
        (graph.transfer(link, from, to) + graph.conversion(link, from, to)).0
    }

    /// Time after a task's finish until its outputs lie where the application reads them.
    pub(crate) fn output(&self, task: u32, executor: ExecutorId) -> u64 {
        let (stream, unit) = self.unit(task);
        let outputs = self.graphs[stream].outputs(unit, executor);
        outputs.map(|output| (output.transfer + output.conversion).0).max().unwrap_or(0)
    }
}
