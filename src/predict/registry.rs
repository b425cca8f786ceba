//! Predictors by name, with typed parameters.

use super::{
    Ewma, FlopLinear, Kalman, KalmanScope, Offline, OfflineTable, Oracle, Predictor, RecursiveLeastSquares,
};
use crate::diagnostics::{nearest, printable};
use crate::graph::lowered::LoweredGraph;
use crate::physics::CostTable;
use crate::units::SimDuration;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A predictor and its parameters as text: `ewma[smoothing=0.1,cost-us=2]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictorSpec {
    /// Kebab-case name.
    pub name: String,
    /// Parameters by name.
    pub parameters: BTreeMap<String, String>,
}

/// A predictor that can be named on the command line and in scenarios.
#[derive(Debug, Clone, Copy)]
pub struct PredictorEntry {
    /// Kebab-case name.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// Parameters: name, meaning and default.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// Parameters of profiling.
const RUNS: (&str, &str) =
    ("runs", "times that the offline profile runs each operator on each executor (default: 10)");
const COST: (&str, &str) =
    ("cost-us", "time that observing one operator takes, at the laboratory's clocks (default: 2)");
const EVERY: (&str, &str) = ("every", "observe every n-th request (default: 1)");

/// All predictors that can be named.
pub const PREDICTORS: &[PredictorEntry] = &[
    PredictorEntry { name: "offline", summary: "the laboratory's table, never updated", parameters: &[RUNS] },
    PredictorEntry {
        name: "flop-linear",
        summary: "a line in multiply-accumulates for each executor and class, fitted to the laboratory's table",
        parameters: &[RUNS],
    },
    PredictorEntry {
        name: "ewma",
        summary: "moving average of what each operator took (Band)",
        parameters: &[("smoothing", "weight of a new observation (default: 0.1)"), RUNS, COST, EVERY],
    },
    PredictorEntry {
        name: "kalman",
        summary: "scalar Kalman filter of the slow-down against the laboratory",
        parameters: &[
            ("process", "variance of the drift from one observation to the next (default: 0.0025)"),
            ("measurement", "variance of an observation (default: 0.0064)"),
            ("per", "`operator` or `executor`: what shares a state (default: operator)"),
            RUNS,
            COST,
            EVERY,
        ],
    },
    PredictorEntry {
        name: "rls",
        summary: "recursive least squares of the slow-down on clocks, temperature, load and bandwidth",
        parameters: &[
            ("forgetting", "weight of the past for each observation (default: 0.999)"),
            RUNS,
            ("cost-us", "time that observing one operator and reading sensors takes (default: 5)"),
            EVERY,
        ],
    },
    PredictorEntry {
        name: "oracle",
        summary: "what an operator takes in the present state, if that lasts",
        parameters: &[],
    },
];

/// A name or parameter that does not exist, or a value out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("predictor `{predictor}`: {problem}")]
pub struct PredictorError {
    /// The predictor.
    pub predictor: String,
    /// What is wrong and what is possible.
    pub problem: String,
}

/// What a predictor's knowledge costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profiling {
    /// Before the run: every operator on every executor that can run it, as often as asked for.
    pub offline: SimDuration,
    /// For each observed operator, on the executor that ran it.
    pub observation: SimDuration,
    /// Every n-th request is observed; above 0.
    pub every: u32,
}

impl Profiling {
    /// Knowledge that costs nothing.
    pub const FREE: Self = Self { offline: SimDuration::ZERO, observation: SimDuration::ZERO, every: 1 };
}

/// A stream as predictors learn from it before a run.
#[derive(Debug, Clone, Copy)]
pub struct TrainingStream<'a> {
    /// What its operators cost in the laboratory.
    pub costs: &'a CostTable,
    /// The operators; `None` for plain task graphs.
    pub operators: Option<&'a LoweredGraph>,
}

impl Default for PredictorSpec {
    fn default() -> Self {
        Self { name: "offline".to_owned(), parameters: BTreeMap::new() }
    }
}

impl FromStr for PredictorSpec {
    type Err = PredictorError;

    fn from_str(text: &str) -> Result<Self, PredictorError> {
        let malformed = || PredictorError {
            predictor: printable(text),
            problem: "write name or name[parameter=value,...]".to_owned(),
        };
        let (name, inner) = match text.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']').ok_or_else(malformed)?),
            None => (text, ""),
        };
        let mut parameters = BTreeMap::new();
        for pair in inner.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(malformed)?;
            if parameters.insert(key.trim().to_owned(), value.trim().to_owned()).is_some() {
                return Err(malformed());
            }
        }
        let spec = Self { name: name.trim().to_owned(), parameters };
        spec.check()?;
        Ok(spec)
    }
}

impl fmt::Display for PredictorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.parameters.is_empty() {
            let pairs: Vec<_> = self.parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
            write!(f, "[{}]", pairs.join(","))?;
        }
        Ok(())
    }
}

impl PredictorSpec {
    /// Checks name, parameters and values.
    ///
    /// # Errors
    /// What is wrong and what is possible.
    pub fn check(&self) -> Result<(), PredictorError> {
        let entry = PREDICTORS.iter().find(|entry| entry.name == self.name).ok_or_else(|| {
            let known: Vec<_> = PREDICTORS.iter().map(|entry| entry.name).collect();
            let hint = nearest(&self.name, known.iter().copied())
                .map(|near| format!("did you mean `{near}`? "))
                .unwrap_or_default();
            self.problem(format!("there is no such predictor; {hint}known are {}", known.join(", ")))
        })?;
        for key in self.parameters.keys() {
            if !entry.parameters.iter().any(|(name, _)| name == key) {
                let known: Vec<_> = entry.parameters.iter().map(|(name, _)| *name).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(self.problem(format!("unknown parameter `{}`; it takes {known}", printable(key))));
            }
        }
        self.number("smoothing", 0.1, (f64::MIN_POSITIVE, 1.0))?;
        self.number("forgetting", 0.999, (0.5, 1.0))?;
        self.number("process", 0.0025, (1e-12, 1e6))?;
        self.number("measurement", 0.0064, (1e-12, 1e6))?;
        self.number("cost-us", 0.0, (0.0, 1e6))?;
        for key in ["runs", "every"] {
            let value = self.number(key, 1.0, (1.0, 1e6))?;
            if value.fract() != 0.0 {
                return Err(self.problem(format!("{key} must be a whole number, not `{value}`")));
            }
        }
        self.scope()?;
        Ok(())
    }

    fn problem(&self, problem: String) -> PredictorError {
        PredictorError { predictor: printable(&self.name), problem }
    }

    fn number(&self, key: &str, default: f64, (low, high): (f64, f64)) -> Result<f64, PredictorError> {
        let Some(text) = self.parameters.get(key) else { return Ok(default) };
        let found = text.parse().ok().filter(|value: &f64| (low..=high).contains(value));
        let range = if low > 0.0 && low < 1e-9 {
            format!("above 0 and at most {high}")
        } else {
            format!("{low} to {high}")
        };
        found.ok_or_else(|| {
            self.problem(format!("{key} must be a number, {range}, not `{}`", printable(text)))
        })
    }

    fn scope(&self) -> Result<KalmanScope, PredictorError> {
        match self.parameters.get("per").map(String::as_str) {
            None | Some("operator") => Ok(KalmanScope::Operator),
            Some("executor") => Ok(KalmanScope::Executor),
            Some(other) => {
                Err(self.problem(format!("per is `operator` or `executor`, not `{}`", printable(other))))
            }
        }
    }

    /// Builds the predictor of some streams.
    ///
    /// # Errors
    /// As [`PredictorSpec::check`].
    pub fn build(&self, streams: &[TrainingStream<'_>]) -> Result<Box<dyn Predictor>, PredictorError> {
        self.check()?;
        let costs: Vec<&CostTable> = streams.iter().map(|stream| stream.costs).collect();
        let table = OfflineTable::new(&costs);
        Ok(match self.name.as_str() {
            "flop-linear" => Box::new(FlopLinear::new(table, streams)),
            "ewma" => Box::new(Ewma::new(table, self.number("smoothing", 0.1, (f64::MIN_POSITIVE, 1.0))?)),
            "kalman" => Box::new(Kalman::new(
                table,
                self.number("process", 0.0025, (1e-12, 1e6))?,
                self.number("measurement", 0.0064, (1e-12, 1e6))?,
                self.scope()?,
            )),
            "rls" => {
                Box::new(RecursiveLeastSquares::new(table, self.number("forgetting", 0.999, (0.5, 1.0))?))
            }
            "oracle" => Box::new(Oracle(table)),
            _ => Box::new(Offline(table)),
        })
    }

    /// What its knowledge of some streams costs.
    ///
    /// # Errors
    /// As [`PredictorSpec::check`].
    pub fn profiling(&self, streams: &[TrainingStream<'_>]) -> Result<Profiling, PredictorError> {
        self.check()?;
        if self.name == "oracle" {
            return Ok(Profiling::FREE);
        }
        let costs: Vec<&CostTable> = streams.iter().map(|stream| stream.costs).collect();
        let once: u64 = OfflineTable::new(&costs)
            .times()
            .iter()
            .flatten()
            .fold(0u64, |sum, time| sum.saturating_add(time.0));
        let usual = if self.name == "rls" { 5.0 } else { 2.0 };
        let learns = ["ewma", "kalman", "rls"].contains(&self.name.as_str());
        let cost = if learns { self.number("cost-us", usual, (0.0, 1e6))? } else { 0.0 };
        Ok(Profiling {
            offline: SimDuration(once.saturating_mul(self.number("runs", 10.0, (1.0, 1e6))? as u64)),
            observation: SimDuration::from_seconds(cost * 1e-6),
            every: self.number("every", 1.0, (1.0, 1e6))? as u32,
        })
    }
}
