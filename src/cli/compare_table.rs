//! A comparison, for people.

use crate::diagnostics::printable;
use crate::experiment::compare::{Comparison, ComparisonRow, Estimate, SettingComparison};
use crate::record::FailureSigns;
use std::fmt::Write;

/// Replications below which a note warns of stars.
const FEW: u32 = 5;

/// Pairs that a line names at most.
const PAIRS: usize = 6;

/// Renders a comparison. Writing to a string cannot fail, so results of `writeln!` are dropped.
pub(super) fn table(comparison: &Comparison) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} cases, {} replications each with the same seeds from {}\n",
        comparison.rows.len(),
        comparison.replications,
        comparison.seed
    );
    let deadlines = comparison.rows.iter().any(|row| row.deadline_judged.is_some());
    let frames = comparison.rows.iter().any(|row| row.frames_missed.is_some_and(|missed| missed > 0.0));
    for setting in &comparison.settings {
        let key = [&setting.network, &setting.device, &setting.runtime, &setting.condition];
        let name: Vec<&str> = key.iter().map(|s| s.as_str()).filter(|s| !s.is_empty()).collect();
        let _ = writeln!(text, "{}", printable(&name.join(", ")));
        let head = format!(
            "  {:<40} {:>4} {:>20} {:>9} {:>9} {:>18} {:>11} {:>8}{}{} {:>9} {:>9}",
            "",
            "rank",
            "latency (ms)",
            "p99",
            "speed-up",
            "energy (mJ)",
            "mJ x ms",
            "dropped",
            if deadlines { format!(" {:>16}", "late (of)") } else { String::new() },
            if frames { format!(" {:>8}", "frames") } else { String::new() },
            "peak MiB",
            "belief %"
        );
        let _ = writeln!(text, "{head}");
        let mut members: Vec<_> =
            comparison.rows.iter().filter(|row| row.key.setting() == key.map(String::as_str)).collect();
        members.sort_by_key(|row| row.rank.unwrap_or(u32::MAX));
        for row in &members {
            line(&mut text, row, deadlines, frames);
        }
        if let Some(pairs) = tied(setting) {
            let _ = writeln!(text, "  not to be told apart: {pairs}");
        }
        let _ = writeln!(text);
        signs(&mut text, members);
    }
    let _ = writeln!(
        text,
        "* the fastest, or not to be told apart from it (paired t-tests, Holm, 5 %); ^ on the front of latency and energy"
    );
    if comparison.replications < FEW {
        let _ = writeln!(
            text,
            "{} replications tell apart little where runs vary: a star may stand beside a much slower case; --replications {FEW} or more help",
            comparison.replications
        );
    }
    if deadlines {
        let _ = writeln!(
            text,
            "late: requests behind their deadline, lost or overdue at the end, of those judged, means over replications"
        );
    }
    if frames {
        let _ = writeln!(
            text,
            "frames: refreshes of the display that competing render loads missed, mean over replications"
        );
    }
    let _ = writeln!(
        text,
        "\n{:<42} {:>9} {:>6} {:>10} {:>14} {:>15}",
        "over all settings", "settings", "wins", "mean rank", "mean slowdown", "worst slowdown"
    );
    for s in &comparison.standings {
        let _ = writeln!(
            text,
            "{:<42} {:>9} {:>6} {:>10.2} {:>13.3}x {:>14.3}x",
            s.alternative, s.settings, s.wins, s.mean_rank, s.mean_slowdown, s.worst_slowdown
        );
    }
    text
}

/// Signs of what goes wrong, where clocks, heat or competing work change during the run.
fn signs(text: &mut String, rows: Vec<&ComparisonRow>) {
    if rows.iter().all(|row| row.signs.is_none()) {
        return;
    }
    let _ = writeln!(
        text,
        "  {:<40} {:>17} {:>11} {:>10} {:>12} {:>9}",
        "signs", "refreshes missed", "hand-overs", "held up", "suspended", "belief"
    );
    let percent = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.1} %"));
    for row in rows {
        let Some(s) = &row.signs else { continue };
        let _ = writeln!(
            text,
            "  {:<40} {:>17} {:>11.1} {:>10} {:>12} {:>9}",
            row.key.alternative(),
            percent(s.refreshes_missed_percent),
            s.hand_overs,
            percent(Some(s.held_up_percent)),
            percent(Some(s.suspended_percent)),
            percent(s.prediction_error_percent)
        );
    }
    let _ = writeln!(text, "  {}\n", FailureSigns::MEANING);
}

fn line(text: &mut String, row: &ComparisonRow, deadlines: bool, frames: bool) {
    let name = row.key.alternative();
    if let Some(failure) = &row.failure {
        let _ = writeln!(text, "  {name:<40}    - {failure}");
        return;
    }
    let mark = match (row.winner, row.pareto) {
        (true, true) => "*^",
        (true, false) => "* ",
        (false, true) => " ^",
        (false, false) => "  ",
    };
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"));
    let late = match (row.deadline_missed, row.deadline_judged, row.deadline_miss_ratio) {
        (Some(missed), Some(judged), Some(ratio)) => {
            format!("{missed:.1} ({judged:.0}) {:.0} %", 100.0 * ratio)
        }
        _ => "-".to_owned(),
    };
    let _ = writeln!(
        text,
        "{mark}{name:<40} {:>4} {:>20} {:>9} {:>9} {:>18} {:>11} {:>8}{}{} {:>9} {:>9}",
        row.rank.map_or_else(|| "-".to_owned(), |r| r.to_string()),
        interval(row.latency_ms, 3),
        number(row.p99_ms.map(|e| e.mean), 3),
        row.speedup_over_single.map_or_else(|| "-".to_owned(), |s| format!("{s:.2}x")),
        interval(row.energy_per_inference_mj, 1),
        number(row.energy_delay_mj_ms, 0),
        number(row.dropped, 1),
        if deadlines { format!(" {late:>16}") } else { String::new() },
        if frames { format!(" {:>8}", number(row.frames_missed, 1)) } else { String::new() },
        number(row.peak_memory_bytes.map(|bytes| bytes as f64 / 1_048_576.0), 1),
        number(row.prediction_error_percent, 1),
    );
}

/// Pairs whose difference may be chance, those with marks of the fastest aside.
fn tied(setting: &SettingComparison) -> Option<String> {
    let shown = |name: &String| setting.winners.contains(name);
    let pairs: Vec<String> = setting
        .pairs
        .iter()
        .filter(|pair| !pair.differs)
        .filter(|pair| !shown(&pair.faster) || !shown(&pair.slower))
        .map(|pair| format!("{} = {}", pair.faster, pair.slower))
        .collect();
    let more = pairs.len().saturating_sub(PAIRS);
    let named = pairs.iter().take(PAIRS).cloned().collect::<Vec<_>>().join("; ");
    (!pairs.is_empty())
        .then(|| if more > 0 { format!("{named}; and {more} more (--format json)") } else { named })
}

fn interval(estimate: Option<Estimate>, digits: usize) -> String {
    match estimate {
        None => "-".to_owned(),
        Some(Estimate { mean, half_width: None }) => format!("{mean:.digits$}"),
        Some(Estimate { mean, half_width: Some(half) }) => format!("{mean:.digits$} +-{half:.digits$}"),
    }
}
