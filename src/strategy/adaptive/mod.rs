//! Re-planning while the machine changes, at the granularity that is believed best.

mod levels;
mod planner;
mod stream;

use super::adaptation::{Adaptation, AdaptationLog, Cause};
use super::registry::StrategySpec;
use super::{
    Admission, Decision, Granularity, Occasion, Plan, PlanningView, RequestId, RunView, Strategy,
    StrategyError, UnitGraph,
};
use crate::predict::Beliefs;
use crate::soc::{ExecutorId, Platform};
use crate::units::{SimDuration, SimTime};
use levels::{Level, cuts, parse};
use planner::{Believed, Candidate, schedule};
use stream::{Choice, Flight, Probe, Stream};

/// A plan must be believed better by this share to replace another: what changes back and forth pays twice.
const MARGIN: f64 = 0.05;
/// Probes that find nothing come seldomer, down to one in so many times the interval.
const PATIENCE: u32 = 4;

/// What a plan is to make small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objective {
    /// The product over all streams of the time from start to completion: a per cent counts alike in each.
    Latency,
    /// The time for which the busiest resource is held: the reciprocal of the rate that can be served.
    Throughput,
    /// First requests that miss 9/10 of their deadline, then the time for which all resources are held; as long as some miss, or have no deadline, that of
    /// `Latency`.
    Deadline,
}

/// A new plan on probation.
#[derive(Debug, Clone)]
struct Trial {
    /// Position of the stream whose beliefs departed.
    stream: usize,
    /// Seconds that its request was believed to take on the plan before.
    limit: f64,
    /// Requests left to be seen.
    left: u32,
    /// The choices of all streams before.
    before: Vec<Choice>,
}

/// Requests that a new plan is judged by: the first finds clocks and caches as they were.
const TRIED: u32 = 2;

/// Plans every stream at several levels of granularity, and plans again when beliefs leave those that the plan was made on.
///
/// *Levels*: each stream's graph is cut before the run into units of at least so many neighbours in topological order that some executor can run
/// together (`task`: as many as possible; 16; 4; `operator`: one). Cuts that coincide are one. The cuts stand beside each other, each request runs one of them, and every unit goes where
/// the plan at its admission says, when it becomes ready. At granularity `sub-graph` level `operator` is left out, at `task` every other than `task`.
///
/// *Plan*: one request of each stream at once, by HEFT over the units (insertion, means over pairs of executors), for every level of one stream after the other,
/// the levels of the others as they are; the least `objective`: `latency`, `throughput` or `deadline`. What a level's requests took beyond what was believed is learnt as
/// a factor (logarithm smoothed by 1/4) on its believed latency; a level that was never tried has none.
///
/// *Trigger*: at each admission, `s += (ln(present / planned) - s) / 4`, where `planned` is what the operators of the plan were believed to take, where they
/// run, when the plan was made (at first: by the laboratory's table), `present` is what they are believed to take now, and the level's factor counts in both. The
/// snapshot keeps a learning predictor from hiding the departure, the sign keeps noise from adding up. It plans again when `|s| > ln(1 + threshold)`, or an executor
/// that the plan leaves out is believed faster by so much, but not before `dwell` requests of the stream. Another plan is taken if it is believed 5 % better than the present one
/// under the same beliefs; either way the snapshot is renewed.
///
/// *Taking back*: what is believed of pairs of operator and executor that never ran is the laboratory's, and so too good while the machine is loaded. If the first two requests that
/// complete on a new plan each take 5 % more than the plan before was believed to take, that plan is back (objective `latency` only).
///
/// *Probes*: an executor that nobody uses is not observed, and what is believed of it stays as bad as it was. Every `probe` requests one is planned as if pairs of operator and executor
/// that the plan does not use took no longer than in the laboratory. If that is 5 % better than the plan, this one request runs so; if it then took 5 % less
/// than the smoothed latency of the plan, its plan stays. If not, the interval doubles, up to four times `probe`. While nothing is believed worse than in the laboratory no request
/// is a probe.
///
/// *Cost*: each planning takes `replan-us`, each change of plan from one request to the next `switch-us`; the first unit's executor pays before that unit runs. Both are assumed.
/// Real runtimes compile delegates and load weights when they change (10 ms to 1 s); nothing of this is charged unless `switch-us` says so.
///
/// Needs a predictor that learns or knows; with `offline` beliefs never depart, and it is the best of its levels under the laboratory's table (the run says so).
/// Slices of operators, new cuts during the run, and frequency are not part of it. Deterministic; no random choice.
///
/// Source: the idea of re-planning by a runtime predictor is from AdaOper (arXiv 2405.01851's family; abstract) and Band's moving averages; signal, probes, levels and all
/// numbers are this project's. Granularity: operator and coarser. Decision point: admission, placement when ready. Reads: execution and transfer estimates, beliefs, deadlines.
/// Cost: O(operators) an admission; a planning O(levels x streams x HEFT).
#[derive(Debug, Clone)]
pub(super) struct Adaptive {
    levels: Vec<Level>,
    threshold: f64,
    dwell: u32,
    probe: u32,
    objective: Objective,
    replanning: SimDuration,
    switching: SimDuration,
    streams: Vec<Stream>,
    trial: Option<Trial>,
    epoch: u32,
    notes: Vec<String>,
    log: AdaptationLog,
}

