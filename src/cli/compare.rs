//! `hetsoc compare`: strategies side by side.

use super::compare_table;
use super::output::{print, print_json, print_warning};
use super::target::{GranularityArgument, TargetArguments, quoted};
use super::{CliError, Format};
use crate::config::Library;
use crate::config::library::ProfileKind;
use crate::config::scenario::{ScenarioSpec, TargetSpec};
use crate::diagnostics::printable;
use crate::experiment::compare::{Case, CaseKey, compare, play_cases};
use crate::export::write_comparison;
use crate::strategy::{STRATEGIES, StrategySpec};
use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Arguments of `hetsoc compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// Models of the library, model files or scenarios (.toml).
    #[arg(value_name = "MODEL|SCENARIO", required = true)]
    targets: Vec<String>,
    /// Devices, comma separated (for models).
    #[arg(long, value_delimiter = ',', conflicts_with = "soc")]
    device: Vec<String>,
    /// SoCs, comma separated (for models).
    #[arg(long, value_delimiter = ',')]
    soc: Vec<String>,
    /// Runtimes, comma separated (for models).
    #[arg(long, value_delimiter = ',')]
    runtime: Vec<String>,
    /// A strategy with parameters; may be given several times [default: every strategy that needs no plan].
    #[arg(long)]
    strategy: Vec<String>,
    /// Granularities, comma separated [default: each strategy's own].
    #[arg(long, value_enum, value_delimiter = ',')]
    granularity: Vec<GranularityArgument>,
    /// Conditions, comma separated (`hetsoc list conditions`, or .toml paths) [default: each scenario's own].
    #[arg(long, value_delimiter = ',')]
    condition: Vec<String>,
    /// What strategies believe, with parameters as in `ewma[smoothing=0.2]` [default: offline, or the scenario's].
    #[arg(long)]
    predictor: Option<String>,
    /// Executors to use, comma separated [default: all of the runtime].
    #[arg(long, value_delimiter = ',')]
    executors: Vec<String>,
    /// Requests of each replication (for models) [default: 20].
    #[arg(long)]
    requests: Option<u32>,
    /// Time between requests, such as `33.3ms` (for models) [default: each when the one before is done].
    #[arg(long)]
    period: Option<String>,
    /// Deadline of each request, such as `33.3ms` (for models).
    #[arg(long)]
    deadline: Option<String>,
    /// Replications of each case, with seeds that are the same for all cases.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    replications: u32,
    /// Seed of the first replication [default: 0, or the scenario's].
    #[arg(long)]
    seed: Option<u64>,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Change a value of the scenarios or of a profile.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Also draw the table as a figure, .svg or .png.
    #[cfg(feature = "plots")]
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Overwrite the figure if it exists.
    #[cfg(feature = "plots")]
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &CompareArguments) -> Result<(), CliError> {
    #[cfg(feature = "plots")]
    if let Some(path) = &arguments.plot {
        super::plot::check_figure_path(path, arguments.force)?;
    }
    let cases = arguments.cases()?;
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new(cases.len() as u64)
    } else {
        indicatif::ProgressBar::hidden()
    };
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get));
    let results = play_cases(&cases, arguments.replications, jobs, &|| bar.inc(1));
    bar.finish_and_clear();
    let seed = cases.first().map_or(0, |case| case.spec.seed);
    let comparison = compare(&cases, &results, seed, arguments.replications);
    if comparison.rows.iter().all(|row| row.failure.is_some()) {
        let why = comparison.rows.iter().find_map(|row| row.failure.clone()).unwrap_or_default();
        return Err(CliError::NothingMatched(format!("no case could be played: {why}")));
    }
    for warning in &comparison.warnings {
        print_warning(warning);
    }
    match arguments.format {
        Format::Json => print_json(&comparison)?,
        Format::Csv => {
            let mut bytes = Vec::new();
            write_comparison(&comparison, &mut bytes).map_err(|error| CliError::Output(error.to_string()))?;
            print(&String::from_utf8_lossy(&bytes))?;
        }
        Format::Table => print(&compare_table::table(&comparison))?,
    }
    #[cfg(feature = "plots")]
    if let Some(path) = &arguments.plot {
        super::plot::write_figure_file(path, &crate::plot::comparison(&comparison), arguments.force)?;
    }
    Ok(())
}

impl CompareArguments {
    fn cases(&self) -> Result<Vec<Case>, CliError> {
        let strategies: Vec<StrategySpec> = if self.strategy.is_empty() {
            let own = STRATEGIES.iter().filter(|entry| entry.name != "replay");
            own.map(|entry| StrategySpec { name: entry.name.to_owned(), ..StrategySpec::default() }).collect()
        } else {
            self.strategy.iter().map(|text| text.parse()).collect::<Result<_, _>>()?
        };
        self.check_names(&strategies)?;
        let granularities: Vec<Option<GranularityArgument>> = if self.granularity.is_empty() {
            vec![None]
        } else {
            self.granularity.iter().copied().map(Some).collect()
        };
        let mut cases: Vec<Case> = Vec::new();
        for target in self.settings()? {
            let (spec, _) = target.scenario()?;
            for strategy in &strategies {
                for &granularity in &granularities {
                    let mut spec = spec.clone();
                    spec.strategy = strategy.clone();
                    spec.granularity = granularity.map(GranularityArgument::granularity);
                    let key = CaseKey {
                        network: spec.name.clone(),
                        device: place_of(&spec),
                        runtime: runtime_of(&spec),
                        condition: spec.condition.clone().unwrap_or_default(),
                        strategy: strategy.to_string(),
                        granularity: spec.granularity.map_or_else(String::new, |g| g.id().to_owned()),
                    };
                    if cases.iter().any(|case| case.key == key) {
                        return Err(CliError::Usage(format!(
                            "`{}` on {} is asked for twice",
                            key.network, key.device
                        )));
                    }
                    cases.push(Case { key, spec, overrides: self.overrides.clone(), dims: Vec::new() });
                }
            }
        }
        Ok(cases)
    }

    /// A strategy that cannot run somewhere is a row that says so; a name that means nothing is a mistake.
    fn check_names(&self, strategies: &[StrategySpec]) -> Result<(), CliError> {
        for strategy in strategies {
            strategy.entry()?;
        }
        for device in &self.device {
            Library.device(device, &[])?;
        }
        for soc in &self.soc {
            Library.soc(soc, &[])?;
        }
        let known = Library.ids(ProfileKind::Runtime);
        let names: std::collections::BTreeSet<&str> =
            known.iter().filter_map(|id| id.split('/').next_back()).collect();
        let strange = |name: &&String| {
            !name.ends_with(".toml") && !names.contains(name.as_str()) && !known.contains(&name.as_str())
        };
        match self.runtime.iter().find(strange) {
            Some(name) => Err(CliError::NothingMatched(format!(
                "there is no runtime `{}`; there are {}",
                printable(name),
                names.into_iter().collect::<Vec<_>>().join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// One target for each setting.
    fn settings(&self) -> Result<Vec<TargetArguments>, CliError> {
        let mut settings = Vec::new();
        let scenarios_only = self.targets.iter().all(|t| TargetArguments::of(t.clone()).is_scenario());
        let for_models = [
            ("--device", !self.device.is_empty()),
            ("--soc", !self.soc.is_empty()),
            ("--runtime", !self.runtime.is_empty()),
            ("--executors", !self.executors.is_empty()),
            ("--requests", self.requests.is_some()),
            ("--period", self.period.is_some()),
            ("--deadline", self.deadline.is_some()),
        ];
        if let Some((flag, _)) = for_models.iter().find(|(_, given)| *given && scenarios_only) {
            return Err(CliError::Usage(format!(
                "{flag} is for models; a scenario file says it itself. Change it there, or for all of them with --set"
            )));
        }
        let conditions: Vec<Option<&String>> =
            if self.condition.is_empty() { vec![None] } else { self.condition.iter().map(Some).collect() };
        for (target, condition) in self.targets.iter().flat_map(|t| conditions.iter().map(move |c| (t, *c))) {
            let mut base = TargetArguments::of(target.clone());
            base.condition = condition.cloned();
            base.predictor.clone_from(&self.predictor);
            base.overrides.clone_from(&self.overrides);
            base.seed = self.seed;
            if base.is_scenario() {
                settings.push(base);
                continue;
            }
            base.executors.clone_from(&self.executors);
            base.requests = Some(self.requests.unwrap_or(20));
            base.period.clone_from(&self.period);
            let deadline =
                self.deadline.iter().map(|deadline| format!("stream.0.deadline={}", quoted(deadline)));
            base.overrides.extend(deadline);
            let places = if self.device.is_empty() { &self.soc } else { &self.device };
            if places.is_empty() || self.runtime.is_empty() {
                return Err(CliError::Usage(
                    "models need --device (or --soc) and --runtime; see `hetsoc list devices`".to_owned(),
                ));
            }
            for place in places {
                for runtime in &self.runtime {
                    let mut setting = base.clone();
                    setting.runtime = Some(runtime.clone());
                    if self.device.is_empty() {
                        setting.soc = Some(place.clone());
                    } else {
                        setting.device = Some(place.clone());
                    }
                    settings.push(setting);
                }
            }
        }
        Ok(settings)
    }
}

/// Device or SoC of a scenario; empty for plain task graphs.
fn place_of(spec: &ScenarioSpec) -> String {
    match &spec.target {
        TargetSpec::Profiles { device, soc, .. } => {
            device.clone().or_else(|| soc.clone()).unwrap_or_default()
        }
        TargetSpec::TaskGraph => String::new(),
    }
}

fn runtime_of(spec: &ScenarioSpec) -> String {
    match &spec.target {
        TargetSpec::Profiles { runtime, .. } => runtime.clone(),
        TargetSpec::TaskGraph => String::new(),
    }
}
