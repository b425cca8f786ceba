//! What the size of the placed unit does to latency, beside competing processes.
//!
//! The study "Deep Learning Inference on Heterogeneous Mobile Processors" (arXiv 2405.01851) states that units that are too small are held
//! up by transfers and by waiting, and that units that are too large leave cores without work; it gives no numbers. Three dials turn
//! the size here: operators placed together (`eft`, several requests in flight), operators cut at all (`mulayer-like`, one request), and operators placed
//! together while frames come in bursts, so that no other request fills a processor that has nothing left to do.

pub use super::granularity_dial::Dial;
use super::granularity_dial::{CPU, GPU, case};
use crate::diagnostics::InputError;
use crate::experiment::compare::play_cases;
use crate::record::summary::RunSummary;
use serde::Serialize;
use std::collections::BTreeSet;

/// What to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GranularityOptions {
    /// Dials to turn.
    pub dials: Vec<Dial>,
    /// Network.
    pub network: String,
    /// Competing processes at most; 0 to so many are tried.
    pub competitors: u32,
    /// Cores or clusters that they are bound to, one after the other; empty lets the scheduler move them anywhere.
    pub on: Vec<String>,
    /// Predictor of the strategies, as text.
    pub predictor: crate::predict::PredictorSpec,
    /// Requests of each run.
    pub requests: u32,
    /// Frames that come at once (dial `burst`).
    pub burst: u32,
    /// Seed.
    pub seed: u64,
    /// Threads.
    pub jobs: usize,
}

