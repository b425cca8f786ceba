//! One claim in one cell: baselines, strategies, and what bounds them.

use super::ceiling::{least_round, longest_way};
use super::claims::{Alternative, Claim, Workload};
use super::play::{Played, Shares, Stream, play, prepare, stretched};
use crate::experiment::reproduce::ReproduceError;
use crate::record::summary::RunSummary;
use serde::Serialize;

/// A value of the metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// The strategy with its parameters.
    pub strategy: &'static str,
    /// Executors that it could use.
    pub executors: Vec<&'static str>,
    /// The metric.
    pub value: f64,
}

/// A variant of the strategy in a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// The metric.
    #[serde(flatten)]
    pub value: Value,
    /// Over the baseline that counts.
    pub gain: f64,
    /// The same if moving, converting and invoking cost nothing; the strategy plans for it. Looked at for the variant with the largest gain: in
    /// all cells, or where the source says up to in the cell that reached it.
    pub gain_if_free: Option<f64>,
    /// Where the time of its processors went.
    pub shares: Shares,
}

/// A claim for one set of networks, at one load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The networks.
    pub networks: Vec<&'static str>,
    /// The load, where arrivals have one.
    pub load: Option<f64>,
    /// What the strategy is compared with.
    pub baselines: Vec<Value>,
    /// Position of the baseline that counts.
    pub against: usize,
    /// The largest gain that the processors hold: for whole networks divided among them in any proportion (frames, rounds, single requests), for the longest
    /// way through the graph with each operator where it is fastest (single requests, the smaller of the two; stretched networks), for all in time (deadlines).
    pub ceiling: f64,
    /// Its variants; empty when the cell is left out.
    pub variants: Vec<Variant>,
    /// Why it is left out.
    pub left_out: Option<String>,
}

/// Plays all cells of a claim.
pub(super) fn cells(claim: &Claim) -> Result<Vec<Cell>, ReproduceError> {
    let mut cells = Vec::new();
    for networks in claim.networks {
        match claim.workload {
            Workload::Stretched { processors } => cells.push(stretch(claim, networks, processors)?),
            Workload::Deadlines { loads, .. } => {
                let alone = alone(claim, networks)?;
                for &load in loads {
                    cells.push(cell(claim, networks, Some(load), &alone)?);
                }
            }
            _ => cells.push(cell(claim, networks, None, &alone(claim, networks)?)?),
        }
    }
    Ok(cells)
}

/// A network on one processor, with nothing else there.
struct Alone {
    /// For each executor of the strategy: seconds of one request, and seconds for which it holds its busiest resource.
    times: Vec<(f64, f64)>,
    longest_way: f64,
}

impl Alone {
    fn fastest(&self) -> f64 {
        self.times.iter().map(|(latency, _)| *latency).fold(f64::INFINITY, f64::min)
    }
}

