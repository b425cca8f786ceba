//! Idle states: traces by hand, the identities of time and energy, and what waking costs a stream.

use crate::background::still;
use crate::build::{plan, platform, problem, stream, watch};
use crate::dynamics::{play_all, scenario};
use hetsoc::physics::dvfs::IdleState;
use hetsoc::simulation::dynamics::{IdleSetup, NamedIdleState};
use hetsoc::simulation::observer::Activity;
use hetsoc::simulation::{Arrivals, Outcome};
use hetsoc::strategy::{Dispatch, Replay, TransferStart};
use hetsoc::units::{SimDuration, SimTime};

const fn us(micros: u64) -> SimDuration {
    SimDuration(micros * 1_000_000)
}

/// Requests of 1 ms on one core of 0.1 W idle and 3 W busy, arriving at these times in ms; a state of 0.5 ms exit, no entry time,
/// 3.5 ms residency and a fifth of the idle power; ticks of 4 ms.
fn listed(arrivals: &[u64], states: bool) -> (Outcome, crate::build::Log) {
    let mut one = stream(&[vec![Some(1e-3)]], &[]);
    one.arrivals = Arrivals::Listed(arrivals.iter().map(|ms| SimTime(ms * 1_000_000_000)).collect());
    let mut problem = problem(platform(1, 0.0, 1e9), vec![one]);
    let mut setup = still(&problem);
    setup.idle = states.then(|| IdleSetup {
        states: vec![vec![NamedIdleState {
            name: "off".into(),
            state: IdleState { entry: us(0), exit: us(500), residency: us(3500), power_share: 0.2 },
        }]],
        shared: Vec::new(),
        exit_limits: vec![None],
    });
    problem.dynamics = Some(Box::new(setup));
    let plan = plan(Dispatch::AtReady, TransferStart::Assignment, &[(0, 0)]);
    watch(&problem, &mut Replay::new(vec![plan]))
}

fn latencies_us(outcome: &Outcome) -> Vec<f64> {
    outcome.streams[0].latencies.iter().map(|latency| latency.1.micros()).collect()
}

/// Would catch a governor that looks into the future, forgets its history, or is not looked at again at the tick.
#[test]
fn the_governor_learns_short_spans_and_the_tick_ends_a_wrong_guess() {
    // 20 requests every 4 ms, then one at 200 ms.
    let arrivals: Vec<u64> = (0..20).map(|request| request * 4).chain([200]).collect();
    let (outcome, log) = listed(&arrivals, true);
    // Asleep before the run. The spans after requests 0 to 7 are 4 - 1.5 = 2.5 ms, too short for the state, but the governor
    // knows eight spans only when request 8 has come: nine requests pay 0.5 ms. Then it waits for interrupts.
    // After request 19, at 77 ms, it does so again. Each tick from 80 ms on finds the core idle and notes a long span; those are
    // left out as long as the others agree, and at the eighth tick, 108 ms, all eight say so: asleep from 108 to 200 ms. The
    // last request pays.
    let expected: Vec<f64> =
        (0..21).map(|request| if request < 9 || request == 20 { 1500.0 } else { 1000.0 }).collect();
    assert_eq!(latencies_us(&outcome), expected);
    let dynamics = outcome.dynamics.as_ref().unwrap();
    let idle = &dynamics.idle[0];
    assert_eq!((idle.wake_ups, idle.waking), (10, us(5_000)));
    // Asleep: 8 x 2.5 + 92 ms, entered nine times. Without a state: 2.5 ms after request 8, 10 x 3 after 9 to 18, 31 up to 108 ms.
    let states: Vec<(&str, SimDuration, u64)> =
        idle.states.iter().map(|state| (state.name.as_str(), state.time, state.entries)).collect();
    assert_eq!(states, [("no state", us(63_500), 0), ("off", us(112_000), 9)]);
    // Overhead is the waking; the time identity: 21 busy + 5 overhead + the states = 201.5 ms.
    let overhead = log.intervals.iter().filter(|interval| interval.activity == Activity::Overhead);
    assert_eq!(overhead.map(|interval| interval.end.since(interval.start)).sum::<SimDuration>(), us(5_000));
    assert_eq!(outcome.end, SimTime(201_500_000_000));
    assert_eq!(outcome.resources[0][Activity::Busy as usize], us(21_000));
    // Energy: waking draws (3.5 - 0.2 x 3.0) / 0.5 = 5.8 times the idle power, so that 3.5 ms break even.
    let by_hand = 0.1 * (0.2 * 0.112 + 5.8 * 0.005 + 0.0635) + 3.0 * 0.021;
    assert!(
        (dynamics.energy.resources[0] - by_hand).abs() < 1e-12,
        "{} {by_hand}",
        dynamics.energy.resources[0]
    );
    // Awake power of the domain: only while it runs.
    assert!((dynamics.energy.domains[0] - 0.5 * 0.021).abs() < 1e-12);
}

