//! What to run: a scenario file, or a model with options from which a scenario is made.

use super::CliError;
use crate::config::model_file::is_model_path;
use crate::config::native_graph::{MAX_GRAPH_BYTES, is_native_graph};
use crate::config::read::read_text;
use crate::config::scenario::{GraphSource, ScenarioSpec};
use crate::config::{AssembleError, Assembled, assemble, scenario, scenario_text};
use crate::diagnostics::{SourceText, printable};
use crate::predict::PredictorSpec;
use crate::strategy::{Granularity, StrategySpec};
use clap::{Args, ValueEnum};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What to run.
#[derive(Debug, Clone, Args)]
pub(super) struct TargetArguments {
    /// A model of the library (`hetsoc list models`), a model file (.onnx, .tflite, .json, a .toml graph, LIST.csv#NAME), or
    /// a scenario (.toml).
    #[arg(value_name = "MODEL|SCENARIO")]
    pub target: String,
    /// Device that runs the model (`hetsoc list devices`, or a .toml path).
    #[arg(long, conflicts_with = "soc")]
    pub device: Option<String>,
    /// SoC that runs the model, without a body around it (`hetsoc list socs`, or a .toml path).
    #[arg(long)]
    pub soc: Option<String>,
    /// Inference runtime (`hetsoc list runtimes`, or a .toml path).
    #[arg(long)]
    pub runtime: Option<String>,
    /// Strategy, with parameters as in `delegate[target=gpu,max-partitions=2]` (`hetsoc list strategies`).
    #[arg(long)]
    pub strategy: Option<String>,
    /// What the strategy believes, with parameters as in `ewma[smoothing=0.2]` (`hetsoc list predictors`).
    #[arg(long)]
    pub predictor: Option<String>,
    /// A state of the world that is laid over the scenario (`hetsoc list conditions`, or a .toml path).
    #[arg(long)]
    pub condition: Option<String>,
    /// The unit that the strategy places.
    #[arg(long, value_enum)]
    pub granularity: Option<GranularityArgument>,
    /// Executors to use, comma separated, such as `cpu-1large3med,gpu` [default: all of the runtime].
    #[arg(long, value_delimiter = ',')]
    pub executors: Vec<String>,
    /// Number of requests [default: 50].
    #[arg(long)]
    pub requests: Option<u32>,
    /// Requests at the start that do not count [default: 5, or less for few requests].
    #[arg(long)]
    pub warmup: Option<u32>,
    /// Time between requests, such as `33.3ms` [default: each when the one before is done].
    #[arg(long)]
    pub period: Option<String>,
    /// The plan that strategy `replay` plays, JSON.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Whether execution times vary from run to run as they do on the device [default: on].
    #[arg(long, value_enum)]
    pub noise: Option<Switch>,
    /// Root of all random streams [default: 0].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Change a value of the scenario or of a profile: `stop.requests=10`, `soc.memory.achievable_gb_per_s=20`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
    /// Fix a symbolic dimension of an ONNX file.
    #[arg(long = "dim", value_name = "NAME=SIZE", value_parser = parse_dim)]
    pub dims: Vec<(String, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GranularityArgument {
    /// A whole model.
    Task,
    /// Groups of operators.
    #[value(name = "sub-graph")]
    Subgraph,
    /// Single operators.
    Operator,
}

impl GranularityArgument {
    /// As strategies know it.
    pub(super) const fn granularity(self) -> Granularity {
        match self {
            Self::Task => Granularity::Task,
            Self::Subgraph => Granularity::SubGraph,
            Self::Operator => Granularity::Operator,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// Parses `name=size`.
pub(super) fn parse_dim(text: &str) -> Result<(String, u64), String> {
    let (name, size) = text.rsplit_once('=').ok_or("write NAME=SIZE")?;
    let size = size.parse().map_err(|_| format!("`{size}` is not a whole number"))?;
    Ok((name.to_owned(), size))
}

/// A quoted TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl TargetArguments {
    /// A model or scenario with nothing else said.
    pub(super) const fn of(target: String) -> Self {
        Self {
            target,
            device: None,
            soc: None,
            runtime: None,
            strategy: None,
            predictor: None,
            condition: None,
            granularity: None,
            executors: Vec::new(),
            requests: None,
            warmup: None,
            period: None,
            plan: None,
            noise: None,
            seed: None,
            overrides: Vec::new(),
            dims: Vec::new(),
        }
    }

    pub(super) fn is_scenario(&self) -> bool {
        let path = Path::new(&self.target);
        // A native graph is a model. What cannot be read is reported by whoever reads it next.
        path.extension().is_some_and(|e| e == "toml")
            && !read_text(path, MAX_GRAPH_BYTES).is_ok_and(|text| is_native_graph(&text))
    }

    /// Reads and checks the scenario, without loading profiles and models.
    pub(super) fn scenario(&self) -> Result<(ScenarioSpec, Vec<String>), CliError> {
        let mut overrides = Vec::new();
        if let Some(condition) = &self.condition {
            overrides.push(format!("condition={}", quoted(condition)));
        }
        if let Some(text) = &self.predictor {
            let spec: PredictorSpec = text.parse()?;
            let pairs: Vec<_> =
                spec.parameters.iter().map(|(k, v)| format!("{} = {}", quoted(k), quoted(v))).collect();
            let parameters = pairs.join(", ");
            overrides.push(format!(
                "predictor={{ name = {}, parameters = {{ {parameters} }} }}",
                quoted(&spec.name)
            ));
        }
        overrides.extend_from_slice(&self.overrides);
        if let Some(seed) = self.seed {
            overrides.push(format!("scenario.seed={seed}"));
        }
        if let Some(noise) = self.noise {
            overrides.push(format!("noise={}", noise == Switch::On));
        }
        let loaded = if self.is_scenario() {
            self.refuse_model_options()?;
            scenario(Path::new(&self.target), &overrides)?
        } else {
            let text = self.scenario_of_model()?;
            let mut loaded =
                scenario_text(&SourceText::new("<command line>", text), Path::new(""), &overrides)?;
            if is_model_path(&self.target) {
                loaded.value.streams[0].graph = GraphSource::Model(PathBuf::from(&self.target));
            }
            loaded
        };
        Ok((loaded.value, loaded.warnings.iter().map(crate::diagnostics::Diagnostic::as_warning).collect()))
    }

    /// Puts the run together.
    pub(super) fn assemble(&self) -> Result<Assembled, CliError> {
        self.assemble_with(|_| ())
    }

    /// Puts the run together with a change of the scenario that was read.
    pub(super) fn assemble_with(
        &self,
        change: impl FnOnce(&mut ScenarioSpec),
    ) -> Result<Assembled, CliError> {
        let (mut spec, warnings) = self.scenario()?;
        change(&mut spec);
        let mut assembled = assemble(&spec, &self.overrides, &self.dims, self.plan.as_deref()).map_err(
            |error| match error {
                AssembleError::Input(error) => CliError::Input(error),
                AssembleError::Strategy(error) => error.into(),
                AssembleError::Slicing(error) => error.into(),
            },
        )?;
        assembled.warnings.splice(0..0, warnings);
        Ok(assembled)
    }

    fn refuse_model_options(&self) -> Result<(), CliError> {
        let given = [
            ("--device", self.device.is_some(), "device"),
            ("--soc", self.soc.is_some(), "soc"),
            ("--runtime", self.runtime.is_some(), "runtime"),
            ("--strategy", self.strategy.is_some(), "strategy.name"),
            ("--granularity", self.granularity.is_some(), "strategy.granularity"),
            ("--executors", !self.executors.is_empty(), "executors"),
            ("--requests", self.requests.is_some(), "stop.requests"),
            ("--warmup", self.warmup.is_some(), "stop.warmup"),
            ("--period", self.period.is_some(), "stream.0.arrivals.period"),
        ];
        match given.iter().find(|(_, is_given, _)| *is_given) {
            Some((flag, _, key)) => Err(CliError::Usage(format!(
                "{flag} is for models; a scenario file says it itself. Change it there, or for one run with --set '{key}=...'"
            ))),
            None => Ok(()),
        }
    }

    /// A scenario for one model, as text, so that it passes the same checks as a file.
    fn scenario_of_model(&self) -> Result<String, CliError> {
        let from_file = is_model_path(&self.target);
        let stem = self.target.rsplit(['#', '/', '\\']).next().unwrap_or(&self.target);
        let stem = stem.strip_suffix(".onnx").or_else(|| stem.strip_suffix(".tflite")).unwrap_or(stem);
        let stem = stem.strip_suffix(".toml").unwrap_or(stem);
        let name: String = printable(stem)
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let name = name.trim_matches('-').to_owned();
        let name = if name.is_empty() { "model".to_owned() } else { name };
        let requests = self.requests.unwrap_or(50);
        let warmup = self.warmup.unwrap_or_else(|| 5.min(requests.saturating_sub(1)));
        if warmup >= requests {
            return Err(CliError::Usage(format!(
                "--warmup {warmup} leaves none of {requests} requests to count"
            )));
        }
        let Some(runtime) = &self.runtime else {
            return Err(CliError::Usage(
                "a model needs --runtime (and --device or --soc); see `hetsoc list runtimes`".to_owned(),
            ));
        };
        let place = match (&self.device, &self.soc) {
            (Some(device), _) => format!("device = {}", quoted(device)),
            (None, Some(soc)) => format!("soc = {}", quoted(soc)),
            (None, None) => {
                return Err(CliError::Usage(
                    "a model needs --device or --soc; see `hetsoc list devices`".to_owned(),
                ));
            }
        };
        let spec: StrategySpec = self.strategy.as_deref().unwrap_or("single").parse()?;
        let mut text = format!("schema = 1\n{place}\nruntime = {}\n", quoted(runtime));
        if !self.executors.is_empty() {
            let names: Vec<_> = self.executors.iter().map(|e| quoted(e)).collect();
            let _ = writeln!(text, "executors = [{}]", names.join(", "));
        }
        let _ = writeln!(text, "[scenario]\nname = {}", quoted(&name));
        // A model file is put in afterwards: paths of the command line are not bound to a scenario's folder.
        let model = if from_file { "resnet50" } else { self.target.as_str() };
        let _ = writeln!(text, "[[stream]]\nname = {}\nmodel = {}", quoted(&name), quoted(model));
        let _ = match &self.period {
            Some(period) => writeln!(
                text,
                "arrivals = {{ kind = \"periodic\", period = {}, count = {requests} }}",
                quoted(period)
            ),
            None => writeln!(text, "arrivals = {{ kind = \"back-to-back\", count = {requests} }}"),
        };
        let _ = writeln!(text, "[strategy]\nname = {}", quoted(&spec.name));
        if let Some(granularity) = self.granularity {
            let _ = writeln!(text, "granularity = {}", quoted(granularity.granularity().id()));
        }
        if !spec.parameters.is_empty() {
            let pairs: Vec<_> =
                spec.parameters.iter().map(|(k, v)| format!("{} = {}", quoted(k), quoted(v))).collect();
            let _ = writeln!(text, "parameters = {{ {} }}", pairs.join(", "));
        }
        let _ = writeln!(text, "[stop]\nwarmup = {warmup}");
        Ok(text)
    }
}
