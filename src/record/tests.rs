//! What all observers of one run must agree on.

use super::fixture::{SMALL, Shape, graph, labels, platform, play, run};
use super::*;
use crate::simulation::observer::{Activity, Interval, Observer, PlacedUnit, RequestId, TransferRecord};
use crate::soc::{ExecutorId, ResourceId};
use crate::units::{SimDuration, SimTime};

const LONG: Shape = Shape { requests: 40, warm_up: 5, ..SMALL };

#[test]
fn the_time_identity_holds_and_equals_the_record() {
    for resources in [1, 2, 3, 6] {
        let (record, summary) = run(Shape { resources, ..LONG });
        assert!(record.end > SimTime::ZERO);
        for (i, r) in summary.resources.iter().enumerate() {
            let sum = r.busy_ms + r.overhead_ms + r.blocked_ms + r.suspended_ms + r.idle_ms;
            assert!((sum - summary.simulated_ms).abs() < 1e-9, "{} of {}", sum, summary.simulated_ms);
            let busy: u64 = record
                .intervals
                .iter()
                .filter(|s| usize::from(s.resource.0) == i && s.activity == Activity::Busy)
                .map(|s| s.end.0 - s.start.0)
                .sum();
            assert!((r.busy_ms - busy as f64 / 1e9).abs() < 1e-12);
        }
    }
}

#[test]
fn energy_is_the_integral_of_power_over_the_record() {
    let (record, summary) = run(LONG);
    let platform = platform(LONG);
    // Walk the record and integrate directly: idle power for the whole time, plus what each span adds.
    let mut joules = platform.base_power.0 * record.end.seconds();
    for (i, resource) in platform.resources.iter().enumerate() {
        joules += resource.idle_power.0 * record.end.seconds();
        for span in record.intervals.iter().filter(|s| usize::from(s.resource.0) == i) {
            let power = match span.activity {
                Activity::Busy | Activity::Overhead => resource.busy_power.0,
                Activity::Blocked => resource.blocked_power.0,
                Activity::Suspended => resource.idle_power.0,
            };
            joules += (power - resource.idle_power.0) * span.end.since(span.start).seconds();
        }
    }
    let mut bytes = 0.0;
    for pair in record.bandwidth.windows(2) {
        bytes += pair[0].bytes_per_second * pair[1].time.since(pair[0].time).seconds();
    }
    joules += bytes * platform.dram_joules_per_byte;
    assert!((summary.energy_mj / 1e3 - joules).abs() < 1e-9 * joules, "{} {joules}", summary.energy_mj);
    let parts: f64 = summary.resources.iter().map(|r| r.energy_mj).sum();
    let rest = summary.energy_rest_mj.base + summary.energy_rest_mj.dram;
    assert!((parts + rest - summary.energy_mj).abs() < 1e-9 * summary.energy_mj);
    assert!((summary.bandwidth.average_gb_per_s - bytes / record.end.seconds() / 1e9).abs() < 1e-9);
    assert!((summary.bandwidth.peak_gb_per_s - 7.5).abs() < 1e-12);
}

#[test]
fn requests_are_counted_and_warm_up_is_apart() {
    let (record, summary) = run(LONG);
    let r = summary.requests;
    assert_eq!((r.arrived, r.dropped, r.in_flight), (40, 5, 0));
    assert_eq!(r.arrived, r.completed + r.dropped + r.in_flight);
    let latency = summary.latency_ms.as_ref().unwrap();
    assert_eq!(latency.count, 30);
    assert_eq!(summary.warm_up_latency_ms.as_ref().unwrap().count, 5);
    assert_eq!(summary.streams[0].latency_ms, summary.latency_ms);
    assert_eq!(latency.ci95_method, Some("student-t"));
    let mean: f64 = record
        .requests
        .iter()
        .filter(|r| !r.warm_up)
        .filter_map(RequestRecord::latency)
        .map(|l| l.millis())
        .sum::<f64>()
        / 30.0;
    assert!((latency.mean - mean).abs() < 1e-9);
}

