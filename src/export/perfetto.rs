//! Traces for the Perfetto UI (<https://ui.perfetto.dev>), in its native protobuf format.
//!
//! One process per SoC; in it one track per resource, tracks for transfers and for the requests of each
//! stream from admission to finish (as many as are open at once), and counters of DRAM traffic and of each
//! stream's queue. Every span is one slice, so slices
//! of a track neither overlap nor nest; their category is the activity (`busy`, `overhead`, `blocked`,
//! `suspended`), `transfer` or `request`; requests that were dropped are instants. An arrow leads from the slice that produced a tensor
//! through its transfer to the first slice of the consumer. Times are nanoseconds, rounded down, which
//! keeps order and touching ends.

mod lanes;
mod words;

use std::collections::BTreeMap;
use std::io::{self, Write};

use prost::Message;

use self::lanes::Lanes;
use self::words::{arguments, slice_name};
use super::protos::{
    CounterDescriptor, DebugAnnotation, ProcessDescriptor, TracePacket, TrackDescriptor, TrackEvent, event,
};
use crate::diagnostics::printable;
use crate::record::RunRecord;
use crate::record::signals::Signal;
use crate::simulation::observer::{Activity, RequestId};
use crate::units::SimTime;

const PROCESS: u64 = 1;
const BANDWIDTH: u64 = 2;
const DROPS: u64 = 3;
/// First track of resources; other tracks follow.
const RESOURCES: u64 = 10;
/// First track of clocks, temperatures and powers, far behind all others.
const SIGNALS: u64 = 1 << 40;
/// The writer's sequence number in the trace; any number but 0.
const SEQUENCE: u32 = 1;

/// Writes the trace of a record.
///
/// # Errors
/// When the destination fails.
pub fn write_trace(record: &RunRecord, mut to: impl Write) -> io::Result<()> {
    let mut trace = Trace::default();
    trace.resources(record);
    let next = trace.transfers(record, RESOURCES + record.labels.resources.len() as u64);
    trace.requests(record, next);
    trace.bandwidth(record);
    trace.signals(record);
    trace.write(record, &mut to)
}

/// Tracks, and events that are sorted before writing.
#[derive(Default)]
struct Trace {
    tracks: Vec<(u64, String)>,
    /// Track, name and unit.
    counters: Vec<(u64, String, Option<&'static str>)>,
    /// Time in ns and event. Each track's events are pushed in their order, which a stable sort keeps.
    events: Vec<(u64, TrackEvent)>,
    /// Flows that begin (end) at an interval of the record, by its position.
    leaving: BTreeMap<usize, Vec<u64>>,
    entering: BTreeMap<usize, Vec<u64>>,
}

/// A slice to be written.
struct Slice {
    track: u64,
    start: SimTime,
    end: SimTime,
    name: String,
    category: &'static str,
    arguments: Vec<DebugAnnotation>,
    leaving: Vec<u64>,
    entering: Vec<u64>,
}

const fn nanoseconds(time: SimTime) -> u64 {
    time.0 / 1000
}

impl Trace {
    fn slice(&mut self, slice: Slice) {
        let begin = TrackEvent {
            debug_annotations: slice.arguments,
            r#type: Some(event::SLICE_BEGIN),
            track_uuid: Some(slice.track),
            categories: vec![slice.category.to_owned()],
            name: Some(slice.name),
            flow_ids: slice.leaving,
            terminating_flow_ids: slice.entering,
            ..TrackEvent::default()
        };
        let end = TrackEvent {
            r#type: Some(event::SLICE_END),
            track_uuid: Some(slice.track),
            ..TrackEvent::default()
        };
        self.events.push((nanoseconds(slice.start), begin));
        self.events.push((nanoseconds(slice.end), end));
    }

    fn resources(&mut self, record: &RunRecord) {
        for (i, resource) in record.labels.resources.iter().enumerate() {
            self.tracks.push((RESOURCES + i as u64, printable(&resource.name)));
        }
        self.flows(record);
        let mut order: Vec<usize> = (0..record.intervals.len()).collect();
        order.sort_by_key(|&i| record.intervals.get(i).map(|span| (span.resource, span.start, span.end)));
        for index in order {
            let Some(span) = record.intervals.get(index) else { continue };
            let leaving = self.leaving.remove(&index).unwrap_or_default();
            let entering = self.entering.remove(&index).unwrap_or_default();
            self.slice(Slice {
                track: RESOURCES + u64::from(span.resource.0),
                start: span.start,
                end: span.end,
                name: slice_name(record, span),
                category: span.activity.id(),
                arguments: arguments(record, span),
                leaving,
                entering,
            });
        }
    }

