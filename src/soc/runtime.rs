//! How one inference runtime performs on one SoC: the coefficients of the cost model, its overheads, and
//! which operators it can execute where.

use super::co_execution::CoExecution;
use super::fitted::FittedModel;
use super::platform::ProcessorKind;
use super::quantity::{Precision, Quantity};
use super::support::SupportTable;
use crate::units::{BytesPerSec, SimDuration};

/// An inference runtime on one SoC.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeProfile {
    /// Kebab-case name, e.g. `tflite`; unique among the runtimes of the SoC.
    pub id: String,
    /// Id of the SoC.
    pub soc: String,
    /// Name for people, with the version.
    pub title: String,
    /// Id of the lowering rules that turn a model into what this runtime executes.
    pub lowering: String,
    /// Core sets offered by default, as in [`super::executor_name`] without the `cpu-`.
    pub core_sets: Vec<String>,
    /// How it performs, by processor and precision. The first one that fits a processor is its default.
    pub performances: Vec<Performance>,
    /// Costs of handing a tensor from one kind of processor to another.
    pub crossings: Vec<RuntimeCrossing>,
    /// Models fitted to measurements, which go before the kernel tables of `performances`.
    pub fitted: Vec<FittedModel>,
    /// Two processors on one piece of work, by the way in which they wait for each other.
    pub co_execution: Vec<CoExecution>,
}

impl RuntimeProfile {
    /// The fitted model of an executor (named without precision) at a precision.
    #[must_use]
    pub fn fitted_for(&self, executor: &str, precision: Precision) -> Option<&FittedModel> {
        self.fitted.iter().find(|model| model.executor == executor && model.precision == precision)
    }
}

/// How a runtime performs on one kind of core, or one device, at one precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    /// Name in the profile.
    pub id: String,
    /// Core kinds, or one device id, that it describes.
    pub on: Vec<String>,
    /// Arithmetic and storage type.
    pub precision: Precision,
    /// Which operators can run.
    pub support: SupportTable,
    /// Overhead of each unit handed to the runtime: invoking it, flushing a queue.
    pub invocation: Quantity<SimDuration>,
    /// Overhead of each kernel: dispatching it, enqueueing it.
    pub kernel_overhead: Quantity<SimDuration>,
    /// Overhead of each kernel for each thread beyond the first: waking and joining it.
    pub thread_overhead: Quantity<SimDuration>,
    /// `p` of `t = (compute^p + memory^p)^(1/p)`, at least 1; infinite is the sharp roofline.
    pub combination: Quantity,
    /// Share of every memory level's rate that kernels reach, in (0, 1].
    pub bandwidth_share: Quantity,
    /// Coefficient of variation of a whole inference, run to run.
    pub inference_variation: Quantity,
    /// Coefficient of variation of each operator, independent within an inference.
    pub operator_variation: Quantity,
    /// Kernels, in the order in which the runtime prefers them: the first that accepts an operator runs it.
    pub kernels: Vec<Kernel>,
    /// What it costs to let other executors see tensors that lie here; `None` when the runtime cannot.
    pub sharing: Option<Sharing>,
}

/// Costs of handing tensors over between executors that compute slices of one operator, paid by the one that keeps the
/// whole tensors. Linear in the elements, as measured by CoDL (MobiSys 2022, Figs. 3, 13, 14).
#[derive(Debug, Clone, PartialEq)]
pub struct Sharing {
    /// Rewriting an element into, or out of, the layout that the others read; seconds.
    pub transform: Quantity,
    /// Mapping an element into the others' memory; seconds.
    pub map: Quantity,
    /// Waiting until the others may read.
    pub synchronization: Quantity<SimDuration>,
    /// Unmapping and waiting until the others have written.
    pub release: Quantity<SimDuration>,
    /// Putting every kernel of a branch into another executor's queue, beyond the synchronisation; `None` when nobody measured it.
    pub enqueue: Option<Quantity<SimDuration>>,
}

impl Sharing {
    /// Seconds for letting others see `elements` elements.
    #[must_use]
    pub fn share_seconds(&self, elements: f64) -> f64 {
        self.synchronization.value.seconds() + (self.transform.value + self.map.value) * elements
    }

    /// Seconds for putting a branch into another executor's queue; `None` when nobody measured it.
    #[must_use]
    pub fn enqueue_seconds(&self) -> Option<f64> {
        Some(self.synchronization.value.seconds() + self.enqueue.as_ref()?.value.seconds())
    }

    /// Seconds for taking back `elements` elements that others have written.
    #[must_use]
    pub fn join_seconds(&self, elements: f64) -> f64 {
        self.release.value.seconds() + self.transform.value * elements
    }
}

/// A kernel of a runtime: which operators it takes, how fast it computes, and in which steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Name, e.g. `winograd`.
    pub id: String,
    /// Ids of the operator classes that it takes (`convolution`), or `any`.
    pub classes: Vec<String>,
    /// Shapes that it takes.
    pub accepts: Accepts,
    /// Share of the processor's peak arithmetic rate that it reaches once all steps below are full, above 0.
    /// Operators without multiply-accumulates count one operation for each element (pooling: for each
    /// element of each window).
    pub efficiency: Quantity,
    /// Multiplications that the algorithm saves against direct convolution, at least 1 (Winograd F(2x2,3x3): 2.25).
    pub arithmetic_saving: Quantity,
    /// Output channels (columns) that are computed together; the last block runs full.
    pub channel_block: Quantity,
    /// Output pixels (rows) that are computed together.
    pub pixel_block: Quantity,
    /// Output pixels within one row of the image that are computed together (GPU kernels).
    pub width_block: Quantity,
    /// Input channels (the summed dimension) that are read together.
    pub depth_block: Quantity,
    /// Summed length at which half the efficiency is reached (short sums do not fill the pipelines).
    pub depth_half: Quantity,
    /// Work items of one work-group when the processor runs waves; 0 when it does not.
    pub workgroup: Quantity,
    /// How a set of cores splits the work.
    pub split: Split,
}

/// What a set of cores splits statically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Blocks of output channels.
    Channels,
    /// Blocks of output pixels.
    Pixels,
    /// Blocks of both.
    Both,
}

/// Shapes that a kernel takes; `None` and 0 do not restrict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepts {
    /// Exact side of a square window.
    pub kernel: Option<u64>,
    /// Exact stride in both directions.
    pub stride: Option<u64>,
    /// Exact dilation in both directions.
    pub dilation: Option<u64>,
    /// Least number of input channels.
    pub min_in_channels: u64,
    /// Least number of output channels.
    pub min_out_channels: u64,
    /// Least number of output pixels.
    pub min_out_pixels: u64,
}

/// The cost of handing a tensor from one kind of processor to another, as the runtime does it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeCrossing {
    /// Kind of the producer.
    pub from: ProcessorKind,
    /// Kind of the consumer.
    pub to: ProcessorKind,
    /// Mapping or unmapping a buffer, cache maintenance.
    pub map: Quantity<SimDuration>,
    /// Waiting for and signalling the other side.
    pub synchronization: Quantity<SimDuration>,
    /// Remote procedure call to a device driver.
    pub remote_call: Quantity<SimDuration>,
    /// Waking the consumer.
    pub wake_up: Quantity<SimDuration>,
    /// Rate of copying; infinite where memory is shared without a copy.
    pub copy: Quantity<BytesPerSec>,
    /// Rate at which the consumer rewrites the tensor into its layout; infinite when layouts agree.
    pub layout: Quantity<BytesPerSec>,
}
