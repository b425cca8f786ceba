//! Clocks that a strategy chooses, on devices whose best clocks are known.

use crate::background::still;
use crate::build::{platform, problem, stream};
use hetsoc::physics::{Mix, Scaling, ScalingTable, Straggler};
use hetsoc::simulation::{Arrivals, Outcome, Problem, RequestQueue, StreamProblem, play, prepare};
use hetsoc::soc::{Opp, OppTable};
use hetsoc::strategy::{Strategy, StrategySpec};
use hetsoc::units::{Hertz, SimDuration, Watts};

/// Steps of 50 MHz up to 2 GHz with voltages in proportion, so that a core draws `awake + cube f^3` (f in GHz) while it runs, and `idle`
/// when it does not. Every operator follows the clock of its core.
fn device(mut problem: Problem, awake: f64, cube: f64, idle: f64, lowest_mhz: usize) -> Problem {
    let mut setup = still(&problem);
    for domain in &mut setup.domains {
        let step = |mhz: usize| Opp { clock: Hertz(mhz as f64 * 1e6), voltage: mhz as f64 / 1e3 };
        domain.opps =
            OppTable { points: (lowest_mhz..=2000).step_by(50).map(step).collect(), ..domain.opps.clone() };
        domain.reference = Hertz(2e9);
        domain.highest = domain.opps.points.len() - 1;
        domain.power.dynamic.value = cube * 1e-9;
        domain.power.awake.value = Watts(awake);
        domain.power.idle.value = Watts(idle);
    }
    for (scaling, stream) in setup.scalings.iter_mut().zip(&problem.streams) {
        let executors = problem.platform.executors.len();
        *scaling = ScalingTable::new(stream.dag.len(), executors, executors, |_, executor| {
            let worker = Straggler { domains: 1 << executor.0, compute: Mix::core(1.0), ..Straggler::FIXED };
            Some(Scaling { workers: vec![worker], ..Scaling::default() })
        });
    }
    problem.dynamics = Some(Box::new(setup));
    problem
}

/// A stream of one operator of 10 ms at 2 GHz.
fn ten_ms(period_ms: Option<u64>, deadline_ms: Option<u64>) -> StreamProblem {
    let mut one = stream(&[vec![Some(0.01)]], &[]);
    if let Some(period) = period_ms {
        let period = SimDuration(period * 1_000_000_000);
        one.arrivals = Arrivals::Periodic { period, offset: SimDuration::ZERO, count: Some(20) };
    }
    one.service.deadline = deadline_ms.map(|ms| SimDuration(ms * 1_000_000_000));
    one
}

fn single(stream: StreamProblem) -> Problem {
    problem(platform(1, 0.0, 1e9), vec![stream])
}

/// Clocks that the strategy sets, in MHz; what it warns of; the run.
fn choose(problem: &Problem, spec: &str) -> (Vec<f64>, Vec<String>, Outcome) {
    let mut strategy = spec.parse::<StrategySpec>().unwrap().build(&problem.platform).unwrap();
    let prepared = prepare(problem, &mut *strategy).unwrap();
    let clocks = prepared.named_clocks(problem).iter().map(|(_, clock)| clock.0 / 1e6).collect();
    let warnings = strategy.warnings();
    let outcome = play(problem, &prepared, &mut *strategy, &mut ()).unwrap();
    (clocks, warnings, outcome)
}

/// The step of the table at which `value` of the clock in GHz is least.
fn least(value: impl Fn(f64) -> f64) -> f64 {
    let steps = (100..=2000).step_by(50).map(|mhz| mhz as f64);
    steps.min_by(|a, b| value(a / 1e3).total_cmp(&value(b / 1e3))).unwrap()
}

