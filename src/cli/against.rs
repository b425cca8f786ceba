//! The other of two runs: like the first, but for what is said.

use super::CliError;
use super::target::{GranularityArgument, TargetArguments, quoted};
use crate::config::Assembled;
use crate::strategy::StrategySpec;
use clap::Args;
use std::path::PathBuf;

/// What is different in the run to compare with.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The run to compare with (like the first but for what these say)")]
pub(super) struct AgainstArguments {
    /// Another model or scenario.
    #[arg(long, value_name = "MODEL|SCENARIO")]
    against: Option<String>,
    /// Another strategy.
    #[arg(long, value_name = "STRATEGY")]
    against_strategy: Option<String>,
    /// Another granularity [default: the first run's --granularity, else the strategy's own].
    #[arg(long, value_name = "GRANULARITY")]
    against_granularity: Option<GranularityArgument>,
    /// Another condition.
    #[arg(long, value_name = "CONDITION")]
    against_condition: Option<String>,
    /// Another device.
    #[arg(long, value_name = "DEVICE", conflicts_with = "against_soc")]
    against_device: Option<String>,
    /// Another SoC.
    #[arg(long, value_name = "SOC")]
    against_soc: Option<String>,
    /// Another runtime.
    #[arg(long, value_name = "RUNTIME")]
    against_runtime: Option<String>,
    /// Other executors, comma separated.
    #[arg(long, value_name = "EXECUTORS", value_delimiter = ',')]
    against_executors: Vec<String>,
    /// Another predictor.
    #[arg(long, value_name = "PREDICTOR")]
    against_predictor: Option<String>,
    /// A plan to replay.
    #[arg(long, value_name = "FILE")]
    against_plan: Option<PathBuf>,
    /// Other values, besides those of --set.
    #[arg(long, value_name = "PATH=VALUE")]
    against_set: Vec<String>,
}

impl AgainstArguments {
    /// Whether a second run is asked for.
    pub(super) const fn is_given(&self) -> bool {
        self.against.is_some()
            || self.against_strategy.is_some()
            || self.against_granularity.is_some()
            || self.against_condition.is_some()
            || self.against_device.is_some()
            || self.against_soc.is_some()
            || self.against_runtime.is_some()
            || !self.against_executors.is_empty()
            || self.against_predictor.is_some()
            || self.against_plan.is_some()
            || !self.against_set.is_empty()
    }

    /// Puts the second run together.
    pub(super) fn assemble(&self, first: &TargetArguments) -> Result<Assembled, CliError> {
        let mut target = first.clone();
        if let Some(other) = &self.against {
            target.target.clone_from(other);
            if target.is_scenario() && !first.is_scenario() {
                // A scenario says itself what the options of a model say.
                target = TargetArguments {
                    predictor: first.predictor.clone(),
                    condition: first.condition.clone(),
                    noise: first.noise,
                    seed: first.seed,
                    overrides: first.overrides.clone(),
                    dims: first.dims.clone(),
                    ..TargetArguments::of(other.clone())
                };
            }
        }
        target.overrides.extend_from_slice(&self.against_set);
        let options = [
            (&self.against_condition, &mut target.condition),
            (&self.against_predictor, &mut target.predictor),
        ];
        for (given, option) in options {
            if given.is_some() {
                option.clone_from(given);
            }
        }
        self.place(&mut target);
        let plan_only = self.against_plan.is_some() && self.against_strategy.is_none();
        let strategy: Option<StrategySpec> = match &self.against_strategy {
            Some(text) => Some(text.parse()?),
            None if plan_only => Some("replay".parse()?),
            None => None,
        };
        if strategy.is_some() || self.against_plan.is_some() {
            target.plan.clone_from(&self.against_plan);
        }
        let granularity =
            self.against_granularity.or(first.granularity).map(GranularityArgument::granularity);
        target.assemble_with(|spec| {
            if let Some(strategy) = strategy {
                spec.strategy = strategy;
                // What suits one strategy need not suit another.
                spec.granularity = None;
            }
            if granularity.is_some() {
                spec.granularity = granularity;
            }
        })
    }

    /// Where it runs: options of a model, values of a scenario.
    fn place(&self, target: &mut TargetArguments) {
        if !target.is_scenario() {
            if self.against_device.is_some() || self.against_soc.is_some() {
                target.device.clone_from(&self.against_device);
                target.soc.clone_from(&self.against_soc);
            }
            if self.against_runtime.is_some() {
                target.runtime.clone_from(&self.against_runtime);
            }
            if !self.against_executors.is_empty() {
                target.executors.clone_from(&self.against_executors);
            }
            return;
        }
        let named = [
            ("device", &self.against_device),
            ("soc", &self.against_soc),
            ("runtime", &self.against_runtime),
        ];
        for (key, value) in named {
            target.overrides.extend(value.iter().map(|value| format!("{key}={}", quoted(value))));
        }
        if !self.against_executors.is_empty() {
            let names: Vec<String> = self.against_executors.iter().map(|name| quoted(name)).collect();
            target.overrides.push(format!("executors=[{}]", names.join(", ")));
        }
    }
}
