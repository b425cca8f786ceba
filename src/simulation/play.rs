//! The way in: planning, playing, and both.

use super::clock_beliefs;
use super::dynamics::DomainSetup;
use super::memory::{Footprint, Residence, refused};
use super::observer::Observer;
use super::problem::{Outcome, Problem, SimulationError, StreamProblem};
use super::run::Simulation;
use crate::engine::{self, EngineError, Limits};
use crate::predict::{
    ClockBeliefs, ClockDomain, Estimates, Predictor, PredictorSpec, Profiling, TrainingStream,
};
use crate::strategy::{Dispatch, NamedClocks, Plan, PlanningView, Strategy, TransferStart, UnitGraph};
use crate::units::SimTime;

/// What a strategy made of a problem before the run.
#[derive(Debug)]
pub struct Prepared {
    /// One plan for each stream.
    pub plans: Vec<Plan>,
    /// Further cuts of each stream, which the units of its graph after those of its plan come from.
    pub versions: Vec<Vec<Plan>>,
    /// Whether the strategy decides at every admission how a request runs.
    pub decides_admissions: bool,
    /// The graph of units of each stream.
    pub graphs: Vec<UnitGraph>,
    /// What is believed before the run; every play begins with a copy.
    pub predictor: Box<dyn Predictor>,
    /// What its knowledge costs.
    pub profiling: Profiling,
    /// What the plans need, where memory is limited.
    pub memory: Option<Box<Footprint>>,
    /// The step at which the strategy wants each clock domain to stay; empty when it sets none.
    pub clocks: Vec<Option<u16>>,
}

impl Prepared {
    /// The clocks that the strategy has set, by name.
    #[must_use]
    pub fn named_clocks(&self, problem: &Problem) -> NamedClocks {
        let domains = problem.dynamics.iter().flat_map(|dynamics| &dynamics.domains);
        let named = |(domain, step): (&DomainSetup, &Option<u16>)| {
            Some((domain.id.clone(), domain.opps.points.get(usize::from((*step)?))?.clock))
        };
        domains.zip(&self.clocks).filter_map(named).collect()
    }
}

/// Lets `strategy` plan on the laboratory's table, and checks what it planned.
///
/// # Errors
/// [`SimulationError`] when the strategy cannot plan or its plans cannot be executed.
pub fn prepare(problem: &Problem, strategy: &mut dyn Strategy) -> Result<Prepared, SimulationError> {
    prepare_with(problem, strategy, &PredictorSpec::default())
}

/// As [`prepare`], with a predictor that the strategy consults before and during the run.
///
/// # Errors
/// As [`prepare`], and when the predictor does not exist.
pub fn prepare_with(
    problem: &Problem,
    strategy: &mut dyn Strategy,
    predictor: &PredictorSpec,
) -> Result<Prepared, SimulationError> {
    let training: Vec<TrainingStream<'_>> = problem
        .streams
        .iter()
        .map(|stream| TrainingStream { costs: &stream.costs, operators: stream.operators.as_ref() })
        .collect();
    let (profiling, predictor) = (predictor.profiling(&training)?, predictor.build(&training)?);
    let executors = problem.platform.executors.len();
    let mut estimates: Vec<Estimates> = (0u16..)
        .zip(&problem.streams)
        .map(|(number, stream)| {
            Estimates::of(&*predictor, number, stream.dag.len(), executors).with_traffic(&stream.costs)
        })
        .collect();
    // Placements that are given are held against the limits as they stand.
    let residence = if strategy.prescribes() { None } else { Residence::of(problem)? };
    if let Some(residence) = &residence {
        residence.apply(&mut estimates);
    }
    let domains = clock_beliefs::domains(problem);
    let clocks: Vec<_> =
        (0..estimates.len()).map(|stream| clock_beliefs::of_stream(problem, &domains, stream)).collect();
    let mut all = views(problem, &estimates);
    for (view, clocks) in all.iter_mut().zip(&clocks) {
        view.clocks = clocks.as_ref().map(|clocks| clocks as &dyn ClockBeliefs);
    }
    // Stages with a place of their own are none of the strategy's business.
    let fixed = |i: usize| problem.streams.get(i).and_then(|stream| stream.stage.fixed);
    let open: Vec<PlanningView<'_>> =
        all.iter().enumerate().filter(|(i, _)| fixed(*i).is_none()).map(|(_, view)| *view).collect();
    let refuse = |error| refused(problem, residence.as_ref(), error);
    let planned = strategy.plan(&open).map_err(refuse)?;
    if planned.len() != open.len() {
        let what = format!("{} plans for {} streams", planned.len(), open.len());
        return Err(SimulationError::Decision { strategy: strategy.id(), what });
    }
    let mut cuts = strategy.versions(&open)?.into_iter();
    if cuts.len() > 0 && (cuts.len() != open.len() || !strategy.decides_admissions()) {
        let what = format!(
            "{} lists of versions for {} streams, without a say at admissions",
            cuts.len(),
            open.len()
        );
        return Err(SimulationError::Decision { strategy: strategy.id(), what });
    }
    let mut planned = planned.into_iter();
    let mut versions = Vec::with_capacity(all.len());
    let mut plans = Vec::with_capacity(all.len());
    for (i, view) in all.iter().enumerate() {
        match fixed(i) {
            Some(executor) => {
                let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
                plan.push(&view.dag.topological_order(), Some(executor));
                plans.push(plan);
                versions.push(Vec::new());
            }
            None => {
                plans.extend(planned.next());
                versions.push(cuts.next().unwrap_or_default());
            }
        }
    }
    let mut graphs = Vec::with_capacity(all.len());
    // Every cut by itself, as limits of memory look at them.
    let mut cuts: Vec<Vec<(&Plan, UnitGraph)>> = Vec::new();
    for ((view, plan), others) in all.iter().zip(&plans).zip(&versions) {
        let mut graph = UnitGraph::new(view, plan).map_err(refuse)?;
        let mut each = Vec::new();
        if problem.memory.is_some() {
            each.push((plan, graph.clone()));
        }
        for other in others {
            let cut = UnitGraph::new(view, other).map_err(refuse)?;
            graph.append(&cut, view)?;
            if problem.memory.is_some() {
                each.push((other, cut));
            }
        }
        graphs.push(graph);
        cuts.push(each);
    }
    let memory = match problem.memory.as_deref() {
        Some(limits) => {
            let footprint = Footprint::of(problem, limits, strategy.id(), residence, &cuts, &graphs)?;
            Some(Box::new(footprint))
        }
        None => None,
    };
    let clocks = set_clocks(&domains, strategy)?;
    let decides_admissions = strategy.decides_admissions();
    Ok(Prepared { plans, versions, decides_admissions, graphs, predictor, profiling, memory, clocks })
}

