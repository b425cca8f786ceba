//! Fitted cost models: which forms there are, the coefficients that each needs, and the cost that they give.

use super::shape::Shape;
use super::tflite_cpu;
use super::unlisted::Unlisted;
use crate::soc::FittedModel;

/// A set of equations with named coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Built-in CPU kernels of TensorFlow Lite: [`tflite_cpu`].
    TfliteCpu,
}

/// What a coefficient is, for scaling and for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Work per time: a processor twice as slow halves it.
    Rate,
    /// Time per piece of work: a processor twice as slow doubles it.
    Time,
    /// A number without a unit that belongs to the algorithm.
    Ratio,
}

/// A coefficient of a form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoefficientInfo {
    /// Name in profiles; states the unit.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// Whether only sets of several cores have it.
    pub of_sets: bool,
    /// What it means.
    pub meaning: &'static str,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 1] = [Self::TfliteCpu];

    /// The word used in profiles.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::TfliteCpu => "tflite-cpu",
        }
    }

    /// The form behind a word.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.id() == id)
    }

    /// The coefficients of an executor of `cores` cores (1 for a device), in the order of the equations.
    #[must_use]
    pub fn coefficients(self, cores: usize) -> Vec<&'static CoefficientInfo> {
        let all: &'static [CoefficientInfo] = match self {
            Self::TfliteCpu => &tflite_cpu::COEFFICIENTS,
        };
        all.iter().filter(|info| cores > 1 || !info.of_sets).collect()
    }
}

/// Time of one operator by a fitted model, in seconds, with what it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedTime {
    /// Dispatch and synchronisation.
    pub overhead: f64,
    /// Execution, unlisted companions included.
    pub alone: f64,
    /// Part of the execution that depends on the processor clock.
    pub compute: f64,
    /// Part that depends on memory.
    pub memory: f64,
    /// Bytes that reach main memory.
    pub dram_bytes: f64,
    /// The kernel that the runtime picks.
    pub kernel: &'static str,
}

/// A fitted model of one executor at its clocks.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedCost {
    pub(super) coefficients: tflite_cpu::Coefficients,
    pub(super) setting: tflite_cpu::Setting,
}

impl FittedCost {
    /// The model of a profile on an executor; `None` if a coefficient is missing, which the reader of profiles
    /// has excluded.
    #[must_use]
    pub fn new(model: &FittedModel, setting: tflite_cpu::Setting) -> Option<Self> {
        let form = Form::from_id(&model.form)?;
        let named = |name: &str| model.coefficients.iter().find(|c| c.name == name).map(|c| c.value);
        match form {
            Form::TfliteCpu => {
                let coefficients = tflite_cpu::Coefficients::from_names(setting.cores > 1.0, named)?;
                Some(Self { coefficients, setting })
            }
        }
    }

    /// Overhead of a whole inference in seconds.
    #[must_use]
    pub fn inference_overhead(&self) -> f64 {
        self.coefficients.inference_seconds() * self.setting.core_scale
    }

    /// Time of an operator; `None` for operators that the form does not know, whose kernel table then counts.
    #[must_use]
    pub fn time(&self, shape: &Shape, unlisted: &Unlisted) -> Option<FittedTime> {
        Some(tflite_cpu::Features::of(shape, unlisted, &self.setting).time(&self.coefficients, &self.setting))
    }
}
