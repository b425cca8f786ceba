//! Chains of stages against results that follow from arithmetic.

use crate::build::{platform, problem, stream};
use hetsoc::simulation::{
    Arrivals, Count, Outcome, Problem, QueuePolicy, RequestQueue, Spread, Stage, StreamProblem, Trigger,
    Work, simulate,
};
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::Single;
use hetsoc::units::SimDuration;

const FIFO: RequestQueue = RequestQueue::ONE_AT_A_TIME;

/// One operator of `seconds` on processor `place` of `processors`.
fn stage(seconds: f64, place: u16, processors: usize, arrivals: Arrivals, stage: Stage) -> StreamProblem {
    let costs = (0..processors).map(|p| (p == place as usize).then_some(seconds)).collect();
    StreamProblem {
        arrivals,
        queue: FIFO,
        stage: Stage { fixed: Some(ExecutorId(place)), ..stage },
        ..stream(&[costs], &[])
    }
}

fn root(seconds: f64, processors: usize, arrivals: Arrivals) -> StreamProblem {
    stage(seconds, 0, processors, arrivals, Stage { is_chain: true, ..Stage::default() })
}

fn each(after: u16, count: Count) -> Stage {
    Stage { trigger: Trigger::Each { after, count }, ..Stage::default() }
}

fn join(after: u16) -> Stage {
    Stage { trigger: Trigger::Join { after }, ..Stage::default() }
}

fn play(problem: &Problem) -> Outcome {
    simulate(problem, &mut Single::new(None), &mut ()).unwrap()
}

fn seconds(latencies: &[(u32, SimDuration)]) -> Vec<f64> {
    latencies.iter().map(|(_, latency)| latency.seconds()).collect()
}

#[test]
fn stages_in_a_row_take_the_sum_and_pipeline_at_the_slowest() {
    let arrivals = Arrivals::Listed(vec![hetsoc::units::SimTime::ZERO; 5]);
    let streams = vec![
        root(1.0, 3, arrivals),
        stage(3.0, 1, 3, Arrivals::Single, each(0, Count::Fixed(1))),
        stage(2.0, 2, 3, Arrivals::Single, each(1, Count::Fixed(1))),
    ];
    let outcome = play(&problem(platform(3, 0.0, 1.0), streams));
    // The n-th of a batch through a tandem of constant times leaves at sum + (n - 1) x slowest.
    assert_eq!(seconds(&outcome.chains[0].latencies), [6.0, 9.0, 12.0, 15.0, 18.0]);
    assert_eq!(outcome.chains[0].offered, 5);
    assert!(outcome.streams.iter().all(|s| s.offered == 5 && s.latencies.len() == 5));
}

#[test]
fn objects_queue_behind_one_another_and_a_join_waits_for_all() {
    let streams = vec![
        root(4.0, 3, Arrivals::Single),
        stage(1.0, 1, 3, Arrivals::Single, each(0, Count::Fixed(3))),
        stage(0.5, 2, 3, Arrivals::Single, join(1)),
    ];
    let outcome = play(&problem(platform(3, 0.0, 1.0), streams));
    assert_eq!(seconds(&outcome.chains[0].latencies), [4.0 + 3.0 + 0.5]);
    assert_eq!(seconds(&outcome.streams[1].latencies), [1.0, 2.0, 3.0]);
    assert_eq!(outcome.streams[2].offered, 1);
}

#[test]
fn no_object_still_joins_and_ends() {
    let streams = vec![
        root(4.0, 3, Arrivals::BackToBack { count: Some(3) }),
        stage(1.0, 1, 3, Arrivals::Single, each(0, Count::Fixed(0))),
        stage(0.5, 2, 3, Arrivals::Single, join(1)),
    ];
    let outcome = play(&problem(platform(3, 0.0, 1.0), streams));
    // Back to back: the next one comes when the whole chain is done.
    assert_eq!(seconds(&outcome.chains[0].latencies), [4.5, 4.5, 4.5]);
    assert_eq!(outcome.end.seconds(), 13.5);
    assert_eq!(outcome.streams[1].offered, 0);
}

