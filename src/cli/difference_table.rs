//! The difference of two runs, for people.

use crate::diagnostics::printable;
use crate::experiment::{CauseDifference, Difference, OperatorDifference, Side};
use std::fmt::Write;

/// Width of the column of names.
const NAME: usize = 52;

/// Renders a difference with its `rows` largest operators. Writing to a string cannot fail, so results of `writeln!` are dropped.
pub(super) fn table(difference: &Difference, rows: usize) -> String {
    let mut text = String::new();
    let (a, b) = (&difference.a, &difference.b);
    let per_request = |ps: i128| ps as f64 / 1e9 / difference.requests.len().max(1) as f64;
    let requests = match difference.requests.as_slice() {
        [one] => format!("request {one}"),
        all => format!("mean of {} requests that finish in both runs", all.len()),
    };
    let _ = writeln!(text, "{:<14} {:<44} B", "", "A");
    for (what, one, other) in setups(a, b) {
        let _ = writeln!(text, "{what:<14} {:<44} {}", printable(&one), printable(&other));
    }
    let (latency_a, latency_b) = (per_request(a.latency_ps), per_request(b.latency_ps));
    let _ = writeln!(
        text,
        "{:<14} {:<44} {latency_b:.3} ms ({requests})",
        "latency",
        format!("{latency_a:.3} ms")
    );
    let verdict = match (latency_a, latency_b) {
        (x, y) if difference.difference_ps > 0 && y > 0.0 => format!("B is {:.2} times as fast", x / y),
        (x, y) if difference.difference_ps < 0 && x > 0.0 => format!("A is {:.2} times as fast", y / x),
        _ => "they are the same".to_owned(),
    };
    let _ = writeln!(text, "{:<14} {:+.3} ms: {verdict}\n", "A - B", difference.mean_difference_ms);
    let _ = writeln!(
        text,
        "{:<46} {:>10} {:>10} {:>10}",
        "where the difference comes from (ms)", "A", "B", "A - B"
    );
    let line = |text: &mut String, what: &str, a: i128, b: i128, difference: i128| {
        let (a, b, difference) = (per_request(a), per_request(b), per_request(difference));
        let _ = writeln!(text, "{what:<46} {a:>10.3} {b:>10.3} {difference:>+10.3}");
    };
    for cause in &difference.causes {
        line(&mut text, cause.cause.words(), cause.a_ps, cause.b_ps, cause.difference_ps);
    }
    line(&mut text, "all", a.latency_ps, b.latency_ps, difference.difference_ps);
    let _ = writeln!(
        text,
        "\n{:>9} {:>9} {:>9}  {:<18} {:<18} {:<52} mostly",
        "A", "B", "A - B", "on in A", "on in B", "operator (ms)"
    );
    let differ = difference.operators.iter().take_while(|row| !row.is_even());
    let shown = differ.take(rows);
    for row in shown.clone() {
        let _ = writeln!(
            text,
            "{:>9.3} {:>9.3} {:>+9.3}  {:<18} {:<18} {:<52} {}",
            per_request(row.a_ps),
            per_request(row.b_ps),
            per_request(row.difference_ps),
            places(&row.executors_a),
            places(&row.executors_b),
            name(row),
            mostly(&row.causes, &per_request)
        );
    }
    let rest = difference.operators.get(shown.count()..).unwrap_or_default();
    if !rest.is_empty() {
        let sum = |of: fn(&OperatorDifference) -> i128| per_request(rest.iter().map(of).sum());
        let _ = writeln!(
            text,
            "{:>9.3} {:>9.3} {:>+9.3}  {:<18} {:<18} {} {}",
            sum(|row| row.a_ps),
            sum(|row| row.b_ps),
            sum(|row| row.difference_ps),
            "",
            "",
            rest.len(),
            if rest.iter().all(OperatorDifference::is_even) {
                "others, which do not differ"
            } else {
                "more (--rows, --format json)"
            }
        );
    }
    let _ = writeln!(text, "\nHow this is counted: {}.", difference.definition);
    text
}

/// What the runs were, as far as they differ, and their strategies.
fn setups(a: &Side, b: &Side) -> Vec<(&'static str, String, String)> {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let all = [
        ("scenario", a.scenario.clone(), b.scenario.clone()),
        ("stream", a.stream.clone(), b.stream.clone()),
        ("SoC", a.soc.clone(), b.soc.clone()),
        ("device", or_none(&a.device), or_none(&b.device)),
        ("runtime", or_none(&a.runtime), or_none(&b.runtime)),
        ("executors", a.executors.join(", "), b.executors.join(", ")),
        ("condition", or_none(&a.condition), or_none(&b.condition)),
        ("strategy", a.strategy.clone(), b.strategy.clone()),
        ("granularity", a.granularity.clone(), b.granularity.clone()),
        ("predictor", a.predictor.clone(), b.predictor.clone()),
        ("seed", a.seed.to_string(), b.seed.to_string()),
    ];
    let named = a.scenario == a.stream && b.scenario == b.stream;
    let all = all.into_iter().filter(move |(what, _, _)| !(named && *what == "scenario"));
    all.filter(|(what, one, other)| one != other || *what == "strategy").collect()
}

fn places(executors: &[String]) -> String {
    if executors.is_empty() { "-".to_owned() } else { printable(&executors.join("+")) }
}

/// Type, name, and how many others stand beside it; what is too long loses the middle of the name, whose ends tell layers apart.
fn name(row: &OperatorDifference) -> String {
    if row.name.is_empty() {
        return "the request as a whole".to_owned();
    }
    let count = row.operators_a.len().max(row.operators_b.len());
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    let head = printable(format!("{} {}", row.op_type, row.name).trim());
    let (length, most) = (head.chars().count(), NAME - more.len());
    if length <= most {
        return format!("{head}{more}");
    }
    let start: String = head.chars().take(most / 3).collect();
    let end: String = head.chars().skip(length - (most - most / 3 - 2)).collect();
    format!("{start}..{end}{more}")
}

/// The largest cause, and the next if it matters.
fn mostly(causes: &[CauseDifference], per_request: &dyn Fn(i128) -> f64) -> String {
    let mut words = Vec::new();
    let largest = causes.first().map_or(0, |cause| cause.difference_ps.unsigned_abs());
    for cause in causes
        .iter()
        .take(2)
        .filter(|c| c.difference_ps != 0 && c.difference_ps.unsigned_abs() * 4 >= largest)
    {
        words.push(format!("{} {:+.3}", cause.cause.words(), per_request(cause.difference_ps)));
    }
    words.join(", ")
}
