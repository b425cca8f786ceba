//! A run in steady state allocates nothing: as many allocations for a million operators as for ten thousand.
#![allow(unsafe_code, reason = "a global allocator that counts is an unsafe trait")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use hetsoc::engine::Limits;
use hetsoc::graph::dag::Dag;
use hetsoc::physics::{Bound, CostTable, OperatorCost};
use hetsoc::simulation::{Arrivals, Problem, RequestQueue, StreamProblem, play, prepare};
use hetsoc::soc::{Crossing, Dispersion, Executor, Network, Platform, ProcessorKind, Resource, ResourceId};
use hetsoc::strategy::{EarliestFinishTime, Granularity, TransferStart};
use hetsoc::units::{BytesPerSec, SimDuration, Watts};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what the thread under test allocates; other threads of the test harness have counters of their own.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // The counter may be gone while a thread ends.
    let _ = ALLOCATIONS.try_with(|counter| counter.set(counter.get() + 1));
}

// SAFETY: every call is handed to the system allocator unchanged; the counter is a plain cell that allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const OPERATORS: u32 = 20;
const PROCESSORS: u16 = 4;

fn platform(network: Network, memory_bandwidth: Option<BytesPerSec>) -> Platform {
    let crossing = Crossing {
        latency: SimDuration(5_000_000),
        bandwidth: BytesPerSec(1e9),
        conversion: BytesPerSec(1e10),
    };
    let processors = usize::from(PROCESSORS);
    Platform {
        resources: (0..processors)
            .map(|number| Resource {
                name: format!("p{number}"),
                kind: ProcessorKind::Cpu,
                cluster: "cluster".to_owned(),
                idle_power: Watts(0.0),
                busy_power: Watts(1.0),
                blocked_power: Watts(0.0),
            })
            .collect(),
        executors: (0..PROCESSORS)
            .map(|number| Executor {
                name: format!("p{number}"),
                kind: ProcessorKind::Cpu,
                resources: vec![ResourceId(number)],
                busy_shares: vec![1.0],
                invocation: SimDuration(1_000_000),
                domain: number,
                dispersion: Dispersion { inference: 0.05, operator: 0.1 },
                tensor_scale: 1.0,
            })
            .collect(),
        crossings: (0..processors * processors)
            .map(|pair| if pair / processors == pair % processors { Crossing::NONE } else { crossing })
            .collect(),
        host_in: vec![Crossing::NONE; processors],
        host_out: vec![Crossing::NONE; processors],
        network,
        memory_bandwidth,
        base_power: Watts(0.0),
        dram_joules_per_byte: 0.0,
    }
}

/// Requests for a graph of two layers of branches, one every 800 us. A few at most are in flight.
fn problem(requests: u64, network: Network, memory_bandwidth: Option<BytesPerSec>) -> Problem {
    let mut edges = Vec::new();
    for target in 1..OPERATORS {
        edges.push(((target - 1) / 3, target, 20_000.0 + f64::from(target)));
        if target > 4 {
            edges.push((target - 4, target, 9_000.0));
        }
    }
    let dag = Dag::new(OPERATORS as usize, &edges).unwrap();
    let costs = CostTable::new(OPERATORS as usize, usize::from(PROCESSORS), |operator, executor| {
        let micros = 40 + 7 * operator as u64 % 60 + 13 * u64::from(executor.0);
        Some(OperatorCost {
            overhead: SimDuration(2_000_000),
            alone: SimDuration(micros * 1_000_000),
            dram_bytes: 300_000.0,
            bound: Bound::Compute,
        })
    });
    let arrivals = Arrivals::Periodic {
        period: SimDuration(1_600_000_000),
        offset: SimDuration::ZERO,
        count: Some(requests),
    };
    let queue = RequestQueue { max_in_flight: 4, ..RequestQueue::UNLIMITED };
    Problem {
        platform: platform(network, memory_bandwidth),
        streams: vec![StreamProblem {
            name: "stream".to_owned(),
            roles: Vec::new(),
            dag,
            operators: None,
            costs,
            arrivals,
            queue,
            service: hetsoc::strategy::ServiceTarget::default(),
            stage: hetsoc::simulation::Stage::default(),
        }],
        granularity: Granularity::Operator,
        transfer_start: None,
        stop_after: None,
        memory: None,
        seed: 1,
        noise: true,
        limits: Limits::default(),
        dynamics: None,
    }
}

