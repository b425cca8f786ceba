//! For each strategy an instance on which its placement equals an independent reference and differs from that of every other strategy.
//!
//! Placement: the executor of every operator of the first request of every stream. The references are written here, slowly and plainly,
//! from the definitions; instances are those of `catalogue::instances`, found once by search and frozen by number.

use super::catalogue::{ALL, instances, play};
use crate::build::{platform, problem, stream};
use hetsoc::simulation::Problem;
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::STRATEGIES;
use hetsoc::units::SimDuration;
use rand::Rng;
use std::collections::BTreeMap;

type Placement = Vec<Vec<u16>>;

fn placement(problem: &Problem, spec: &str) -> Option<Placement> {
    let (_, log, _) = play(problem, spec)?;
    let mut placed: Placement =
        problem.streams.iter().map(|stream| vec![u16::MAX; stream.dag.len()]).collect();
    for (_, _, unit, op) in log.operators.iter().filter(|row| row.2.request.number == 0) {
        placed[unit.request.stream as usize][*op as usize] = unit.executor.0;
    }
    Some(placed)
}

/// Streams in plain numbers, side by side: time on each processor, predecessors with the time that a tensor takes to another processor.
struct Tasks {
    cost: Vec<Vec<Option<u64>>>,
    preds: Vec<Vec<(usize, u64)>>,
    /// Tasks of each stream.
    sizes: Vec<usize>,
}

impl Tasks {
    fn of(problem: &Problem, streams: std::ops::Range<usize>) -> Self {
        let mut all = Self { cost: Vec::new(), preds: Vec::new(), sizes: Vec::new() };
        let processors = problem.platform.executors.len() as u16;
        let way = |bytes| problem.platform.crossing(ExecutorId(0), ExecutorId(1)).transfer_time(bytes).0;
        for own in &problem.streams[streams] {
            let first = all.cost.len();
            for op in 0..own.dag.len() as u32 {
                let time = |p| own.costs.get(op, ExecutorId(p)).map(|cost| cost.alone.0);
                all.cost.push((0..processors).map(time).collect());
                let preds = own.dag.predecessors(op).iter();
                all.preds.push(preds.map(|l| (first + l.node as usize, way(l.bytes))).collect());
            }
            all.sizes.push(own.dag.len());
        }
        all
    }

    fn processors(&self) -> usize {
        self.cost[0].len()
    }

    fn able(&self, task: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.cost[task].iter().enumerate().filter_map(|(p, cost)| Some((p, (*cost)?)))
    }
}

/// Tasks that have been placed: processor, start, finish.
struct Placed<'a> {
    tasks: &'a Tasks,
    rows: Vec<Option<(usize, u64, u64)>>,
}

impl<'a> Placed<'a> {
    fn new(tasks: &'a Tasks) -> Self {
        Self { tasks, rows: vec![None; tasks.cost.len()] }
    }

    fn data(&self, task: usize, processor: usize) -> u64 {
        let at = |&(pred, way): &(usize, u64)| {
            let (place, _, finish) = self.rows[pred].unwrap();
            finish + if place == processor { 0 } else { way }
        };
        self.tasks.preds[task].iter().map(at).max().unwrap_or(0)
    }

    fn free(&self, processor: usize) -> u64 {
        self.rows.iter().flatten().filter(|row| row.0 == processor).map(|row| row.2).max().unwrap_or(0)
    }

    /// Finish behind everything that is on the processor.
    fn behind(&self, task: usize, processor: usize, cost: u64) -> u64 {
        self.data(task, processor).max(self.free(processor)) + cost
    }

    /// Finish in the first gap that is long enough.
    fn in_gap(&self, task: usize, processor: usize, cost: u64) -> u64 {
        let mut busy: Vec<_> = self.rows.iter().flatten().filter(|row| row.0 == processor).collect();
        busy.sort_by_key(|row| row.1);
        let mut start = self.data(task, processor);
        for row in busy {
            if start + cost <= row.1 {
                break;
            }
            start = start.max(row.2);
        }
        start + cost
    }