#[test]
fn random_objects_are_conserved_and_depend_on_the_seed_only() {
    let build = |seed, second: f64| {
        let arrivals = Arrivals::Poisson { mean_gap: SimDuration::from_seconds(2.0), count: Some(400) };
        let spread = Stage { work: Work::Drawn(Spread::LogNormal(0.5)), ..each(0, Count::Poisson(2.0)) };
        let streams = vec![
            root(0.5, 3, arrivals),
            stage(second, 1, 3, Arrivals::Single, spread),
            stage(0.1, 2, 3, Arrivals::Single, join(1)),
        ];
        Problem { seed, ..problem(platform(3, 0.0, 1.0), streams) }
    };
    let outcome = play(&build(1, 0.2));
    let chain = &outcome.chains[0];
    assert_eq!((chain.offered, chain.lost, chain.unfinished), (400, 0, 0));
    assert_eq!(chain.latencies.len(), 400);
    assert_eq!(outcome.streams[2].offered, 400);
    let objects = outcome.streams[1].offered;
    // 400 Poisson draws of mean 2: 800 +- 28.
    assert!((700..900).contains(&objects), "{objects}");
    assert_eq!(objects, outcome.streams[1].latencies.len() as u64);
    // What is drawn does not depend on how fast anything runs.
    assert_eq!(play(&build(1, 0.3)).streams[1].offered, objects);
    assert_ne!(play(&build(2, 0.2)).streams[1].offered, objects);
    assert_eq!(play(&build(1, 0.2)), outcome);
}

#[test]
fn what_a_stage_drops_makes_the_chain_lost() {
    let classify = StreamProblem {
        queue: RequestQueue { policy: QueuePolicy::DropNewest, depth: 1, max_in_flight: 1 },
        ..stage(1.0, 1, 3, Arrivals::Single, each(0, Count::Fixed(3)))
    };
    let streams = vec![root(1.0, 3, Arrivals::Single), classify, stage(0.5, 2, 3, Arrivals::Single, join(1))];
    let outcome = play(&problem(platform(3, 0.0, 1.0), streams));
    let chain = &outcome.chains[0];
    assert_eq!((chain.offered, chain.lost, chain.latencies.len()), (1, 1, 0));
    assert_eq!((outcome.streams[1].dropped, outcome.streams[1].latencies.len()), (1, 2));
    assert_eq!(outcome.streams[2].offered, 0);
}

#[test]
fn loading_happens_once_and_holds_up_those_that_come_meanwhile() {
    let arrivals = Arrivals::Periodic {
        period: SimDuration::from_seconds(2.0),
        offset: SimDuration::ZERO,
        count: Some(6),
    };
    let once = |stage: Stage| Stage { once: true, ..stage };
    let first = Stage { work: Work::ColdFirst(3.0), ..each(1, Count::Fixed(1)) };
    let streams = vec![
        stage(3.0, 1, 2, arrivals, once(Stage { is_chain: true, ..Stage::default() })),
        stage(2.0, 1, 2, Arrivals::Single, once(each(0, Count::Fixed(1)))),
        stage(1.0, 0, 2, Arrivals::Single, first),
    ];
    let outcome = play(&problem(platform(2, 0.0, 1.0), streams));
    // Load to 3, compile to 5, first inference to 8; those of 2, 4, 6 follow at 9, 10, 11, those of 8 and 10 at 12 and 13.
    assert_eq!(seconds(&outcome.chains[0].latencies), [8.0, 7.0, 6.0, 5.0, 4.0, 3.0]);
    assert_eq!(outcome.streams.iter().map(|s| s.offered).collect::<Vec<_>>(), [1, 1, 6]);
}

#[test]
fn generated_tokens_take_longer_as_the_cache_grows() {
    let prefill = root(2.0, 2, Arrivals::BackToBack { count: Some(2) });
    let decode = Stage { repeat: 4, work: Work::Growing(vec![0.1, 0.0]), ..each(0, Count::Fixed(1)) };
    let streams = vec![prefill, stage(1.0, 0, 2, Arrivals::Single, decode)];
    let outcome = play(&problem(platform(2, 0.0, 1.0), streams));
    assert_eq!(seconds(&outcome.chains[0].latencies), [2.0 + 1.0 + 1.1 + 1.2 + 1.3; 2]);
    assert_eq!(seconds(&outcome.streams[1].latencies), [1.0, 1.1, 1.2, 1.3, 1.0, 1.1, 1.2, 1.3]);
}

#[test]
fn a_stop_rule_counts_chains() {
    let streams = vec![
        root(1.0, 2, Arrivals::BackToBack { count: None }),
        stage(1.0, 1, 2, Arrivals::Single, each(0, Count::Fixed(2))),
    ];
    let outcome = play(&Problem { stop_after: Some(3), ..problem(platform(2, 0.0, 1.0), streams) });
    assert_eq!(seconds(&outcome.chains[0].latencies), [3.0; 3]);
    assert_eq!(outcome.end.seconds(), 9.0);
}
