//! Layer groups of several models on two accelerators.

use super::super::delegate::reject_task;
use super::super::{
    Dispatch, Granularity, Plan, PlanningView, QueueOrder, Strategy, StrategyError, TransferStart,
};
use super::stages::Layers;
use super::workers::disjoint;
use crate::soc::ExecutorId;

/// Layer groups that a model is cut into at most.
const GROUPS: usize = 24;

/// One model's choice: where it begins, and behind which layer it changes to the other accelerator (never: `None`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    begin: usize,
    switch: Option<usize>,
}

/// Lets every model change once between two accelerators such that all are done first, transitions and contention counted.
///
/// Source: HaX-CoNN (PPoPP '24): layer groups, at most one switch a model, a solver that minimises the makespan under transition costs and
/// the slow-down by shared memory. Invented: groups are up to 24 runs of layers of like number; the solver is exhaustive for two models and
/// repeated improvement of one model at a time for more; while both accelerators work, each is slower by `contention` per cent (declared,
/// default 10: the artifact's own contention function has no unit and jumps); the accelerators are the two executors without common resources on which
/// all models together run fastest, unless named. A layer that its accelerator lacks runs where it is fastest.
///
/// Granularity: sub-graph (the part before or behind the switch). Decision point: offline. Reads: execution and transfer estimates.
/// Cost: O((2 x groups)^2) evaluations for two models.
#[derive(Debug, Clone)]
pub(crate) struct HaxConn {
    pub pair: (Option<ExecutorId>, Option<ExecutorId>),
    /// Slow-down in per cent while both work.
    pub contention: u32,
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
        let slow = 1.0 + f64::from(self.contention) / 100.0;
        let choices = choose(&jobs, slow);
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

    fn options(&self) -> Vec<Choice> {
        let total = self.layers.len();
        let groups = GROUPS.min(total.max(1));
        let mut cuts: Vec<usize> =
            (1..groups).map(|group| group * total / groups).filter(|&c| c > 0 && c < total).collect();
        cuts.dedup();
        let switches = || std::iter::once(None).chain(cuts.iter().copied().map(Some));
        (0..2)
            .flat_map(|begin| switches().map(move |switch| Choice { begin, switch }).collect::<Vec<_>>())
            .collect()
    }
}

/// When all models are done: a small simulation of two servers, first come, first served, slower while both work.
fn makespan(jobs: &[Model<'_, '_>], choices: &[Choice], slow: f64) -> f64 {
    // Per model: parts left as (side, seconds of work), and when the next may start.
    let mut left: Vec<std::collections::VecDeque<(usize, f64, f64)>> = jobs
        .iter()
        .zip(choices)
        .map(|(job, &choice)| {
            let mut before = None;
            job.parts(choice)
                .into_iter()
                .map(|(from, to, executor)| {
                    let side = usize::from(executor != job.pair[0]);
                    let work = job.layers.stage(job.view, from, to, executor, None) as f64;
                    let way =
                        before.map_or(0.0, |b| job.layers.transition(job.view, from, b, executor).0 as f64);
                    before = Some(executor);
                    (side, work, way)
                })
                .collect()
        })
        .collect();
    let mut ready = vec![0.0f64; jobs.len()];
    let mut running: [Option<(usize, f64)>; 2] = [None, None];
    let mut now = 0.0f64;
    loop {
        for side in 0..2 {
            if running[side].is_none() {
                let waits = |&job: &usize| {
                    left[job].front().is_some_and(|part| part.0 == side)
                        && ready[job] <= now
                        && !running.iter().flatten().any(|(other, _)| *other == job)
                };
                let next = (0..jobs.len())
                    .filter(waits)
                    .min_by(|&a, &b| ready[a].total_cmp(&ready[b]).then(a.cmp(&b)));
                running[side] = next.and_then(|job| left[job].front().map(|part| (job, part.1)));
            }
        }
        let both = running.iter().all(Option::is_some);
        let rate = if both { 1.0 / slow } else { 1.0 };
        let ends = running.iter().flatten().map(|(_, work)| now + work / rate);
        let due =
            (0..jobs.len()).filter(|&job| ready[job] > now && !left[job].is_empty()).map(|job| ready[job]);
        let Some(next) = ends.chain(due).min_by(f64::total_cmp) else { return now };
        let span = (next - now) * rate;
        now = next;
        for slot in &mut running {
            if let Some((job, work)) = slot {
                *work -= span;
                // Layers that an executor lacks put the clock where what is left no longer moves it.
                if *work <= 1e-6 * span.max(1.0) || now + *work / rate <= now {
                    left[*job].pop_front();
                    ready[*job] = now + left[*job].front().map_or(0.0, |part| part.2);
                    *slot = None;
                }
            }
        }
    }
}

fn choose(jobs: &[Model<'_, '_>], slow: f64) -> Vec<Choice> {
    let options: Vec<Vec<Choice>> = jobs.iter().map(Model::options).collect();
    let mut best: Vec<Choice> = vec![Choice { begin: 0, switch: None }; jobs.len()];
    let mut least = makespan(jobs, &best, slow);
    if let [first, second] = options.as_slice() {
        for &a in first {
            for &b in second {
                let time = makespan(jobs, &[a, b], slow);
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
                let time = makespan(jobs, &next, slow);
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
