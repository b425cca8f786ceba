//! Several cuts of one graph side by side: requests run one of them each, as if there were no other.

use crate::build::{Log, platform, problem, stream, watch};
use hetsoc::simulation::{Arrivals, Problem, SimulationError, prepare, simulate};
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::{
    Admission, Decision, Dispatch, Granularity, Occasion, Plan, PlanningView, ReadyUnit, Replay, RequestId,
    RunView, Strategy, StrategyError, TransferStart,
};
use hetsoc::units::{SimDuration, SimTime};

/// Cuts as given; request `i` runs version `i % versions`, or what `wrong` says.
struct Turns {
    cuts: Vec<Plan>,
    overhead: SimDuration,
    wrong: Option<u16>,
    foreign: bool,
    says_so: bool,
}

impl Turns {
    fn new(cuts: Vec<Plan>) -> Self {
        Self { cuts, overhead: SimDuration::ZERO, wrong: None, foreign: false, says_so: true }
    }
}

impl Strategy for Turns {
    fn id(&self) -> &'static str {
        "turns"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, _: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        Ok(vec![self.cuts[0].clone()])
    }

    fn versions(&mut self, _: &[PlanningView<'_>]) -> Result<Vec<Vec<Plan>>, StrategyError> {
        Ok(vec![self.cuts[1..].to_vec()])
    }

    fn decides_admissions(&self) -> bool {
        self.says_so
    }

    fn admit(&mut self, request: RequestId, _: u32, _: &RunView<'_>) -> Admission {
        let version = self.wrong.unwrap_or((request.number as usize % self.cuts.len()) as u16);
        Admission { version, overhead: self.overhead }
    }

    fn react(&mut self, occasion: Occasion, view: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let Occasion::Ready(unit) = occasion else { return };
        // The first unit of another version lacks nothing either.
        let graph = &view.graphs[0];
        let other = (graph.version_of(unit.unit) + 1) % graph.versions() as u16;
        let unit =
            if self.foreign { ReadyUnit { unit: graph.range(other).unwrap().0, ..unit } } else { unit };
        decisions.push(Decision::Place { unit, executor: ExecutorId(0) });
    }
}

fn cut(groups: &[(&[u32], Option<u16>)]) -> Plan {
    let mut plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
    for (operators, executor) in groups {
        plan.push(operators, executor.map(ExecutorId));
    }
    plan
}

fn cuts() -> Vec<Plan> {
    vec![
        cut(&[(&[0, 1, 2, 3], Some(0))]),
        cut(&[(&[0], Some(0)), (&[1], Some(0)), (&[2], Some(1)), (&[3], Some(1))]),
        cut(&[(&[0, 1], Some(1)), (&[2, 3], Some(0))]),
    ]
}

/// A diamond whose tensors take time to cross; requests far apart, so that each has the machine to itself.
fn diamond(requests: u64) -> Problem {
    let costs = [[4.0, 5.0], [3.0, 7.0], [6.0, 2.0], [1.0, 3.0]].map(|row| row.map(Some).to_vec());
    let edges = [(0, 1, 1.0), (0, 2, 2.0), (1, 3, 3.0), (2, 3, 1.0)];
    let mut only = stream(&costs, &edges);
    only.arrivals = Arrivals::Periodic {
        period: SimDuration::from_seconds(100.0),
        offset: SimDuration::ZERO,
        count: Some(requests),
    };
    let mut problem = problem(platform(2, 0.5, 2.0), vec![only]);
    problem.platform.executors[1].invocation = SimDuration::from_seconds(0.25);
    problem.noise = true;
    problem.platform.executors.iter_mut().for_each(|e| e.dispersion.operator = 0.2);
    problem
}

/// Operators of a request, from its arrival on: number, executor, start, end.
fn of_request(log: &Log, number: u32) -> Vec<(u32, u16, u64, u64)> {
    let start = log.arrivals[number as usize].0;
    let mut rows: Vec<_> = log
        .operators
        .iter()
        .filter(|row| row.2.request.number == number)
        .map(|&(from, to, unit, op)| (op, unit.executor.0, from.0 - start, to.0 - start))
        .collect();
    rows.sort_unstable();
    rows
}