impl Adaptive {
    pub(super) fn new(spec: &StrategySpec) -> Result<Self, StrategyError> {
        let objectives = [
            ("latency", Objective::Latency),
            ("throughput", Objective::Throughput),
            ("deadline", Objective::Deadline),
        ];
        let micros = |name, default| -> Result<SimDuration, StrategyError> {
            Ok(SimDuration(u64::from(spec.number(name, default)?) * 1_000_000))
        };
        let threshold = spec.number("threshold", 20)?;
        if threshold == 0 {
            return Err(spec.problem("threshold is a whole number of per cent above 0".to_owned()));
        }
        Ok(Self {
            levels: parse(spec)?,
            threshold: (f64::from(threshold) / 100.0).ln_1p(),
            dwell: spec.number("dwell", 8)?,
            probe: spec.number("probe", 16)?,
            objective: spec.choice("objective", &objectives)?,
            replanning: micros("replan-us", 500)?,
            switching: micros("switch-us", 0)?,
            streams: Vec::new(),
            trial: None,
            epoch: 0,
            notes: Vec::new(),
            log: AdaptationLog::default(),
        })
    }

    /// A believed schedule of some streams, each at a level; where units run is free, or as the streams have it.
    fn believe(
        &self,
        platform: &Platform,
        which: std::ops::Range<usize>,
        levels: &[usize],
        is_free: bool,
        work: &dyn Fn(&Stream, usize, u32, ExecutorId) -> Option<SimDuration>,
    ) -> Believed {
        let streams = &self.streams[which];
        let known = streams.iter().all(|s| s.period.is_some_and(|period| period.0 > 0));
        let rate = |s: &Stream| s.period.filter(|_| known).map_or(1.0, |period| 1.0 / period.seconds());
        let candidates: Vec<Candidate<'_>> = streams
            .iter()
            .zip(levels)
            .map(|(s, &level)| Candidate {
                graph: &s.cuts[level].graph,
                places: (!is_free).then_some(&s.current.places),
                bias: s.bias(level),
                deadline: s.service.deadline,
                rate: rate(s),
            })
            .collect();
        schedule(platform, self.objective, &candidates, &|stream, unit, executor| {
            work(&streams[stream], levels[stream], unit, executor)
        })
    }

    /// The best levels that changing one stream after the other finds, and the schedule.
    fn best(
        &self,
        platform: &Platform,
        which: std::ops::Range<usize>,
        work: &dyn Fn(&Stream, usize, u32, ExecutorId) -> Option<SimDuration>,
    ) -> (Vec<usize>, Believed) {
        let mut levels: Vec<usize> = self.streams[which.clone()].iter().map(|s| s.current.cut).collect();
        let mut best = self.believe(platform, which.clone(), &levels, true, work);
        for stream in 0..levels.len() {
            for cut in 0..self.streams[which.start + stream].cuts.len() {
                let mut other = levels.clone();
                other[stream] = cut;
                if other == levels {
                    continue;
                }
                let trial = self.believe(platform, which.clone(), &other, true, work);
                // Of equals the coarser stays: the current one, else the first.
                if trial.beats(&best, 1e-9) {
                    (levels, best) = (other, trial);
                }
            }
        }
        (levels, best)
    }

