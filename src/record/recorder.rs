//! Builds the [`RunRecord`].

use std::collections::BTreeMap;

use super::labels::RunLabels;
use super::run_record::{BandwidthSample, OperatorRecord, RequestRecord, RunRecord, UnitRecord};
use super::signals::{Signal, SignalSample};
use crate::simulation::dynamics::PowerSource;
use crate::simulation::observer::{Interval, Lost, Observer, PlacedUnit, RequestId, TransferRecord};
use crate::units::{Celsius, Hertz, SimDuration, SimTime};

/// Position of an open unit that found no room: behind the end of every list.
const NOT_STORED: usize = usize::MAX;

/// An observer that keeps everything, up to a cap.
///
/// When the cap is reached, new events are counted but not stored; requests and units that are already
/// in the record still get their later times.
#[derive(Debug, Clone)]
pub struct Recorder {
    record: RunRecord,
    cap: usize,
    stored: usize,
    // Position in `record` of requests and units that are not over yet. Only looked up, never walked.
    open_requests: BTreeMap<RequestId, usize>,
    open_units: BTreeMap<(RequestId, u32), usize>,
    /// Missed refreshes so far, by source.
    missed: Vec<u32>,
}

impl Recorder {
    /// Events stored unless the caller says otherwise: some 300 MB at worst.
    pub const DEFAULT_CAP: usize = 4_000_000;

    /// A recorder that stores at most `cap` events.
    #[must_use]
    pub fn new(labels: RunLabels, cap: usize) -> Self {
        Self {
            record: RunRecord { labels, ..RunRecord::default() },
            cap,
            stored: 0,
            open_requests: BTreeMap::new(),
            open_units: BTreeMap::new(),
            missed: Vec::new(),
        }
    }

    /// The record, after the run.
    #[must_use]
    pub fn finish(mut self) -> RunRecord {
        let missing = self.record.counters.not_stored;
        if missing > 0 {
            self.record.warnings.push(format!(
                "the run record stopped growing at {} events; {missing} later ones are missing from figures, \
                 traces and per-operator tables (totals are complete)",
                self.cap
            ));
        }
        self.record
    }

    fn signal(&mut self, time: SimTime, signal: Signal, value: f64) {
        self.seen(time);
        if self.admit() {
            self.record.signals.push(SignalSample { time, signal, value });
        }
    }

    /// Whether one more event may be stored; counts it either way.
    fn admit(&mut self) -> bool {
        if self.stored < self.cap {
            self.stored += 1;
            true
        } else {
            self.record.counters.not_stored += 1;
            false
        }
    }

    fn seen(&mut self, now: SimTime) {
        self.record.end = self.record.end.max(now);
    }

    fn open_request(&mut self, id: RequestId) -> Option<&mut RequestRecord> {
        let &index = self.open_requests.get(&id)?;
        self.record.requests.get_mut(index)
    }

    /// The open unit's record, made if it is new and there is room.
    fn open_unit(&mut self, unit: PlacedUnit) -> Option<&mut UnitRecord> {
        let key = (unit.request, unit.unit);
        if !self.open_units.contains_key(&key) {
            self.record.counters.units += 1;
            if !self.admit() {
                self.open_units.insert(key, NOT_STORED);
                return None;
            }
            self.open_units.insert(key, self.record.units.len());
            self.record.units.push(UnitRecord {
                unit,
                placed: None,
                believed: None,
                started: None,
                finished: None,
                operator_time: SimDuration::ZERO,
            });
        }
        let &index = self.open_units.get(&key)?;
        let record = self.record.units.get_mut(index)?;
        // A unit may be placed anew before it starts: the last placement holds.
        record.unit = unit;
        Some(record)
    }
}

impl Observer for Recorder {
    fn arrived(&mut self, now: SimTime, id: RequestId, nominal: SimTime) {
        self.seen(now);
        self.record.counters.requests += 1;
        if self.admit() {
            self.open_requests.insert(id, self.record.requests.len());
            let warm_up = self.record.labels.is_warm_up(id);
            self.record.requests.push(RequestRecord {
                id,
                arrived: nominal,
                admitted: None,
                finished: None,
                dropped: None,
                warm_up,
            });
        }
    }

