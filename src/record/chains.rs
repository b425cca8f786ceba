//! Chains of stages: end-to-end latencies, deadlines, and what each stage contributes.

use serde::Serialize;

use super::labels::RunLabels;
use super::summarizer::latency;
use super::summary::{LatencySummary, RequestCounts};
use crate::simulation::observer::{Observer, RequestId};
use crate::units::{SimDuration, SimTime};

/// A chain for people.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainLabels {
    /// Name of the chain.
    pub name: String,
    /// Its streams in order, the root first.
    pub stages: Vec<u16>,
    /// End-to-end deadline.
    pub deadline: Option<SimDuration>,
    /// Requests at the start that do not count.
    pub warm_up: u32,
    /// For generation: prompt length, tokens, and the streams of prompt and tokens.
    pub generation: Option<GenerationLabels>,
    /// Streams that run before the first request only, with the first stage behind them.
    pub cold: Vec<u16>,
}

/// Generation of text in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationLabels {
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Tokens generated, the first of them by the prompt's stage.
    pub tokens: u32,
    /// Stream that processes prompts.
    pub prefill: u16,
    /// Stream of the other tokens; `None` if there is only one.
    pub decode: Option<u16>,
}

/// What one chain came to, for the summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChainSummary {
    /// Name of the chain: that of the stream it was declared at.
    pub name: String,
    /// From arrival to the end of the last stage, of requests that were served in whole, after the warm-up. A chain with a cold
    /// start leaves out what arrived before its first request was over.
    pub latency_ms: Option<LatencySummary>,
    /// The same of warm-up requests.
    pub warm_up_latency_ms: Option<LatencySummary>,
    /// Requests; `dropped` are those of which a stage dropped a part.
    pub requests: RequestCounts,
    /// How the deadline was kept.
    pub deadline: Option<DeadlineSummary>,
    /// Time from the request's arrival to the completion of each stage.
    pub stages: Vec<StageSummary>,
    /// Before and at the first inference.
    pub cold_start: Option<ColdStartSummary>,
    /// Generation of text.
    pub generation: Option<GenerationSummary>,
}

/// How a deadline was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadlineSummary {
    /// The deadline.
    pub deadline_ms: f64,
    /// Requests that are over, or still under way past it, warm-up included.
    pub judged: u64,
    /// Those that were late, lost or are overdue at the end.
    pub missed: u64,
    /// missed / judged.
    pub miss_ratio: f64,
}

/// When requests leave one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageSummary {
    /// Name of the stage's stream.
    pub name: String,
    /// Completed requests of the stage, warm-up included.
    pub completed: u64,
    /// Time from the chain's arrival to the end of the stage, after the warm-up.
    pub since_arrival_ms: Option<LatencySummary>,
}

/// Cold start, apart from the steady state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColdStartSummary {
    /// Duration of each stage that runs once.
    pub stages_ms: Vec<(String, f64)>,
    /// From the end of the last of these to the end of the first inference.
    pub first_inference_ms: Option<f64>,
    /// From the first arrival to the end of its request.
    pub total_ms: Option<f64>,
}

/// Generation of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenerationSummary {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens generated for each request.
    pub generated_tokens: u32,
    /// From arrival to the first token, after the warm-up.
    pub time_to_first_token_ms: Option<LatencySummary>,
    /// From one token to the next.
    pub time_per_token_ms: Option<LatencySummary>,
    /// Tokens after the first, divided by the time that they took.
    pub tokens_per_s: Option<f64>,
    /// Prompt tokens divided by the time in which they were processed.
    pub prompt_tokens_per_s: Option<f64>,
}

#[derive(Debug, Clone, Default)]
struct Sample {
    warm: Vec<u64>,
    counted: Vec<u64>,
}

impl Sample {
    fn push(&mut self, warm_up: bool, value: u64) {
        if warm_up { &mut self.warm } else { &mut self.counted }.push(value);
    }

    fn summary(&self) -> Option<LatencySummary> {
        latency(&millis(&self.counted), true)
    }
}

fn millis(values: &[u64]) -> Vec<f64> {
    values.iter().map(|&ps| ps as f64 / 1e9).collect()
}

