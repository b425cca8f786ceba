//! Runs that cannot end, decisions that cannot be applied, and runs that are cut short.

use crate::build::{cost, plan, platform, problem, stream, tasks, watch};
use crate::oracles::stations::{Class, Discipline, Law, Origin, Stations};
use hetsoc::engine::{EngineError, EventQueue, Limits, Model, Phase, run};
use hetsoc::physics::CostTable;
use hetsoc::simulation::{Arrivals, Problem, SimulationError, simulate};
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::{
    Decision, Dispatch, Granularity, Occasion, Plan, PlanningView, ReadyUnit, Replay, RunView, Strategy,
    StrategyError, TransferStart,
};
use hetsoc::units::{BytesPerSec, SimDuration, SimTime};

/// Answers with whatever this function makes of a ready unit.
struct Stubborn<F>(F);

impl<F: FnMut(ReadyUnit) -> Vec<(ReadyUnit, u16)>> Strategy for Stubborn<F> {
    fn id(&self) -> &'static str {
        "stubborn"
    }
    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }
    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let plan = |view: &PlanningView<'_>| {
            let mut plan = Plan::new(Dispatch::AtReady, TransferStart::Assignment);
            for operator in 0..view.dag.len() as u32 {
                plan.push(&[operator], None);
            }
            plan
        };
        Ok(streams.iter().map(plan).collect())
    }
    fn react(&mut self, occasion: Occasion, _: &RunView<'_>, decisions: &mut Vec<Decision>) {
        if let Occasion::Ready(unit) = occasion {
            let place = |(unit, executor)| Decision::Place { unit, executor: ExecutorId(executor) };
            decisions.extend((self.0)(unit).into_iter().map(place));
        }
    }
}

fn two_tasks() -> Problem {
    tasks(&[vec![Some(1.0), Some(2.0)], vec![Some(1.0), None]], &[(0, 1, 1.0)], 0.0, 1.0)
}

#[test]
fn a_strategy_that_never_places() {
    let error = simulate(&two_tasks(), &mut Stubborn(|_| Vec::new()), &mut ()).unwrap_err();
    let SimulationError::Engine(EngineError::Stalled { time, culprits }) = &error else { panic!("{error}") };
    assert_eq!(*time, SimTime::ZERO);
    assert!(culprits.iter().any(|c| c.contains("request 0 of stream 0 has 2 units left")), "{culprits:?}");
    // Only the second unit is forgotten: the stall comes when the first has finished.
    let half = |unit: ReadyUnit| if unit.unit == 0 { vec![(unit, 0)] } else { Vec::new() };
    let error = simulate(&two_tasks(), &mut Stubborn(half), &mut ()).unwrap_err();
    let SimulationError::Engine(EngineError::Stalled { time, culprits }) = &error else { panic!("{error}") };
    assert_eq!(time.seconds(), 1.0);
    assert!(culprits[0].contains("1 units left"), "{culprits:?}");
    assert!(error.to_string().contains("stalled at 1.00 s"), "{error}");
}

#[test]
fn impossible_decisions_are_refused() {
    type Answer = fn(ReadyUnit) -> Vec<(ReadyUnit, u16)>;
    let cases: [(Answer, &str); 6] = [
        (|unit| vec![(unit, 9)], "there is no executor 9"),
        (|unit| vec![(unit, u16::from(unit.unit == 1))], "unit 1 cannot run on p1"),
        (|unit| vec![(unit, 0), (unit, 0)], "placed already"),
        (|unit| vec![(ReadyUnit { unit: 1, ..unit }, 0)], "not ready"),
        (|unit| vec![(ReadyUnit { unit: 7, ..unit }, 0)], "no unit 7"),
        (
            |unit| {
                let request = hetsoc::strategy::RequestId { number: 3, ..unit.request };
                vec![(ReadyUnit { request, ..unit }, 0)]
            },
            "request 3",
        ),
    ];
    for (answer, expected) in cases {
        match simulate(&two_tasks(), &mut Stubborn(answer), &mut ()) {
            Err(SimulationError::Decision { strategy, what }) => {
                assert_eq!(strategy, "stubborn");
                assert!(what.contains(expected), "{what}");
            }
            other => panic!("{other:?}"),
        }
    }
    let nowhere = |unit: ReadyUnit| {
        let request = hetsoc::strategy::RequestId { stream: 4, ..unit.request };
        vec![(ReadyUnit { request, ..unit }, 0)]
    };
    let error = simulate(&two_tasks(), &mut Stubborn(nowhere), &mut ()).unwrap_err();
    assert!(error.to_string().contains("there is no stream 4"), "{error}");
    let error = simulate(
        &two_tasks(),
        &mut Stubborn(|unit: ReadyUnit| vec![(ReadyUnit { slot: 5, ..unit }, 0)]),
        &mut (),
    );
    assert!(error.unwrap_err().to_string().contains("to be placed"));
}