#[test]
fn an_interval_on_a_taken_resource_is_reported() {
    let mut accounting = Accounting::new(&platform(SMALL));
    let work = PlacedUnit { request: RequestId { stream: 0, number: 0 }, unit: 0, executor: ExecutorId(0) };
    let span = |start, end| Interval {
        resource: ResourceId(0),
        activity: Activity::Busy,
        work,
        operator: None,
        start: SimTime(start),
        end: SimTime(end),
    };
    accounting.interval(span(0, 10));
    accounting.interval(span(10, 20));
    assert!(accounting.totals().is_ok());
    accounting.interval(span(19, 30));
    assert!(accounting.totals().unwrap_err().to_string().contains("`cpu0` has a busy interval"));
}

#[test]
fn the_cap_keeps_totals_and_warns() {
    let mut recorder = Recorder::new(labels(LONG), 100);
    play(LONG, &mut recorder);
    let record = recorder.finish();
    let stored = record.requests.len()
        + record.units.len()
        + record.operators.len()
        + record.intervals.len()
        + record.transfers.len()
        + record.bandwidth.len();
    assert_eq!(stored, 100);
    assert!(record.is_truncated() && record.warnings[0].contains("100 events"), "{:?}", record.warnings);
    let (whole, _) = run(LONG);
    let counters = Counters { not_stored: 0, ..record.counters };
    assert_eq!(counters, whole.counters);
    assert_eq!(record.end, whole.end);
    assert!(whole.warnings.is_empty());
}

#[test]
fn beliefs_are_compared_with_the_time_of_operators() {
    let (record, summary) = run(LONG);
    let errors: Vec<f64> = record
        .units
        .iter()
        .map(|u| 100.0 * (u.believed.unwrap().0 as f64 / u.operator_time.0 as f64 - 1.0))
        .collect();
    let n = errors.len() as f64;
    let p = summary.prediction_error.unwrap();
    assert_eq!(p.units, 35 * 4);
    assert!((p.bias_percent - errors.iter().sum::<f64>() / n).abs() < 1e-9);
    assert!((p.mape_percent - errors.iter().map(|e| e.abs()).sum::<f64>() / n).abs() < 1e-9);
    assert!(p.mape_percent > 1.0);
}

#[test]
fn conversions_and_transfers_add_up() {
    let (record, summary) = run(LONG);
    assert_eq!(summary.transfers.count, record.transfers.len() as u64);
    assert!(summary.transfers.count > 0);
    // 100 000 bytes at 8 GB/s are 12.5 us; 15 us latency and 25 us at 4 GB/s for the transfer.
    let n = summary.transfers.count as f64;
    assert!((summary.transfers.conversion_ms - n * 0.0125).abs() < 1e-9);
    assert!((summary.transfers.time_ms - n * 0.040).abs() < 1e-9);
}

#[test]
fn the_peak_of_a_chain_is_two_tensors_and_the_weights() {
    // One request at a time on one resource: no crossing, inputs and outputs of one operator at most.
    let shape = Shape { resources: 1, requests: 1, ..SMALL };
    let (_, summary) = run(shape);
    assert_eq!(summary.peak_memory_bytes, Some(12 * 1000 + 2 * 100_000));
    // Two in flight at most, each with two tensors; crossings hold a copy besides.
    let (_, summary) = run(LONG);
    let peak = summary.peak_memory_bytes.unwrap();
    assert!((12_000 + 300_000..=12_000 + 600_000).contains(&peak), "{peak}");
}

