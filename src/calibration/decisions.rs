//! Whether predictions choose well: which alternative is fastest, network by network.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tables::GroupKey;
use crate::statistics::kendall_tau_b;

/// Predictions and measurements of a group, by network.
pub type Pairs = BTreeMap<String, (f64, f64)>;

/// How good choices among alternatives are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// What is chosen among, in words.
    pub alternatives: String,
    /// Chip as named by the source.
    pub soc: String,
    /// The alternatives.
    pub names: Vec<String>,
    /// Networks that were measured on all of them.
    pub networks: usize,
    /// Share of networks for which the choice is the fastest measured, per cent.
    pub top1_percent: f64,
    /// The same for the one alternative that is best most often.
    pub constant_choice_percent: f64,
    /// That alternative.
    pub constant_choice: String,
    /// Mean rank correlation of predicted and measured times; absent when a network has no ranking.
    pub kendall_tau_b: Option<f64>,
    /// Mean excess of the chosen alternative's measured time over the fastest, per cent.
    pub mean_regret_percent: f64,
    /// The same for the constant choice.
    pub constant_choice_regret_percent: f64,
}

/// Scores choices; `rows` are networks, each with (predicted, measured) for every name in order. `None` with fewer
/// than two alternatives or without networks.
#[must_use]
pub fn decision(
    alternatives: &str,
    soc: &str,
    names: &[String],
    rows: &[Vec<(f64, f64)>],
) -> Option<Decision> {
    if names.len() < 2 || rows.is_empty() || rows.iter().any(|row| row.len() != names.len()) {
        return None;
    }
    let least = |row: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        (0..row.len()).min_by(|&a, &b| of(&row[a]).total_cmp(&of(&row[b]))).unwrap_or(0)
    };
    let regret =
        |row: &[(f64, f64)], choice: usize| 100.0 * (row[choice].1 / row[least(row, |pair| pair.1)].1 - 1.0);
    let count = rows.len() as f64;
    let hits = rows.iter().filter(|row| least(row, |p| p.0) == least(row, |p| p.1)).count();
    let wins = |choice: usize| rows.iter().filter(|row| least(row, |p| p.1) == choice).count();
    let constant = (0..names.len()).rev().max_by_key(|&choice| wins(choice))?;
    let taus: Vec<f64> = rows
        .iter()
        .filter_map(|row| {
            let (predicted, measured): (Vec<f64>, Vec<f64>) = row.iter().copied().unzip();
            kendall_tau_b(&predicted, &measured)
        })
        .collect();
    Some(Decision {
        alternatives: alternatives.to_owned(),
        soc: soc.to_owned(),
        names: names.to_vec(),
        networks: rows.len(),
        top1_percent: 100.0 * hits as f64 / count,
        constant_choice_percent: 100.0 * wins(constant) as f64 / count,
        constant_choice: names[constant].clone(),
        kendall_tau_b: (!taus.is_empty()).then(|| taus.iter().sum::<f64>() / taus.len() as f64),
        mean_regret_percent: rows.iter().map(|row| regret(row, least(row, |p| p.0))).sum::<f64>() / count,
        constant_choice_regret_percent: rows.iter().map(|row| regret(row, constant)).sum::<f64>() / count,
    })
}

/// Choices among the core sets of one precision, and among the executors of all processors at their own precision.
#[must_use]
pub fn decisions(compared: &[(GroupKey, Pairs)]) -> Vec<Decision> {
    let mut found = Vec::new();
    let mut wholes: BTreeMap<(String, String), Vec<&(GroupKey, Pairs)>> = BTreeMap::new();
    for entry in compared {
        wholes.entry((entry.0.soc.clone(), entry.0.runtime.clone())).or_default().push(entry);
    }
    for ((soc, _), entries) in wholes {
        for precision in ["fp32", "int8"] {
            let sets: Vec<_> = entries
                .iter()
                .filter(|(k, _)| k.processor == "cpu" && k.precision == precision)
                .copied()
                .collect();
            found.extend(choice(&format!("core sets, {precision}"), &soc, &sets));
        }
        let kinds: std::collections::BTreeSet<&str> =
            entries.iter().map(|(k, _)| k.processor.as_str()).collect();
        if kinds.len() > 1 {
            let floating: Vec<_> = entries.iter().filter(|(k, _)| k.precision != "int8").copied().collect();
            found.extend(choice("processors, floating point", &soc, &floating));
        }
    }
    found
}

fn choice(title: &str, soc: &str, entries: &[&(GroupKey, Pairs)]) -> Option<Decision> {
    let names: Vec<String> = entries.iter().map(|(key, _)| key.executor()).collect();
    let first = entries.first()?;
    let rows: Vec<Vec<(f64, f64)>> = first
        .1
        .keys()
        .filter_map(|network| entries.iter().map(|(_, pairs)| pairs.get(network).copied()).collect())
        .collect();
    decision(title, soc, &names, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_scored_against_measurements() {
        let names = ["a".to_owned(), "b".to_owned()];
        // Right, wrong at a price of 50 %, right; `a` is best twice.
        let rows = [vec![(1.0, 1.0), (2.0, 3.0)], vec![(1.0, 3.0), (2.0, 2.0)], vec![(1.0, 2.0), (3.0, 4.0)]];
        let found = decision("core sets", "chip", &names, &rows).unwrap();
        assert!((found.top1_percent - 200.0 / 3.0).abs() < 1e-9);
        assert_eq!(found.constant_choice, "a");
        assert!((found.constant_choice_percent - 200.0 / 3.0).abs() < 1e-9);
        assert!((found.mean_regret_percent - 50.0 / 3.0).abs() < 1e-9);
        assert!((found.kendall_tau_b.unwrap() - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(decision("x", "y", &names[..1], &rows), None);
        assert_eq!(decision("x", "y", &names, &[]), None);
    }
}
