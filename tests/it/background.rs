//! Work that competes with inference.

use crate::build::{platform, problem, stream, watch};
use crate::dynamics::{on_device, play_all};
use crate::shared::shared;
use hetsoc::engine::Limits;
use hetsoc::physics::ScalingTable;
use hetsoc::physics::dvfs::Governor;
use hetsoc::physics::scheduler::SliceRule;
use hetsoc::simulation::dynamics::{
    BackgroundKind, BackgroundSetup, DomainSetup, DynamicsSetup, ExecutorScaling, MemorySetup, Pattern,
};
use hetsoc::simulation::observer::Activity;
use hetsoc::simulation::{Arrivals, Outcome, Problem, RequestQueue};
use hetsoc::soc::{Confidence, Opp, OppTable, PowerModel, Provenance, Quantity, ResourceId};
use hetsoc::strategy::{Dispatch, Replay, TransferStart};
use hetsoc::units::{BytesPerSec, Hertz, SimDuration, Watts};

/// One domain for each resource of a plain problem, at one clock.
pub fn still(problem: &Problem) -> DynamicsSetup {
    let provenance = Provenance { source: "test".into(), confidence: Confidence::Assumed };
    let neutral = Quantity::neutral;
    let domain = |name: &str, busy: f64| DomainSetup {
        id: name.to_owned(),
        is_cpu: true,
        opps: OppTable {
            points: vec![Opp { clock: Hertz(1e9), voltage: 1.0 }],
            clocks: provenance.clone(),
            voltages: provenance.clone(),
        },
        reference: Hertz(1e9),
        settable: true,
        governor: Governor::Performance,
        transition: SimDuration::ZERO,
        lowest: 0,
        highest: 0,
        capacity: 1024,
        power: PowerModel {
            dynamic: neutral(busy * 1e-9),
            awake: neutral(0.5).map(Watts),
            idle: neutral(0.1).map(Watts),
            blocked_activity: neutral(0.5),
            busy_activity: neutral(1.0),
            leakage: neutral(0.0).map(Watts),
            leakage_per_kelvin: neutral(0.0),
        },
    };
    let platform = &problem.platform;
    let reference = platform.memory_bandwidth.unwrap_or(BytesPerSec(1e12));
    DynamicsSetup {
        domains: platform.resources.iter().map(|r| domain(&r.name, r.busy_power.0)).collect(),
        domain_of: (0..platform.resources.len() as u16).collect(),
        memory: MemorySetup {
            reference,
            least: reference,
            votes: Vec::new(),
            interference: None,
            slowdowns: Vec::new(),
        },
        scalings: problem
            .streams
            .iter()
            .map(|s| {
                ScalingTable::new(s.dag.len(), platform.executors.len(), platform.resources.len(), |_, _| {
                    None
                })
            })
            .collect(),
        executors: vec![
            ExecutorScaling { invocation_domains: 0, memory_anchor: 1.0 };
            platform.executors.len()
        ],
        thermal: None,
        background: Vec::new(),
        caches: None,
        idle: None,
        spin: false,
        // Linux 6.6 and later on two cores: a base slice of 1.4 ms (EEVDF), so that threads alternate at every tick.
        scheduler: SliceRule {
            latency: SimDuration(1_400_000_000),
            granularity: SimDuration(1_400_000_000),
            wakeup: SimDuration(2_000_000_000),
            tick: SimDuration(4_000_000_000),
            migration_cost: SimDuration(500_000_000),
        },
    }
}

pub fn thread(core: u16) -> BackgroundSetup {
    BackgroundSetup {
        name: "hog".to_owned(),
        kind: BackgroundKind::Thread { cores: vec![ResourceId(core)], weight: 1024 },
        memory_rate: 0.0,
        memory_weight: 1.0,
        first: false,
        pattern: Pattern::Always,
    }
}

