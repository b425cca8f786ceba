//! Time of an operator on a GPU of which only whole inferences were measured: the operator times of another GPU, scaled by
//! kind of kernel.
//!
//! ```text
//! t = launch' x l + all x group x work'        launch' = min(launch, 0.7 t'), work' = t' - launch'
//! inference = sum + r0 + a sum / (1 + sum/S0) + u squeeze branches
//! ```
//! Primed times are those of the other GPU by its own equations ([`super::tflite_gpu`]) with its own kernel choice. Groups follow
//! what each operator asks of the hardware; operators for which the two families pick differently between Winograd and other
//! kernels are a group of their own, because the arithmetic differs by an algorithm there.
//! Source of the form: leave-network-out errors on Mali-G76 and A12 from Adreno 640 (docs/COST-MODEL-RESEARCH.md, section 4).
//! Validity: as [`super::tflite_gpu`].

use super::clock_scaling::{Mix, Straggler};
use super::fitted::{CoefficientInfo, FittedTime, Role};
use super::gpu_kernels::{Class, Gpu};
use super::shape::Shape;
use super::tflite_cpu::Setting;
use super::tflite_gpu::{self, Features};

/// From which family of GPUs to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransferredGpu {
    /// Whose equations.
    pub from: Gpu,
    /// Whose kernel choice.
    pub to: Gpu,
}

impl TransferredGpu {
    /// All pairs.
    pub const ALL: [Self; 9] = [
        Self { from: Gpu::Adreno, to: Gpu::Adreno },
        Self { from: Gpu::Adreno, to: Gpu::Mali },
        Self { from: Gpu::Adreno, to: Gpu::Apple },
        Self { from: Gpu::Mali, to: Gpu::Adreno },
        Self { from: Gpu::Mali, to: Gpu::Mali },
        Self { from: Gpu::Mali, to: Gpu::Apple },
        Self { from: Gpu::Apple, to: Gpu::Adreno },
        Self { from: Gpu::Apple, to: Gpu::Mali },
        Self { from: Gpu::Apple, to: Gpu::Apple },
    ];

    /// The word used in profiles.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match (self.from, self.to) {
            (Gpu::Adreno, Gpu::Adreno) => "adreno-to-adreno",
            (Gpu::Adreno, Gpu::Mali) => "adreno-to-mali",
            (Gpu::Adreno, Gpu::Apple) => "adreno-to-apple",
            (Gpu::Mali, Gpu::Adreno) => "mali-to-adreno",
            (Gpu::Mali, Gpu::Mali) => "mali-to-mali",
            (Gpu::Mali, Gpu::Apple) => "mali-to-apple",
            (Gpu::Apple, Gpu::Adreno) => "apple-to-adreno",
            (Gpu::Apple, Gpu::Mali) => "apple-to-mali",
            (Gpu::Apple, Gpu::Apple) => "apple-to-apple",
        }
    }
}

const fn factor(name: &'static str, meaning: &'static str) -> CoefficientInfo {
    CoefficientInfo { name, role: Role::Ratio, of_sets: false, meaning }
}

/// The factors, after the coefficients of the other GPU: the common one, one for each [`Group`] in order, launches.
pub const FACTORS: [CoefficientInfo; 7] = [
    factor("transfer_work", "time of all work here / there"),
    factor("transfer_winograd", "on top, where only one of the families picks Winograd"),
    factor("transfer_window", "on top, convolutions with a window"),
    factor("transfer_1x1", "on top, 1x1 convolutions"),
    factor("transfer_depthwise", "on top, depthwise convolutions"),
    factor("transfer_other", "on top, everything else"),
    factor("transfer_launch", "launches here / there"),
];

/// Groups of work, in the order of [`FACTORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Group {
    WinogradDiffers,
    Window,
    Pointwise,
    Depthwise,
    Other,
}

/// Number of groups.
pub const GROUPS: usize = 5;