/// The clocks that a strategy sets, if it may.
fn set_clocks(domains: &[ClockDomain], strategy: &dyn Strategy) -> Result<Vec<Option<u16>>, SimulationError> {
    let steps = strategy.clocks();
    for (number, &step) in steps.iter().enumerate() {
        let Some(step) = step else { continue };
        let what = match domains.get(number) {
            None => format!("it sets the clock of domain {number}, but there are {} domains", domains.len()),
            Some(domain) if !domain.settable => {
                format!("it sets the clock of `{}`, which the scenario has fixed or governs", domain.id)
            }
            Some(domain) if !(domain.lowest..=domain.highest).contains(&usize::from(step)) => format!(
                "it sets `{}` to step {step}, but the scenario allows steps {} to {}",
                domain.id, domain.lowest, domain.highest
            ),
            Some(_) => continue,
        };
        return Err(SimulationError::Decision { strategy: strategy.id(), what });
    }
    Ok(if steps.iter().any(Option::is_some) { steps } else { Vec::new() })
}

/// What a strategy sees of each stream.
pub(super) fn views<'a>(problem: &'a Problem, estimates: &'a [Estimates]) -> Vec<PlanningView<'a>> {
    let view = |(number, (stream, estimates)): (u16, (&'a StreamProblem, &'a Estimates))| PlanningView {
        stream: number,
        dag: &stream.dag,
        operators: stream.operators.as_ref(),
        platform: &problem.platform,
        estimates,
        granularity: problem.granularity,
        roles: &stream.roles,
        service: stream.service,
        period: stream.arrivals.mean_gap(),
        memory: problem.memory.as_deref(),
        clocks: None,
    };
    (0u16..).zip(problem.streams.iter().zip(estimates)).map(view).collect()
}

/// Plays a prepared run, telling `observer` everything. `strategy` is the one that prepared it.
///
/// # Errors
/// [`SimulationError`] when the strategy decides the impossible, or the run stalls.
pub fn play<O: Observer>(
    problem: &Problem,
    prepared: &Prepared,
    strategy: &mut dyn Strategy,
    observer: &mut O,
) -> Result<Outcome, SimulationError> {
    let mut simulation = Simulation::new(problem, strategy, observer, prepared);
    simulation.open();
    // Work without duration happens at one time however much of it there is.
    let size: u64 = prepared.graphs.iter().map(|graph| 4 * (graph.len() + graph.edges()) as u64).sum();
    let events_at_one_time = problem.limits.events_at_one_time.saturating_add(size);
    let run = engine::run(&mut simulation, Limits { events_at_one_time, ..problem.limits });
    let nothing_left = match &run {
        Ok(end) => !end.truncated,
        Err(error) => matches!(error, SimulationError::Engine(EngineError::Stalled { .. })),
    };
    if nothing_left && simulation.overflow && !simulation.is_stopped() {
        // What is due after the end of time never happens: the run would seem finished, or its waiters be blamed.
        // Where a limit ends the run before, it is just late.
        if problem.limits.until == SimTime::NEVER {
            return Err(SimulationError::TimeOverflow);
        }
        return Ok(simulation.close(problem.limits.until, true));
    }
    let end = run?;
    // Nothing else happens up to a time limit; a limit of events leaves the time after the last one unknown.
    let out_of_events = end.events >= problem.limits.events;
    let end_time = if end.truncated && !out_of_events { problem.limits.until } else { end.time };
    Ok(simulation.close(end_time, end.truncated))
}

/// [`prepare`], then [`play`].
///
/// # Errors
/// See both.
pub fn simulate<O: Observer>(
    problem: &Problem,
    strategy: &mut dyn Strategy,
    observer: &mut O,
) -> Result<Outcome, SimulationError> {
    let prepared = prepare(problem, strategy)?;
    play(problem, &prepared, strategy, observer)
}
