//! Chains in scenarios: stages behind a stream, cold starts, generation, deadlines.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Rule};
use super::scenario::{GraphSource, StreamSpec};
use super::scenario_draws::{RawCount, RawCpuTime, cpu_time, drawn};
use super::scenario_file::duration;
use super::scenario_raw::{RawQueue, RawStream};
use super::scenario_streams::{inside, model_source, queue};
use crate::diagnostics::printable;
use crate::record::chains::{ChainLabels, GenerationLabels};
use crate::simulation::{Arrivals, Count, QueuePolicy, Stage, Trigger, Work};
use crate::units::{BytesPerSec, SimDuration};

/// Most tokens that a request may generate.
const MOST_TOKENS: f64 = 1e5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStage {
    pub(super) name: Spanned<String>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) cpu_time: Option<Spanned<RawCpuTime>>,
    pub(super) on: Option<Spanned<String>>,
    pub(super) generate: Option<Spanned<RawGenerate>>,
    pub(super) count: Option<Spanned<RawCount>>,
    #[serde(default)]
    pub(super) join: bool,
    #[serde(default)]
    pub(super) queue: RawQueue,
    pub(super) max_in_flight: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGenerate {
    model: Spanned<String>,
    prompt: Spanned<i64>,
    tokens: Spanned<i64>,
    weight_bits: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColdStart {
    storage_gb_per_s: Option<Spanned<f64>>,
    compile: Option<Spanned<String>>,
    first_inference_factor: Option<Spanned<f64>>,
    on: Option<Spanned<String>>,
}

/// What one stream of a file comes to: its streams in order, and its chain if it is one.
pub(super) struct Expanded {
    pub(super) streams: Vec<StreamSpec>,
    pub(super) chain: Option<ChainLabels>,
}

/// The streams that a stream with stages stands for; `base` is the number of the first, `own` the stream by itself.
pub(super) fn expand(
    check: &mut Checker<'_>,
    raw: &RawStream,
    own: StreamSpec,
    base: usize,
    folder: &Path,
) -> Expanded {
    let deadline = raw.deadline.as_ref().map(|text| duration(check, text, "deadline"));
    let name = own.name.clone();
    let arrivals = own.arrivals.clone();
    let (model_name, closed_queue) = (name.clone(), own.queue);
    let mut chain = Chain { base, streams: Vec::new(), labels: ChainLabels::default(), cold_factor: None };
    if let Some(cold) = &raw.cold_start {
        if raw.generate.is_none() && raw.model.is_none() {
            let message = "only a model has a cold start";
            check.error(
                "scenario::stage",
                &cold.span(),
                message,
                "remove cold_start, or give the stream a model",
            );
        }
        if closed_queue.policy == QueuePolicy::Block && closed_queue.depth != u32::MAX {
            let message = "a queue that blocks cannot hold requests back behind a cold start";
            check.error(
                "scenario::stage",
                &cold.span(),
                message,
                "remove the queue's depth, or choose a policy that drops",
            );
        }
        chain.cold_start(check, cold, &model_name);
    }
    chain.body(check, own, raw.generate.as_ref(), folder);
    for stage in &raw.stage {
        chain.stage(check, stage, folder);
    }
    let is_chain = chain.streams.len() > 1 || deadline.is_some() || chain.labels.generation.is_some();
    let Chain { mut streams, mut labels, .. } = chain;
    if let Some(first) = streams.first_mut() {
        first.arrivals = arrivals;
        first.stage.is_chain = is_chain;
    }
    labels.name = name;
    labels.stages = (0..streams.len()).map(|i| (base + i) as u16).collect();
    labels.deadline = deadline;
    Expanded { streams, chain: is_chain.then_some(labels) }
}

struct Chain {
    base: usize,
    streams: Vec<StreamSpec>,
    labels: ChainLabels,
    cold_factor: Option<f64>,
}

impl Chain {
    /// Number of the next stream.
    fn next(&self) -> u16 {
        (self.base + self.streams.len()) as u16
    }

    /// Started by what is before it, or by arrivals if nothing is.
    fn trigger(&self, count: Count) -> Trigger {
        match self.streams.len() {
            0 => Trigger::Arrivals,
            _ => Trigger::Each { after: self.next() - 1, count },
        }
    }

    fn cold_start(&mut self, check: &mut Checker<'_>, raw: &Spanned<RawColdStart>, name: &str) {
        let cold = raw.get_ref();
        let on = cold.on.as_ref().map(|on| on.get_ref().clone());
        let once =
            |chain: &Self| Stage { trigger: chain.trigger(Count::Fixed(1)), once: true, ..Stage::default() };
        if let Some(rate) = &cold.storage_gb_per_s {
            let rule = Rule::positive("storage_gb_per_s").plausible(0.05, 20.0);
            let rate = BytesPerSec(check.value(*rate.get_ref(), &rate.span(), rule) * 1e9);
            self.labels.cold.push(self.next());
            let spec = StreamSpec {
                graph: GraphSource::Load { rate, of: 0 },
                stage: once(self),
                on: on.clone(),
                ..StreamSpec::stage(format!("{name}-load"))
            };
            self.streams.push(spec);
        }
        if let Some(text) = &cold.compile {
            let time = duration(check, text, "compile");
            self.labels.cold.push(self.next());
            let spec = StreamSpec {
                graph: GraphSource::CpuTime(time),
                stage: once(self),
                on,
                ..StreamSpec::stage(format!("{name}-compile"))
            };
            self.streams.push(spec);
        }
        if self.streams.is_empty() {
            check.error(
                "scenario::stage",
                &raw.span(),
                "the cold start neither loads nor compiles",
                "add storage_gb_per_s = ... or compile = \"...\"",
            );
        }
        self.labels.warm_up = 1;
        let rule = Rule::within("first_inference_factor", 1.0, 1e4).plausible(1.0, 50.0);
        if let Some(factor) = &cold.first_inference_factor {
            let factor = check.value(*factor.get_ref(), &factor.span(), rule);
            // Taken by the first stage of the model.
            self.cold_factor = Some(factor);
        }
    }

    /// The stream's own model: one stage, or prompt and tokens.
    fn body(
        &mut self,
        check: &mut Checker<'_>,
        own: StreamSpec,
        generate: Option<&Spanned<RawGenerate>>,
        folder: &Path,
    ) {
        let work = match self.cold_factor {
            Some(factor) => Work::ColdFirst(factor),
            None => own.stage.work.clone(),
        };
        let loads = self.next();
        for stream in &mut self.streams {
            if let GraphSource::Load { of, .. } = &mut stream.graph {
                *of = loads as usize;
            }
        }
        let stage = Stage { trigger: self.trigger(Count::Fixed(1)), work, ..own.stage.clone() };
        let own = StreamSpec { stage, ..own };
        match generate {
            Some(generate) => self.generate(check, own, generate, folder),
            None => self.streams.push(own),
        }
    }

    fn generate(
        &mut self,
        check: &mut Checker<'_>,
        own: StreamSpec,
        raw: &Spanned<RawGenerate>,
        folder: &Path,
    ) {
        let generate = raw.get_ref();
        let model = if generate.model.get_ref().ends_with(".toml") {
            inside(check, &generate.model, folder).to_string_lossy().into_owned()
        } else {
            generate.model.get_ref().clone()
        };
        let mut tokens = |number: &Spanned<i64>, name: &'static str| {
            check.value(*number.get_ref() as f64, &number.span(), Rule::within(name, 1.0, MOST_TOKENS)) as u32
        };
        let (prompt, count) = (tokens(&generate.prompt, "prompt"), tokens(&generate.tokens, "tokens"));
        let weight_bits = generate
            .weight_bits
            .as_ref()
            .map(|bits| check.value(*bits.get_ref(), &bits.span(), Rule::within("weight_bits", 1.0, 32.0)));
        let pass = |rows, context, last| GraphSource::Pass {
            model: model.clone(),
            rows,
            context,
            last,
            weight_bits,
        };
        let prefill = self.next();
        let decode = StreamSpec {
            graph: pass(1, prompt + 1, prompt + count.max(2) - 1),
            stage: Stage {
                trigger: Trigger::Each { after: prefill, count: Count::Fixed(1) },
                repeat: count.saturating_sub(1).max(1),
                work: Work::Growing(Vec::new()),
                ..Stage::default()
            },
            queue: own.queue,
            on: own.on.clone(),
            ..StreamSpec::stage(format!("{}-tokens", own.name))
        };
        self.streams.push(StreamSpec { graph: pass(prompt, prompt, prompt), ..own });
        if count > 1 {
            self.streams.push(decode);
        }
        if self.labels.generation.is_some() {
            let message = "a chain generates once";
            check.error("scenario::stage", &raw.span(), message, "remove one of the two generate");
        }
        self.labels.generation = Some(GenerationLabels {
            prompt,
            tokens: count,
            prefill,
            decode: (count > 1).then_some(prefill + 1),
        });
    }

    fn stage(&mut self, check: &mut Checker<'_>, raw: &RawStage, folder: &Path) {
        check.id(&raw.name);
        let given = [raw.model.is_some(), raw.cpu_time.is_some(), raw.generate.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            check.error(
                "scenario::stage",
                &raw.name.span(),
                "a stage runs one thing",
                "give it one of model, cpu_time and generate",
            );
        }
        if let (true, Some(count)) = (raw.join, &raw.count) {
            check.error(
                "scenario::stage",
                &count.span(),
                "a stage that joins runs once for each request of the chain",
                "remove count or join",
            );
        }
        let count = raw.count.as_ref().map_or(Count::Fixed(1), |count| drawn(check, count));
        let trigger = if raw.join {
            Trigger::Join { after: self.next().saturating_sub(1) }
        } else {
            self.trigger(count)
        };
        let rules = queue(check, &raw.queue, raw.max_in_flight.as_ref());
        if let (QueuePolicy::Block, Some(depth)) = (rules.policy, &raw.queue.depth) {
            check.error(
                "scenario::stage",
                &depth.span(),
                "a stage cannot hold back what the stage before has completed",
                "remove the depth, or choose a policy that drops",
            );
        }
        let (graph, work) = match (&raw.model, &raw.cpu_time) {
            (Some(model), _) => (model_source(check, model, folder), Work::Plain),
            (None, Some(time)) => cpu_time(check, time),
            (None, None) => (GraphSource::CpuTime(SimDuration::ZERO), Work::Plain),
        };
        let own = StreamSpec {
            graph,
            queue: rules,
            on: on(check, raw.on.as_ref(), raw.cpu_time.is_some()),
            stage: Stage { trigger, work, ..Stage::default() },
            ..StreamSpec::stage(raw.name.get_ref().clone())
        };
        match &raw.generate {
            Some(generate) => self.generate(check, own, generate, folder),
            None => self.streams.push(own),
        }
    }
}