    fn dropped(&mut self, now: SimTime, id: RequestId) {
        self.seen(now);
        if let Some(request) = self.open_request(id) {
            request.dropped = Some(now);
        }
        self.open_requests.remove(&id);
    }

    fn admitted(&mut self, now: SimTime, id: RequestId) {
        self.seen(now);
        if let Some(request) = self.open_request(id) {
            request.admitted = Some(now);
        }
    }

    fn finished(&mut self, now: SimTime, id: RequestId) {
        self.seen(now);
        if let Some(request) = self.open_request(id) {
            request.finished = Some(now);
        }
        self.open_requests.remove(&id);
    }

    fn placed(&mut self, now: SimTime, unit: PlacedUnit, believed: SimDuration) {
        self.seen(now);
        if let Some(record) = self.open_unit(unit) {
            record.placed = Some(now);
            record.believed = Some(believed);
        }
    }

    fn unit_started(&mut self, now: SimTime, unit: PlacedUnit) {
        self.seen(now);
        if let Some(record) = self.open_unit(unit) {
            record.started = Some(now);
        }
    }

    fn unit_finished(&mut self, now: SimTime, unit: PlacedUnit) {
        self.seen(now);
        if let Some(index) = self.open_units.remove(&(unit.request, unit.unit))
            && let Some(record) = self.record.units.get_mut(index)
        {
            record.finished = Some(now);
        }
    }

    fn operator_finished(&mut self, now: SimTime, start: SimTime, unit: PlacedUnit, operator: u32) {
        self.seen(now);
        self.record.counters.operators += 1;
        if let Some(&index) = self.open_units.get(&(unit.request, unit.unit))
            && let Some(record) = self.record.units.get_mut(index)
        {
            record.operator_time += now.since(start);
        }
        if self.admit() {
            self.record.operators.push(OperatorRecord { unit, operator, start, end: now });
        }
    }

    fn slowed(&mut self, now: SimTime, unit: PlacedUnit, operator: u32, lost: Lost) {
        self.seen(now);
        if self.admit() {
            self.record.slowed.push((unit.request, operator, lost));
        }
    }

    fn interval(&mut self, interval: Interval) {
        self.seen(interval.end);
        self.record.counters.intervals += 1;
        if self.admit() {
            self.record.intervals.push(interval);
        }
    }

    fn transferred(&mut self, transfer: TransferRecord) {
        self.seen(transfer.end);
        self.record.counters.transfers += 1;
        if self.admit() {
            self.record.transfers.push(transfer);
        }
    }

    fn bandwidth(&mut self, now: SimTime, bytes_per_second: f64) {
        self.seen(now);
        self.record.counters.bandwidth_samples += 1;
        if self.admit() {
            self.record.bandwidth.push(BandwidthSample { time: now, bytes_per_second });
        }
    }

    fn frequency(&mut self, now: SimTime, domain: u16, clock: Hertz) {
        self.signal(now, Signal::Clock(domain), clock.0 / 1e6);
    }

    fn temperature(&mut self, now: SimTime, node: u16, temperature: Celsius) {
        self.signal(now, Signal::Temperature(node), temperature.0);
    }

    fn cache(&mut self, now: SimTime, cache: u16, client: u16, bytes: f64) {
        self.signal(now, Signal::Cache(cache, client), bytes / 1024.0);
    }

    fn power(&mut self, now: SimTime, source: PowerSource, watts: f64) {
        self.signal(now, Signal::Power(source), watts);
    }

    fn frame(&mut self, now: SimTime, source: u16, missed: bool) {
        if missed {
            let at = usize::from(source);
            if at >= self.missed.len() {
                self.missed.resize(at + 1, 0);
            }
            self.missed[at] += 1;
            self.signal(now, Signal::Missed(source), f64::from(self.missed[at]));
        }
    }

    fn ended(&mut self, now: SimTime) {
        self.seen(now);
    }
}