    fn choice(
        &mut self,
        index: usize,
        cut: usize,
        platform: &Platform,
        places: Vec<ExecutorId>,
        believed: f64,
    ) -> Choice {
        self.epoch += 1;
        let words = self.streams[index].words(cut, &places, platform);
        Choice { cut, places, epoch: self.epoch, believed, words }
    }

    /// Plans again on present beliefs. Returns what that takes.
    fn replan(
        &mut self,
        request: RequestId,
        index: usize,
        view: &RunView<'_>,
        beliefs: &dyn Beliefs,
    ) -> SimDuration {
        let all = 0..self.streams.len();
        let levels: Vec<usize> = self.streams.iter().map(|s| s.current.cut).collect();
        let work = |s: &Stream, cut, unit, executor| s.work(Some(beliefs), false, cut, unit, executor);
        let before = self.believe(view.platform, all.clone(), &levels, false, &work);
        let (better, mut after) = self.best(view.platform, all, &work);
        let stream = &self.streams[index];
        let signal = if stream.signal.abs() > self.threshold { stream.signal } else { stream.unused };
        let from = stream.cuts[stream.current.cut].level.name();
        let changed = after.beats(&before, MARGIN);
        self.trial = None;
        if changed {
            if self.objective == Objective::Latency {
                let limit = 1e-12 * before.done[index] * stream.bias(stream.current.cut).exp();
                let choices = self.streams.iter().map(|s| s.current.clone()).collect();
                self.trial = Some(Trial { stream: index, limit, left: TRIED, before: choices });
            }
            for (number, &cut) in better.iter().enumerate() {
                let places = std::mem::take(&mut after.places[number]);
                if (cut, &places) == (self.streams[number].current.cut, &self.streams[number].current.places)
                {
                    self.streams[number].current.believed = after.done[number];
                } else {
                    let choice = self.choice(number, cut, view.platform, places, after.done[number]);
                    self.streams[number].adopt(choice);
                }
            }
        } else {
            self.streams.iter_mut().zip(&before.done).for_each(|(s, &done)| s.current.believed = done);
        }
        self.streams.iter_mut().for_each(|s| s.remember(Some(beliefs)));
        let stream = &self.streams[index];
        self.log.adaptations.push(Adaptation {
            time: view.now,
            request,
            cause: Cause::Departed,
            signal,
            from,
            to: stream.cuts[stream.current.cut].level.name(),
            changed,
            believed_before: SimDuration(before.done[index] as u64),
            believed_after: SimDuration(stream.current.believed as u64),
            placement: stream.current.words.clone(),
            overhead: self.replanning,
        });
        self.replanning
    }

    /// Plans one request as if old beliefs were wrong, if that promises something. Returns what it takes.
    fn try_probe(
        &mut self,
        request: RequestId,
        index: usize,
        view: &RunView<'_>,
        beliefs: &dyn Beliefs,
    ) -> SimDuration {
        self.streams[index].since_probe = 0;
        if !self.streams[index].may_be_wrong(beliefs, MARGIN) {
            return SimDuration::ZERO;
        }
        let work = |s: &Stream, cut, unit, executor| s.work(Some(beliefs), true, cut, unit, executor);
        let one = index..index + 1;
        let levels = [self.streams[index].current.cut];
        let before = self.believe(view.platform, one.clone(), &levels, false, &work);
        let (better, mut after) = self.best(view.platform, one, &work);
        if after.beats(&before, MARGIN) {
            let places = after.places.pop().unwrap_or_default();
            let choice = self.choice(index, better[0], view.platform, places, after.done[0]);
            let stream = &mut self.streams[index];
            self.log.adaptations.push(Adaptation {
                time: view.now,
                request,
                cause: Cause::Probed,
                signal: 0.0,
                from: stream.cuts[levels[0]].level.name(),
                to: stream.cuts[choice.cut].level.name(),
                changed: true,
                believed_before: SimDuration(before.done[0] as u64),
                believed_after: SimDuration(after.done[0] as u64),
                placement: choice.words.clone(),
                overhead: self.replanning,
            });
            let before = SimDuration(before.done[0] as u64);
            stream.probe = Some(Probe { request, choice, before });
        }
        self.replanning
    }

