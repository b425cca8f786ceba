//! Watches a run in bounded memory and makes its [`RunSummary`].

use std::collections::BTreeMap;

use super::accounting::{Accounting, AccountingError};
use super::chains::ChainMetrics;
use super::labels::RunLabels;
use super::memory::MemoryPeak;
use super::metrics::{Metrics, StreamMetrics};
use super::prediction::PredictionError;
use super::signals::DynamicsWatch;
use super::summary::{
    BandwidthSummary, EnergyRest, LatencySummary, PredictionSummary, RequestCounts, ResourceSummary,
    RunSummary, SCHEMA_VERSION, StreamSummary, TransferSummary,
};
use super::transfers::TransferTotals;
use crate::graph::lowered::LoweredGraph;
use crate::simulation::DynamicsOutcome;
use crate::simulation::observer::{Interval, Observer, PlacedUnit, RequestId, TransferRecord};
use crate::soc::Platform;
use crate::statistics::{batch_means, mean_interval, summarize};
use crate::units::{Celsius, Hertz, SimDuration, SimTime};

/// All streaming observers of a run together.
#[derive(Debug, Clone)]
pub struct Summarizer {
    labels: RunLabels,
    /// Latencies and counts.
    pub metrics: Metrics,
    /// Time and energy.
    pub accounting: Accounting,
    /// Crossings.
    pub transfers: TransferTotals,
    /// Beliefs.
    pub prediction: PredictionError,
    /// Memory; `None` for plain task graphs.
    pub memory: Option<MemoryPeak>,
    /// Clocks and temperatures.
    pub dynamics: DynamicsWatch,
    /// Chains of stages.
    pub chains: ChainMetrics,
}

/// What a summary needs beyond what happened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SummaryContext {
    /// Input hashes by role, see [`super::summary::input_hash`].
    pub input_hashes: BTreeMap<String, String>,
    /// Warnings collected before and during the run.
    pub warnings: Vec<String>,
}

impl Summarizer {
    /// An observer for a run on `platform`. `graphs` are the lowered graphs of the streams, in order, for
    /// the peak of memory; empty when any stream runs a plain task graph.
    #[must_use]
    pub fn new(labels: RunLabels, platform: &Platform, graphs: &[&LoweredGraph]) -> Self {
        Self {
            metrics: Metrics::new(&labels),
            chains: ChainMetrics::new(&labels),
            accounting: Accounting::new(platform),
            transfers: TransferTotals::new(platform),
            prediction: PredictionError::new(),
            dynamics: DynamicsWatch::default(),
            memory: (!graphs.is_empty()).then(|| MemoryPeak::new(platform, graphs)),
            labels,
        }
    }

    /// Puts what the dynamics of a run came to into its summary: energies are then the integrals of the powers of the run.
    pub fn add_dynamics(&self, summary: &mut RunSummary, outcome: &DynamicsOutcome) {
        let end = SimTime(self.accounting.horizon().0);
        let energy = &outcome.energy;
        for (resource, joules) in summary.resources.iter_mut().zip(&energy.resources) {
            resource.energy_mj = joules * 1e3;
        }
        let own = self.dynamics.summary(&self.labels, outcome, end);
        summary.energy_rest_mj = EnergyRest { base: energy.base * 1e3, dram: energy.memory * 1e3 };
        summary.energy_mj = energy.total() * 1e3;
        let completed = summary.requests.completed;
        summary.energy_per_inference_mj = (completed > 0).then(|| summary.energy_mj / completed as f64);
        let seconds = end.seconds();
        summary.average_power_w = if seconds > 0.0 { energy.total() / seconds } else { 0.0 };
        summary.dynamics = Some(own);
    }

