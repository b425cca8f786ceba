//! Layer groups of several models on two accelerators.

use super::super::delegate::reject_task;
use super::super::{
    Dispatch, Granularity, Plan, PlanningView, QueueOrder, Strategy, StrategyError, TransferStart,
};
use super::stages::Layers;
use super::workers::disjoint;
use crate::soc::ExecutorId;
use std::collections::VecDeque;

/// Layer groups that a model is cut into at most.
const GROUPS: usize = 24;

/// One model's choice: where it begins, and behind which layer it changes to the other accelerator (never: `None`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    begin: usize,
    switch: Option<usize>,
}

/// How much two accelerators slow each other down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contention {
    /// By so many per cent while both work, whatever they do.
    Percent(u32),
    /// As far as the traffic of their layers together exceeds what main memory serves (fair shares).
    Demand,
}

/// Lets every model change once between two accelerators such that all are done first, transitions and contention counted.
///
/// Source: HaX-CoNN (PPoPP '24): layer groups, at most one switch a model, a solver that minimises the makespan under transition costs and
/// the slow-down by shared memory. Invented: groups are up to 24 runs of layers of like number; the solver is exhaustive for two models and
/// repeated improvement of one model at a time for more; while both accelerators work, each is slower by `contention` per cent (declared,
/// default 10: the artifact's own contention function has no unit and jumps), or, with `contention=demand`, by what the believed traffic of their present groups
/// lacks of the memory's bandwidth; the accelerators are the two executors without common resources on which
/// all models together run fastest, unless named. A layer that its accelerator lacks runs where it is fastest.
///
/// Granularity: sub-graph (the part before or behind the switch). Decision point: offline. Reads: execution, transfer and traffic estimates.
/// Cost: O((2 x groups)^2) evaluations for two models.
#[derive(Debug, Clone)]
pub(crate) struct HaxConn {
    pub pair: (Option<ExecutorId>, Option<ExecutorId>),
    /// Slow-down while both work.
    pub contention: Contention,
}

impl Strategy for HaxConn {
    fn id(&self) -> &'static str {
        "haxconn-like"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        reject_task("haxconn-like", streams)?;
        let layers: Vec<Layers> = streams.iter().map(Layers::new).collect();
        let pair = self.pair(streams, &layers);
        let jobs: Vec<Model<'_, '_>> =
            streams.iter().zip(&layers).map(|(view, layers)| Model { view, layers, pair }).collect();
        let supply = streams.first().and_then(|view| view.platform.memory_bandwidth);
        let slowing = match (self.contention, supply) {
            (Contention::Percent(percent), _) => Slowing::Alike(1.0 / (1.0 + f64::from(percent) / 100.0)),
            (Contention::Demand, Some(supply)) => Slowing::Shares(supply.0),
            (Contention::Demand, None) => Slowing::Alike(1.0),
        };
        let choices = choose(&jobs, slowing);
        Ok(jobs
            .iter()
            .zip(choices)
            .enumerate()
            .map(|(stream, (job, choice))| {
                let plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
                let mut plan = plan.ordered(QueueOrder::ByKeyFromArrival);
                let stages: Vec<_> = job.parts(choice).iter().map(|&(_, to, side)| (to, side)).collect();
                job.layers.push(&mut plan, job.view, &stages, stream as i64);
                plan
            })
            .collect())
    }
}

impl HaxConn {
    fn pair(&self, streams: &[PlanningView<'_>], layers: &[Layers]) -> [ExecutorId; 2] {
        let total = |executor: ExecutorId| -> u128 {
            streams.iter().zip(layers).map(|(view, l)| l.stage(view, 0, l.len(), executor, None)).sum()
        };
        let mut fast = streams.first().map_or_else(Vec::new, |view| disjoint(view.platform));
        fast.sort_by_key(|&executor| (total(executor), executor));
        let first = self.pair.0.or_else(|| fast.iter().copied().find(|&e| Some(e) != self.pair.1));
        let second = self.pair.1.or_else(|| fast.iter().copied().find(|&e| Some(e) != first));
        let first = first.or(second).unwrap_or(ExecutorId(0));
        [first, second.unwrap_or(first)]
    }
}

struct Model<'a, 'v> {
    view: &'a PlanningView<'v>,
    layers: &'a Layers,
    pair: [ExecutorId; 2],
}

impl Model<'_, '_> {
    /// From, to and executor of each part.
    fn parts(&self, choice: Choice) -> Vec<(usize, usize, ExecutorId)> {
        let total = self.layers.len();
        let begin = self.pair[choice.begin];
        match choice.switch {
            None => vec![(0, total, begin)],
            Some(cut) => vec![(0, cut, begin), (cut, total, self.pair[1 - choice.begin])],
        }
    }

    /// Where groups of layers end, the last one left out.
    fn cuts(&self) -> Vec<usize> {
        let total = self.layers.len();
        let groups = GROUPS.min(total.max(1));
        let mut cuts: Vec<usize> =
            (1..groups).map(|group| group * total / groups).filter(|&c| c > 0 && c < total).collect();
        cuts.dedup();
        cuts
    }

    fn options(&self) -> Vec<Choice> {
        let cuts = self.cuts();
        let switches = || std::iter::once(None).chain(cuts.iter().copied().map(Some));
        (0..2)
            .flat_map(|begin| switches().map(move |switch| Choice { begin, switch }).collect::<Vec<_>>())
            .collect()
    }

