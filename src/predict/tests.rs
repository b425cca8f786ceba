//! Every predictor against its recurrence, computed by hand.

use super::*;
use crate::physics::{Bound, CostTable, OperatorCost};
use crate::soc::ExecutorId;
use crate::units::SimDuration;

/// Two operators on two executors, in milliseconds; 0 cannot run there.
fn costs(times: [[u64; 2]; 2]) -> CostTable {
    CostTable::new(2, 2, |operator, executor| {
        let time = times[operator][executor.0 as usize];
        (time > 0).then_some(OperatorCost {
            overhead: SimDuration::ZERO,
            alone: ms(time as f64),
            dram_bytes: 0.0,
            bound: Bound::Compute,
        })
    })
}

fn ms(time: f64) -> SimDuration {
    SimDuration::from_seconds(time * 1e-3)
}

fn at(operator: u32, executor: u16) -> Work {
    Work { stream: 0, operator, executor: ExecutorId(executor) }
}

fn build(text: &str, costs: &CostTable) -> Box<dyn Predictor> {
    let spec: PredictorSpec = text.parse().unwrap();
    spec.build(&[TrainingStream { costs, operators: None }]).unwrap()
}

fn believed(predictor: &dyn Predictor, work: Work) -> f64 {
    predictor.estimate(work, &State::LABORATORY).unwrap().millis()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected, "{found} is not {expected}");
}

#[test]
fn the_offline_table_never_changes() {
    let costs = costs([[10, 0], [20, 30]]);
    let mut offline = build("offline", &costs);
    offline.observe(at(0, 0), &State::LABORATORY, ms(99.0));
    assert_eq!(believed(&*offline, at(0, 0)), 10.0);
    assert_eq!(offline.estimate(at(0, 1), &State::LABORATORY), None);
    assert!(!offline.changes() && !build("flop-linear", &costs).changes());
    assert!(build("oracle", &costs).knows_truth());
}

#[test]
fn a_moving_average_takes_a_tenth_of_each_observation() {
    let costs = costs([[10, 0], [20, 30]]);
    let mut ewma = build("ewma", &costs);
    // 10 + 0.1 (20 - 10) = 11; 11 + 0.1 (20 - 11) = 11.9.
    ewma.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    near(believed(&*ewma, at(0, 0)), 11.0);
    ewma.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    near(believed(&*ewma, at(0, 0)), 11.9);
    // 22 observations absorb 1 - 0.9^22 = 90.15 % of a step.
    for _ in 2..22 {
        ewma.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    }
    near(believed(&*ewma, at(0, 0)), 20.0 - 10.0 * 0.9f64.powi(22));
    assert_eq!(believed(&*ewma, at(1, 0)), 20.0);
    assert_eq!(ewma.estimate(at(0, 1), &State::LABORATORY), None);
}

#[test]
fn a_kalman_filter_gains_what_its_variances_say() {
    let costs = costs([[10, 0], [20, 30]]);
    let mut kalman = build("kalman[process=1,measurement=1]", &costs);
    // P = 1 + 1 = 2, K = 2/3, x = 1 + 2/3, P = 2/3; then P = 5/3, K = 5/8, x = 5/3 + 5/8 x 1/3 = 1.875.
    kalman.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    near(believed(&*kalman, at(0, 0)), 10.0 * 5.0 / 3.0);
    kalman.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    near(believed(&*kalman, at(0, 0)), 18.75);
    assert_eq!(believed(&*kalman, at(1, 0)), 20.0);
    // One state for the executor: the other operator there profits, the other executor does not.
    let mut shared = build("kalman[process=1,measurement=1,per=executor]", &costs);
    shared.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    near(believed(&*shared, at(1, 0)), 20.0 * 5.0 / 3.0);
    assert_eq!(believed(&*shared, at(1, 1)), 30.0);
}