/// The executor of a stage of fixed time.
pub(super) fn on(check: &mut Checker<'_>, raw: Option<&Spanned<String>>, is_time: bool) -> Option<String> {
    let raw = raw?;
    if !is_time {
        let message = "`on` places processing of a given time; the strategy places models";
        check.error("scenario::stage", &raw.span(), message, "remove `on`");
    }
    Some(raw.get_ref().clone())
}

/// Two streams, stages included, must not have one name.
pub(super) fn unique_names(check: &mut Checker<'_>, streams: &[StreamSpec], place: &std::ops::Range<usize>) {
    for (i, stream) in streams.iter().enumerate() {
        if streams[..i].iter().any(|other| other.name == stream.name) {
            let message = format!("two streams or stages are called `{}`", printable(&stream.name));
            check.error("scenario::stage", place, message, "give each a name of its own");
        }
    }
    if streams.len() > usize::from(u16::MAX) {
        check.error("scenario::stage", place, "more than 65535 streams and stages", "split the scenario");
    }
}

impl StreamSpec {
    /// A stream behind another.
    pub(super) fn stage(name: String) -> Self {
        Self {
            name,
            graph: GraphSource::CpuTime(SimDuration::ZERO),
            arrivals: Arrivals::Single,
            queue: crate::simulation::RequestQueue::ONE_AT_A_TIME,
            service: crate::strategy::ServiceTarget::default(),
            stage: Stage::default(),
            on: None,
            declared: 0,
        }
    }
}