/// Would catch idle states that cost something when they are off.
#[test]
fn without_idle_states_nothing_sleeps() {
    let (outcome, log) = listed(&[0, 4, 8, 100], false);
    assert_eq!(latencies_us(&outcome), [1000.0; 4]);
    assert!(outcome.dynamics.as_ref().unwrap().idle.is_empty());
    assert!(log.intervals.iter().all(|interval| interval.activity == Activity::Busy));
}

fn phone(executor: &str, period: &str, dynamics: &str) -> (Outcome, crate::build::Log) {
    let text = format!(
        "[[stream]]\nmodel = \"mobilenet_v1\"\narrivals = {{ kind = \"periodic\", period = \"{period}\", count = 6 }}\n[strategy]\nname = \"single\"\nparameters = {{ executor = \"{executor}\" }}\n[dynamics]\ncpu_governor = \"performance\"\ndevice_governor = \"performance\"\nmemory_clock = \"fixed\"\n{dynamics}"
    );
    let (outcome, log, _) = play_all(scenario(&text));
    (outcome, log)
}

/// Every request of a stream with long pauses comes later by exactly the exit latency of the state reached, as overhead before
/// its first operator; nothing else changes. Would catch a second payment, a clock-scaled one, or the wrong state.
#[test]
fn a_stream_pays_exactly_the_exit_of_the_state_reached() {
    let exit = us(6562);
    for (executor, period) in
        [("cpu-1large3med", "33333us"), ("cpu-1large", "100ms"), ("cpu-4small", "200ms")]
    {
        let (still, before) = phone(executor, period, "");
        let (asleep, after) = phone(executor, period, "idle_states = true\n");
        for (one, other) in still.streams[0].latencies.iter().zip(&asleep.streams[0].latencies) {
            assert_eq!((one.0, one.1 + exit), *other, "{executor} every {period}");
        }
        // The first operator of every request starts and ends later by the exit; all others take as long as before.
        assert_eq!(before.operators.len(), after.operators.len());
        for (one, other) in before.operators.iter().zip(&after.operators) {
            assert_eq!((one.0 + exit, one.1 + exit), (other.0, other.1), "{executor}");
        }
        let (idle, energy) = (&asleep.dynamics.as_ref().unwrap().idle, |o: &Outcome| {
            o.dynamics.as_ref().unwrap().energy.resources.iter().sum::<f64>()
        });
        assert!(idle.iter().any(|core| core.wake_ups == 6 && core.waking == SimDuration(6 * exit.0)));
        assert!(energy(&asleep) < energy(&still), "sleeping saves");
    }
}

