//! What strategies may believe of clocks: the tables that the run itself plays, without noise, neighbours and heat.

use super::dynamics::DynamicsSetup;
use super::problem::Problem;
use super::stages::{Count, Trigger};
use crate::physics::ClockRatios;
use crate::physics::dvfs::{Frequencies, Governor};
use crate::predict::{ClockBeliefs, ClockDomain, Demand};
use crate::soc::{ExecutorId, ResourceId};
use crate::units::SimDuration;

/// The clock domains of a problem as strategies see them; none without dynamics.
pub(super) fn domains(problem: &Problem) -> Vec<ClockDomain> {
    let Some(setup) = problem.dynamics.as_deref() else { return Vec::new() };
    let of = |(number, domain): (usize, &super::dynamics::DomainSetup)| {
        let top = domain.opps.points.len().saturating_sub(1);
        let highest = domain.highest.min(top);
        let lowest = domain.lowest.min(highest);
        let table = Frequencies::of(&domain.opps);
        let at_least = |khz: u64| (lowest..=highest).find(|&step| table.khz(step) >= khz).unwrap_or(highest);
        ClockDomain {
            id: domain.id.clone(),
            cores: setup.resources(number).count() as u32,
            settable: domain.settable,
            lowest,
            highest,
            unset: match domain.governor {
                Governor::Powersave => lowest,
                Governor::Userspace(khz) => at_least(khz),
                _ => highest,
            },
            opps: domain.opps.clone(),
            power: domain.power.clone(),
        }
    };
    setup.domains.iter().enumerate().map(of).collect()
}

/// One stream's share of it; `None` without dynamics.
pub(super) fn of_stream<'a>(
    problem: &'a Problem,
    domains: &'a [ClockDomain],
    stream: usize,
) -> Option<StreamClocks<'a>> {
    problem.dynamics.as_deref().map(|setup| StreamClocks { problem, setup, domains, stream })
}

/// How one stream depends on clocks.
#[derive(Debug)]
pub(super) struct StreamClocks<'a> {
    problem: &'a Problem,
    setup: &'a DynamicsSetup,
    domains: &'a [ClockDomain],
    stream: usize,
}

impl StreamClocks<'_> {
    /// The stream before one in its chain, with what a request of that one makes of it.
    fn before(&self, stream: usize) -> Option<(usize, Option<&Count>)> {
        match &self.problem.streams.get(stream)?.stage.trigger {
            Trigger::Arrivals => None,
            Trigger::Each { after, count } => Some((usize::from(*after), Some(count))),
            Trigger::Join { after } => Some((usize::from(*after), None)),
        }
    }

    /// Where the requests of a stream's chain arrive. A chain has fewer links than there are streams.
    fn root(&self, stream: usize) -> usize {
        let next = |at: &usize| self.before(*at).map(|(before, _)| before);
        std::iter::successors(Some(stream), next).take(self.problem.streams.len()).last().unwrap_or(stream)
    }

    /// The streams of a chain.
    fn members(&self, root: usize) -> impl Iterator<Item = usize> {
        (0..self.problem.streams.len()).filter(move |&other| self.root(other) == root)
    }

    /// Picoseconds of an operator alone, at the reference and at other clocks.
    fn scaled(
        &self,
        stream: usize,
        operator: u32,
        executor: ExecutorId,
        ratios: &ClockRatios,
    ) -> Option<(f64, f64)> {
        let cost = self.problem.streams.get(stream)?.costs.get(operator, executor)?;
        let scaling = self.setup.scalings.get(stream)?;
        let anchor = self.setup.executor(executor).memory_anchor;
        let (overhead, alone) = (cost.overhead.0 as f64, cost.alone.0 as f64);
        let then = overhead * scaling.overhead(operator, executor, ratios)
            + alone * scaling.execution(operator, executor, ratios, anchor);
        Some((overhead + alone, then))
    }

    /// How often a request of the chain runs a stream; what runs only for the first request does not count.
    fn visits(&self, stream: usize) -> f64 {
        let Some(own) = self.problem.streams.get(stream) else { return 0.0 };
        if own.stage.once {
            return 0.0;
        }
        let mut visits = f64::from(own.stage.repeat.max(1));
        let mut at = stream;
        for _ in 0..self.problem.streams.len() {
            // A join makes one for each request of the chain, however many came before it.
            let Some((before, Some(count))) = self.before(at) else { break };
            visits *= mean(count);
            at = before;
        }
        visits
    }
}

