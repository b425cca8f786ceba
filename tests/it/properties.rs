//! Laws that hold for every run, on random problems.

use crate::build::{Log, cost, plan, platform, problem, stream, watch};
use hetsoc::engine::Integral;
use hetsoc::physics::CostTable;
use hetsoc::simulation::observer::Activity;
use hetsoc::simulation::{Arrivals, Outcome, Problem, QueuePolicy, RequestQueue};
use hetsoc::soc::{Dispersion, ExecutorId, Network, Platform, ResourceId};
use hetsoc::strategy::{Dispatch, EarliestFinishTime, Replay, Strategy, TransferStart};
use hetsoc::units::{BytesPerSec, SimDuration, SimTime};
use proptest::prelude::*;

/// Ingredients of a random problem; times in units of a millisecond.
#[derive(Debug, Clone)]
struct Recipe {
    processors: usize,
    /// Duration, unsupported mask, dispatch overhead, bytes of DRAM per operator.
    operators: Vec<(Vec<u32>, u32, u32, u32)>,
    edges: Vec<(u32, u32, f64)>,
    arrivals: u8,
    requests: u64,
    policy: usize,
    depth: u32,
    in_flight: u32,
    bus: bool,
    memory: Option<u32>,
    latency: u32,
    /// One executor spans two processors.
    pair: bool,
    noise: bool,
    /// Replay a plan (of this dispatch), or place online.
    replay: Option<usize>,
    seed: u64,
}

fn recipes() -> impl Strategy2<Value = Recipe> {
    (1usize..5, 1usize..9).prop_flat_map(|(processors, operators)| {
        let operator = (proptest::collection::vec(0u32..20, processors), any::<u32>(), 0u32..4, 0u32..40);
        let edge = (0..operators as u32, 0..operators as u32, 0u32..9);
        let shape = (
            proptest::collection::vec(operator, operators),
            proptest::collection::vec(edge, 0..operators * 2),
            (0u8..4, 1u64..12, 0usize..4, 0u32..3, 1u32..4),
            (any::<bool>(), proptest::option::of(1u32..12), 0u32..3, any::<bool>(), any::<bool>()),
            (proptest::option::of(0usize..3), any::<u64>()),
        );
        shape.prop_map(move |(operators, edges, queue, hardware, (replay, seed))| Recipe {
            processors,
            operators,
            edges: edges.into_iter().filter(|e| e.0 < e.1).map(|e| (e.0, e.1, f64::from(e.2))).collect(),
            arrivals: queue.0,
            requests: queue.1,
            policy: queue.2,
            depth: queue.3,
            in_flight: queue.4,
            bus: hardware.0,
            memory: hardware.1,
            latency: hardware.2,
            pair: hardware.3 && processors > 1,
            noise: hardware.4,
            replay,
            seed,
        })
    })
}

use proptest::strategy::Strategy as Strategy2;

const MS: f64 = 1e-3;

impl Recipe {
    fn platform(&self, scale: f64) -> Platform {
        let mut platform = platform(self.processors, f64::from(self.latency) * MS * scale, 1.0 / MS / scale);
        if self.bus {
            platform.network = Network::SharedBus(BytesPerSec(1.0 / MS / scale));
        }
        platform.memory_bandwidth = self.memory.map(|m| BytesPerSec(f64::from(m) / MS / scale));
        if self.pair {
            platform.executors[0].resources.push(ResourceId(1));
            platform.executors[0].busy_shares = vec![1.0, 0.5];
        }
        for executor in &mut platform.executors {
            executor.invocation = SimDuration::from_seconds(0.25 * MS * scale);
            if self.noise {
                executor.dispersion = Dispersion { inference: 0.1, operator: 0.2 };
            }
        }
        platform
    }

    fn supported(&self, operator: usize, executor: usize) -> bool {
        let mask = self.operators[operator].1 >> executor & 1;
        mask == 1 || executor == operator % self.processors
    }

    fn problem(&self) -> Problem {
        self.scaled(1.0)
    }