    fn put(&mut self, task: usize, processor: usize, finish: u64) {
        let cost = self.tasks.cost[task][processor].unwrap();
        self.rows[task] = Some((processor, finish - cost, finish));
    }

    fn ready(&self) -> Vec<usize> {
        let can = |&task: &usize| {
            self.rows[task].is_none()
                && self.tasks.preds[task].iter().all(|(pred, _)| self.rows[*pred].is_some())
        };
        (0..self.rows.len()).filter(can).collect()
    }

    fn done(self) -> Placement {
        self.placement()
    }

    fn placement(&self) -> Placement {
        let mut rows = self.rows.iter().map(|row| row.unwrap().0 as u16);
        self.tasks.sizes.iter().map(|&size| rows.by_ref().take(size).collect()).collect()
    }
}

/// The smallest ready task first, where `choose` says; that is a topological order.
fn in_order(tasks: &Tasks, choose: impl Fn(&Placed<'_>, usize) -> usize) -> Placement {
    let mut placed = Placed::new(tasks);
    while let Some(&task) = placed.ready().first() {
        let processor = choose(&placed, task);
        let finish = placed.behind(task, processor, tasks.cost[task][processor].unwrap());
        placed.put(task, processor, finish);
    }
    placed.done()
}

fn mct(tasks: &Tasks) -> Placement {
    in_order(tasks, |placed, task| {
        tasks.able(task).min_by_key(|&(p, cost)| (placed.behind(task, p, cost), p)).unwrap().0
    })
}

fn met(tasks: &Tasks) -> Placement {
    in_order(tasks, |_, task| tasks.able(task).min_by_key(|&(p, cost)| (cost, p)).unwrap().0)
}

fn olb(tasks: &Tasks) -> Placement {
    in_order(tasks, |placed, task| tasks.able(task).min_by_key(|&(p, _)| (placed.free(p), p)).unwrap().0)
}

/// Of the ready tasks the one with the smallest key of (best finish, second best finish), where it finishes first.
fn batch(tasks: &Tasks, key: impl Fn(u64, Option<u64>) -> i128) -> Placement {
    let mut placed = Placed::new(tasks);
    loop {
        let finishes = |task: usize| {
            let mut all: Vec<(u64, usize)> =
                tasks.able(task).map(|(p, cost)| (placed.behind(task, p, cost), p)).collect();
            all.sort_unstable();
            all
        };
        let ready = placed.ready().into_iter().map(|task| (task, finishes(task)));
        let next = ready.min_by_key(|(task, all)| (key(all[0].0, all.get(1).map(|f| f.0)), *task));
        let Some((task, all)) = next else { return placed.done() };
        placed.put(task, all[0].1, all[0].0);
    }
}

fn min_min(tasks: &Tasks) -> Placement {
    batch(tasks, |best, _| i128::from(best))
}

fn max_min(tasks: &Tasks) -> Placement {
    batch(tasks, |best, _| -i128::from(best))
}

fn sufferage(tasks: &Tasks) -> Placement {
    batch(tasks, |best, second| second.map_or(i128::MIN, |second| i128::from(best) - i128::from(second)))
}

/// Topcuoglu: by upward rank, each in the gap where it finishes first.
fn heft(tasks: &Tasks) -> Placement {
    let count = tasks.cost.len();
    let mut rank = vec![0.0f64; count];
    for task in (0..count).rev() {
        let able: Vec<f64> = tasks.able(task).map(|(_, cost)| cost as f64).collect();
        let behind = (0..count).flat_map(|other| {
            let rank = &rank;
            tasks.preds[other]
                .iter()
                .filter(move |(pred, _)| *pred == task)
                .map(move |(_, way)| *way as f64 + rank[other])
        });
        rank[task] = able.iter().sum::<f64>() / able.len() as f64 + behind.fold(0.0, f64::max);
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| rank[b].round().total_cmp(&rank[a].round()).then(a.cmp(&b)));
    let mut placed = Placed::new(tasks);
    for task in order {
        let finish = |(p, cost)| (placed.in_gap(task, p, cost), p);
        let (finish, processor) = tasks.able(task).map(finish).min().unwrap();
        placed.put(task, processor, finish);
    }
    placed.done()
}

/// Every chain of processors is tried with every order: the shortest schedule there is, where its placement is the only one. `None` for
/// what is too large, or has several.
fn exact(tasks: &Tasks) -> Option<Placement> {
    fn go(placed: &mut Placed<'_>, best: &mut (u64, Vec<Placement>)) {
        let now = placed.rows.iter().flatten().map(|row| row.2).max().unwrap_or(0);
        if now > best.0 {
            return;
        }
        let ready = placed.ready();
        if ready.is_empty() {
            let own = placed.placement();
            if now < best.0 {
                *best = (now, Vec::new());
            }
            if !best.1.contains(&own) {
                best.1.push(own);
            }
            return;
        }
        for task in ready {
            for processor in 0..placed.tasks.processors() {
                let Some(cost) = placed.tasks.cost[task][processor] else { continue };
                let finish = placed.behind(task, processor, cost);
                placed.put(task, processor, finish);
                go(placed, best);
                placed.rows[task] = None;
            }
        }
    }
    if tasks.cost.len() > 6 {
        return None;
    }
    let mut best = (u64::MAX, Vec::new());
    go(&mut Placed::new(tasks), &mut best);
    (best.1.len() == 1).then(|| best.1.remove(0))
}

/// Sum on every processor that can do everything.
fn totals(tasks: &Tasks) -> Vec<(u64, u16)> {
    let all = |p: usize| tasks.cost.iter().map(|row| row[p]).sum::<Option<u64>>();
    (0..tasks.processors()).filter_map(|p| Some((all(p)?, p as u16))).collect()
}

fn whole(problem: &Problem, homes: &[u16]) -> Placement {
    problem.streams.iter().zip(homes).map(|(stream, home)| vec![*home; stream.dag.len()]).collect()
}

fn single(problem: &Problem) -> Option<Placement> {
    let best = |stream| totals(&Tasks::of(problem, stream..stream + 1)).into_iter().min().map(|(_, p)| p);
    Some(whole(problem, &(0..problem.streams.len()).map(best).collect::<Option<Vec<u16>>>()?))
}

fn fixed(problem: &Problem) -> Option<Placement> {
    let able = |stream| totals(&Tasks::of(problem, stream..stream + 1)).iter().any(|(_, p)| *p == 0);
    (0..problem.streams.len()).all(able).then(|| whole(problem, &vec![0; problem.streams.len()]))
}

/// The most urgent first, each where the load that is there and its own come to least; for requests that come once.
fn homes(problem: &Problem, urgency: impl Fn(usize) -> i64) -> Option<Placement> {
    if problem.streams.iter().any(|stream| stream.arrivals.mean_gap().is_some()) {
        return None;
    }
    let mut order: Vec<usize> = (0..problem.streams.len()).collect();
    order.sort_by_key(|&stream| urgency(stream));
    let mut load = vec![0; problem.platform.executors.len()];
    let mut homes = vec![0; order.len()];
    for stream in order {
        let there = totals(&Tasks::of(problem, stream..stream + 1)).into_iter();
        let (total, home) = there.map(|(own, p)| (load[p as usize] + own, p)).min()?;
        (load[home as usize], homes[stream]) = (total, home);
    }
    Some(whole(problem, &homes))
}

fn edf(problem: &Problem) -> Option<Placement> {
    homes(problem, |stream| problem.streams[stream].service.deadline.map_or(i64::MAX, |d| d.0 as i64))
}

fn priority(problem: &Problem) -> Option<Placement> {
    homes(problem, |stream| -i64::from(problem.streams[stream].service.priority))
}

fn reference(problem: &Problem, name: &str) -> Option<Placement> {
    // Planned together, as if one request of each came at once; and so they come here.
    let once = problem.streams.iter().all(|stream| stream.arrivals.mean_gap().is_none());
    let tasks = || once.then(|| Tasks::of(problem, 0..problem.streams.len()));
    match name {
        "mct" => tasks().map(|t| mct(&t)),
        "met" => tasks().map(|t| met(&t)),
        "olb" => tasks().map(|t| olb(&t)),
        "min-min" => tasks().map(|t| min_min(&t)),
        "max-min" => tasks().map(|t| max_min(&t)),
        "sufferage" => tasks().map(|t| sufferage(&t)),
        "heft" => tasks().map(|t| heft(&t)),
        "exact" => tasks().and_then(|t| exact(&t)),
        "single" => single(problem),
        "fixed" => fixed(problem),
        "edf" | "least-slack" => edf(problem),
        "priority" => priority(problem),
        _ => None,
    }
}

/// Small problems on three processors that can run everything: one graph, or several short ones.
fn tiny(seed: u64) -> Problem {
    let mut random = hetsoc::random::stream(seed, "tiny", &[]);
    let mut below = |n: u32| random.next_u32() % n;
    let streams = (0..if seed.is_multiple_of(2) { 1 } else { 2 + below(2) })
        .map(|_| {
            let tasks = if seed.is_multiple_of(2) { 5 } else { 2 };
            let costs: Vec<Vec<Option<f64>>> =
                (0..tasks).map(|_| (0..3).map(|_| Some(f64::from(1 + below(20)))).collect()).collect();
            let edges: Vec<_> = (1..tasks).map(|to| (below(to), to, f64::from(1 + below(9)))).collect();
            let mut stream = stream(&costs, &edges);
            stream.service.deadline = Some(SimDuration::from_seconds(f64::from(5 + below(60))));
            stream.service.priority = below(5);
            stream
        })
        .collect();
    problem(platform(3, 1.0, 2.0), streams)
}

/// Where an instance comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    /// Number in `catalogue::instances`.
    Catalogue(usize),
    /// Seed of [`tiny`].
    Tiny(u64),
}
use Of::{Catalogue, Tiny};