/// P(f) = a + b f^3: work at (a / 2b)^(1/3). Would fail with any part of the power left out, or a window that is not the request's.
#[test]
fn back_to_back_work_runs_at_the_cube_root_of_a_over_2b() {
    for (a, b) in [(0.5, 0.25), (1.0, 0.25), (0.1, 0.5), (2.0, 0.2)] {
        let (clocks, warnings, _) = choose(&device(single(ten_ms(None, None)), a, b, 0.0, 100), "frequency");
        let best = (a / (2.0 * b)).cbrt() * 1e3;
        println!("a {a} b {b}: {clocks:?}, by the formula {best} MHz");
        assert!((clocks[0] - best).abs() <= 50.0 && warnings.is_empty(), "{warnings:?}");
        assert_eq!(clocks[0], least(|f| (a + b * f.powi(3)) / f));
    }
}

/// With requests that come every 200 ms an idle core draws P_i anyway: (a - P_i) / 2b. Base power must cancel.
#[test]
fn periodic_work_races_less_when_idling_costs_as_well() {
    let (a, b, idle) = (0.5, 0.25, 0.3);
    let mut machine = device(single(ten_ms(Some(200), None)), a, b, idle, 100);
    machine.platform.base_power = Watts(5.0);
    // An awake domain with a running core draws awake + b f^3, an idle one the idle power of its core.
    let (clocks, _, _) = choose(&machine, "frequency");
    let best = ((a - idle) / (2.0 * b)).cbrt() * 1e3;
    println!("{clocks:?}, by the formula {best}");
    assert!((clocks[0] - best).abs() <= 50.0);
    // Back to back the base power runs as long as the work does: race.
    let mut racing = device(single(ten_ms(None, None)), a, b, idle, 100);
    racing.platform.base_power = Watts(5.0);
    assert_eq!(choose(&racing, "frequency").0[0], least(|f| (5.0 + a + b * f.powi(3)) / f));
    // Unless only what is drawn beyond idling counts.
    assert_eq!(choose(&racing, "frequency[scope=active]").0[0], least(|f| (a - idle + b * f.powi(3)) / f));
}

/// Without static power the slowest step with slack is best; the margin is kept free; what cannot be met runs at the fastest.
#[test]
fn the_slowest_step_with_slack_meets_the_deadline() {
    let machine = |deadline| device(single(ten_ms(Some(100), Some(deadline))), 0.0, 0.25, 0.0, 100);
    for (deadline, margin, slowest) in [(40u64, 0, 500.0), (40, 10, 600.0), (25, 0, 800.0), (16, 20, 1600.0)]
    {
        let (clocks, warnings, outcome) = choose(&machine(deadline), &format!("frequency[margin={margin}]"));
        println!("{deadline} ms, {margin} %: {clocks:?}");
        assert_eq!(clocks, [slowest]);
        assert!(warnings.is_empty());
        let worst = outcome.streams[0].latencies.iter().map(|l| l.1.millis()).fold(0.0, f64::max);
        assert!(worst <= deadline as f64, "{worst}");
    }
    let (clocks, warnings, _) = choose(&machine(9), "frequency");
    assert_eq!(clocks, [2000.0]);
    assert!(warnings.len() == 1 && warnings[0].contains("9.000 ms"), "{warnings:?}");
    // A deadline of its own goes before that of the stream.
    assert_eq!(choose(&machine(9), "frequency[deadline-ms=40,margin=0]").0, [500.0]);
    // More requests than can be served.
    let fast = device(single(ten_ms(Some(9), None)), 0.0, 0.25, 0.0, 100);
    let (clocks, warnings, _) = choose(&fast, "frequency");
    assert_eq!(clocks, [2000.0]);
    assert!(warnings[0].contains("111"), "{warnings:?}");
    // And without a deadline at least so fast that they are served: 10 ms of 12.5 ms and a margin of 20 %.
    let enough = device(single(ten_ms(Some(25), None)), 0.0, 0.25, 0.0, 100);
    assert_eq!(choose(&enough, "frequency[margin=20]").0, [1000.0]);
}

