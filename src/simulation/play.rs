//! The way in: planning, playing, and both.

use super::observer::Observer;
use super::problem::{Outcome, Problem, SimulationError, StreamProblem};
use super::run::Simulation;
use crate::engine::{self, EngineError, Limits};
use crate::predict::{Estimates, Predictor, PredictorSpec, Profiling, TrainingStream};
use crate::strategy::{Dispatch, Plan, PlanningView, Strategy, TransferStart, UnitGraph};
use crate::units::SimTime;

/// What a strategy made of a problem before the run.
#[derive(Debug)]
pub struct Prepared {
    /// One plan for each stream.
    pub plans: Vec<Plan>,
    /// The graph of units of each stream.
    pub graphs: Vec<UnitGraph>,
    /// What is believed before the run; every play begins with a copy.
    pub predictor: Box<dyn Predictor>,
    /// What its knowledge costs.
    pub profiling: Profiling,
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
    let estimates: Vec<Estimates> = (0u16..)
        .zip(&problem.streams)
        .map(|(number, stream)| {
            Estimates::of(&*predictor, number, stream.dag.len(), executors).with_traffic(&stream.costs)
        })
        .collect();
    let all = views(problem, &estimates);
    // Stages with a place of their own are none of the strategy's business.
    let fixed = |i: usize| problem.streams.get(i).and_then(|stream| stream.stage.fixed);
    let open: Vec<PlanningView<'_>> =
        all.iter().enumerate().filter(|(i, _)| fixed(*i).is_none()).map(|(_, view)| *view).collect();
    let planned = strategy.plan(&open)?;
    if planned.len() != open.len() {
        let what = format!("{} plans for {} streams", planned.len(), open.len());
        return Err(SimulationError::Decision { strategy: strategy.id(), what });
    }
    let mut planned = planned.into_iter();
    let mut plans = Vec::with_capacity(all.len());
    for (i, view) in all.iter().enumerate() {
        match fixed(i) {
            Some(executor) => {
                let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
                plan.push(&view.dag.topological_order(), Some(executor));
                plans.push(plan);
            }
            None => plans.extend(planned.next()),
        }
    }
    let graphs =
        all.iter().zip(&plans).map(|(view, plan)| UnitGraph::new(view, plan)).collect::<Result<_, _>>()?;
    Ok(Prepared { plans, graphs, predictor, profiling })
}

/// What a strategy sees of each stream.
pub(super) fn views<'a>(problem: &'a Problem, estimates: &'a [Estimates]) -> Vec<PlanningView<'a>> {
    let view = |(stream, estimates): (&'a StreamProblem, &'a Estimates)| PlanningView {
        dag: &stream.dag,
        operators: stream.operators.as_ref(),
        platform: &problem.platform,
        estimates,
        granularity: problem.granularity,
        roles: &stream.roles,
        service: stream.service,
        period: stream.arrivals.mean_gap(),
    };
    problem.streams.iter().zip(estimates).map(view).collect()
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
