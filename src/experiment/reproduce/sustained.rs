//! What phones with the same chip keep of their speed after ten minutes.
//!
//! AnandTech 14794 compared Snapdragon 855 phones in the physics test of 3DMark (processor cores, after and between graphics): a
//! Sony Xperia 1 keeps 40 % of its peak, a OnePlus 7 Pro 85 %. Their load is not ours: here the prime and gold cores play a network
//! back to back, with or without the GPU doing the same, so that what is compared is the order and the range, not the
//! number. All phones stand at one set of thermal priors; each prior is swept over the range that the profile's
//! source states, and joint draws from these ranges, the same for all phones, say what is likely. Nothing is tuned to the published shares.

use super::sustained_priors::{PRIORS, draw};
use crate::config::{Library, assemble, scenario_text};
use crate::diagnostics::{Diagnostic, InputError, SourceText};
use crate::simulation::{play, prepare};
use crate::statistics::quantile;
use serde::Serialize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Published shares, by device: least and most that sources state.
const PUBLISHED: [(&str, f64, f64); 2] = [("xperia-1", 0.40, 0.40), ("oneplus-7-pro", 0.85, 1.0)];

/// What heats the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SustainedLoad {
    /// Prime and gold cores.
    Cpu,
    /// Prime and gold cores, and the GPU.
    CpuAndGpu,
}

impl SustainedLoad {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::CpuAndGpu];

    /// Name in tables.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuAndGpu => "cpu+gpu",
        }
    }
}

/// What to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SustainedOptions {
    /// Network.
    pub network: String,
    /// Devices.
    pub devices: Vec<String>,
    /// Length of a run in seconds, at least 20.
    pub seconds: u32,
    /// Joint draws from the priors.
    pub draws: u32,
    /// Threads, at least 1.
    pub jobs: usize,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SustainedRun {
    /// Device.
    pub device: String,
    /// Load.
    pub load: SustainedLoad,
    /// The prior that differs, with its value; none: all at the profile's value; `coolest` and `hottest`: all at that end; `draw N`: all drawn.
    pub prior: Option<String>,
    /// Number of the draw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<u32>,
    /// Throughput on the cores in the last tenth of the run / in the first five seconds.
    pub kept: f64,
    /// Temperature of the skin at the end, degrees Celsius.
    pub skin_celsius: f64,
}

/// A device over all priors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SustainedRow {
    /// Device.
    pub device: String,
    /// Load.
    pub load: SustainedLoad,
    /// At the priors of the profile.
    pub kept: f64,
    /// Median over joint draws from the priors; none without draws.
    pub median: Option<f64>,
    /// What 90 % of the draws stay within; none without draws.
    pub central: Option<[f64; 2]>,
    /// Least and most over all runs: each prior alone and all together at their ends, and the draws.
    pub least: f64,
    /// Least and most over all runs.
    pub most: f64,
    /// Published share, least and most; none for devices without.
    pub published: Option<[f64; 2]>,
    /// Whether the range from least to most and the published share overlap.
    pub inside: Option<bool>,
    /// Whether what 90 % of the draws stay within and the published share overlap.
    pub inside_central: Option<bool>,
}

/// Two devices under the same draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SustainedOrder {
    /// Load.
    pub load: SustainedLoad,
    /// The device named first.
    pub first: String,
    /// The next one.
    pub second: String,
    /// Share of the draws in which the first keeps less.
    pub first_keeps_less: f64,
}

/// The whole study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SustainedReport {
    /// One for each device and load.
    pub rows: Vec<SustainedRow>,
    /// Neighbours in the list of devices, by load; empty without draws.
    pub order: Vec<SustainedOrder>,
    /// Every run.
    pub runs: Vec<SustainedRun>,
    /// What was assumed, in words.
    pub assumptions: Vec<String>,
}

/// A case before it is played: device, load, name, number of the draw, and values of priors.
type Case = (String, SustainedLoad, Option<String>, Option<u32>, Vec<String>);