    /// All times multiplied, and all rates divided, by `scale`.
    fn scaled(&self, scale: f64) -> Problem {
        let costs = CostTable::new(self.operators.len(), self.processors, |operator, executor| {
            let (times, _, overhead, bytes) = &self.operators[operator];
            let executor = executor.0 as usize;
            let mut cost = cost(f64::from(times[executor]) * MS * scale, f64::from(*bytes));
            cost.overhead = SimDuration::from_seconds(f64::from(*overhead) * MS * scale);
            self.supported(operator, executor).then_some(cost)
        });
        let mut stream = stream(&vec![vec![None; self.processors]; self.operators.len()], &self.edges);
        stream.costs = costs;
        let gap = SimDuration::from_seconds(7.0 * MS * scale);
        let count = Some(self.requests);
        stream.arrivals = match self.arrivals {
            0 => Arrivals::Single,
            1 => Arrivals::BackToBack { count: Some(self.requests) },
            2 => Arrivals::Periodic { period: gap, offset: gap, count },
            _ => Arrivals::Poisson { mean_gap: gap, count },
        };
        let policies =
            [QueuePolicy::Block, QueuePolicy::DropOldest, QueuePolicy::DropNewest, QueuePolicy::LatestOnly];
        stream.queue =
            RequestQueue { policy: policies[self.policy], depth: self.depth, max_in_flight: self.in_flight };
        let mut problem = problem(self.platform(scale), vec![stream]);
        problem.seed = self.seed;
        problem.noise = self.noise;
        problem
    }

    fn strategy(&self) -> Box<dyn Strategy> {
        match self.replay {
            None => Box::new(EarliestFinishTime::new(TransferStart::Assignment)),
            Some(dispatch) => {
                let dispatch = [Dispatch::AtReady, Dispatch::Sequential, Dispatch::InOrder][dispatch];
                let place = |operator: usize| {
                    let wanted = (self.seed as usize).wrapping_add(operator * 7) % self.processors;
                    if self.supported(operator, wanted) { wanted } else { operator % self.processors }
                };
                let order: Vec<_> =
                    (0..self.operators.len()).map(|op| (op as u32, place(op) as u16)).collect();
                Box::new(Replay::new(vec![plan(dispatch, TransferStart::ProducerFinish, &order)]))
            }
        }
    }

    fn run(&self) -> (Outcome, Log) {
        watch(&self.problem(), &mut *self.strategy())
    }
}