#[test]
fn plans_that_do_not_fit_are_refused() {
    let refused = |order: &[(u32, u16)], dispatch| {
        let plan = plan(dispatch, TransferStart::ProducerFinish, order);
        simulate(&two_tasks(), &mut Replay::new(vec![plan]), &mut ()).unwrap_err().to_string()
    };
    assert!(refused(&[(0, 0), (1, 1)], Dispatch::AtReady).contains("cannot run on p1"));
    refused(&[(0, 0)], Dispatch::AtReady);
    refused(&[(0, 0), (0, 0), (1, 0)], Dispatch::AtReady);
    refused(&[(0, 0), (7, 0), (1, 0)], Dispatch::AtReady);
    // The consumer would wait for ever at the head of the queue in which its producer stands behind it.
    for dispatch in [Dispatch::InOrder, Dispatch::Sequential] {
        refused(&[(1, 0), (0, 0)], dispatch);
    }
    let error = simulate(&two_tasks(), &mut Replay::new(Vec::new()), &mut ()).unwrap_err();
    assert!(error.to_string().contains("0 plans for 1 streams"), "{error}");
}

#[test]
fn customers_that_circulate_without_time_passing() {
    let class = Class { origin: Origin::Closed(1), route: vec![(0, Law::Constant(0.0))], fork: false };
    let mut stations = Stations::new(&[(Discipline::Fifo(1), usize::MAX)], &[class], 0);
    let limits = Limits { events_at_one_time: 1000, ..Limits::default() };
    let error = run(&mut stations, limits).unwrap_err();
    let EngineError::Livelock { time, events, culprits } = &error else { panic!("{error}") };
    assert_eq!((*time, *events), (SimTime::ZERO, 1000));
    assert_eq!(culprits, &["station 0 holds 1"]);
    assert!(error.to_string().contains("livelock at 0 s: 1000 events"), "{error}");
}

