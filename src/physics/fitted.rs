//! Fitted cost models: which forms there are, the coefficients that each needs, and the cost that they give.

use super::clock_scaling::{Mix, Straggler};
use super::hexagon::{self, Amounts, Binding};
use super::linear_calls;
use super::mace_cpu;
use super::mace_gpu::{self, Storage};
use super::scaled_cpu;
use super::shape::Shape;
use super::tflite_cpu::{self, Setting};
use super::tflite_gpu::{self, Gpu};
use super::transferred_gpu::{self, TransferredGpu};
use super::unlisted::Unlisted;
use crate::graph::lowered::{LoweredGraph, LoweredOperator};
use crate::soc::{FittedModel, Precision};

/// A set of equations with named coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Built-in CPU kernels of TensorFlow Lite: [`tflite_cpu`].
    TfliteCpu,
    /// GPU delegate of TensorFlow Lite: [`tflite_gpu`].
    TfliteGpu(Gpu),
    /// Hexagon tensor processor behind QNN: [`hexagon`].
    HexagonHtp,
    /// CPU kernels of MACE: [`mace_cpu`].
    MaceCpu,
    /// OpenCL kernels of MACE: [`mace_gpu`].
    MaceGpu(Storage),
    /// The operators of another GPU, scaled by kind of kernel: [`transferred_gpu`].
    TransferredGpu(TransferredGpu),
    /// The operators of a reference core, scaled: [`scaled_cpu`].
    ScaledCpu,
    /// Three coefficients for anything: [`linear_calls`].
    LinearCalls,
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
    pub const ALL: [Self; 19] = [
        Self::TfliteCpu,
        Self::TfliteGpu(Gpu::Adreno),
        Self::TfliteGpu(Gpu::Mali),
        Self::TfliteGpu(Gpu::Apple),
        Self::HexagonHtp,
        Self::MaceCpu,
        Self::MaceGpu(Storage::Image),
        Self::MaceGpu(Storage::Buffer),
        Self::TransferredGpu(TransferredGpu::ALL[0]),
        Self::TransferredGpu(TransferredGpu::ALL[1]),
        Self::TransferredGpu(TransferredGpu::ALL[2]),
        Self::TransferredGpu(TransferredGpu::ALL[3]),
        Self::TransferredGpu(TransferredGpu::ALL[4]),
        Self::TransferredGpu(TransferredGpu::ALL[5]),
        Self::TransferredGpu(TransferredGpu::ALL[6]),
        Self::TransferredGpu(TransferredGpu::ALL[7]),
        Self::TransferredGpu(TransferredGpu::ALL[8]),
        Self::ScaledCpu,
        Self::LinearCalls,
    ];

    /// The word used in profiles.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::TfliteCpu => "tflite-cpu",
            Self::TfliteGpu(Gpu::Adreno) => "tflite-adreno",
            Self::TfliteGpu(Gpu::Mali) => "tflite-mali",
            Self::TfliteGpu(Gpu::Apple) => "tflite-apple",
            Self::HexagonHtp => "hexagon-htp",
            Self::MaceCpu => "mace-cpu",
            Self::MaceGpu(Storage::Image) => "mace-image",
            Self::MaceGpu(Storage::Buffer) => "mace-buffer",
            Self::TransferredGpu(transfer) => transfer.id(),
            Self::ScaledCpu => "scaled-cpu",
            Self::LinearCalls => "linear-calls",
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
        let (all, more): (&'static [CoefficientInfo], &'static [CoefficientInfo]) = match self {
            Self::TfliteCpu => (&tflite_cpu::COEFFICIENTS, &[]),
            Self::TfliteGpu(gpu) => (gpu.coefficients(), &[]),
            Self::TransferredGpu(transfer) => (transfer.from.coefficients(), &transferred_gpu::FACTORS),
            Self::LinearCalls => (&linear_calls::COEFFICIENTS, &[]),
            Self::HexagonHtp => (&hexagon::COEFFICIENTS, &[]),
            Self::ScaledCpu => return scaled_cpu::coefficients(),
            Self::MaceCpu => (&mace_cpu::COEFFICIENTS, &[]),
            Self::MaceGpu(_) => (&mace_gpu::COEFFICIENTS, &[]),
        };
        all.iter().chain(more).filter(|info| cores > 1 || !info.of_sets).collect()
    }

    /// Whether the coefficients belong to single cores, so that a fit of one set holds for any other set of cores of these kinds.
    #[must_use]
    pub const fn holds_for_any_set(self) -> bool {
        matches!(self, Self::MaceCpu)
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
    /// The overhead by what it scales with.
    pub overhead_scaling: Mix,
    /// The execution by what it scales with.
    pub scaling: Straggler,
    /// The kernel that the runtime picks.
    pub kernel: &'static str,
}