fn power(platform: &Platform, resource: ResourceId, activity: Option<Activity>) -> f64 {
    let resource = &platform.resources[resource.0 as usize];
    match activity {
        None => resource.idle_power.0,
        Some(Activity::Busy | Activity::Overhead) => resource.busy_power.0,
        Some(Activity::Blocked | Activity::Suspended) => resource.blocked_power.0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Intervals of a resource never overlap, and their sums are the outcome's; energy from totals equals the integral
    /// of power.
    #[test]
    fn time_and_energy_are_accounted_for(recipe in recipes()) {
        let (outcome, log) = recipe.run();
        let platform = recipe.platform(1.0);
        for (number, totals) in outcome.resources.iter().enumerate() {
            let resource = ResourceId(number as u16);
            let mut own: Vec<_> = log.intervals.iter().filter(|i| i.resource == resource).collect();
            own.sort_by_key(|i| i.start);
            let mut energy = Integral::new(SimTime::ZERO, power(&platform, resource, None));
            let mut sums = [0u64; 4];
            let mut free_from = SimTime::ZERO;
            for interval in own {
                prop_assert!(interval.start >= free_from, "{interval:?} overlaps");
                prop_assert!(interval.end > interval.start && interval.end <= outcome.end);
                free_from = interval.end;
                sums[interval.activity as usize] += interval.end.since(interval.start).0;
                energy.set(interval.start, power(&platform, resource, Some(interval.activity)));
                energy.set(interval.end, power(&platform, resource, None));
            }
            prop_assert_eq!(sums, totals.map(|t| t.0));
            let idle = outcome.end.0.checked_sub(sums.iter().sum());
            prop_assert!(idle.is_some());
            let mut expected = idle.unwrap() as f64 * power(&platform, resource, None);
            for activity in Activity::ALL {
                expected += sums[activity as usize] as f64 * power(&platform, resource, Some(activity));
            }
            expected /= 1e12;
            let integral = energy.until(outcome.end);
            prop_assert!((integral - expected).abs() <= 1e-9 * expected.max(1e-9), "{integral} J, {expected} J");
        }
        prop_assert_eq!(log.end, outcome.end);
    }

    /// What the memory served is what the operators moved, at no more than its bandwidth; transfers carry what the
    /// outcome says.
    #[test]
    fn bytes_are_conserved(recipe in recipes()) {
        let (outcome, log) = recipe.run();
        let mut served = Integral::new(SimTime::ZERO, 0.0);
        for &(now, rate) in &log.bandwidth {
            let most = f64::from(recipe.memory.unwrap()) / MS;
            prop_assert!((0.0..=most * (1.0 + 1e-12)).contains(&rate));
            served.set(now, rate);
        }
        // Operators that take no time move their bytes at once, and are not seen.
        let unseen: f64 = log.operators.iter().map(|&(_, _, unit, operator)| {
            let problem_cost = &recipe.operators[operator as usize];
            let instant = problem_cost.0[unit.executor.0 as usize] == 0;
            if instant { f64::from(problem_cost.3) } else { 0.0 }
        }).sum();
        let moved = outcome.dram_bytes - unseen;
        let all: f64 = log.operators.iter().map(|row| f64::from(recipe.operators[row.3 as usize].3)).sum();
        // Run-to-run variation stretches traffic with time.
        if !recipe.noise || recipe.memory.is_none() {
            prop_assert!((outcome.dram_bytes - all).abs() <= 1e-9 * all);
        }
        if recipe.memory.is_some() {
            prop_assert!((served.until(outcome.end) - moved).abs() <= 1e-6 * moved.max(1.0));
        }
        prop_assert_eq!(log.transfers.len() as u64, outcome.remote_transfers);
        let carried: f64 = log.transfers.iter().map(|t| t.bytes).sum();
        prop_assert!((carried - outcome.transferred_bytes).abs() <= 1e-9 * carried.max(1.0));
        prop_assert!(log.transfers.iter().all(|t| t.end >= t.start && t.end <= outcome.end));
    }

    /// Without contention and noise an operator takes exactly what its cost says, to the tick.
    #[test]
    fn alone_means_alone(mut recipe in recipes()) {
        (recipe.memory, recipe.noise) = (None, false);
        let problem = recipe.problem();
        let (outcome, log) = recipe.run();
        for &(start, end, unit, operator) in &log.operators {
            let cost = problem.streams[0].costs.get(operator, unit.executor).unwrap();
            prop_assert_eq!(end.since(start), cost.overhead + cost.alone);
        }
        prop_assert_eq!(log.operators.len() as u64, outcome.operators);
    }

    /// Work waits for what it needs: producers first, then the transfer.
    #[test]
    fn precedence_holds(recipe in recipes()) {
        let (_, log) = recipe.run();
        let problem = recipe.problem();
        for &(start, _, unit, operator) in &log.operators {
            for link in problem.streams[0].dag.predecessors(operator) {
                let producer = log.operators.iter().find(|row| row.3 == link.node && row.2.request == unit.request);
                let &(_, end, from, _) = producer.expect("a producer has run");
                let crossing = problem.platform.crossing(from.executor, unit.executor);
                prop_assert!(start >= end + crossing.transfer_time(link.bytes));
            }
        }
    }

    #[test]
    fn requests_are_conserved_and_obey_little(recipe in recipes()) {
        let (outcome, log) = recipe.run();
        let stream = &outcome.streams[0];
        prop_assert_eq!(stream.offered, stream.latencies.len() as u64 + stream.dropped + stream.unfinished);
        prop_assert_eq!(stream.unfinished, 0);
        prop_assert_eq!(stream.dropped, log.dropped);
        let expected = if recipe.arrivals == 0 { 1 } else { recipe.requests };
        prop_assert_eq!(stream.offered, expected);
        if stream.dropped == 0 {
            // From empty to empty: the integral of the number inside is the sum of the sojourns.
            let mut changes: Vec<(SimTime, f64)> = log.arrivals.iter().map(|&t| (t, 1.0)).collect();
            changes.extend(log.completions.iter().map(|&t| (t, -1.0)));
            changes.sort_by_key(|change| change.0);
            let mut inside = Integral::new(SimTime::ZERO, 0.0);
            for (now, change) in changes {
                inside.add(now, change);
            }
            let sojourns: f64 = stream.latencies.iter().map(|(_, l)| l.seconds()).sum();
            prop_assert!((inside.until(outcome.end) - sojourns).abs() <= 1e-9 * sojourns.max(1e-9));
        }
    }

    #[test]
    fn a_seed_decides_everything(mut recipe in recipes()) {
        prop_assert_eq!(recipe.run(), recipe.run());
        // With noise another seed is another run, when there is anything to vary and no memory to wait for.
        (recipe.noise, recipe.memory) = (true, None);
        let worth = (0..recipe.processors).all(|p| recipe.operators[0].0[p] > 0);
        let mut other = recipe.clone();
        other.seed ^= recipe.processors as u64 * 5040;
        if worth {
            prop_assert_ne!(recipe.run().1.operators, other.run().1.operators);
        }
        recipe.noise = false;
        other.noise = false;
        // Without noise and random arrivals a seed decides nothing.
        if recipe.arrivals != 3 {
            let mut reseeded = recipe.problem();
            reseeded.seed = other.seed;
            prop_assert_eq!(recipe.run(), watch(&reseeded, &mut *recipe.strategy()));
        }
    }

    /// All times five times as long: the same run, five times as long. Ticks round by one each.
    #[test]
    fn units_do_not_matter(mut recipe in recipes()) {
        // Whether two things happen at the same time must not hang on a tick that rounding adds.
        (recipe.noise, recipe.memory, recipe.bus) = (false, None, false);
        recipe.arrivals = recipe.arrivals.min(2);
        let (plain, _) = recipe.run();
        let (scaled, _) = watch(&recipe.scaled(5.0), &mut *recipe.strategy());
        prop_assert_eq!(scaled.makespan.0, 5 * plain.makespan.0);
        prop_assert_eq!(scaled.finish_sum_ps, 5 * plain.finish_sum_ps);
        let latencies = |o: &Outcome, k: u64| o.streams[0].latencies.iter().map(|l| (l.0, l.1.0 * k)).collect::<Vec<_>>();
        prop_assert_eq!(latencies(&scaled, 1), latencies(&plain, 5));
    }

    /// With contention: one request, so that ties cannot change an order.
    #[test]
    fn units_do_not_matter_to_one_operator_each(mut recipe in recipes()) {
        (recipe.noise, recipe.arrivals) = (false, 0);
        recipe.edges.clear();
        recipe.replay = Some(0);
        let (plain, _) = recipe.run();
        let (scaled, _) = watch(&recipe.scaled(5.0), &mut *recipe.strategy());
        let (got, expected) = (scaled.makespan.0 as f64, 5.0 * plain.makespan.0 as f64);
        prop_assert!((got - expected).abs() <= 200.0 + 1e-9 * expected, "{got} {expected}");
    }

    /// A processor on which nothing is placed changes nothing.
    #[test]
    fn idle_processors_do_not_matter(mut recipe in recipes()) {
        recipe.replay = Some(recipe.replay.unwrap_or(0));
        let (plain, log) = recipe.run();
        let mut bigger = recipe.clone();
        bigger.processors += 1;
        for operator in &mut bigger.operators {
            operator.0.push(1);
        }
        // The plan of the smaller machine.
        let (outcome, bigger_log) = {
            let mut problem = bigger.problem();
            let costs = recipe.problem().streams[0].costs.clone();
            let few = recipe.processors;
            problem.streams[0].costs = CostTable::new(recipe.operators.len(), few + 1, |operator, executor| {
                if executor.0 as usize == few {
                    Some(cost(MS, 0.0))
                } else {
                    costs.get(operator as u32, ExecutorId(executor.0)).copied()
                }
            });
            watch(&problem, &mut *recipe.strategy())
        };
        prop_assert_eq!(log.operators, bigger_log.operators);
        prop_assert_eq!(&outcome.resources[..recipe.processors], &plain.resources[..]);
        prop_assert_eq!(outcome.resources[recipe.processors], [SimDuration::ZERO; 4]);
        prop_assert_eq!((outcome.makespan, outcome.end), (plain.makespan, plain.end));
    }
}
