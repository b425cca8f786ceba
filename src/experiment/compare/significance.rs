//! Which alternatives of one setting differ.

use super::cases::Replicated;
use crate::statistics::{holm, paired_interval, paired_p_value};
use serde::Serialize;

/// Level of all tests of a setting together.
pub(super) const LEVEL: f64 = 0.05;

/// Two alternatives of one setting under common random numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairedDifference {
    /// The faster one.
    pub faster: String,
    /// The slower one.
    pub slower: String,
    /// Mean latency of the slower minus that of the faster.
    pub difference_ms: f64,
    /// 95 % interval of the mean of the paired differences; `None` for fewer than two replications.
    pub low_ms: Option<f64>,
    /// Its upper end.
    pub high_ms: Option<f64>,
    /// p-value of the paired t-test after Holm's correction for all pairs of the setting.
    pub p_holm: Option<f64>,
    /// Whether the difference is real: `p_holm` below 0.05; with one replication, whether the two differ at all.
    pub differs: bool,
}

/// One setting: who wins, and who cannot be told apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingComparison {
    /// Network, device, runtime, condition.
    pub network: String,
    #[expect(missing_docs, reason = "the names say it")]
    pub device: String,
    #[expect(missing_docs, reason = "the names say it")]
    pub runtime: String,
    #[expect(missing_docs, reason = "the names say it")]
    pub condition: String,
    /// Alternatives from the fastest to the slowest.
    pub order: Vec<String>,
    /// The fastest, and every alternative that cannot be told apart from it.
    pub winners: Vec<String>,
    /// All pairs, in the order of `order`.
    pub pairs: Vec<PairedDifference>,
}

/// Mean latencies of the replications of a case.
pub(super) fn latencies(result: &Replicated) -> Option<Vec<f64>> {
    let summaries = result.as_ref().ok()?;
    summaries.iter().map(|summary| summary.latency_ms.as_ref().map(|l| l.mean)).collect()
}

/// Compares the alternatives of one setting; `alternatives` are name and mean latency of each replication.
pub(super) fn compare_setting(
    setting: [&str; 4],
    mut alternatives: Vec<(String, Vec<f64>)>,
) -> SettingComparison {
    let mean = |sample: &[f64]| sample.iter().sum::<f64>() / sample.len().max(1) as f64;
    alternatives.sort_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)).then(a.0.cmp(&b.0)));
    let mut pairs = Vec::new();
    for (i, (faster, a)) in alternatives.iter().enumerate() {
        for (slower, b) in &alternatives[i + 1..] {
            let interval = paired_interval(b, a, 1.0 - LEVEL);
            pairs.push(PairedDifference {
                faster: faster.clone(),
                slower: slower.clone(),
                difference_ms: mean(b) - mean(a),
                low_ms: interval.map(|i| i.low),
                high_ms: interval.map(|i| i.high),
                p_holm: paired_p_value(a, b),
                differs: mean(b) > mean(a),
            });
        }
    }
    let raw: Vec<f64> = pairs.iter().filter_map(|pair| pair.p_holm).collect();
    if raw.len() == pairs.len() {
        for (pair, p) in pairs.iter_mut().zip(holm(&raw)) {
            pair.p_holm = Some(p);
            pair.differs = p < LEVEL;
        }
    }
    let best = alternatives.first().map(|(name, _)| name.clone());
    let tied = |name: &&String| {
        pairs.iter().any(|pair| Some(&pair.faster) == best.as_ref() && pair.slower == **name && !pair.differs)
    };
    let order: Vec<String> = alternatives.into_iter().map(|(name, _)| name).collect();
    let winners = best.iter().chain(order.iter().filter(tied)).cloned().collect();
    let [network, device, runtime, condition] = setting.map(str::to_owned);
    SettingComparison { network, device, runtime, condition, order, winners, pairs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_random_numbers_tell_close_alternatives_apart() {
        // The replications vary by a factor of two, the alternatives by one per cent.
        let base = [10.0, 20.0, 15.0, 12.0, 18.0];
        let alternatives = vec![
            ("slow".to_owned(), base.map(|x| x * 1.01 + 0.1).to_vec()),
            ("fast".to_owned(), base.to_vec()),
            ("twin".to_owned(), base.iter().zip([0.1, -0.1, 0.1, -0.1, 0.02]).map(|(x, e)| x + e).collect()),
        ];
        let found = compare_setting(["n", "d", "r", ""], alternatives);
        assert_eq!(found.order, ["fast", "twin", "slow"]);
        assert_eq!(found.winners, ["fast", "twin"]);
        let pair = found.pairs.iter().find(|p| p.faster == "fast" && p.slower == "slow").unwrap();
        assert!(pair.differs && pair.low_ms.unwrap() > 0.0);
    }

    #[test]
    fn one_replication_has_no_interval_and_equal_ones_are_tied() {
        let alternatives = ["a", "b", "c"].iter().zip([1.0, 1.0, 2.0]);
        let found = compare_setting(
            ["n", "d", "r", ""],
            alternatives.map(|(name, latency)| ((*name).to_owned(), vec![latency])).collect(),
        );
        assert_eq!(found.winners, ["a", "b"]);
        assert!(found.pairs.iter().all(|pair| pair.p_holm.is_none() && pair.low_ms.is_none()));
    }
}