/// A timer within the residency of the shared state keeps it from being entered: cores pay their own exit.
#[test]
fn a_timer_soon_keeps_the_clusters_up() {
    // Some 14 ms on four cores: less than 9.987 ms are left to the next timer.
    let (still, _) = phone("cpu-1large3med", "21ms", "");
    let (asleep, _) = phone("cpu-1large3med", "21ms", "idle_states = true\n");
    let own = still.streams[0].latencies[0].1;
    assert!(own > us(11_100) && own < us(14_400), "{}", own.micros());
    for (number, (one, other)) in
        still.streams[0].latencies.iter().zip(&asleep.streams[0].latencies).enumerate()
    {
        let exit = if number == 0 { us(6562) } else { us(1461) };
        assert_eq!(one.1 + exit, other.1, "request {number}");
    }
}

/// While the GPU is awake its driver lets cores have 44 us: nobody pays, and nobody saves.
#[test]
fn a_busy_gpu_keeps_cores_out_of_deep_states() {
    let rest = "idle_states = true\n[[background]]\nname = \"ui\"\nkind = \"render\"\non = \"gpu\"\nhz = 60\nframe = { constant = \"4ms\" }\n";
    let (still, _) = phone("cpu-1large3med", "33333us", &rest.replace("idle_states = true\n", ""));
    let (asleep, _) = phone("cpu-1large3med", "33333us", rest);
    let ms =
        |outcome: &Outcome| outcome.streams[0].latencies.iter().map(|l| l.1.millis()).collect::<Vec<_>>();
    println!("{:?} {:?}", ms(&still), ms(&asleep));
    // The first request finds everything asleep; the frame that comes with it wakes all.
    assert_eq!(ms(&still)[1..], ms(&asleep)[1..]);
    let idle = &asleep.dynamics.as_ref().unwrap().idle;
    assert!(idle.iter().take(8).all(|core| core.wake_ups <= 1), "{idle:?}");
}

/// Competing threads wake their cores too, and nobody runs on a core that is still waking.
#[test]
fn competing_threads_pay_as_well() {
    let hog = "idle_states = true\n[[background]]\nname = \"app\"\nkind = \"thread\"\non = \"cpu0\"\nbursts = { gap = { constant = \"50ms\" }, length = { constant = \"1ms\" } }\n";
    let (outcome, _) = phone("cpu-1large", "100ms", hog);
    let dynamics = outcome.dynamics.as_ref().unwrap();
    let (idle, source) = (&dynamics.idle[0], &dynamics.background[0]);
    println!("{idle:?} {source:?}");
    assert!(source.completed >= 8);
    // Other cores keep the clusters up only while they run: each burst finds its own core collapsed.
    assert!(idle.wake_ups >= source.completed && idle.wake_ups <= source.completed + 1);
    assert!(idle.waking >= SimDuration(us(909).0 * source.completed));
    // Time: states + waking + running = the whole.
    let times: SimDuration = idle.states.iter().map(|state| state.time).sum();
    assert_eq!(times + idle.waking + source.busy, outcome.end.since(SimTime::ZERO));
}

/// Faults of idle states in a profile are named with the rule.
#[test]
fn wrong_idle_states_are_explained() {
    use hetsoc::config::Library;
    use hetsoc::config::library::ProfileKind;
    let text = Library.text(ProfileKind::Soc, "snapdragon-855").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    for (old, new, expected) in [
        ("exit_us = 1461", "exit_us = 14610", "is shorter than entry_us + exit_us"),
        ("residency_us = 3934", "residency_us = -1", "residency_us"),
        ("of = [\"silver\", \"gold\", \"prime\"]", "of = [\"silver\", \"golt\"]", "did you mean `gold`"),
        ("of = [\"silver\", \"gold\", \"prime\"]", "of = []", "a shared idle state of no cluster"),
        ("name = \"rail-power-collapse\"", "name = \"Rail\"", "Rail"),
        ("power_share = { value = 0.1,", "power_share = { value = 1.1,", "power_share"),
        ("after_ms =", "residency_us =", "unknown key `residency_us`"),
    ] {
        assert!(text.contains(old), "{old}");
        std::fs::write(&path, text.replacen(old, new, 1)).unwrap();
        let error = Library.soc(path.to_str().unwrap(), &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{new}: {error}");
    }
}