#[test]
fn recursive_least_squares_follow_the_recursion_and_learn_the_state() {
    let one = costs([[10, 0], [10, 30]]);
    let mut rls = build("rls[forgetting=0.5]", &one);
    // s = (1, 0, ...), P = 10: K = 10 / 10.5, w = 1 + K (2 - 1), P = (10 - 100 / 10.5) / 0.5 = 1 / 1.05.
    rls.observe(at(0, 0), &State::LABORATORY, ms(20.0));
    let first = 1.0 + 10.0 / 10.5;
    near(believed(&*rls, at(0, 0)), 10.0 * first);
    let gain = (1.0 / 1.05) / (0.5 + 1.0 / 1.05);
    rls.observe(at(1, 0), &State::LABORATORY, ms(20.0));
    near(believed(&*rls, at(0, 0)), 10.0 * (first + gain * (2.0 - first)));
    // Twice as slow at half the clock, and a quarter slower with a rival: a state between those seen is predicted.
    let mut rls = build("rls", &one);
    for round in 0..300u32 {
        let clock = 1.0 + f64::from(round % 3);
        let load = f64::from(round % 2);
        let state = State { clock, load, ..State::LABORATORY };
        rls.observe(at(0, 0), &state, ms(10.0 * (clock + 0.25 * load)));
    }
    let state = State { clock: 1.5, load: 1.0, ..State::LABORATORY };
    let found = rls.estimate(at(0, 0), &state).unwrap().millis();
    assert!((found - 17.5).abs() < 0.02, "{found}");
}

#[test]
fn forgetting_without_news_does_not_blow_up() {
    let one = costs([[10, 0], [10, 30]]);
    let mut rls = build("rls[forgetting=0.9]", &one);
    for _ in 0..20_000 {
        rls.observe(at(0, 0), &State::LABORATORY, ms(12.0));
    }
    let moved = State { clock: 2.0, load: 3.0, bandwidth: 0.5, memory: 1.5, celsius: 80.0 };
    rls.observe(at(0, 0), &moved, ms(30.0));
    let found = rls.estimate(at(0, 0), &moved).unwrap().millis();
    assert!((10.0..50.0).contains(&found), "{found}");
}

#[test]
fn operators_without_work_are_the_mean_of_their_executor() {
    // Relative errors: (10 / 100 + 20 / 400) / (1 / 100 + 1 / 400) = 12.
    let costs = costs([[10, 0], [20, 30]]);
    let linear = build("flop-linear", &costs);
    near(believed(&*linear, at(0, 0)), 12.0);
    near(believed(&*linear, at(1, 0)), 12.0);
    near(believed(&*linear, at(1, 1)), 30.0);
    assert_eq!(linear.estimate(at(0, 1), &State::LABORATORY), None);
}

#[test]
fn profiling_costs_every_operator_on_every_executor() {
    let costs = costs([[10, 0], [20, 30]]);
    let streams = [TrainingStream { costs: &costs, operators: None }];
    let of = |text: &str| text.parse::<PredictorSpec>().unwrap().profiling(&streams).unwrap();
    assert_eq!(of("offline[runs=2]"), Profiling { offline: ms(120.0), ..Profiling::FREE });
    let found = of("ewma[cost-us=3,every=4]");
    assert_eq!(
        (found.offline, found.observation, found.every),
        (ms(600.0), SimDuration::from_micros(3.0), 4)
    );
    assert_eq!(of("oracle"), Profiling::FREE);
}

#[test]
fn wrong_names_and_values_say_what_is_possible() {
    let fault = |text: &str| text.parse::<PredictorSpec>().unwrap_err().to_string();
    assert!(fault("kalmann").contains("did you mean `kalman`?"));
    assert!(fault("offline[smoothing=0.1]").contains("it takes runs"));
    assert!(fault("ewma[smoothing=0]").contains("above 0 and at most 1"));
    assert!(fault("ewma[smoothing=NaN]").contains("smoothing"));
    assert!(fault("ewma[every=1.5]").contains("whole number"));
    assert!(fault("kalman[per=model]").contains("`operator` or `executor`"));
    assert!(fault("ewma[").contains("write name or name[parameter=value,...]"));
    let spec: PredictorSpec = "ewma[every=2, smoothing=0.2]".parse().unwrap();
    assert_eq!(spec.to_string(), "ewma[every=2,smoothing=0.2]");
}