fn allocations(requests: u64, network: Network, memory_bandwidth: Option<BytesPerSec>) -> u64 {
    let problem = problem(requests, network, memory_bandwidth);
    let mut strategy = EarliestFinishTime::new(TransferStart::Assignment);
    let prepared = prepare(&problem, &mut strategy).unwrap();
    let before = ALLOCATIONS.with(Cell::get);
    let outcome = play(&problem, &prepared, &mut strategy, &mut ()).unwrap();
    let made = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(outcome.operators, requests * u64::from(OPERATORS));
    assert!(outcome.remote_transfers > requests, "transfers happen");
    made
}

#[track_caller]
fn check(network: Network, memory_bandwidth: Option<BytesPerSec>) {
    let few = allocations(500, network, memory_bandwidth);
    let many = allocations(50_000, network, memory_bandwidth);
    assert!(few > 0, "the counter counts");
    assert_eq!(few, many, "allocations of 10^4 and of 10^6 operators");
}

#[test]
fn contention_free() {
    check(Network::ContentionFree, None);
}

#[test]
fn shared_bus() {
    check(Network::SharedBus(BytesPerSec(1e9)), None);
}

#[test]
fn shared_memory_bandwidth() {
    // Each operator alone would use some 4 GB/s: three at once must share.
    check(Network::ContentionFree, Some(BytesPerSec(9e9)));
}

#[test]
fn both() {
    check(Network::SharedBus(BytesPerSec(1e9)), Some(BytesPerSec(9e9)));
}

/// Watching beliefs at every admission allocates nothing as long as nothing is planned again; planning may.
#[test]
fn adaptive_between_two_plans() {
    let made = |requests: u64| {
        let problem = problem(requests, Network::ContentionFree, None);
        let spec: hetsoc::strategy::StrategySpec = "adaptive[threshold=100000]".parse().unwrap();
        let mut strategy = spec.build(&problem.platform).unwrap();
        let prepared =
            hetsoc::simulation::prepare_with(&problem, &mut *strategy, &"kalman".parse().unwrap()).unwrap();
        assert!(prepared.graphs[0].versions() > 1);
        let before = ALLOCATIONS.with(Cell::get);
        let outcome = play(&problem, &prepared, &mut *strategy, &mut ()).unwrap();
        assert_eq!(outcome.operators, requests * u64::from(OPERATORS));
        let made = ALLOCATIONS.with(Cell::get) - before;
        let log = strategy.adaptations().unwrap();
        assert!(log.learns && log.adaptations.is_empty());
        made
    };
    assert_eq!(made(500), made(10_000), "allocations of 10^4 and of 2 x 10^5 operators");
}

/// Allocations of a run with everything that changes: clocks, heat, caches, frames, competing threads.
fn living(requests: u32, allocator: bool) -> u64 {
    let thermal = if allocator {
        "governor = \"power-allocator\"\nsustainable_mw = 2500\nswitch_on_celsius = 40\ncontrol_celsius = 80\n"
    } else {
        ""
    };
    let text = format!(
        "schema = 1\nscenario = {{ name = \"test\" }}\ndevice = \"xperia-1\"\nruntime = \"tflite\"\n[[stream]]\nmodel = \"mobilenet_v1\"\narrivals = {{ kind = \"periodic\", period = \"33ms\", count = {requests} }}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"cpu-1large3med\" }}\n[dynamics]\ncaches = true\nidle_states = true\n[dynamics.thermal]\nstart_celsius = 44\n{thermal}[[background]]\nname = \"screen\"\nkind = \"render\"\non = \"gpu\"\nhz = 60\nframe = {{ median = \"4ms\", sigma = 0.3 }}\ngb_per_s = 3\n[[background]]\nname = \"app\"\nkind = \"thread\"\non = \"gold\"\nbursts = {{ gap = {{ mean = \"20ms\" }}, length = {{ mean = \"4ms\" }} }}\ngb_per_s = 1\n"
    );
    let text = hetsoc::diagnostics::SourceText::new("test", text);
    let spec = hetsoc::config::scenario_text(&text, std::path::Path::new(""), &[]).unwrap().value;
    let mut assembled = hetsoc::config::assemble(&spec, &[], &[], None).unwrap();
    let prepared = prepare(&assembled.problem, &mut *assembled.strategy).unwrap();
    let before = ALLOCATIONS.with(Cell::get);
    play(&assembled.problem, &prepared, &mut *assembled.strategy, &mut ()).unwrap();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn what_changes_during_a_run_allocates_nothing_in_steady_state() {
    for allocator in [false, true] {
        let (few, many) = (living(60, allocator), living(600, allocator));
        assert!(many - few < 60, "{few} allocations for 60 requests, {many} for 600");
    }
}
