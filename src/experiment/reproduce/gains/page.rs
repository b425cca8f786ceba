//! The page about published gains, written from the simulation itself.

use super::claims::{Gain, Workload};
use super::report::{ClaimReport, GainsOptions, GainsReport, gains};
use crate::experiment::reproduce::ReproduceError;
use std::fmt::Write;

const ABOUT: &str = include_str!("page.md");

/// The page, Markdown: the rules, a line for each claim, and its cells. Writing to a string cannot fail, so results of `writeln!` are dropped.
///
/// # Errors
/// [`ReproduceError`].
pub fn gains_page(jobs: usize) -> Result<String, ReproduceError> {
    let report = gains(&GainsOptions { only: Vec::new(), jobs }, &|| ())?;
    let mut text = ABOUT.to_owned();
    summary(&mut text, &report);
    for claim in &report.claims {
        text.push_str(&claim_section(claim, true));
    }
    for claim in &report.afterwards {
        text.push_str(&claim_section(claim, false));
    }
    Ok(text)
}

/// The page's section about one claim; `counts` tells claims from what was tried afterwards.
#[must_use]
pub fn claim_section(report: &ClaimReport, counts: bool) -> String {
    let mut text = String::new();
    section(&mut text, report, counts.then(|| report.verdict.words()));
    text
}

/// A published gain in words.
#[must_use]
pub fn published(gain: Gain) -> String {
    match gain {
        Gain::Mean(gain) => format!("{gain:.2} on average"),
        Gain::UpTo(gain) => format!("up to {gain:.2}"),
        Gain::Between(least, most) => format!("{least:.0} to {most:.0}"),
    }
}

/// A gain, or a dash.
#[must_use]
pub fn number(gain: Option<f64>) -> String {
    gain.map_or_else(|| "-".to_owned(), |gain| format!("{gain:.2}"))
}

fn summary(text: &mut String, report: &GainsReport) {
    let _ = writeln!(
        text,
        "\n## Summary\n\n| claim | strategy | published | expected | simulated | over the worst | ceiling | if free | verdict |\n|---|---|---|---|---|---|---|---|---|"
    );
    for claim in &report.claims {
        let [low, high] = claim.expected;
        line(text, claim, &format!("{low:.2} to {high:.2}"), claim.verdict.words());
    }
    let _ = writeln!(text, "\nChanges of claims after the first run: {}", changes(report.changes));
    let _ = writeln!(
        text,
        "\nTried after the first run, to explain it; no verdict:\n\n| what | strategy | published | simulated | over the worst | ceiling | if free |\n|---|---|---|---|---|---|---|"
    );
    for claim in &report.afterwards {
        line(text, claim, "", "");
    }
}

/// A line of a summary; expectation and verdict only for claims that have one.
fn line(text: &mut String, claim: &ClaimReport, expected: &str, verdict: &str) {
    let column = |words: &str| if words.is_empty() { String::new() } else { format!(" {words} |") };
    let _ = writeln!(
        text,
        "| [{0}](#{0}) | `{1}` | {2} |{3} {4} | {5} | {6} | {7} |{8}",
        claim.claim.id,
        claim.strategy.unwrap_or("-"),
        published(claim.claim.published),
        column(expected),
        number(claim.simulated),
        number(claim.over_worst),
        number(claim.ceiling),
        number(claim.gain_if_free),
        column(verdict)
    );
}

fn changes(changes: &[&str]) -> String {
    if changes.is_empty() {
        return "none.".to_owned();
    }
    changes.iter().map(|change| format!("\n- {change}")).collect()
}

fn arrivals(workload: Workload) -> String {
    match workload {
        Workload::Frames { frames, in_flight } => {
            format!("{frames} frames that are there at the start, up to {in_flight} in progress")
        }
        Workload::Rounds { rounds } => {
            format!("{rounds} requests of every network, back to back, one of each in progress")
        }
        Workload::Deadlines { requests, slack, seeds, .. } => format!(
            "{requests} Poisson requests of every network, deadlines {slack} times the network's own least time, {seeds} runs"
        ),
        Workload::Single => "one request, alone".to_owned(),
        Workload::Stretched { processors } => {
            format!(
                "one request, alone, of the network as rebuilt for {processors}; baselines run it as it was"
            )
        }
    }
}

fn section(text: &mut String, report: &ClaimReport, verdict: Option<&str>) {
    let claim = &report.claim;
    let place = claim.place;
    let _ = writeln!(
        text,
        "\n## {}\n{}.\n\n{}, {}; {}; {}. **{}**: {}.",
        claim.id,
        claim.source,
        place.device.unwrap_or(place.soc),
        place.runtime,
        arrivals(claim.workload),
        report.metric,
        verdict.unwrap_or("Tried afterwards"),
        report.why
    );
    if report.variants.len() > 1 {
        let all: Vec<String> =
            report.variants.iter().map(|(name, gain)| format!("`{name}` {gain:.2}")).collect();
        let _ = writeln!(text, "Variants: {}.", all.join(", "));
    }
    let load = report.cells.iter().any(|cell| cell.load.is_some());
    let head = if load { " load |" } else { "" };
    let rule = if load { "---|" } else { "" };
    let _ = writeln!(
        text,
        "\n| networks |{head} baselines | gain | ceiling | if free | busy | blocked | idle |\n|---|{rule}---|---|---|---|---|---|---|"
    );
    let best = report.variants.iter().position(|(name, _)| Some(*name) == report.strategy).unwrap_or(0);
    for cell in &report.cells {
        let baselines: Vec<String> = cell
            .baselines
            .iter()
            .enumerate()
            .map(|(at, baseline)| {
                let name = baseline.executors.join("+");
                let mark = if at == cell.against { "**" } else { "" };
                format!("{mark}{name} {:.3}{mark}", baseline.value)
            })
            .collect();
        let load = cell.load.map_or_else(String::new, |load| format!(" {load} |"));
        let _ = write!(text, "| {} |{load} {} |", cell.networks.join(", "), baselines.join(", "));
        let _ = match cell.variants.get(best) {
            Some(v) => writeln!(
                text,
                " {:.2} | {:.2} | {} | {:.0} % | {:.0} % | {:.0} % |",
                v.gain,
                cell.ceiling,
                number(v.gain_if_free),
                100.0 * v.shares.busy,
                100.0 * v.shares.blocked,
                100.0 * v.shares.idle
            ),
            None => {
                writeln!(text, " left out: {} | | | | | |", cell.left_out.as_deref().unwrap_or("not played"))
            }
        };
    }
}