    /// The summary, after the run. `speedup_over_best_single` and `fallback` are left to the caller.
    ///
    /// # Errors
    /// [`AccountingError`] when the simulation's intervals do not add up.
    pub fn summary(&self, context: SummaryContext) -> Result<RunSummary, AccountingError> {
        let horizon = self.accounting.horizon();
        let totals = self.accounting.totals()?;
        let energy = self.accounting.energy();
        let seconds = horizon.seconds();
        let per_second = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        let resources = self
            .accounting
            .names()
            .zip(totals.iter().zip(&energy.resources))
            .map(|(name, (t, joules))| ResourceSummary {
                name: name.to_owned(),
                busy_ms: t.busy.millis(),
                overhead_ms: t.overhead.millis(),
                blocked_ms: t.blocked.millis(),
                suspended_ms: t.suspended.millis(),
                idle_ms: t.idle(horizon).millis(),
                utilization: t.utilization(horizon),
                energy_mj: joules.0 * 1e3,
            })
            .collect();
        let streams = self.metrics.streams();
        // A chain is one request, whatever its stages are.
        let own = || streams.iter().enumerate().filter(|(i, _)| !self.chains.is_member(*i)).map(|(_, s)| s);
        let requests = own().map(counts).chain(self.chains.counts()).fold(
            RequestCounts { arrived: 0, completed: 0, dropped: 0, in_flight: 0 },
            |a, b| RequestCounts {
                arrived: a.arrived + b.arrived,
                completed: a.completed + b.completed,
                dropped: a.dropped + b.dropped,
                in_flight: a.in_flight + b.in_flight,
            },
        );
        let mut warm_up: Vec<f64> = own().flat_map(StreamMetrics::warm_up_latencies_ms).collect();
        warm_up.extend(self.chains.warm_up_latencies_ms());
        let mut latencies: Vec<f64> = own().flat_map(StreamMetrics::latencies_ms).collect();
        latencies.extend(self.chains.latencies_ms());
        let one_series = own().count() + self.chains.len() == 1;
        let total = energy.total().0;
        Ok(RunSummary {
            schema_version: SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: self.labels.scenario.clone(),
            soc: self.labels.soc.clone(),
            setup: None,
            dynamics: None,
            seed: self.labels.seed,
            input_hashes: context.input_hashes,
            simulated_ms: horizon.millis(),
            latency_ms: latency(&latencies, one_series),
            warm_up_latency_ms: latency(&warm_up, one_series),
            throughput_per_s: (seconds > 0.0).then(|| requests.completed as f64 / seconds),
            speedup_over_best_single: None,
            energy_mj: total * 1e3,
            energy_per_inference_mj: (requests.completed > 0)
                .then(|| total * 1e3 / requests.completed as f64),
            average_power_w: per_second(total),
            model_error: Vec::new(),
            energy_rest_mj: EnergyRest { base: energy.base.0 * 1e3, dram: energy.dram.0 * 1e3 },
            resources,
            fallback: None,
            transfers: TransferSummary {
                count: self.transfers.count,
                bytes: self.transfers.bytes,
                time_ms: self.transfers.time.millis(),
                converted_bytes: self.transfers.converted_bytes,
                conversion_ms: self.transfers.conversion.millis(),
            },
            requests,
            streams: streams
                .iter()
                .enumerate()
                .map(|(i, s)| StreamSummary {
                    name: self.labels.stream(i as u16),
                    latency_ms: latency(&s.latencies_ms(), true),
                    warm_up_latency_ms: latency(&s.warm_up_latencies_ms(), true),
                    throughput_per_s: (seconds > 0.0).then(|| counts(s).completed as f64 / seconds),
                    requests: counts(s),
                })
                .collect(),
            chains: self.chains.summaries(&self.labels),
            peak_memory_bytes: self.memory.as_ref().map(MemoryPeak::peak_bytes),
            peak_memory_definition: super::memory::DEFINITION,
            memory: None,
            bandwidth: BandwidthSummary {
                average_gb_per_s: per_second(self.accounting.dram_bytes()) / 1e9,
                peak_gb_per_s: self.accounting.peak_bandwidth() / 1e9,
            },
            profiling: None,
            prediction_error: self.prediction_summary(),
            warnings: context.warnings,
        })
    }

    fn prediction_summary(&self) -> Option<PredictionSummary> {
        Some(PredictionSummary {
            units: self.prediction.units,
            mape_percent: self.prediction.mape_percent()?,
            of_belief_percent: self.prediction.of_belief_percent()?,
            bias_percent: self.prediction.bias_percent()?,
            within_10_percent: self.prediction.within_10_percent()?,
            worst_percent: self.prediction.worst_percent()?,
        })
    }
}