/// What is known of one chain.
#[derive(Debug, Clone, Default)]
struct Chain {
    labels: ChainLabels,
    arrived: u64,
    lost: u64,
    late: u64,
    latencies: Sample,
    /// For each stage: since the chain's arrival.
    elapsed: Vec<Sample>,
    /// Completed requests of each stage.
    completed: Vec<u64>,
    /// Origins of requests under way, by number.
    open: std::collections::BTreeMap<u32, SimTime>,
    /// When the first request left each stage.
    first_ends: Vec<Option<SimTime>>,
    first_origin: Option<SimTime>,
    first_total: Option<SimDuration>,
    /// When the first request was over.
    warm_from: Option<SimTime>,
    /// Own time of each prompt and each token.
    prefill: Sample,
    decode: Sample,
    started: std::collections::BTreeMap<(u16, u32), SimTime>,
    end: SimTime,
}

/// Observes all chains of a run.
#[derive(Debug, Clone, Default)]
pub struct ChainMetrics {
    chains: Vec<Chain>,
    /// Chain of each stream.
    of_stream: Vec<Option<usize>>,
}

impl ChainMetrics {
    /// An observer for the chains of `labels`.
    #[must_use]
    pub fn new(labels: &RunLabels) -> Self {
        let mut of_stream = vec![None; labels.streams.len()];
        for (i, chain) in labels.chains.iter().enumerate() {
            for &stage in &chain.stages {
                if let Some(slot) = of_stream.get_mut(stage as usize) {
                    *slot = Some(i);
                }
            }
        }
        let chain = |labels: &ChainLabels| Chain {
            elapsed: vec![Sample::default(); labels.stages.len()],
            completed: vec![0; labels.stages.len()],
            first_ends: vec![None; labels.stages.len()],
            labels: labels.clone(),
            ..Chain::default()
        };
        Self { chains: labels.chains.iter().map(chain).collect(), of_stream }
    }

    /// Whether a stream is part of a chain.
    #[must_use]
    pub fn is_member(&self, stream: usize) -> bool {
        self.of_stream.get(stream).copied().flatten().is_some()
    }

    /// End-to-end latencies after the warm-ups in milliseconds, chain by chain.
    #[must_use]
    pub fn latencies_ms(&self) -> Vec<f64> {
        self.chains.iter().flat_map(|chain| millis(&chain.latencies.counted)).collect()
    }

    /// End-to-end latencies of warm-up requests.
    #[must_use]
    pub fn warm_up_latencies_ms(&self) -> Vec<f64> {
        self.chains.iter().flat_map(|chain| millis(&chain.latencies.warm)).collect()
    }

    /// Number of chains.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chains.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// Requests of every chain.
    pub fn counts(&self) -> impl Iterator<Item = RequestCounts> + '_ {
        self.chains.iter().map(Chain::counts)
    }

    /// The summaries, after the run.
    #[must_use]
    pub fn summaries(&self, labels: &RunLabels) -> Vec<ChainSummary> {
        self.chains.iter().map(|chain| chain.summary(labels)).collect()
    }

    fn chain(&mut self, stream: u16) -> Option<&mut Chain> {
        let chain = self.of_stream.get(stream as usize).copied().flatten()?;
        self.chains.get_mut(chain)
    }
}

impl Chain {
    fn counts(&self) -> RequestCounts {
        RequestCounts {
            arrived: self.arrived,
            completed: (self.latencies.warm.len() + self.latencies.counted.len()) as u64,
            dropped: self.lost,
            in_flight: self.open.len() as u64,
        }
    }

    /// Requests that do not count: the first ones, and those that came while a cold start held them up.
    fn is_warm_up(&self, number: u32, origin: SimTime) -> bool {
        let cold = !self.labels.cold.is_empty() && self.warm_from.is_none_or(|end| origin < end);
        number < self.labels.warm_up || cold
    }

    fn position(&self, stream: u16) -> Option<usize> {
        self.labels.stages.iter().position(|stage| *stage == stream)
    }

    fn deadline(&self) -> Option<DeadlineSummary> {
        let deadline = self.labels.deadline?;
        let overdue = self.open.values().filter(|origin| self.end.since(**origin) > deadline).count() as u64;
        let counts = self.counts();
        let judged = counts.completed + counts.dropped + overdue;
        let missed = self.late + self.lost + overdue;
        let miss_ratio = if judged > 0 { missed as f64 / judged as f64 } else { 0.0 };
        Some(DeadlineSummary { deadline_ms: deadline.millis(), judged, missed, miss_ratio })
    }