fn cases(options: &SustainedOptions) -> Vec<Case> {
    let set = |(key, value): (&str, f64)| format!("device.{key}={value}");
    let mut variants: Vec<(Option<String>, Option<u32>, Vec<String>)> = vec![(None, None, Vec::new())];
    for (key, low, high, _) in PRIORS {
        for value in [low, high] {
            variants.push((Some(format!("{key}={value}")), None, vec![set((key, value))]));
        }
    }
    // Cool: much heat leaves, capacities are large, resistances small, base and room cool.
    let cool = |low: f64, high: f64, key: &str| {
        let large = key.contains("film") || key.ends_with("_k") && key.contains("_j_per_");
        if large { (high, low) } else { (low, high) }
    };
    let all = |hot: bool| {
        let ends = PRIORS.iter().map(|(key, low, high, _)| (*key, cool(*low, *high, key)));
        ends.map(|(key, (cool, warm))| set((key, if hot { warm } else { cool }))).collect()
    };
    variants.push((Some("coolest".to_owned()), None, all(false)));
    variants.push((Some("hottest".to_owned()), None, all(true)));
    for number in 0..options.draws {
        let drawn = draw(number).into_iter().map(set).collect();
        variants.push((Some(format!("draw {number}")), Some(number), drawn));
    }
    let mut cases = Vec::new();
    for device in &options.devices {
        for load in SustainedLoad::ALL {
            for (name, number, overrides) in &variants {
                cases.push((device.clone(), load, name.clone(), *number, overrides.clone()));
            }
        }
    }
    cases
}

fn play_case(options: &SustainedOptions, case: &Case) -> Result<SustainedRun, InputError> {
    let (device, load, prior, draw, overrides) = case;
    let stream = |name: &str| {
        format!(
            "[[stream]]\nname = \"{name}\"\nmodel = \"{}\"\narrivals = {{ kind = \"back-to-back\" }}\n",
            options.network
        )
    };
    let gpu = if *load == SustainedLoad::CpuAndGpu { stream("gpu") } else { String::new() };
    let executors = if *load == SustainedLoad::CpuAndGpu { "cpu-1large3med+gpu" } else { "cpu-1large3med" };
    let text = format!(
        "schema = 1\nscenario = {{ name = \"sustained\" }}\ndevice = \"{device}\"\nruntime = \"tflite\"\n\
         executors = [\"cpu-1large3med\", \"gpu\"]\nnoise = false\n{}{gpu}[stop]\nuntil = \"{}s\"\n\
         [strategy]\nname = \"fixed\"\nparameters = {{ executors = \"{executors}\" }}\n\
         [dynamics]\n[dynamics.thermal]\n",
        stream("cpu"),
        options.seconds,
    );
    let fault = |message: String| InputError::from(Diagnostic::new("reproduce::sustained", message));
    let spec = scenario_text(&SourceText::new("sustained", text), Path::new(""), &[])?.value;
    let mut assembled = assemble(&spec, overrides, &[], None).map_err(|error| fault(error.to_string()))?;
    let strategy = &mut *assembled.strategy;
    let prepared = prepare(&assembled.problem, strategy).map_err(|error| fault(error.to_string()))?;
    let outcome =
        play(&assembled.problem, &prepared, strategy, &mut ()).map_err(|error| fault(error.to_string()))?;
    let seconds = f64::from(options.seconds);
    // Requests follow each other, so that their latencies add up to their times.
    let (mut now, mut early, mut late) = (0.0, 0.0, 0.0);
    for (_, latency) in outcome.streams.iter().take(1).flat_map(|stream| &stream.latencies) {
        let (start, end) = (now, now + latency.seconds());
        let within = |from: f64, to: f64| (end.min(to) - start.max(from)).max(0.0) / (end - start).max(1e-12);
        early += within(0.0, 5.0);
        late += within(0.9 * seconds, seconds);
        now = end;
    }
    let temperatures = outcome.dynamics.as_ref().map(|dynamics| &dynamics.temperatures);
    Ok(SustainedRun {
        device: device.clone(),
        load: *load,
        prior: prior.clone(),
        draw: *draw,
        kept: (late / (0.1 * seconds)) / (early / 5.0_f64).max(1e-12),
        skin_celsius: temperatures.and_then(|all| all.last()).map_or(f64::NAN, |skin| skin.0),
    })
}