fn mean(count: &Count) -> f64 {
    match count {
        Count::Fixed(count) => f64::from(*count),
        Count::Uniform(least, most) => f64::midpoint(f64::from(*least), f64::from(*most)),
        Count::Poisson(mean) | Count::Geometric(mean) => *mean,
        Count::Weighted(pairs) => {
            let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
            pairs.iter().map(|(count, weight)| f64::from(*count) * weight).sum::<f64>() / total
        }
    }
}

impl ClockBeliefs for StreamClocks<'_> {
    fn domains(&self) -> &[ClockDomain] {
        self.domains
    }

    fn domain_of(&self, resource: ResourceId) -> usize {
        self.setup.domain_of.get(usize::from(resource.0)).copied().map_or(0, usize::from)
    }

    fn ratios(&self, executor: ExecutorId, steps: &[usize]) -> ClockRatios {
        let mut ratios = self.setup.reference();
        for ((domain, ratio), &step) in self.setup.domains.iter().zip(&mut ratios.processors).zip(steps) {
            let own = domain.reference.0 / Frequencies::of(&domain.opps).clock(step).0;
            // As in the run: the reference is a clock of the table but for rounding to kHz.
            *ratio = if (own - 1.0).abs() < 1e-5 { 1.0 } else { own };
        }
        let memory = &self.setup.memory;
        if !memory.votes.is_empty() {
            let resources = &self.problem.platform.executor(executor).resources;
            let votes = resources.iter().filter_map(|&resource| {
                let domain = self.domain_of(resource);
                Some(memory.votes.get(domain)?.get(*steps.get(domain)?)?.0)
            });
            ratios.memory = memory.reference.0 / votes.fold(memory.least.0, f64::max);
        }
        ratios
    }

    fn operator(
        &self,
        operator: u32,
        executor: ExecutorId,
        estimate: SimDuration,
        ratios: &ClockRatios,
    ) -> SimDuration {
        match self.scaled(self.stream, operator, executor, ratios) {
            Some((reference, then)) if reference > 0.0 => {
                SimDuration((estimate.0 as f64 * (then / reference)).round() as u64)
            }
            _ => estimate,
        }
    }

    fn setup(&self, executor: ExecutorId, time: SimDuration, ratios: &ClockRatios) -> SimDuration {
        let slowest = ratios.slowest(self.setup.executor(executor).invocation_domains);
        SimDuration((time.0 as f64 * slowest).round() as u64)
    }

    fn dram_bytes(&self, operator: u32, executor: ExecutorId) -> f64 {
        let costs = self.problem.streams.get(self.stream).map(|stream| &stream.costs);
        costs.and_then(|costs| costs.get(operator, executor)).map_or(0.0, |cost| cost.dram_bytes)
    }

    fn demand(&self) -> Demand {
        let root = self.root(self.stream);
        Demand {
            root: root as u16,
            visits: self.visits(self.stream),
            period: self.problem.streams.get(root).and_then(|stream| stream.arrivals.mean_gap()),
            deadline: self.members(root).find_map(|other| self.problem.streams[other].service.deadline),
        }
    }

    fn fixed(&self, steps: &[usize]) -> SimDuration {
        let time = |other: usize| {
            let own = &self.problem.streams[other];
            let Some(executor) = own.stage.fixed else { return 0.0 };
            let ratios = self.ratios(executor, steps);
            let operators = 0..own.dag.len() as u32;
            let times = operators.filter_map(|operator| self.scaled(other, operator, executor, &ratios));
            times.map(|(_, then)| then).sum::<f64>() * self.visits(other)
        };
        SimDuration(self.members(self.root(self.stream)).map(time).sum::<f64>() as u64)
    }
}