/// Strategy, its instance, and those that place alike by definition: `least-slack` takes the homes of `edf` and differs in the order of
/// queues; what local search finds can be the optimum; Band's fixed scheduler is the best worker where the whole model is one unit.
const FOUND: &[(&str, Of, &[&str])] = &[
    ("single", Tiny(9), &["band[scheduler=fixed]"]),
    ("fixed", Catalogue(25), &[]),
    ("heft", Catalogue(25), &[]),
    ("mct", Catalogue(24), &[]),
    ("met", Catalogue(2), &[]),
    ("olb", Catalogue(1), &[]),
    ("min-min", Catalogue(26), &[]),
    ("max-min", Catalogue(2), &[]),
    ("sufferage", Catalogue(13), &[]),
    ("exact", Tiny(194), &["local-search[base=olb,iterations=300]"]),
    ("edf", Tiny(9), &["least-slack"]),
    ("least-slack", Tiny(9), &["edf"]),
    ("priority", Catalogue(26), &[]),
];

const PUBLISHED: &str = "its placements are compared with an independent implementation on published graphs in references.rs, where others agree with it";
const ABSTRACT: &str =
    "rebuilt from an abstract or a paper without code: nobody else's placement exists to compare with";

/// Strategies that have no reference placement: why, and an instance where they differ from all others all the same, if there can be one.
const WITHOUT: &[(&str, Option<Of>, &str)] = &[
    ("cpop", Some(Catalogue(0)), PUBLISHED),
    ("peft", Some(Catalogue(24)), PUBLISHED),
    ("lookahead-heft", Some(Catalogue(1)), PUBLISHED),
    ("dls", Some(Catalogue(24)), PUBLISHED),
    ("etf", Some(Catalogue(0)), PUBLISHED),
    (
        "eft",
        Some(Catalogue(7)),
        "decides on what happens in the run; tests/it/oracles compares its times with another simulator",
    ),
    ("band", Some(Catalogue(0)), "decides on what happens in the run; no published placement"),
    ("branch-parallel", Some(Catalogue(2)), ABSTRACT),
    ("pipe-it-like", Some(Catalogue(3)), ABSTRACT),
    ("hetero2pipe-like", Some(Catalogue(1)), ABSTRACT),
    ("haxconn-like", Some(Catalogue(14)), ABSTRACT),
    (
        "local-search",
        None,
        "is its base or better, up to the optimum: where it is right it is another's placement",
    ),
    ("delegate", None, "needs operators of a model; partitions by hand stand in its own tests"),
    ("mace", None, "needs operators of a model; placements by hand stand in tests/it/mace.rs"),
    ("mulayer-like", None, "cuts operators; published plans stand in tests/it/codl.rs"),
    ("codl", None, "cuts operators; published plans stand in tests/it/codl.rs"),
    ("nn-stretch", None, "one branch for each executor, with a hand-made network in its own tests"),
    (
        "adaptive",
        None,
        "chooses among cuts that are placed as by heft; its choice by hand stands in planners/adaptive.rs",
    ),
    (
        "frequency",
        None,
        "places as its base; its clocks are compared with all others in frequency_oracles.rs",
    ),
    ("replay", None, "places as its file says"),
    ("external", None, "places as its process says"),
];