/// What an executor computes with, for forms that build on peak rates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Workers {
    /// Each core, or the device, at its present clock.
    pub cores: Vec<mace_cpu::Core>,
    /// Compute units of a device.
    pub units: f64,
    /// Work items of a wave.
    pub wave: f64,
}

/// A fitted model of one executor at its clocks.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedCost {
    equations: Equations,
    setting: Setting,
    workers: Workers,
}

#[derive(Debug, Clone, PartialEq)]
enum Equations {
    Cpu(Box<tflite_cpu::Coefficients>),
    Gpu(tflite_gpu::Coefficients),
    Transferred(transferred_gpu::Coefficients),
    Scaled(Box<scaled_cpu::Coefficients>),
    Hexagon(hexagon::Coefficients),
    MaceCpu(mace_cpu::Coefficients),
    MaceGpu(mace_gpu::Coefficients),
    LinearCalls(linear_calls::Coefficients),
}

impl FittedCost {
    /// The model of a profile on an executor; `None` if a coefficient is missing, which the reader of profiles
    /// has excluded.
    #[must_use]
    pub fn new(model: &FittedModel, setting: Setting, workers: Workers) -> Option<Self> {
        let named = |name: &str| model.coefficients.iter().find(|c| c.name == name).map(|c| c.value);
        let equations = match Form::from_id(&model.form)? {
            Form::TfliteCpu => {
                Equations::Cpu(Box::new(tflite_cpu::Coefficients::from_names(setting.cores > 1.0, named)?))
            }
            Form::TfliteGpu(gpu) => Equations::Gpu(gpu_coefficients(model, gpu)?),
            Form::TransferredGpu(transfer) => Equations::Transferred(transferred_gpu::Coefficients::new(
                gpu_coefficients(model, transfer.from)?,
                transfer.to,
                named,
            )?),
            Form::ScaledCpu => Equations::Scaled(Box::new(scaled_cpu::Coefficients::from_names(named)?)),
            Form::HexagonHtp => {
                let values: Option<Vec<f64>> =
                    hexagon::COEFFICIENTS.iter().map(|info| named(info.name)).collect();
                Equations::Hexagon(hexagon::Coefficients::from_slice(&values?)?)
            }
            Form::MaceCpu => Equations::MaceCpu(mace_cpu::Coefficients::from_names(named)?),
            Form::MaceGpu(storage) => Equations::MaceGpu(mace_gpu::Coefficients::from_names(storage, named)?),
            Form::LinearCalls => Equations::LinearCalls(linear_calls::Coefficients::from_names(named)?),
        };
        Some(Self { equations, setting, workers })
    }

    /// Overhead of a whole inference in seconds.
    #[must_use]
    pub fn inference_overhead(&self) -> f64 {
        match &self.equations {
            Equations::Cpu(coefficients) => coefficients.inference_seconds() * self.setting.core_scale,
            // The host's clock is not part of a device executor.
            Equations::Gpu(coefficients) => coefficients.inference_seconds(),
            Equations::Transferred(coefficients) => coefficients.source.inference_seconds(),
            Equations::Scaled(_) => 0.0,
            Equations::Hexagon(coefficients) => coefficients.inference,
            Equations::MaceCpu(coefficients) => coefficients.inference_seconds() * self.setting.core_scale,
            Equations::MaceGpu(coefficients) => coefficients.inference_seconds(),
            Equations::LinearCalls(_) => 0.0,
        }
    }

