//! The answer of a run as a table for people.

use crate::config::Assembled;
use crate::record::adaptation::AdaptationSummary;
use crate::record::signals::DynamicsSummary;
use crate::record::summary::{LatencySummary, RunSummary};
use crate::units::Bytes;
use std::fmt::Write;

/// Renders a summary. Writing to a string cannot fail, so results of `writeln!` are dropped.
pub(super) fn table(summary: &RunSummary, assembled: &Assembled) -> String {
    let mut text = String::new();
    let on = if summary.soc.is_empty() { String::new() } else { format!(" on {}", summary.soc) };
    let _ = writeln!(
        text,
        "{}{on}: strategy {}, granularity {}, seed {}\n",
        summary.scenario,
        assembled.strategy_spec,
        assembled.problem.granularity.id(),
        summary.seed
    );
    latencies(&mut text, summary);
    chains(&mut text, summary);
    overview(&mut text, summary, assembled);
    resources(&mut text, summary, assembled.machine.is_some());
    text
}

fn latencies(text: &mut String, summary: &RunSummary) {
    let _ = writeln!(
        text,
        "{:<28} {:>7} {:>10} {:>10} {:>10} {:>10} {:>10} {:>12}",
        "latency (ms)", "count", "mean", "median", "p90", "p99", "max", "mean +-95 %"
    );
    let mut row = |name: &str, latency: Option<&LatencySummary>| {
        let Some(l) = latency else { return };
        let width = l.ci95_half_width.map_or_else(|| "-".to_owned(), |w| format!("{w:.3}"));
        let _ = writeln!(
            text,
            "{name:<28} {:>7} {:>10.3} {:>10.3} {:>10.3} {:>10.3} {:>10.3} {width:>12}",
            l.count, l.mean, l.median, l.p90, l.p99, l.max
        );
    };
    for stream in &summary.streams {
        row(&stream.name, stream.latency_ms.as_ref());
        row("  warm-up, not counted", stream.warm_up_latency_ms.as_ref());
    }
    for chain in summary.chains.iter().filter(|chain| chain.stages.len() > 1) {
        row(&format!("{}, end to end", chain.name), chain.latency_ms.as_ref());
        row("  warm-up, not counted", chain.warm_up_latency_ms.as_ref());
    }
    if summary.streams.len() > 1 && summary.chains.len() != 1 {
        row("all streams", summary.latency_ms.as_ref());
    }
    let _ = writeln!(text);
}

/// Deadlines, cold starts and generation.
fn chains(text: &mut String, summary: &RunSummary) {
    let mut line = |name: String, value: String| {
        let _ = writeln!(text, "{name:<28} {value}");
    };
    for chain in &summary.chains {
        let name = &chain.name;
        if let Some(d) = &chain.deadline {
            let share = 100.0 * d.miss_ratio;
            let value = format!(
                "{:.3} ms: {} of {} requests missed it ({share:.1} %)",
                d.deadline_ms, d.missed, d.judged
            );
            line(format!("{name}, deadline"), value);
        }
        if let Some(cold) = &chain.cold_start {
            let mut parts: Vec<String> =
                cold.stages_ms.iter().map(|(stage, ms)| format!("{stage} {ms:.3} ms")).collect();
            parts.extend(cold.first_inference_ms.map(|ms| format!("first inference {ms:.3} ms")));
            parts.extend(cold.total_ms.map(|ms| format!("in all {ms:.3} ms")));
            line(format!("{name}, cold start"), parts.join(", "));
        }
        if let Some(g) = &chain.generation {
            let mean = |latency: &Option<LatencySummary>| {
                latency.as_ref().map_or_else(|| "-".to_owned(), |l| format!("{:.3} ms", l.mean))
            };
            let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}"));
            line(
                format!("{name}, {} + {} tokens", g.prompt_tokens, g.generated_tokens),
                format!(
                    "first token after {}, then {} each; {} tokens/s, prompt {} tokens/s",
                    mean(&g.time_to_first_token_ms),
                    mean(&g.time_per_token_ms),
                    rate(g.tokens_per_s),
                    rate(g.prompt_tokens_per_s),
                ),
            );
        }
    }
}