#[test]
fn memory_counts_overlap_that_is_reported_late() {
    // Two operators of one request run side by side on two units; both read tensor 0. The longer one is
    // reported last but held its output from the start.
    let mut model = graph(Shape { units: 1, operators_per_unit: 3, ..SMALL });
    model.operators[1].inputs = vec![0];
    model.operators[2].inputs = vec![1, 2];
    let id = RequestId { stream: 0, number: 0 };
    let unit = |unit, executor| PlacedUnit { request: id, unit, executor: ExecutorId(executor) };
    let mut memory = MemoryPeak::new(&platform(SMALL), &[&model]);
    memory.admitted(SimTime(0), id);
    memory.unit_started(SimTime(0), unit(0, 0));
    memory.unit_started(SimTime(0), unit(1, 1));
    memory.operator_finished(SimTime(10), SimTime(0), unit(0, 0), 0);
    memory.unit_finished(SimTime(10), unit(0, 0));
    memory.operator_finished(SimTime(50), SimTime(0), unit(1, 1), 1);
    memory.unit_finished(SimTime(50), unit(1, 1));
    // Tensors 0, 1 and 2 at once, and the same once more while operator 2 writes tensor 3.
    assert_eq!(memory.peak_bytes(), 3000 + 300_000);
    let crossing = TransferRecord {
        request: id,
        tensor: 1,
        from: Some((0, ExecutorId(0))),
        to: Some((2, ExecutorId(2))),
        bytes: 50_000.0,
        start: SimTime(50),
        end: SimTime(60),
    };
    memory.transferred(crossing);
    memory.unit_started(SimTime(60), unit(2, 2));
    memory.operator_finished(SimTime(90), SimTime(60), unit(2, 2), 2);
    memory.unit_finished(SimTime(90), unit(2, 2));
    memory.finished(SimTime(90), id);
    memory.ended(SimTime(90));
    assert_eq!(memory.peak_bytes(), 3000 + 350_000);
    assert!(memory.changes.is_empty() && memory.current == 3000);
}

#[test]
fn critical_paths_cover_the_request_without_gap() {
    for resources in [1, 2, 3, 5] {
        let (record, _) = run(Shape { resources, ..LONG });
        for request in record.requests.iter().filter(|r| r.finished.is_some()) {
            let path = critical_path(&record, request.id).unwrap();
            assert_eq!(path.first().unwrap().start, request.arrived);
            assert_eq!(Some(path.last().unwrap().end), request.finished);
            assert!(path.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
            // A chain: every operator is on the path, once.
            let operators: Vec<u32> = path
                .iter()
                .filter_map(|step| match step.kind {
                    StepKind::Operator { operator, .. } => Some(operator),
                    _ => None,
                })
                .collect();
            assert_eq!(operators, (0..12).collect::<Vec<u32>>());
            let transfers = path.iter().filter(|s| matches!(s.kind, StepKind::Transfer { .. })).count();
            let waited: u64 = path
                .iter()
                .filter(|s| matches!(s.kind, StepKind::Waiting { .. }))
                .map(|s| s.duration().0)
                .sum();
            assert_eq!(waited, 0, "everything in the fixture has a cause: {path:?}");
            assert!(transfers > 0 || resources == 1);
        }
    }
    let (record, _) = run(LONG);
    let dropped = record.requests.iter().find(|r| r.dropped.is_some()).unwrap();
    assert!(critical_path(&record, dropped.id).is_none());
}

#[test]
fn the_longer_branch_is_critical() {
    // Operators 0 and 1 feed operator 2; unit 1 takes longer.
    let mut shape_labels = labels(SMALL);
    shape_labels.streams[0].operators[1].predecessors = vec![];
    shape_labels.streams[0].operators[2].predecessors = vec![0, 1];
    let id = RequestId { stream: 0, number: 0 };
    let mut recorder = Recorder::new(shape_labels, 1000);
    recorder.arrived(SimTime(0), id, SimTime(0));
    recorder.admitted(SimTime(0), id);
    for (number, start, end) in [(0, 0, 30), (1, 0, 50), (2, 50, 70)] {
        let unit =
            PlacedUnit { request: id, unit: number, executor: ExecutorId(if number == 1 { 1 } else { 0 }) };
        recorder.placed(SimTime(0), unit, SimDuration(1));
        recorder.unit_started(SimTime(start), unit);
        recorder.operator_finished(SimTime(end), SimTime(start), unit, number);
        recorder.unit_finished(SimTime(end), unit);
    }
    recorder.finished(SimTime(70), id);
    recorder.ended(SimTime(70));
    let path = critical_path(&recorder.finish(), id).unwrap();
    let units: Vec<_> = path
        .iter()
        .map(|step| match step.kind {
            StepKind::Operator { unit, .. } => unit,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(units, [1, 2]);
}
