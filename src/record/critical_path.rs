//! Which chain of operators, transfers and waits decided when a request finished.

use super::run_record::{OperatorRecord, RunRecord, UnitRecord};
use crate::simulation::observer::{Activity, Interval, RequestId, TransferRecord};
use crate::soc::ExecutorId;
use crate::units::{SimDuration, SimTime};

/// A step of a critical path. Steps follow each other without gap from arrival to finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CriticalStep {
    /// From.
    pub start: SimTime,
    /// To.
    pub end: SimTime,
    /// What took this time.
    pub kind: StepKind,
}

/// What a step of a critical path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// The request waited in its queue.
    Queued,
    /// An operator ran.
    #[expect(missing_docs, reason = "the names say it")]
    Operator { unit: u32, operator: u32, executor: ExecutorId },
    /// A unit's executor ran an invocation, a conversion or the like.
    #[expect(missing_docs, reason = "the names say it")]
    Overhead { unit: u32, executor: ExecutorId },
    /// A tensor crossed; `None` is the host.
    #[expect(missing_docs, reason = "the names say it")]
    Transfer { tensor: u32, from: Option<ExecutorId>, to: Option<ExecutorId> },
    /// The data was there, but a resource of the executor worked for another request.
    #[expect(missing_docs, reason = "the names say it")]
    Contended { unit: u32, executor: ExecutorId, by: RequestId },
    /// Nothing recorded explains the wait (a strategy's delay, a bus that was taken, ...).
    Waiting {
        /// The unit that waited, if any.
        unit: Option<u32>,
    },
}

impl CriticalStep {
    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> SimDuration {
        self.end.since(self.start)
    }
}

/// The critical path of a finished request, first step first; `None` when the request did not finish or
/// the record does not hold its units.
#[must_use]
pub fn critical_path(record: &RunRecord, id: RequestId) -> Option<Vec<CriticalStep>> {
    let request = record.request(id)?;
    let finished = request.finished?;
    let units: Vec<&UnitRecord> =
        record.units.iter().filter(|u| u.unit.request == id && u.finished.is_some()).collect();
    let mut walk = Walk {
        record,
        id,
        admitted: request.admitted.unwrap_or(request.arrived),
        units,
        operators: record.operators.iter().filter(|o| o.unit.request == id).collect(),
        overheads: record
            .intervals
            .iter()
            .filter(|i| i.work.request == id && i.operator.is_none() && i.activity == Activity::Overhead)
            .collect(),
        transfers: record.transfers.iter().filter(|t| t.request == id).collect(),
        visited: Vec::new(),
        at: finished,
        steps: Vec::new(),
    };
    let output =
        walk.transfers.iter().copied().filter(|t| t.to.is_none() && t.end <= finished).max_by_key(|t| t.end);
    let last_unit = walk.units.iter().filter_map(|u| u.finished).max()?;
    let mut next = match output {
        Some(transfer) if transfer.end >= last_unit => walk.transfer(transfer, None),
        _ => walk
            .units
            .iter()
            .max_by_key(|u| u.finished)
            .map(|u| (u.unit.unit, u.finished.unwrap_or(finished))),
    };
    while let Some((unit, until)) = next {
        walk.back_to(until, StepKind::Waiting { unit: None });
        walk.visited.push(unit);
        next = walk.unit(unit);
    }
    walk.back_to(walk.admitted, StepKind::Waiting { unit: None });
    walk.back_to(request.arrived, StepKind::Queued);
    walk.steps.reverse();
    Some(walk.steps)
}

/// Walks backwards; `at` is the time down to which everything is explained.
struct Walk<'a> {
    record: &'a RunRecord,
    id: RequestId,
    admitted: SimTime,
    // What the record holds of this request.
    units: Vec<&'a UnitRecord>,
    operators: Vec<&'a OperatorRecord>,
    overheads: Vec<&'a Interval>,
    transfers: Vec<&'a TransferRecord>,
    visited: Vec<u32>,
    at: SimTime,
    steps: Vec<CriticalStep>,
}

/// What could have held a unit back until a time.
enum Cause<'a> {
    Unit(u32),
    Transfer(&'a TransferRecord),
}

impl<'a> Walk<'a> {
    /// Explains the time from `start` to where the walk stands; nothing when it stands there already.
    fn back_to(&mut self, start: SimTime, kind: StepKind) {
        if start < self.at {
            self.steps.push(CriticalStep { start, end: self.at, kind });
            self.at = start;
        }
    }