fn overview(text: &mut String, summary: &RunSummary, assembled: &Assembled) {
    // Plain task graphs have neither powers nor memory traffic; zeros would look like results.
    let modelled = assembled.machine.is_some();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<28} {value}");
    };
    if let Some(speedup) = &summary.speedup_over_best_single {
        line(
            "speed-up over best single",
            format!(
                "{:.2}x (best single: {}, {:.3} ms)",
                speedup.ratio, speedup.executor, speedup.single_latency_ms
            ),
        );
    }
    for error in &summary.model_error {
        line(
            "error against hardware",
            format!(
                "{}: {:.1} % on unseen network families; measured / predicted {:.2} to {:.2} for 90 %",
                error.executor, error.mape_percent, error.interval_low, error.interval_high
            ),
        );
    }
    if summary.model_error.is_empty() && modelled {
        line("error against hardware", "not validated: these executors run on assumed numbers".to_owned());
    }
    if let Some(throughput) = summary.throughput_per_s {
        line("throughput", format!("{throughput:.2} requests/s"));
    }
    let each =
        summary.energy_per_inference_mj.map_or_else(String::new, |e| format!(" ({e:.2} mJ per request)"));
    if modelled {
        line(
            "energy",
            format!("{:.1} mJ{each}, {:.3} W on average", summary.energy_mj, summary.average_power_w),
        );
    }
    if let Some(fallback) = &summary.fallback {
        line(
            "fallback",
            format!(
                "{:.1} % of operators, {:.1} % of MACs{}",
                100.0 * fallback.ratio_operators,
                100.0 * fallback.ratio_macs,
                fallback.kept_off_by_memory.map_or_else(String::new, |n| format!(
                    "; {n} operators kept off by memory not among them"
                ))
            ),
        );
    }
    let t = &summary.transfers;
    line(
        "transfers",
        format!(
            "{} of {} in all, {:.3} ms under way, {:.3} ms converting",
            t.count,
            Bytes(t.bytes),
            t.time_ms,
            t.conversion_ms
        ),
    );
    if let Some(peak) = summary.peak_memory_bytes {
        line("peak memory", Bytes(peak as f64).to_string());
    }
    if let Some(memory) = &summary.memory {
        super::summary_memory::lines(memory, &mut line);
    }
    if modelled {
        line(
            "DRAM bandwidth",
            format!(
                "{:.2} GB/s on average, {:.2} at most",
                summary.bandwidth.average_gb_per_s, summary.bandwidth.peak_gb_per_s
            ),
        );
    }
    if let Some(adaptation) = &summary.adaptation {
        line("adaptation", adapted(adaptation));
    }
    if let Some(error) = &summary.prediction_error {
        line(
            "belief against reality",
            format!("{:.1} % off on average, bias {:+.1} %", error.mape_percent, error.bias_percent),
        );
    }
    let r = &summary.requests;
    line(
        "requests",
        format!(
            "{} arrived, {} complete, {} dropped, {} unfinished",
            r.arrived, r.completed, r.dropped, r.in_flight
        ),
    );
    line("simulated time", format!("{:.3} ms", summary.simulated_ms));
    for note in &summary.strategy_notes {
        line("strategy", note.clone());
    }
    let _ = writeln!(text);
}