/// Plays all devices, loads and priors; `tell` hears of each run.
///
/// # Errors
/// Unknown devices or networks, and devices without a body or with other cores.
pub fn sustained(
    options: &SustainedOptions,
    tell: &(dyn Fn() + Sync),
) -> Result<SustainedReport, InputError> {
    for device in &options.devices {
        Library.device(device, &[])?;
    }
    crate::config::model_file::load_model(&options.network, &[])?;
    let cases = cases(options);
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Result<SustainedRun, InputError>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < cases.len())
                {
                    let run = play_case(options, &cases[number]);
                    if let Ok(mut found) = found.lock() {
                        found.push((number, run));
                    }
                    tell();
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(number, _)| *number);
    let runs: Vec<SustainedRun> = found.into_iter().map(|(_, run)| run).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for device in &options.devices {
        for load in SustainedLoad::ALL {
            let own = || runs.iter().filter(|run| run.device == *device && run.load == load);
            let (least, most) =
                own().fold((f64::INFINITY, 0.0f64), |(l, m), run| (l.min(run.kept), m.max(run.kept)));
            let drawn = drawn(&runs, device, load);
            let at = |p: f64| quantile(&drawn, p);
            let published = PUBLISHED.iter().find(|(of, ..)| of == device).map(|(_, l, m)| [*l, *m]);
            rows.push(SustainedRow {
                device: device.clone(),
                load,
                kept: own().find(|run| run.prior.is_none()).map_or(f64::NAN, |run| run.kept),
                median: at(0.5),
                central: at(0.05).zip(at(0.95)).map(|(low, high)| [low, high]),
                least,
                most,
                inside: published.map(|[low, high]| least <= high && most >= low),
                inside_central: published
                    .zip(at(0.05).zip(at(0.95)))
                    .map(|([low, high], (least, most))| least <= high && most >= low),
                published,
            });
        }
    }
    let order = order(options, &runs);
    let mut assumptions = vec![
        format!(
            "{} back to back on prime and three gold cores, alone or with the same on the GPU",
            options.network
        ),
        "schedutil, step_wise at 90 degC of the die, vendor tables where public".to_owned(),
        "published: physics test of 3DMark after and between graphics tests (AnandTech 14794)".to_owned(),
    ];
    assumptions.extend(PRIORS.iter().map(|(key, low, high, why)| format!("{key}: {low} to {high} ({why})")));
    assumptions.push(super::sustained_priors::JOINT.to_owned());
    Ok(SustainedReport { rows, order, runs, assumptions })
}

/// Shares that a device keeps over the draws, ascending.
fn drawn(runs: &[SustainedRun], device: &str, load: SustainedLoad) -> Vec<f64> {
    let own = runs.iter().filter(|run| run.device == device && run.load == load && run.draw.is_some());
    let mut kept: Vec<f64> = own.map(|run| run.kept).collect();
    kept.sort_by(f64::total_cmp);
    kept
}

/// How often each device keeps less than the next one under the same draw.
fn order(options: &SustainedOptions, runs: &[SustainedRun]) -> Vec<SustainedOrder> {
    let of = |device: &str, load, draw| {
        runs.iter().find(|run| run.device == device && run.load == load && run.draw == Some(draw))
    };
    let mut order = Vec::new();
    for pair in options.devices.windows(2).filter(|_| options.draws > 0) {
        for load in SustainedLoad::ALL {
            let less = (0..options.draws)
                .filter(|draw| match (of(&pair[0], load, *draw), of(&pair[1], load, *draw)) {
                    (Some(first), Some(second)) => first.kept < second.kept,
                    _ => false,
                })
                .count();
            order.push(SustainedOrder {
                load,
                first: pair[0].clone(),
                second: pair[1].clone(),
                first_keeps_less: less as f64 / f64::from(options.draws),
            });
        }
    }
    order
}