/// Longest part of an operator's time that counts as its launch.
const LAUNCH_SHARE: f64 = 0.7;

/// The values of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// Equations of the other GPU; its remainder is that of this one.
    pub source: tflite_gpu::Coefficients,
    /// Whose kernel choice.
    pub to: Gpu,
    /// In the order of [`FACTORS`].
    pub factors: [f64; FACTORS.len()],
}

/// An operator on the other GPU, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceTime {
    /// What scales the work.
    pub group: Group,
    /// Part that counts as launch.
    pub launch: f64,
    /// The rest.
    pub work: f64,
    compute: f64,
    memory: f64,
    launch_scaling: Mix,
    work_scaling: Straggler,
    bytes: f64,
    kernel: &'static str,
}

impl SourceTime {
    /// By the equations of the other GPU at scales of clock and memory; `None` for operators in the unlisted part.
    #[must_use]
    pub fn of(
        shape: &Shape,
        source: &tflite_gpu::Coefficients,
        to: Gpu,
        clock: f64,
        memory: f64,
    ) -> Option<Self> {
        let features = Features::of(shape, source.gpu)?;
        let here = Class::of(shape, to)?;
        let (launched, executed) = source.terms(&features);
        let compute =
            executed.compute.at(clock, memory) + executed.rest.core * clock + executed.rest.constant;
        let traffic = executed.traffic.at(clock, memory) + executed.rest.memory * memory;
        let (stated, rest) = (launched.at(clock, memory), executed.at(clock, memory));
        let whole = stated + rest;
        let launch = stated.min(LAUNCH_SHARE * whole);
        let kept = if stated > 0.0 { launch / stated } else { 1.0 };
        let launch_scaling = launched.scaled(clock, memory);
        let mut work_scaling = executed.scaled(clock, memory);
        work_scaling.rest = work_scaling.rest.plus(&launch_scaling.times(1.0 - kept));
        let launch_scaling = launch_scaling.times(kept);
        let differs = (here == Class::Winograd) != (features.class == Class::Winograd);
        let group = match features.class {
            _ if differs => Group::WinogradDiffers,
            Class::Constant | Class::Convolution | Class::Grouped | Class::Winograd => {
                if shape.window() > 1.0 { Group::Window } else { Group::Pointwise }
            }
            Class::Depthwise | Class::Depthwise3 | Class::Depthwise3Stride2 => Group::Depthwise,
            _ => Group::Other,
        };
        let (bytes, kernel) = (features.bytes(), here.id());
        Some(Self {
            group,
            launch,
            work: whole - launch,
            compute,
            memory: traffic,
            launch_scaling,
            work_scaling,
            bytes,
            kernel,
        })
    }
}

impl Coefficients {
    /// From the source's equations and the named factors; `None` if one is missing.
    pub fn new(
        source: tflite_gpu::Coefficients,
        to: Gpu,
        mut named: impl FnMut(&str) -> Option<f64>,
    ) -> Option<Self> {
        let mut factors = [1.0; FACTORS.len()];
        for (value, info) in factors.iter_mut().zip(&FACTORS) {
            *value = named(info.name)?;
        }
        Some(Self { source, to, factors })
    }

    /// Launch and work of an operator here, in microseconds.
    fn here(&self, time: &SourceTime) -> (f64, f64) {
        let [all, groups @ .., launch] = self.factors;
        (time.launch * launch, time.work * all * groups[time.group as usize])
    }

    /// Factor of the unlisted part on all operators of a graph.
    #[must_use]
    pub fn stretch(&self, shapes: &[Option<Shape>]) -> f64 {
        let times = shapes
            .iter()
            .flatten()
            .filter_map(|shape| SourceTime::of(shape, &self.source, self.to, 1.0, 1.0));
        let sum = times.map(|time| self.here(&time)).map(|(launch, work)| launch + work).sum();
        self.source.stretch(sum)
    }