/// Mean and least latency over the latency alone of requests of `seconds` each, back to back, beside hogs on the same core
/// of two.
fn slowdown(seconds: f64, hogs: usize) -> (f64, f64) {
    let mut one = stream(&[vec![Some(seconds), Some(seconds)]], &[]);
    one.arrivals = Arrivals::BackToBack { count: Some(301) };
    one.queue = RequestQueue::ONE_AT_A_TIME;
    let mut problem = problem(platform(2, 0.0, 1e9), vec![one]);
    let mut setup = still(&problem);
    setup.background = (0..hogs).map(|_| thread(0)).collect();
    problem.dynamics = Some(Box::new(setup));
    problem.limits = Limits { until: hetsoc::units::SimTime(1_000_000_000_000_000), ..Limits::default() };
    let plan = crate::build::plan(Dispatch::AtReady, TransferStart::Assignment, &[(0, 0)]);
    let (outcome, _) = watch(&problem, &mut Replay::new(vec![plan]));
    let all: Vec<f64> = outcome.streams[0].latencies.iter().map(|l| l.1.seconds()).collect();
    assert_eq!(all.len(), 301);
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    (all.iter().sum::<f64>() / 301.0 / seconds, least / seconds)
}

#[test]
fn hogs_on_the_same_core_slow_down_as_measured() {
    let Some(path) = shared("data/x86/contention_hog.csv") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut errors = Vec::new();
    let mut baseline = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |i: usize| cells[i].parse::<f64>().unwrap();
        if cells[3] != "0" {
            continue;
        }
        let (hogs, base, measured) = (number(4), number(14), number(16));
        let (predicted, least) = slowdown(base, hogs as usize);
        let (measured_least, alone) = (number(7), number(11));
        errors.push((predicted / measured - 1.0).abs());
        baseline.push(((hogs + 1.0) / measured - 1.0).abs());
        println!(
            "{} {hogs} {}: measured {measured:.2} (least {:.2}), predicted {predicted:.2} (least {least:.2})",
            cells[0],
            cells[1],
            measured_least / alone
        );
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    println!("mean error {:.3} of {} rows, n + 1 has {:.3}", mean(&errors), errors.len(), mean(&baseline));
    assert!(mean(&errors) < 0.10);
    // The closed form of a fair share.
    for hogs in 1..4 {
        let (found, _) = slowdown(0.2, hogs);
        assert!((found / (hogs as f64 + 1.0) - 1.0).abs() < 0.05, "{hogs}: {found}");
    }
}

fn mean_ms(outcome: &Outcome) -> f64 {
    let all = &outcome.streams[0].latencies;
    all.iter().map(|l| l.1.millis()).sum::<f64>() / all.len() as f64
}

fn with(executor: &str, rest: &str) -> (Outcome, crate::build::Log) {
    let text = format!(
        "[[stream]]\nmodel = \"resnet50\"\narrivals = {{ kind = \"back-to-back\", count = 30 }}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\n{rest}"
    );
    let (outcome, log, _) = play_all(on_device("xiaomi-9", &text));
    // The time identity: spans of a resource do not overlap, and add up to what the outcome says.
    for resource in 0..outcome.resources.len() {
        let mut last = 0;
        let mut totals = [0u64; 4];
        for interval in log.intervals.iter().filter(|i| usize::from(i.resource.0) == resource) {
            assert!(interval.start.0 >= last && interval.end > interval.start, "{interval:?} after {last}");
            last = interval.end.0;
            totals[interval.activity as usize] += interval.end.since(interval.start).0;
        }
        assert!(last <= outcome.end.0);
        assert_eq!(totals.map(SimDuration), outcome.resources[resource]);
    }
    assert_eq!(outcome.operators as usize, log.operators.len());
    (outcome, log)
}

const HOG: &str = "[[background]]\nname = \"hog\"\nkind = \"thread\"\non = \"cpu5\"\n";

#[test]
fn a_set_of_cores_waits_for_the_preempted_one() {
    let (alone, _) = with("cpu-1large3med", "");
    let (blocking, log) = with("cpu-1large3med", HOG);
    let (spinning, _) = with("cpu-1large3med", &format!("barrier = \"spin\"\n{HOG}"));
    let (elsewhere, _) = with("cpu-1large3med", &HOG.replace("cpu5", "cpu0"));
    let (two, _) = with("cpu-2med", &HOG.replace("cpu5", "cpu4"));
    let (one, _) = with("cpu-1large", "");
    println!(
        "alone {:.1} ms, a hog on one of four cores {:.1}, spinning {:.1}, on another core {:.1}; two cores with a hog {:.1}, one large {:.1}",
        mean_ms(&alone),
        mean_ms(&blocking),
        mean_ms(&spinning),
        mean_ms(&elsewhere),
        mean_ms(&two),
        mean_ms(&one)
    );
    assert!(mean_ms(&blocking) > 1.5 * mean_ms(&alone));
    assert!(mean_ms(&spinning) > 1.5 * mean_ms(&alone));
    assert!((mean_ms(&elsewhere) / mean_ms(&alone) - 1.0).abs() < 0.01);
    let suspended = log.intervals.iter().filter(|i| i.activity == Activity::Suspended);
    assert!(suspended.clone().count() > 10 && suspended.clone().all(|i| i.resource.0 == 5));
    // While one core is descheduled the others wait for it.
    assert!(
        blocking.resources[7][Activity::Blocked as usize] > alone.resources[7][Activity::Blocked as usize]
    );
}