fn resources(text: &mut String, summary: &RunSummary, modelled: bool) {
    let _ = writeln!(
        text,
        "{:<16} {:>8} {:>10} {:>9} {:>10} {:>8} {:>12}",
        "resource", "busy %", "overhead %", "blocked %", "suspended %", "idle %", "energy (mJ)"
    );
    let total = summary.simulated_ms;
    let percent = |part: f64| if total > 0.0 { 100.0 * part / total } else { 0.0 };
    for r in &summary.resources {
        let _ = writeln!(
            text,
            "{:<16} {:>8.1} {:>10.1} {:>9.1} {:>10.1} {:>8.1} {:>12.2}",
            r.name,
            percent(r.busy_ms),
            percent(r.overhead_ms),
            percent(r.blocked_ms),
            percent(r.suspended_ms),
            percent(r.idle_ms),
            r.energy_mj
        );
    }
    if modelled {
        for (name, energy) in
            [("rest of the device", summary.energy_rest_mj.base), ("DRAM", summary.energy_rest_mj.dram)]
        {
            let _ = writeln!(text, "{name:<20} {energy:>58.2}");
        }
    }
    if let Some(dynamics) = &summary.dynamics {
        let name = "clusters and leakage";
        let _ = writeln!(text, "{name:<20} {:>58.2}", dynamics.shared_energy_mj);
        self::dynamics(text, dynamics);
    }
}

fn dynamics(text: &mut String, dynamics: &DynamicsSummary) {
    let _ = writeln!(text);
    for c in &dynamics.clocks {
        let _ = writeln!(
            text,
            "{:<28} {:.0} MHz on average, {:.0} to {:.0}, {} changes",
            format!("clock of {}", c.name),
            c.mean_mhz,
            c.least_mhz,
            c.most_mhz,
            c.changes
        );
    }
    for t in &dynamics.temperatures {
        let _ = writeln!(
            text,
            "{:<28} {:.1} degC at the end, {:.1} at most",
            format!("temperature of {}", t.name),
            t.end_celsius,
            t.highest_read_celsius.max(t.end_celsius)
        );
    }
    if let Some(caches) = &dynamics.caches {
        for r in &caches.resources {
            let shares: Vec<String> =
                r.shares.iter().map(|(level, share)| format!("{level} {:.1} %", share * 100.0)).collect();
            let name = format!("bytes of {}", r.name);
            let _ = writeln!(text, "{name:<28} {}, from {}", Bytes(r.bytes), shares.join(", "));
        }
        if caches.extra_bytes > 0.0 {
            let name = "lost to others in caches";
            let _ = writeln!(text, "{name:<28} {}", Bytes(caches.extra_bytes));
        }
    }
    for i in &dynamics.idle {
        let states: Vec<String> =
            i.states.iter().filter(|s| s.ms > 0.0).map(|s| format!("{} {:.1} ms", s.name, s.ms)).collect();
        let _ = writeln!(
            text,
            "{:<28} {} wake-ups in {:.1} ms; {}",
            format!("sleep of {}", i.name),
            i.wake_ups,
            i.waking_ms,
            states.join(", ")
        );
    }
    for b in &dynamics.background {
        let missed = if b.missed > 0 { format!(", {} refreshes missed", b.missed) } else { String::new() };
        let _ = writeln!(
            text,
            "{:<28} ran {:.1} ms, {} completed{missed}, {}",
            format!("competing {}", b.name),
            b.busy_ms,
            b.completed,
            Bytes(b.bytes)
        );
    }
}

/// One line on what a strategy adapted.
fn adapted(adaptation: &AdaptationSummary) -> String {
    let levels: Vec<String> = adaptation
        .by_level
        .iter()
        .filter(|level| level.requests > 0)
        .map(|level| {
            let mean = level.mean_service_ms.unwrap_or_default();
            format!("{} requests of {} at {}, {mean:.2} ms each", level.requests, level.stream, level.level)
        })
        .collect();
    format!(
        "planned again {} times, changed {} times, {} probes ({} confirmed), {:.2} ms of planning; {}",
        adaptation.replans,
        adaptation.switches,
        adaptation.probes,
        adaptation.confirmed,
        adaptation.planning_ms,
        levels.join("; ")
    )
}