    /// Time of an operator in an inference whose operators stretch by `stretch`.
    #[must_use]
    pub fn time(&self, shape: &Shape, stretch: f64, setting: &Setting) -> FittedTime {
        let (clock, memory) = (setting.core_scale, setting.memory_scale);
        let Some(time) = SourceTime::of(shape, &self.source, self.to, clock, memory) else {
            return FittedTime {
                overhead: 0.0,
                alone: 0.0,
                compute: 0.0,
                memory: 0.0,
                dram_bytes: 0.0,
                overhead_scaling: Mix::default(),
                scaling: Straggler::FIXED,
                kernel: "in the unlisted part",
            };
        };
        let (launch, work) = self.here(&time);
        let squeeze = if shape.squeeze { self.source.squeeze_micros() } else { 0.0 };
        let alone = (work + (stretch - 1.0) * (launch + work) + squeeze) * 1e-6;
        let factor = if time.work > 0.0 { work / time.work } else { 1.0 };
        let slower = if time.launch > 0.0 { launch / time.launch } else { 1.0 };
        let launch_scaling = time.launch_scaling.times(slower);
        let mut scaling = time.work_scaling.times(factor * stretch);
        scaling.rest = scaling.rest.plus(&launch_scaling.times(stretch - 1.0));
        scaling.rest.constant += squeeze;
        FittedTime {
            overhead: launch * 1e-6,
            alone,
            compute: time.compute * factor * 1e-6,
            memory: time.memory * factor * 1e-6,
            dram_bytes: time.bytes.min(alone * setting.dram_rate),
            overhead_scaling: launch_scaling,
            scaling: scaling.times(1e-6),
            kernel: time.kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::operator_list::read_operator_lists;

    fn source() -> tflite_gpu::Coefficients {
        tflite_gpu::Coefficients { gpu: Gpu::Adreno, values: vec![0.5; 60], residual: Vec::new() }
    }

    fn shape(side: u64, channels: u64) -> Shape {
        let text = format!(
            "model,family,op_index,op,feature_json\nm,f,0,CONV_2D,\"{{\"\"input_shape\"\":{side},\"\"input_channel\"\":{channels},\
             \"\"output_shape\"\":{side},\"\"stride\"\":1,\"\"kernel\"\":3,\"\"filter\"\":{channels},\"\"group\"\":1}}\"\n"
        );
        let list = read_operator_lists(&crate::diagnostics::SourceText::new("list", text)).unwrap();
        Shape::of(&list[0].graph.operators[0]).unwrap()
    }

    #[test]
    fn operators_with_another_choice_of_kernel_are_a_group_of_their_own() {
        // 28 x 28 x 64: Winograd on Mali (16 slices, 49 tiles), not on Adreno (needs 32 slices).
        let group = |to| SourceTime::of(&shape(28, 64), &source(), to, 1.0, 1.0).unwrap().group;
        assert_eq!([group(Gpu::Mali), group(Gpu::Adreno)], [Group::WinogradDiffers, Group::Window]);
        assert_eq!(
            SourceTime::of(&shape(7, 64), &source(), Gpu::Mali, 1.0, 1.0).unwrap().group,
            Group::Window
        );
    }

    #[test]
    fn factors_scale_work_and_launch_apart() {
        let with = |work: f64, launch: f64| {
            let mut factors = [1.0; 7];
            (factors[0], factors[6]) = (work, launch);
            let all = Coefficients { source: source(), to: Gpu::Mali, factors };
            let setting =
                Setting { core_scale: 1.0, memory_scale: 1.0, dram_rate: 1e10, ..Setting::default() };
            all.time(&shape(28, 64), 1.0, &setting)
        };
        let (one, slow) = (with(1.0, 1.0), with(3.0, 2.0));
        assert!((slow.overhead / one.overhead - 2.0).abs() < 1e-9);
        assert!((slow.alone / one.alone - 3.0).abs() < 1e-9);
    }
}