#[test]
fn free_threads_go_where_nobody_computes() {
    let (alone, _) = with("cpu-1large", "");
    let free = "[[background]]\nname = \"hog\"\nkind = \"thread\"\ncount = 7\n";
    let (seven, _) = with("cpu-1large", free);
    println!("alone {} ms, with seven free threads {} ms", mean_ms(&alone), mean_ms(&seven));
    assert!(mean_ms(&seven) < 1.1 * mean_ms(&alone));
    let (eight, _) = with("cpu-1large", &free.replace('7', "16"));
    assert!(mean_ms(&eight) > 1.5 * mean_ms(&alone), "{}", mean_ms(&eight));
}

#[test]
fn rendering_takes_its_share_of_the_gpu() {
    let (alone, _) = with("gpu", "");
    let render = |hz: u32, frame: &str, how: &str| {
        format!(
            "[[background]]\nname = \"ui\"\nkind = \"render\"\non = \"gpu\"\nhz = {hz}\nframe = {{ constant = \"{frame}\" }}\ninterrupts = \"{how}\"\n"
        )
    };
    for (hz, frame, share) in [(60, "4ms", 0.24), (90, "4ms", 0.36), (120, "2ms", 0.24)] {
        let (outcome, log) = with("gpu", &render(hz, frame, "immediately"));
        let source = &outcome.dynamics.as_ref().unwrap().background[0];
        let slower = mean_ms(&outcome) / mean_ms(&alone);
        println!(
            "{hz} Hz, {frame}: {slower:.3} times slower, {} frames, {} missed",
            source.completed, source.missed
        );
        assert!((slower * (1.0 - share) - 1.0).abs() < 0.03, "{slower}");
        assert_eq!(source.missed, 0);
        let expected = outcome.end.seconds() * f64::from(hz);
        assert!((source.completed as f64 - expected).abs() < 2.0);
        assert!(log.intervals.iter().any(|i| i.activity == Activity::Suspended));
    }
    // Frames that take longer than a refresh miss every second one.
    let (outcome, _) = with("gpu", &render(120, "10ms", "kernels"));
    let source = &outcome.dynamics.as_ref().unwrap().background[0];
    assert!(source.missed as f64 > 0.8 * source.completed as f64, "{source:?}");
}

#[test]
fn traffic_takes_bandwidth() {
    let (alone, _) = with("cpu-4small", "memory_clock = \"fixed\"\n");
    let text = "memory_clock = \"fixed\"\n[[background]]\nname = \"camera\"\nkind = \"traffic\"\ngb_per_s = 28\nweight = 100\n";
    let (beside, _) = with("cpu-4small", text);
    let source = &beside.dynamics.as_ref().unwrap().background[0];
    println!("alone {} ms, beside 28 GB/s {} ms", mean_ms(&alone), mean_ms(&beside));
    assert!(mean_ms(&beside) > 1.02 * mean_ms(&alone));
    assert!((source.bytes / beside.end.seconds() / 28e9 - 1.0).abs() < 0.01);
}

#[test]
fn bursts_are_the_same_for_the_same_seed() {
    let text = "[[background]]\nname = \"app\"\nkind = \"thread\"\non = \"prime\"\nbursts = { gap = { mean = \"10ms\" }, length = { median = \"5ms\", sigma = 0.5 } }\n";
    let (first, one) = with("cpu-1large", text);
    let (second, other) = with("cpu-1large", text);
    assert_eq!(one.intervals, other.intervals);
    assert_eq!(first.dynamics, second.dynamics);
    let source = &first.dynamics.as_ref().unwrap().background[0];
    let share = source.busy.seconds() / first.end.seconds();
    println!("{} bursts, {share} of the time", source.completed);
    // A third of the time if nobody competed: 10 ms apart, 5.7 ms each.
    assert!(source.completed > 20 && share > 0.2 && share < 0.4);
}