    /// The parts of a choice as work; groups of their own where demands matter.
    fn work(&self, choice: Choice, slowing: Slowing) -> VecDeque<Part> {
        let cuts = if matches!(slowing, Slowing::Shares(_)) { self.cuts() } else { Vec::new() };
        let mut before = None;
        self.parts(choice)
            .into_iter()
            .map(|(from, to, executor)| {
                let way =
                    before.map_or(0.0, |b| self.layers.transition(self.view, from, b, executor).0 as f64);
                before = Some(executor);
                let mut steps = VecDeque::new();
                let mut start = from;
                for end in cuts.iter().copied().filter(|cut| (from + 1..to).contains(cut)).chain([to]) {
                    let time = self.layers.stage(self.view, start, end, executor, None) as f64;
                    let invocation = self.view.platform.executor(executor).invocation.0 as f64;
                    // Only the first group of a part invokes the accelerator.
                    let time = if start == from { time } else { time - invocation };
                    let bytes: f64 = self
                        .layers
                        .order
                        .get(start..end)
                        .unwrap_or_default()
                        .iter()
                        .map(|&operator| self.view.estimates.traffic(operator, executor))
                        .sum();
                    // Times are picoseconds.
                    let demand = if time > 0.0 { bytes / (time * 1e-12) } else { 0.0 };
                    steps.push_back((time, demand));
                    start = end;
                }
                Part { side: usize::from(executor != self.pair[0]), way, steps }
            })
            .collect()
    }
}

/// A run of groups of one model on one accelerator.
struct Part {
    side: usize,
    /// Time to bring its input there.
    way: f64,
    /// Picoseconds alone and demand on memory of each group.
    steps: VecDeque<(f64, f64)>,
}

/// Speed of two accelerators that work at once.
#[derive(Clone, Copy)]
enum Slowing {
    /// Relative speed of both.
    Alike(f64),
    /// Fair shares of main memory, in bytes per second.
    Shares(f64),
}

impl Slowing {
    fn speeds(self, demands: [f64; 2]) -> [f64; 2] {
        let supply = match self {
            Self::Alike(speed) => return [speed; 2],
            Self::Shares(supply) => supply,
        };
        if demands[0] + demands[1] <= supply {
            return [1.0; 2];
        }
        let half = supply / 2.0;
        let granted = |own: f64, other: f64| if own <= half { own } else { half.max(supply - other) };
        let speed = |own: f64, other: f64| if own > 0.0 { (granted(own, other) / own).min(1.0) } else { 1.0 };
        [speed(demands[0], demands[1]), speed(demands[1], demands[0])]
    }
}

/// When all models are done: a small simulation of two servers, first come, first served, slower while both work.
fn makespan(jobs: &[Model<'_, '_>], choices: &[Choice], slowing: Slowing) -> f64 {
    let mut left: Vec<VecDeque<Part>> =
        jobs.iter().zip(choices).map(|(job, &choice)| job.work(choice, slowing)).collect();
    let mut ready = vec![0.0f64; jobs.len()];
    // Model whose first part each accelerator works on.
    let mut running: [Option<usize>; 2] = [None, None];
    let mut now = 0.0f64;
    loop {
        for side in 0..2 {
            if running[side].is_none() {
                let waits = |&job: &usize| {
                    left[job].front().is_some_and(|part| part.side == side)
                        && ready[job] <= now
                        && !running.contains(&Some(job))
                };
                running[side] = (0..jobs.len())
                    .filter(waits)
                    .min_by(|&a, &b| ready[a].total_cmp(&ready[b]).then(a.cmp(&b)));
            }
        }
        let step = |job: Option<usize>| job.and_then(|job| left[job].front()?.steps.front().copied());
        let steps = running.map(step);
        let speeds = match steps {
            [Some((_, a)), Some((_, b))] => slowing.speeds([a, b]),
            _ => [1.0; 2],
        };
        let ends =
            steps.iter().zip(speeds).filter_map(|(step, speed)| step.map(|(work, _)| now + work / speed));
        let due =
            (0..jobs.len()).filter(|&job| ready[job] > now && !left[job].is_empty()).map(|job| ready[job]);
        let Some(next) = ends.chain(due).min_by(f64::total_cmp) else { return now };
        let span = next - now;
        now = next;
        for (slot, speed) in running.iter_mut().zip(speeds) {
            let Some(job) = *slot else { continue };
            let Some(part) = left[job].front_mut() else { continue };
            let Some((work, _)) = part.steps.front_mut() else { continue };
            *work -= span * speed;
            // Layers that an executor lacks put the clock where what is left no longer moves it.
            if *work > 1e-6 * (span * speed).max(1.0) && now + *work / speed > now {
                continue;
            }
            part.steps.pop_front();
            if part.steps.is_empty() {
                left[job].pop_front();
                ready[job] = now + left[job].front().map_or(0.0, |part| part.way);
                *slot = None;
            }
        }
    }
}

fn choose(jobs: &[Model<'_, '_>], slowing: Slowing) -> Vec<Choice> {
    let options: Vec<Vec<Choice>> = jobs.iter().map(Model::options).collect();
    let mut best: Vec<Choice> = vec![Choice { begin: 0, switch: None }; jobs.len()];
    let mut least = makespan(jobs, &best, slowing);
    if let [first, second] = options.as_slice() {
        for &a in first {
            for &b in second {
                let time = makespan(jobs, &[a, b], slowing);
                if time < least {
                    (least, best) = (time, vec![a, b]);
                }
            }
        }
        return best;
    }
    loop {
        let mut improved = false;
        for model in 0..jobs.len() {
            for &option in &options[model] {
                let mut next = best.clone();
                next[model] = option;
                let time = makespan(jobs, &next, slowing);
                if time < least * (1.0 - 1e-12) {
                    (least, best, improved) = (time, next, true);
                }
            }
        }
        if !improved {
            return best;
        }
    }
}