    /// A request of the stream whose plan is on probation has ended.
    fn try_new(&mut self, mut trial: Trial, request: RequestId, now: SimTime, seconds: f64) {
        trial.left -= 1;
        if seconds <= trial.limit * (1.0 + MARGIN) {
            return;
        }
        if trial.left > 0 {
            self.trial = Some(trial);
            return;
        }
        let stream = &self.streams[trial.stream];
        let (from, believed) = (stream.cuts[stream.current.cut].level.name(), stream.current.believed);
        for (stream, choice) in self.streams.iter_mut().zip(trial.before) {
            if stream.current.epoch != choice.epoch {
                stream.adopt(choice);
                stream.is_stale = true;
            }
        }
        let stream = &self.streams[trial.stream];
        self.log.adaptations.push(Adaptation {
            time: now,
            request,
            cause: Cause::TakenBack,
            signal: 0.0,
            from,
            to: stream.cuts[stream.current.cut].level.name(),
            changed: true,
            believed_before: SimDuration(believed as u64),
            believed_after: SimDuration::from_seconds(trial.limit),
            placement: stream.current.words.clone(),
            overhead: SimDuration::ZERO,
        });
    }

    /// A probe has ended: its plan stays if it took less than the present one does.
    fn judge(&mut self, index: usize, probe: Probe, now: SimTime, seconds: f64) {
        let stream = &mut self.streams[index];
        let is_better =
            stream.typical.is_some_and(|typical| seconds > 0.0 && seconds.ln() < typical + (-MARGIN).ln_1p());
        if !is_better {
            stream.interval = stream.interval.saturating_mul(2).min(self.probe.saturating_mul(PATIENCE));
            return;
        }
        stream.interval = self.probe;
        self.log.adaptations.push(Adaptation {
            time: now,
            request: probe.request,
            cause: Cause::Confirmed,
            signal: 0.0,
            from: stream.cuts[stream.current.cut].level.name(),
            to: stream.cuts[probe.choice.cut].level.name(),
            changed: true,
            believed_before: probe.before,
            believed_after: SimDuration(probe.choice.believed as u64),
            placement: probe.choice.words.clone(),
            overhead: SimDuration::ZERO,
        });
        stream.adopt(probe.choice);
        stream.is_stale = true;
    }
}