    /// Factor on all operators of a graph that stands for what their list leaves out.
    #[must_use]
    pub fn stretch(&self, shapes: &[Option<Shape>]) -> f64 {
        match &self.equations {
            Equations::Cpu(_)
            | Equations::Scaled(_)
            | Equations::Hexagon(_)
            | Equations::LinearCalls(_)
            | Equations::MaceCpu(_)
            | Equations::MaceGpu(_) => 1.0,
            Equations::Transferred(coefficients) => coefficients.stretch(shapes),
            Equations::Gpu(coefficients) => {
                let features = shapes
                    .iter()
                    .flatten()
                    .filter_map(|shape| tflite_gpu::Features::of(shape, coefficients.gpu));
                coefficients.stretch(features.map(|f| coefficients.micros(&f)).sum())
            }
        }
    }

    /// What binds a whole graph, for forms that count the amounts of any operator; `None` for forms of shapes.
    #[must_use]
    pub fn binding(&self, graph: &LoweredGraph, precision: Precision) -> Option<Binding> {
        match &self.equations {
            Equations::Hexagon(coefficients) => {
                Some(coefficients.binding(&Amounts::of_graph(graph, precision), &self.setting))
            }
            _ => None,
        }
    }

    /// Time of any operator of a graph that `binding` binds; `None` for forms of shapes.
    #[must_use]
    pub fn part(
        &self,
        graph: &LoweredGraph,
        operator: &LoweredOperator,
        precision: Precision,
        binding: Binding,
    ) -> Option<FittedTime> {
        match &self.equations {
            Equations::Hexagon(coefficients) => {
                Some(coefficients.time(&Amounts::of(graph, operator, precision), binding, &self.setting))
            }
            _ => None,
        }
    }

    /// Time of an operator in a graph with this [`FittedCost::stretch`]; `None` for forms that know amounts only.
    #[must_use]
    pub fn time(&self, shape: &Shape, unlisted: &Unlisted, stretch: f64) -> Option<FittedTime> {
        match &self.equations {
            Equations::Cpu(coefficients) => Some(
                tflite_cpu::Features::of(shape, unlisted, &self.setting).time(coefficients, &self.setting),
            ),
            Equations::Gpu(coefficients) => Some(coefficients.time(shape, stretch, &self.setting)),
            Equations::MaceCpu(coefficients) => {
                Some(coefficients.time(shape, &self.setting, &self.workers.cores))
            }
            Equations::Transferred(coefficients) => Some(coefficients.time(shape, stretch, &self.setting)),
            Equations::Scaled(coefficients) => Some(coefficients.time(shape, unlisted, &self.setting)),
            Equations::LinearCalls(coefficients) => Some(coefficients.time(shape, &self.setting)),
            Equations::MaceGpu(coefficients) => {
                let peak = self.workers.cores.first().map_or(1.0, |core| core.peak);
                let device = mace_gpu::Device { peak, units: self.workers.units, wave: self.workers.wave };
                Some(coefficients.time(shape, &self.setting, &device))
            }
            Equations::Hexagon(_) => None,
        }
    }
}

/// The coefficients of a GPU's own equations in a model; `None` if one is missing.
#[must_use]
pub fn gpu_coefficients(model: &FittedModel, gpu: Gpu) -> Option<tflite_gpu::Coefficients> {
    let named = |name: &str| model.coefficients.iter().find(|c| c.name == name).map(|c| c.value);
    let values: Option<Vec<f64>> = gpu.coefficients().iter().map(|info| named(info.name)).collect();
    Some(tflite_gpu::Coefficients { gpu, values: values?, residual: model.residual.clone() })
}