impl Default for GranularityOptions {
    fn default() -> Self {
        Self {
            dials: Dial::ALL.to_vec(),
            network: "resnet50".to_owned(),
            competitors: 6,
            on: ["cpu4", "cpu5", "cpu6", "cpu7"].map(str::to_owned).to_vec(),
            predictor: crate::predict::PredictorSpec::default(),
            requests: 60,
            burst: 3,
            seed: 0,
            jobs: 1,
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GranularityRow {
    /// The dial.
    pub dial: Dial,
    /// Its setting.
    pub min_unit: u32,
    /// Competing processes.
    pub competitors: u32,
    /// Mean latency of requests; null when it could not be played.
    pub mean_latency_ms: Option<f64>,
    /// Requests per second.
    pub throughput_per_s: Option<f64>,
    /// Units handed to an executor, for each request: where a runtime waits for the end of what it handed over.
    pub synchronisations: f64,
    /// Tensors moved between executors or from and to the host, for each request.
    pub transfers: f64,
    /// Bytes moved, for each request.
    pub bytes_moved: f64,
    /// Bytes whose layout was rewritten, for each request.
    pub bytes_converted: f64,
    /// Shares of the time of the cores and the device that inference may use, together 1.
    pub busy: f64,
    /// Dispatch, conversion, synchronisation.
    pub overhead: f64,
    /// Holding work that waits for data, a partner or memory.
    pub blocked: f64,
    /// Descheduled.
    pub suspended: f64,
    /// Nothing to do.
    pub idle: f64,
    /// The same of the cores alone, as a share of their time.
    pub cpu_idle: f64,
    /// And of the GPU.
    pub gpu_idle: f64,
    /// Why it could not be played.
    pub failure: Option<String>,
}

/// The best setting of a dial beside some competitors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Optimum {
    /// The dial.
    pub dial: Dial,
    /// Competing processes.
    pub competitors: u32,
    /// Setting with the most requests per second.
    pub min_unit: u32,
    /// That rate.
    pub throughput_per_s: f64,
    /// Time for each request at the finest setting / the least.
    pub finest_over_best: f64,
    /// Time for each request at the coarsest setting / the least.
    pub coarsest_over_best: f64,
    /// Whether both ends are at least 2 % slower than the best in between.
    pub u_shaped: bool,
    /// Overhead and blocked at the finest setting less those at the best, as shares of time.
    pub finest_waits: f64,
    /// Idle at the coarsest setting less that at the best, as a share of time.
    pub coarsest_idles: f64,
}

/// The study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GranularityReport {
    /// What is repeated.
    pub source: &'static str,
    /// What the columns are.
    pub definition: String,
    /// Network.
    pub network: String,
    /// Device.
    pub device: &'static str,
    /// Requests of each run.
    pub requests: u32,
    /// Frames of a burst.
    pub burst: u32,
    /// Seed.
    pub seed: u64,
    /// Runs: dials, then competitors, then settings from fine to coarse.
    pub rows: Vec<GranularityRow>,
    /// The best of each dial and number of competitors.
    pub optima: Vec<Optimum>,
    /// What holds of the published statement, in words, for each dial.
    pub findings: Vec<String>,
}

/// Repeats the study. `done` hears of every run.
///
/// # Errors
/// Settings that make no scenario. What cannot be played is said in its row.
pub fn granularity(
    options: &GranularityOptions,
    count: &dyn Fn(usize),
    done: &(dyn Fn() + Sync),
) -> Result<GranularityReport, InputError> {
    let mut cases = Vec::new();
    let mut heads = Vec::new();
    for &dial in &options.dials {
        for competitors in 0..=options.competitors {
            for &setting in dial.settings() {
                cases.push(case(options, dial, competitors, setting)?);
                heads.push((dial, competitors, setting));
            }
        }
    }
    count(cases.len());
    let results = play_cases(&cases, 1, options.jobs, done);
    // Cores that no executor has never hold work.
    let all = results.iter().flatten().flatten().flat_map(|summary| &summary.resources);
    let holds = all.filter(|resource| resource.busy_ms + resource.overhead_ms > 0.0);
    let used: BTreeSet<&str> = holds.map(|resource| resource.name.as_str()).collect();
    let rows: Vec<GranularityRow> = heads
        .into_iter()
        .zip(&results)
        .map(|(head, result)| match result {
            Ok(summaries) => row(head, options.burst, (summaries.first(), &used), None),
            Err(why) => row(head, options.burst, (None, &used), Some(why.clone())),
        })
        .collect();
    let optima = optima(&rows, options);
    let findings = options.dials.iter().map(|&dial| finding(dial, &rows, &optima)).collect();
    Ok(GranularityReport {
        source: "arXiv 2405.01851: granularity of ResNet-50 beside competing processes; no numbers are published",
        definition: format!(
            "dial operators: neighbours placed together at least, {} requests in flight, online earliest finish time; dial slices: 10^6 \
             multiply-accumulates from which an operator is cut between CPU and GPU, one request at a time; dial burst: as operators, {} frames at once, the next so many when all are \
             done, latency that of the burst; requests back to back until so many are done; competing threads {}, always \
             runnable; shares of the time of {CPU} and gpu",
            Dial::Operators.in_flight(options.burst),
            options.burst,
            if options.on.is_empty() {
                "free to move".to_owned()
            } else {
                format!("bound to {} in turn", options.on.join(", "))
            },
        ),
        network: options.network.clone(),
        device: super::sigma::DEVICE,
        requests: options.requests,
        burst: options.burst,
        seed: options.seed,
        rows,
        optima,
        findings,
    })
}

fn row(
    (dial, competitors, min_unit): (Dial, u32, u32),
    burst: u32,
    (summary, used): (Option<&RunSummary>, &BTreeSet<&str>),
    failure: Option<String>,
) -> GranularityRow {
    let mut row = GranularityRow {
        dial,
        min_unit,
        competitors,
        mean_latency_ms: None,
        throughput_per_s: None,
        synchronisations: 0.0,
        transfers: 0.0,
        bytes_moved: 0.0,
        bytes_converted: 0.0,
        busy: 0.0,
        overhead: 0.0,
        blocked: 0.0,
        suspended: 0.0,
        idle: 0.0,
        cpu_idle: 0.0,
        gpu_idle: 0.0,
        failure,
    };
    let Some(summary) = summary else { return row };
    // A burst counts as one request, with a stage before and one behind its frames.
    let (frames, stages) = if dial == Dial::Burst { (f64::from(burst), 2.0) } else { (1.0, 0.0) };
    let completed = summary.requests.completed.max(1) as f64;
    let requests = completed * frames;
    row.mean_latency_ms = summary.latency_ms.as_ref().map(|latency| latency.mean);
    row.throughput_per_s = summary.throughput_per_s.map(|rate| rate * frames);
    let units = summary.prediction_error.as_ref().map_or(0, |error| error.units);
    row.synchronisations = (units as f64 - stages * completed).max(0.0) / requests;
    row.transfers = summary.transfers.count as f64 / requests;
    row.bytes_moved = summary.transfers.bytes / requests;
    row.bytes_converted = summary.transfers.converted_bytes / requests;
    let used = summary.resources.iter().filter(|resource| used.contains(resource.name.as_str()));
    let count = used.clone().count().max(1) as f64 * summary.simulated_ms.max(f64::MIN_POSITIVE);
    let idle = |of_gpu: bool| {
        let own = used.clone().filter(|resource| (resource.name == GPU) == of_gpu);
        let time = own.clone().count().max(1) as f64 * summary.simulated_ms.max(f64::MIN_POSITIVE);
        own.map(|resource| resource.idle_ms).sum::<f64>() / time
    };
    (row.cpu_idle, row.gpu_idle) = (idle(false), idle(true));
    for resource in used {
        row.busy += resource.busy_ms / count;
        row.overhead += resource.overhead_ms / count;
        row.blocked += resource.blocked_ms / count;
        row.suspended += resource.suspended_ms / count;
        row.idle += resource.idle_ms / count;
    }
    row
}

fn of(
    rows: &[GranularityRow],
    dial: Dial,
    competitors: u32,
) -> impl Iterator<Item = &GranularityRow> + Clone {
    rows.iter().filter(move |row| row.dial == dial && row.competitors == competitors)
}

fn optima(rows: &[GranularityRow], options: &GranularityOptions) -> Vec<Optimum> {
    let mut optima = Vec::new();
    for &dial in &options.dials {
        for competitors in 0..=options.competitors {
            let played =
                of(rows, dial, competitors).filter_map(|row| Some((row, 1e3 / row.throughput_per_s?)));
            let least = played.clone().min_by(|a, b| a.1.total_cmp(&b.1));
            let (Some(best), Some(first), Some(last)) = (least, played.clone().next(), played.last()) else {
                continue;
            };
            let ends = (first.1 / best.1, last.1 / best.1);
            optima.push(Optimum {
                dial,
                competitors,
                min_unit: best.0.min_unit,
                throughput_per_s: 1e3 / best.1,
                finest_over_best: ends.0,
                coarsest_over_best: ends.1,
                u_shaped: ends.0 >= 1.02 && ends.1 >= 1.02,
                finest_waits: (first.0.overhead + first.0.blocked) - (best.0.overhead + best.0.blocked),
                coarsest_idles: last.0.idle - best.0.idle,
            });
        }
    }
    optima
}

/// What holds of the published statement.
fn finding(dial: Dial, rows: &[GranularityRow], optima: &[Optimum]) -> String {
    let own: Vec<&Optimum> = optima.iter().filter(|optimum| optimum.dial == dial).collect();
    let shaped = own.iter().filter(|optimum| optimum.u_shaped).count();
    let mut best: Vec<String> = own.iter().map(|optimum| optimum.min_unit.to_string()).collect();
    let all = best.join(", ");
    best.dedup();
    // The finest setting against the coarsest, over all numbers of competitors.
    let mut counts = [0usize; 3];
    for optimum in &own {
        let mut ends = of(rows, dial, optimum.competitors).filter(|row| row.failure.is_none());
        let (Some(fine), Some(coarse)) = (ends.next(), ends.last()) else { continue };
        counts[0] += usize::from(fine.blocked + fine.overhead > coarse.blocked + coarse.overhead);
        counts[1] += usize::from(coarse.idle > fine.idle);
        counts[2] += usize::from(fine.transfers > coarse.transfers);
    }
    let of = own.len();
    format!(
        "{}: both ends slower than the best in between beside {shaped} of {of} numbers of competitors; best settings {all} ({}); the finest \
         setting spends more on overhead and blocked than the coarsest in {} of {of}, moves more tensors in {}; the coarsest is idle more in {}; against the best setting, the \
         finest spends more on them in {}, the coarsest is idle more in {}",
        dial.id(),
        if best.len() > 1 { "the optimum moves" } else { "the optimum does not move" },
        counts[0],
        counts[2],
        counts[1],
        own.iter().filter(|optimum| optimum.finest_waits > 0.0).count(),
        own.iter().filter(|optimum| optimum.coarsest_idles > 0.0).count(),
    )
}
