//! Clocks chosen together with placement, for a deadline or an energy budget.

mod goal;
mod pins;
mod power;
mod search;
mod trust;
mod usage;

pub(crate) use goal::{Goal, Minimise};
pub use pins::NamedClocks;
pub(crate) use pins::resolve;
pub(crate) use power::Scope;

use super::list::{CommunicationMean, Heft, ListStrategy};
use super::{Granularity, Plan, PlanningView, Single, SlicingView, Strategy, StrategyError};
use crate::graph::partition::Split;
use crate::predict::{ClockBeliefs, Estimates, SlicePredictor};
use crate::soc::ExecutorId;
use goal::Judged;
use power::Hardware;
use search::Found;
use usage::Model;

/// Sets the clock of every domain that its plan uses to the step that is best for a goal, for the whole run; the other domains keep
/// their governors.
///
/// With a base the placement is that of the base, planned at the reference clocks, so that the same placement can be compared under
/// `schedutil`, `performance` and the chosen clocks. Without one, placement is chosen too: every executor that can run all models,
/// and HEFT, each with its best clocks; where HEFT wins, it plans again with the estimates at those clocks until nothing improves.
///
/// Definition: of all vectors of steps the one with least (excess over deadlines, excess over the budget, goal, latency), ties to slower
/// steps. Slowest step that meets the deadline, race to idle, and `f* = (a / 2b)^(1/3)` for a power of `a + b f^3` come out of it and
/// are not rules of their own. Times are the estimates scaled by the machine's tables, memory clock included; power is that of
/// [`crate::physics::power`] over the period of the requests, or over their latency when they follow each other at once. Latency
/// is that of one request of each stream, all at the same time, stages of a chain one after the other, with `margin` of the
/// deadline left free. Requests that come by themselves must also fit into their period.
/// Not met by any clocks: the fastest of the plan that comes nearest, and a warning.
///
/// Source: the rules of DVFS co-scheduling (slowest step with slack, minimum energy under a deadline, energy-delay product) as they are
/// commonly defined; the search is ours: all vectors when an evaluation of all stays within `effort`, else complete blocks of one and two
/// domains from five starts. What it does not know: noise, competing work, contention for memory, queueing of random arrivals, heat (caps
/// go before it), and that idle states take time to leave.
///
/// Granularity: that of the base; operator without one. Decision point: offline. Reads: execution and transfer estimates, clock
/// steps, power. Cost: O(effort).
pub(crate) struct Frequency {
    base: Option<Box<dyn Strategy>>,
    goal: Goal,
    effort: u64,
    clocks: Vec<Option<u16>>,
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// A placement with its best clocks.
struct Candidate<'a> {
    name: String,
    plans: Vec<Plan>,
    model: Model<'a>,
    found: Found<Judged>,
    choices: Vec<Vec<usize>>,
}

impl Candidate<'_> {
    fn best(&self) -> Option<&Judged> {
        self.found.tried.get(&self.found.steps)
    }
}

impl Frequency {
    pub(crate) const fn new(base: Option<Box<dyn Strategy>>, goal: Goal, effort: u64) -> Self {
        Self { base, goal, effort, clocks: Vec::new(), notes: Vec::new(), warnings: Vec::new() }
    }

    fn problem(problem: String) -> StrategyError {
        StrategyError::Parameter { strategy: "frequency".to_owned(), problem }
    }