/// d/df (a + b f^3) / f^2 = 0 at (2a / b)^(1/3); a budget makes the fastest step that keeps it.
#[test]
fn energy_delay_and_budget() {
    let (a, b) = (0.5, 0.25);
    let machine = device(single(ten_ms(None, None)), a, b, 0.0, 100);
    let best = (2.0 * a / b).cbrt() * 1e3;
    let (clocks, _, _) = choose(&machine, "frequency[minimise=edp]");
    assert!((clocks[0] - best).abs() <= 50.0, "{clocks:?} {best}");
    assert_eq!(choose(&machine, "frequency[minimise=latency]").0, [2000.0]);
    // 20 ms GHz of work: (a + b f^3) 20 / f mJ.
    let energy = |f: f64| (a + b * f.powi(3)) * 20.0 / f;
    let fastest = (100..=2000).step_by(50).map(f64::from).filter(|f| energy(f / 1e3) <= 18.0).last().unwrap();
    let (clocks, warnings, outcome) = choose(&machine, "frequency[minimise=latency,energy-mj=18]");
    assert_eq!(clocks, [fastest]);
    assert!(warnings.is_empty());
    let spent = outcome.dynamics.unwrap().energy.total() * 1e3;
    assert!((spent / energy(fastest / 1e3) - 1.0).abs() < 1e-9 && spent <= 18.0, "{spent}");
    // Too small a budget: the most economical, with a warning.
    let (clocks, warnings, _) = choose(&machine, "frequency[minimise=latency,energy-mj=1]");
    assert_eq!(clocks[0], least(energy));
    assert!(warnings.len() == 1 && warnings[0].contains("1.00 mJ"), "{warnings:?}");
}

/// Two streams on two cores of different speed and a data dependency between them: all pairs of steps are played with the clocks
/// held, and the best of the runs is what the strategy chose without playing any.
#[test]
fn several_streams_as_the_best_of_all_runs() {
    let mut first = stream(
        &[vec![Some(0.004), Some(0.009)], vec![Some(0.004), None], vec![None, Some(0.006)]],
        &[(0, 1, 0.0), (0, 2, 0.0)],
    );
    let mut second = stream(&[vec![None, Some(0.007)]], &[]);
    for (own, deadline) in [(&mut first, 34u64), (&mut second, 50)] {
        own.arrivals = Arrivals::Periodic {
            period: SimDuration(60_000_000_000),
            offset: SimDuration::ZERO,
            count: Some(8),
        };
        own.queue = RequestQueue::UNLIMITED;
        own.service.deadline = Some(SimDuration(deadline * 1_000_000_000));
    }
    let mut machine = device(problem(platform(2, 0.0, 1e9), vec![first, second]), 0.2, 0.25, 0.02, 400);
    let setup = machine.dynamics.as_mut().unwrap();
    // Another power, so that the two do not want the same.
    setup.domains[1].power.dynamic.value *= 2.0;
    let (clocks, warnings, _) = choose(&machine, "frequency[base=heft,margin=0]");
    assert!(warnings.is_empty(), "{warnings:?}");
    let mut best = (f64::INFINITY, Vec::new());
    for a in 0..33u16 {
        for b in 0..33u16 {
            let mut heft = Held {
                base: "heft".parse::<StrategySpec>().unwrap().build(&machine.platform).unwrap(),
                steps: vec![Some(a), Some(b)],
            };
            let prepared = prepare(&machine, &mut heft).unwrap();
            let outcome = play(&machine, &prepared, &mut heft, &mut ()).unwrap();
            let met = outcome.streams.iter().zip([34.0, 50.0]).all(|(stream, deadline)| {
                stream.latencies.iter().all(|(_, latency)| latency.millis() <= deadline)
            });
            let energy = outcome.dynamics.as_ref().unwrap().energy.total();
            if met && energy < best.0 {
                best = (energy, prepared.named_clocks(&machine).iter().map(|c| c.1.0 / 1e6).collect());
            }
        }
    }
    println!("chosen {clocks:?}, best of 1089 runs {best:?}");
    assert_eq!(clocks, best.1);
}