    /// Numbers the arrows: `2 k + 1` into transfer `k`, `2 k + 2` out of it.
    fn flows(&mut self, record: &RunRecord) {
        // Spans of each unit that progress, in order of their ends.
        let mut of_unit: BTreeMap<(RequestId, u32), Vec<usize>> = BTreeMap::new();
        for (index, span) in record.intervals.iter().enumerate() {
            if matches!(span.activity, Activity::Busy | Activity::Overhead) {
                of_unit.entry((span.work.request, span.work.unit)).or_default().push(index);
            }
        }
        let at = |index: &usize| record.intervals.get(*index);
        for (k, transfer) in record.transfers.iter().enumerate() {
            let spans = |end: Option<(u32, _)>| {
                end.and_then(|(unit, _)| of_unit.get(&(transfer.request, unit)))
                    .map_or(&[][..], Vec::as_slice)
            };
            let producer = spans(transfer.from)
                .iter()
                .filter(|i| at(i).is_some_and(|s| s.activity == Activity::Busy && s.end <= transfer.start))
                .max_by_key(|i| at(i).map(|s| (s.end, std::cmp::Reverse(s.resource))));
            let consumer = spans(transfer.to)
                .iter()
                .filter(|i| at(i).is_some_and(|s| s.start >= transfer.end))
                .min_by_key(|i| at(i).map(|s| (s.start, s.resource)));
            let k = k as u64;
            if let Some(&index) = producer {
                self.leaving.entry(index).or_default().push(2 * k + 1);
            }
            if let Some(&index) = consumer {
                self.entering.entry(index).or_default().push(2 * k + 2);
            }
        }
    }

    /// Transfers on as many tracks as are under way at once; the next free track number.
    fn transfers(&mut self, record: &RunRecord, first: u64) -> u64 {
        let flowing_in: std::collections::BTreeSet<u64> = self.flow_ids(|event| &event.flow_ids);
        let flowing_out: std::collections::BTreeSet<u64> = self.flow_ids(|event| &event.terminating_flow_ids);
        let mut order: Vec<usize> = (0..record.transfers.len()).collect();
        order.sort_by_key(|&i| record.transfers.get(i).map(|t| (t.start, t.end)));
        let mut lanes = Lanes::new(first);
        for index in order {
            let Some(transfer) = record.transfers.get(index) else { continue };
            let track = lanes.take(transfer.start, transfer.end);
            let labels = &record.labels;
            let place = |end: Option<(u32, _)>| {
                end.map_or_else(|| "host".to_owned(), |(_, e)| labels.executor_name(e))
            };
            let (inward, outward) = (2 * index as u64 + 1, 2 * index as u64 + 2);
            self.slice(Slice {
                track,
                start: transfer.start,
                end: transfer.end,
                name: printable(&labels.tensor_name(transfer.request.stream, transfer.tensor)),
                category: "transfer",
                arguments: vec![
                    DebugAnnotation::real("bytes", transfer.bytes),
                    DebugAnnotation::text("from", printable(&place(transfer.from))),
                    DebugAnnotation::text("to", printable(&place(transfer.to))),
                    DebugAnnotation::number("request", u64::from(transfer.request.number)),
                ],
                leaving: if flowing_out.contains(&outward) { vec![outward] } else { vec![] },
                entering: if flowing_in.contains(&inward) { vec![inward] } else { vec![] },
            });
        }
        for (i, track) in lanes.tracks().enumerate() {
            self.tracks
                .push((track, if i == 0 { "transfers".to_owned() } else { format!("transfers {}", i + 1) }));
        }
        lanes.next()
    }

    fn flow_ids(&self, of: impl Fn(&TrackEvent) -> &Vec<u64>) -> std::collections::BTreeSet<u64> {
        self.events.iter().flat_map(|(_, event)| of(event).iter().copied()).collect()
    }

    fn requests(&mut self, record: &RunRecord, first: u64) {
        let mut next = first;
        let streams = record.requests.iter().map(|r| r.id.stream).max().map_or(0, |last| last + 1);
        for stream in 0..streams {
            let mut lanes = Lanes::new(next + 1);
            let mut waiting: Vec<(SimTime, i32)> = Vec::new();
            // Admission keeps the order of arrival, so spans come in order of their starts.
            for request in record.requests.iter().filter(|r| r.id.stream == stream) {
                let over = request.finished.or(request.dropped).unwrap_or(record.end);
                let name = format!("request {}", request.id.number);
                let mut arguments = vec![
                    DebugAnnotation::text("stream", printable(&record.labels.stream(stream))),
                    DebugAnnotation::text("warm_up", request.warm_up.to_string()),
                ];
                waiting.push((request.arrived, 1));
                if let Some(left) = request.admitted.or(request.dropped) {
                    waiting.push((left, -1));
                    arguments.push(DebugAnnotation::real("queued_ms", left.since(request.arrived).millis()));
                }
                if let Some(latency) = request.latency() {
                    arguments.push(DebugAnnotation::real("latency_ms", latency.millis()));
                }
                if let Some(admitted) = request.admitted {
                    let name = if request.finished.is_some() { name } else { format!("{name} (unfinished)") };
                    self.slice(Slice {
                        track: lanes.take(admitted, over),
                        start: admitted,
                        end: over,
                        name,
                        category: "request",
                        arguments,
                        leaving: vec![],
                        entering: vec![],
                    });
                } else if request.dropped.is_some() {
                    let dropped = TrackEvent {
                        r#type: Some(event::INSTANT),
                        track_uuid: Some(DROPS),
                        categories: vec!["queue".to_owned()],
                        name: Some(format!("{name} dropped")),
                        debug_annotations: arguments,
                        ..TrackEvent::default()
                    };
                    self.events.push((nanoseconds(over), dropped));
                }
            }
            self.queue(next, waiting);
            let name = printable(&record.labels.stream(stream));
            self.counters.push((next, format!("queued requests of {name}"), None));
            for (i, track) in lanes.tracks().enumerate() {
                let nth = if i == 0 { String::new() } else { format!(" ({})", i + 1) };
                self.tracks.push((track, format!("requests of {name}{nth}")));
            }
            next = lanes.next();
        }
    }