fn counts(stream: &StreamMetrics) -> RequestCounts {
    RequestCounts {
        arrived: stream.arrived,
        completed: stream.completed,
        dropped: stream.dropped,
        in_flight: stream.in_flight(),
    }
}

/// Summary of latencies in milliseconds. An interval of the mean needs one series in order of completion,
/// not several behind one another.
pub(super) fn latency(sample: &[f64], one_series: bool) -> Option<LatencySummary> {
    let s = summarize(sample)?;
    let batches = if one_series { batch_means(sample, 0.95) } else { None };
    let (half_width, method) = match batches {
        Some(batches) => (Some(batches.interval.half_width()), Some("batch-means")),
        None if one_series => match mean_interval(sample, 0.95) {
            Some(interval) => (Some(interval.half_width()), Some("student-t")),
            None => (None, None),
        },
        None => (None, None),
    };
    Some(LatencySummary {
        count: s.count,
        mean: s.mean,
        median: s.median,
        p90: s.p90,
        p95: s.p95,
        p99: s.p99,
        min: s.min,
        max: s.max,
        std: s.std,
        ci95_half_width: half_width,
        ci95_method: method,
    })
}

macro_rules! tell_all {
    ($self:ident, $($call:tt)*) => {
        $self.metrics.$($call)*;
        $self.chains.$($call)*;
        $self.accounting.$($call)*;
        $self.transfers.$($call)*;
        $self.prediction.$($call)*;
        if let Some(memory) = &mut $self.memory {
            memory.$($call)*;
        }
    };
}

impl Observer for Summarizer {
    fn arrived(&mut self, now: SimTime, request: RequestId, nominal: SimTime) {
        tell_all!(self, arrived(now, request, nominal));
    }
    fn dropped(&mut self, now: SimTime, request: RequestId) {
        tell_all!(self, dropped(now, request));
    }
    fn admitted(&mut self, now: SimTime, request: RequestId) {
        tell_all!(self, admitted(now, request));
    }
    fn finished(&mut self, now: SimTime, request: RequestId) {
        tell_all!(self, finished(now, request));
    }
    fn placed(&mut self, now: SimTime, unit: PlacedUnit, believed: SimDuration) {
        tell_all!(self, placed(now, unit, believed));
    }
    fn unit_started(&mut self, now: SimTime, unit: PlacedUnit) {
        tell_all!(self, unit_started(now, unit));
    }
    fn unit_finished(&mut self, now: SimTime, unit: PlacedUnit) {
        tell_all!(self, unit_finished(now, unit));
    }
    fn operator_finished(&mut self, now: SimTime, start: SimTime, unit: PlacedUnit, operator: u32) {
        tell_all!(self, operator_finished(now, start, unit, operator));
    }
    fn interval(&mut self, interval: Interval) {
        tell_all!(self, interval(interval));
    }
    fn transferred(&mut self, transfer: TransferRecord) {
        tell_all!(self, transferred(transfer));
    }
    fn bandwidth(&mut self, now: SimTime, bytes_per_second: f64) {
        tell_all!(self, bandwidth(now, bytes_per_second));
    }
    fn frequency(&mut self, now: SimTime, domain: u16, clock: Hertz) {
        self.dynamics.frequency(now, domain, clock);
    }
    fn temperature(&mut self, now: SimTime, node: u16, temperature: Celsius) {
        self.dynamics.temperature(now, node, temperature);
    }
    fn opened(&mut self, now: SimTime, root: RequestId, origin: SimTime) {
        tell_all!(self, opened(now, root, origin));
    }
    fn advanced(&mut self, now: SimTime, request: RequestId, origin: SimTime, root_number: u32) {
        tell_all!(self, advanced(now, request, origin, root_number));
    }
    fn served(&mut self, now: SimTime, root: RequestId, origin: SimTime, whole: bool) {
        tell_all!(self, served(now, root, origin, whole));
    }
    fn ended(&mut self, now: SimTime) {
        tell_all!(self, ended(now));
    }
}