/// A strategy with clocks held.
struct Held {
    base: Box<dyn Strategy>,
    steps: Vec<Option<u16>>,
}

impl Strategy for Held {
    fn id(&self) -> &'static str {
        "held"
    }
    fn default_granularity(&self) -> hetsoc::strategy::Granularity {
        self.base.default_granularity()
    }
    fn plan(
        &mut self,
        streams: &[hetsoc::strategy::PlanningView<'_>],
    ) -> Result<Vec<hetsoc::strategy::Plan>, hetsoc::strategy::StrategyError> {
        self.base.plan(streams)
    }
    fn clocks(&self) -> Vec<Option<u16>> {
        self.steps.clone()
    }
}

/// Steps that do not exist or are not the strategy's are refused before the run.
#[test]
fn clocks_that_may_not_be_set_are_refused() {
    let refuse = |machine: &Problem, steps: Vec<Option<u16>>| {
        let base = "single".parse::<StrategySpec>().unwrap().build(&machine.platform).unwrap();
        prepare(machine, &mut Held { base, steps }).unwrap_err().to_string()
    };
    let mut machine = device(single(ten_ms(None, None)), 0.5, 0.25, 0.0, 100);
    assert!(refuse(&machine, vec![Some(39)]).contains("allows steps 0 to 38"));
    assert!(refuse(&machine, vec![None, Some(0)]).contains("there are 1 domains"));
    let domain = &mut machine.dynamics.as_mut().unwrap().domains[0];
    (domain.lowest, domain.highest) = (5, 20);
    assert!(refuse(&machine, vec![Some(21)]).contains("steps 5 to 20"));
    assert_eq!(choose(&machine, "frequency[minimise=latency]").0, [1100.0], "limits of the scenario hold");
    machine.dynamics.as_mut().unwrap().domains[0].settable = false;
    assert!(refuse(&machine, vec![Some(6)]).contains("fixed"));
    let (clocks, warnings, _) = choose(&machine, "frequency");
    assert!(clocks.is_empty() && warnings[0].contains("no clock to choose"), "{warnings:?}");
    machine.dynamics = None;
    assert!(refuse(&machine, vec![Some(6)]).contains("0 domains"));
}

/// Requests of 10 ms every 50 ms beside one of 30 ms every 200 ms on one core (at 2 GHz), in either order: those of the fast stream that come
/// while the slow one runs must meet their deadline too. A belief that looks at one request of each, the fast one first, would
/// choose 800 MHz and miss.
#[test]
fn the_second_request_of_a_fast_stream_counts() {
    let (mut slow, mut fast) = (ten_ms(Some(200), Some(200)), ten_ms(Some(50), Some(50)));
    slow.costs = hetsoc::physics::CostTable::new(1, 1, |_, _| Some(crate::build::cost(0.03, 0.0)));
    for own in [&mut slow, &mut fast] {
        own.queue = RequestQueue::UNLIMITED;
    }
    for (deadline, streams) in [(50u64, [fast.clone(), slow.clone()]), (40, [slow, fast])] {
        let fast_one = usize::from(streams[0].service.deadline != Some(SimDuration(50_000_000_000)));
        let mut streams = streams.to_vec();
        streams[fast_one].service.deadline = Some(SimDuration(deadline * 1_000_000_000));
        let machine = device(problem(platform(1, 0.0, 1e9), streams), 0.0, 0.25, 0.0, 100);
        let (clocks, warnings, outcome) = choose(&machine, "frequency[base=single,margin=0]");
        let worst = outcome.streams[fast_one].latencies.iter().map(|l| l.1.millis()).fold(0.0, f64::max);
        println!("deadline {deadline} ms: {clocks:?}, worst {worst} ms {warnings:?}");
        assert!(warnings.is_empty() && worst <= deadline as f64 + 1e-6);
    }
}