impl Strategy for Adaptive {
    fn id(&self) -> &'static str {
        "adaptive"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        self.streams.clear();
        self.notes.clear();
        self.log = AdaptationLog::default();
        self.epoch = 0;
        self.trial = None;
        let mut plans = Vec::new();
        for view in streams {
            let mut own = Vec::new();
            for (number, (level, plan)) in cuts(view, &self.levels, &mut self.notes)?.into_iter().enumerate()
            {
                own.push((level, UnitGraph::new(view, &plan)?));
                if number == 0 {
                    plans.push(plan);
                }
            }
            self.streams.push(Stream::new(view, own, self.probe));
        }
        let Some(first) = streams.first() else { return Ok(plans) };
        let work = |s: &Stream, cut, unit, executor| s.work(None, false, cut, unit, executor);
        let (levels, mut best) = self.best(first.platform, 0..self.streams.len(), &work);
        for (number, cut) in levels.into_iter().enumerate() {
            let places = std::mem::take(&mut best.places[number]);
            let choice = self.choice(number, cut, first.platform, places, best.done[number]);
            let stream = &mut self.streams[number];
            stream.last_epoch = choice.epoch;
            stream.adopt(choice);
            stream.remember(None);
        }
        Ok(plans)
    }

    fn versions(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Vec<Plan>>, StrategyError> {
        let mut silent = Vec::new();
        streams
            .iter()
            .map(|view| {
                Ok(cuts(view, &self.levels, &mut silent)?.into_iter().skip(1).map(|(_, plan)| plan).collect())
            })
            .collect()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn decides_admissions(&self) -> bool {
        true
    }

    fn admit(&mut self, request: RequestId, slot: u32, view: &RunView<'_>) -> Admission {
        let Some(index) = self.streams.iter().position(|s| s.number == request.stream) else {
            return Admission::default();
        };
        let (mut overhead, mut ratio) = (SimDuration::ZERO, 1.0);
        if let Some(beliefs) = view.beliefs {
            self.log.learns = true;
            let stream = &mut self.streams[index];
            if stream.is_stale {
                stream.remember(Some(beliefs));
            }
            stream.since_plan = stream.since_plan.saturating_add(1);
            stream.since_probe = stream.since_probe.saturating_add(1);
            ratio = stream.watch(beliefs);
            let departed = stream.signal.abs() > self.threshold || stream.unused < -self.threshold;
            let is_due = self.probe > 0 && stream.probe.is_none() && stream.since_probe >= stream.interval;
            if departed && stream.since_plan > self.dwell {
                overhead += self.replan(request, index, view, beliefs);
                ratio = 1.0;
            } else if is_due {
                overhead += self.try_probe(request, index, view, beliefs);
            }
        }
        let stream = &mut self.streams[index];
        let probe = stream.probe.take_if(|probe| probe.request == request);
        let choice = probe.as_ref().map_or(&stream.current, |probe| &probe.choice);
        if choice.epoch != stream.last_epoch {
            overhead += self.switching;
        }
        let seconds = choice.believed * 1e-12 * if probe.is_some() { 1.0 } else { ratio };
        let (cut, epoch, is_probe) = (choice.cut, choice.epoch, probe.is_some());
        stream.last_epoch = epoch;
        stream.place(
            slot,
            probe.as_ref().map(|p| &p.choice),
            Flight { cut, epoch, believed: seconds, overhead, is_probe },
        );
        stream.probe = stream.probe.take().or(probe);
        Admission { version: cut as u16, overhead }
    }

    fn completed(&mut self, request: RequestId, slot: u32, now: SimTime, service: SimDuration) {
        let Some(index) = self.streams.iter().position(|s| s.number == request.stream) else { return };
        let stream = &mut self.streams[index];
        let Some(&flight) = stream.flights.get(slot as usize) else { return };
        let seconds = SimDuration(service.0.saturating_sub(flight.overhead.0)).seconds();
        let used = &mut stream.uses[flight.cut];
        used.requests += 1;
        used.probes += u64::from(flight.is_probe);
        used.service_seconds += service.seconds();
        used.believed_seconds += flight.believed;
        match stream.probe.take_if(|probe| probe.request == request) {
            Some(probe) => self.judge(index, probe, now, seconds),
            None if flight.epoch == stream.current.epoch => {
                stream.learn(flight.cut, seconds, flight.believed);
                if let Some(trial) = self.trial.take_if(|trial| trial.stream == index) {
                    self.try_new(trial, request, now, seconds);
                }
            }
            None => {}
        }
    }

    fn react(&mut self, occasion: Occasion, _: &RunView<'_>, decisions: &mut Vec<Decision>) {
        let Occasion::Ready(unit) = occasion else { return };
        let stream = self.streams.iter().find(|s| s.number == unit.request.stream);
        if let Some(executor) = stream.and_then(|s| s.placed(unit.slot, unit.unit)) {
            decisions.push(Decision::Place { unit, executor });
        }
    }

    fn adaptations(&self) -> Option<AdaptationLog> {
        let levels = self.streams.iter().flat_map(|s| s.uses.iter().cloned()).collect();
        Some(AdaptationLog { levels, ..self.log.clone() })
    }
}