    fn transfer(&mut self, transfer: &TransferRecord, unit: Option<u32>) -> Option<(u32, SimTime)> {
        self.back_to(transfer.end, StepKind::Waiting { unit });
        let kind = StepKind::Transfer {
            tensor: transfer.tensor,
            from: transfer.from.map(|(_, e)| e),
            to: transfer.to.map(|(_, e)| e),
        };
        self.back_to(transfer.start, kind);
        let (producer, _) = transfer.from?;
        // Data that moves when its reader is placed waited for the producer that made the reader ready.
        let began = transfer.start;
        let ended = |number: u32| self.units.iter().find(|u| u.unit.unit == number).and_then(|u| u.finished);
        if let Some(reader) = unit.filter(|_| ended(producer).is_some_and(|end| end < began)) {
            let last = self.feeding(reader).into_iter().find(|&n| n != producer && ended(n) == Some(began));
            if let Some(last) = last.filter(|last| !self.visited.contains(last)) {
                return Some((last, self.at));
            }
        }
        (!self.visited.contains(&producer)).then_some((producer, self.at))
    }

    /// Explains a unit from where the walk stands to what it waited for, and names the next unit with
    /// the time by which its part was over.
    fn unit(&mut self, number: u32) -> Option<(u32, SimTime)> {
        let unit = self.units.iter().find(|u| u.unit.unit == number)?.unit;
        let executor = unit.executor;
        // Spans in which the unit made progress, latest first.
        let mut spans: Vec<(SimTime, SimTime, StepKind)> = self
            .operators
            .iter()
            .filter(|o| o.unit == unit)
            .map(|o| (o.start, o.end, StepKind::Operator { unit: number, operator: o.operator, executor }))
            .collect();
        spans.extend(
            self.overheads
                .iter()
                .filter(|i| i.work == unit)
                .map(|i| (i.start, i.end, StepKind::Overhead { unit: number, executor })),
        );
        spans.sort_by_key(|&(start, end, _)| std::cmp::Reverse((end, start)));
        for (start, end, kind) in spans {
            if start < self.at {
                // Waits between a unit's own spans belong to its partner resources or its memory.
                self.back_to(end, StepKind::Waiting { unit: Some(number) });
                self.back_to(start, kind);
            }
        }
        let begun = self.at;
        let (data_at, cause) = self.data_cause(number, begun);
        let (contended_at, by) = self.contender(number, executor, begun)?;
        match by {
            Some((request, other)) if contended_at > data_at => {
                if request == self.id {
                    if !self.visited.contains(&other) {
                        return Some((other, contended_at));
                    }
                } else {
                    self.back_to(contended_at, StepKind::Waiting { unit: Some(number) });
                    self.back_to(data_at, StepKind::Contended { unit: number, executor, by: request });
                }
            }
            _ => {}
        }
        match cause? {
            Cause::Unit(other) => {
                self.back_to(data_at, StepKind::Waiting { unit: Some(number) });
                Some((other, data_at))
            }
            Cause::Transfer(transfer) => self.transfer(transfer, Some(number)),
        }
    }

    /// Units whose results `number` reads.
    fn feeding(&self, number: u32) -> std::collections::BTreeSet<u32> {
        let needed: Vec<u32> = self
            .operators
            .iter()
            .filter(|o| o.unit.unit == number)
            .filter_map(|o| self.record.labels.operator(self.id.stream, o.operator))
            .flat_map(|label| label.predecessors.iter().copied())
            .collect();
        self.operators.iter().filter(|o| needed.contains(&o.operator)).map(|o| o.unit.unit).collect()
    }

    /// The datum of `number` that came last, not after `begun`.
    fn data_cause(&self, number: u32, begun: SimTime) -> (SimTime, Option<Cause<'a>>) {
        let mut best = (self.admitted, None);
        for &transfer in &self.transfers {
            let arrives = transfer.to.is_some_and(|(to, _)| to == number);
            if arrives && transfer.end <= begun && transfer.end >= best.0 {
                best = (transfer.end, Some(Cause::Transfer(transfer)));
            }
        }
        let feeding = self.feeding(number);
        for other in &self.units {
            let Some(finished) = other.finished else { continue };
            let feeds = other.unit.unit != number && feeding.contains(&other.unit.unit);
            if feeds && finished <= begun && finished > best.0 && !self.visited.contains(&other.unit.unit) {
                best = (finished, Some(Cause::Unit(other.unit.unit)));
            }
        }
        best
    }

    /// The unit that last left a resource of `executor` before `begun`.
    fn contender(
        &self,
        number: u32,
        executor: ExecutorId,
        begun: SimTime,
    ) -> Option<(SimTime, Option<(RequestId, u32)>)> {
        let executors = &self.record.labels.executors;
        let own = &executors.get(usize::from(executor.0))?.resources;
        let last = self
            .record
            .units
            .iter()
            .filter(|u| (u.unit.request, u.unit.unit) != (self.id, number))
            .filter(|u| {
                executors
                    .get(usize::from(u.unit.executor.0))
                    .is_some_and(|e| e.resources.iter().any(|r| own.contains(r)))
            })
            .filter_map(|u| u.finished.filter(|&f| f <= begun).map(|f| (f, u.unit.request, u.unit.unit)))
            .max_by_key(|&(finished, request, unit)| (finished, request == self.id, unit));
        Some(
            last.map_or((SimTime::ZERO, None), |(finished, request, unit)| (finished, Some((request, unit)))),
        )
    }
}