    fn cold_start(&self, labels: &RunLabels) -> Option<ColdStartSummary> {
        if self.labels.cold.is_empty() {
            return None;
        }
        let mut since = self.first_origin;
        let mut stages_ms = Vec::new();
        for &stream in &self.labels.cold {
            let end = self.position(stream).and_then(|at| self.first_ends[at]);
            if let Some((from, to)) = since.zip(end) {
                stages_ms.push((labels.stream(stream), to.since(from).millis()));
            }
            since = end;
        }
        let next = self.labels.cold.last().and_then(|last| self.position(*last)).map(|at| at + 1);
        let first = next.and_then(|at| self.first_ends.get(at).copied().flatten());
        Some(ColdStartSummary {
            stages_ms,
            first_inference_ms: since.zip(first).map(|(from, to)| to.since(from).millis()),
            total_ms: self.first_total.map(SimDuration::millis),
        })
    }

    fn generation(&self) -> Option<GenerationSummary> {
        let labels = self.labels.generation?;
        let own = |sample: &Sample| sample.counted.iter().map(|&ps| ps as f64 / 1e12).sum::<f64>();
        let rate = |count: f64, seconds: f64| (seconds > 0.0).then(|| count / seconds);
        Some(GenerationSummary {
            prompt_tokens: labels.prompt,
            generated_tokens: labels.tokens,
            time_to_first_token_ms: self
                .position(labels.prefill)
                .and_then(|at| self.elapsed.get(at))
                .and_then(Sample::summary),
            time_per_token_ms: self.decode.summary(),
            tokens_per_s: rate(self.decode.counted.len() as f64, own(&self.decode)),
            prompt_tokens_per_s: rate(
                self.prefill.counted.len() as f64 * f64::from(labels.prompt),
                own(&self.prefill),
            ),
        })
    }

    fn summary(&self, labels: &RunLabels) -> ChainSummary {
        ChainSummary {
            name: self.labels.name.clone(),
            latency_ms: self.latencies.summary(),
            warm_up_latency_ms: latency(&millis(&self.latencies.warm), true),
            requests: self.counts(),
            deadline: self.deadline(),
            stages: self
                .labels
                .stages
                .iter()
                .enumerate()
                .map(|(at, stream)| StageSummary {
                    name: labels.stream(*stream),
                    completed: self.completed[at],
                    since_arrival_ms: self.elapsed[at].summary(),
                })
                .collect(),
            cold_start: self.cold_start(labels),
            generation: self.generation(),
        }
    }
}

impl Observer for ChainMetrics {
    fn admitted(&mut self, now: SimTime, request: RequestId) {
        let Some(chain) = self.chain(request.stream) else { return };
        let Some(generation) = chain.labels.generation else { return };
        if request.stream == generation.prefill || Some(request.stream) == generation.decode {
            chain.started.insert((request.stream, request.number), now);
        }
    }

    fn opened(&mut self, _now: SimTime, root: RequestId, origin: SimTime) {
        let Some(chain) = self.chain(root.stream) else { return };
        chain.arrived += 1;
        chain.open.insert(root.number, origin);
        if root.number == 0 {
            chain.first_origin = Some(origin);
        }
    }

    fn advanced(&mut self, now: SimTime, request: RequestId, origin: SimTime, root_number: u32) {
        let Some(chain) = self.chain(request.stream) else { return };
        let Some(at) = chain.position(request.stream) else { return };
        let warm_up = chain.is_warm_up(root_number, origin);
        chain.elapsed[at].push(warm_up, now.since(origin).0);
        chain.completed[at] += 1;
        if root_number == 0 && chain.first_ends[at].is_none() {
            chain.first_ends[at] = Some(now);
        }
        if let Some(generation) = chain.labels.generation
            && let Some(start) = chain.started.remove(&(request.stream, request.number))
        {
            let sample =
                if request.stream == generation.prefill { &mut chain.prefill } else { &mut chain.decode };
            sample.push(warm_up, now.since(start).0);
        }
    }

    fn served(&mut self, now: SimTime, root: RequestId, origin: SimTime, whole: bool) {
        let Some(chain) = self.chain(root.stream) else { return };
        chain.open.remove(&root.number);
        if !whole {
            chain.lost += 1;
            return;
        }
        let latency = now.since(origin);
        chain.late += u64::from(chain.labels.deadline.is_some_and(|deadline| latency > deadline));
        if root.number == 0 {
            chain.first_total = Some(latency);
        }
        let warm_up = chain.is_warm_up(root.number, origin);
        chain.latencies.push(warm_up, latency.0);
        if root.number == 0 {
            chain.warm_from = Some(now);
        }
    }

    fn ended(&mut self, now: SimTime) {
        self.chains.iter_mut().for_each(|chain| chain.end = now);
    }
}