/// Would catch a strategy that places otherwise than its definition, one whose placements are another's, and one that is in neither table.
#[test]
fn each_strategy_has_an_instance_of_its_own() {
    let catalogue = instances();
    let problem = |of: Of| match of {
        Catalogue(number) => catalogue[number].clone(),
        Tiny(seed) => tiny(seed),
    };
    let name = |spec: &str| spec.split('[').next().unwrap().to_owned();
    let mut placements: BTreeMap<(Of, &str), Option<Placement>> = BTreeMap::new();
    let distinct = FOUND.iter().map(|row| (row.0, row.1, row.2));
    let distinct = distinct.chain(WITHOUT.iter().filter_map(|row| Some((row.0, row.1?, &[][..]))));
    for (spec, of, alike) in distinct {
        let problem = problem(of);
        for other in ALL {
            placements.entry((of, other)).or_insert_with(|| placement(&problem, other));
        }
        let own = placements[&(of, spec)].as_ref().unwrap();
        for other in ALL.iter().filter(|other| name(other) != spec && !alike.contains(other)) {
            assert_ne!(placements[&(of, *other)].as_ref(), Some(own), "{spec} = {other} on {of:?}");
        }
        if FOUND.iter().any(|row| row.0 == spec) {
            assert_eq!(reference(&problem, spec).as_ref(), Some(own), "{spec} on {of:?}");
        }
    }
    for entry in STRATEGIES {
        let here = FOUND.iter().filter(|row| row.0 == entry.name).count();
        let there = WITHOUT.iter().filter(|row| row.0 == entry.name).count();
        assert_eq!(here + there, 1, "{}", entry.name);
    }
}

/// Wherever a reference applies, not only where nobody else agrees.
#[test]
fn placements_equal_the_references() {
    let mut compared = 0;
    for problem in instances().iter().take(36) {
        for (spec, ..) in FOUND {
            if let (Some(expected), Some(own)) = (reference(problem, spec), placement(problem, spec)) {
                assert_eq!(own, expected, "{spec}");
                compared += 1;
            }
        }
    }
    assert!(compared > 250, "only {compared}");
}