fn alone(claim: &Claim, networks: &[&'static str]) -> Result<Vec<Alone>, ReproduceError> {
    let executors = claim.strategies.first().map_or(&[][..], |strategy| strategy.executors);
    networks
        .iter()
        .map(|network| {
            let mut times = Vec::new();
            for &executor in executors {
                let stream = Stream {
                    network,
                    arrivals: "{ kind = \"single\" }".to_owned(),
                    in_flight: 1,
                    deadline_ms: None,
                };
                // Where operators are not supported the network cannot run whole.
                let played = prepare(&claim.place, ("single", &[executor]), &[stream], 0)
                    .and_then(|own| play(own, false));
                let Ok(Played { summary, .. }) = played else {
                    times.push((f64::INFINITY, f64::INFINITY));
                    continue;
                };
                let held = summary.resources.iter().map(|r| r.busy_ms + r.overhead_ms).fold(0.0, f64::max);
                times.push((summary.simulated_ms * 1e-3, held * 1e-3));
            }
            let stream = Stream {
                network,
                arrivals: "{ kind = \"single\" }".to_owned(),
                in_flight: 1,
                deadline_ms: None,
            };
            let assembled = prepare(&claim.place, ("single", executors), &[stream], 0)?;
            let way = assembled.problem.streams.first().map(|own| longest_way(&own.dag, &own.costs));
            Ok(Alone { times, longest_way: way.unwrap_or(0.0) })
        })
        .collect()
}

fn cell(
    claim: &Claim,
    networks: &[&'static str],
    load: Option<f64>,
    alone: &[Alone],
) -> Result<Cell, ReproduceError> {
    let mut baselines = Vec::new();
    for alternative in claim.baselines {
        let (value, _) = measure(claim, alternative, networks, (load, alone), false)?;
        baselines.push(Value {
            strategy: alternative.strategy,
            executors: alternative.executors.to_vec(),
            value,
        });
    }
    let (against, base) = counts(claim, &baselines);
    let mut cell = Cell {
        networks: networks.to_vec(),
        load,
        baselines,
        against,
        ceiling: 1.0,
        variants: Vec::new(),
        left_out: None,
    };
    let held: Vec<Vec<f64>> =
        alone.iter().map(|own| own.times.iter().map(|(_, held)| *held).collect()).collect();
    cell.ceiling = match claim.workload {
        Workload::Deadlines { .. } => 1.0 / base,
        Workload::Single => {
            let way: f64 = alone.iter().map(|own| own.longest_way).sum();
            1.0 / (base * way.max(least_round(&held)))
        }
        _ => 1.0 / (base * least_round(&held)),
    };
    if matches!(claim.workload, Workload::Deadlines { .. }) && base < 0.05 {
        cell.left_out = Some(format!("the best baseline keeps {:.1} % in time", 100.0 * base));
        return Ok(cell);
    }
    for alternative in claim.strategies {
        let (value, shares) = measure(claim, alternative, networks, (load, alone), false)?;
        cell.variants.push(variant(alternative, value, base, shares));
    }
    Ok(cell)
}

/// Plays a variant again in a cell, with free transfers, conversions and invocations.
pub(super) fn play_free(claim: &Claim, cell: &mut Cell, number: usize) -> Result<(), ReproduceError> {
    let (Some(alternative), Some(base)) =
        (claim.strategies.get(number), cell.baselines.get(cell.against).map(|baseline| baseline.value))
    else {
        return Ok(());
    };
    let value = match claim.workload {
        Workload::Stretched { processors } => {
            let stem = cell.networks.first().copied().unwrap_or_default();
            1e3 / stretched(&claim.place, alternative, (stem, processors), true)?.latency_ms
        }
        _ => {
            let alone = alone(claim, &cell.networks)?;
            measure(claim, alternative, &cell.networks, (cell.load, &alone), true)?.0
        }
    };
    if let Some(variant) = cell.variants.get_mut(number) {
        variant.gain_if_free = Some(value / base);
    }
    Ok(())
}

fn variant(alternative: &Alternative, value: f64, base: f64, shares: Shares) -> Variant {
    Variant {
        value: Value { strategy: alternative.strategy, executors: alternative.executors.to_vec(), value },
        gain: value / base,
        gain_if_free: None,
        shares,
    }
}

/// The baseline that counts, and its value.
fn counts(claim: &Claim, baselines: &[Value]) -> (usize, f64) {
    let mut chosen = (0, f64::NAN);
    for (number, baseline) in baselines.iter().enumerate() {
        let better = if claim.worst { baseline.value < chosen.1 } else { baseline.value > chosen.1 };
        if chosen.1.is_nan() || better {
            chosen = (number, baseline.value);
        }
    }
    chosen
}

/// The metric of an alternative, and where its time went.
fn measure(
    claim: &Claim,
    alternative: &Alternative,
    networks: &[&'static str],
    (load, alone): (Option<f64>, &[Alone]),
    free: bool,
) -> Result<(f64, Shares), ReproduceError> {
    let stream = |network: &&'static str, arrivals: String, in_flight: u32, deadline_ms: Option<f64>| {
        Stream { network, arrivals, in_flight, deadline_ms }
    };
    let once = |streams: &[Stream<'_>], seed: u64| {
        prepare(&claim.place, (alternative.strategy, alternative.executors), streams, seed)
            .and_then(|own| play(own, free))
    };
    let rate = |played: &Played, count: u32| {
        let seconds = played.summary.simulated_ms * 1e-3;
        if seconds > 0.0 { f64::from(count) / seconds } else { 0.0 }
    };
    match claim.workload {
        Workload::Frames { frames, in_flight } => {
            let times = vec!["0"; frames as usize].join(", ");
            let arrivals = || format!("{{ kind = \"trace\", times_ms = [{times}] }}");
            let streams: Vec<_> =
                networks.iter().map(|own| stream(own, arrivals(), in_flight, None)).collect();
            let played = once(&streams, 0)?;
            Ok((rate(&played, frames), played.shares))
        }
        Workload::Rounds { rounds } => {
            let arrivals = || format!("{{ kind = \"back-to-back\", count = {rounds} }}");
            let streams: Vec<_> = networks.iter().map(|own| stream(own, arrivals(), 1, None)).collect();
            let played = once(&streams, 0)?;
            Ok((rate(&played, rounds), played.shares))
        }
        Workload::Single | Workload::Stretched { .. } => {
            let streams: Vec<_> =
                networks.iter().map(|own| stream(own, "{ kind = \"single\" }".to_owned(), 1, None)).collect();
            let played = once(&streams, 0)?;
            Ok((rate(&played, 1), played.shares))
        }
        Workload::Deadlines { requests, slack, seeds, .. } => {
            let load = load.unwrap_or(1.0);
            let together: f64 = alone.iter().map(Alone::fastest).sum();
            let per_second = load / together;
            let streams: Vec<_> = networks
                .iter()
                .zip(alone)
                .map(|(own, time)| {
                    let arrivals = format!(
                        "{{ kind = \"poisson\", rate_per_second = {per_second:.6}, count = {requests} }}"
                    );
                    stream(own, arrivals, requests, Some(1e3 * slack * time.fastest()))
                })
                .collect();
            let (mut sum, mut shares) = (0.0, Shares::default());
            for seed in 0..u64::from(seeds.max(1)) {
                let played = once(&streams, seed)?;
                sum += in_time(&played.summary);
                shares.add(&played.shares, 1.0 / f64::from(seeds.max(1)));
            }
            Ok((sum / f64::from(seeds.max(1)), shares))
        }
    }
}

/// Share of requests of all streams that kept their deadlines.
fn in_time(summary: &RunSummary) -> f64 {
    let deadlines = || summary.chains.iter().filter_map(|chain| chain.deadline.as_ref());
    let judged: u64 = deadlines().map(|deadline| deadline.judged).sum();
    let missed: u64 = deadlines().map(|deadline| deadline.missed).sum();
    if judged == 0 { 0.0 } else { 1.0 - missed as f64 / judged as f64 }
}

fn stretch(
    claim: &Claim,
    networks: &[&'static str],
    processors: &'static str,
) -> Result<Cell, ReproduceError> {
    let stem = networks.first().copied().unwrap_or_default();
    let mut baselines = Vec::new();
    for alternative in claim.baselines {
        // The artifact names processors by a letter: C, G, D.
        let suffix = match alternative.executors.first() {
            Some(&"gpu") => "G",
            Some(&"dsp") => "D",
            _ => "C",
        };
        let run = stretched(&claim.place, alternative, (stem, suffix), false)?;
        let value = 1e3 / run.latency_ms;
        baselines.push(Value {
            strategy: alternative.strategy,
            executors: alternative.executors.to_vec(),
            value,
        });
    }
    let (against, base) = counts(claim, &baselines);
    let mut variants = Vec::new();
    let mut way = f64::INFINITY;
    for alternative in claim.strategies {
        let run = stretched(&claim.place, alternative, (stem, processors), false)?;
        way = way.min(run.longest_way_ms);
        variants.push(variant(alternative, 1e3 / run.latency_ms, base, run.shares));
    }
    let ceiling = 1e3 / (base * way);
    Ok(Cell {
        networks: networks.to_vec(),
        load: None,
        baselines,
        against,
        ceiling,
        variants,
        left_out: None,
    })
}
