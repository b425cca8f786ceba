//! `hetsoc check`: everything that happens before a run, and nothing of the run.

use super::CliError;
use super::output::print;
use super::target::TargetArguments;
use crate::simulation::prepare_with;
use clap::Args;

/// Arguments of `hetsoc check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    target: TargetArguments,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<(), CliError> {
    let mut assembled = arguments.target.assemble()?;
    let prepared = prepare_with(&assembled.problem, &mut *assembled.strategy, &assembled.predictor)?;
    for warning in &assembled.warnings {
        super::output::print_warning(warning);
    }
    let units: usize = prepared.graphs.iter().map(crate::strategy::UnitGraph::len).sum();
    let operators: usize = assembled.problem.streams.iter().map(|stream| stream.dag.len()).sum();
    print(&format!(
        "ok: {} stream(s), {operators} operators in {units} units, {} executors on {} resources, strategy {}\n",
        assembled.problem.streams.len(),
        assembled.problem.platform.executors.len(),
        assembled.problem.platform.resources.len(),
        assembled.strategy_spec
    ))
}
