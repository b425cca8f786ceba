//! All exports of a hand-made record.

use std::collections::BTreeMap;

use prost::Message;

use super::protos::{TracePacket, event};
use super::*;
use crate::record::RunRecord;
use crate::record::fixture::{SMALL, Shape, run};

const SHAPE: Shape = Shape { requests: 8, ..SMALL };

#[derive(Clone, PartialEq, prost::Message)]
struct WholeTrace {
    #[prost(message, repeated, tag = "1")]
    packet: Vec<TracePacket>,
}

fn trace(record: &RunRecord) -> Vec<TracePacket> {
    let mut bytes = Vec::new();
    write_trace(record, &mut bytes).unwrap();
    WholeTrace::decode(bytes.as_slice()).unwrap().packet
}

/// Slices by track name: begin, end, category.
fn slices(packets: &[TracePacket]) -> BTreeMap<String, Vec<(u64, u64, String)>> {
    let mut names = BTreeMap::new();
    let mut open: BTreeMap<u64, (u64, String)> = BTreeMap::new();
    let mut result: BTreeMap<String, Vec<(u64, u64, String)>> = BTreeMap::new();
    for packet in packets {
        if let Some(d) = &packet.track_descriptor {
            names.insert(d.uuid.unwrap(), d.name.clone().unwrap_or_default());
        }
        let Some(e) = &packet.track_event else { continue };
        let (now, track) = (packet.timestamp.unwrap(), e.track_uuid.unwrap());
        match e.r#type.unwrap() {
            event::SLICE_BEGIN => {
                let before = open.insert(track, (now, e.categories[0].clone()));
                assert!(before.is_none(), "a slice begins inside another on {}", names[&track]);
            }
            event::SLICE_END => {
                let (start, category) = open.remove(&track).expect("an end has a begin");
                result.entry(names[&track].clone()).or_default().push((start, now, category));
            }
            _ => {}
        }
    }
    assert!(open.is_empty());
    result
}

#[test]
fn trace_slices_neither_overlap_nor_lose_time() {
    let (record, summary) = run(SHAPE);
    let packets = trace(&record);
    let slices = slices(&packets);
    for (spans, r) in summary.resources.iter().map(|r| (&slices[&r.name], r)) {
        let total = |category: &str| {
            spans.iter().filter(|s| s.2 == category).map(|s| s.1 - s.0).sum::<u64>() as f64 / 1e6
        };
        // Each end is rounded by less than a nanosecond.
        let tolerance = spans.len() as f64 * 1e-6;
        assert!((total("busy") - r.busy_ms).abs() <= tolerance, "{} {}", total("busy"), r.busy_ms);
        assert!((total("overhead") - r.overhead_ms).abs() <= tolerance);
        assert!((total("blocked") - r.blocked_ms).abs() <= tolerance);
        assert!(spans.windows(2).all(|w| w[0].1 <= w[1].0));
    }
    assert!(slices["requests of chain"].iter().any(|s| s.2 == "request"));
    assert!(packets.windows(2).all(|w| w[0].timestamp <= w[1].timestamp || w[0].timestamp.is_none()));
}

#[test]
fn every_transfer_has_an_arrow_in_and_out() {
    let (record, _) = run(SHAPE);
    let (mut begins, mut ends) = (BTreeMap::new(), BTreeMap::new());
    for packet in trace(&record) {
        let Some(e) = packet.track_event else { continue };
        for id in e.flow_ids {
            assert!(begins.insert(id, packet.timestamp).is_none());
        }
        for id in e.terminating_flow_ids {
            assert!(ends.insert(id, packet.timestamp).is_none());
        }
    }
    assert_eq!(begins.len(), 2 * record.transfers.len());
    assert_eq!(begins.keys().collect::<Vec<_>>(), ends.keys().collect::<Vec<_>>());
    assert!(begins.iter().all(|(id, begin)| *begin <= ends[id]));
    assert!(!begins.is_empty());
}

#[test]
fn csv_rows_and_exact_times() {
    let (record, summary) = run(SHAPE);
    let mut requests = Vec::new();
    write_requests(&record, &mut requests).unwrap();
    let text = String::from_utf8(requests).unwrap();
    assert_eq!(text.matches("\r\n").count(), 9);
    assert!(text.starts_with("stream,request,warm_up,arrived_ms,"));
    assert!(text.contains("chain,1,false,0.900000333,0.900000333,"), "{text}");
    let mut operators = Vec::new();
    write_operators(&record, &mut operators).unwrap();
    assert_eq!(String::from_utf8(operators).unwrap().lines().count(), 1 + record.operators.len());
    let mut resources = Vec::new();
    write_resources(&summary, &mut resources).unwrap();
    assert_eq!(String::from_utf8(resources).unwrap().lines().count(), 4);
}

#[test]
fn hostile_labels_are_defused() {
    let (mut record, _) = run(SHAPE);
    record.labels.streams[0].name = "=HYPERLINK(\"x\",1)\u{1b}[31m\nb".to_owned();
    record.labels.streams[0].operators[0].name = " @SUM(1,2)".to_owned();
    let mut bytes = Vec::new();
    write_operators(&record, &mut bytes).unwrap();
    let mut rows = ::csv::Reader::from_reader(bytes.as_slice());
    let first = rows.records().next().unwrap().unwrap();
    assert_eq!(&first[0], "'=HYPERLINK(\"x\",1)\\u{1b}[31m\\nb");
    assert_eq!(&first[4], "' @SUM(1,2)");
    assert!(!trace(&record).iter().any(|p| format!("{p:?}").contains("\\u{1b}[31m\\n\"")));
}

#[test]
fn json_has_the_promised_keys() {
    let (_, summary) = run(SHAPE);
    let text = to_json(&summary).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in ["schema_version", "seed", "energy_mj", "fallback", "peak_memory_bytes", "warnings"] {
        assert!(value.get(key).is_some(), "{key}");
    }
    for key in ["count", "mean", "median", "p90", "p99", "min", "max", "std", "ci95_half_width"] {
        assert!(value["latency_ms"].get(key).is_some(), "{key}");
    }
    for key in ["busy_ms", "overhead_ms", "blocked_ms", "suspended_ms", "idle_ms", "utilization", "energy_mj"]
    {
        assert!(value["resources"][0][key].is_number(), "{key}");
    }
    assert_eq!(text, to_json(&run(SHAPE).1).unwrap(), "equal runs give equal bytes");
}

/// With `HETSOC_TEST_OUT=folder`, leaves the files of a larger record there, for `tests/tools/check_trace.py`
/// and for looking at; otherwise into a folder that goes away.
#[test]
fn all_files_of_a_run() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("HETSOC_TEST_OUT").map_or(scratch.path().to_path_buf(), Into::into);
    let output = OutputFolder::prepare(folder, &[], true).unwrap();
    let (record, summary) = run(Shape { requests: 60, resources: 5, units: 7, ..SHAPE });
    output.write("summary.json", |w| write_json(&summary, w)).unwrap();
    output.write("requests.csv", |w| write_requests(&record, w)).unwrap();
    output.write("operators.csv", |w| write_operators(&record, w)).unwrap();
    output.write("resources.csv", |w| write_resources(&summary, w)).unwrap();
    let path = output.write("trace.pftrace", |w| write_trace(&record, w)).unwrap();
    assert!(std::fs::metadata(path).unwrap().len() > 10_000);
}