    /// The best clocks for plans.
    fn candidate<'a>(
        &self,
        name: String,
        plans: Vec<Plan>,
        views: &'a [PlanningView<'a>],
        beliefs: &[&'a dyn ClockBeliefs],
        hardware: &Hardware,
    ) -> Result<Candidate<'a>, StrategyError> {
        let model = Model::new(views, beliefs, &plans)?;
        let choices: Vec<Vec<usize>> = hardware
            .domains
            .iter()
            .zip(&model.used)
            .map(|(domain, &used)| {
                if used && domain.settable {
                    (domain.lowest..=domain.highest).collect()
                } else {
                    vec![domain.unset]
                }
            })
            .collect();
        let most = (self.effort / model.operators.max(1)).max(8);
        let judge = |steps: &[usize]| self.goal.judge(&model, model.usage(steps), hardware, steps);
        let found = search::best(&choices, most, judge, Judged::compare);
        Ok(Candidate { name, plans, model, found, choices })
    }

    /// The placements that are tried without a base, by name.
    fn placements(views: &[PlanningView<'_>]) -> Vec<(String, Vec<Plan>)> {
        let whole: Vec<PlanningView<'_>> =
            views.iter().map(|view| PlanningView { granularity: Granularity::Task, ..*view }).collect();
        let executors = views.first().map_or(&[][..], |view| &view.platform.executors);
        let singles = (0u16..).zip(executors).filter_map(|(number, executor)| {
            let plans = Single::new(Some(ExecutorId(number))).plan(&whole).ok()?;
            Some((executor.name.clone(), plans))
        });
        let mut all: Vec<_> = singles.collect();
        all.extend(Self::heft().plan(views).ok().map(|plans| ("heft".to_owned(), plans)));
        all
    }

    const fn heft() -> ListStrategy<Heft> {
        ListStrategy(Heft { mean: CommunicationMean::Pairs, insertion: true })
    }

    /// HEFT with the estimates at some clocks.
    fn again(
        views: &[PlanningView<'_>],
        beliefs: &[&dyn ClockBeliefs],
        steps: &[usize],
    ) -> Result<Vec<Plan>, StrategyError> {
        let scaled: Vec<Estimates> = views
            .iter()
            .zip(beliefs)
            .map(|(view, clocks)| {
                let executors = 0..view.platform.executors.len() as u16;
                let ratios: Vec<_> = executors.map(|e| clocks.ratios(ExecutorId(e), steps)).collect();
                view.estimates.changed(|operator, executor, time| {
                    clocks.operator(operator, executor, time, &ratios[usize::from(executor.0)])
                })
            })
            .collect();
        let slowed: Vec<PlanningView<'_>> =
            views.iter().zip(&scaled).map(|(view, estimates)| PlanningView { estimates, ..*view }).collect();
        Self::heft().plan(&slowed)
    }

    fn choose<'a>(
        &mut self,
        views: &'a [PlanningView<'a>],
        beliefs: &[&'a dyn ClockBeliefs],
        hardware: &Hardware,
    ) -> Result<(Candidate<'a>, usize), StrategyError> {
        if let Some(base) = &mut self.base {
            let plans = base.plan(views)?;
            let id = base.id();
            if plans.iter().flat_map(Plan::units).any(|unit| unit.executor.is_none()) {
                return Err(Self::problem(format!(
                    "`{id}` decides while it runs, so nobody knows beforehand which clocks matter; choose a base that plans, or set \
                     clocks with [[clock]]"
                )));
            }
            return Ok((self.candidate(id.to_owned(), plans, views, beliefs, hardware)?, 1));
        }
        let mut best: Option<Candidate<'a>> = None;
        let mut tried = 0;
        let better = |new: &Candidate<'_>, old: &Option<Candidate<'_>>| match (
            new.best(),
            old.as_ref().and_then(Candidate::best),
        ) {
            (Some(new), Some(old)) => new.compare(old).is_lt(),
            (new, _) => new.is_some(),
        };
        let mut heft_at = None;
        for (name, plans) in Self::placements(views) {
            let is_heft = name == "heft";
            let candidate = self.candidate(name, plans, views, beliefs, hardware)?;
            tried += 1;
            if is_heft {
                heft_at = Some(candidate.found.steps.clone());
            }
            if better(&candidate, &best) {
                best = Some(candidate);
            }
        }
        // Other clocks, other ratios between processors: what HEFT plans then may suit them better.
        for _ in 0..3 {
            let Some(steps) = heft_at.take() else { break };
            let plans = Self::again(views, beliefs, &steps)?;
            let candidate =
                self.candidate("heft at these clocks".to_owned(), plans, views, beliefs, hardware)?;
            tried += 1;
            if candidate.found.steps != steps {
                heft_at = Some(candidate.found.steps.clone());
            }
            if better(&candidate, &best) {
                best = Some(candidate);
            }
        }
        let best = best.ok_or_else(|| Self::problem("no placement runs all models here".to_owned()))?;
        Ok((best, tried))
    }

    /// The fastest vector instead of one that comes nearest to a deadline that none meets.
    fn settle(&self, candidate: &mut Candidate<'_>) {
        if candidate.best().is_some_and(|best| best.late > 0.0) {
            candidate.found.steps = fastest(&candidate.choices);
        }
    }

    fn report(&mut self, candidate: &Candidate<'_>, placements: usize, hardware: &Hardware) {
        let Some(best) = candidate.best() else { return };
        let (found, goal) = (&candidate.found, &self.goal);
        let named: Vec<String> = hardware
            .domains
            .iter()
            .zip(&found.steps)
            .enumerate()
            .filter(|(number, _)| candidate.model.used[*number])
            .map(|(_, (domain, &step))| {
                let clock = domain.opps.points.get(step).map_or(0.0, |opp| opp.clock.0 / 1e6);
                let whose = if domain.settable { "" } else { " (the scenario's)" };
                format!("{} {clock} MHz{whose}", domain.id)
            })
            .collect();
        let of = if placements > 1 { format!(", best of {placements} placements") } else { String::new() };
        self.notes.push(format!(
            "{}{of}: {} ({} of {} vectors of steps tried)",
            candidate.name,
            named.join(", "),
            found.tried.len(),
            found.of
        ));
        let ms: Vec<String> = best.usage.latencies.iter().map(|t| format!("{:.3} ms", t * 1e3)).collect();
        self.notes.push(format!(
            "believed: latency {}; {:.2} mJ for each request ({}); margin {:.0} %",
            ms.join(", "),
            best.joules * 1e3,
            goal.scope.words(),
            goal.margin * 100.0
        ));
        self.notes.extend(trust::notes(
            goal,
            &candidate.model,
            found,
            &fastest(&candidate.choices),
            hardware,
        ));
        for (chain, &latency) in candidate.model.chains.iter().zip(&best.usage.latencies) {
            let Some(deadline) = goal.deadline.or(chain.deadline) else { continue };
            if latency > deadline * (1.0 - goal.margin) {
                self.warnings.push(format!(
                    "no clocks are believed to meet the deadline of stream {}: {:.3} ms at the fastest, {:.3} ms less {:.0} % margin \
                     allowed; the fastest are set",
                    chain.root,
                    latency * 1e3,
                    deadline * 1e3,
                    goal.margin * 100.0
                ));
            }
        }
        if best.usage.load > 1.0 - goal.margin {
            self.warnings.push(format!(
                "requests come faster than this plan is believed to serve them with {:.0} % margin: its busiest resource is held for {:.0} \
                 % of the time at the fastest clocks, which are set",
                goal.margin * 100.0,
                best.usage.load * 100.0
            ));
        }
        if best.over > 0.0 {
            let budget = goal.budget.unwrap_or_default();
            self.warnings.push(format!(
                "no clocks are believed to keep the budget: {:.2} mJ for each request, {:.2} mJ allowed; the most economical that \
                 meet deadlines are set",
                best.joules * 1e3,
                budget * 1e3
            ));
        }
        if candidate.choices.iter().all(|own| own.len() < 2) {
            self.warnings.push(
                "there is no clock to choose: the scenario fixes or governs all that the plan uses, or they have one step".to_owned(),
            );
        }
    }
}

