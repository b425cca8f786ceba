//! A strategy of one's own: `cargo run --example own_strategy`.
//!
//! Three things make a strategy: a name, the granularity that it works at, and a plan. This one walks the operators in topological order and
//! stays where it is unless another executor would save more than a given share of the operator's time, so that data moves seldom.

use hetsoc::config::{assemble, scenario_text};
use hetsoc::diagnostics::SourceText;
use hetsoc::experiment::{RunOptions, run_scenario};
use hetsoc::soc::ExecutorId;
use hetsoc::strategy::{
    Dispatch, Granularity, Plan, PlanningView, Strategy, StrategyError, StrategySpec, TransferStart,
};
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
            let executors = || (0..view.platform.executors.len() as u16).map(ExecutorId);
            let mut here = None;
            for operator in view.dag.topological_order() {
                // What the strategy believes; `None` where the executor cannot run the operator.
                let time = |e: ExecutorId| view.estimates.execution(operator, e).map(|t| t.seconds());
                let best = executors()
                    .filter(|&e| time(e).is_some())
                    .min_by(|&a, &b| time(a).unwrap_or(f64::MAX).total_cmp(&time(b).unwrap_or(f64::MAX)));
                let stay = here.filter(|&e| match (time(e), best.and_then(time)) {
                    (Some(now), Some(least)) => now - least <= self.threshold * now,
                    _ => false,
                });
                here = stay.or(best);
                // An operator that nobody supports is refused, by name, when the plan is checked.
                plan.push(&[operator], here.or(Some(ExecutorId(0))));
            }
            plan
        };
        Ok(streams.iter().map(plan_one).collect())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = "schema = 1\ndevice = \"xiaomi-9\"\nruntime = \"tflite\"\n[scenario]\nname = \"own\"\n\
                    [[stream]]\nmodel = \"mobilenet-v2\"\narrivals = { kind = \"single\" }\n[strategy]\nname = \"single\"\n";
    let spec = scenario_text(&SourceText::new("own", scenario), Path::new(""), &[])?.value;
    let mut assembled = assemble(&spec, &[], &[], None)?;
    assembled.problem.granularity = Granularity::Operator;
    for name in ["sticky", "heft", "peft", "mct"] {
        assembled.strategy = match name {
            "sticky" => Box::new(Sticky { threshold: 0.2 }),
            other => other.parse::<StrategySpec>()?.build(&assembled.problem.platform)?,
        };
        let result = run_scenario(&mut assembled, RunOptions { record: false, baseline: true }, &mut |_| ())?;
        println!("{name:<8} {:>10.3} ms", result.outcome.makespan.micros() / 1e3);
    }
    Ok(())
}