/// Would catch a wrong offset of units, edges, sizes or transfers in the union, and draws that depend on the version.
#[test]
fn a_request_runs_its_version_as_if_it_were_the_only_one() {
    let problem = diamond(9);
    let (together, log) = watch(&problem, &mut Turns::new(cuts()));
    assert_eq!(together.streams[0].latencies.len(), 9);
    for (version, plan) in cuts().into_iter().enumerate() {
        let (alone, own) = watch(&problem, &mut Replay::new(vec![plan]));
        for number in (version as u32..9).step_by(3) {
            assert_eq!(of_request(&log, number), of_request(&own, number), "version {version}");
            let latency = |o: &hetsoc::simulation::Outcome| o.streams[0].latencies[number as usize];
            assert_eq!(latency(&together), latency(&alone));
        }
    }
}

#[test]
fn deciding_takes_time_on_the_first_executor() {
    let problem = diamond(3);
    let (free, _) = watch(&problem, &mut Turns::new(cuts()));
    let overhead = SimDuration::from_seconds(1.5);
    let (paid, _) = watch(&problem, &mut Turns { overhead, ..Turns::new(cuts()) });
    for (before, after) in free.streams[0].latencies.iter().zip(&paid.streams[0].latencies) {
        assert_eq!(after.1, before.1 + overhead);
    }
    // Requests 0 and 1 begin on the first executor, request 2 on the second.
    let booked = |o: &hetsoc::simulation::Outcome, r: usize| o.resources[r][1].0;
    assert_eq!(booked(&paid, 0) - booked(&free, 0), 2 * overhead.0);
    assert_eq!(booked(&paid, 1) - booked(&free, 1), overhead.0);
}

fn refused(strategy: &mut Turns) -> String {
    match simulate(&diamond(2), strategy, &mut ()) {
        Err(SimulationError::Decision { strategy: "turns", what }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn impossible_versions_are_refused() {
    let missing = refused(&mut Turns { wrong: Some(3), ..Turns::new(cuts()) });
    assert!(missing.contains("version 3") && missing.contains("has 3"), "{missing}");
    let silent = refused(&mut Turns { says_so: false, ..Turns::new(cuts()) });
    assert!(silent.contains("admissions"), "{silent}");
}

/// The first unit of a version that the request does not run looks ready: nothing of it is missing.
#[test]
fn a_unit_of_a_foreign_version_is_refused() {
    let open = |plan: Plan| {
        let mut open = Plan::new(plan.dispatch, plan.transfer_start);
        plan.units().for_each(|unit| open.push(unit.operators, None));
        open
    };
    let what = refused(&mut Turns { foreign: true, ..Turns::new(cuts().into_iter().map(open).collect()) });
    assert!(what.contains("has no unit"), "{what}");
}

#[test]
fn versions_agree_in_dispatch_and_cover_the_graph() {
    let mut other = cuts();
    other[1] = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
    other[1].push(&[0, 1, 2, 3], Some(ExecutorId(0)));
    let error = prepare(&diamond(1), &mut Turns::new(other)).unwrap_err().to_string();
    assert!(error.contains("dispatch"), "{error}");
    let mut short = cuts();
    short[2] = cut(&[(&[0, 1], Some(0))]);
    let error = prepare(&diamond(1), &mut Turns::new(short)).unwrap_err().to_string();
    assert!(error.contains("in no unit"), "{error}");
}

/// Sequential versions walk their own units only.
#[test]
fn interpreters_walk_their_version() {
    let sequential = |order: &[u32], executor| {
        let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
        order.iter().for_each(|&op| plan.push(&[op], Some(ExecutorId(executor))));
        plan
    };
    let plans = vec![sequential(&[0, 1, 2, 3], 0), sequential(&[0, 2, 1, 3], 1)];
    let (outcome, log) = watch(&diamond(4), &mut Turns::new(plans));
    assert_eq!(outcome.units, 16);
    assert_eq!(log.completions.len(), 4);
    assert!(log.end > SimTime::ZERO);
}
