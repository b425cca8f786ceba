//! A strategy of one's own beside others: `cargo run --example own_strategy`.
//!
//! Three things make a strategy: a name, the granularity that it works at, and a plan. This one walks the operators in topological order and
//! stays where it is unless another executor would save more than a given share of the operator's time, so that data moves seldom.

use hetsoc::config::{assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::{RunOptions, run_scenario};
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::*;
use std::path::Path;

struct Sticky {
    /// Share of an operator's time that a move must save.
    threshold: f64,
}

impl Strategy for Sticky {
    fn id(&self) -> &'static str {
        "sticky"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::Operator
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        let plan_one = |view: &PlanningView<'_>| {
            let mut plan = Plan::new(Dispatch::Sequential, TransferStart::ProducerFinish);
            let mut here = None;
            for operator in view.dag.topological_order() {
                // What the strategy believes; executors that cannot run the operator are left out.
                let time = |e: ExecutorId| Some((view.estimates.execution(operator, e)?, e));
                let best = (0..view.platform.executors.len() as u16).map(ExecutorId).filter_map(time).min();
                let stay = here.and_then(time).zip(best).filter(|(now, best)| {
                    now.0.seconds() - best.0.seconds() <= self.threshold * now.0.seconds()
                });
                here = stay.map(|(now, _)| now).or(best).map(|(_, executor)| executor);
                // An operator that nobody supports is refused, by name, when the plan is checked.
                plan.push(&[operator], here.or(Some(ExecutorId(0))));
            }
            plan
        };
        Ok(streams.iter().map(plan_one).collect())
    }
}

/// Latency of one request under this strategy and others, a line each.
pub fn table() -> Result<String, Box<dyn std::error::Error>> {
    let scenario = "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"tflite\"\n[scenario]\nname = \"own\"\n\
                    [[stream]]\nmodel = \"mobilenet-v2\"\narrivals = { kind = \"single\" }\n[strategy]\nname = \"single\"\n";
    let spec = scenario_text(&SourceText::new("own", scenario), Path::new(""), &[])?.value;
    let mut assembled = assemble(&spec, &[], &[], None)?;
    assembled.problem.granularity = Granularity::Operator;
    let mut table = String::new();
    for name in ["sticky", "heft", "peft", "mct"] {
        assembled.strategy = match name {
            "sticky" => Box::new(Sticky { threshold: 0.2 }),
            other => other.parse::<StrategySpec>()?.build(&assembled.problem.platform)?,
        };
        let result =
            run_scenario(&mut assembled, RunOptions { record: false, baseline: false }, &mut |_| ())?;
        table += &format!("{name:<8} {:>10.3} ms\n", result.outcome.makespan.micros() / 1e3);
    }
    Ok(table)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", table()?);
    Ok(())
}