fn fastest(choices: &[Vec<usize>]) -> Vec<usize> {
    choices.iter().map(|own| own.last().copied().unwrap_or(0)).collect()
}

impl Strategy for Frequency {
    fn id(&self) -> &'static str {
        "frequency"
    }

    fn default_granularity(&self) -> Granularity {
        self.base.as_ref().map_or(Granularity::Operator, |base| base.default_granularity())
    }

    fn target(&self) -> Option<ExecutorId> {
        self.base.as_ref().and_then(|base| base.target())
    }

    fn slices(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.slices())
    }

    fn slice_predictor(&self) -> SlicePredictor {
        self.base.as_ref().map_or(SlicePredictor::Oracle, |base| base.slice_predictor())
    }

    fn prescribes(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.prescribes())
    }

    fn slice(&mut self, streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        match &mut self.base {
            Some(base) => base.slice(streams),
            None => Ok(streams.iter().map(|_| Vec::new()).collect()),
        }
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        (self.clocks, self.notes, self.warnings) = (Vec::new(), Vec::new(), Vec::new());
        let beliefs: Option<Vec<&dyn ClockBeliefs>> = streams.iter().map(|view| view.clocks).collect();
        let beliefs = beliefs.filter(|beliefs| !beliefs.is_empty()).ok_or_else(|| {
            Self::problem(
                "clocks are not simulated, so there is nothing to choose; add a [dynamics] table to the scenario, or name a condition \
                 (--condition sigma0)"
                    .to_owned(),
            )
        })?;
        let Some(first) = streams.first() else { return Ok(Vec::new()) };
        let hardware = Hardware::new(beliefs[0].domains(), first.platform);
        let (mut candidate, placements) = self.choose(streams, &beliefs, &hardware)?;
        if let Some(base) = &self.base {
            self.notes.extend(base.notes());
            self.warnings.extend(base.warnings());
        }
        self.settle(&mut candidate);
        self.report(&candidate, placements, &hardware);
        let set = |((domain, &used), &step): ((&crate::predict::ClockDomain, &bool), &usize)| {
            (used && domain.settable).then_some(step as u16)
        };
        self.clocks =
            hardware.domains.iter().zip(&candidate.model.used).zip(&candidate.found.steps).map(set).collect();
        Ok(candidate.plans)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn clocks(&self) -> Vec<Option<u16>> {
        self.clocks.clone()
    }
}