#[test]
fn requests_without_end_and_without_work() {
    // Free operators, back to back: time never passes.
    let mut problem = tasks(&[vec![Some(0.0)]], &[], 0.0, 1.0);
    problem.streams[0].arrivals = Arrivals::BackToBack { count: None };
    problem.limits.events_at_one_time = 5000;
    let mut strategy = Replay::new(vec![plan(Dispatch::AtReady, TransferStart::Assignment, &[(0, 0)])]);
    match simulate(&problem, &mut strategy, &mut ()) {
        Err(SimulationError::Engine(EngineError::Livelock { events, culprits, .. })) => {
            assert!((5000..5100).contains(&events), "{events}");
            assert!(culprits.iter().any(|c| c.contains("stream 0")), "{culprits:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// Pops events that it should never have pushed.
struct Backwards(EventQueue<()>);

impl Model for Backwards {
    type Error = EngineError;
    fn next_time(&self) -> SimTime {
        self.0.next_time()
    }
    fn step(&mut self, now: SimTime) -> Result<(), EngineError> {
        self.0.pop();
        self.0.push(SimTime(now.0 - 1), Phase::Arrival, ());
        Ok(())
    }
    fn pending(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn an_event_in_the_past() {
    let mut model = Backwards(EventQueue::new());
    model.0.push(SimTime(10), Phase::Arrival, ());
    let error = run(&mut model, Limits::default()).unwrap_err();
    assert_eq!(error, EngineError::TimeReversed { event: SimTime(9), now: SimTime(10) });
}

/// Transfers, overhead, contended memory, a core set, and requests in the queue: cut anywhere.
fn busy() -> Problem {
    let mut platform = platform(3, 0.3, 2.0);
    platform.memory_bandwidth = Some(BytesPerSec(10.0));
    platform.executors[1].resources.push(hetsoc::soc::ResourceId(2));
    platform.executors[1].busy_shares = vec![1.0, 0.4];
    platform.executors[0].invocation = SimDuration::from_seconds(0.2);
    let edges = [(0, 1, 1.0), (0, 2, 2.0), (1, 3, 1.0), (2, 3, 1.0)];
    let mut stream = stream(&vec![vec![Some(1.0); 3]; 4], &edges);
    stream.costs = CostTable::new(4, 3, |operator, executor| {
        let mut cost = cost(0.5 + operator as f64 * 0.3, 4.0 + 3.0 * f64::from(executor.0));
        cost.overhead = SimDuration::from_seconds(0.1);
        Some(cost)
    });
    stream.arrivals = Arrivals::Periodic {
        period: SimDuration::from_seconds(0.7),
        offset: SimDuration::ZERO,
        count: Some(12),
    };
    problem(platform, vec![stream])
}

#[test]
fn a_run_cut_short_still_accounts_for_its_time() {
    let mut whole = busy();
    let order = [(0, 0), (1, 1), (2, 2), (3, 0)];
    let run = |problem: &Problem| {
        let plan = plan(Dispatch::AtReady, TransferStart::Assignment, &order);
        watch(problem, &mut Replay::new(vec![plan]))
    };
    let end = run(&whole).0.end.seconds();
    for step in 0..=200 {
        let until = SimTime(SimDuration::from_seconds(end * f64::from(step) / 190.0).0);
        whole.limits.until = until;
        let (outcome, log) = run(&whole);
        assert_eq!(outcome.truncated, until.seconds() < end, "{step}");
        if outcome.truncated {
            assert_eq!(outcome.end, until);
        }
        for (number, totals) in outcome.resources.iter().enumerate() {
            let used: u64 = totals.iter().map(|t| t.0).sum();
            assert!(used <= outcome.end.0, "step {step}, resource {number}: {used} of {}", outcome.end.0);
            let told: u64 = log
                .intervals
                .iter()
                .filter(|i| i.resource.0 as usize == number)
                .map(|i| i.end.since(i.start).0)
                .sum();
            assert_eq!(told, used);
        }
        let mut spans: Vec<_> = log.intervals.iter().map(|i| (i.resource, i.start, i.end)).collect();
        spans.sort_unstable();
        for pair in spans.windows(2) {
            assert!(pair[0].0 != pair[1].0 || pair[0].2 <= pair[1].1, "step {step}: {pair:?}");
            assert!(pair[1].2 <= outcome.end);
        }
        let stream = &outcome.streams[0];
        assert_eq!(
            stream.offered,
            stream.latencies.len() as u64 + stream.dropped + stream.unfinished,
            "step {step}"
        );
    }
}

#[test]
fn a_run_cut_by_events_ends_at_its_last_event() {
    let mut problem = busy();
    let order = [(0, 0), (1, 1), (2, 2), (3, 0)];
    for events in [1, 5, 17, 40] {
        for until in [SimTime::NEVER, SimTime(SimDuration::from_seconds(1000.0).0)] {
            problem.limits = Limits { events, until, ..Limits::default() };
            let plan = plan(Dispatch::AtReady, TransferStart::Assignment, &order);
            let (outcome, log) = watch(&problem, &mut Replay::new(vec![plan]));
            assert!(outcome.truncated);
            assert_eq!(outcome.events, events);
            assert!(outcome.end.seconds() < 20.0, "{} events lie before {}", events, outcome.end);
            assert!(log.intervals.iter().all(|interval| interval.end <= outcome.end));
        }
    }
}

#[test]
fn time_that_runs_out_is_an_error_and_no_stall() {
    // u64 picoseconds end after 1.8e7 s.
    let chain = tasks(&[vec![Some(1e7)], vec![Some(1e7)]], &[(0, 1, 1.0)], 0.0, 1.0);
    let mut eft = hetsoc::strategy::EarliestFinishTime::new(TransferStart::Assignment);
    assert_eq!(simulate(&chain, &mut eft, &mut ()).unwrap_err(), SimulationError::TimeOverflow);
    let mut late = tasks(&[vec![Some(1.0)]], &[], 0.0, 1.0);
    let period = SimDuration::from_seconds(9e6);
    late.streams[0].arrivals = Arrivals::Periodic { period, offset: SimDuration::ZERO, count: Some(9) };
    assert_eq!(simulate(&late, &mut eft, &mut ()).unwrap_err(), SimulationError::TimeOverflow);
    // A limit before the end of time is no error.
    late.limits.until = SimTime::ZERO + SimDuration::from_seconds(1e6);
    assert!(simulate(&late, &mut eft, &mut ()).unwrap().truncated);
}
