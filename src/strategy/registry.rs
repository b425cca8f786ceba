//! Strategies by name, with typed parameters.

use super::catalogue;
use super::co_execution::Pair;
use super::codl::{Baseline, ChainSearch, Codl, Ratios, Settings};
use super::{
    Delegate, EarliestFinishTime, Mace, MuLayer, NnStretch, Single, Strategy, StrategyError, TransferStart,
};
use crate::diagnostics::{nearest, printable};
use crate::graph::partition::Dimension;
use crate::predict::SlicePredictor;
use crate::soc::{ExecutorId, Platform, ProcessorKind};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A strategy and its parameters as text: `delegate[target=gpu,max-partitions=2]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StrategySpec {
    /// Kebab-case name.
    pub name: String,
    /// Parameters by name.
    pub parameters: BTreeMap<String, String>,
}

/// A strategy that can be named on the command line and in scenarios.
#[derive(Debug, Clone, Copy)]
pub struct StrategyEntry {
    /// Kebab-case name.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// Parameters: name, meaning and default.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// Read by whoever chooses the runtime.
const MEMORY: (&str, &str) =
    ("memory", "`image` or `buffer`: how the GPU stores tensors (default: as the runtime does)");

/// All strategies that can be named. `replay` is built from plan files by the caller.
pub const STRATEGIES: &[StrategyEntry] =
    &join::<{ FIRST.len() + catalogue::ENTRIES.len() }>(FIRST, catalogue::ENTRIES);

/// One list of two.
const fn join<const N: usize>(first: &[StrategyEntry], second: &[StrategyEntry]) -> [StrategyEntry; N] {
    let mut all = [first[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

const FIRST: &[StrategyEntry] = &[
    StrategyEntry {
        name: "single",
        summary: "the whole model on one executor, the best unless named",
        parameters: &[("executor", "executor name (default: the one believed fastest)")],
    },
    StrategyEntry {
        name: "mulayer-like",
        summary: "every operator cut by output channels between CPU and GPU (μLayer)",
        parameters: &[
            ("target", "executor of the second part (default: the first GPU, else NPU, else DSP)"),
            ("fallback", "executor of the first part (default: the largest CPU core set)"),
            MEMORY,
            ("min-mmacs", "10^6 multiply-accumulates that an operator has at least to be cut (default: 0)"),
            (
                "ratio",
                "how times are known: `predicted` by linear regression or `measured` (default: predicted)",
            ),
        ],
    },
    StrategyEntry {
        name: "codl",
        summary: "operators and chains of them cut by height or channels between CPU and GPU (CoDL)",
        parameters: &[
            ("target", "executor of the second part (default: the first GPU, else NPU, else DSP)"),
            ("fallback", "executor of the first part (default: the largest CPU core set)"),
            MEMORY,
            ("predictor", "how times of slices are known: `tiled`, `linear` or `oracle` (default: tiled)"),
            ("search", "chains: `serial` (none), `heuristic`, `greedy`, `greedy-artifact` (default: greedy)"),
            ("baseline", "what greedy searches compare with: `serial` or `heuristic` (default: serial)"),
            ("dimension", "`hybrid`, `height` or `output-channels` (default: hybrid)"),
            ("ratios", "shares tried: `grid` 0 to 1, `half`, or `around` a half (default: grid)"),
            (
                "faithful-bug",
                "`true`: plan as if chains shared for nothing, like the artifact (default: false)",
            ),
        ],
    },
    StrategyEntry {
        name: "nn-stretch",
        summary: "the branches before a concatenation on one executor each (NN-Stretch)",
        parameters: &[
            ("host", "executor of the first branch and of all else (default: the largest CPU core set)"),
            ("second", "executor of the second branch (default: the first GPU, else NPU, else DSP)"),
            ("third", "executor of the third branch (default: none)"),
        ],
    },
    StrategyEntry {
        name: "delegate",
        summary: "largest supported sub-graphs on an accelerator, the rest on the CPU (LiteRT)",
        parameters: &[
            ("target", "executor name (default: the first GPU, else NPU, else DSP)"),
            ("fallback", "executor name (default: the CPU executor with most cores)"),
            ("max-partitions", "delegated partitions at most, 0 for no limit (default: 1)"),
            ("min-nodes", "operators in a partition at least (default: 2)"),
        ],
    },
    StrategyEntry {
        name: "mace",
        summary: "operator by operator: heavy ones on the accelerator, light ones follow their data (MACE)",
        parameters: &[
            ("target", "executor name (default: the first GPU, else NPU, else DSP)"),
            ("fallback", "executor name (default: the CPU executor with most cores)"),
        ],
    },
    StrategyEntry {
        name: "eft",
        summary: "online: each ready operator where it is believed to finish first",
        parameters: &[
            ("transfer-start", "`assignment` or `producer-finish` (default: assignment)"),
            ("min-unit", "operators placed together at least (default: 1)"),
        ],
    },
    StrategyEntry {
        name: "external",
        summary: "another process that answers JSON lines, with a plan or with every placement",
        parameters: &[
            ("command", "program and arguments, with spaces between them"),
            ("timeout-seconds", "how long to wait for each answer (default: 30)"),
        ],
    },
    StrategyEntry { name: "replay", summary: "a plan from a file (--plan)", parameters: &[] },
];

impl FromStr for StrategySpec {
    type Err = StrategyError;

    fn from_str(text: &str) -> Result<Self, StrategyError> {
        let malformed = || StrategyError::Parameter {
            strategy: text.to_owned(),
            problem: "write name or name[parameter=value,...]".to_owned(),
        };
        let Some((name, rest)) = text.split_once('[') else {
            return Ok(Self { name: text.trim().to_owned(), parameters: BTreeMap::new() });
        };
        let inner = rest.strip_suffix(']').ok_or_else(malformed)?;
        let mut parameters = BTreeMap::new();
        for pair in inner.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(malformed)?;
            if parameters.insert(key.trim().to_owned(), value.trim().to_owned()).is_some() {
                return Err(malformed());
            }
        }
        Ok(Self { name: name.trim().to_owned(), parameters })
    }
}

impl fmt::Display for StrategySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.parameters.is_empty() {
            let pairs: Vec<_> = self.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
            write!(f, "[{}]", pairs.join(","))?;
        }
        Ok(())
    }
}

impl StrategySpec {
    /// What the registry says of the strategy.
    ///
    /// # Errors
    /// [`StrategyError::Parameter`] when there is none of this name.
    pub fn entry(&self) -> Result<&'static StrategyEntry, StrategyError> {
        STRATEGIES.iter().find(|entry| entry.name == self.name).ok_or_else(|| {
            let known: Vec<_> = STRATEGIES.iter().map(|entry| entry.name).collect();
            let hint = nearest(&self.name, known.iter().copied())
                .map(|n| format!("did you mean `{n}`? "))
                .unwrap_or_default();
            self.problem(format!("there is no such strategy; {hint}known are {}", known.join(", ")))
        })
    }

    /// Builds the strategy for a platform.
    ///
    /// # Errors
    /// [`StrategyError`] for an unknown name, parameter or executor, or a value of the wrong kind.
    pub fn build(&self, platform: &Platform) -> Result<Box<dyn Strategy>, StrategyError> {
        let entry = self.entry()?;
        for key in self.parameters.keys() {
            if !entry.parameters.iter().any(|(name, _)| name == key) {
                let known: Vec<_> = entry.parameters.iter().map(|(name, _)| *name).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(self.problem(format!("unknown parameter `{key}`; it takes {known}")));
            }
        }
        if let Some(strategy) = catalogue::build(self, platform)? {
            return Ok(strategy);
        }
        match entry.name {
            "single" => Ok(Box::new(Single::new(self.executor("executor", platform)?))),
            "delegate" => Ok(Box::new(Delegate::new(
                self.target(platform)?,
                self.fallback(platform)?,
                self.number("max-partitions", 1)?,
                self.number("min-nodes", 2)?,
            ))),
            "mace" => Ok(Box::new(Mace::new(self.target(platform)?, self.fallback(platform)?))),
            "mulayer-like" => {
                let measured = self.word("ratio", &["predicted", "measured"])? == 1;
                let predictor = if measured { SlicePredictor::Oracle } else { SlicePredictor::Linear };
                let least = u64::from(self.number("min-mmacs", 0)?) * 1_000_000;
                Ok(Box::new(MuLayer::new(self.pair(platform)?, predictor).with_min_macs(least)))
            }
            "codl" => Ok(Box::new(Codl::new(self.pair(platform)?, self.codl()?))),
            "nn-stretch" => {
                let named = |parameter| self.executor(parameter, platform);
                let host = named("host")?.map_or_else(|| self.fallback(platform), Ok)?;
                let second = named("second")?.map_or_else(|| self.target(platform), Ok)?;
                let executors = [Some(host), Some(second), named("third")?];
                Ok(Box::new(NnStretch::new(executors.into_iter().flatten().collect())))
            }
            "eft" => {
                let start = match self.parameters.get("transfer-start").map(String::as_str) {
                    None | Some("assignment") => TransferStart::Assignment,
                    Some("producer-finish") => TransferStart::ProducerFinish,
                    Some(other) => {
                        return Err(self.problem(format!(
                            "transfer-start is `assignment` or `producer-finish`, not `{other}`"
                        )));
                    }
                };
                let operators = self.number("min-unit", 1)?;
                Ok(Box::new(EarliestFinishTime::new(start).with_min_unit(operators as usize)))
            }
            "external" => {
                Err(self.problem("is a process; only the command line and scenarios start one".to_owned()))
            }
            _ => Err(self.problem("needs a plan; give one with --plan FILE".to_owned())),
        }
    }

    /// One of several words; the first unless given.
    pub(super) fn choice<T: Copy>(&self, parameter: &str, words: &[(&str, T)]) -> Result<T, StrategyError> {
        let known = || words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let found = match self.parameters.get(parameter) {
            None => words.first(),
            Some(text) => words.iter().find(|(word, _)| word == text),
        };
        found.map(|(_, value)| *value).ok_or_else(|| {
            let given = self.parameters.get(parameter).map_or("", String::as_str);
            self.problem(format!("{parameter} is {}, not `{given}`", known()))
        })
    }

    pub(super) fn problem(&self, problem: String) -> StrategyError {
        StrategyError::Parameter { strategy: self.name.clone(), problem }
    }

    pub(super) fn executor(
        &self,
        parameter: &str,
        platform: &Platform,
    ) -> Result<Option<ExecutorId>, StrategyError> {
        let Some(name) = self.parameters.get(parameter) else { return Ok(None) };
        platform.executor_named(name).map(Some).ok_or_else(|| StrategyError::UnknownExecutor {
            strategy: self.name.clone(),
            name: name.clone(),
            available: platform.executors.iter().map(|e| e.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    pub(super) fn target(&self, platform: &Platform) -> Result<ExecutorId, StrategyError> {
        let of_kind =
            |kind| platform.executors.iter().position(|e| e.kind == kind).map(|i| ExecutorId(i as u16));
        self.executor("target", platform)?
            .or_else(|| of_kind(ProcessorKind::Gpu))
            .or_else(|| of_kind(ProcessorKind::Npu))
            .or_else(|| of_kind(ProcessorKind::Dsp))
            .ok_or_else(|| {
                self.problem("this platform has no GPU, NPU or DSP to use; name a target".to_owned())
            })
    }

    pub(super) fn fallback(&self, platform: &Platform) -> Result<ExecutorId, StrategyError> {
        // The last of the largest sets would be an accident of order: take the first.
        let largest = || {
            let cpus = platform.executors.iter().enumerate().filter(|(_, e)| e.kind == ProcessorKind::Cpu);
            cpus.min_by_key(|(number, e)| (std::cmp::Reverse(e.resources.len()), *number))
                .map(|(i, _)| ExecutorId(i as u16))
        };
        self.executor("fallback", platform)?
            .or_else(largest)
            .ok_or_else(|| self.problem("this platform has no CPU executor to fall back to".to_owned()))
    }

    fn pair(&self, platform: &Platform) -> Result<Pair, StrategyError> {
        let pair = Pair { cpu: self.fallback(platform)?, gpu: self.target(platform)? };
        let resources = |e: ExecutorId| &platform.executor(e).resources;
        if resources(pair.cpu).iter().any(|resource| resources(pair.gpu).contains(resource)) {
            return Err(self.problem(
                "target and fallback have resources in common; they cannot work at once".to_owned(),
            ));
        }
        Ok(pair)
    }

    /// The position of a parameter's value among its words; the first without one.
    fn word(&self, parameter: &str, words: &[&str]) -> Result<usize, StrategyError> {
        let Some(value) = self.parameters.get(parameter) else { return Ok(0) };
        words.iter().position(|word| word == value).ok_or_else(|| {
            self.problem(format!("{parameter} is one of {}, not `{}`", words.join(", "), printable(value)))
        })
    }

    fn codl(&self) -> Result<Settings, StrategyError> {
        let searches = ["greedy", "serial", "heuristic", "greedy-artifact"];
        Ok(Settings {
            search: match self.word("search", &searches)? {
                0 => ChainSearch::Greedy,
                1 => ChainSearch::Serial,
                2 => ChainSearch::Heuristic,
                _ => ChainSearch::GreedyArtifact,
            },
            baseline: match self.word("baseline", &["serial", "heuristic"])? {
                0 => Baseline::Serial,
                _ => Baseline::Heuristic,
            },
            dimensions: match self.word("dimension", &["hybrid", "height", "output-channels"])? {
                0 => &Dimension::ALL,
                1 => &[Dimension::Height],
                _ => &[Dimension::OutputChannels],
            },
            ratios: match self.word("ratios", &["grid", "half", "around"])? {
                0 => Ratios::Grid,
                1 => Ratios::Half,
                _ => Ratios::Around,
            },
            predictor: match self.word("predictor", &["tiled", "linear", "oracle"])? {
                0 => SlicePredictor::Tiled,
                1 => SlicePredictor::Linear,
                _ => SlicePredictor::Oracle,
            },
            faithful_bug: self.word("faithful-bug", &["false", "true"])? == 1,
        })
    }

    pub(super) fn number(&self, parameter: &str, default: u32) -> Result<u32, StrategyError> {
        self.parameters.get(parameter).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| self.problem(format!("{parameter} must be a whole number, not `{text}`")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_round_trip() {
        let spec: StrategySpec = "delegate[target=gpu, max-partitions=2]".parse().unwrap();
        assert_eq!(spec.to_string(), "delegate[max-partitions=2,target=gpu]");
        assert!("single[".parse::<StrategySpec>().is_err());
        assert!("single[a]".parse::<StrategySpec>().is_err());
    }
}
