//! Signs of what goes wrong, under the table of a comparison.

use crate::experiment::compare::ComparisonRow;
use crate::record::FailureSigns;
use std::fmt::Write;

/// A line for each row of a setting whose clocks, heat or competing work change during the run. Writing to a string cannot fail, so results of `writeln!` are
/// dropped.
pub(super) fn signs(text: &mut String, rows: &[&ComparisonRow]) {
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
