//! What is kept of a run, and what is computed from it.
//!
//! [`Recorder`] keeps everything, up to a cap ([`RunRecord`]: figures, traces and explanations read it).
//! [`Summarizer`] keeps totals only, so that runs of any length fit, and makes the [`RunSummary`].

pub mod accounting;
pub mod chains;
pub mod critical_path;
#[cfg(test)]
pub(crate) mod fixture;
pub mod labels;
pub mod memory;
pub mod metrics;
mod played_plan;
pub mod prediction;
pub mod recorder;
pub mod run_record;
pub mod signals;
pub mod signs;
#[cfg(test)]
mod simulated_tests;
pub mod summarizer;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod transfers;

pub use accounting::{Accounting, EnergySplit, ResourceTotals};
pub use critical_path::{CriticalStep, StepKind, critical_path};
pub use labels::{ExecutorLabel, OperatorLabel, ResourceLabel, RunLabels, StreamLabels};
pub use memory::MemoryPeak;
pub use metrics::Metrics;
pub use played_plan::{PlayedOperator, played_plan};
pub use recorder::Recorder;
pub use run_record::{BandwidthSample, Counters, OperatorRecord, RequestRecord, RunRecord, UnitRecord};
pub use signs::FailureSigns;
pub use summarizer::{Summarizer, SummaryContext};
pub use summary::RunSummary;