    /// Length of a queue over time on the counter `track`, from the steps up and down.
    fn queue(&mut self, track: u64, mut steps: Vec<(SimTime, i32)>) {
        steps.sort_by_key(|&(time, _)| time);
        let mut length = 0;
        let mut rest = steps.into_iter().peekable();
        while let Some((time, step)) = rest.next() {
            length += step;
            // What enters and leaves in the same instant never waited.
            if rest.peek().is_none_or(|&(next, _)| next > time) {
                self.counter(track, time, f64::from(length));
            }
        }
    }

    fn counter(&mut self, track: u64, time: SimTime, value: f64) {
        let counter = TrackEvent {
            r#type: Some(event::COUNTER),
            track_uuid: Some(track),
            double_counter_value: Some(value),
            ..TrackEvent::default()
        };
        self.events.push((nanoseconds(time), counter));
    }

    fn bandwidth(&mut self, record: &RunRecord) {
        if record.bandwidth.is_empty() {
            return;
        }
        self.counters.push((BANDWIDTH, "DRAM traffic".to_owned(), Some("GB/s")));
        for sample in &record.bandwidth {
            self.counter(BANDWIDTH, sample.time, sample.bytes_per_second / 1e9);
        }
    }

    /// Clocks, temperatures and powers.
    fn signals(&mut self, record: &RunRecord) {
        let mut known: Vec<Signal> = record.signals.iter().map(|sample| sample.signal).collect();
        known.sort_unstable();
        known.dedup();
        for (number, signal) in known.iter().enumerate() {
            let (name, unit) = signal.name(&record.labels);
            self.counters.push((SIGNALS + number as u64, printable(&name), Some(unit)));
        }
        for sample in &record.signals {
            if let Ok(number) = known.binary_search(&sample.signal) {
                self.counter(SIGNALS + number as u64, sample.time, sample.value);
            }
        }
    }

    fn write(mut self, record: &RunRecord, to: &mut impl Write) -> io::Result<()> {
        let process = TrackDescriptor {
            uuid: Some(PROCESS),
            process: Some(ProcessDescriptor {
                pid: Some(1),
                process_name: Some(printable(&record.labels.soc)),
            }),
            child_ordering: Some(3),
            ..TrackDescriptor::default()
        };
        write_descriptor(process, to)?;
        if record.requests.iter().any(|r| r.dropped.is_some()) {
            self.tracks.push((DROPS, "dropped requests".to_owned()));
        }
        let slices = std::mem::take(&mut self.tracks).into_iter().map(|(uuid, name)| (uuid, name, None));
        let counters = std::mem::take(&mut self.counters).into_iter().map(|(uuid, name, unit)| {
            (uuid, name, Some(CounterDescriptor { unit_name: unit.map(str::to_owned) }))
        });
        for (rank, (uuid, name, counter)) in slices.chain(counters).enumerate() {
            let descriptor = TrackDescriptor {
                uuid: Some(uuid),
                name: Some(name),
                parent_uuid: Some(PROCESS),
                counter,
                sibling_order_rank: Some(rank as i32),
                ..TrackDescriptor::default()
            };
            write_descriptor(descriptor, to)?;
        }
        self.events.sort_by_key(|&(time, _)| time);
        for (time, track_event) in self.events {
            write_packet(
                TracePacket {
                    timestamp: Some(time),
                    trusted_packet_sequence_id: Some(SEQUENCE),
                    track_event: Some(track_event),
                    track_descriptor: None,
                },
                to,
            )?;
        }
        to.flush()
    }
}

fn write_descriptor(descriptor: TrackDescriptor, to: &mut impl Write) -> io::Result<()> {
    let packet = TracePacket {
        trusted_packet_sequence_id: Some(SEQUENCE),
        track_descriptor: Some(descriptor),
        ..TracePacket::default()
    };
    write_packet(packet, to)
}

/// Writes a packet as field 1 of the `Trace` message: a trace is the concatenation of its packets.
fn write_packet(packet: TracePacket, to: &mut impl Write) -> io::Result<()> {
    const PACKET_FIELD: u8 = 1 << 3 | 2;
    let mut bytes = vec![PACKET_FIELD];
    packet.encode_length_delimited(&mut bytes).map_err(io::Error::other)?;
    to.write_all(&bytes)
}
